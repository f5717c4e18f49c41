package careplan

import (
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// The invented person and parties of the tests. The number is of the official test range.
const (
	testFNR  = "15076500565"
	hospital = "100001"
	town     = "200001"
	gp       = "300001"
	physio   = "400001"
)

var oslo = time.FixedZone("", 3600)

// at gives a local Norwegian winter time: at("01-10 22:15") is 10 January 2026.
func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", "2026-"+s, oslo)
	if err != nil {
		panic(err)
	}
	return t
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05-07:00") }

// msg is a canonical message being written for a test.
type msg struct {
	kind, id       string
	op             samvirke.Op
	parent, conv   string
	from           string
	to             []string
	sent, received time.Time
	patient        string
	noForwarding   bool
	event          time.Time
	resources      []*fhir.Node
}

func partyAddress(her, name string) samvirke.Address {
	return samvirke.Address{Levels: []samvirke.AddressLevel{
		{Kind: "organisation", Name: name, IDs: []samvirke.Identifier{{System: fhir.SystemHER, Type: "HER", Value: her}}},
		{Kind: "department", Name: name + " unit", IDs: []samvirke.Identifier{{System: fhir.SystemHER, Type: "HER", Value: her + "9"}}},
	}}
}

var orgNames = map[string]string{hospital: "Fjordheim Hospital", town: "Granli Municipality", gp: "Bakken Surgery", physio: "Elvely Physio"}

func (m msg) build() (*fhir.Bundle, *samvirke.Envelope) {
	if m.op == "" {
		m.op = samvirke.OpNew
	}
	if m.patient == "" {
		m.patient = testFNR
	}
	env := &samvirke.Envelope{Format: "fhir", Kind: m.kind, Version: "1.6", ID: m.id, Op: m.op, Parent: m.parent, Conversation: m.conv,
		GeneratedAt: m.sent, EventAt: m.event, Sender: partyAddress(m.from, orgNames[m.from]), NoForwarding: m.noForwarding,
		Patient: samvirke.PatientRef{Identifier: samvirke.Identifier{System: fhir.SystemFNR, Type: "FNR", Value: m.patient}}}
	b := fhir.NewMessage(m.id, m.sent, fhir.Coding{System: fhir.SystemMessageType, Code: m.kind})
	b.From(env.Sender)
	for _, to := range m.to {
		a := partyAddress(to, orgNames[to])
		env.Receivers = append(env.Receivers, a)
		b.To(a)
	}
	b.Chain(m.op, m.parent, m.conv)
	b.Add(fhir.NewObject("resourceType", "Patient",
		"identifier", fhir.NewArray(fhir.NewObject("system", fhir.SystemFNR, "value", m.patient)),
		"name", fhir.NewArray(fhir.NewObject("family", "Testdal", "given", fhir.NewArray("Oda"))),
		"gender", "female", "birthDate", "1965-07-15"))
	for _, r := range m.resources {
		b.Add(r)
	}
	return b.Bundle(), env
}

func (m msg) record(t testing.TB) Record {
	t.Helper()
	b, env := m.build()
	received := m.received
	if received.IsZero() {
		received = m.sent.Add(2 * time.Second)
	}
	r, err := FromMessage(b, env, Meta{Received: received, MessageID: "gw-" + m.id, Mapping: "test/1"})
	if err != nil {
		t.Fatalf("record of %s: %v", m.id, err)
	}
	return r
}

func records(t testing.TB, list ...msg) []Record {
	t.Helper()
	out := make([]Record, len(list))
	for i, m := range list {
		out[i] = m.record(t)
	}
	return out
}

// Resources.

func encounter(start, end time.Time, events ...*fhir.Node) *fhir.Node {
	n := fhir.NewObject("resourceType", "Encounter", "status", "in-progress")
	p := fhir.NewObject()
	if !start.IsZero() {
		p.SetText("start", stamp(start))
	}
	if !end.IsZero() {
		p.SetText("end", stamp(end))
	}
	if len(p.Keys()) > 0 {
		n.Set("period", p)
	}
	for _, e := range events {
		n.Append("extension", e)
	}
	return n
}

func eventNode(code, when string, estimate bool) *fhir.Node {
	return fhir.NewObject("url", fhir.ExtEvent, "extension", fhir.NewArray(
		fhir.NewObject("url", "code", "valueCoding", fhir.NewObject("system", fhir.SystemEvent, "code", code)),
		fhir.NewObject("url", "time", "valueDateTime", when),
		fhir.NewObject("url", "estimate", "valueBoolean", estimate)))
}

func text(s string) *fhir.Node { return fhir.NewObject("text", s) }

func goalNode(s, due string, byPatient bool) *fhir.Node {
	n := fhir.NewObject("resourceType", "Goal", "lifecycleStatus", "active", "description", text(s),
		"target", fhir.NewArray(fhir.NewObject("dueDate", due)))
	if byPatient {
		n.Set("expressedBy", fhir.NewObject("reference", "Patient/x"))
	}
	return n
}

func proposal(s, evaluation string) *fhir.Node {
	n := fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "proposal", "code", text(s))
	if evaluation != "" {
		n.Append("extension", fhir.NewObject("url", fhir.ExtEvaluation, "valueDate", evaluation))
	}
	return n
}

func serviceNode(code, s, provider string) *fhir.Node {
	return fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "order",
		"category", fhir.NewArray(codeNode(fhir.SystemSection, "EksisterendeTjeneste")),
		"code", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.SystemService, "code", code, "display", s))),
		"performer", fhir.NewArray(fhir.NewObject("display", provider)))
}

// functionNodes is a panel of IPLOS variables; it must be added at position pos of the message's
// own resources so that references resolve: entries are header, sender (2), receivers (2 each), patient.
func functionNodes(m *msg, date, source string, scores map[int]int) []*fhir.Node {
	pos := 1 + 2 + 2*len(m.to) + 1 + len(m.resources)
	panel := fhir.NewObject("resourceType", "Observation", "status", "final",
		"code", codeNode(fhir.SystemSection, "InfoKartleggingFunksjonsniva"))
	if date != "" {
		panel.SetText("effectiveDateTime", date)
		if source != "responsible" {
			panel.Set("_effectiveDateTime", fhir.NewObject("extension", fhir.NewArray(
				fhir.NewObject("url", fhir.ExtDateSource, "valueCode", source))))
		}
	}
	out := []*fhir.Node{panel}
	for code := 1; code <= 18; code++ {
		v, ok := scores[code]
		if !ok {
			continue
		}
		pos++
		panel.Append("hasMember", fhir.NewObject("reference", fhir.EntryURL(m.id, pos)))
		o := fhir.NewObject("resourceType", "Observation", "status", "final",
			"code", codeNode(fhir.SystemFunction, fmt.Sprint(code)))
		if v == 9 {
			o.Set("valueCodeableConcept", codeNode(fhir.SystemFunctionScore, "9"))
		} else {
			o.Set("valueInteger", fhir.Number(fmt.Sprint(v)))
		}
		out = append(out, o)
	}
	return out
}

func (m msg) with(list ...*fhir.Node) msg {
	m.resources = append(m.resources[:len(m.resources):len(m.resources)], list...)
	return m
}

func (m msg) withFunction(date, source string, scores map[int]int) msg {
	return m.with(functionNodes(&m, date, source, scores)...)
}

func barthel(total int, date string) *fhir.Node {
	return fhir.NewObject("resourceType", "Observation", "status", "final",
		"code", codeNode(systemLOINC, "96761-2"), "method", text("Barthel 20"),
		"effectiveDateTime", date, "valueInteger", total)
}

func taskNode(measure, status, reason string) *fhir.Node {
	n := fhir.NewObject("resourceType", "Task", "status", status, "intent", "proposal",
		"focus", fhir.NewObject("display", measure))
	if reason != "" {
		n.Set("statusReason", text(reason))
	}
	return n
}

func section(heading, body string) *fhir.Node {
	return fhir.NewObject("resourceType", "Composition", "section", fhir.NewArray(fhir.NewObject(
		"title", heading, "code", codeNode(fhir.SystemSection, "Journaltekst"),
		"text", fhir.NewObject("status", "generated", "div", "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>"+body+"</p></div>"))))
}

func uuid(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
