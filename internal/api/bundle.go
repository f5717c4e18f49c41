package api

import (
	"bytes"
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
	errTransaction = invalid("transaction-limit", "a transaction becomes one message: it creates elements of one patient's plan and changes or withdraws the caller's own; all else stands alone or in a batch")
	// errTransactionParts: the elements have each a message of their own, and one message changes one.
	errTransactionParts = invalid("transaction-limit", "a transaction becomes one message: what it changes and withdraws must have been written together; take a batch for the rest")
	errOnePatient       = invalid("several-patients", "a transaction is about one patient")
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
	if issues := definitions().Check(n); len(issues) > 0 {
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

var _ Submitter = (*gateway.Gateway)(nil)
