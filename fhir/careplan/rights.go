package careplan

import (
	"slices"
	"strings"
	"time"
)

// Capacities in which a sender acts, see Record.Roles.
const (
	roleCoordinator = "coordinator"
	roleAuthority   = "identity-authority"
	rolePatient     = "patient"
	rolePerson      = "person"
)

func (r *rec) has(role string) bool { return contains(r.Roles, role) }

// named tells whether a word names the record: its key, or its message id alone.
func (r *rec) named(word string) bool { return r.key == word || r.Key.MessageID == word }

// rights is what live records say about who the person is, who takes part and what may be seen. It is worked
// out from all records, before anything is hidden.
type rights struct {
	live   []*rec // those that state any of it, by (order, key)
	links  []link
	blocks []block // in force
	// marks are all limits that any record states, in force or not: who a limit denies, sees no trace of it.
	marks []block
	held  []held
	flags []Flag
}

// states tells whether a message says anything about rights, without reading it when it can.
func (r *Record) statesRights() bool {
	if r.facts != nil {
		return r.facts.rights() != nil
	}
	return strings.Contains(string(r.Content), `"ri":`) && r.contents().rights() != nil
}

func stateRights(records []Record) bool {
	for i := range records {
		if records[i].statesRights() {
			return true
		}
	}
	return false
}

// settled works out which records of the pile count; those that a person set aside take no part. The rights
// are nil when no record states any.
func (p *pile) settled() (*liveness, *rights) {
	v := p.settle()
	if v.says&ofRights == 0 {
		return v, nil
	}
	p.kept.forget()
	g := rightsOf(v)
	if len(g.held) == 0 {
		return v, g
	}
	aside := map[Key]bool{} // the repeats of a held record too
	for _, h := range g.held {
		aside[h.target.Key] = true
	}
	rest := &pile{}
	for _, r := range p.keyed {
		if !aside[r.Key] {
			rest.keyed = append(rest.keyed, r)
		}
	}
	for _, r := range p.timed {
		if !aside[r.Key] {
			rest.timed = append(rest.timed, r)
		}
	}
	v = rest.settle()
	again := rightsOf(v)
	again.held, again.flags = g.held, g.flags
	for _, h := range g.held {
		h.target.place = place{state: stateHeld}
		v.dups = append(v.dups, h.target)
	}
	return v, again
}

// rightsOf reads the rights out of what is live.
func rightsOf(v *liveness) *rights {
	g := &rights{}
	for _, l := range v.lines {
		if l.head != nil && l.head.facts.rights() != nil {
			g.live = append(g.live, l.head)
		}
		for _, r := range l.added {
			if r.facts.rights() != nil {
				g.live = append(g.live, r)
			}
		}
	}
	slices.SortFunc(g.live, byOrder)
	g.link()
	g.hold(v)
	g.limit(v)
	return g
}

func (g *rights) flag(code, text string, from ...string) {
	slices.Sort(from)
	g.flags = append(g.flags, Flag{Code: code, Text: text, From: slices.Compact(from)})
}

// span is a period of time; either end may be open.
type span struct{ start, end time.Time }

// spanOf reads a period as written; a day without a time lasts until it has passed.
func spanOf(start, end string) span {
	s := span{start: parseMoment(start).at}
	if m := parseMoment(end); !m.at.IsZero() {
		s.end = endOf(m)
	}
	return s
}

// holds tells whether a time lies in the period.
func (s span) holds(at time.Time) bool {
	return !at.Before(s.start) && (s.end.IsZero() || at.Before(s.end))
}

// stated takes the members that records state into the team: those whose part has not ended.
func (f *fold) stated(add func(o *org, role string, keys []string)) {
	states := false
	for r := range f.with(ofRights) {
		states = states || len(r.facts.rights().Team) > 0
	}
	if !states {
		return
	}
	f.members, f.wished = memberships(f.live, f.sight)
	now := f.now()
	for _, m := range f.members {
		if m.End.IsZero() || now.Before(m.End) {
			add(&org{HER: m.HER, Name: m.Name}, m.Role, m.From)
		}
	}
}

// rights fills in who the person is, who takes part when and what may not be seen, as far as the viewer sees it.
func (f *fold) rights(v *liveness, g *rights) {
	part := RightsPart{Members: f.members, Restrictions: f.restrictions(g), Withheld: f.o.withheld}
	if g != nil {
		part.Identities = f.identities(g)
		f.masters(g, part.Identities)
		part.Held = f.heldList(v, g)
		f.wishes(f.wished)
	}
	for _, r := range part.Restrictions {
		if r.Kind == kindReservation && !f.dead() {
			f.task("reservation", "A reservation is stated in words: decide what it covers. Until then the message is for its addressees only.",
				"coordinator", "requested", slices.Clone(r.From)...)
		}
	}
	if len(part.Identities)+len(part.Members)+len(part.Restrictions)+len(part.Held)+len(part.Withheld) > 0 {
		f.p.Rights = &part
	}
}
