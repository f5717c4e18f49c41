package careplan

import (
	"slices"
	"strings"
	"time"
)

// Limits after which something missing counts. They are part of the plan's meaning: the reader
// compares Gap.Due with its own clock.
const (
	// AnswerLimit is how long a proposal may stand without an owner (rule R1).
	AnswerLimit = 72 * time.Hour
	// AdmissionReportLimit is the municipality's time for its report after it was told of the
	// admission (rule R15). Source: standards/no README section 11.
	AdmissionReportLimit = 24 * time.Hour
	// DischargeReportLimit is the time for the discharge report after the discharge (rule R6).
	DischargeReportLimit = 24 * time.Hour
)

// kindDischargeReport is the hospital's nursing report at discharge.
const kindDischargeReport = "UTSKRIVNINGSRAPPORT"

// coordinatorRoles are the codes of list 9034 that mean a coordinator of the plan.
const coordinatorRoles = " 8 18 "

// gaps lists what is missing, from the plan as it stands and nothing else.
// Source: careplan.md sections 2.1 and 5.5.
func (f *fold) gaps() {
	if f.p.Person.Deceased != nil {
		f.p.Gaps = nil
		f.endTasks()
		return
	}
	f.stayGaps()
	f.measureGaps()
	f.contentGaps()
}

// endTasks cancels what is asked of anybody: death ends all timers (careplan.md section 7).
func (f *fold) endTasks() {
	for i := range f.p.Tasks {
		if t := &f.p.Tasks[i]; t.Status == "requested" {
			t.Status = "cancelled"
			for _, k := range f.p.Person.Deceased.From {
				t.From = addFrom(slices.Clone(t.From), k)
			}
		}
	}
}

func (f *fold) addGap(rule, text, subject string, due time.Time, from ...string) {
	f.p.Gaps = append(f.p.Gaps, Gap{Rule: rule, Text: text, Subject: subject, Due: due, From: from})
}

func (f *fold) stayGaps() {
	for _, s := range f.stayList {
		switch s.out.Status {
		case "in-progress":
			if told := f.toldOf(s); told != nil && !f.hasReport(s, kindAdmissionReport) {
				f.addGap("R15", "No admission report from the municipality.", s.out.ID, told.order.Add(AdmissionReportLimit), told.key)
			}
		case "finished":
			f.dischargeGaps(s)
		}
	}
}

// toldOf is the message that first told of the admission.
func (f *fold) toldOf(s *stay) *rec {
	for _, r := range f.live {
		if r.Kind == kindAdmitted && contains(s.from, r.key) {
			return r
		}
	}
	return nil
}

// hasReport tells whether a live report of this kind belongs to the stay: written after it
// began (or, for the discharge report, by the same hospital not long before it ended).
func (f *fold) hasReport(s *stay, kind string) bool {
	for _, r := range f.live {
		if r.Kind != kind {
			continue
		}
		if kind == kindDischargeReport && r.Key.Sender != s.sender {
			continue
		}
		if s.unknown || !r.order.Before(s.start.at.Add(-24*time.Hour)) && !f.laterStay(s, r) {
			return true
		}
	}
	return false
}

// laterStay tells whether a report was written in a stay that began after s.
func (f *fold) laterStay(s *stay, r *rec) bool {
	for _, o := range f.stayList {
		if o != s && o.withdrawn == nil && !o.unknown && o.start.at.After(s.start.at) && !r.order.Before(o.start.at) {
			return true
		}
	}
	return false
}

func (f *fold) dischargeGaps(s *stay) {
	dead := false
	for _, ev := range s.events {
		dead = dead || ev.Code == eventDischarged && ev.rec.facts.Dead
	}
	if dead {
		return
	}
	if !f.hasReport(s, kindDischargeReport) {
		f.addGap("R6", "Discharged without a discharge report.", s.out.ID, s.end.at.Add(DischargeReportLimit), s.out.End.From...)
	}
	for _, c := range f.p.Checkups {
		if c.Owner == s.sender && !c.Booked {
			f.addGap("R7", "A check-up is promised but no appointment is booked.", c.ID, time.Time{}, c.From...)
		}
	}
}

func (f *fold) measureGaps() {
	requested := func(m *Measure) time.Time {
		var t time.Time
		for _, k := range m.From {
			var o time.Time
			if r := f.counted(k); r != nil {
				o = r.order
			}
			if t.IsZero() || o.Before(t) {
				t = o
			}
		}
		return t
	}
	goals, wanted := map[string][]string{}, map[string][]string{}
	for _, g := range f.p.Goals {
		goals[g.Owner] = g.From
	}
	var owners []string
	for i := range f.p.Measures {
		m := &f.p.Measures[i]
		if m.Kind == "proposal" && m.Owner == "" {
			f.addGap("R1", "A recommended measure has no owner: "+m.Text, m.ID, requested(m).Add(AnswerLimit), m.From...)
		}
		if m.Kind != "done" && m.Status != "completed" {
			if wanted[m.Requester] == nil {
				owners = append(owners, m.Requester)
			}
			wanted[m.Requester] = m.From
			if m.Evaluation != nil {
				if due := parseMoment(m.Evaluation.Text); !due.at.IsZero() {
					f.addGap("R5", "To be evaluated: "+m.Text, m.ID, endOf(due), m.Evaluation.From...)
				}
			}
		}
	}
	for _, g := range f.p.Goals {
		if wanted[g.Owner] == nil {
			f.addGap("R2", "A goal has no measure: "+g.Text, g.ID, time.Time{}, g.From...)
		}
	}
	for _, o := range owners {
		if goals[o] == nil {
			f.addGap("R3", "Measures without a goal.", "", time.Time{}, wanted[o]...)
		}
	}
}

// endOf is when a day has passed, or the time itself.
func endOf(m moment) time.Time {
	if m.day {
		return m.at.Add(24 * time.Hour)
	}
	return m.at
}

// contentGaps lists the minimum content of a live plan. It is asked for from the moment that
// there is a plan to speak of: a goal, a measure, or a patient ready for discharge.
func (f *fold) contentGaps() {
	p := f.p
	if len(p.Goals) == 0 && len(p.Measures) == 0 && len(p.Ready) == 0 {
		return
	}
	if !slices.ContainsFunc(p.Contacts, func(c Contact) bool {
		return c.RoleCode != "" && strings.Contains(coordinatorRoles, " "+c.RoleCode+" ")
	}) {
		f.addGap("no-coordinator", "No coordinator is named.", "", time.Time{})
	}
	if len(p.Goals) == 0 {
		f.addGap("no-goal", "The plan has no goal.", "", time.Time{})
	} else if !slices.ContainsFunc(p.Goals, func(g Goal) bool { return g.ExpressedBy == "patient" || g.ExpressedBy == "kin" }) {
		f.addGap("no-patient-goal", "No goal is in the patient's own words.", "", time.Time{})
	}
	if !slices.ContainsFunc(p.Measures, func(m Measure) bool { return m.Evaluation != nil }) {
		f.addGap("no-evaluation", "No date for the next evaluation is set.", "", time.Time{})
	}
	stay := slices.ContainsFunc(p.Stays, func(s Stay) bool { return s.Status == "in-progress" || s.Status == "finished" })
	if stay && !slices.ContainsFunc(p.Notes, func(n Note) bool { return isZonePlan(n.Heading.Text) || isZonePlan(n.Text) }) {
		f.addGap("no-zone-plan", "No plan for what to do when things get worse.", "", time.Time{})
	}
	for _, m := range p.Team {
		contributed := false
		for _, k := range m.From {
			contributed = contributed || strings.HasPrefix(k, m.HER+"/")
		}
		if contributed && !slices.ContainsFunc(p.Contacts, func(c Contact) bool {
			return c.Owner == m.HER && c.Kind != "kin" && len(c.Phone) > 0
		}) {
			f.addGap("no-contact-point", "An organisation gave no telephone number for contact.", m.HER, time.Time{}, m.From...)
		}
	}
}

// isZonePlan tells whether a heading or text is a plan for what to do when things get worse;
// the messages have no code for one.
func isZonePlan(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "soneplan") || strings.Contains(s, "zone plan")
}
