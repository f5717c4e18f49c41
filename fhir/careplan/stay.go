package careplan

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// stay is one admission while it is being folded.
type stay struct {
	sender, name string
	start        moment
	startRec     *rec
	claims       []claim  // who names this stay by its admission time
	keys         []moment // every admission time that a version of its admission gave
	first        moment   // of the first version: names the stay
	withdrawn    *rec     // the cancellation, when the admission was withdrawn
	unknown      bool     // no admission has been seen
	place        int      // in the list that it is found in
	events       []*stayEvent
	from         []string
	end          moment
	out          Stay
	ready        []Ready
	said         remarks // of what was odd, and asked; for a Folder only

	// Of native Encounters only.
	ids         []string
	class, kind *Value
	told        *rec // the message that first told of the admission
	planned     bool // nothing has happened yet
}

// claim is one record's word for the admission time.
type claim struct {
	start moment
	key   string
}

// stayEvent is one event of one live record.
type stayEvent struct {
	Code string // see event
	rec  *rec
	own  *ownStay // the native Encounter that tells of it, nil for the national messages
	when moment
	at   time.Time
	// Estimate: the time is a planned one.
	Estimate bool
	// repeat: the message does not exist for this event but names it again; a withdrawal of
	// discharge-ready, for instance, repeats the event it withdraws.
	repeat bool
}

// notice is a message that names no admission time: the stay it belongs to is found by its main event.
type notice struct {
	main *stayEvent
	all  []stayEvent
}

// stayKinds are the kinds whose Encounter is a fact about the hospital stay. Reports repeat
// dates of a stay but do not start, move or end one.
func isStayKind(kind string) bool {
	return strings.HasPrefix(kind, "LOG_") && kind != kindDead
}

// stays folds the live events of all stays, ordered by event time.
// Source: careplan.md sections 3.1 and 6.
func (f *fold) stays() {
	var pending []notice
	begun := f.mark()
	known, ghosts, opened := f.admissions()
	for r := range f.with(ofStay) {
		if !isStayKind(r.Kind) {
			continue
		}
		evs := eventsOf(r)
		start, has := startOf(evs)
		if !has {
			if len(evs) == 0 || r.Kind == kindAdmitted {
				f.noTime(r)
				continue
			}
			pending = append(pending, notice{mainOf(evs), evs})
			continue
		}
		s := opened[r]
		if s == nil {
			s = known.find(r.Key.Sender, start)
		}
		if s == nil {
			s = findStay(ghosts, r.Key.Sender, start)
		}
		if s == nil {
			s = newStay(r, start)
			known.add(s)
		}
		s.claim(r, start)
		f.addAll(s, evs)
	}
	list := f.ownStays(known.list)
	slices.SortFunc(pending, func(a, b notice) int { return byEvent(a.main, b.main) })
	for _, n := range pending {
		list = f.attach(n, list, ghosts)
	}
	for _, g := range ghosts {
		if len(g.events) > 0 || len(g.from) > 0 {
			list = append(list, g)
		}
	}
	expected := f.expectations(list)
	slices.SortFunc(list, byStart)
	if f.stayed != nil {
		f.stayed.plain, f.stayed.early = len(pending)+len(ghosts) == 0 && !expected, f.since(begun)
	}
	f.p.Stays = slices.Grow(f.p.Stays, len(list))
	for _, s := range list {
		f.finishOf(s)
		f.p.Stays, f.p.Ready = append(f.p.Stays, s.out), append(f.p.Ready, s.ready...)
	}
	from := f.mark()
	f.overlaps(list)
	if f.stayed != nil {
		f.stayed.late = f.since(from)
	}
	f.stayList = list
}

func byStart(a, b *stay) int {
	if c := a.sortTime().Compare(b.sortTime()); c != 0 {
		return c // an id is a hash: only asked for where it decides
	}
	return strings.Compare(a.id(), b.id())
}

// admissions makes the stays that admission messages open: live ones, and ghosts of withdrawn
// ones, which are shown (as entered in error) only when other live events belong to them.
// opened tells the stay of each live admission.
func (f *fold) admissions() (live *staysByTime, ghosts []*stay, opened map[*rec]*stay) {
	live = &staysByTime{}
	opened = map[*rec]*stay{}
	for _, l := range f.lines {
		if l.kind != kindAdmitted {
			continue
		}
		var s *stay
		if l.head != nil {
			if start, ok := startOf(eventsOf(l.head)); ok {
				if s = live.find(l.sender, start); s == nil {
					s = newStay(l.head, start)
					live.add(s)
				}
				opened[l.head] = s
			}
		} else if l.ender != nil {
			s = &stay{sender: l.sender, withdrawn: l.ender}
			ghosts = append(ghosts, s)
		}
		if s == nil {
			continue
		}
		for i, m := range l.members {
			start, ok := startOf(eventsOf(m))
			if !ok {
				continue
			}
			if i == 0 || s.first.text == "" {
				s.first = start
			}
			if s.withdrawn != nil {
				s.start, s.name = start, m.SenderName
			}
			if s.withdrawn != nil {
				s.keys = append(s.keys, start)
			} else {
				live.key(s, start)
			}
		}
	}
	return live, ghosts, opened
}

func newStay(r *rec, start moment) *stay {
	return &stay{sender: r.Key.Sender, name: r.SenderName, start: start, first: start, keys: []moment{start}}
}

// claim records that r names this stay by its admission time. The admission message itself
// decides the time shown; until it is there, the latest message does.
func (s *stay) claim(r *rec, start moment) {
	s.touch(r)
	s.claims = append(s.claims, claim{start, r.key})
	if s.withdrawn != nil {
		return
	}
	better := s.startRec == nil || r.Kind == kindAdmitted ||
		s.startRec.Kind != kindAdmitted && byOrder(s.startRec, r) < 0
	if better {
		s.start, s.startRec = start, r
	}
}

func (s *stay) touch(r *rec) {
	if !contains(s.from, r.key) {
		s.from = append(s.from, r.key)
	}
	if r.SenderName != "" {
		s.name = r.SenderName
	}
}

func (s *stay) add(ev *stayEvent) {
	s.touch(ev.rec)
	s.events = append(s.events, ev)
	if ev.Code == eventDischarged && (s.end.text == "" || ev.when.at.Before(s.end.at)) {
		s.end = ev.when
	}
}

// addAll gives a stay the events of one message; the admission is no event to act on, it is the key.
func (f *fold) addAll(s *stay, evs []stayEvent) {
	for i := range evs {
		ev := &evs[i]
		if ev.Code == eventAdmitted {
			f.checkAdmission(ev)
			continue
		}
		s.add(ev)
	}
}

func (s *stay) id() string { return shortID("stay", s.sender, s.first.text, s.unknownID()) }

func (s *stay) unknownID() string {
	if s.unknown && len(s.from) > 0 {
		return s.from[0]
	}
	return ""
}

func (s *stay) sortTime() time.Time {
	if !s.start.at.IsZero() {
		return s.start.at
	}
	if len(s.events) > 0 {
		return s.events[0].at
	}
	return time.Time{}
}

func eventsOf(r *rec) []stayEvent {
	if r.hasEvents {
		return r.events
	}
	r.events, r.hasEvents = readEvents(r), true
	return r.events
}

// readEvents is eventsOf from the facts; nobody may change what it gives.
func readEvents(r *rec) []stayEvent {
	if len(r.facts.Events) == 0 {
		return nil
	}
	out := make([]stayEvent, 0, len(r.facts.Events))
	for i := range r.facts.Events {
		ev := &r.facts.Events[i]
		m := parseMoment(ev.Time)
		e := stayEvent{Code: ev.Code, rec: r, when: m, at: m.effectiveAt(r), Estimate: ev.Estimate}
		if ev.Estimate && e.at.After(r.order) {
			e.at = r.order // a planned time counts from when it was told
		}
		out = append(out, e)
	}
	// A message exists for the latest event of its own sort; the others are told again.
	main, own := mainEvent(r.Kind), -1
	for i := range out {
		out[i].repeat = main != "" && main != eventAdmitted
		if out[i].Code == main && (own < 0 || out[own].at.Before(out[i].at)) {
			own = i
		}
	}
	if own >= 0 {
		out[own].repeat = false
	}
	return out
}

// mainOf is the event a message exists for, else its first.
func mainOf(evs []stayEvent) *stayEvent {
	for i := range evs {
		if !evs[i].repeat {
			return &evs[i]
		}
	}
	return &evs[0]
}

// startOf is the admission time a record names, event 1.
func startOf(evs []stayEvent) (moment, bool) {
	for i := range evs {
		if ev := &evs[i]; ev.Code == eventAdmitted && !ev.when.at.IsZero() {
			return ev.when, true
		}
	}
	return moment{}, false
}

func byEvent(a, b *stayEvent) int {
	if c := a.at.Compare(b.at); c != 0 {
		return c // nearly always; the rest costs more to work out
	}
	return cmp.Or(cmp.Compare(eventRank(a.Code), eventRank(b.Code)),
		cmp.Compare(b2i(a.repeat), b2i(b.repeat)), byOrder(a.rec, b.rec), strings.Compare(a.when.text, b.when.text))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// eventRank orders events of the same time as they must have happened.
func eventRank(code string) int {
	switch code {
	case eventAdmitted, eventPlanned:
		return 0
	case eventExpected, eventLeave:
		return 1
	case eventReady, eventBack:
		return 2
	case eventNotReady:
		return 3
	case eventDischarged:
		return 4
	}
	return 5
}
