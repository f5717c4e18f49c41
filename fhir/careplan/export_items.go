package careplan

import (
	"encoding/base64"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

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
		x.stayDetail(n, &s)
		n.Set("serviceProvider", x.organisation(s.Organiser))
		x.put(s.Organiser, n, s.ID, s.From)
	}
	for _, r := range x.p.Ready {
		n := fhir.NewObject("resourceType", "Flag", "status", "active")
		end := ""
		if r.End != nil {
			n.SetText("status", "inactive")
			end = r.End.Text
		}
		n.Set("code", conceptNode("Ready for discharge", &Value{System: fhir.SystemEvent, Code: eventReady, Text: "Ready for discharge"}))
		n.Set("subject", reference(x.subject))
		n.Set("period", periodNode(r.Set.Text, end))
		n.Set("encounter", reference("Encounter/"+r.Stay))
		x.put("", n, shortID("ready", r.Stay, r.Set.Text, x.again("ready", r.Stay, r.Set.Text)), r.From)
	}
}

func (x *export) conditions() {
	for _, d := range x.p.Diagnoses {
		n := fhir.NewObject("resourceType", "Condition", "code", conceptNode(d.Text, &d.Value), "subject", reference(x.subject))
		if d.Main {
			n.Append("extension", fhir.NewObject("url", fhir.ExtMainDiagnosis, "valueBoolean", true))
		}
		parts := []string{"diagnosis", d.Owner, d.System, d.Code, d.Text}
		x.put(d.Owner, n, shortID("diagnosis", append(parts[1:], x.again(parts...))...), d.From)
	}
}

func (x *export) goals() {
	for _, g := range x.p.Goals {
		n := fhir.NewObject("resourceType", "Goal", "lifecycleStatus", "active", "description", conceptNode(g.Text, g.Code),
			"subject", reference(x.subject))
		if g.Start != nil {
			n.SetText("startDate", dateOnly(g.Start.Text))
		}
		if g.Due != nil && dateOnly(g.Due.Text) != "" {
			n.Append("target", fhir.NewObject("dueDate", dateOnly(g.Due.Text)))
		}
		switch g.ExpressedBy {
		case "patient":
			n.Set("expressedBy", reference(x.subject))
		case "kin":
			n.Set("expressedBy", fhir.NewObject("type", "RelatedPerson", "display", "next of kin"))
		case "professional":
			n.Set("expressedBy", fhir.NewObject("type", "PractitionerRole", "display", "professional"))
		}
		x.plan.Append("goal", reference(x.put(g.Owner, n, g.ID, g.From)))
	}
}

func (x *export) measures() {
	for _, m := range x.p.Measures {
		n := fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "proposal")
		if m.Kind != "proposal" {
			n.SetText("intent", "order")
		}
		switch m.Status {
		case "completed":
			n.SetText("status", "completed")
		case "rejected":
			n.SetText("status", "revoked")
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
		owner := m.Requester // careplan.md section 5.2: of the requester until somebody accepts it
		if m.Owner != "" {
			owner = m.Owner
		}
		ref := x.put(owner, n, m.ID, m.From)
		x.plan.Append("activity", fhir.NewObject("reference", reference(ref)))
		x.answered(&m, ref)
	}
}

// answered shows the answers to a proposal. The answer of whoever was asked stands in the Task that asks.
func (x *export) answered(m *Measure, ref string) {
	for _, a := range m.Answers {
		if t := x.asked(m); t != nil && t.For == a.By {
			continue
		}
		t := fhir.NewObject("resourceType", "Task", "status", taskStatus(a.Status), "intent", "proposal", "focus", reference(ref),
			"for", reference(x.subject))
		if !a.At.IsZero() {
			t.SetText("lastModified", formatTime(a.At))
		}
		t.Set("owner", x.organisation(a.By))
		if a.Reason != "" {
			t.Set("statusReason", fhir.NewObject("text", a.Reason))
		}
		x.put(a.By, t, shortID("answer", append([]string{m.ID, a.By}, a.From...)...), a.From)
	}
}

// asked finds the task that asks for an answer to a proposal.
func (x *export) asked(m *Measure) *Task {
	for i := range x.p.Tasks {
		if t := &x.p.Tasks[i]; t.Rule == "proposal" && t.Measure == m.ID {
			return t
		}
	}
	return nil
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
	for i := range x.p.Tasks {
		t := &x.p.Tasks[i]
		n := fhir.NewObject("resourceType", "Task", "status", taskStatus(t.Status), "intent", "proposal",
			"code", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", outTaskCodes, "code", t.Rule)), "text", t.Rule),
			"description", t.Text)
		if t.Measure != "" {
			n.Set("focus", reference("ServiceRequest/"+t.Measure))
		}
		x.sharedTask(n, t)
		n.Set("for", reference(x.subject))
		from := [][]string{t.From}
		if t.For == "coordinator" {
			n.Set("owner", fhir.NewObject("display", "coordinator"))
		} else {
			n.Set("owner", x.organisation(t.For))
			if a := x.answerOf(t); a != nil {
				n.SetText("status", taskStatus(a.Status))
				n.SetText("lastModified", formatTime(a.At))
				if a.Reason != "" {
					n.Set("statusReason", fhir.NewObject("text", a.Reason))
				}
				from = append(from, a.From)
			}
		}
		x.put(t.For, n, t.ID, from...)
	}
}

// answerOf is the latest answer of whoever a task asks.
func (x *export) answerOf(t *Task) *Answer {
	if t.Rule != "proposal" {
		return nil
	}
	for i := range x.p.Measures {
		m := &x.p.Measures[i]
		if m.ID != t.Measure {
			continue
		}
		for j := len(m.Answers) - 1; j >= 0; j-- {
			if m.Answers[j].By == t.For {
				return &m.Answers[j]
			}
		}
	}
	return nil
}

func (x *export) flags() {
	for _, f := range x.p.Flags {
		n := fhir.NewObject("resourceType", "Flag", "status", "active",
			"code", conceptNode(f.Text, &Value{System: outFlagCodes, Code: f.Code, Text: f.Text}), "subject", reference(x.subject))
		parts := append([]string{f.Code, f.Text}, f.From...)
		x.put("", n, shortID("flag", append(parts, x.again(append(parts, "flag")...))...), f.From)
	}
}

func (x *export) services() {
	for _, s := range x.p.Services {
		n := fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "order")
		n.Append("category", codeNode(fhir.SystemSection, "EksisterendeTjeneste"))
		n.Set("code", conceptNode(s.Text, &s.Value))
		n.Set("subject", reference(x.subject))
		n.Set("occurrencePeriod", periodNode(s.Start, s.End))
		n.Set("requester", x.organisation(s.Owner))
		if s.Provider != "" {
			n.Append("performer", fhir.NewObject("display", s.Provider))
		}
		if s.Note != "" {
			n.Append("note", fhir.NewObject("text", s.Note))
		}
		id := shortID("service", s.Owner, s.System, s.Code, s.Text, s.Provider, s.Start, s.End, s.Amount, s.Note)
		x.plan.Append("activity", fhir.NewObject("reference", reference(x.put(s.Owner, n, id, s.From))))
	}
}

func (x *export) checkups() {
	for _, c := range x.p.Checkups {
		n := fhir.NewObject("resourceType", "Appointment", "status", "proposed")
		if c.Booked {
			n.SetText("status", "booked")
		}
		if start := dateTime(c.Start); len(start) > 10 {
			n.SetText("start", start)
		} else if start != "" {
			n.Append("requestedPeriod", fhir.NewObject("start", start))
		}
		n.SetText("comment", c.Note)
		n.Append("participant", fhir.NewObject("actor", reference(x.subject), "status", "accepted"))
		if c.Place != "" {
			n.Append("participant", fhir.NewObject("actor", fhir.NewObject("display", c.Place), "status", "needs-action"))
		}
		x.plan.Append("activity", fhir.NewObject("reference", reference(x.put(c.Owner, n, c.ID, c.From))))
	}
}

func (x *export) aids() {
	for _, a := range x.p.Aids {
		n := fhir.NewObject("resourceType", "DeviceRequest", "status", "active", "intent", "order",
			"codeCodeableConcept", conceptNode(a.Text, &a.Value), "subject", reference(x.subject))
		switch a.Status {
		case "needed":
			n.SetText("intent", "proposal")
		case "in use":
			n.SetText("status", "completed")
		}
		parts := []string{"aid", a.Owner, a.Code, a.Text}
		ref := x.put(a.Owner, n, shortID("aid", append(parts[1:], x.again(parts...))...), a.From)
		x.plan.Append("activity", fhir.NewObject("reference", reference(ref)))
	}
}

// documents gives the free text of each message as one document: what a report says in words has no other
// resource.
func (x *export) documents() {
	texts := map[string][]string{}
	for _, n := range x.p.Notes {
		for _, k := range n.Heading.From {
			texts[k] = append(texts[k], n.Heading.Text+"\n"+n.Text)
		}
	}
	for _, k := range sortedKeys(texts) {
		s, ok := x.p.Sources[k]
		if !ok {
			continue
		}
		content := fhir.NewObject("contentType", "text/plain; charset=utf-8",
			"data", base64.StdEncoding.EncodeToString([]byte(strings.Join(texts[k], "\n\n"))), "title", s.Kind)
		if s.Sent.IsZero() {
			content.Set("creation", nil)
		} else {
			content.SetText("creation", formatTime(s.Sent))
		}
		n := fhir.NewObject("resourceType", "DocumentReference", "status", "current",
			"type", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.SystemMessageType, "code", s.Kind)), "text", s.Kind),
			"subject", reference(x.subject), "date", formatTime(s.Sent))
		n.Append("author", x.organisation(s.Sender))
		n.Append("content", fhir.NewObject("attachment", content))
		x.put(s.Sender, n, shortID("document", k), []string{k})
	}
}
