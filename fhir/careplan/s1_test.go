package careplan

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// strokeCourse is scenario S1 of careplan.md section 12 up to the municipality's answers, in the
// order of its table.
func strokeCourse() []msg {
	admitted := at("01-10 22:15")
	log := func(n int, kind string, sent time.Time, e *fhir.Node) msg {
		return msg{kind: kind, id: uuid(n), from: hospital, to: []string{town}, sent: sent}.with(e)
	}
	scores := map[int]int{5: 2, 7: 1, 8: 1, 17: 9}
	for code := 1; code <= 17; code++ {
		if scores[code] == 0 {
			scores[code] = 1 + code%3
		}
	}
	report := msg{kind: kindAdmissionReport, id: uuid(2), from: town, to: []string{hospital}, sent: at("01-11 10:05")}.
		with(serviceNode("15", "Home nursing", "Granli home care"), serviceNode("6", "Safety alarm", "Granli home care")).
		withFunction("2026-01-05", "remark", scores)
	changed := map[int]int{}
	for k, v := range scores {
		changed[k] = v
	}
	changed[7] = 2
	change := msg{kind: kindAdmissionReport, id: uuid(3), op: samvirke.OpChange, parent: uuid(2), conv: uuid(2), from: town, to: []string{hospital},
		sent: at("01-11 12:00")}.
		with(serviceNode("15", "Home nursing", "Granli home care"), serviceNode("6", "Safety alarm", "Granli home care")).
		withFunction("2026-01-05", "remark", changed)
	discharge := msg{kind: kindDischargeReport, id: uuid(9), from: hospital, to: []string{town}, sent: at("01-25 13:00")}.with(
		goalNode("Walks indoors without help", "2026-03-01", false), goalNode("Showers alone", "2026-04-01", false),
		proposal("Walking training", "2026-02-10"), proposal("Speech therapy", "2026-02-10"), proposal("Occupational therapy", ""),
		fhir.NewObject("resourceType", "Appointment", "status", "booked", "start", "2026-03-25T10:00:00+01:00"),
		section("Soneplan", "Green: as usual. Yellow: ring the home care."))
	answer := func(n int, measure, status, reason string) msg {
		return msg{kind: "task-answer", id: uuid(n), from: town, to: []string{hospital}, sent: at("01-25 13:30")}.with(taskNode(measure, status, reason))
	}
	return []msg{
		log(1, kindAdmitted, at("01-10 22:40"), encounter(admitted, time.Time{})),
		log(1, kindAdmitted, at("01-10 22:40"), encounter(admitted, time.Time{})),
		report, change,
		msg{kind: "assessment", id: uuid(4), from: hospital, to: []string{town}, sent: at("01-15 12:00")}.with(barthel(6, "2026-01-15")),
		log(5, kindReady, at("01-19 10:20"), encounter(admitted, time.Time{}, eventNode("3", stamp(at("01-19 10:00")), false))),
		log(6, kindNotReady, at("01-19 17:12"), encounter(time.Time{}, time.Time{}, eventNode("4", stamp(at("01-19 17:00")), false))),
		log(7, kindReady, at("01-24 09:00"), encounter(admitted, time.Time{}, eventNode("3", stamp(at("01-24 08:45")), false))),
		log(8, kindDischarged, at("01-25 11:20"), encounter(time.Time{}, at("01-25 11:15"))),
		discharge,
		answer(10, "Walking training", "accepted", ""), answer(11, "Occupational therapy", "accepted", ""),
		answer(12, "Speech therapy", "rejected", "no capacity"),
	}
}

func gapRules(p *Plan) []string {
	var out []string
	for _, g := range p.Gaps {
		out = append(out, g.Rule)
	}
	return out
}

func flagCodes(p *Plan) []string {
	var out []string
	for _, f := range p.Flags {
		out = append(out, f.Code)
	}
	return out
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s = %s, want %s", what, g, w)
	}
}

// TestStrokeCourse goes through the lines of S1 one by one.
func TestStrokeCourse(t *testing.T) {
	course := strokeCourse()
	plan := func(n int) *Plan { return Fold(records(t, course[:n]...)) }

	p := plan(1)
	equal(t, "stays after admission", len(p.Stays), 1)
	equal(t, "status", p.Stays[0].Status, "in-progress")
	equal(t, "start", p.Stays[0].Start.Text, "2026-01-10T22:15:00+01:00")
	equal(t, "gaps after admission", gapRules(p), []string{"R15"})
	equal(t, "R15 counts from", p.Gaps[0].Due, at("01-11 22:40").UTC())

	if !bytes.Equal(plan(2).JSON(), p.JSON()) {
		t.Error("the same message again changed the plan")
	}

	p = plan(3)
	equal(t, "gaps after the report", gapRules(p), []string(nil))
	equal(t, "services", len(p.Services), 2)
	equal(t, "assessments", len(p.Function), 1)
	a := p.Function[0]
	equal(t, "instrument, date, source, baseline", fmt.Sprint(a.Instrument, a.Date, a.DateSource, a.Baseline), "iplos2026-01-05remarktrue")
	equal(t, "variables", len(a.Scores), 17)
	equal(t, "hygiene", *a.Scores[6].Number, 1.0)
	equal(t, "9 is not relevant", a.Scores[16].NotRelevant && a.Scores[16].Number == nil, true)

	p = plan(4)
	equal(t, "assessments after the change", len(p.Function), 1)
	equal(t, "hygiene after the change", *p.Function[0].Scores[6].Number, 2.0)
	equal(t, "history", p.History[0].Key+" "+p.History[0].State, town+"/"+uuid(2)+" replaced")

	p = plan(5)
	equal(t, "assessments with Barthel", len(p.Function), 2)
	equal(t, "Barthel", fmt.Sprint(p.Function[1].Instrument, " ", *p.Function[1].Scores[0].Number, " ", p.Function[1].Baseline), "barthel-20 6 false")
	if p.Function[0].Line == p.Function[1].Line {
		t.Error("IPLOS and Barthel share a line")
	}

	p = plan(6)
	equal(t, "ready", fmt.Sprint(len(p.Ready), p.Ready[0].End), "1 <nil>")
	equal(t, "task", p.Tasks[0].Status+" "+p.Tasks[0].For, "requested "+town)
	equal(t, "checklist", slices.Contains(gapRules(p), "no-goal"), true)

	p = plan(7)
	equal(t, "ready after withdrawal", p.Ready[0].Why, "withdrawn")
	equal(t, "task after withdrawal", p.Tasks[0].Status, "cancelled")
	equal(t, "counts", fmt.Sprint(p.Stays[0].ReadyCount, p.Stays[0].WithdrawnN), "1 1")

	p = plan(8)
	equal(t, "second ready", fmt.Sprint(len(p.Ready), p.Ready[1].End, p.Stays[0].ReadyCount), "2 <nil> 2")

	p = plan(9)
	equal(t, "status after discharge", p.Stays[0].Status, "finished")
	equal(t, "ready ended by", p.Ready[1].Why, "discharged")
	equal(t, "gap R6", slices.Contains(gapRules(p), "R6"), true)

	p = plan(10)
	equal(t, "R6 and R7 after the report", slices.Contains(gapRules(p), "R6") || slices.Contains(gapRules(p), "R7"), false)
	equal(t, "goals, measures, check-ups", fmt.Sprint(len(p.Goals), len(p.Measures), len(p.Checkups)), "2 3 1")
	r1 := 0
	for _, g := range p.Gaps {
		if g.Rule == "R1" {
			r1++
			equal(t, "R1 counts from", g.Due, at("01-28 13:00").UTC())
		}
	}
	equal(t, "R1 timers", r1, 3)

	p = plan(len(course))
	var got []string
	for _, m := range p.Measures {
		got = append(got, m.Text+":"+m.Status+":"+m.Owner)
	}
	equal(t, "measures", got, []string{"Walking training:accepted:" + town, "Speech therapy:rejected:", "Occupational therapy:accepted:" + town})
	equal(t, "reason", p.Measures[1].Answers[0].Reason, "no capacity")
	r1 = 0
	for _, g := range p.Gaps {
		if g.Rule == "R1" {
			r1++
			equal(t, "R1 is about", g.Subject, p.Measures[1].ID)
		}
	}
	equal(t, "R1 left", r1, 1)
	equal(t, "flags", flagCodes(p), []string(nil))
	equal(t, "team", fmt.Sprint(len(p.Team), " ", p.Team[0].Role, " ", p.Team[1].Role), "2 hospital municipality")
}
