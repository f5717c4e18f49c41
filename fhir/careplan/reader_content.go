package careplan

func (r *reader) content() *content {
	c := &content{}
	r.object(func(key string) {
		switch key {
		case "to":
			r.array(func() { c.To = append(c.To, r.org()) })
		case "fr":
			o := r.org()
			c.From = &o
		case "p":
			c.Person = r.person()
		case "ev":
			r.array(func() { c.Events = append(c.Events, r.event()) })
		case "out":
			c.Out = r.coded()
		case "dead":
			c.Dead = r.boolean()
		case "dx":
			r.array(func() { c.Diagnoses = append(c.Diagnoses, r.diagnosis()) })
		case "go":
			r.array(func() { c.Goals = append(c.Goals, r.goal()) })
		case "me":
			r.array(func() { c.Measures = append(c.Measures, r.measure()) })
		case "se":
			r.array(func() { c.Services = append(c.Services, r.service()) })
		case "fu":
			r.array(func() { c.Panels = append(c.Panels, r.panel()) })
		case "ck":
			r.array(func() { c.Checkups = append(c.Checkups, r.checkup()) })
		case "ai":
			r.array(func() { c.Aids = append(c.Aids, r.aid()) })
		case "co":
			r.array(func() { c.Contacts = append(c.Contacts, r.contact()) })
		case "no":
			r.array(func() { c.Notes = append(c.Notes, r.note()) })
		case "an":
			r.array(func() { c.Answers = append(c.Answers, r.answer()) })
		case "x":
			c.More = parseMore(r.skip(0))
		default:
			r.skip(0)
		}
	})
	return c
}

// code takes the three fields that every coded thing has.
func (r *reader) code(key string, c *coded) bool {
	switch key {
	case "t":
		c.Text = r.text()
	case "c":
		c.Code = r.text()
	case "s":
		c.System = r.text()
	default:
		return false
	}
	return true
}

func (r *reader) coded() *coded {
	c := &coded{}
	r.object(func(key string) {
		if !r.code(key, c) {
			r.skip(0)
		}
	})
	return c
}

func (r *reader) org() (o org) {
	r.object(func(key string) {
		switch key {
		case "h":
			o.HER = r.text()
		case "i":
			o.Inner = r.text()
		case "n":
			o.Name = r.text()
		case "p":
			o.Person = r.boolean()
		default:
			r.skip(0)
		}
	})
	return o
}

func (r *reader) person() *person {
	p := &person{}
	r.object(func(key string) {
		switch key {
		case "n":
			p.Name = r.text()
		case "b":
			p.Birth = r.text()
		case "x":
			p.Sex = r.text()
		case "a":
			p.Address = r.text()
		case "f":
			p.Phone = r.text()
		case "d":
			p.Deceased = r.text()
		default:
			r.skip(0)
		}
	})
	return p
}

func (r *reader) event() (e event) {
	r.object(func(key string) {
		switch key {
		case "c":
			e.Code = r.text()
		case "t":
			e.Text = r.text()
		case "w":
			e.Time = r.text()
		case "e":
			e.Estimate = r.boolean()
		case "n":
			e.Note = r.text()
		case "p":
			e.Place = r.text()
		default:
			r.skip(0)
		}
	})
	return e
}

func (r *reader) diagnosis() (d diagnosis) {
	r.object(func(key string) {
		switch {
		case r.code(key, &d.coded):
		case key == "m":
			d.Main = r.boolean()
		default:
			r.skip(0)
		}
	})
	return d
}

func (r *reader) goal() (g goal) {
	r.object(func(key string) {
		switch key {
		case "t":
			g.Text = r.text()
		case "c":
			g.Code = r.coded()
		case "d":
			g.Due = r.text()
		case "b":
			g.Start = r.text()
		case "y":
			g.By = r.text()
		default:
			r.skip(0)
		}
	})
	return g
}

func (r *reader) measure() (m measure) {
	r.object(func(key string) {
		switch key {
		case "r":
			m.Ref = r.text()
		case "i":
			m.IDs = r.texts()
		case "t":
			m.Text = r.text()
		case "c":
			m.Code = r.coded()
		case "k":
			m.Kind = r.text()
		case "e":
			m.Eval = r.text()
		case "w":
			m.Period = r.text()
		case "n":
			m.Note = r.text()
		default:
			r.skip(0)
		}
	})
	return m
}

func (r *reader) service() (s service) {
	r.object(func(key string) {
		switch {
		case r.code(key, &s.coded):
		case key == "p":
			s.Provider = r.text()
		case key == "v":
			s.Private = r.boolean()
		case key == "b":
			s.Start = r.text()
		case key == "d":
			s.End = r.text()
		case key == "a":
			s.Amount = r.text()
		case key == "n":
			s.Note = r.text()
		default:
			r.skip(0)
		}
	})
	return s
}

func (r *reader) panel() (p panel) {
	r.object(func(key string) {
		switch key {
		case "i":
			p.Instrument = r.text()
		case "d":
			p.Date = r.text()
		case "ds":
			p.DateSource = r.text()
		case "n":
			p.Note = r.text()
		case "s":
			p.Scores = make([]score, 0, 20)
			r.array(func() { p.Scores = append(p.Scores, r.score()) })
		case "x":
			p.More = r.panelMore()
		default:
			r.skip(0)
		}
	})
	return p
}

func (r *reader) score() (s score) {
	r.object(func(key string) {
		switch {
		case r.code(key, &s.coded):
		case key == "v":
			s.Value = r.text()
		case key == "x":
			s.NotRelevant = r.boolean()
		case key == "u":
			s.Unit = r.text()
		case key == "n":
			s.Note = r.text()
		case key == "to":
			s.Total = r.boolean()
		case key == "e":
			s.More = r.scoreMore()
		default:
			r.skip(0)
		}
	})
	return s
}

func (r *reader) panelMore() *panelMore {
	m := &panelMore{}
	r.object(func(key string) {
		switch key {
		case "se":
			m.Setting = r.text()
		case "in":
			m.Informer = r.text()
		case "as":
			m.Assessor = r.text()
		case "pr":
			m.Protocol = r.text()
		case "de":
			m.Derived = r.text()
		case "fo":
			m.Form = r.text()
		default:
			r.skip(0)
		}
	})
	return m
}

func (r *reader) scoreMore() *scoreMore {
	m := &scoreMore{}
	r.object(func(key string) {
		switch key {
		case "w":
			m.Words = r.boolean()
		case "ab":
			m.Absent = r.text()
		case "pb":
			m.Problem = r.text()
		case "c":
			m.Code = r.text()
		case "s":
			m.System = r.text()
		case "ai":
			m.Aid = r.text()
		default:
			r.skip(0)
		}
	})
	return m
}

func (r *reader) checkup() (c checkup) {
	r.object(func(key string) {
		switch key {
		case "b":
			c.Start = r.text()
		case "p":
			c.Place = r.text()
		case "k":
			c.Booked = r.boolean()
		case "n":
			c.Note = r.text()
		default:
			r.skip(0)
		}
	})
	return c
}

func (r *reader) aid() (a aid) {
	r.object(func(key string) {
		switch {
		case r.code(key, &a.coded):
		case key == "k":
			a.Status = r.text()
		default:
			r.skip(0)
		}
	})
	return a
}

func (r *reader) contact() (c contactRow) {
	r.object(func(key string) {
		switch key {
		case "k":
			c.Kind = r.text()
		case "n":
			c.Name = r.text()
		case "r":
			c.Role = r.text()
		case "rc":
			c.Code = r.text()
		case "f":
			c.Phone = r.texts()
		case "o":
			c.Note = r.text()
		default:
			r.skip(0)
		}
	})
	return c
}

func (r *reader) note() (n note) {
	r.object(func(key string) {
		switch key {
		case "h":
			n.Heading = *r.coded()
		case "t":
			n.Text = r.text()
		default:
			r.skip(0)
		}
	})
	return n
}

func (r *reader) answer() (a answer) {
	r.object(func(key string) {
		switch key {
		case "r":
			a.Ref = r.text()
		case "i":
			a.ID = r.text()
		case "t":
			a.Text = r.text()
		case "k":
			a.Status = r.text()
		case "w":
			a.Reason = r.text()
		case "a":
			a.At = r.text()
		default:
			r.skip(0)
		}
	})
	return a
}
