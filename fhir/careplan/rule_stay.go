package careplan

import (
	"cmp"
	"slices"
	"time"
)

// RepeatedReady is how often discharge-ready must have been withdrawn in one stay for rule R10.
const RepeatedReady = 2

// ownHouse tells whether a stay is in an institution of the municipality itself, as native Encounters tell:
// nobody owes a report about it. The national messages are sent by hospitals and acute beds, which do.
func (f *fold) ownHouse(s *stay) bool { return ownHouse(f.p, &s.out) }

func ownHouse(p *Plan, s *Stay) bool {
	return s.Class != nil && slices.ContainsFunc(p.Team, func(m Member) bool { return m.HER == s.Organiser && m.Role == "municipality" })
}

// r6NoReport: the person is out of hospital and the discharge report has not come.
func (f *fold) r6NoReport() {
	for _, s := range f.stayList {
		if s.out.Status == "finished" && !s.leftDead() && !f.ownHouse(s) && !f.hasReport(s, kindDischargeReport) {
			f.addGap("R6", "Discharged without a discharge report.", s.out.ID, s.end.at.Add(DischargeReportLimit), s.out.End.From...)
		}
	}
}

// leftDead tells whether the person died in the stay.
func (s *stay) leftDead() bool {
	return slices.ContainsFunc(s.events, func(ev *stayEvent) bool {
		return ev.Code == eventDischarged && (ev.rec.facts.Dead || ev.own != nil && ev.own.Dead)
	})
}

// r7NoAppointment: the hospital promised a check-up, and it is not booked or was called off.
func (f *fold) r7NoAppointment() {
	left := func(owner string) bool {
		return slices.ContainsFunc(f.stayList, func(s *stay) bool { return s.sender == owner && s.out.Status == "finished" && !s.leftDead() })
	}
	for _, c := range f.p.Checkups {
		again := func(o Checkup) bool { return o.Owner == c.Owner && o.Booked }
		if c.Booked || c.Cancelled && slices.ContainsFunc(f.p.Checkups, again) || !left(c.Owner) {
			continue
		}
		f.addGap("R7", "A check-up is promised but no appointment is booked.", c.ID, time.Time{}, c.From...)
	}
}

// r10Repeated: the municipality was told to prepare and to wait again and again.
func (f *fold) r10Repeated() {
	for _, s := range f.stayList {
		if s.out.WithdrawnN < RepeatedReady {
			continue
		}
		var from []string
		for _, r := range f.p.Ready {
			if r.Stay == s.out.ID && r.Why == "withdrawn" {
				for _, k := range r.From {
					from = addFrom(from, k)
				}
			}
		}
		f.addGap("R10", "Discharge-ready was set and withdrawn repeatedly.", s.out.ID, time.Time{}, from...)
	}
}

// r15NoAdmissionReport: the municipality was told of the admission and has not reported.
func (f *fold) r15NoAdmissionReport() {
	for _, s := range f.stayList {
		if s.out.Status != "in-progress" && s.out.Status != "onleave" || f.ownHouse(s) {
			continue
		}
		if told := f.toldOf(s); told != nil && !f.hasReport(s, kindAdmissionReport) {
			f.addGap("R15", "No admission report from the municipality.", s.out.ID, told.order.Add(AdmissionReportLimit), told.key)
		}
	}
}

// toldOf is the message that first told of the admission.
func (f *fold) toldOf(s *stay) *rec {
	var told *rec
	for _, k := range s.from {
		if r := f.counted(k); r != nil && r.Kind == kindAdmitted && (told == nil || byOrder(r, told) < 0) {
			told = r
		}
	}
	return cmp.Or(told, s.told)
}

// hasReport tells whether a live report of this kind belongs to the stay: written after it
// began (or, for the discharge report, by the same hospital not long before it ended).
func (f *fold) hasReport(s *stay, kind string) bool {
	if f.reports == nil {
		f.reports = map[string][]*rec{}
		for r := range f.with(ofReport) {
			f.reports[r.Kind] = append(f.reports[r.Kind], r)
		}
	}
	list := f.reports[kind] // by order
	var next time.Time
	if !s.unknown {
		from := s.start.at.Add(-24 * time.Hour)
		at, _ := slices.BinarySearchFunc(list, from, func(r *rec, from time.Time) int { return r.order.Compare(from) })
		list, next = list[at:], f.nextStay(s)
	}
	for _, r := range list {
		if !next.IsZero() && !r.order.Before(next) {
			return false
		}
		if kind != kindDischargeReport || r.Key.Sender == s.sender {
			return true
		}
	}
	return false
}

// laterStay tells whether a report was written in a stay that began after s.
func (f *fold) laterStay(s *stay, r *rec) bool {
	next := f.nextStay(s)
	return !next.IsZero() && !r.order.Before(next)
}

// nextStay is when the next stay began after s; zero when none did. One in the municipality's own house begins hours after a
// discharge, often before the report of that discharge is written, and does not make it a report of another stay.
func (f *fold) nextStay(s *stay) time.Time {
	if f.begun == nil {
		f.begun = make([]time.Time, 0, len(f.stayList))
		for _, o := range f.stayList {
			if o.withdrawn == nil && !o.unknown && !f.ownHouse(o) {
				f.begun = append(f.begun, o.start.at)
			}
		}
		slices.SortFunc(f.begun, time.Time.Compare)
	}
	at, _ := slices.BinarySearchFunc(f.begun, s.start.at, func(t, start time.Time) int {
		if t.After(start) {
			return 1
		}
		return -1
	})
	if at == len(f.begun) {
		return time.Time{}
	}
	return f.begun[at]
}

// r16Dropped: a measure that the hospital carried on until the transfer, and that neither the hospital stopped
// with a reason nor anybody else mentions after it. It counts when those who received the person had time to say.
func (f *fold) r16Dropped() {
	var going []*Measure // what an organisation carries on that asked for it itself
	for i := range f.p.Measures {
		if m := &f.p.Measures[i]; m.Kind == "order" && m.Status == "active" && m.Owner == m.Requester {
			going = append(going, m)
		}
	}
	var stops []*rec
	for r := range f.courseOf() {
		if len(r.facts.More.Course.Stops) > 0 {
			stops = append(stops, r)
		}
	}
	if len(going)+len(stops) == 0 {
		return
	}
	said := f.mentions(going, stops)
	for _, s := range f.stayList {
		if s.out.Status != "finished" || s.leftDead() {
			continue
		}
		for _, m := range going {
			if m.Requester != s.sender || !f.ofStay(s, m) || said.elsewhere(m) {
				continue
			}
			f.addGap("R16", "A measure of the hospital is mentioned by nobody after the transfer: "+m.Text, m.ID, s.end.at.Add(AnswerLimit), m.From...)
		}
		if len(stops) > 0 {
			f.stoppedSilently(s, stops)
		}
	}
}

// ofStay tells whether a measure was last told of in this stay and not in a later one.
func (f *fold) ofStay(s *stay, m *Measure) bool {
	told := f.requested(m)
	if told.After(s.end.at.Add(DischargeReportLimit)) || !s.unknown && told.Before(s.start.at) {
		return false
	}
	return true
}

// stoppedSilently are measures that the hospital says it stopped, without saying why.
func (f *fold) stoppedSilently(s *stay, stops []*rec) {
	for _, r := range stops {
		if r.Key.Sender != s.sender || !contains(s.from, r.key) && f.laterStay(s, r) {
			continue
		}
		for _, x := range r.facts.More.Course.Stops {
			if x.Reason == "" {
				f.addGap("R16", "A measure was stopped at the transfer and no reason is given: "+first(x.Text, x.Code), s.out.ID, time.Time{}, r.key)
			}
		}
	}
}
