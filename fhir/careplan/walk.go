package careplan

import (
	"strconv"
	"strings"
)

// walk says every visible value of a plan in its order.
func (l *leafList) walk(p *Plan) {
	l.persons(p)
	for _, s := range p.Stays {
		i := l.item("stay", "Stay ", s.Name, s.ID)
		i.add("status", s.Status, s.From)
		i.value("admitted", s.Start)
		i.value("discharged", s.End)
		i.value("expected ready", s.Expected)
		i.value("discharged to", s.Destination)
		i.add("times ready", strconv.Itoa(s.ReadyCount), s.From)
		i.add("times withdrawn", strconv.Itoa(s.WithdrawnN), s.From)
		i.stay(&s)
	}
	for _, r := range p.Ready {
		i := l.item("ready", "Discharge-ready", "", r.Stay)
		i.add("set", r.Set.Text, r.Set.From)
		i.value("ended", r.End)
		i.add("why ended", r.Why, r.From)
		i.add("planned", yes(r.Planned), r.From)
	}
	l.clinical(p)
	l.function(p)
	l.rights(p.Rights)
	l.course(p.Course)
	l.shared(p)
	l.derived(p)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func (l *leafList) persons(p *Plan) {
	i := l.item("person", "Person", "", "")
	i.add("identifier", p.Person.Identifier.Text, p.Person.Identifier.From)
	i.value("name", p.Person.Name)
	i.value("birth date", p.Person.BirthDate)
	i.value("sex", p.Person.Sex)
	i.value("address", p.Person.Address)
	i.value("phone", p.Person.Phone)
	i.value("deceased", p.Person.Deceased)
	i.add("restricted", yes(p.Restricted), nil)
	for _, m := range p.Team {
		i := l.item("team", "Team", "", m.HER)
		i.add("", first(m.Name, m.HER), m.From)
		i.add("role", m.Role, m.From)
	}
	for _, c := range p.Contacts {
		i := l.item("contact", "Contact", "", c.Owner, c.Kind, c.Name, c.Role)
		i.add("", c.Name, c.From)
		i.add("role", c.Role, c.From)
		i.add("phone", strings.Join(c.Phone, ", "), c.From)
		i.add("note", c.Note, c.From)
	}
}

func (l *leafList) clinical(p *Plan) {
	for _, d := range p.Diagnoses {
		i := l.item("diagnosis", "Diagnosis", "", d.Owner, d.System, first(d.Code, d.Text))
		i.add("", words(d.Code, d.Text), d.From)
		i.add("main", yes(d.Main), d.From)
	}
	for _, g := range p.Goals {
		i := l.item("goal", "Goal", "", g.ID)
		i.add("", g.Text, g.From)
		i.value("due", g.Due)
		i.value("start", g.Start)
		i.add("expressed by", g.ExpressedBy, g.From)
		i.add("on behalf", g.OnBehalf, g.From)
	}
	for _, m := range p.Measures {
		i := l.item("measure", "Measure ", m.Text, m.ID)
		i.add("", m.Text, m.From)
		i.add("kind", m.Kind, m.From)
		i.add("status", m.Status, m.From)
		i.add("owner", m.Owner, m.From)
		i.value("evaluation", m.Evaluation)
		i.add("period", m.Period, m.From)
		i.add("note", m.Note, m.From)
		for _, a := range m.Answers {
			i.addOf("answer of "+a.By, formatTime(a.At), words(a.Status, a.Reason), a.From)
		}
	}
	for _, s := range p.Services {
		i := l.item("service", "Service", "", s.Owner, first(s.Code, s.Text))
		i.add("", s.Text, s.From)
		i.add("provider", s.Provider, s.From)
		i.add("private", yes(s.Private), s.From)
		i.add("period", strings.Trim(s.Start+"/"+s.End, "/"), s.From)
		i.add("amount", s.Amount, s.From)
		i.add("note", s.Note, s.From)
	}
	for _, c := range p.Checkups {
		i := l.item("checkup", "Check-up", "", c.ID)
		i.add("start", first(c.Start, "no time"), c.From)
		i.add("place", c.Place, c.From)
		i.add("booked", yes(c.Booked), c.From)
		i.add("cancelled", yes(c.Cancelled), c.From)
		i.add("note", c.Note, c.From)
	}
	for _, a := range p.Aids {
		i := l.item("aid", "Aid", "", a.Owner, first(a.Code, a.Text))
		i.add("", a.Text, a.From)
		i.add("status", a.Status, a.From)
	}
	for _, n := range p.Notes {
		i := l.item("note", "Note ", n.Heading.Text, n.Owner, n.Heading.System, first(n.Heading.Code, n.Heading.Text))
		i.add("", n.Text, n.Heading.From)
	}
}

func (l *leafList) function(p *Plan) {
	for _, a := range p.Function {
		i := l.item("function", "Function ", a.Instrument+" "+a.Date, a.ID)
		i.add("date", a.Date+" "+a.DateSource, a.From)
		i.add("variant", a.Variant, a.From)
		i.add("baseline", yes(a.Baseline), a.From)
		i.add("note", a.Note, a.From)
		i.add("assessor", a.Assessor, a.From)
		i.add("setting", a.Setting, a.From)
		i.add("informer", a.Informer, a.From)
		i.add("protocol", a.Protocol, a.From)
		for j := range a.Scores {
			s := &a.Scores[j]
			shown := words(s.Shown, s.Unit)
			switch {
			case s.NotRelevant:
				shown = "not relevant"
			case s.Invalid:
				shown += " (outside the scale)"
			}
			if s.Aid != "" {
				shown = words(shown, "(aid: "+s.Aid+")")
			}
			if s.Problem != "" {
				shown = words(s.Problem+":", shown)
			}
			i.addOf(s.Text, s.Code, words(shown, s.Note), s.From)
		}
	}
}

func (l *leafList) derived(p *Plan) {
	for _, t := range p.Tasks {
		i := l.item("task", "Task for ", t.For, t.ID)
		i.add("", t.Text, t.From)
		i.add("status", t.Status, t.From)
	}
	for _, g := range p.Gaps {
		i := l.item("gap", "Gap ", g.Rule, g.Rule, g.Subject)
		i.add("", g.Text, g.From)
		i.add("due", formatTime(g.Due), g.From)
		i.add("severity", g.Severity, g.From)
	}
	for _, f := range p.Flags {
		i := l.item("flag", "Flag ", f.Code, f.Code)
		i.add("", f.Text, f.From)
	}
}
