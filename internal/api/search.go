package api

import (
	"cmp"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

const (
	// MaxPatients bounds a search that names no patient: it looks at the plans that changed last, this many of them. The
	// answer says so when there were more. Unit: patients.
	MaxPatients = 2000
	// maxNamed is how many patients one search may name.
	maxNamed = 20
	// maxForm is how large the body of POST _search may be. Unit: bytes.
	maxForm = 64 << 10
)

// hit is one match.
type hit struct {
	ch *chart
	it *item
}

// search answers GET type and POST type/_search.
//
// A search that names a patient (by id, by reference, or by identifier in the body of a POST) looks at that plan only
// and tells the exact total. One that names none looks at every plan that the party may see, see
// MaxPatients, in the order of ids, and tells a total only when _total asks for it.
func (c *call) search() error {
	if c.r.Method == http.MethodPost {
		if err := c.form(); err != nil {
			return err
		}
	}
	if c.typ == "AuditEvent" {
		return c.searchAudit()
	}
	q, err := c.parseQuery()
	if err != nil {
		return err
	}
	plans, named, err := c.named(q)
	if err != nil {
		return err
	}
	var r *results
	if named {
		r, err = c.narrow(q, plans)
	} else {
		r, err = c.widely(q)
	}
	if err != nil {
		return err
	}
	return c.answerSearch(q, r)
}

// form reads the body of POST _search. What the URL says is held to the rules of URLs all the same.
func (c *call) form() error {
	for name, list := range c.query {
		base, modifier, _ := strings.Cut(name, ":")
		head, chain, _ := strings.Cut(base, ".")
		for _, v := range list {
			if personInURL(c.typ, head, modifier, chain, v) {
				return errPersonInURL
			}
		}
	}
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return errForm
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxForm+1))
	if err != nil {
		return errForm
	}
	if len(body) > maxForm {
		return errTooLarge
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return errParameter
	}
	for name, list := range values {
		c.query[name] = append(c.query[name], list...)
	}
	if f := values.Get("_format"); f != "" {
		form, ok := negotiate(nil, f, c.query.Get("_pretty"))
		if !ok {
			return errAccept
		}
		c.format = form
	}
	c.posted = true
	return nil
}

// results are the matches of a search and how far it looked.
type results struct {
	hits   []hit
	opened []*chart
	// total is the number of matches, -1 when it was not counted; more tells that there is a further page,
	// bounded that not every plan was looked at.
	total         int
	more, bounded bool
}

// named gives the plans that a search names; ok is false when it names none.
func (c *call) named(q *query) (plans []string, ok bool, err error) {
	add := func(id string) {
		ok = true
		if p := planIn(id); p != "" && !slices.Contains(plans, p) {
			plans = append(plans, p)
		}
	}
	for i := range q.criteria {
		cr := &q.criteria[i]
		switch {
		case cr.modifier == "missing" || cr.modifier == "not":
		case cr.param.name == "_id" || cr.chain == "_id":
			for _, v := range cr.values {
				add(v)
			}
		case cr.namesPerson(q.typ):
			if cr.param.name != "patient" && cr.param.name != "subject" && q.typ != "Patient" {
				continue // the identifier of an organisation
			}
			for _, v := range cr.values {
				for _, key := range personKeys(v) {
					add(c.api.o.PlanID(key))
				}
				ok = true
			}
		case cr.param.kind == kindReference:
			for _, v := range cr.values {
				v = strings.TrimPrefix(v, c.base())
				if _, id, has := strings.Cut(v, "/"); has {
					v = id
				}
				if planIn(v) != "" || cr.param.name == "patient" || cr.param.name == "subject" {
					add(v)
				}
			}
		}
	}
	if len(plans) > maxNamed {
		return nil, ok, errManyParams
	}
	return plans, ok, nil
}

// personKeys are the patient keys that an identifier may mean: without a system, each of the national ones.
func personKeys(v string) []string {
	system, number, ok := strings.Cut(v, "|")
	if !ok {
		system, number = "", v
	}
	if number == "" {
		return nil
	}
	number = fhir.NormalizePerson(number)
	if system != "" {
		return []string{system + "|" + number}
	}
	var out []string
	for _, s := range []string{fhir.SystemFNR, fhir.SystemDNR, fhir.SystemFHN, fhir.SystemCPR} {
		out = append(out, s+"|"+number)
	}
	return out
}

// narrow searches the plans named.
func (c *call) narrow(q *query, plans []string) (*results, error) {
	r := &results{}
	for _, plan := range plans {
		ch, err := c.open(plan)
		if errors.Is(err, errNotFound) {
			continue // unknown and forbidden look the same
		}
		if err != nil {
			return nil, err
		}
		r.opened = append(r.opened, ch)
		r.hits = append(r.hits, c.matching(q, ch)...)
	}
	r.total = len(r.hits)
	q.remember(r.opened)
	c.order(q, r.hits)
	return r, r.page(q)
}

// remember puts the opaque ids of the persons found in the place of their identifiers, so that the next page
// can be asked for with GET.
func (q *query) remember(opened []*chart) {
	for i := range q.criteria {
		cr := &q.criteria[i]
		if !cr.namesPerson(q.typ) {
			continue
		}
		ids := make([]string, len(opened))
		for j, ch := range opened {
			ids[j] = ch.plan
		}
		name := cr.param.name
		if q.typ == "Patient" {
			name = "_id"
		}
		if len(ids) > 0 {
			q.self.Set(name, strings.Join(ids, ","))
		}
	}
}

// widely searches every plan that the party may see.
func (c *call) widely(q *query) (*results, error) {
	select {
	case c.api.wide <- struct{}{}:
		defer func() { <-c.api.wide }()
	default:
		return nil, errBusy
	}
	list, err := c.api.o.Store.Patients(c.ctx, MaxPatients+1)
	if err != nil {
		return nil, err
	}
	r := &results{total: -1, bounded: len(list) > MaxPatients}
	type person struct{ plan, patient string }
	people := make([]person, 0, len(list))
	for _, p := range list[:min(len(list), MaxPatients)] {
		people = append(people, person{c.api.o.PlanID(p.Patient), p.Patient})
	}
	slices.SortFunc(people, func(a, b person) int { return cmp.Compare(a.plan, b.plan) })
	all := q.total || q.count == 0 || len(q.sort) > 0
	counted := 0
	for _, p := range people {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		if !all && p.plan < q.cursor[:min(len(q.cursor), idLength)] {
			continue // the page begins behind it
		}
		ch, err := c.chart(p.plan, p.patient)
		if errors.Is(err, errForbidden) || errors.Is(err, errNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if ch.view.Patient != p.patient && len(people) > 1 {
			continue // another identifier of a person whose plan stands in the list under its first one
		}
		hits := c.matching(q, ch)
		counted += len(hits)
		if q.count == 0 && len(q.sort) == 0 {
			continue
		}
		r.hits = append(r.hits, hits...)
		if !all && len(after(r.hits, q)) > q.count {
			break
		}
	}
	if all {
		r.total = counted
	}
	c.order(q, r.hits)
	return r, r.page(q)
}

// matching gives the resources of a chart that meet all criteria, by id.
func (c *call) matching(q *query, ch *chart) []hit {
	var out []hit
	timed := slices.ContainsFunc(q.criteria, func(cr criterion) bool { return cr.param.name == "_lastUpdated" }) ||
		slices.ContainsFunc(q.sort, func(k sortKey) bool { return k.param.name == "_lastUpdated" })
	base := c.base()
next:
	for i := range ch.items {
		it := &ch.items[i]
		if it.Type != q.typ {
			continue
		}
		if timed {
			c.api.stamp(ch, it)
		}
		for j := range q.criteria {
			cr := &q.criteria[j]
			if cr.namesPerson(q.typ) && q.typ != "Patient" && (cr.param.name == "patient" || cr.param.name == "subject") && !aboutPatient(cr, it) {
				continue next
			}
			if cr.namesPerson(q.typ) && (q.typ == "Patient" || cr.param.name == "patient" || cr.param.name == "subject") {
				if !ch.bears(cr) {
					continue next
				}
				continue
			}
			if !cr.matches(it.Resource, ch, base) {
				continue next
			}
		}
		out = append(out, hit{ch, it})
	}
	slices.SortFunc(out, func(a, b hit) int { return cmp.Compare(a.it.ID, b.it.ID) })
	return out
}

// aboutPatient tells whether the parameter of a resource points at the patient at all.
func aboutPatient(cr *criterion, it *item) bool {
	return slices.ContainsFunc(cr.param.all(it.Resource), func(v *fhir.Node) bool {
		return strings.HasPrefix(v.Get("reference").Text(), "Patient/")
	})
}

// bears tells whether the person of a chart has one of the identifiers.
func (ch *chart) bears(cr *criterion) bool {
	p := ch.find("Patient/" + ch.plan)
	if p == nil {
		return false
	}
	for _, want := range cr.values {
		keys := personKeys(want)
		for _, id := range p.Resource.Get("identifier").Items() {
			if slices.Contains(keys, id.Get("system").Text()+"|"+id.Get("value").Text()) {
				return true
			}
		}
	}
	return false
}

// answerSearch audits and sends the page with what is included.
func (c *call) answerSearch(q *query, r *results) error {
	entries := fhir.NewArray()
	patients := make([]string, 0, len(r.opened))
	note := func(ch *chart) {
		if !slices.Contains(patients, ch.patient) {
			patients = append(patients, ch.patient)
		}
	}
	for _, ch := range r.opened {
		note(ch)
	}
	for _, h := range r.hits {
		note(h.ch)
	}
	if err := c.api.auditAll(c.ctx, c.party.ID, "search-plan", q.typ, patients); err != nil {
		return err
	}
	put := func(h hit, mode string) {
		c.api.stamp(h.ch, h.it)
		entries.Add(fhir.NewObject("fullUrl", c.base()+h.it.Ref(), "resource", q.shape.apply(h.it.Resource), "search", fhir.NewObject("mode", mode)))
	}
	for _, h := range r.hits {
		put(h, "match")
	}
	for _, h := range c.included(q, r.hits) {
		put(h, "include")
	}
	if o := searchOutcome(q, r); o != nil {
		entries.Add(fhir.NewObject("fullUrl", "urn:uuid:"+fhir.NameUUID("search outcome"), "resource", o, "search", fhir.NewObject("mode", "outcome")))
	}
	links := fhir.NewArray(fhir.NewObject("relation", "self", "url", c.searchURL(q, "")))
	if r.more {
		links.Add(fhir.NewObject("relation", "next", "url", c.searchURL(q, r.hits[len(r.hits)-1].it.ID)))
	}
	return c.reply(http.StatusOK, bundleOf("searchset", r.total, links, entries))
}
