package careplan

import "strings"

// Elements that others than their owner speak of: what a name in a message means, and whose it is.

// element is one item of the plan, or what one was before its owner changed it.
type element struct {
	id, owner, text string
	measure         *Measure // nil for other items, and for a measure that is no more
	line            *line    // where it is stated; nil when it is known by its id only
}

// elements finds items by name. It is made for the few plans in which somebody speaks of another's.
type elements struct {
	f     *fold
	byID  map[string]*element
	names map[string][]string // ids by the names that messages may use
}

func (f *fold) elements() *elements {
	if f.items != nil {
		return f.items
	}
	e := &elements{f: f, byID: map[string]*element{}, names: map[string][]string{}}
	f.items = e
	for i := range f.p.Measures {
		m := &f.p.Measures[i]
		e.add(element{id: m.ID, owner: first(m.Owner, m.Requester), text: m.Text, measure: m})
	}
	for _, g := range f.p.Goals {
		e.add(element{id: g.ID, owner: g.Owner, text: g.Text})
	}
	for _, c := range f.p.Checkups {
		e.add(element{id: c.ID, owner: c.Owner, text: c.Note})
	}
	for _, s := range f.p.Stays {
		e.add(element{id: s.ID, owner: s.Organiser, text: s.Name})
	}
	for _, a := range f.p.Function {
		e.add(element{id: a.ID, owner: a.Owner, text: a.Instrument})
	}
	if c := f.p.Course; c != nil {
		for _, s := range c.SubPlans {
			e.add(element{id: s.ID, owner: s.Owner, text: s.Title})
		}
		for _, z := range c.Zones {
			e.add(element{id: z.ID, owner: z.Owner, text: z.Colour})
		}
		for _, k := range c.Courses {
			e.add(element{id: k.ID, owner: k.Owner, text: k.Kind})
		}
	}
	for _, l := range f.lines {
		for _, r := range l.members {
			if l.ender == nil && (r.counts || r.state == stateReplaced) {
				e.stated(l, r)
			}
		}
	}
	return e
}

func (e *elements) add(x element) {
	if x.id != "" && e.byID[x.id] == nil {
		e.byID[x.id] = &x
		e.name(x.id, x.id)
	}
}

func (e *elements) name(name, id string) {
	if name != "" && !contains(e.names[name], id) {
		e.names[name] = append(e.names[name], id)
	}
}

// stated notes the items of one version of a message under all their names.
func (e *elements) stated(l *line, r *rec) {
	note := func(id, text string, names ...string) {
		e.add(element{id: id, owner: l.sender, text: text})
		if x := e.byID[id]; x.line == nil || r.counts {
			x.line = l
		}
		for _, n := range names {
			e.name(n, id)
		}
	}
	if len(r.facts.Measures) > 0 {
		for i, id := range measureIDs(r) {
			m := r.facts.Measures[i]
			note(id, m.Text, m.Ref)
			for _, x := range m.IDs {
				e.name("id:"+x, id)
			}
		}
	}
	for i, g := range r.facts.Goals {
		code := ""
		if g.Code != nil {
			code = g.Code.Code
		}
		id := first(r.elementNamed("go", i), e.f.sharedGoalID(r, i), shortID("goal", r.Key.Sender, g.Text, code, "0"))
		note(id, g.Text)
	}
}

// find gives the one item that a reference or an identifier means: those that stand in the plan before what was
// replaced; nil when there is none or more than one.
func (e *elements) find(ref, identifier string) *element {
	names := []string{ref, ref[strings.LastIndexByte(ref, '/')+1:]}
	if identifier != "" {
		names = append(names, "id:"+identifier, identifier)
	}
	for _, n := range names {
		var live, gone []*element
		for _, id := range e.names[n] {
			if x := e.byID[id]; e.stands(x) {
				live = append(live, x)
			} else {
				gone = append(gone, x)
			}
		}
		switch {
		case n == "":
		case len(live) == 1:
			return live[0]
		case len(live) == 0 && len(gone) == 1:
			return e.successor(gone[0])
		case len(live)+len(gone) > 0:
			return nil
		}
	}
	return nil
}

// stands tells whether an item is in the plan.
func (e *elements) stands(x *element) bool {
	return x.measure != nil || !strings.HasPrefix(x.id, "measure-") && !strings.HasPrefix(x.id, "goal-") || e.standingGoal(x.id)
}

func (e *elements) standingGoal(id string) bool {
	for i := range e.f.p.Goals {
		if e.f.p.Goals[i].ID == id {
			return true
		}
	}
	return false
}

// successor is what a replaced measure is now: the one of the same line with an identifier in common.
func (e *elements) successor(x *element) *element {
	if x.line == nil {
		return x
	}
	for name, ids := range e.names {
		if !strings.HasPrefix(name, "id:") || !contains(ids, x.id) {
			continue
		}
		for _, id := range ids {
			if o := e.byID[id]; o != x && o.measure != nil && o.line == x.line {
				return o
			}
		}
	}
	return x
}
