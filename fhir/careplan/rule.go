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
	// reads is what records must state to matter to the check, in a plan without anything that only few records
	// state: while none of that changes, a Folder repeats what the rule found. Zero: the check is always made.
	reads sorts
}

// What rules read of a plan, by the sorts of the facts that it comes from.
const (
	readsMeasures = ofMeasures | ofAnswers
	readsStays    = ofStay | ofReport
)

// Rules lists all rules in the order of their ids. Options.Off switches single ones off.
func Rules() []Rule {
	table := rules()
	out := make([]Rule, len(table))
	for i, r := range table {
		out[i] = r.Rule
	}
	return out
}

const numberOfRules = 23

// rules is the table.
func rules() [numberOfRules]rule {
	return [numberOfRules]rule{
		{Rule{"R1", SeverityWarn, "A recommended measure has no owner after the time for an answer."}, (*fold).r1NoOwner, readsMeasures},
		{Rule{"R2", SeverityInfo, "A goal has no measure."}, (*fold).r2GoalAlone, readsMeasures | ofGoals},
		{Rule{"R3", SeverityInfo, "Measures without a goal."}, (*fold).r3NoGoal, readsMeasures | ofGoals},
		{Rule{"R4", SeverityWarn, "More than one coordinator is named."}, (*fold).r4TwoCoordinators, ofContacts},
		{Rule{"R5", SeverityWarn, "An evaluation is due."}, (*fold).r5Evaluation, readsMeasures | ofPanels | ofStay},
		{Rule{"R6", SeverityUrgent, "A person was discharged and no discharge report came."}, (*fold).r6NoReport, readsStays},
		{Rule{"R7", SeverityWarn, "A check-up was promised at the discharge and none is booked."}, (*fold).r7NoAppointment, ofCheckups | readsStays},
		{Rule{"R8", SeverityUrgent, "Two live measures ask for opposite things of the same part of the body or activity. Coded pairs only."}, (*fold).r8Opposite, readsMeasures},
		{Rule{"R9", SeverityInfo, "Two providers give the same service in overlapping periods."}, (*fold).r9TwoProviders, ofServices},
		{Rule{"R10", SeverityWarn, "Discharge-ready was set and withdrawn repeatedly in one stay."}, (*fold).r10Repeated, readsStays},
		{Rule{"R11", SeverityWarn, "A referral or an early notice has no answer."}, (*fold).r11NoAnswer, 0},
		{Rule{"R12", SeverityWarn, "Two sources disagree about function."}, (*fold).takeDisagreements, 0},
		{Rule{"R13", SeverityWarn, "An aid is needed and none is ordered."}, (*fold).r13NoAid, ofAids},
		{Rule{"R14", SeverityWarn, "A course of rehabilitation is past its end and has no end assessment."}, (*fold).r14NoEnd, ofPanels | ofStay},
		{Rule{"R15", SeverityWarn, "An admission has no report from the municipality."}, (*fold).r15NoAdmissionReport, readsStays},
		{Rule{"R16", SeverityWarn, "A measure that was going on in hospital is mentioned by nobody after the transfer, and no reason is given."}, (*fold).r16Dropped, readsMeasures | ofGoals | ofServices | readsStays},
		{Rule{gapNoCoordinator, SeverityWarn, "No coordinator is named."}, nil, 0},
		{Rule{gapNoGoal, SeverityInfo, "The plan has no goal."}, nil, 0},
		{Rule{gapNoPatientGoal, SeverityInfo, "No goal is in the words of the patient, or of next of kin with a reason."}, nil, 0},
		{Rule{gapNoEvaluation, SeverityInfo, "No date for the next evaluation is set."}, nil, 0},
		{Rule{gapNoZonePlan, SeverityInfo, "After a hospital stay there is no plan for what to do when things get worse."}, nil, 0},
		{Rule{gapNoContactPoint, SeverityInfo, "An organisation that takes part gave no telephone number."}, nil, 0},
		{Rule{gapStartUnknown, SeverityInfo, "The admission of a stay is not known."}, nil, 0},
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
