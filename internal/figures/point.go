package figures

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Figure is what is counted.
type Figure string

// The figures. Those with a time count persons' waits, the others count things by class.
const (
	// AdmissionNotified is the time from admission until the notice had reached the municipality's system;
	// classes weekday and weekend by the local time of admission.
	AdmissionNotified Figure = "admission-notified"
	// AdmissionAcknowledged is the time from admission until the municipality's system had accepted the notice.
	AdmissionAcknowledged Figure = "admission-acknowledged"
	// AdmissionReached counts admissions by how far the notice came: acknowledged, notified, not-notified.
	AdmissionReached Figure = "admission-reached"
	// DischargeReport counts discharges by when the report was here: before (home-coming), after, missing.
	DischargeReport Figure = "discharge-report"
	// Proposals counts recommended measures: accepted, rejected, unanswered.
	Proposals Figure = "proposals"
	// ProposalOwner is the time from proposal to an owner.
	ProposalOwner Figure = "proposal-owner"
	// PlanCoordinator counts live plans: yes, no.
	PlanCoordinator Figure = "plan-coordinator"
	// PlanOwnGoal counts live plans with a goal in the patient's own words: yes, no.
	PlanOwnGoal Figure = "plan-own-goal"
	// Evaluations counts live plans by their next evaluation: planned, overdue, none.
	Evaluations Figure = "evaluations"
	// CourseOutcome counts ended courses: self-reliant, less, same, more, maintained, dropped-out, not-stated.
	CourseOutcome Figure = "course-outcome"
	// CoursePairs counts ended courses by whether function at start and end can be compared: comparable, not-comparable.
	CoursePairs Figure = "course-pairs"
)

// Kind says what a figure measures.
type Kind string

// The kinds of figures.
const (
	Count Kind = "count" // things by class
	Wait  Kind = "wait"  // times, with N, mean and steps
	State Kind = "state" // plans as they stand now, of no month
)

// Definition is what is said about a figure wherever it is shown.
type Definition struct {
	Figure  Figure
	Kind    Kind
	Classes []string
	// Title and Text are for people, in English and Norwegian.
	Title, TitleNo string
	Text           string
}

// Definitions lists all figures in the order in which they are shown.
func Definitions() []Definition {
	week := []string{"weekday", "weekend"}
	yes := []string{"yes", "no"}
	return []Definition{
		{AdmissionNotified, Wait, week, "Admission until the municipality was notified", "Innleggelse til kommunen var varslet",
			"From the admission (as the hospital dates it) until the notice was taken by the municipality's system."},
		{AdmissionAcknowledged, Wait, week, "Admission until the municipality had accepted", "Innleggelse til kommunen hadde kvittert",
			"From the admission until the municipality's application receipt."},
		{AdmissionReached, Count, []string{"acknowledged", "notified", "not-notified"}, "Admissions by how far the notice came", "Innleggelser etter hvor langt varselet kom",
			"Admissions that count; withdrawn ones do not."},
		{DischargeReport, Count, []string{"before", "after", "missing"}, "Discharges by when the report came", "Utskrivninger etter når rapporten kom",
			"Whether the discharge report was here when the patient left the hospital."},
		{Proposals, Count, []string{"accepted", "rejected", "unanswered"}, "Recommended measures by answer", "Anbefalte tiltak etter svar",
			"Rejected means that nobody has accepted and somebody has refused."},
		{ProposalOwner, Wait, []string{"all"}, "Recommended measure until it had an owner", "Anbefalt tiltak til det fikk en eier",
			"From the recommendation until the first organisation accepted."},
		{PlanCoordinator, State, yes, "Plans with a coordinator", "Planer med koordinator", "Of all plans with a goal or a measure."},
		{PlanOwnGoal, State, yes, "Plans with a goal in the patient's own words", "Planer med mål i pasientens egne ord", "Of all plans with a goal or a measure."},
		{Evaluations, State, []string{"planned", "overdue", "none"}, "Plans by next evaluation", "Planer etter neste evaluering", "Of all plans with a goal or a measure."},
		{CourseOutcome, Count, []string{"self-reliant", "less", "same", "more", "maintained", "dropped-out", "not-stated"}, "Ended courses by outcome", "Avsluttede forløp etter utfall",
			"The class that the responsible organisation gave the course at its end."},
		{CoursePairs, Count, []string{"comparable", "not-comparable"}, "Ended courses with function at start and end", "Avsluttede forløp med funksjon ved start og slutt",
			"Comparable: one scale, variant and setting at both ends of the course."},
	}
}

// Steps are the upper bounds of the classes of waits, see Point.Steps; the last class is open.
var steps = [...]time.Duration{15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour, 72 * time.Hour}

// Steps gives the upper bounds of the classes of waits.
func Steps() []time.Duration { return steps[:] }

// Key names a number.
type Key struct {
	Figure Figure `json:"f"`
	Class  string `json:"c"`
	// Month is "2026-01" of what was counted; "" for the state of plans.
	Month string `json:"m,omitempty"`
	// Municipality is the patient's, by number; "" when it is not known.
	Municipality string `json:"k,omitempty"`
}

// Point is a number: how many, and for waits the sum and how they spread.
type Point struct {
	Key
	N       int64 `json:"n"`
	Seconds int64 `json:"s,omitempty"` // sum of waits
	// Steps counts the waits up to each of Steps(), not cumulated; one more for longer ones.
	Steps []int64 `json:"w,omitempty"`
}

func (p *Point) add(q *Point) {
	p.N += q.N
	p.Seconds += q.Seconds
	if len(q.Steps) > 0 && p.Steps == nil {
		p.Steps = make([]int64, len(steps)+1)
	}
	for i := range min(len(q.Steps), len(p.Steps)) {
		p.Steps[i] += q.Steps[i]
	}
}

// Mean is the mean wait; 0 for what has none.
func (p *Point) Mean() time.Duration {
	if p.N == 0 {
		return 0
	}
	return time.Duration(p.Seconds/p.N) * time.Second
}

// tally adds points up.
type tally map[Key]*Point

func (t tally) add(p Point) {
	if have := t[p.Key]; have != nil {
		have.add(&p)
		return
	}
	q := p
	q.Steps = slices.Clone(p.Steps)
	t[p.Key] = &q
}

func (t tally) count(k Key) { t.add(Point{Key: k, N: 1}) }

// wait counts a wait; one below zero is a clock that was wrong, and counts as none.
func (t tally) wait(k Key, d time.Duration) {
	d = max(d, 0)
	p := Point{Key: k, N: 1, Seconds: int64(d / time.Second), Steps: make([]int64, len(steps)+1)}
	i := 0
	for i < len(steps) && d > steps[i] {
		i++
	}
	p.Steps[i] = 1
	t.add(p)
}

// list gives the points in a fixed order.
func (t tally) list() []Point {
	out := make([]Point, 0, len(t))
	for _, p := range t {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Point) int {
		return cmp.Or(strings.Compare(string(a.Figure), string(b.Figure)), strings.Compare(a.Month, b.Month),
			strings.Compare(a.Municipality, b.Municipality), strings.Compare(a.Class, b.Class))
	})
	return out
}
