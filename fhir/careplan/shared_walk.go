package careplan

import "strings"

// shared says every visible value of what several parties write together.
func (l *leafList) shared(p *Plan) {
	if p.Shared == nil {
		return
	}
	for i := range p.Shared.Fields {
		f := &p.Shared.Fields[i]
		i := l.item("shared", "Shared ", f.Name, f.Name, f.Element)
		i.add("", words(f.Value.Text, f.Value.Code), f.Value.From)
		i.add("by", f.By, f.Value.From)
		i.add("at", formatTime(f.At), f.Value.From)
		i.add("contested", yes(f.Contested), f.Value.From)
	}
	for _, c := range p.Shared.Conflicts {
		l.conflict(&c)
	}
	for _, q := range p.Shared.Proposals {
		i := l.item("proposal", "Proposal ", q.Text, q.ID)
		i.add("", q.Text, q.From)
		i.add("about", words(q.Element, q.Field), q.From)
		i.value("wanted", q.Wanted)
		i.add("for", q.Owner, q.From)
		i.add("by", q.By, q.From)
		closed := q.Closed
		if len(closed) == 0 {
			closed = q.From
		}
		i.add("status", q.Status, closed)
		i.add("reason", q.Reason, closed)
	}
	for _, s := range p.Shared.Same {
		i := l.item("same", "Same thing", "", s.A, s.B)
		how := "confirmed"
		if !s.Confirmed {
			how = "suggested by " + s.Rule
		}
		i.add("", how, s.From)
	}
}

func (l *leafList) conflict(c *Conflict) {
	i := l.item("conflict", "Disagreement ", c.Field, c.ID)
	var from []string
	for _, d := range c.Candidates {
		for _, k := range d.From {
			from = addFrom(from, k)
		}
	}
	i.add("status", c.Status, from)
	i.add("opened", formatTime(c.Opened), from)
	i.add("for", c.For, from)
	for _, d := range c.Candidates {
		text := words(d.Text, d.Code)
		if d.Removed {
			text = "no value"
		}
		if d.Shown {
			text += " (shown first)"
		}
		i.addOf("value of", d.By, strings.TrimSpace(text), d.From)
	}
	for _, d := range c.Earlier {
		i.addOf("earlier value of", d.By, first(words(d.Text, d.Code), "no value"), d.From)
	}
	if c.Chosen != nil {
		i.add("chosen", first(words(c.Chosen.Text, c.Chosen.Code), "no value"), c.Chosen.From)
		i.add("decided by", words(c.ResolvedBy, c.Author), c.Chosen.From)
	}
}
