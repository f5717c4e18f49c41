package careplan

import (
	"github.com/samvirke/samvirke/fhir"
)

// panels reads every panel with its members and returns all Observations it used.
func (x extractor) panels(c *content) map[*fhir.Node]bool {
	used := map[*fhir.Node]bool{}
	for _, n := range x.b.All("Observation") {
		members := n.Get("hasMember").Items()
		if len(members) == 0 || hidden(n) {
			continue
		}
		used[n] = true
		p := panel{Instrument: instrumentOf(n), Date: effective(n), DateSource: dateSource(n), Note: noteText(n)}
		if s := scoreOf(n); s.Value != "" && !isSectionPanel(n) {
			s.Total = true
			p.Scores = append(p.Scores, s)
		}
		var order []string
		groups := map[string]*panel{}
		for _, m := range members {
			e, ok := x.resolve(m.Get("reference").Text())
			if !ok || e.Type != "Observation" || used[e.Resource] || hidden(e.Resource) {
				continue
			}
			used[e.Resource] = true
			name := first(p.Instrument, instrumentOf(e.Resource), "unknown")
			if g := instrumentOf(e.Resource); g == "iplos" || g == "gaf" {
				name = g // one panel of the source may hold both; they never share a line
			}
			g := groups[name]
			if g == nil {
				g = &panel{Instrument: name, Date: p.Date, DateSource: p.DateSource, Note: p.Note}
				if len(order) == 0 { // nearly always the only one
					g.Scores = make([]score, 0, len(members))
				}
				groups[name] = g
				order = append(order, name)
			}
			if g.Date == "" {
				g.Date, g.DateSource = effective(e.Resource), dateSource(e.Resource)
			}
			g.Scores = append(g.Scores, scoreOf(e.Resource))
		}
		if len(p.Scores) > 0 {
			name := first(p.Instrument, "unknown")
			if groups[name] == nil {
				groups[name] = &panel{Instrument: name, Date: p.Date, DateSource: p.DateSource, Note: p.Note}
				order = append([]string{name}, order...)
			}
			groups[name].Scores = append(p.Scores, groups[name].Scores...)
		}
		for _, name := range order {
			c.Panels = append(c.Panels, *groups[name])
		}
	}
	return used
}

// single reads an Observation that belongs to no panel: a total or a timed test. Others of the
// same instrument and date in the message that belong to no panel either join it.
func (x extractor) single(n *fhir.Node, c *content) {
	if hidden(n) || isSectionPanel(n) {
		return
	}
	s := scoreOf(n)
	if s.Value == "" && !s.NotRelevant {
		return
	}
	p := panel{Instrument: first(instrumentOf(n), "unknown"), Date: effective(n), DateSource: dateSource(n), Scores: []score{s}}
	key := p.Instrument + "|" + p.Date + "|" + p.DateSource
	if i, ok := x.panelAt[key]; ok && p.Instrument != "unknown" {
		c.Panels[i].Scores = append(c.Panels[i].Scores, s)
		return
	}
	x.panelAt[key] = len(c.Panels)
	c.Panels = append(c.Panels, p)
}

func hidden(n *fhir.Node) bool {
	s := n.Get("status").Text()
	return s == "entered-in-error" || s == "cancelled"
}

func isSectionPanel(n *fhir.Node) bool {
	return hasCodeIn(n.Get("code"), fhir.SystemSection)
}

func hasCodeIn(cc *fhir.Node, system string) bool {
	for _, cd := range cc.Get("coding").Items() {
		if cd.Get("system").Text() == system {
			return true
		}
	}
	return false
}

// scoreOf reads value and code of one Observation. The value stays text: whether it is a number
// within range is decided by the instrument when the plan is folded.
func scoreOf(n *fhir.Node) score {
	s := score{coded: concept(n.Get("code")), Note: noteText(n)}
	switch {
	case n.Get("valueInteger") != nil:
		s.Value = n.Get("valueInteger").Text()
	case n.Get("valueQuantity") != nil:
		q := n.Get("valueQuantity")
		s.Value = q.Get("comparator").Text() + q.Get("value").Text()
		s.Unit = first(q.Get("unit").Text(), q.Get("code").Text())
	case n.Get("valueCodeableConcept") != nil:
		v := concept(n.Get("valueCodeableConcept"))
		s.Value = first(v.Text, v.Code)
		if v.System == fhir.SystemFunctionScore && v.Code == "9" {
			s.Value, s.NotRelevant = "9", true
		}
	case n.Get("valueString") != nil:
		s.Value = n.Get("valueString").Text()
	case n.Get("dataAbsentReason") != nil:
		s.Value = first(concept(n.Get("dataAbsentReason")).Text, "not recorded")
	}
	return s
}

func effective(n *fhir.Node) string {
	return first(n.Get("effectiveDateTime").Text(), n.At("effectivePeriod.start").Text(), n.Get("effectiveInstant").Text())
}

func dateSource(n *fhir.Node) string {
	if effective(n) == "" {
		return ""
	}
	if v := n.Get("_effectiveDateTime").Extension(fhir.ExtDateSource); v != nil {
		return v.Get("valueCode").Text()
	}
	return "responsible"
}
