package careplan

import (
	"maps"
	"slices"
	"strings"
)

// statements names the sorts of things that a record states, as Plan's JSON names the lists.
func (c *content) statements() (out []string) {
	for _, p := range []part{{"aids", len(c.Aids)}, {"checkups", len(c.Checkups)}, {"contacts", len(c.Contacts)}, {"diagnoses", len(c.Diagnoses)},
		{"function", len(c.Panels)}, {"goals", len(c.Goals)}, {"measures", len(c.Measures)}, {"notes", len(c.Notes)},
		{"services", len(c.Services)}, {"stays", len(c.Events)}} {
		if p.n > 0 {
			out = append(out, p.name)
		}
	}
	if c.More != nil && c.More.Shared != nil {
		for _, s := range c.More.Shared.Statements {
			if s.Field == FieldPatientGoal || contains(planFields(), s.Field) {
				out = append(out, s.Field)
			}
		}
	}
	if c.More != nil && c.More.Course != nil {
		out = append(out, "course")
	}
	return out
}

// withheld names what something of is hidden, and nothing more about it. Only live records count.
func withheld(recs []*rec, hidden map[string]bool, seen []*rec) []string {
	names := map[string]bool{}
	for _, r := range recs {
		if hidden[r.key] && (r.state == stateLive || r.state == stateOrphan) {
			for _, n := range r.facts.statements() {
				names[n] = true
			}
		}
	}
	for _, r := range seen { // stripped ones state less than they did
		at, _ := slices.BinarySearchFunc(recs, r, byOrder)
		if at < len(recs) && recs[at].facts != r.facts {
			left := r.facts.parts()
			for i, p := range recs[at].facts.parts() {
				if name := partNames[p.name]; p.n > left[i].n && name != "" {
					names[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

var partNames = map[string]string{"dx": "diagnoses", "go": "goals", "me": "measures", "se": "services", "fu": "function",
	"ck": "checkups", "ai": "aids", "co": "contacts", "no": "notes"}

// narrow leaves of a plan what the viewer's part in it asks for.
func (p *Plan) narrow(v *Viewer) {
	switch {
	case v.Patient:
	case v.Purpose == PurposeStatistics:
		*p = Plan{Sources: map[string]Source{}} // figures are made without anybody's plan
	case v.Private:
		p.private(v)
	case v.Purpose == PurposeCoordination && !p.has(v):
		p.overview()
	}
}

// has tells whether the viewer takes part: who coordinates and treats as well sees what a member sees.
func (p *Plan) has(v *Viewer) bool {
	return slices.ContainsFunc(v.HER, func(her string) bool { return p.MemberAt(her, v.At) })
}

// overview is what a coordinating unit that takes no part itself needs to see that no end is loose: who, where, what is wanted, who
// carries it, what is missing. Findings (diagnoses, function, free text, marks, dialogue) are not among it.
func (p *Plan) overview() {
	gone := map[string]bool{}
	for _, a := range p.Function {
		gone[a.ID] = true
	}
	p.Diagnoses, p.Function = nil, nil
	p.Notes = slices.DeleteFunc(p.Notes, func(n Note) bool { return !n.zonePlan() })
	if p.Course != nil {
		c := *p.Course
		c.Marks, c.Dialogue = nil, nil
		p.Course = &c
	}
	p.Gaps = slices.DeleteFunc(p.Gaps, func(g Gap) bool { return g.Rule == "R12" || gone[g.Subject] })
	p.Tasks = slices.DeleteFunc(p.Tasks, func(t Task) bool { return t.Rule == "R12" })
	p.prune(func(string) bool { return false })
}

func (n *Note) zonePlan() bool { return isZonePlan(n.Heading.Text) || isZonePlan(n.Text) }

// private is what a private provider sees: its own measures, the goals they serve, the zone plan, contacts,
// and what it wrote itself. A goal is served by the measures that its organisation stated with it.
func (p *Plan) private(v *Viewer) {
	mine := func(owner string) bool { return v.is(owner) }
	kept := map[string]bool{}
	stated := map[string]bool{} // records that state one of the viewer's measures
	p.Measures = slices.DeleteFunc(p.Measures, func(m Measure) bool {
		answered := slices.ContainsFunc(m.Answers, func(a Answer) bool { return mine(a.By) })
		if !mine(m.Owner) && !mine(m.Requester) && !answered {
			return true
		}
		for _, k := range m.From {
			if strings.HasPrefix(k, m.Requester+"/") {
				stated[k] = true
			}
		}
		kept[m.ID] = true
		return false
	})
	p.Goals = slices.DeleteFunc(p.Goals, func(g Goal) bool {
		serves := slices.ContainsFunc(g.From, func(k string) bool { return stated[k] })
		kept[g.ID] = mine(g.Owner) || serves
		return !kept[g.ID]
	})
	p.Stays, p.Ready = nil, nil
	p.Diagnoses = slices.DeleteFunc(p.Diagnoses, func(d Diagnosis) bool { return !mine(d.Owner) })
	p.Services = slices.DeleteFunc(p.Services, func(s Service) bool { return !mine(s.Owner) })
	p.Function = slices.DeleteFunc(p.Function, func(a Assessment) bool { return !mine(a.Owner) })
	p.Checkups = slices.DeleteFunc(p.Checkups, func(c Checkup) bool { return !mine(c.Owner) })
	p.Aids = slices.DeleteFunc(p.Aids, func(a Aid) bool { return !mine(a.Owner) })
	p.Notes = slices.DeleteFunc(p.Notes, func(n Note) bool { return !mine(n.Owner) && !n.zonePlan() })
	p.Shared = p.Shared.of(v, kept)
	p.Course = p.Course.of(v, kept)
	ownly := func(from []string) bool {
		return !slices.ContainsFunc(from, func(k string) bool {
			sender, _, _ := strings.Cut(k, "/")
			return !mine(sender)
		})
	}
	p.Tasks = slices.DeleteFunc(p.Tasks, func(t Task) bool { return !mine(t.For) && !(t.Measure != "" && kept[t.Measure]) })
	p.Gaps = slices.DeleteFunc(p.Gaps, func(g Gap) bool { return g.Subject == "" || !kept[g.Subject] })
	p.Flags = slices.DeleteFunc(p.Flags, func(f Flag) bool { return !ownly(f.From) })
	p.History = slices.DeleteFunc(p.History, func(s Source) bool { return !mine(s.Sender) })
	if p.Rights != nil {
		r := RightsPart{Identities: p.Rights.Identities, Withheld: p.Rights.Withheld}
		for _, m := range p.Rights.Members {
			if mine(m.HER) {
				r.Members = append(r.Members, m)
			}
		}
		p.Rights = &r
	}
	p.prune(mine)
}

// of leaves of the shared part what is about the provider: proposals by or to it.
func (s *SharedPart) of(v *Viewer, kept map[string]bool) *SharedPart {
	if s == nil {
		return nil
	}
	out := &SharedPart{}
	for _, p := range s.Proposals {
		if v.is(p.By) || v.is(p.Owner) || kept[p.Element] {
			out.Proposals = append(out.Proposals, p)
		}
	}
	if len(out.Proposals) == 0 {
		return nil
	}
	return out
}

// of leaves of the course the zones, and what the provider wrote or was told.
func (c *CoursePart) of(v *Viewer, kept map[string]bool) *CoursePart {
	if c == nil {
		return nil
	}
	out := &CoursePart{Zones: c.Zones}
	for _, s := range c.SubPlans {
		if v.is(s.Owner) {
			out.SubPlans = append(out.SubPlans, s)
		}
	}
	for _, m := range c.Marks {
		if v.is(m.Owner) {
			out.Marks = append(out.Marks, m)
		}
	}
	for _, d := range c.Dialogue {
		if v.is(d.By) || v.isAny(d.To) || d.About != "" && kept[d.About] {
			out.Dialogue = append(out.Dialogue, d)
		}
	}
	if len(out.Zones)+len(out.SubPlans)+len(out.Marks)+len(out.Dialogue) == 0 {
		return nil
	}
	return out
}

// prune leaves the sources that something shown rests on, and those of the viewer's own records. What nearly
// every message repeats (who the person is, who takes part) does not keep the others.
func (p *Plan) prune(mine func(sender string) bool) {
	kept := map[string]bool{}
	for _, l := range leaves(p) {
		if strings.HasPrefix(l.path, "person/") || strings.HasPrefix(l.path, "team/") {
			continue
		}
		for _, k := range l.from {
			kept[k] = true
		}
	}
	for k, s := range p.Sources {
		kept[k] = kept[k] || mine(s.Sender)
	}
	left := func(from []string) []string {
		return slices.DeleteFunc(slices.Clone(from), func(k string) bool { return !kept[k] })
	}
	who := &p.Person
	for _, v := range []**Value{&who.Name, &who.BirthDate, &who.Sex, &who.Address, &who.Phone, &who.Deceased} {
		if *v != nil {
			one := **v
			if one.From = left(one.From); len(one.From) == 0 {
				one.From = (*v).From[:1]
				kept[one.From[0]] = true
			}
			*v = &one
		}
	}
	if who.Identifier.From = left(who.Identifier.From); len(who.Identifier.From) == 0 {
		who.Identifier.From = nil
	}
	p.Team = slices.Clone(p.Team)
	for i := range p.Team {
		p.Team[i].From = left(p.Team[i].From)
	}
	p.Team = slices.DeleteFunc(p.Team, func(m Member) bool { return len(m.From) == 0 })
	p.Sources = maps.Clone(p.Sources)
	maps.DeleteFunc(p.Sources, func(k string, _ Source) bool { return !kept[k] })
	maps.DeleteFunc(p.written, func(k string, _ []elementFact) bool { return !kept[k] })
}
