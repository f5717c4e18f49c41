package careplan

import "strings"

// course says the visible values of the course of rehabilitation.
func (l *leafList) course(c *CoursePart) {
	if c == nil {
		return
	}
	for _, k := range c.Courses {
		i := l.item("course", "Course ", k.Kind, k.ID)
		i.value("identifier", k.Identifier)
		i.add("status", k.Status, k.From)
		i.add("kind", k.Kind, k.From)
		i.value("start", k.Start)
		i.value("end", k.End)
		i.value("outcome", k.Outcome)
	}
	for _, s := range c.SubPlans {
		i := l.item("subplan", "Plan ", s.Title, s.ID)
		i.add("", first(s.Title, s.Owner), s.From)
		i.add("status", s.Status, s.From)
		i.value("start", s.Start)
		i.value("end", s.End)
		i.add("goals", strings.Join(s.Goals, ", "), s.From)
		i.add("measures", strings.Join(s.Measures, ", "), s.From)
		i.add("note", s.Note, s.From)
	}
	for _, z := range c.Zones {
		i := l.item("zone", "Zone ", z.Colour, z.ID)
		i.add("colour", z.Colour, z.From)
		i.add("signs", z.Signs, z.From)
		i.add("measures", strings.Join(z.Measures, "\n"), z.From)
	}
	for _, m := range c.Marks {
		i := l.item("mark", "Mark ", formatTime(m.At), m.ID)
		shown := m.Value
		if m.Invalid {
			shown = words(shown, "(outside the scale)")
		}
		i.add(m.Scale, shown, m.From)
		i.add("note", m.Note, m.From)
		i.add("drop", yes(m.Drop), m.From)
	}
	for _, d := range c.Dialogue {
		i := l.item("dialogue", "Message of ", d.By, d.ID)
		i.add("", d.Text, d.From)
		i.add("about", d.About, d.From)
		i.add("category", d.Category, d.From)
		i.add("to", strings.Join(d.To, ", "), d.From)
	}
}

// stay says what native Encounters tell of a stay beside its times.
func (i item) stay(s *Stay) {
	i.value("class", s.Class)
	i.value("kind", s.Kind)
	i.add("identifiers", strings.Join(s.Identifiers, ", "), s.From)
	for _, v := range s.Leaves {
		i.value("leave from", v.Start)
		i.value("leave to", v.End)
	}
}
