package admin

import (
	"cmp"
	"slices"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// gapWhys say why a finding matters; those of rules that are not here are explained by the rule's own words.
//
// Source: careplan.md sections 2.1 and 5.5.
var gapWhys = map[string]string{
	"R1":               "A recommended measure that nobody takes on is not done. It counts when it has stood longer than 72 hours without an owner.",
	"R2":               "A goal that no measure serves will not be reached by itself.",
	"R3":               "Somebody carries measures but has set no goal: nobody can say when they have worked.",
	"R4":               "More than one coordinator is named; exactly one must hold the threads.",
	"R5":               "The day of an evaluation has passed and no evaluation is known.",
	"R6":               "The patient is home, and those who take over have no report from the hospital.",
	"R7":               "A check-up is promised; no appointment is booked.",
	"R8":               "Two sources ask for things that cannot both be followed.",
	"R9":               "Two providers give the same service in the same period.",
	"R10":              "Ready for discharge was set and withdrawn repeatedly: those who prepare have prepared in vain.",
	"R11":              "A referral has stood without an answer.",
	"R12":              "Two assessors see function so differently that both cannot be right at once. It is a question to both.",
	"R13":              "An aid is needed and none is ordered.",
	"R14":              "The course is past its end and nobody has assessed the outcome.",
	"R15":              "The hospital has not been told how the patient managed at home. It counts from 24 hours after the municipality was told.",
	"R16":              "A measure that was started is mentioned by nobody after the transfer, and no reason is given.",
	"no-coordinator":   "Somebody must hold the threads and be the one the patient can ask.",
	"no-goal":          "Without a goal nobody can say whether the plan works.",
	"no-patient-goal":  "The plan must hold what matters to the patient, in the patient's own words or those of next of kin on their behalf.",
	"no-evaluation":    "A plan that nobody looks at again goes out of date.",
	"no-zone-plan":     "After a hospital stay the patient and those around must know what to do when things get worse.",
	"no-contact-point": "An organisation that takes part gave no number to call.",
}

// gapView is one gap with its rule.
type gapView struct {
	careplan.Gap
	About         string
	Severity      word
	Why           string
	Later         bool // counts from Due on
	severityOrder int
}

// GapRows are the gaps: those that count now by severity, then those that only count later.
func (p *planPage) GapRows() []gapView {
	var list []gapView
	rules := careplan.Rules()
	for _, g := range p.Gaps {
		v := gapView{Gap: g, About: p.Subject(g), Why: gapWhys[g.Rule], Later: !g.Due.IsZero() && g.Due.After(p.Now)}
		severity := g.Severity
		if i := slices.IndexFunc(rules, func(r careplan.Rule) bool { return r.ID == g.Rule }); i >= 0 {
			severity, v.Why = or(severity, rules[i].Severity), or(v.Why, rules[i].Explanation)
		}
		switch severity {
		case careplan.SeverityUrgent:
			v.Severity, v.severityOrder = word{"urgent", "stop", "!", "Somebody may come to harm today."}, 0
		case careplan.SeverityInfo:
			v.Severity, v.severityOrder = word{"to know", "calm", "○", "The plan is thinner than it should be."}, 2
		default:
			v.Severity, v.severityOrder = word{"act", "warn", "!", "Somebody must act."}, 1
		}
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b gapView) int {
		return cmp.Or(btoi(a.Later)-btoi(b.Later), a.severityOrder-b.severityOrder)
	})
	return list
}

// DueNow counts the gaps that count now.
func (p *planPage) DueNow() int { return len(p.OpenGaps) }

// clockView is a time at which somebody must act, as the plan foresees it.
type clockView struct {
	careplan.Clock
	Who  string
	Past bool
}

// maxClocks is how many of the next times are shown.
const maxClocks = 8

// ClockRows are the next times at which somebody must act.
func (p *planPage) ClockRows() []clockView {
	var list []clockView
	for _, c := range p.Clocks() {
		list = append(list, clockView{Clock: c, Who: p.Org(c.For), Past: !c.Due.After(p.Now)})
	}
	if len(list) > maxClocks {
		list = list[:maxClocks]
	}
	return list
}
