package careplan

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// joined is one statement that somebody takes part, with what ended it.
type joined struct {
	Membership
	rec *rec
}

// mayState tells whether a record may say who takes part: each organisation for itself, the coordinating one for all.
func (r *rec) mayState(her string) bool {
	return r.Key.Sender == her || r.has(roleCoordinator) || r.facts.From != nil && r.facts.From.Inner == her
}

// memberships are the periods of everybody who was said to take part. A member is there when a live add exists
// that no live remove has seen: of two that did not know of each other the add wins. Leaving ends a period
// and erases nothing; joining again is a new one. Source: careplan.md section 5.2, SET.
func memberships(live []*rec, known *sight) (list []Membership, wishes []wish) {
	var adds []joined
	for _, r := range live {
		facts := r.facts.rights()
		if facts == nil {
			continue
		}
		for _, m := range facts.Team {
			switch s := spanOf(m.Start, m.End); {
			case !r.mayState(m.HER):
				wishes = append(wishes, wish{m, r})
			case !m.Remove:
				adds = append(adds, joined{Membership{HER: m.HER, Name: m.Name, Role: m.Role, Start: s.start, End: s.end, From: []string{r.key}}, r})
			}
		}
	}
	of := map[string][]*joined{}
	for i := range adds {
		of[adds[i].HER] = append(of[adds[i].HER], &adds[i])
	}
	for _, r := range live {
		facts := r.facts.rights()
		if facts == nil {
			continue
		}
		for _, m := range facts.Team {
			if m.Remove && r.mayState(m.HER) {
				leave(of[m.HER], r, m, known)
			}
		}
	}
	return periods(adds), wishes
}

// leave ends the periods of a member that a record which removes them had seen.
func leave(adds []*joined, r *rec, m memberFact, known *sight) {
	s := spanOf(m.Start, m.End)
	if s.end.IsZero() {
		if s.end = r.Event; s.end.IsZero() {
			s.end = r.order
		}
	}
	for _, a := range adds {
		if !known.seen(r, a.rec) || !s.start.IsZero() && !a.Start.IsZero() && !s.start.Equal(a.Start) {
			continue
		}
		if a.End.IsZero() || s.end.Before(a.End) {
			a.End = s.end
		}
		a.From = addFrom(a.From, r.key)
	}
}

// periods lists the periods by member and time; the same one stated twice stands once.
func periods(adds []joined) []Membership {
	slices.SortStableFunc(adds, func(a, b joined) int {
		return cmp.Or(strings.Compare(a.HER, b.HER), a.Start.Compare(b.Start), a.End.Compare(b.End), byOrder(a.rec, b.rec))
	})
	var out []Membership
	for _, a := range adds {
		if n := len(out) - 1; n >= 0 && out[n].HER == a.HER && out[n].Start.Equal(a.Start) && out[n].End.Equal(a.End) {
			o := &out[n]
			o.Name, o.Role = first(a.Name, o.Name), first(a.Role, o.Role)
			for _, k := range a.From {
				o.From = addFrom(o.From, k)
			}
			continue
		}
		out = append(out, a.Membership)
	}
	seen := map[string]int{}
	for i := range out {
		m := &out[i]
		what := shortID("member", m.HER, formatTime(m.Start))
		m.ID = what
		if seen[what]++; seen[what] > 1 {
			m.ID = shortID("member", m.HER, formatTime(m.Start), formatTime(m.End))
		}
	}
	return out
}

// wish is what somebody says of another one's part in the team: they may propose, not decide.
type wish struct {
	memberFact
	rec *rec
}

// wishes become proposals to the coordinating organisation.
func (f *fold) wishes(list []wish) {
	for _, w := range list {
		text := "Take into the team: "
		if w.Remove {
			text = "Take out of the team: "
		}
		p := Proposal{ID: shortID("proposal", "team", w.rec.key, w.HER, w.Start, w.End), Owner: "coordinator", By: w.rec.Key.Sender,
			Author: w.rec.Author, Text: text + first(w.Name, w.HER), Field: "team", Wanted: &Value{Text: first(w.Name, w.HER), Code: w.HER, From: w.rec.from()},
			Status: "requested", At: w.rec.order, From: w.rec.from()}
		for _, r := range f.live {
			if facts := r.facts.rights(); facts != nil && f.sight.seen(r, w.rec) && slices.ContainsFunc(facts.Team, func(m memberFact) bool { return m.HER == w.HER && r.mayState(m.HER) }) {
				p.Closed = addFrom(p.Closed, r.key)
				same := slices.ContainsFunc(facts.Team, func(m memberFact) bool { return m.HER == w.HER && m.Remove == w.Remove })
				p.Status = map[bool]string{true: "accepted", false: "answered"}[same]
			}
		}
		if f.p.Shared == nil {
			f.p.Shared = &SharedPart{}
		}
		f.p.Shared.Proposals = append(f.p.Shared.Proposals, p)
		if p.Status == "requested" && f.p.Person.Deceased == nil {
			f.task("team-proposal", "Decide who takes part: "+p.Text, "coordinator", "requested", w.rec.key)
		}
	}
}

func (r *rec) from() []string { return []string{r.key} }

// now is the time that a plan without a clock knows of: when the viewer looks, or its latest record.
func (f *fold) now() time.Time {
	if f.o.Viewer != nil && !f.o.Viewer.At.IsZero() {
		return f.o.Viewer.At
	}
	if n := len(f.live); n > 0 {
		return f.live[n-1].order
	}
	return time.Time{}
}

// MemberAt tells whether an organisation or person takes part at a time. Where periods were stated they
// decide; else whoever sent or got a message of the plan takes part, without end.
//
// at zero asks for no period: everybody who ever took part. Source: careplan.md section 8, membership period.
func (p *Plan) MemberAt(her string, at time.Time) bool {
	stated := false
	if p.Rights != nil {
		for _, m := range p.Rights.Members {
			if m.HER != her {
				continue
			}
			if stated = true; at.IsZero() || (span{m.Start, m.End}).holds(at) {
				return true
			}
		}
	}
	return !stated && slices.ContainsFunc(p.Team, func(m Member) bool { return m.HER == her })
}

// Reasons why Plan.Allowed refuses.
const (
	NotAMember     = "not-a-member"     // takes no part, or may not see anything
	MembershipOver = "membership-over"  // the period has ended, and no new one has begun
	NotYetAMember  = "not-yet-a-member" // the first period has not begun
	NotForPurpose  = "not-for-purpose"  // one person's plan is not shown for this purpose
)

// Allowed tells whether a viewer may look at the plan at Viewer.At, and why not. It must be asked of the plan that sees all
// (no Viewer): the answer to a view of the plan would hang on what the view leaves out. The patient always
// may; the coordinating unit (Purpose "coordination") needs no membership until one of its periods has
// ended. At zero asks for no membership. What of the plan may be seen, FoldWith decides.
//
// The reason never tells of a block: who is blocked from everything is no member.
func (p *Plan) Allowed(v Viewer) (ok bool, why string) {
	switch {
	case v.Purpose == PurposeStatistics:
		return false, NotForPurpose
	case v.Patient:
		return true, ""
	case p.blockedFromAll(v):
		return false, NotAMember
	case v.At.IsZero():
		return true, ""
	}
	why = NotAMember
	if p.Rights != nil {
		for _, m := range p.Rights.Members {
			switch s := (span{m.Start, m.End}); {
			case !v.is(m.HER):
			case s.holds(v.At):
				return true, ""
			case v.At.Before(s.start) && why == NotAMember:
				why = NotYetAMember
			case !v.At.Before(s.start):
				why = MembershipOver
			}
		}
	}
	if why != NotAMember {
		return false, why
	}
	if v.Purpose == PurposeCoordination || slices.ContainsFunc(p.Team, func(m Member) bool { return v.is(m.HER) }) {
		return true, ""
	}
	return false, why
}

func (p *Plan) blockedFromAll(v Viewer) bool {
	if p.Rights == nil {
		return false
	}
	return slices.ContainsFunc(p.Rights.Restrictions, func(r Restriction) bool {
		return r.Scope == scopeAll && r.denies(v)
	})
}
