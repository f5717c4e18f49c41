package careplan

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// toldStay is one native Encounter of one live record.
type toldStay struct {
	rec    *rec
	own    *ownStay
	events []stayEvent
	start  moment // admission time it names; zero without
	at     time.Time
}

// withdrawnStay is a native admission whose conversation was withdrawn.
type withdrawnStay struct {
	start moment
	ender *rec
}

// sameStay are Encounters that share an identifier, the episode of care or the admission time.
type sameStay struct {
	ids    []string
	told   []toldStay
	ghosts []withdrawnStay
}

// ownStays folds native Encounters into stays: one for each (organisation, admission) and episode of care.
// An admission after the discharge is a further stay. What the hospital also told by its national messages
// is the same stay when the admission time is the same.
//
// Source: careplan.md sections 3.1, 3.2 and 6.
func (f *fold) ownStays(list []*stay) []*stay {
	told := false
	for r := range f.courseOf() {
		told = told || len(r.facts.More.Course.Stays) > 0
	}
	if !told {
		return list
	}
	for _, g := range f.sameStays() {
		slices.SortFunc(g.told, func(a, b toldStay) int {
			return cmp.Or(a.at.Compare(b.at), cmp.Compare(eventRank(a.own.Main), eventRank(b.own.Main)), byOrder(a.rec, b.rec))
		})
		for i, part := range g.split() {
			list = f.ownStay(list, g, part, i)
		}
	}
	return list
}

// ownStay makes one stay of what was told about it.
func (f *fold) ownStay(list []*stay, g *sameStay, part []toldStay, n int) []*stay {
	sender := part[0].rec.Key.Sender
	start, known := startOfStay(part)
	var s *stay
	if known {
		s = findStay(list, sender, start)
	}
	if s == nil {
		s = &stay{sender: sender, start: start, unknown: !known}
		s.first = moment{text: start.text}
		if len(g.ids) > 0 {
			s.first.text = "id:" + g.ids[0]
		}
		if n > 0 {
			s.first.text += "#" + strconv.Itoa(n)
		}
		list = append(list, s)
	}
	s.ids = g.ids
	s.withdrawn = cmp.Or(s.withdrawn, g.withdrawn(part))
	for _, t := range part {
		s.touch(t.rec)
		if t.start.text != "" {
			s.claims = append(s.claims, claim{t.start, t.rec.key})
			s.keys = append(s.keys, t.start)
		}
		if t.own.Main == eventAdmitted && (s.told == nil || byOrder(t.rec, s.told) < 0) {
			s.told = t.rec
		}
		s.describe(t)
		for i := range t.events {
			if ev := &t.events[i]; ev.Code != eventAdmitted {
				s.add(ev)
			}
		}
	}
	if s.startRec == nil {
		s.planned = !slices.ContainsFunc(part, toldStay.happened)
	}
	return list
}

// describe keeps what the latest Encounter calls the stay; part comes in order of event.
func (s *stay) describe(t toldStay) {
	if cl := t.own.Class; cl != nil {
		v := cl.value(t.rec.key)
		if s.class != nil && s.class.Code == v.Code {
			v.From = addFrom(s.class.From, t.rec.key)
		}
		s.class = &v
	}
	if t.own.Kind != "" {
		from := []string{t.rec.key}
		if s.kind != nil && s.kind.Text == t.own.Kind {
			from = addFrom(s.kind.From, t.rec.key)
		}
		s.kind = &Value{Text: t.own.Kind, From: from}
	}
}

// happened tells whether the stay is more than a plan or the end of one.
func (t toldStay) happened() bool {
	return t.own.Main != eventPlanned && t.own.Main != eventCancelled && t.own.Main != eventError
}

// startOfStay is the admission time: the earliest of those that admissions tell, else what the latest
// other Encounter repeats, else when it is planned.
func startOfStay(part []toldStay) (start moment, known bool) {
	best := 0
	var by *rec
	for _, t := range part {
		rank := 1
		switch {
		case t.start.text == "":
			continue
		case t.own.Main == eventAdmitted:
			rank = 3
		case t.happened():
			rank = 2
		}
		better := rank > best
		if rank == best {
			better = byOrder(by, t.rec) < 0
			if rank == 3 {
				better = t.start.at.Before(start.at)
			}
		}
		if better {
			best, start, by = rank, t.start, t.rec
		}
	}
	return start, best > 0
}

// split cuts what was told of one episode where an admission follows a discharge.
func (g *sameStay) split() [][]toldStay {
	var out [][]toldStay
	var left time.Time // when the stay at the end of out was left
	for _, t := range g.told {
		again := t.own.Main == eventAdmitted && !left.IsZero() && left.Before(t.at)
		if again {
			again = !slices.ContainsFunc(out[len(out)-1], func(o toldStay) bool { return o.start.text != "" && o.start.at.Equal(t.start.at) })
		}
		if len(out) == 0 || again {
			out, left = append(out, nil), time.Time{}
		}
		out[len(out)-1] = append(out[len(out)-1], t)
		if t.own.Main == eventDischarged {
			left = t.at
		}
	}
	return out
}

// withdrawn is the message that took the admission back: a withdrawal that no other admission stands
// against, or a later statement that the Encounter was entered in error.
func (g *sameStay) withdrawn(part []toldStay) *rec {
	var admitted, wrong *rec
	for _, t := range part {
		switch t.own.Main {
		case eventAdmitted:
			if admitted == nil || byOrder(admitted, t.rec) < 0 {
				admitted = t.rec
			}
		case eventError:
			if wrong == nil || byOrder(wrong, t.rec) < 0 {
				wrong = t.rec
			}
		}
	}
	if wrong != nil && (admitted == nil || byOrder(admitted, wrong) < 0) {
		return wrong
	}
	if admitted != nil {
		return nil
	}
	for _, w := range g.ghosts {
		fits := func(t toldStay) bool { return t.start.text == "" || t.start.at.Equal(w.start.at) }
		if len(g.ids) > 0 && len(part) == len(g.told) || slices.ContainsFunc(part, fits) {
			return w.ender
		}
	}
	return nil
}

// sameStays groups the native Encounters of all live records, in the order of their smallest name.
func (f *fold) sameStays() []*sameStay {
	u := unions{}
	var told []toldStay
	var names [][]string
	for r := range f.courseOf() {
		for i := range r.facts.More.Course.Stays {
			own := &r.facts.More.Course.Stays[i]
			t := toldStay{rec: r, own: own}
			t.read()
			told = append(told, t)
			names = append(names, u.join(stayNames(r, own, t.start)))
		}
	}
	type ghost struct {
		withdrawnStay
		names []string
	}
	var ghosts []ghost
	for _, l := range f.lines {
		if l.head != nil || l.ender == nil {
			continue
		}
		for _, r := range l.members {
			if !statesCourse(r) {
				continue
			}
			for i := range r.facts.More.Course.Stays {
				own := &r.facts.More.Course.Stays[i]
				t := toldStay{rec: r, own: own}
				if t.read(); own.Main == eventAdmitted {
					ghosts = append(ghosts, ghost{withdrawnStay{t.start, l.ender}, u.join(stayNames(r, own, t.start))})
				}
			}
		}
	}
	groups := map[string]*sameStay{}
	for i, t := range told {
		root := u.root(names[i][0])
		if groups[root] == nil {
			groups[root] = &sameStay{}
		}
		g := groups[root]
		g.told = append(g.told, t)
		for _, id := range t.own.IDs {
			g.ids = addFrom(g.ids, id)
		}
	}
	for _, w := range ghosts {
		if g := groups[u.root(w.names[0])]; g != nil {
			g.ghosts = append(g.ghosts, w.withdrawnStay)
		}
	}
	out := make([]*sameStay, 0, len(groups))
	for _, root := range sortedKeys(groups) {
		out = append(out, groups[root])
	}
	return out
}

// stayNames are the names under which an Encounter is known: its identifiers and its admission time.
func stayNames(r *rec, own *ownStay, start moment) []string {
	var out []string
	for _, id := range own.IDs {
		out = append(out, r.Key.Sender+"\x1fid\x1f"+id)
	}
	switch {
	case start.text == "":
	case !start.day:
		out = append(out, r.Key.Sender+"\x1fat\x1f"+formatTime(start.at))
	case len(own.IDs) == 0:
		out = append(out, r.Key.Sender+"\x1fday\x1f"+start.date())
	}
	if len(out) == 0 {
		out = append(out, r.Key.Sender+"\x1fline\x1f"+r.line.conversation)
	}
	return out
}

// unions are sets of names of the same thing, each under its smallest name.
type unions map[string]string

func (u unions) root(name string) string {
	for u[name] != "" && u[name] != name {
		name = u[name]
	}
	return name
}

func (u unions) join(names []string) []string {
	least := u.root(names[0])
	for _, n := range names {
		least = min(least, u.root(n))
	}
	for _, n := range names {
		u[u.root(n)] = least
	}
	return names
}

// read works out when what an Encounter tells of has happened.
func (t *toldStay) read() {
	r := t.rec
	for _, ev := range t.own.Events {
		m := parseMoment(ev.Time)
		e := stayEvent{Code: ev.Code, rec: r, own: t.own, when: m, at: m.effectiveAt(r), Estimate: ev.Estimate}
		if m.at.IsZero() && !r.Event.IsZero() {
			e.at = r.Event
		}
		if ev.Estimate && e.at.After(r.order) {
			e.at = r.order
		}
		e.repeat = ev.Code != t.own.Main
		if ev.Code == eventAdmitted && t.start.text == "" && !m.at.IsZero() {
			t.start = m
		}
		if ev.Code == eventPlanned && t.start.text == "" && !t.happened() && !m.at.IsZero() {
			t.start = m
		}
		if ev.Code == t.own.Main && (t.at.IsZero() || t.at.Before(e.at)) {
			t.at = e.at
		}
		t.events = append(t.events, e)
	}
	if t.at.IsZero() {
		t.at = r.order
	}
}

// leaves walks the events of a stay for absences and tells whether the person is away.
func (f *fold) leaves(s *stay) (away bool) {
	open := -1
	list := s.out.Leaves
	shown := func(ev *stayEvent) *Value {
		return &Value{Text: first(ev.when.text, formatTime(ev.at)), From: []string{ev.rec.key}}
	}
	again := func(v *Value, ev *stayEvent) bool {
		if v == nil || !parseMoment(v.Text).at.Equal(parseMoment(first(ev.when.text, formatTime(ev.at))).at) {
			return false
		}
		v.From = addFrom(v.From, ev.rec.key)
		return true
	}
	for _, ev := range s.events {
		switch ev.Code {
		case eventLeave:
			if slices.ContainsFunc(list, func(l Leave) bool { return again(l.Start, ev) }) {
				continue
			}
			if open < 0 {
				open = len(list)
				list = append(list, Leave{Start: shown(ev)})
				continue
			}
			if list[open].Start.From = addFrom(list[open].Start.From, ev.rec.key); ev.when.text != "" {
				f.flag("leave-repeated", "A leave was told again while it already stood.", ev.rec.key)
			}
		case eventBack:
			switch {
			case slices.ContainsFunc(list, func(l Leave) bool { return again(l.End, ev) }):
			case open < 0:
				list = append(list, Leave{End: shown(ev)})
				f.flag("leave-end-without-start", "The end of a leave was told and not its start.", ev.rec.key)
			default:
				list[open].End = shown(ev)
				open = -1
			}
		case eventDischarged:
			if open >= 0 {
				list[open].End = shown(ev)
				open = -1
			}
		}
	}
	s.out.Leaves = list
	return open >= 0
}

// progress is the status that the events of a stay without discharge leave it in.
func (s *stay) progress(away bool) string {
	state := "in-progress"
	if s.planned {
		state = "planned"
	}
	for _, ev := range s.events {
		if ev.Code == eventCancelled && (s.planned || !ev.at.Before(s.start.at)) {
			state = "cancelled"
		}
	}
	if away && state == "in-progress" {
		state = "onleave"
	}
	return state
}
