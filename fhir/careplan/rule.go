package careplan

import (
	"slices"
	"time"
)

// Severities of gaps. Urgent: somebody may come to harm today. Warn: somebody must act. Info: the plan is thinner
// than it should be.
const (
	SeverityInfo   = "info"
	SeverityWarn   = "warn"
	SeverityUrgent = "urgent"
)

// Rule is one check of a plan: what it looks for and how serious a finding is.
//
// Source: careplan.md sections 2.1 and 5.5.
type Rule struct {
	ID          string `json:"id"` // R1 ... R16, no-goal ...
	Severity    string `json:"severity"`
	Explanation string `json:"explanation"`
}

// rule is a Rule with its check. A check reads the plan and the records that count and may be seen, and nothing
// else; rules of the minimum content have none, see completeness.
type rule struct {
	Rule
	check func(*fold)
}

// Rules lists all rules in the order of their ids. Options.Off switches single ones off.
func Rules() []Rule {
	table := rules()
	out := make([]Rule, len(table))
	for i, r := range table {
		out[i] = r.Rule
	}
	return out
}

// rules is the table.
func rules() []rule {
	return []rule{
		{Rule{"R1", SeverityWarn, "A recommended measure has no owner after the time for an answer."}, (*fold).r1NoOwner},
		{Rule{"R2", SeverityInfo, "A goal has no measure."}, (*fold).r2GoalAlone},
		{Rule{"R3", SeverityInfo, "Measures without a goal."}, (*fold).r3NoGoal},
		{Rule{"R4", SeverityWarn, "More than one coordinator is named."}, (*fold).r4TwoCoordinators},
		{Rule{"R5", SeverityWarn, "An evaluation is due."}, (*fold).r5Evaluation},
		{Rule{"R6", SeverityUrgent, "A person was discharged and no discharge report came."}, (*fold).r6NoReport},
		{Rule{"R7", SeverityWarn, "A check-up was promised at the discharge and none is booked."}, (*fold).r7NoAppointment},
		{Rule{"R8", SeverityUrgent, "Two live measures ask for opposite things of the same part of the body or activity. Coded pairs only."}, (*fold).r8Opposite},
		{Rule{"R9", SeverityInfo, "Two providers give the same service in overlapping periods."}, (*fold).r9TwoProviders},
		{Rule{"R10", SeverityWarn, "Discharge-ready was set and withdrawn repeatedly in one stay."}, (*fold).r10Repeated},
		{Rule{"R11", SeverityWarn, "A referral or an early notice has no answer."}, (*fold).r11NoAnswer},
		{Rule{"R12", SeverityWarn, "Two sources disagree about function."}, (*fold).takeDisagreements},
		{Rule{"R13", SeverityWarn, "An aid is needed and none is ordered."}, (*fold).r13NoAid},
		{Rule{"R14", SeverityWarn, "A course of rehabilitation is past its end and has no end assessment."}, (*fold).r14NoEnd},
		{Rule{"R15", SeverityWarn, "An admission has no report from the municipality."}, (*fold).r15NoAdmissionReport},
		{Rule{"R16", SeverityWarn, "A measure that was going on in hospital is mentioned by nobody after the transfer, and no reason is given."}, (*fold).r16Dropped},
		{Rule{gapNoCoordinator, SeverityWarn, "No coordinator is named."}, nil},
		{Rule{gapNoGoal, SeverityInfo, "The plan has no goal."}, nil},
		{Rule{gapNoPatientGoal, SeverityInfo, "No goal is in the words of the patient, or of next of kin with a reason."}, nil},
		{Rule{gapNoEvaluation, SeverityInfo, "No date for the next evaluation is set."}, nil},
		{Rule{gapNoZonePlan, SeverityInfo, "After a hospital stay there is no plan for what to do when things get worse."}, nil},
		{Rule{gapNoContactPoint, SeverityInfo, "An organisation that takes part gave no telephone number."}, nil},
		{Rule{gapStartUnknown, SeverityInfo, "The admission of a stay is not known."}, nil},
	}
}

// severityOf is the severity of a rule as the table has it.
func severityOf(id string) string {
	switch id {
	case "R6", "R8":
		return SeverityUrgent
	case "R2", "R3", "R9", gapNoGoal, gapNoPatientGoal, gapNoEvaluation, gapNoZonePlan, gapNoContactPoint, gapStartUnknown:
		return SeverityInfo
	}
	return SeverityWarn
}

// off tells whether a rule is switched off.
func (f *fold) off(id string) bool { return len(f.o.Off) > 0 && slices.Contains(f.o.Off, id) }

// addGap adds what a rule found, unless the rule is switched off.
func (f *fold) addGap(id, text, subject string, due time.Time, from ...string) {
	if f.off(id) {
		return
	}
	f.p.Gaps = append(f.p.Gaps, Gap{Rule: id, Severity: severityOf(id), Text: text, Subject: subject, Due: due, From: from})
}
