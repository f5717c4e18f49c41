package careplan

// all passes every text in turn.
func (k *packer) all(list ...*string) {
	for _, s := range list {
		k.text(s)
	}
}

// content walks everything a message can state; a test fills every field to see that none is forgotten.
func (k *packer) content(c *content) {
	packed(k, &c.To, (*packer).org)
	packedIf(k, &c.From, (*packer).org)
	packedIf(k, &c.Person, func(k *packer, p *person) { k.all(&p.Name, &p.Birth, &p.Sex, &p.Address, &p.Phone, &p.Deceased) })
	packed(k, &c.Events, func(k *packer, e *event) {
		k.all(&e.Code, &e.Text, &e.Time, &e.Note, &e.Place)
		k.flag(&e.Estimate)
	})
	packedIf(k, &c.Out, (*packer).coded)
	k.flag(&c.Dead)
	packed(k, &c.Diagnoses, func(k *packer, d *diagnosis) {
		k.coded(&d.coded)
		k.flag(&d.Main)
	})
	packed(k, &c.Goals, func(k *packer, g *goal) {
		k.all(&g.Text, &g.Due, &g.Start, &g.By)
		packedIf(k, &g.Code, (*packer).coded)
	})
	packed(k, &c.Measures, func(k *packer, m *measure) {
		k.all(&m.Ref, &m.Text, &m.Kind, &m.Eval, &m.Period, &m.Note)
		packed(k, &m.IDs, (*packer).text)
		packedIf(k, &m.Code, (*packer).coded)
	})
	packed(k, &c.Services, func(k *packer, s *service) {
		k.coded(&s.coded)
		k.all(&s.Provider, &s.Start, &s.End, &s.Amount, &s.Note)
		k.flag(&s.Private)
	})
	packed(k, &c.Panels, func(k *packer, p *panel) {
		k.all(&p.Instrument, &p.Date, &p.DateSource, &p.Note)
		packed(k, &p.Scores, (*packer).score)
		packedIf(k, &p.More, func(k *packer, m *panelMore) {
			k.all(&m.Setting, &m.Informer, &m.Assessor, &m.Protocol, &m.Derived, &m.Form)
		})
	})
	packed(k, &c.Checkups, func(k *packer, c *checkup) {
		k.all(&c.Start, &c.Place, &c.Note)
		k.flag(&c.Booked)
	})
	packed(k, &c.Aids, func(k *packer, a *aid) {
		k.coded(&a.coded)
		k.text(&a.Status)
	})
	packed(k, &c.Contacts, func(k *packer, c *contactRow) {
		k.all(&c.Kind, &c.Name, &c.Role, &c.Code, &c.Note)
		packed(k, &c.Phone, (*packer).text)
	})
	packed(k, &c.Notes, func(k *packer, n *note) {
		k.coded(&n.Heading)
		k.text(&n.Text)
	})
	packed(k, &c.Answers, func(k *packer, a *answer) { k.all(&a.Ref, &a.ID, &a.Text, &a.Status, &a.Reason, &a.At) })
	k.more(c)
}

func (k *packer) coded(c *coded) {
	k.text(&c.Text)
	k.text(&c.Code)
	k.text(&c.System)
}

func (k *packer) org(o *org) {
	k.all(&o.HER, &o.Inner, &o.Name)
	k.flag(&o.Person)
}

func (k *packer) score(s *score) {
	k.coded(&s.coded)
	k.all(&s.Value, &s.Unit, &s.Note)
	k.flag(&s.NotRelevant)
	k.flag(&s.Total)
	packedIf(k, &s.More, func(k *packer, m *scoreMore) {
		k.flag(&m.Words)
		k.all(&m.Absent, &m.Problem, &m.Code, &m.System, &m.Aid)
	})
}
