package careplan

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// clockLines says what a plan's clocks are, for table tests: rule, day and time in UTC, who.
func clockLines(p *Plan) (out []string) {
	for _, c := range p.Clocks() {
		out = append(out, fmt.Sprint(c.Rule, " ", c.Due.Format("01-02T15:04"), " ", c.For))
	}
	return out
}

// TestClocksOfStroke follows the clocks of S1: the report that is due, the answers, the evaluations.
func TestClocksOfStroke(t *testing.T) {
	course := strokeCourse()
	equal(t, "after the admission", clockLines(Fold(records(t, course[:1]...))), []string{"R15 01-11T21:40 " + town})
	equal(t, "after the report", clockLines(Fold(records(t, course[:4]...))), []string(nil))
	equal(t, "after the discharge", strings.Join(clockLines(Fold(records(t, course[:9]...))), "; "), "R6 01-26T10:15 "+hospital)
	// A withdrawn admission leaves no timer.
	withdrawn := append(records(t, course[0]), cancel(course[0], 70, "01-11 08:00").record(t))
	equal(t, "after the withdrawal", clockLines(Fold(withdrawn)), []string(nil))
}

// P21: every clock rests on live records only, has an id of its own, and none outlives the person.
func TestClocksRestOnLiveRecords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		p := Fold(w.Records)
		ids := map[string]bool{}
		for _, c := range p.Clocks() {
			if len(c.From) == 0 || c.Due.IsZero() || c.Due.Location().String() != "UTC" || ids[c.ID] {
				t.Fatalf("clock %+v", c)
			}
			ids[c.ID] = true
			for _, k := range c.From {
				if _, live := p.Sources[k]; !live {
					t.Fatalf("clock %s rests on %s, which is not live", c.Rule, k)
				}
			}
		}
		with := Fold(w.mixed(append(w.Line, w.Cancel)...))
		if got, want := clockLines(with), clockLines(p); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("a withdrawn conversation left %v, want %v", got, want)
		}
		p.Person.Deceased = &Value{Text: "true"}
		if len(p.Clocks()) != 0 {
			t.Fatal("a clock outlives the person")
		}
	})
}
