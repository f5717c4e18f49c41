package careplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// clocksOf are the clocks of some rules.
func clocksOf(p *Plan, rules ...string) (out []string) {
	for _, c := range p.Clocks() {
		if slices.Contains(rules, c.Rule) {
			out = append(out, c.Rule+" "+c.Due.Format("01-02"))
		}
	}
	return out
}

// TestCourseEvaluations is S1 from 25 February: eight weeks with an evaluation each week, one in the middle on 25 March
// and one at the end on 22 April.
func TestCourseEvaluations(t *testing.T) {
	course := update(1, town, "02-25 08:00", resource(t, courseText))
	all := func(p *Plan) string { return strings.Join(clocksOf(p, "weekly", "mid", "end", "R14"), ", ") }
	p := foldAll(t, course)
	equal(t, "at the start", all(p),
		"weekly 03-03, weekly 03-10, weekly 03-17, mid 03-25, weekly 03-31, weekly 04-07, weekly 04-14, R14 04-22, end 04-22")
	for _, c := range p.Clocks() {
		if c.Rule == "mid" && c.For != town {
			t.Errorf("the mid evaluation asks %s", c.For)
		}
	}
	// A progress mark is the evaluation of its week; an assessment near the middle the mid evaluation.
	mark := update(2, town, "03-02 10:00", markNode(scaleSmiley, "4", "2026-03-02T10:00:00+01:00"))
	middle := msg{kind: "assessment", id: uuid(3), from: town, to: []string{hospital}, sent: at("03-25 12:00")}.with(barthel(15, "2026-03-25"))
	equal(t, "half-way", all(foldAll(t, course, mark, middle)), "weekly 03-10, weekly 03-17, weekly 04-07, weekly 04-14, R14 04-22, end 04-22")
	end := msg{kind: "assessment", id: uuid(4), from: town, to: []string{hospital}, sent: at("04-22 12:00")}.with(barthel(18, "2026-04-22"))
	equal(t, "after the end assessment", clocksOf(foldAll(t, course, mark, middle, end), "mid", "end", "R14"), []string(nil))
	equal(t, "withdrawn", all(foldAll(t, course, cancel(course, 5, "02-26 08:00"))), "")
	// On hold or planned nobody is asked; without an end it is taken to last twelve weeks.
	for status, want := range map[string]int{"planned": 0, "onhold": 0, "cancelled": 0, "active": 1} {
		p := foldAll(t, update(6, town, "02-25 08:00", resource(t, strings.Replace(courseText, `"active"`, `"`+status+`"`, 1))))
		equal(t, status, len(clocksOf(p, "mid")), want)
	}
	open := foldAll(t, update(7, town, "02-25 08:00", resource(t, strings.Replace(courseText, `,"end":"2026-04-22"`, "", 1))))
	equal(t, "no end", clocksOf(open, "mid", "end", "R14"), []string{"mid 04-07", "end 05-19"})
	// A course that never ends has an end of weekly questions.
	long := foldAll(t, update(8, town, "02-25 08:00", resource(t, strings.Replace(courseText, "2026-04-22", "2046-04-22", 1))))
	equal(t, "twenty years", len(clocksOf(long, "weekly")), 26)
}

// TestClockKinds: what is not in a message of these tests is told by plans made by hand.
func TestClockKinds(t *testing.T) {
	day := time.Date(2026, 3, 12, 9, 5, 0, 0, time.UTC)
	from := []string{gp + "/a", town + "/b"}
	conflict := Conflict{ID: "conflict-1", Field: FieldNextEvaluation, Status: "open", Opened: day, For: "coordinator",
		Candidates: []Candidate{{Value: Value{Text: "2026-03-26", From: from[1:]}}, {Value: Value{Text: "2026-03-19", From: from[:1]}}}}
	settled, withdrawn := conflict, conflict
	settled.Status, withdrawn.Status = "resolved", "basis-withdrawn"
	sources := map[string]Source{from[0]: {Key: from[0]}, from[1]: {Key: from[1]}}
	cases := []struct {
		name string
		p    Plan
		want string
	}{
		{"open conflict", Plan{Shared: &SharedPart{Conflicts: []Conflict{conflict}}}, "conflict-24h 03-13T09:05 coordinator; conflict-72h 03-15T09:05 coordinator"},
		{"settled conflict", Plan{Shared: &SharedPart{Conflicts: []Conflict{settled}}}, ""},
		{"conflict whose basis went", Plan{Shared: &SharedPart{Conflicts: []Conflict{withdrawn}}}, "conflict-24h 03-13T09:05 coordinator; conflict-72h 03-15T09:05 coordinator"},
		{"proposal", Plan{Shared: &SharedPart{Proposals: []Proposal{{ID: "p1", Owner: physio, Text: "pause", Status: "requested", At: day, From: from[:1]}}}}, "proposal 03-15T09:05 " + physio},
		{"answered proposal", Plan{Shared: &SharedPart{Proposals: []Proposal{{ID: "p1", Owner: physio, Text: "pause", Status: "changed", At: day, From: from[:1]}}}}, ""},
		{"membership that ends", Plan{Rights: &RightsPart{Members: []Membership{{ID: "m1", HER: physio, End: day, From: from[:1]}, {ID: "m2", HER: gp, From: from[:1]}}}},
			"membership-ends 03-12T09:05 coordinator"},
		{"next evaluation", Plan{Shared: &SharedPart{Fields: []Field{{Name: FieldNextEvaluation, Value: Value{Text: "2026-03-19", From: from[:1]}}}}}, ""}, // the fold makes R5 of it
		{"plan period", Plan{Shared: &SharedPart{Fields: []Field{{Name: FieldPeriodStart, Value: Value{Text: "2026-02-25", From: from[:1]}}, {Name: FieldPeriodEnd, Value: Value{Text: "2026-03-04", From: from[:1]}}}}},
			"end 03-04T22:00 coordinator"},
		{"a gap that rests on nothing live", Plan{Gaps: []Gap{{Rule: "R1", Due: day, From: []string{"gone/x"}}}}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.p.Sources = sources
			equal(t, "clocks", strings.Join(clockLines(&c.p), "; "), c.want)
			c.p.Person.Deceased = &Value{Text: "true"}
			equal(t, "clocks of the dead", len(c.p.Clocks()), 0)
		})
	}
	equal(t, "no plan", len((*Plan)(nil).Clocks()), 0)
}

// TestAnswerClocks: a referral, an early notice and a proposal ask those they went to.
func TestAnswerClocks(t *testing.T) {
	referral := msg{kind: "HENVISNING", id: uuid(1), from: gp, to: []string{physio}, sent: at("01-26 10:00")}
	early := msg{kind: kindEarlyNotice, id: uuid(2), from: hospital, to: []string{town}, sent: at("01-12 10:00")}
	equal(t, "referral", clockLines(foldAll(t, referral)), []string{"R11 02-09T09:00 " + physio})
	equal(t, "early notice", clockLines(foldAll(t, early)), []string{"R11 01-15T09:00 " + town})
	equal(t, "proposal", clockLines(foldAll(t, report(3, "01-25 13:00", proposal("Walking training", "")))), []string{"R1 01-28T12:00 coordinator"})
	// A date that is moved moves the clock: it keeps its id.
	due := func(day string) Clock {
		m := report(4, "01-25 13:00", proposal("Walking training", day))
		for _, c := range foldAll(t, m).Clocks() {
			if c.Rule == "R5" {
				return c
			}
		}
		return Clock{}
	}
	a, b := due("2026-02-10"), due("2026-02-17")
	equal(t, "moved", fmt.Sprint(a.ID == b.ID && a.ID != "", a.Due.Equal(b.Due)), "true false")
}
