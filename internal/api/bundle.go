package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
)

// MaxEntries is how many entries a transaction or batch may have.
const MaxEntries = 200

// Faults of bundles.
var (
	errBundle      = invalid("bundle-expected", "a Bundle of type transaction or batch is expected here")
	errEntries     = invalid("too-many-entries", "the Bundle has too many entries")
	errEntry       = invalid("bad-entry", "an entry has no request, or one that its resource does not fit")
	errTransaction = invalid("transaction-limit", "a transaction becomes one message: it creates elements of one patient's plan; changes and withdrawals stand alone or in a batch")
	errOnePatient  = invalid("several-patients", "a transaction is about one patient")
)

// bundle answers POST on the base: transaction and batch.
func (c *call) bundle() error {
	n, err := c.parse()
	if err != nil {
		return err
	}
	entries := n.Get("entry").Items()
	switch typ := n.Get("type").Text(); {
	case n.Get("resourceType").Text() != "Bundle" || typ != "transaction" && typ != "batch":
		return errBundle
	case len(entries) > MaxEntries:
		return errEntries
	case typ == "batch":
		return c.batch(entries)
	}
	if issues := c.api.set.Check(n); len(issues) > 0 {
		return &outcomeError{status: http.StatusBadRequest, outcome: issuesOutcome(issues)}
	}
	return c.transaction(entries)
}

// batch runs each entry by itself; one that fails leaves the others alone.
func (c *call) batch(entries []*fhir.Node) error {
	out := fhir.NewArray()
	for _, e := range entries {
		out.Add(c.one(e))
	}
	return c.reply(http.StatusOK, bundleOf("batch-response", -1, nil, out))
}

// capture is a response that is kept.
type capture struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *capture) Header() http.Header { return w.header }

func (w *capture) WriteHeader(status int) { w.status = status }

func (w *capture) Write(b []byte) (int, error) { return w.body.Write(b) }

// one runs one entry of a batch as if it had come alone. Its URL is no URL of a request: it stands in a body.
func (c *call) one(entry *fhir.Node) *fhir.Node {
	w := &capture{header: http.Header{}, status: http.StatusOK}
	request := entry.Get("request")
	path, query, _ := strings.Cut(request.Get("url").Text(), "?")
	inner := &call{api: c.api, w: w, ctx: c.ctx, party: c.party, prefer: c.prefer, strict: c.strict, posted: true}
	inner.r = c.r.Clone(c.ctx)
	inner.r.Method, inner.r.URL = request.Get("method").Text(), &url.URL{Path: "/fhir/" + strings.TrimPrefix(path, "/")}
	inner.r.Header = http.Header{}
	for _, name := range []string{"Authorization", "X-Purpose-Of-Use"} {
		inner.r.Header[name] = c.r.Header[name]
	}
	for key, name := range map[string]string{"ifMatch": "If-Match", "ifNoneMatch": "If-None-Match", "ifNoneExist": "If-None-Exist", "ifModifiedSince": "If-Modified-Since"} {
		if v := request.Get(key).Text(); v != "" {
			inner.r.Header.Set(name, v)
		}
	}
	inner.r.Body = http.NoBody
	if r := entry.Get("resource"); r != nil {
		inner.r.Body = io.NopCloser(bytes.NewReader(r.Bytes()))
		inner.r.Header.Set("Content-Type", mediaJSON)
	}
	if err := c.api.runInner(inner, query); err != nil {
		inner.fail("batch", err)
	}
	response := fhir.NewObject("status", fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), "location", w.header.Get("Location"), "etag", w.header.Get("ETag"))
	out := fhir.NewObject()
	if body, err := fhir.ParseNode(w.body.Bytes()); err == nil {
		if body.Get("resourceType").Text() == "OperationOutcome" {
			response.Set("outcome", body)
		} else {
			out.Set("resource", body)
		}
	}
	out.Set("response", response)
	return out
}

func (a *api) runInner(c *call, query string) error {
	if !c.path(c.r.URL.Path) || c.typ == "" {
		return errNotFound
	}
	if len(query) > MaxQuery {
		return errQueryLong
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return errParameter
	}
	c.query = values
	rt, err := a.find(c, true)
	if err != nil {
		return err
	}
	return rt.run(c)
}

// transaction makes one message of all entries: all of it is taken, or nothing.
func (c *call) transaction(entries []*fhir.Node) error {
	t, err := c.oneTarget(entries)
	if err != nil {
		return err
	}
	defer c.api.lock(t.plan)()
	list := make([]written, len(entries))
	known := map[string]string{}
	for i, e := range entries {
		n := e.Get("resource")
		if typ := n.Get("resourceType").Text(); typ != "Patient" {
			if row := c.api.resources[typ]; row == nil || !row.create || typ == typeSubscription {
				return errEntry
			}
			list[i] = c.name(n, "")
			if full := e.Get("fullUrl").Text(); full != "" {
				known[full] = typ + "/" + list[i].id
			}
		}
	}
	var nodes []*fhir.Node
	for i := range list {
		if list[i].node == nil {
			continue
		}
		if err := recordsOf(list[i].node, t); err != nil {
			return err
		}
		if list[i].typ == "CarePlan" && len(list[i].node.Get("partOf").Items()) == 0 {
			list[i].node.Set("partOf", fhir.NewArray(fhir.NewObject("reference", "CarePlan/"+t.master())))
		}
		c.localise(list[i].node, t, known)
		nodes = append(nodes, list[i].node)
	}
	res, pending, err := c.submit(t, gateway.Write{Resources: nodes})
	if err != nil {
		return err
	}
	if err := c.api.audit(c.ctx, c.party.ID, "create-plan", "Bundle/"+t.plan, t.key); err != nil {
		return err
	}
	if pending {
		return c.pending(res)
	}
	return c.transactionResult(t, list, res)
}

// oneTarget checks the requests of a transaction and finds the one person that all of it is about.
func (c *call) oneTarget(entries []*fhir.Node) (*target, error) {
	if len(entries) == 0 {
		return nil, errEntry
	}
	people := map[string]*fhir.Node{}
	for _, e := range entries {
		n, request := e.Get("resource"), e.Get("request")
		typ := n.Get("resourceType").Text()
		method := request.Get("method").Text()
		path, _, _ := strings.Cut(request.Get("url").Text(), "?")
		switch {
		case request == nil || n == nil:
			return nil, errEntry
		case typ == "Patient": // says who it is about; nothing is made of it
			people[e.Get("fullUrl").Text()] = n
		case method != http.MethodPost || request.Get("ifNoneExist") != nil:
			return nil, errTransaction
		case strings.Trim(path, "/") != typ:
			return nil, errEntry
		}
	}
	var t *target
	for _, e := range entries {
		n := e.Get("resource")
		if n.Get("resourceType").Text() == "Patient" {
			continue
		}
		for _, key := range append(subjectKeys(), "participant") {
			resolvePerson(n.Get(key), people)
		}
		one, err := c.target(n)
		if err != nil {
			return nil, err
		}
		if t != nil && t.key != one.key {
			return nil, errOnePatient
		}
		t = one
	}
	if t == nil {
		return nil, errNeedsPatient
	}
	return t, nil
}

// resolvePerson writes the identifier of a Patient of the Bundle in the place of a reference to its entry.
func resolvePerson(n *fhir.Node, people map[string]*fhir.Node) {
	for _, i := range n.Items() {
		resolvePerson(i.Get("actor"), people)
	}
	p := people[n.Get("reference").Text()]
	if p == nil {
		return
	}
	for _, id := range p.Get("identifier").Items() {
		if fhir.IdentifierOf(id).Value != "" {
			n.Set("reference", nil)
			n.Set("identifier", id)
			n.SetText("type", "Patient")
			return
		}
	}
}

// transactionResult answers with one entry for each of the request, in its order.
func (c *call) transactionResult(t *target, list []written, res gateway.Result) error {
	ch, err := c.openToWrite(t.plan)
	if err != nil && !errors.Is(err, errNotFound) {
		return err
	}
	out := fhir.NewArray()
	for _, w := range list {
		var it *item
		if ch != nil {
			if it = ch.find("Patient/" + t.plan); w.node != nil {
				it = ch.locate(w, res.Key)
			}
		}
		response := fhir.NewObject("status", "201 Created")
		if w.node == nil {
			response.SetText("status", "200 OK")
		}
		entry := fhir.NewObject("response", response)
		if it != nil {
			c.api.stamp(ch, it)
			response.SetText("location", it.Ref()+"/_history/"+it.version)
			response.SetText("etag", weak(it.version))
			response.SetText("lastModified", fhir.Instant(it.updated.UTC()))
			if c.prefer == "representation" {
				entry.Set("resource", it.Resource)
			}
		} else if w.node != nil {
			response.SetText("status", "202 Accepted")
		}
		out.Add(entry)
	}
	return c.reply(http.StatusOK, bundleOf("transaction-response", -1, nil, out))
}

var _ Submitter = (*gateway.Gateway)(nil)
