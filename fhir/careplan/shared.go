package careplan

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// The shared fields of the plan, and what to do where their values disagree. All of it comes from the records that
// are left after the visibility step. Source: careplan.md sections 5.3, 5.4 and 8.

// sharedFold is what a fold knows about shared things.
type sharedFold struct {
	sight     *sight
	fields    []*fieldRegister
	contested map[string]bool    // fields, by the id of their conflict
	items     *elements          // nil until somebody speaks of another's
	given     map[string][]given // answers by measure
	aside     []given            // answers that are about no measure
	turned    []turned
	base      map[string]*rec   // the version that an accepted measure has its content from
	edited    map[string][]*rec // owners' changes of their measures
}

// fieldRegister is one shared field: every live statement on it that may be seen.
type fieldRegister struct {
	field, name, element string
	all                  []stated // by order
	now                  []stated // not overwritten, the shown one first
}

// shared fills in the shared fields, their conflicts and the tasks to settle them.
func (f *fold) shared(v *liveness) {
	for _, g := range f.registers() {
		if g.name == "" {
			f.flag("resolution-unmatched", "A decision does not say which disagreement it is about.", keysOfStated(g.all)...)
			continue
		}
		if len(g.now) == 0 {
			continue // whatever overwrote the rest may not be seen: the field reads as not recorded
		}
		s := f.sharedPart()
		if c := f.conflict(g, v); c != nil {
			s.Conflicts = append(s.Conflicts, *c)
			f.conflictTask(c, g)
		}
		if !g.now[0].removed {
			s.Fields = append(s.Fields, f.field(g))
		}
	}
	f.unheard()
}

// sharedPart gives the part of the plan, made when there is none yet.
func (f *fold) sharedPart() *SharedPart {
	if f.p.Shared == nil {
		f.p.Shared = &SharedPart{}
	}
	return f.p.Shared
}

// registers gathers the statements by field: the plan's own fields in their order, then the others by name.
func (f *fold) registers() []*fieldRegister {
	if f.fields != nil {
		return f.fields
	}
	by := map[string]*fieldRegister{}
	for r := range f.with(ofStated) {
		for _, s := range r.statements() {
			g := by[s.field]
			if g == nil {
				g = &fieldRegister{field: s.field}
				by[s.field] = g
				f.fields = append(f.fields, g)
			}
			g.name, g.element = first(g.name, s.name), first(g.element, s.element)
			g.all = append(g.all, s)
			if !f.sight.gone[s.id()] {
				g.now = append(g.now, s)
			}
		}
	}
	for _, g := range f.fields {
		priority := f.o.Priority[g.name]
		slices.SortFunc(g.now, func(a, b stated) int { return a.before(&b, priority) })
	}
	names := planFields()
	place := func(g *fieldRegister) int {
		if i := slices.Index(names, g.name); i >= 0 {
			return i
		}
		return len(names)
	}
	slices.SortFunc(f.fields, func(a, b *fieldRegister) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), strings.Compare(a.name, b.name), strings.Compare(a.element, b.element), strings.Compare(a.field, b.field))
	})
	return f.fields
}

// field is what is shown of a shared field: the value, and everybody who says the same.
func (f *fold) field(g *fieldRegister) Field {
	s := &g.now[0]
	out := Field{Name: g.name, By: s.rec.Key.Sender, At: s.at, Value: Value{Text: s.value.Text, Code: s.value.Code, System: s.value.System},
		Contested: f.contested[g.field]}
	for i := range g.now {
		if s.sameValue(&g.now[i]) {
			out.Value.From = addFrom(out.Value.From, g.now[i].rec.key)
		}
	}
	if g.element != "" {
		out.Element = f.goalID(s)
	}
	return out
}

// conflict works out the disagreement about a field; nil when there is and was none.
func (f *fold) conflict(g *fieldRegister, v *liveness) *Conflict {
	c := &Conflict{ID: g.field, Field: g.name, For: f.coordinator(g.name)}
	if g.element != "" {
		c.Element = f.goalID(&g.now[0])
	}
	if differing(g.now) {
		c.Status, c.Opened = "open", opened(g.now)
		c.Candidates = candidates(g.now, &g.now[0])
		for i := range g.now {
			if over := f.decidedOver(g, &g.now[i]); len(over) > 0 {
				c.Earlier = append(c.Earlier, candidates(over, &over[0])...)
			}
		}
		for i := range c.Earlier {
			c.Earlier[i].Shown = false
		}
		f.contest(g)
		return c
	}
	at := slices.IndexFunc(g.now, func(s stated) bool { return s.decides != nil })
	if at < 0 {
		return nil
	}
	d := &g.now[at]
	c.Chosen = &Value{Text: d.value.Text, Code: d.value.Code, System: d.value.System, From: []string{d.rec.key}}
	c.ResolvedBy, c.Author = d.rec.Key.Sender, d.rec.Author
	over := f.decidedOver(g, d)
	gone, when := f.basisGone(g, d, v)
	switch {
	case gone:
		c.Status, c.Opened = "basis-withdrawn", when
		over = append([]stated{*d}, over...)
		f.contest(g)
	case differing(over):
		c.Status, c.Opened = "resolved", opened(over)
	case len(over) > 0 && !over[0].sameValue(d): // another decision, taken again
		c.Status, c.Opened = "resolved", over[0].rec.order
		over = append([]stated{*d}, over...)
	default:
		return nil // what it was about is withdrawn; it stands as a statement like others
	}
	shown := &over[0]
	for i := range over {
		if over[i].sameValue(d) {
			shown = &over[i]
			break
		}
	}
	c.Candidates = candidates(over, shown)
	return c
}

func (f *fold) contest(g *fieldRegister) {
	if f.contested == nil {
		f.contested = map[string]bool{}
	}
	f.contested[g.field] = true
}

// decidedOver are the statements that a decision was about, as far as they may be seen. The shown one comes first.
func (f *fold) decidedOver(g *fieldRegister, d *stated) (out []stated) {
	over := f.sight.over[d.id()]
	for _, s := range g.all {
		if over[s.id()] {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b stated) int { return a.before(&b, f.o.Priority[g.name]) })
	return out
}

// basisGone tells whether the value that a decision chose was withdrawn by whoever stated it, and when. A value
// that nobody had stated was the decision's own and rests on nothing else.
//
// Source: careplan.md section 5.4, scenario S9.
func (f *fold) basisGone(g *fieldRegister, d *stated, v *liveness) (gone bool, when time.Time) {
	for i := range g.all {
		if s := &g.all[i]; s.rec != d.rec && s.sameValue(d) {
			return false, when // somebody says so still
		}
	}
	when = d.rec.order
	for _, k := range d.decides.Basis {
		r := byKey(f.keyed, k)
		if r != nil {
			return false, when
		}
		gone = true
	}
	for _, r := range v.recs {
		if r.counts || r.line == nil {
			continue
		}
		named := contains(d.decides.Basis, r.key)
		if !named && len(d.decides.Basis) == 0 && f.sight.seen(d.rec, r) {
			named = slices.ContainsFunc(r.statements(), func(s stated) bool { return s.field == g.field && s.sameValue(d) })
		}
		if !named {
			continue
		}
		gone = true
		if e := r.line.ender; e != nil && e.order.After(when) && byKey(v.keyed, e.key) != nil {
			when = e.order
		}
	}
	return gone, when
}

// opened is when a disagreement began: when the first statement came that differs from an earlier one.
func opened(list []stated) time.Time {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b stated) int { return byOrder(a.rec, b.rec) })
	for i := range list {
		for j := range list[:i] {
			if !list[i].sameValue(&list[j]) {
				return list[i].rec.order
			}
		}
	}
	return time.Time{}
}

// candidates lists statements, the shown one first; those of one record and value are one.
func candidates(list []stated, shown *stated) []Candidate {
	out := make([]Candidate, 0, len(list))
	add := func(s *stated, first bool) {
		out = append(out, Candidate{Value: Value{Text: s.value.Text, Code: s.value.Code, System: s.value.System, From: []string{s.rec.key}},
			By: s.rec.Key.Sender, Author: s.rec.Author, At: s.at, Shown: first, Removed: s.removed})
	}
	add(shown, true)
	for i := range list {
		again := func(s stated) bool { return s.id() == list[i].id() }
		if list[i].id() != shown.id() && !slices.ContainsFunc(list[:i], again) {
			add(&list[i], false)
		}
	}
	return out
}

// conflictTask asks whoever coordinates to settle a disagreement. It is done by a decision and never by time.
func (f *fold) conflictTask(c *Conflict, g *fieldRegister) {
	status := "requested"
	if c.Status == "resolved" {
		status = "done"
	}
	text := "Decide which value counts: " + c.Field
	if c.Status == "basis-withdrawn" {
		text = "Decide again, what the decision rested on was withdrawn: " + c.Field
	}
	var from []string
	for _, d := range c.Candidates {
		for _, k := range d.From {
			from = addFrom(from, k)
		}
	}
	if c.Chosen != nil {
		from = addFrom(from, c.Chosen.From[0])
	}
	f.p.Tasks = append(f.p.Tasks, Task{ID: conflictTaskID(c.ID), Text: text, For: c.For, Status: status, Rule: "conflict", From: from})
}

func conflictTaskID(conflict string) string { return shortID("task", "conflict", conflict) }

// coordinator is who must settle what is between organisations: the coordinating organisation, as its own records
// or else an undisputed coordinator field tell; "coordinator" when nobody is known.
func (f *fold) coordinator(about string) string {
	for i := len(f.live) - 1; i >= 0; i-- {
		if r := f.live[i]; contains(r.Roles, "coordinator") {
			return r.Key.Sender
		}
	}
	if about != FieldCoordinator {
		for _, g := range f.registers() {
			if g.name == FieldCoordinator && len(g.now) > 0 && !differing(g.now) && isHER(g.now[0].value) {
				return g.now[0].value.Code
			}
		}
	}
	return "coordinator"
}

// unheard flags decisions of those who may not decide: they have no effect.
func (f *fold) unheard() {
	for r := range f.with(ofMore) {
		if s := r.sharedFacts(); s != nil {
			for i := range s.Resolutions {
				if !r.mayDecide(&s.Resolutions[i]) {
					f.flag("resolution-without-role", "A decision about a disagreement came from somebody who may not make it; it has no effect.", r.key)
				}
			}
		}
	}
}

func keysOfStated(list []stated) []string {
	var out []string
	for i := range list {
		out = append(out, list[i].rec.key)
	}
	return out
}

// Field gives a shared field by name, nil when nobody stated it. Of several goals it gives the first.
func (p *Plan) Field(name string) *Field {
	if p == nil || p.Shared == nil {
		return nil
	}
	for i := range p.Shared.Fields {
		if p.Shared.Fields[i].Name == name {
			return &p.Shared.Fields[i]
		}
	}
	return nil
}
