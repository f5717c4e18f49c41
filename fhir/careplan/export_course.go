package careplan

import (
	"slices"

	"github.com/samvirke/samvirke/fhir"
)

// stayDetail adds to an Encounter what native Encounters told: class, what it is called, leaves and the status before
// the one it has now. A leave whose start is not known stands in no history.
func (x *export) stayDetail(n *fhir.Node, s *Stay) {
	if s.Class != nil {
		n.Set("class", fhir.NewObject("system", first(s.Class.System, "http://terminology.hl7.org/CodeSystem/v3-ActCode"), "code", s.Class.Code))
	}
	if s.Kind != nil {
		n.Append("type", fhir.NewObject("text", s.Kind.Text))
	}
	for _, id := range s.Identifiers {
		n.Append("identifier", fhir.NewObject("value", id))
	}
	if len(s.Leaves) == 0 {
		return
	}
	past := func(status, from, to string) {
		if p := periodNode(from, to); p != nil && dateTime(from) != "" {
			n.Append("statusHistory", fhir.NewObject("status", status, "period", p))
		}
	}
	since := textOf(s.Start)
	for _, l := range s.Leaves {
		past("in-progress", since, textOf(l.Start))
		if since = textOf(l.End); l.End != nil {
			past("onleave", textOf(l.Start), since)
		}
	}
	last := s.Leaves[len(s.Leaves)-1]
	if s.End != nil && last.End != nil && last.End.Text != s.End.Text {
		past("in-progress", since, s.End.Text)
	}
	if p := periodNode(textOf(last.Start), textOf(last.End)); p != nil && len(p.Keys()) > 0 {
		n.Append("extension", fhir.NewObject("url", extLeave, "valuePeriod", p))
	}
	n.Set("statusHistory", ordered(n.Get("statusHistory")))
}

// ordered puts the periods of a status history in order of their start; nil when there are none.
func ordered(list *fhir.Node) *fhir.Node {
	items := slices.Clone(list.Items())
	if len(items) == 0 {
		return nil
	}
	slices.SortStableFunc(items, func(a, b *fhir.Node) int {
		return parseMoment(a.At("period.start").Text()).at.Compare(parseMoment(b.At("period.start").Text()).at)
	})
	out := fhir.NewArray()
	for _, i := range items {
		out.Add(i)
	}
	return out
}
