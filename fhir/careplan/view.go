package careplan

import (
	"slices"
	"time"
)

// Purposes of a Viewer.
const (
	PurposeTreatment    = "treatment"
	PurposeCoordination = "coordination"
	PurposeStatistics   = "statistics"
)

// looker is what one viewer may see of a set of records.
type looker struct {
	viewer *Viewer
	// blocks are the limits in force that are against the viewer; ids are those of all limits that any record,
	// live or not, ever set against them.
	blocks []block
	ids    map[string]bool
	// known are the ids of all limits that a record set which the viewer may see; limits tells whether any record is
	// about rights at all: whether a single one is shown must not hang on others that are not.
	known  map[string]bool
	limits bool
	// later are the records that the viewer may not see as things stand today, while looking at an earlier day.
	later map[string]bool
}

func newLooker(v *Viewer, g *rights) *looker {
	s := &looker{viewer: v, ids: map[string]bool{}, known: map[string]bool{}, limits: g != nil}
	if g == nil {
		return s
	}
	for _, b := range g.blocks {
		if b.Kind == kindReservation || b.denies(v) && (v.At.IsZero() || b.holds(v.At)) {
			s.blocks = append(s.blocks, b)
		}
	}
	for _, m := range g.marks {
		if m.Off || m.ID == "" {
			continue
		}
		if m.denies(v) {
			s.ids[m.ID] = true
		}
	}
	for _, m := range g.marks { // a limit that the viewer may not see is none that they know of
		if !m.Off && m.ID != "" && m.rec != nil && s.sees(m.rec) {
			s.known[m.ID] = true
		}
	}
	return s
}

// own tells whether the viewer wrote the record, addressed whether it was sent to the viewer.
func (s *looker) own(r *rec) bool {
	return s.viewer.is(r.Key.Sender) || r.facts.From != nil && r.facts.From.Inner != "" && s.viewer.is(r.facts.From.Inner)
}

func (s *looker) addressed(r *rec) bool { return s.viewer.isAny(r.Original) }

// sees tells whether the viewer may see a record. Deny wins: one reason against is enough.
//
// The person sees everything but what is marked as not for them; who wrote a record always sees it.
// Source: careplan.md section 8, sources of restriction.
func (s *looker) sees(r *rec) bool {
	switch {
	case s.later[r.key]:
		return false
	case s.viewer.Patient:
		return !r.labelled(labelNotPatient)
	case s.own(r):
		return true
	case s.marker(r):
		return false
	case r.NoForwarding || r.labelled(labelRestricted):
		if !s.addressed(r) {
			return false
		}
	}
	for i := range s.blocks {
		b := &s.blocks[i]
		if b.covers(r) && (b.Kind != kindReservation || !s.addressed(r)) {
			return false
		}
	}
	return true
}

// marker tells whether a record is there for a limit against the viewer alone, or takes one back: it would tell
// that there is, or was, something to hide.
func (s *looker) marker(r *rec) bool {
	if !s.limits {
		return false
	}
	members := []*rec{r}
	if r.line != nil {
		members = r.line.members
	}
	return slices.ContainsFunc(members, func(m *rec) bool {
		return m.facts.onlyRights() && slices.ContainsFunc(m.facts.rights().Blocks, func(b blockFact) bool {
			switch one := blockOf(b, m); {
			case b.Kind == kindReservation:
				return false
			case b.ID != "" && s.ids[b.ID], b.Off && !s.known[b.ID]:
				return true // it takes back what is against the viewer, or what nobody knows
			default:
				return !b.Off && one.denies(s.viewer)
			}
		})
	})
}

// hide drops what the viewer may not see, after liveness; the result shares nothing that it changes with
// what it was made from. It tells what it dropped. Source: careplan.md section 8.
//
// A withdrawal acts also when the viewer may not see it. What it took back is then gone without a word: that it stands
// among what was withdrawn would tell of the withdrawal. It is not among what is told as dropped, as on a day before the
// withdrawal came it is there to be seen.
func (v *liveness) hide(s *looker) map[string]bool {
	hidden, ended := map[string]bool{}, map[*rec]bool{}
	lines := make([]*line, 0, len(v.lines))
	for _, l := range v.lines {
		drop := l.head != nil && !s.sees(l.head)
		var members []*rec
		for _, r := range l.members {
			if drop || !s.sees(r) {
				hidden[r.key] = true
			} else {
				members = append(members, r)
			}
		}
		if !drop && l.ender != nil && hidden[l.ender.key] {
			for _, r := range members {
				ended[r] = true
			}
			continue
		}
		if drop || len(members) == 0 {
			continue
		}
		one := *l
		one.members = members
		one.added = slices.DeleteFunc(slices.Clone(l.added), func(r *rec) bool { return hidden[r.key] })
		lines = append(lines, &one)
	}
	v.lines = lines
	for _, r := range v.recs {
		if r.line == nil && !s.sees(r) {
			hidden[r.key] = true
		}
	}
	gone := func(r *rec) bool { return hidden[r.key] || ended[r] }
	v.recs = slices.DeleteFunc(slices.Clone(v.recs), gone)
	v.keyed = slices.DeleteFunc(slices.Clone(v.keyed), gone)
	v.loose = slices.DeleteFunc(slices.Clone(v.loose), gone)
	quiet := map[string]bool{}
	for r := range ended {
		quiet[r.key] = true
	}
	v.dups = slices.DeleteFunc(slices.Clone(v.dups), func(r *rec) bool { return hidden[r.key] || quiet[r.key] || !s.sees(r) })
	v.flags = slices.DeleteFunc(slices.Clone(v.flags), func(fl Flag) bool {
		return slices.ContainsFunc(fl.From, func(k string) bool { return hidden[k] || quiet[k] })
	})
	v.strip(s)
	return hidden
}

// outlook is how things stand today for a viewer who looks at an earlier day, or whose membership has ended.
type outlook struct {
	rights *rights
	hidden map[string]bool
	// last is when the viewer's membership ended, for one that has: what came later is not for them.
	last time.Time
	over bool
}

// look works out the outlook. Limits that arrived after the day looked at count too: they stop every future
// view, also one of the past.
func (o *Options) look(records []Record) *outlook {
	v, g := newPile(records).settled()
	out := &outlook{rights: g}
	if g == nil {
		out.rights = &rights{}
	}
	if !o.Viewer.Patient && !o.Viewer.At.IsZero() {
		list, _ := memberships(out.rights.live, v.sights(o.wrong))
		out.last, out.over = ended(list, o.Viewer)
	}
	if !o.Until.IsZero() {
		out.hidden = v.hide(newLooker(o.Viewer, g))
		for _, h := range out.rights.held {
			out.hidden[h.target.key] = true
		}
	}
	return out
}

// ended tells whether a viewer for whom periods were stated is in none of them, and when the last one
// that began before ended; zero when none has begun.
func ended(list []Membership, v *Viewer) (last time.Time, over bool) {
	for _, m := range list {
		if !v.is(m.HER) {
			continue
		}
		s := span{m.Start, m.End}
		if s.holds(v.At) {
			return time.Time{}, false
		}
		if over = true; !v.At.Before(s.start) && s.end.After(last) {
			last = s.end
		}
	}
	return last, over
}

// choose leaves out the records that the options leave out: those of other people, those that came later, and
// for a viewer who no longer takes part what came after that. Withdrawals always act.
func (o *Options) choose(records []Record) []Record {
	if o.Subject != "" {
		records = ofClass(records, Class(records, o.Subject))
	}
	if o.Viewer != nil && (!o.Until.IsZero() || !o.Viewer.At.IsZero() && stateRights(records)) {
		o.now = o.look(records)
	}
	if o.Until.IsZero() && (o.now == nil || !o.now.over) {
		return records
	}
	var out []Record
	for _, r := range records {
		late := o.now != nil && o.now.over && r.Receive.After(o.now.last) && !o.Viewer.is(r.Key.Sender) && !isCancel(r.Chain.Op)
		if (o.Until.IsZero() || !r.Receive.After(o.Until)) && !late {
			out = append(out, r)
		}
	}
	return out
}

// chooses tells whether choose may leave records out.
func (o *Options) chooses() bool { return o.Subject != "" || o.Viewer != nil || !o.Until.IsZero() }

// limits takes step 2 for the fold: what the viewer may not see is gone, and told by name where that is allowed.
func (v *liveness) limits(o *Options, g *rights) {
	if g != nil {
		v.flags = append(slices.Clone(v.flags), g.flags...)
	}
	if o.Viewer == nil {
		return
	}
	s := newLooker(o.Viewer, g)
	if o.now != nil {
		s = newLooker(o.Viewer, o.now.rights)
		s.later = o.now.hidden
	}
	before := v.recs
	hidden := v.hide(s)
	if o.Viewer.ShowWithheld {
		o.withheld = withheld(before, hidden, v.recs)
	}
}
