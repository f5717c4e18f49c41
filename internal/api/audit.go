package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// maxAudits bounds how far back a search of the audit looks. Unit: entries, of all patients.
const maxAudits = 20000

// auditPage is how many entries are read at once.
const auditPage = 500

// readAudit answers GET AuditEvent/id.
func (c *call) readAudit() error {
	shape, err := c.shape()
	if err != nil {
		return err
	}
	ch, err := c.open(planIn(c.id))
	if err != nil {
		return err
	}
	list, _, err := c.auditsOf(ch)
	if err != nil {
		return err
	}
	if err := c.seen(ch, "read-plan"); err != nil {
		return err
	}
	for i := range list {
		if it := &list[i]; it.ID == c.id {
			if c.unchanged(it.version, it.updated) {
				return c.notModified()
			}
			return c.reply(http.StatusOK, shape.apply(it.Resource))
		}
	}
	return errNotFound
}

// searchAudit answers a search of AuditEvent, which must name the patient.
func (c *call) searchAudit() error {
	q, err := c.parseQuery()
	if err != nil {
		return err
	}
	plans, named, err := c.named(q)
	if err != nil {
		return err
	}
	if !named {
		return errTooCostly
	}
	r := &results{}
	for _, plan := range plans {
		ch, err := c.open(plan)
		if faultOf(err) == errNotFound {
			continue
		}
		if err != nil {
			return err
		}
		list, bounded, err := c.auditsOf(ch)
		if err != nil {
			return err
		}
		r.opened, r.bounded = append(r.opened, ch), r.bounded || bounded
		view := *ch
		view.items, view.byRef = list, map[string]int{}
		for i := range list {
			view.byRef[list[i].Ref()] = i
		}
		if p := ch.find("Patient/" + ch.plan); p != nil {
			view.items = append(view.items, *p)
			view.byRef[p.Ref()] = len(view.items) - 1
		}
		r.hits = append(r.hits, c.matching(q, &view)...)
	}
	r.total = len(r.hits)
	q.remember(r.opened)
	if len(q.sort) == 0 {
		q.sort = []sortKey{{param: date("date", "recorded"), down: true}}
	}
	c.order(q, r.hits)
	if err := r.page(q); err != nil {
		return err
	}
	return c.answerSearch(q, r)
}

// auditsOf gives the audit of one person as far as the caller may see it: all of it for the coordinating unit and
// the patient, the caller's own entries for every other party. bounded tells that older ones were not looked at.
func (c *call) auditsOf(ch *chart) (list []item, bounded bool, err error) {
	all := ch.viewer.Patient || ch.viewer.Purpose == careplan.PurposeCoordination
	keys := []string{ch.patient, ch.view.Patient}
	for i := range ch.records {
		if !slices.Contains(keys, ch.records[i].Subject) {
			keys = append(keys, ch.records[i].Subject)
		}
	}
	before := int64(0)
	for read := 0; read < maxAudits; {
		page, err := c.api.o.Store.Audits(c.ctx, before, auditPage)
		if err != nil {
			return nil, false, err
		}
		for i := range page {
			if e := &page[i]; slices.Contains(keys, e.Patient) && (all || e.Who == c.party.ID) {
				list = append(list, c.api.auditEvent(ch, e))
			}
		}
		if len(page) < auditPage {
			return list, false, nil
		}
		read += len(page)
		before = page[len(page)-1].Seq
	}
	return list, true, nil
}

// auditEvent writes one entry as FHIR.
func (a *api) auditEvent(ch *chart, e *samvirke.Audit) item {
	id := careplan.PublicID(ch.plan, "AuditEvent", itoa(int(e.Seq)), a.o.PlanID)
	outcome, action := "0", "R"
	if strings.HasSuffix(e.Action, "-denied") {
		outcome = "4"
	}
	for prefix, code := range map[string]string{"create": "C", "update": "U", "delete": "D", "resend": "E", "reprocess": "E", "give-up": "E"} {
		if strings.HasPrefix(e.Action, prefix) {
			action = code
		}
	}
	n := fhir.NewObject("resourceType", "AuditEvent", "id", id,
		"type", fhir.NewObject("system", "http://terminology.hl7.org/CodeSystem/audit-event-type", "code", "rest", "display", "RESTful Operation"),
		"subtype", fhir.NewArray(fhir.NewObject("system", fhir.ExtBase+"CodeSystem/audit-action", "code", e.Action)),
		"action", action, "recorded", fhir.Instant(e.At.UTC()), "outcome", outcome,
		"agent", fhir.NewArray(fhir.NewObject("who", fhir.NewObject("identifier", fhir.NewObject("system", fhir.ExtBase+"NamingSystem/party", "value", e.Who)), "requestor", true)),
		"source", fhir.NewObject("observer", fhir.NewObject("display", "Samvirke gateway")),
		"entity", fhir.NewArray(fhir.NewObject("what", fhir.NewObject("reference", "Patient/"+ch.plan))))
	// What the reader does not see is not named here either, as somebody else's reading of it would tell that it is there.
	if ch.find(e.Object) != nil || len(a.timeline(ch).versions[e.Object]) > 0 {
		n.Append("entity", fhir.NewObject("what", fhir.NewObject("reference", e.Object)))
	}
	it := item{Element: careplan.Element{Type: "AuditEvent", ID: id, Item: id, Resource: n}, updated: e.At.UTC()}
	it.version, it.seq = digest(&it.Element), e.Seq
	setMeta(n, it.version, e.At.UTC())
	return it
}
