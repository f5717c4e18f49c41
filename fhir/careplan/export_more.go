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
		if x.alone(panel, &a) {
			x.put(a.Owner, panel, a.ID, a.From)
			continue
		}
		for _, s := range a.Scores {
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
			id := shortID("score", a.ID, s.System, s.Code, s.Text, x.again("score", a.ID, s.System, s.Code, s.Text))
			panel.Append("hasMember", reference(x.put(a.Owner, n, id, s.From)))
		}
		x.put(a.Owner, panel, a.ID, a.From)
	}
}

// alone tells whether an assessment was written as one Observation through the REST API: it is served as that.
func (x *export) alone(panel *fhir.Node, a *Assessment) bool {
	raw, _ := x.p.asWritten(panel, a.ID, a.From)
	return raw != nil && !hasMembers(raw)
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
