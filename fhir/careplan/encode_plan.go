package careplan

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// rare writes by encoding/json what few plans have.
func (e *encoder) rare(name string, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		e.bad = true
		return
	}
	e.key(name)
	e.b = append(e.b, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// AppendJSON appends the canonical bytes of the plan, see JSON.
func (p *Plan) AppendJSON(b []byte) []byte {
	if p == nil {
		return append(b, "null"...)
	}
	e := encoder{b: b}
	e.open()
	e.plan(p)
	e.close()
	if e.bad {
		return append(b, p.reflected()...)
	}
	return e.b
}

func (e *encoder) plan(p *Plan) {
	e.text("patient", p.Patient)
	object(e, "person", &p.Person, (*encoder).facts)
	each(e, "stays", p.Stays, (*encoder).stay)
	each(e, "discharge_ready", p.Ready, (*encoder).ready)
	each(e, "diagnoses", p.Diagnoses, func(e *encoder, d *Diagnosis) {
		e.value(&d.Value)
		e.flag("main", d.Main)
		e.text("owner", d.Owner)
	})
	each(e, "goals", p.Goals, (*encoder).goal)
	each(e, "measures", p.Measures, (*encoder).measure)
	each(e, "services", p.Services, (*encoder).service)
	each(e, "function", p.Function, (*encoder).assessment)
	each(e, "checkups", p.Checkups, (*encoder).checkup)
	each(e, "aids", p.Aids, func(e *encoder, a *Aid) {
		e.value(&a.Value)
		e.opt("status", a.Status)
		e.text("owner", a.Owner)
	})
	each(e, "contacts", p.Contacts, (*encoder).contact)
	each(e, "notes", p.Notes, func(e *encoder, n *Note) {
		object(e, "heading", &n.Heading, (*encoder).value)
		e.text("text", n.Text)
		e.text("owner", n.Owner)
	})
	each(e, "team", p.Team, func(e *encoder, m *Member) {
		e.text("her", m.HER)
		e.opt("name", m.Name)
		e.opt("role", m.Role)
		e.list("from", m.From)
	})
	each(e, "tasks", p.Tasks, (*encoder).task)
	each(e, "gaps", p.Gaps, func(e *encoder, g *Gap) {
		e.text("rule", g.Rule)
		e.opt("severity", g.Severity)
		e.text("text", g.Text)
		e.time("due", g.Due)
		e.opt("subject", g.Subject)
		e.optList("from", g.From)
	})
	each(e, "flags", p.Flags, func(e *encoder, f *Flag) {
		e.text("code", f.Code)
		e.text("text", f.Text)
		e.list("from", f.From)
	})
	if p.Shared != nil {
		e.rare("shared", p.Shared)
	}
	if p.Rights != nil {
		e.rare("rights", p.Rights)
	}
	if p.Course != nil {
		e.rare("course", p.Course)
	}
	e.flag("restricted", p.Restricted)
	e.sources(p.Sources)
	each(e, "history", p.History, (*encoder).source)
}

func (e *encoder) sources(m map[string]Source) {
	if m == nil {
		e.null("sources")
		return
	}
	e.key("sources")
	e.open()
	keys := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(keys)
	for _, k := range keys {
		s := m[k]
		e.comma()
		e.quote(k)
		e.b = append(e.b, ':')
		e.open()
		e.source(&s)
		e.close()
	}
	e.close()
}

func (e *encoder) source(s *Source) {
	e.text("key", s.Key)
	e.text("kind", s.Kind)
	e.opt("op", s.Op)
	e.text("sender", s.Sender)
	e.opt("sender_name", s.Name)
	e.opt("author", s.Author)
	e.time("event", s.Event)
	e.time("sent", s.Sent)
	e.opt("mapping", s.Mapping)
	e.text("state", s.State)
}

func (e *encoder) value(v *Value) {
	e.text("text", v.Text)
	e.opt("code", v.Code)
	e.opt("system", v.System)
	e.list("from", v.From)
}

func (e *encoder) optValue(name string, v *Value) { object(e, name, v, (*encoder).value) }

func (e *encoder) facts(p *Person) {
	e.optValue("identifier", &p.Identifier)
	e.optValue("name", p.Name)
	e.optValue("birth_date", p.BirthDate)
	e.optValue("sex", p.Sex)
	e.optValue("address", p.Address)
	e.optValue("phone", p.Phone)
	e.optValue("deceased", p.Deceased)
}

func (e *encoder) stay(s *Stay) {
	e.text("id", s.ID)
	e.text("organisation", s.Organiser)
	e.opt("name", s.Name)
	e.text("status", s.Status)
	e.optValue("start", s.Start)
	e.optValue("end", s.End)
	e.optValue("expected_ready", s.Expected)
	e.optValue("destination", s.Destination)
	e.number("ready_count", s.ReadyCount)
	e.number("withdrawn_count", s.WithdrawnN)
	e.optValue("class", s.Class)
	e.optValue("kind", s.Kind)
	e.optList("identifiers", s.Identifiers)
	each(e, "leaves", s.Leaves, func(e *encoder, l *Leave) {
		e.optValue("start", l.Start)
		e.optValue("end", l.End)
	})
	e.list("from", s.From)
}

func (e *encoder) ready(r *Ready) {
	e.text("stay", r.Stay)
	e.optValue("set", &r.Set)
	e.optValue("end", r.End)
	e.opt("why", r.Why)
	e.flag("planned", r.Planned)
	e.list("from", r.From)
}

func (e *encoder) goal(g *Goal) {
	e.text("id", g.ID)
	e.text("text", g.Text)
	e.optValue("code", g.Code)
	e.optValue("due", g.Due)
	e.optValue("start", g.Start)
	e.text("status", g.Status)
	e.text("owner", g.Owner)
	e.opt("expressed_by", g.ExpressedBy)
	e.opt("on_behalf", g.OnBehalf)
	e.list("from", g.From)
}

func (e *encoder) measure(m *Measure) {
	e.text("id", m.ID)
	e.text("text", m.Text)
	e.optValue("code", m.Code)
	e.text("kind", m.Kind)
	e.text("status", m.Status)
	e.text("requester", m.Requester)
	e.opt("owner", m.Owner)
	e.optValue("evaluation", m.Evaluation)
	e.opt("period", m.Period)
	e.opt("note", m.Note)
	each(e, "answers", m.Answers, func(e *encoder, a *Answer) {
		e.text("by", a.By)
		e.text("status", a.Status)
		e.opt("reason", a.Reason)
		e.time("at", a.At)
		e.list("from", a.From)
	})
	e.list("from", m.From)
}

func (e *encoder) service(s *Service) {
	e.value(&s.Value)
	e.opt("provider", s.Provider)
	e.flag("private", s.Private)
	e.opt("start", s.Start)
	e.opt("end", s.End)
	e.opt("amount", s.Amount)
	e.opt("note", s.Note)
	e.text("owner", s.Owner)
}

func (e *encoder) assessment(a *Assessment) {
	e.text("id", a.ID)
	e.text("instrument", a.Instrument)
	e.opt("variant", a.Variant)
	e.opt("date", a.Date)
	e.opt("date_source", a.DateSource)
	e.flag("baseline", a.Baseline)
	e.opt("line", a.Line)
	e.text("owner", a.Owner)
	e.opt("assessor", a.Assessor)
	e.opt("setting", a.Setting)
	e.opt("informer", a.Informer)
	e.opt("protocol", a.Protocol)
	e.opt("derived", a.Derived)
	e.opt("form", a.Form)
	e.optList("issues", a.Issues)
	switch {
	case a.Scores == nil:
		e.null("scores")
	case len(a.Scores) == 0:
		e.list("scores", []string{})
	}
	each(e, "scores", a.Scores, (*encoder).score)
	e.opt("note", a.Note)
	e.list("from", a.From)
}

func (e *encoder) score(s *Score) {
	e.value(&s.Value)
	e.text("shown", s.Shown)
	if s.Number != nil {
		e.key("number")
		e.decimal(*s.Number)
	}
	e.flag("not_relevant", s.NotRelevant)
	e.flag("invalid", s.Invalid)
	e.float("min", s.Min)
	e.float("max", s.Max)
	e.opt("higher_is", s.HigherIs)
	e.opt("unit", s.Unit)
	e.opt("note", s.Note)
	e.flag("words", s.Words)
	e.opt("absent", s.Absent)
	e.opt("problem", s.Problem)
	e.opt("value_code", s.ValueCode)
	e.opt("value_system", s.ValueSystem)
	e.opt("aid", s.Aid)
}

func (e *encoder) checkup(c *Checkup) {
	e.text("id", c.ID)
	e.opt("start", c.Start)
	e.opt("place", c.Place)
	e.truth("booked", c.Booked)
	e.flag("cancelled", c.Cancelled)
	e.opt("note", c.Note)
	e.text("owner", c.Owner)
	e.list("from", c.From)
}

func (e *encoder) contact(c *Contact) {
	e.text("kind", c.Kind)
	e.text("name", c.Name)
	e.opt("role", c.Role)
	e.opt("role_code", c.RoleCode)
	e.optList("phone", c.Phone)
	e.opt("note", c.Note)
	e.text("owner", c.Owner)
	e.list("from", c.From)
}

func (e *encoder) task(t *Task) {
	e.text("id", t.ID)
	e.text("text", t.Text)
	e.text("for", t.For)
	e.text("status", t.Status)
	e.text("rule", t.Rule)
	e.opt("measure", t.Measure)
	e.list("from", t.From)
}
