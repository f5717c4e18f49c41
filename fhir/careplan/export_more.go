package careplan

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/samvirke/samvirke/fhir"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (x *export) function() {
	for _, a := range x.p.Function {
		panel := fhir.NewObject("resourceType", "Observation", "status", "final")
		panel.Append("category", codeNode(fhir.SystemFunctionCategory, "functional-status"))
		panel.Set("code", conceptNode(a.Instrument, &Value{System: systemFunction, Code: first(a.Line, a.Instrument)}))
		panel.Set("subject", reference(x.subject))
		setEffective(panel, a)
		panel.Append("performer", x.organisation(a.Owner))
		if a.Note != "" {
			panel.Append("note", fhir.NewObject("text", a.Note))
		}
		for i, s := range a.Scores {
			n := fhir.NewObject("resourceType", "Observation", "status", "final")
			n.Append("category", codeNode(fhir.SystemFunctionCategory, "functional-status"))
			n.Set("code", conceptNode(s.Text, &s.Value))
			n.Set("subject", reference(x.subject))
			setEffective(n, a)
			n.Append("performer", x.organisation(a.Owner))
			setValue(n, s)
			if s.Note != "" {
				n.Append("note", fhir.NewObject("text", s.Note))
			}
			panel.Append("hasMember", reference(x.put(n, shortID("score", a.ID, strconv.Itoa(i)), s.From)))
		}
		x.put(panel, a.ID, a.From)
	}
}

func setEffective(n *fhir.Node, a Assessment) {
	t := dateTime(a.Date)
	if t == "" {
		return
	}
	n.SetText("effectiveDateTime", t)
	n.Set("_effectiveDateTime", fhir.NewObject("extension", fhir.NewArray(
		fhir.NewObject("url", fhir.ExtDateSource, "valueCode", a.DateSource))))
	if a.DateSource == "" {
		n.Set("_effectiveDateTime", nil)
	}
}

// setValue writes the value as the scale allows: a number only where the scale has it.
func setValue(n *fhir.Node, s Score) {
	switch {
	case s.NotRelevant:
		n.Set("valueCodeableConcept", codeNode(fhir.SystemFunctionScore, "9"))
	case s.Number != nil && s.Unit == "" && *s.Number == math.Trunc(*s.Number):
		n.Set("valueInteger", fhir.Number(strconv.FormatFloat(*s.Number, 'f', 0, 64)))
	case s.Number != nil:
		q := fhir.NewObject("value", fhir.Number(strconv.FormatFloat(*s.Number, 'f', -1, 64)), "unit", s.Unit)
		n.Set("valueQuantity", q)
	case s.Shown != "":
		n.Set("valueString", fhir.String(s.Shown))
		if s.Invalid {
			n.Append("interpretation", fhir.NewObject("text", "outside the scale"))
		}
	default:
		n.Set("dataAbsentReason", codeNode("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown"))
	}
}

func (x *export) rest(plan *fhir.Node) {
	for _, s := range x.p.Services {
		n := fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "order")
		n.Append("category", codeNode(fhir.SystemSection, "EksisterendeTjeneste"))
		n.Set("code", conceptNode(s.Text, &s.Value))
		n.Set("subject", reference(x.subject))
		if start, end := dateTime(s.Start), dateTime(s.End); start != "" || end != "" {
			n.Set("occurrencePeriod", fhir.NewObject("start", start, "end", end))
		}
		if s.Provider != "" {
			n.Append("performer", fhir.NewObject("display", s.Provider))
		}
		if s.Note != "" {
			n.Append("note", fhir.NewObject("text", s.Note))
		}
		id := shortID("service", s.Owner, s.System, s.Code, s.Text, s.Provider, s.Start, s.End, s.Amount, s.Note)
		plan.Append("activity", fhir.NewObject("reference", reference(x.put(n, id, s.From))))
	}
	for _, c := range x.p.Checkups {
		n := fhir.NewObject("resourceType", "Appointment", "status", "proposed")
		if start := dateTime(c.Start); len(start) > 10 {
			n.SetText("start", start)
		} else if start != "" {
			n.Append("requestedPeriod", fhir.NewObject("start", start))
		}
		if c.Booked {
			n.SetText("status", "booked")
		}
		n.SetText("comment", c.Note)
		n.Append("participant", fhir.NewObject("actor", reference(x.subject), "status", "accepted"))
		if c.Place != "" {
			n.Append("participant", fhir.NewObject("actor", fhir.NewObject("display", c.Place), "status", "needs-action"))
		}
		plan.Append("activity", fhir.NewObject("reference", reference(x.put(n, c.ID, c.From))))
	}
	for i, a := range x.p.Aids {
		n := fhir.NewObject("resourceType", "DeviceRequest", "intent", "order", "codeCodeableConcept", conceptNode(a.Text, &a.Value),
			"subject", reference(x.subject))
		if a.Status == "needed" {
			n.SetText("intent", "proposal")
		}
		plan.Append("activity", fhir.NewObject("reference", reference(x.put(n, shortID("aid", a.Owner, a.Code, a.Text, strconv.Itoa(i)), a.From))))
	}
}
