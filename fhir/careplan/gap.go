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

// The rules of the minimum content of a live plan. That every measure has an owner or an open Task is R1,
// and that the next evaluation is not past is R5: both count from a time on.
const (
	gapNoCoordinator  = "no-coordinator"
	gapNoGoal         = "no-goal"
	gapNoPatientGoal  = "no-patient-goal"
	gapNoEvaluation   = "no-evaluation"
	gapNoZonePlan     = "no-zone-plan"
	gapNoContactPoint = "no-contact-point"
	gapStartUnknown   = "stay-start-unknown"
)

// gaps lists what is missing, from the plan as it stands and nothing else.
// Source: careplan.md sections 2.1 and 5.5.
func (f *fold) gaps() {
	if f.p.Person.Deceased != nil {
		f.p.Gaps = nil
		f.endTasks()
		f.kept.forget() // the rules, which did not run, remember nothing
		return
	}
	table := rules()
	for i := range table {
		if r := &table[i]; r.check != nil && !f.off(r.ID) {
			f.takeRule(i, r)
		}
	}
	for _, g := range completeness(f.p) {
		f.addGap(g.Rule, g.Text, g.Subject, g.Due, g.From...)
	}
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

// endOf is when a day has passed, or the time itself.
func endOf(m moment) time.Time {
	if m.day {
		return m.at.Add(24 * time.Hour)
	}
	return m.at
}

// completeness lists what the minimum content of a live plan lacks, from what the plan shows alone. It is asked
// for from the moment that there is a plan to speak of: a goal, a measure, a course, or a patient ready for discharge.
//
// Source: careplan.md sections 2.1 and 11 (P23).
func completeness(p *Plan) []Gap {
	course := p.Course != nil && len(p.Course.Courses)+len(p.Course.SubPlans) > 0
	if len(p.Goals) == 0 && len(p.Measures) == 0 && len(p.Ready) == 0 && !course {
		return nil
	}
	var out []Gap
	add := func(rule, text string) { out = append(out, Gap{Rule: rule, Text: text}) }
	if !slices.ContainsFunc(p.Contacts, isCoordinator) && p.sharedField(FieldCoordinator) == nil {
		add(gapNoCoordinator, "No coordinator is named.")
	}
	if own := p.sharedField(FieldPatientGoal) != nil; len(p.Goals) == 0 && !own {
		add(gapNoGoal, "The plan has no goal.")
	} else if !own {
		out = append(out, patientGoal(p)...)
	}
	if !slices.ContainsFunc(p.Measures, func(m Measure) bool { return m.Evaluation != nil }) && p.sharedField(FieldNextEvaluation) == nil {
		add(gapNoEvaluation, "No date for the next evaluation is set.")
	}
	if lacksZonePlan(p) {
		add(gapNoZonePlan, "No plan for what to do when things get worse.")
	}
	return append(out, contactPoints(p)...)
}

// patientGoal: a goal by the patient, or by next of kin on behalf with a reason.
func patientGoal(p *Plan) []Gap {
	kin := false
	for _, g := range p.Goals {
		if g.ExpressedBy == "patient" || g.ExpressedBy == "kin" && g.OnBehalf != "" {
			return nil
		}
		kin = kin || g.ExpressedBy == "kin"
	}
	if kin {
		return []Gap{{Rule: gapNoPatientGoal, Text: "Next of kin speaks for the patient, and no reason is given."}}
	}
	return []Gap{{Rule: gapNoPatientGoal, Text: "No goal is in the patient's own words."}}
}

// lacksZonePlan: after a stay in hospital the person must know what to do when things get worse.
func lacksZonePlan(p *Plan) bool {
	stay := slices.ContainsFunc(p.Stays, func(s Stay) bool {
		return (s.Status == "in-progress" || s.Status == "onleave" || s.Status == "finished") && !ownHouse(p, &s)
	})
	if !stay || p.Course != nil && len(p.Course.Zones) > 0 {
		return false
	}
	return !slices.ContainsFunc(p.Notes, func(n Note) bool { return isZonePlan(n.Heading.Text) || isZonePlan(n.Text) })
}

// contactPoints: every organisation that contributes can be reached.
func contactPoints(p *Plan) (out []Gap) {
	for _, m := range p.Team {
		own := m.HER + "/"
		contributed := slices.ContainsFunc(m.From, func(key string) bool { return strings.HasPrefix(key, own) })
		if contributed && !slices.ContainsFunc(p.Contacts, func(c Contact) bool {
			return c.Owner == m.HER && c.Kind != "kin" && len(c.Phone) > 0
		}) {
			out = append(out, Gap{Rule: gapNoContactPoint, Text: "An organisation gave no telephone number for contact.", Subject: m.HER, From: m.From})
		}
	}
	return out
}

// isZonePlan tells whether a heading or text is a plan for what to do when things get worse;
// the messages have no code for one.
func isZonePlan(s string) bool { return holdsWord(s, "soneplan") || holdsWord(s, "zone plan") }

// holdsWord looks for a word of small letters and spaces, whatever the case. It looks through every note of a plan.
func holdsWord(s, word string) bool {
next:
	for ; len(s) >= len(word); s = s[1:] {
		for i := range len(word) {
			if c := s[i]; c != word[i] && (word[i] == ' ' || c+('a'-'A') != word[i]) {
				continue next
			}
		}
		return true
	}
	return false
}
