package careplan

import (
	"slices"

	"github.com/samvirke/samvirke/fhir"
)

// Which viewers a security label is about. A resource labelled R or V is for who wrote and who was sent it,
// and for the person; one labelled NOPAT is for everybody but the person.
//
// Source: careplan.md section 8; HL7 v3 Confidentiality and ActCode.
const (
	labelRestricted = "RV"
	labelNotPatient = "NOPAT"
)

// labelOf gives the strongest label of a resource that this package acts on, "" for nearly all.
func labelOf(n *fhir.Node) string {
	code := ""
	for _, l := range n.Get("meta").Get("security").Items() {
		switch c, system := l.Get("code").Text(), l.Get("system").Text(); {
		case c == "R" && (system == systemConfidentiality || system == "") && code == "", c == "V" && (system == systemConfidentiality || system == ""):
			code = c
		case c == "NOPAT" && (system == systemActCode || system == "") && code == "":
			code = c
		}
	}
	return code
}

// part is one of the lists whose single items can be labelled, with how many stand there.
type part struct {
	name string
	n    int
}

func (c *content) parts() []part {
	return []part{{"dx", len(c.Diagnoses)}, {"go", len(c.Goals)}, {"me", len(c.Measures)}, {"se", len(c.Services)}, {"fu", len(c.Panels)},
		{"ck", len(c.Checkups)}, {"ai", len(c.Aids)}, {"co", len(c.Contacts)}, {"no", len(c.Notes)}, {"an", len(c.Answers)}}
}

// labelled is where the facts of a labelled resource begin.
type labelled struct {
	code  string
	parts []part
}

// label begins a resource; nil for nearly all, which have no label.
func (c *content) label(n *fhir.Node) *labelled {
	if code := labelOf(n); code != "" {
		return &labelled{code, c.parts()}
	}
	return nil
}

// unlabel ends a labelled resource: what it added to the lists is covered, and the whole message when it is of a
// sort whose facts stand elsewhere. grouped: its facts stand in a panel that was read before.
func (c *content) unlabel(m *labelled, grouped bool) {
	if m == nil {
		return
	}
	r := c.rare().rights()
	found := false
	for i, p := range c.parts() {
		before := m.parts[i].n
		if grouped && p.name == "fu" {
			before = 0
		}
		if p.n > before {
			found = true
			r.Labels = append(r.Labels, labelFact{Code: m.code, Part: p.name, From: before, To: p.n})
		}
	}
	if !found {
		r.Labels = append(r.Labels, labelFact{Code: m.code})
	}
}

func (l *labelFact) is(kind string) bool {
	return (l.Code == labelNotPatient) == (kind == labelNotPatient)
}

// labelled tells whether a label covers the whole record. A label on one item does too where the message also
// states something outside the lists, which might be the same thing said again.
func (r *rec) labelled(kind string) bool {
	facts := r.facts.rights()
	return facts != nil && slices.ContainsFunc(facts.Labels, func(l labelFact) bool {
		return l.is(kind) && (l.Part == "" || r.facts.More.Shared != nil || r.facts.More.Course != nil || len(r.facts.More.Elements) > 0)
	})
}

// strip takes labelled items out of the records that the viewer sees. Records are never changed: a stripped
// one is another one.
func (v *liveness) strip(s *looker) {
	var swap map[*rec]*rec
	for _, r := range v.recs {
		facts := r.facts.rights()
		if facts == nil || len(facts.Labels) == 0 || !s.viewer.Patient && (s.own(r) || s.addressed(r)) {
			continue
		}
		kind := labelRestricted
		if s.viewer.Patient {
			kind = labelNotPatient
		}
		if !slices.ContainsFunc(facts.Labels, func(l labelFact) bool { return l.is(kind) }) {
			continue
		}
		if swap == nil {
			swap = map[*rec]*rec{}
		}
		one := *r
		one.facts, one.memo = r.facts.without(facts.Labels, kind), memo{}
		swap[r] = &one
	}
	if swap == nil {
		return
	}
	other := func(list []*rec) []*rec {
		list = slices.Clone(list)
		for i, r := range list {
			if o := swap[r]; o != nil {
				list[i] = o
			}
		}
		return list
	}
	v.recs, v.keyed, v.loose = other(v.recs), other(v.keyed), other(v.loose)
	for i, l := range v.lines {
		one := *l
		one.members, one.added = other(l.members), other(l.added)
		if o := swap[l.head]; o != nil {
			one.head = o
		}
		if o := swap[l.ender]; o != nil {
			one.ender = o
		}
		v.lines[i] = &one
	}
}

// without gives the content without its labelled items, and without the labels.
func (c *content) without(labels []labelFact, kind string) *content {
	out := *c
	out.Diagnoses = cut(c.Diagnoses, "dx", labels, kind)
	out.Goals = cut(c.Goals, "go", labels, kind)
	out.Measures = cut(c.Measures, "me", labels, kind)
	out.Services = cut(c.Services, "se", labels, kind)
	out.Panels = cut(c.Panels, "fu", labels, kind)
	out.Checkups = cut(c.Checkups, "ck", labels, kind)
	out.Aids = cut(c.Aids, "ai", labels, kind)
	out.Contacts = cut(c.Contacts, "co", labels, kind)
	out.Notes = cut(c.Notes, "no", labels, kind)
	out.Answers = cut(c.Answers, "an", labels, kind)
	facts := *c.More.Rights
	facts.Labels = nil
	m := *c.More
	m.Rights, out.More = &facts, &m
	return &out
}

func cut[T any](list []T, part string, labels []labelFact, kind string) []T {
	var out []T
	for i := range list {
		if !slices.ContainsFunc(labels, func(l labelFact) bool { return l.is(kind) && l.Part == part && l.From <= i && i < l.To }) {
			out = append(out, list[i])
		}
	}
	return out
}
