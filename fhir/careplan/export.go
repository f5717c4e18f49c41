package careplan

import (
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// FHIR gives the plan as a Bundle of type collection: Patient, CarePlan with CareTeam, Goal,
// ServiceRequest, Task, Encounter, Flag, Observation, Condition, Appointment and DeviceRequest, and one
// Provenance for every message something rests on. Ids are those of the plan's items; the same
// plan gives the same bytes.
func (p *Plan) FHIR() *fhir.Bundle {
	x := &export{p: p, entries: fhir.NewArray(), targets: map[string][]string{}}
	x.patient()
	plan := x.carePlan()
	x.team(plan)
	x.stays()
	x.conditions()
	x.goals(plan)
	x.measures(plan)
	x.function()
	x.rest(plan)
	x.tasks()
	x.flags()
	x.provenance()
	root := fhir.NewObject("resourceType", "Bundle", "type", "collection")
	root.Set("entry", x.entries)
	b, err := fhir.BundleOf(root)
	if err != nil {
		return nil // cannot happen: every entry above has a type
	}
	return b
}

// export is a Bundle in the making.
type export struct {
	p       *Plan
	entries *fhir.Node
	subject string
	// targets are the resources that rest on each source, by source key.
	targets map[string][]string
}

// put adds a resource with its id and notes what it rests on.
func (x *export) put(n *fhir.Node, id string, from ...[]string) string {
	ref := n.Get("resourceType").Text() + "/" + id
	n.Set("id", fhir.String(id))
	x.entries.Add(fhir.NewObject("fullUrl", fhir.ExtBase+ref, "resource", n))
	for _, list := range from {
		for _, k := range list {
			if !contains(x.targets[k], ref) {
				x.targets[k] = append(x.targets[k], ref)
			}
		}
	}
	return ref
}

func reference(ref string) *fhir.Node { return fhir.NewObject("reference", ref) }

// organisation is a reference by HER-id, or by whatever the party calls itself.
func (x *export) organisation(her string) *fhir.Node {
	id := fhir.NewObject("system", fhir.SystemHER, "value", her)
	if typ, value, ok := strings.Cut(her, ":"); ok {
		id = fhir.NewObject("system", fhir.ExtBase+"party/"+typ, "value", value)
	}
	n := fhir.NewObject("type", "Organization", "identifier", id)
	for _, m := range x.p.Team {
		if m.HER == her {
			n.SetText("display", m.Name)
		}
	}
	return n
}

func conceptNode(text string, v *Value) *fhir.Node {
	n := fhir.NewObject()
	if v != nil && v.Code != "" {
		n.Append("coding", fhir.NewObject("system", v.System, "code", v.Code, "display", v.Text))
	}
	n.SetText("text", text)
	return n
}

func codeNode(system, code string) *fhir.Node {
	return fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", system, "code", code)))
}

// dateTime returns text when it is a FHIR dateTime, "" otherwise.
func dateTime(text string) string {
	if len(text) > 10 {
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return ""
		}
		return text
	}
	if parseMoment(text).at.IsZero() {
		return ""
	}
	return text
}

func dateOnly(text string) string {
	if len(text) > 10 {
		text = text[:10]
	}
	return dateTime(text)
}

func (x *export) patient() {
	p := &x.p.Person
	n := fhir.NewObject("resourceType", "Patient")
	if p.Identifier.Text != "" {
		n.Append("identifier", fhir.NewObject("system", p.Identifier.System, "value", p.Identifier.Text))
	}
	if p.Name != nil {
		n.Append("name", fhir.NewObject("text", p.Name.Text))
	}
	if p.Phone != nil {
		n.Append("telecom", fhir.NewObject("system", "phone", "value", p.Phone.Text))
	}
	if p.Sex != nil && strings.Contains(" male female other unknown ", " "+p.Sex.Text+" ") {
		n.SetText("gender", p.Sex.Text)
	}
	if p.BirthDate != nil {
		n.SetText("birthDate", dateOnly(p.BirthDate.Text))
	}
	if p.Deceased != nil {
		if t := dateTime(p.Deceased.Text); t != "" {
			n.SetText("deceasedDateTime", t)
		} else {
			n.Set("deceasedBoolean", fhir.Bool(true))
		}
	}
	if p.Address != nil {
		n.Append("address", fhir.NewObject("text", p.Address.Text))
	}
	x.subject = "Patient/" + shortID("patient", x.p.Patient)
	from := [][]string{p.Identifier.From}
	for _, v := range []*Value{p.Name, p.BirthDate, p.Sex, p.Address, p.Phone, p.Deceased} {
		if v != nil {
			from = append(from, v.From)
		}
	}
	x.put(n, shortID("patient", x.p.Patient), from...)
}

func (x *export) carePlan() *fhir.Node {
	n := fhir.NewObject("resourceType", "CarePlan", "status", "active", "intent", "plan", "subject", reference(x.subject))
	if x.p.Person.Deceased != nil {
		n.SetText("status", "completed")
	}
	x.put(n, shortID("plan", x.p.Patient))
	return n
}

func (x *export) team(plan *fhir.Node) {
	if len(x.p.Team) == 0 {
		return
	}
	n := fhir.NewObject("resourceType", "CareTeam", "status", "active", "subject", reference(x.subject))
	var from [][]string
	for _, m := range x.p.Team {
		part := fhir.NewObject()
		if m.Role != "" {
			part.Append("role", fhir.NewObject("text", m.Role))
		}
		part.Set("member", x.organisation(m.HER))
		n.Append("participant", part)
		from = append(from, m.From)
	}
	plan.Append("careTeam", reference(x.put(n, shortID("team", x.p.Patient), from...)))
}

func (x *export) stays() {
	for _, s := range x.p.Stays {
		n := fhir.NewObject("resourceType", "Encounter", "status", s.Status,
			"class", fhir.NewObject("system", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code", "IMP"),
			"subject", reference(x.subject))
		period := fhir.NewObject()
		if s.Start != nil {
			period.SetText("start", dateTime(s.Start.Text))
		} else {
			absent := fhir.NewObject("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode", "unknown")
			period.Set("_start", fhir.NewObject("extension", fhir.NewArray(absent)))
		}
		if s.End != nil {
			period.SetText("end", dateTime(s.End.Text))
		}
		if len(period.Keys()) > 0 {
			n.Set("period", period)
		}
		if s.Destination != nil {
			n.Set("hospitalization", fhir.NewObject("dischargeDisposition", conceptNode(s.Destination.Text, s.Destination)))
		}
		n.Set("serviceProvider", x.organisation(s.Organiser))
		x.put(n, s.ID, s.From)
	}
	for i, r := range x.p.Ready {
		n := fhir.NewObject("resourceType", "Flag", "status", "active")
		if r.End != nil {
			n.SetText("status", "inactive")
		}
		n.Set("code", conceptNode("Ready for discharge", &Value{System: fhir.SystemEvent, Code: eventReady, Text: "Ready for discharge"}))
		n.Set("subject", reference(x.subject))
		period := fhir.NewObject("start", dateTime(r.Set.Text))
		if r.End != nil {
			period.SetText("end", dateTime(r.End.Text))
		}
		if len(period.Keys()) > 0 {
			n.Set("period", period)
		}
		n.Set("encounter", reference("Encounter/"+r.Stay))
		x.put(n, shortID("ready", r.Stay, strconv.Itoa(i)), r.From)
	}
}

func (x *export) conditions() {
	for i, d := range x.p.Diagnoses {
		n := fhir.NewObject("resourceType", "Condition", "code", conceptNode(d.Text, &d.Value), "subject", reference(x.subject))
		if d.Main {
			n.Append("extension", fhir.NewObject("url", fhir.ExtMainDiagnosis, "valueBoolean", true))
		}
		x.put(n, shortID("diagnosis", d.Owner, d.System, d.Code, d.Text, strconv.Itoa(i)), d.From)
	}
}

func (x *export) goals(plan *fhir.Node) {
	for _, g := range x.p.Goals {
		n := fhir.NewObject("resourceType", "Goal", "lifecycleStatus", "active", "description", conceptNode(g.Text, g.Code),
			"subject", reference(x.subject))
		if g.Start != nil {
			n.SetText("startDate", dateOnly(g.Start.Text))
		}
		if g.Due != nil && dateOnly(g.Due.Text) != "" {
			n.Append("target", fhir.NewObject("dueDate", dateOnly(g.Due.Text)))
		}
		plan.Append("goal", reference(x.put(n, g.ID, g.From)))
	}
}

func (x *export) measures(plan *fhir.Node) {
	for _, m := range x.p.Measures {
		n := fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "proposal")
		if m.Kind != "proposal" {
			n.SetText("intent", "order")
		}
		if m.Status == "completed" {
			n.SetText("status", "completed")
		}
		if m.Evaluation != nil && dateOnly(m.Evaluation.Text) != "" {
			n.Append("extension", fhir.NewObject("url", fhir.ExtEvaluation, "valueDate", dateOnly(m.Evaluation.Text)))
		}
		n.Set("code", conceptNode(m.Text, m.Code))
		n.Set("subject", reference(x.subject))
		n.Set("requester", x.organisation(m.Requester))
		if m.Owner != "" {
			n.Append("performer", x.organisation(m.Owner))
		}
		if m.Note != "" {
			n.Append("note", fhir.NewObject("text", m.Note))
		}
		ref := x.put(n, m.ID, m.From)
		plan.Append("activity", fhir.NewObject("reference", reference(ref)))
		for i, a := range m.Answers {
			t := fhir.NewObject("resourceType", "Task", "status", taskStatus(a.Status), "intent", "proposal", "focus", reference(ref),
				"for", reference(x.subject))
			if !a.At.IsZero() {
				t.SetText("lastModified", formatTime(a.At))
			}
			t.Set("owner", x.organisation(a.By))
			if a.Reason != "" {
				t.Set("statusReason", fhir.NewObject("text", a.Reason))
			}
			x.put(t, shortID("answer", m.ID, a.By, strconv.Itoa(i)), a.From)
		}
	}
}

func taskStatus(s string) string {
	switch s {
	case "accepted", "rejected", "requested", "cancelled":
		return s
	case "done":
		return "completed"
	}
	return "received"
}

func (x *export) tasks() {
	for _, t := range x.p.Tasks {
		n := fhir.NewObject("resourceType", "Task", "status", taskStatus(t.Status), "intent", "proposal",
			"code", fhir.NewObject("text", t.Rule), "description", t.Text)
		if t.Measure != "" {
			n.Set("focus", reference("ServiceRequest/"+t.Measure))
		}
		n.Set("for", reference(x.subject))
		if t.For != "coordinator" {
			n.Set("owner", x.organisation(t.For))
		}
		x.put(n, t.ID, t.From)
	}
}

func (x *export) flags() {
	for i, f := range x.p.Flags {
		n := fhir.NewObject("resourceType", "Flag", "status", "active",
			"code", conceptNode(f.Text, &Value{System: fhir.ExtBase + "CodeSystem/flag", Code: f.Code}), "subject", reference(x.subject))
		x.put(n, shortID("flag", f.Code, strconv.Itoa(i)), f.From)
	}
}

// provenance names, for each message, what rests on it. Source: careplan.md principle 7.
func (x *export) provenance() {
	for _, k := range sortedKeys(x.targets) {
		s, ok := x.p.Sources[k]
		if !ok {
			continue
		}
		n := fhir.NewObject("resourceType", "Provenance")
		for _, ref := range x.targets[k] {
			n.Append("target", reference(ref))
		}
		n.SetText("occurredDateTime", formatTime(s.Event))
		recorded := s.Received // not known for a plan read from storage; FHIR demands a time
		if recorded.IsZero() {
			recorded = s.Sent
		}
		n.SetText("recorded", recorded.UTC().Format(time.RFC3339))
		agent := fhir.NewObject("who", x.organisation(s.Sender))
		if s.Author != "" {
			agent.Set("who", fhir.NewObject("display", s.Author))
			agent.Set("onBehalfOf", x.organisation(s.Sender))
		}
		n.Append("agent", agent)
		what := fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemURI, "value", messageURI(k)), "display", s.Kind)
		n.Append("entity", fhir.NewObject("role", entityRole(s.Op), "what", what))
		x.put(n, shortID("provenance", k))
	}
}

func messageURI(key string) string {
	_, id, _ := strings.Cut(key, "/")
	if fhir.IsUUID(id) {
		return "urn:uuid:" + id
	}
	return id
}

func entityRole(op string) string {
	if samvirke.Op(op) == samvirke.OpChange {
		return "revision"
	}
	return "source"
}
