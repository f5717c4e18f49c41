package careplan

import "encoding/json"

// AppendJSON appends the record as json.Marshal writes it, which is the stored form.
func (r *Record) AppendJSON(b []byte) []byte {
	e := encoder{b: b, html: true}
	if r.plain {
		e.open()
		e.record(r)
		e.close()
	}
	if r.plain && !e.bad {
		return e.b
	}
	raw, err := json.Marshal(r)
	if err != nil {
		panic(err) // content that is no JSON or a time that cannot be written: no record of ours
	}
	return append(b, raw...)
}

func (e *encoder) record(r *Record) {
	e.key("key")
	e.open()
	e.text("sender", r.Key.Sender)
	e.text("message_id", r.Key.MessageID)
	e.close()
	e.text("hash", r.Hash)
	e.key("chain")
	e.open()
	e.text("conversation", r.Chain.Conversation)
	e.opt("parent", r.Chain.Parent)
	e.text("op", string(r.Chain.Op))
	e.close()
	e.text("subject", r.Subject)
	e.text("kind", r.Kind)
	e.time("event", r.Event)
	e.time("sent", r.Sent)
	e.when("received", r.Receive)
	e.opt("message_id", r.MessageID)
	e.opt("sender_name", r.SenderName)
	e.opt("author", r.Author)
	e.optList("original", r.Original)
	e.flag("no_forwarding", r.NoForwarding)
	e.optList("seen", r.Seen)
	e.optList("roles", r.Roles)
	e.text("mapping", r.Mapping)
	e.key("content")
	e.b = append(e.b, r.Content...)
}

// encodeContent gives the stored form of what a message states.
func encodeContent(c *content) []byte { return appendContent(make([]byte, 0, 2<<10), c) }

func appendContent(b []byte, c *content) []byte {
	e := encoder{b: b, html: true}
	e.open()
	e.content(c)
	e.close()
	return e.b
}

func (e *encoder) content(c *content) {
	each(e, "to", c.To, (*encoder).org)
	object(e, "fr", c.From, (*encoder).org)
	object(e, "p", c.Person, (*encoder).person)
	each(e, "ev", c.Events, (*encoder).event)
	object(e, "out", c.Out, (*encoder).coded)
	e.flag("dead", c.Dead)
	each(e, "dx", c.Diagnoses, func(e *encoder, d *diagnosis) {
		e.coded(&d.coded)
		e.flag("m", d.Main)
	})
	each(e, "go", c.Goals, func(e *encoder, g *goal) {
		e.opt("t", g.Text)
		object(e, "c", g.Code, (*encoder).coded)
		e.opt("d", g.Due)
		e.opt("b", g.Start)
		e.opt("y", g.By)
	})
	each(e, "me", c.Measures, (*encoder).statedMeasure)
	each(e, "se", c.Services, (*encoder).statedService)
	each(e, "fu", c.Panels, func(e *encoder, p *panel) {
		e.opt("i", p.Instrument)
		e.opt("d", p.Date)
		e.opt("ds", p.DateSource)
		e.opt("n", p.Note)
		each(e, "s", p.Scores, (*encoder).statedScore)
		object(e, "x", p.More, (*encoder).panelMore)
	})
	each(e, "ck", c.Checkups, func(e *encoder, k *checkup) {
		e.opt("b", k.Start)
		e.opt("p", k.Place)
		e.flag("k", k.Booked)
		e.opt("n", k.Note)
	})
	each(e, "ai", c.Aids, func(e *encoder, a *aid) {
		e.coded(&a.coded)
		e.opt("k", a.Status)
	})
	each(e, "co", c.Contacts, (*encoder).contactRow)
	each(e, "no", c.Notes, func(e *encoder, n *note) {
		object(e, "h", &n.Heading, (*encoder).coded)
		e.opt("t", n.Text)
	})
	each(e, "an", c.Answers, (*encoder).statedAnswer)
	e.more(c.More)
}

func (e *encoder) coded(c *coded) {
	e.opt("t", c.Text)
	e.opt("c", c.Code)
	e.opt("s", c.System)
}

func (e *encoder) org(o *org) {
	e.opt("h", o.HER)
	e.opt("i", o.Inner)
	e.opt("n", o.Name)
	e.flag("p", o.Person)
}

func (e *encoder) person(p *person) {
	e.opt("n", p.Name)
	e.opt("b", p.Birth)
	e.opt("x", p.Sex)
	e.opt("a", p.Address)
	e.opt("f", p.Phone)
	e.opt("d", p.Deceased)
}

func (e *encoder) event(v *event) {
	e.opt("c", v.Code)
	e.opt("t", v.Text)
	e.opt("w", v.Time)
	e.flag("e", v.Estimate)
	e.opt("n", v.Note)
	e.opt("p", v.Place)
}

func (e *encoder) statedMeasure(m *measure) {
	e.opt("r", m.Ref)
	e.optList("i", m.IDs)
	e.opt("t", m.Text)
	object(e, "c", m.Code, (*encoder).coded)
	e.opt("k", m.Kind)
	e.opt("e", m.Eval)
	e.opt("w", m.Period)
	e.opt("n", m.Note)
}

func (e *encoder) statedService(s *service) {
	e.coded(&s.coded)
	e.opt("p", s.Provider)
	e.flag("v", s.Private)
	e.opt("b", s.Start)
	e.opt("d", s.End)
	e.opt("a", s.Amount)
	e.opt("n", s.Note)
}

func (e *encoder) statedScore(s *score) {
	e.coded(&s.coded)
	e.opt("v", s.Value)
	e.flag("x", s.NotRelevant)
	e.opt("u", s.Unit)
	e.opt("n", s.Note)
	e.flag("to", s.Total)
	object(e, "e", s.More, (*encoder).scoreMore)
}

func (e *encoder) panelMore(m *panelMore) {
	e.opt("se", m.Setting)
	e.opt("in", m.Informer)
	e.opt("as", m.Assessor)
	e.opt("pr", m.Protocol)
	e.opt("de", m.Derived)
	e.opt("fo", m.Form)
}

func (e *encoder) scoreMore(m *scoreMore) {
	e.flag("w", m.Words)
	e.opt("ab", m.Absent)
	e.opt("pb", m.Problem)
	e.opt("c", m.Code)
	e.opt("s", m.System)
	e.opt("ai", m.Aid)
}

func (e *encoder) contactRow(c *contactRow) {
	e.text("k", c.Kind)
	e.opt("n", c.Name)
	e.opt("r", c.Role)
	e.opt("rc", c.Code)
	e.optList("f", c.Phone)
	e.opt("o", c.Note)
}

func (e *encoder) statedAnswer(a *answer) {
	e.opt("r", a.Ref)
	e.opt("i", a.ID)
	e.opt("t", a.Text)
	e.opt("k", a.Status)
	e.opt("w", a.Reason)
	e.opt("a", a.At)
}
