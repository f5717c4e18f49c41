package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
)

// step is one entry of a transaction.
type step struct {
	method string
	// node is what is written; nil for DELETE. person: it only says who the transaction is about.
	node   *fhir.Node
	person bool
	// typ and id are the element of a PUT or DELETE, match the version that its writer means.
	typ, id, match string
	full           string // fullUrl
	// it is that element as it stands, w what is written.
	it *item
	w  written
}

// isChange tells whether the entry is about an element that is there.
func (s *step) isChange() bool { return s.method == http.MethodPut || s.method == http.MethodDelete }

// transaction makes one message of all entries: all of it is taken, or nothing. What it changes and withdraws must
// therefore have been written in one message, of which this is the next version; what it creates is then part of it.
//
// Source: FHIR R4, http.html section 3.1.0.11.2.
func (c *call) transaction(entries []*fhir.Node) error {
	steps, err := c.steps(entries)
	if err != nil {
		return err
	}
	t, err := c.oneTarget(steps)
	if err != nil {
		return err
	}
	defer c.api.lock(t.plan)()
	w, err := c.stepsWrite(t, steps)
	if err != nil {
		return err
	}
	res, pending, err := c.submit(t, w)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(steps, func(s step) bool { return s.w.node != nil && !s.isChange() }) {
		if err := c.api.audit(c.ctx, c.party.ID, "create-plan", "Bundle/"+t.plan, t.key); err != nil {
			return err
		}
	}
	if pending {
		return c.pending(res)
	}
	return c.transactionResult(t, steps, res)
}

// steps reads the entries.
func (c *call) steps(entries []*fhir.Node) ([]step, error) {
	if len(entries) == 0 {
		return nil, errEntry
	}
	out := make([]step, len(entries))
	for i, e := range entries {
		n, request := e.Get("resource"), e.Get("request")
		s := step{method: request.Get("method").Text(), node: n, full: e.Get("fullUrl").Text(), match: request.Get("ifMatch").Text()}
		path, query, _ := strings.Cut(request.Get("url").Text(), "?")
		typ := n.Get("resourceType").Text()
		s.typ, s.id, _ = strings.Cut(strings.Trim(path, "/"), "/")
		switch {
		case request == nil || n == nil && s.method != http.MethodDelete:
			return nil, errEntry
		case typ == "Patient": // says who it is about; nothing is made of it
			s.person, s.method = true, http.MethodPost
		case s.method == http.MethodPost && request.Get("ifNoneExist") == nil:
			row := c.api.resources[typ]
			if s.typ != typ || s.id != "" || row == nil || !row.create || typ == typeSubscription {
				return nil, errEntry
			}
		case !s.isChange() || query != "":
			return nil, errTransaction
		default:
			row := c.api.resources[s.typ]
			put := s.method == http.MethodPut
			if row == nil || planIn(s.id) == "" || s.typ == typeSubscription || put && (!row.update || typ != s.typ || n.Get("id").Text() != s.id) || !put && (!row.remove || n != nil) {
				return nil, errEntry
			}
			if slices.ContainsFunc(out[:i], func(o step) bool { return o.isChange() && o.typ == s.typ && o.id == s.id }) {
				return nil, errEntry // an element stands in a transaction once
			}
		}
		out[i] = s
	}
	return out, nil
}

// oneTarget finds the one person that all of a transaction is about.
func (c *call) oneTarget(steps []step) (*target, error) {
	people := map[string]*fhir.Node{}
	for i := range steps {
		if steps[i].person {
			people[steps[i].full] = steps[i].node
		}
	}
	var t *target
	for i := range steps {
		s := &steps[i]
		if s.person {
			continue
		}
		var one *target
		var err error
		if s.isChange() {
			one, err = c.targetOf(planIn(s.id))
		} else {
			for _, key := range append(subjectKeys(), "participant") {
				resolvePerson(s.node.Get(key), people)
			}
			one, err = c.target(s.node)
		}
		if err != nil {
			return nil, err
		}
		if t != nil && t.plan != one.plan {
			return nil, errOnePatient
		}
		t = one
	}
	if t == nil {
		return nil, errNeedsPatient
	}
	return t, nil
}

// targetOf is the person whose plan an element stands in.
func (c *call) targetOf(plan string) (*target, error) {
	patient, err := c.api.patientOf(c.ctx, plan)
	if err != nil {
		return nil, err
	}
	return &target{id: identifierOf(patient), key: patient, plan: plan}, nil
}

// stepsWrite makes the message of a transaction. The plan is locked.
func (c *call) stepsWrite(t *target, steps []step) (w gateway.Write, err error) {
	if t.chart, err = c.openToWrite(t.plan); err != nil && (!errors.Is(err, errNotFound) || slices.ContainsFunc(steps, func(s step) bool { return s.isChange() })) {
		return w, err
	}
	known := map[string]string{}
	touched := map[string]bool{}
	for i := range steps {
		s := &steps[i]
		switch {
		case s.isChange():
			if err := c.stepChange(t, s, &w); err != nil {
				return w, err
			}
			touched[s.it.Ref()] = true
		case !s.person:
			if s.w = c.name(s.node, ""); s.full != "" {
				known[s.full] = s.w.typ + "/" + s.w.id
			}
		}
	}
	if w.Op != "" {
		for i := range t.chart.items {
			if o := &t.chart.items[i]; o.In == w.Parent && o.Raw != nil && !touched[o.Ref()] {
				w.Resources = append(w.Resources, o.Raw)
			}
		}
		w.Parent, w.Conversation = t.chart.chain(w.Parent)
	}
	for i := range steps {
		s := &steps[i]
		if s.w.node == nil {
			continue
		}
		if err := recordsOf(s.w.node, t); err != nil {
			return w, err
		}
		if s.w.typ == "CarePlan" && len(s.w.node.Get("partOf").Items()) == 0 {
			s.w.node.Set("partOf", fhir.NewArray(fhir.NewObject("reference", "CarePlan/"+t.master())))
		}
		c.localise(s.w.node, t, known)
		w.Resources = append(w.Resources, s.w.node)
	}
	if w.Op != "" && len(w.Resources) == 0 {
		w.Op, w.Seen = samvirke.OpCancel, nil
	}
	return w, nil
}

// stepChange checks an update or withdrawal inside a transaction. Until all are checked w.Parent is the key of the record
// that they change.
func (c *call) stepChange(t *target, s *step, w *gateway.Write) error {
	action := map[bool]string{true: "update-plan", false: "delete-plan"}[s.method == http.MethodPut]
	if err := c.api.audit(c.ctx, c.party.ID, action, s.typ+"/"+s.id, t.key); err != nil {
		return err
	}
	if s.it = t.chart.find(s.typ + "/" + s.id); s.it == nil {
		return errNotFound
	}
	one := *c
	one.r = c.r.Clone(c.ctx)
	one.r.Header = http.Header{}
	if s.match != "" {
		one.r.Header.Set("If-Match", s.match)
	}
	if err := one.removable(t.chart, s.it); err != nil { // what may be taken back may be changed, and nothing else
		if errors.Is(err, errNotOwner) || errors.Is(err, errDerived) {
			return errTransaction
		}
		return err
	}
	seen := seenIn(t.chart.view)
	if s.method == http.MethodPut {
		var err error
		if seen, err = one.condition(t.chart, s.it, s.node); err != nil {
			return err
		}
		s.w = c.name(s.node, s.it.Name)
	}
	if w.Op == "" {
		w.Op, w.Parent, w.Seen = samvirke.OpChange, s.it.In, seen
		return nil
	}
	if w.Parent != s.it.In {
		return errTransactionParts
	}
	w.Seen = slices.DeleteFunc(w.Seen, func(key string) bool { return !slices.Contains(seen, key) })
	return nil
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
func (c *call) transactionResult(t *target, steps []step, res gateway.Result) error {
	ch, err := c.openToWrite(t.plan)
	if err != nil && !errors.Is(err, errNotFound) {
		return err
	}
	out := fhir.NewArray()
	for i := range steps {
		s := &steps[i]
		var it *item
		switch {
		case ch == nil || s.method == http.MethodDelete:
		case s.person:
			it = ch.find("Patient/" + t.plan)
		default:
			it = ch.locate(s.w, res.Key)
		}
		status := "202 Accepted"
		switch {
		case s.method == http.MethodDelete:
			status = "204 No Content"
		case s.person, it != nil && s.isChange():
			status = "200 OK"
		case it != nil:
			status = "201 Created"
		}
		response := fhir.NewObject("status", status)
		entry := fhir.NewObject("response", response)
		if it != nil {
			c.api.stamp(ch, it)
			response.SetText("location", it.Ref()+"/_history/"+it.version)
			response.SetText("etag", weak(it.version))
			response.SetText("lastModified", fhir.Instant(it.updated.UTC()))
			if c.prefer == "representation" {
				entry.Set("resource", it.Resource)
			}
		}
		out.Add(entry)
	}
	return c.reply(http.StatusOK, bundleOf("transaction-response", -1, nil, out))
}
