package function

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// strokeCourse is the worked example of the specification (section 11).
func strokeCourse() []Point {
	var out []Point
	add := func(date, owner, place string, before bool, list ...Point) {
		for _, p := range list {
			p = on(p, date, owner)
			p.Place, p.Before = place, before
			out = append(out, p)
		}
	}
	add("2026-01-11", "town", "", true, item("iplos", "", "5", 2), item("iplos", "", "7", 2), item("iplos", "", "8", 1))
	ten := func(total float64, values ...float64) (list []Point) {
		for i, id := range []string{"transfer", "walking", "dressing", "bathing", "grooming", "toilet", "eating", "bowels", "bladder", "stairs"} {
			if i < len(values) {
				list = append(list, item("barthel-20", "", id, values[i]))
			}
		}
		return append(list, item("barthel-20", "", ItemTotal, total))
	}
	add("2026-01-15", "hospital", PlaceInstitution, false, ten(6, 1, 0, 1, 0, 0, 0, 1, 2, 1, 0)...)
	add("2026-01-25", "hospital", PlaceInstitution, false, Point{Instrument: "unknown", Shown: "går med rullator og én hjelper"})
	add("2026-01-30", "town", PlaceInstitution, false, ten(11, 2, 2)...)
	add("2026-02-20", "town", PlaceInstitution, false, ten(15, 3, 3)...)
	add("2026-03-02", "town-home", "", false, item("iplos", "", "5", 3), item("iplos", "", "7", 3), item("iplos", "", "8", 2))
	add("2026-04-22", "town", "", false, ten(18)...)
	return out
}

// TestWorkedExample: the course of the specification, to its last statement.
func TestWorkedExample(t *testing.T) {
	t.Parallel()
	points := strokeCourse()
	at := func(date string) time.Time { d, _ := time.Parse("2006-01-02", date); return d }
	pic := View(points, Options{Now: at("2026-04-23"), Populations: []string{PopulationStroke},
		Events: []Event{{at("2026-01-10"), "admission"}, {at("2026-01-25"), "discharge"}, {at("2026-02-24"), "discharge"}}})

	var fifteenth []Point
	for _, p := range points {
		if p.Date == "2026-01-15" {
			fifteenth = append(fifteenth, p)
		}
	}
	if issues := Check(fifteenth); len(fifteenth) != 11 || len(issues) > 0 {
		t.Errorf("sum 6 of ten items: %+v", issues)
	}

	row := pic.Rows[slices.IndexFunc(pic.Rows, func(r Row) bool { return r.ID == "d450" })]
	if !slices.Contains(row.Also, "d460") {
		t.Errorf("the row is %s and %v", row.ID, row.Also)
	}
	var shown []string
	for _, c := range row.Cells {
		if c.State == StateValue {
			shown = append(shown, c.Label)
		}
	}
	if got, want := strings.Join(shown, ", "), "IPLOS 2, Barthel (0-20) 0 of 3, Barthel (0-20) 2 of 3, Barthel (0-20) 3 of 3, IPLOS 3"; got != want {
		t.Errorf("row shows %s, want %s", got, want)
	}
	if !row.Cells[0].Before {
		t.Error("the first value is not marked as from before the stroke")
	}
	var walking []string
	for _, l := range row.Lines {
		instruments := map[string]bool{}
		for _, i := range l.Cells {
			instruments[row.Cells[i].Instrument] = true
			if l.Instrument == "barthel-20" {
				walking = append(walking, row.Cells[i].Shown)
			}
		}
		if len(instruments) != 1 {
			t.Errorf("a line joins %v", instruments)
		}
	}
	if got := strings.Join(walking, " "); got != "0 2 3" {
		t.Errorf("the line of walking is %s", got)
	}

	total := pic.Scales[slices.IndexFunc(pic.Scales, func(r Row) bool { return r.ID == "barthel/total" })]
	if len(total.Lines) != 1 || len(total.Lines[0].Cells) != 4 {
		t.Fatalf("totals: %+v", total.Lines)
	}
	whole := total.Lines[0].Whole
	if whole.Amount != 12 || whole.Size != SizeImportant || whole.Direction != DirectionBetter || whole.Threshold.Amount != 1.85 || whole.Threshold.Population != "stroke" ||
		!strings.Contains(whole.Text, "Groups of people (stroke)") {
		t.Errorf("6 to 18: %+v", whole)
	}
	if without := View(points, Options{}); slices.ContainsFunc(without.Scales, func(r Row) bool {
		return slices.ContainsFunc(r.Lines, func(l Line) bool { return l.Whole.Size == SizeImportant })
	}) {
		t.Error("important although the person's group is not known")
	}

	for _, d := range pic.Disagreements {
		if d.Row == "d450" {
			t.Errorf("bands that touch disagree: %+v", d)
		}
	}
	gap := slices.IndexFunc(pic.Gaps, func(g SettingGap) bool { return g.Row == "d450" })
	if gap < 0 {
		t.Fatalf("no gap of setting: %+v", pic.Gaps)
	}
	a, b := row.Cells[pic.Gaps[gap].Capacity], row.Cells[pic.Gaps[gap].Performance]
	if a.Label != "Barthel (0-20) 3 of 3" || b.Label != "IPLOS 3" || *a.Band != (Band{0, 1, false}) || *b.Band != (Band{1, 3, true}) {
		t.Errorf("the gap is between %+v and %+v", a, b)
	}

	if len(pic.Words) != 1 || pic.Words[0].State != StateWords || pic.Words[0].Number != nil {
		t.Errorf("words: %+v", pic.Words)
	}
}

// TestStale: what was last seen more than 90 days ago is grey, and nothing is carried forward.
func TestStale(t *testing.T) {
	t.Parallel()
	p := on(item("iplos", "", "5", 2), "2026-01-01", "town")
	for days, want := range map[int]bool{0: false, 90: false, 91: true, 300: true} {
		pic := View([]Point{p}, Options{Now: p.At.AddDate(0, 0, days)})
		if pic.Rows[0].Stale != want || pic.Rows[0].Cells[0].Stale != want || len(pic.Rows[0].Cells) != 1 {
			t.Errorf("%d days: row %v, cell %v", days, pic.Rows[0].Stale, pic.Rows[0].Cells[0].Stale)
		}
	}
}

// TestMissing: an item that a form leaves out is shown as missing where the row exists.
func TestMissing(t *testing.T) {
	t.Parallel()
	first := []Point{on(item("iplos", "", "5", 2), "2026-01-01", "town"), on(item("iplos", "", "8", 1), "2026-01-01", "town")}
	second := on(item("iplos", "", "8", 2), "2026-02-01", "town")
	pic := View(append(first, second), Options{})
	if len(pic.Rows) != 2 {
		t.Fatalf("%d rows", len(pic.Rows))
	}
	last := pic.Rows[0].Cells[len(pic.Rows[0].Cells)-1]
	if pic.Rows[0].ID != "d450" || last.State != StateMissing || last.Number != nil || len(pic.Rows[0].Lines) != 0 {
		t.Errorf("%+v", pic.Rows[0])
	}
}

// TestCeiling: at the top of the scale further gain cannot be seen.
func TestCeiling(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]bool{20: true, 19: false, 0: false} {
		pic := View([]Point{on(item("barthel-20", "", ItemTotal, v), "2026-01-01", "town")}, Options{})
		if c := pic.Scales[0].Cells[0]; c.Ceiling != want || c.Floor != (v == 0) {
			t.Errorf("%v: %+v", v, c)
		}
	}
}

// TestQuestionIsAsked: two organisations, one category, nothing between: both are asked, until one assesses again.
func TestQuestionIsAsked(t *testing.T) {
	t.Parallel()
	a, b := on(item("barthel-20", "", "walking", 0), "2026-03-01", "hospital"), on(item("iplos", "", "5", 1), "2026-03-05", "town")
	a.Setting, b.Setting = SettingUsual, SettingUsual
	pic := View([]Point{b, a}, Options{})
	if len(pic.Disagreements) != 1 || pic.Disagreements[0].Past || !slices.Equal(pic.Disagreements[0].To, []string{"hospital", "town"}) {
		t.Fatalf("%+v", pic.Disagreements)
	}
	again := on(item("barthel-20", "", "walking", 3), "2026-03-06", "hospital")
	again.Setting = SettingUsual
	if pic = View([]Point{a, b, again}, Options{}); len(pic.Disagreements) != 1 || !pic.Disagreements[0].Past {
		t.Errorf("%+v", pic.Disagreements)
	}
	for name, o := range map[string]Options{"event": {Events: []Event{{At: a.At.AddDate(0, 0, 2), Kind: "fall"}}}, "window": {Window: 48 * time.Hour}, "no bands": {NoBands: true}} {
		if pic = View([]Point{a, b}, o); len(pic.Disagreements) != 0 {
			t.Errorf("%s: %+v", name, pic.Disagreements)
		}
	}
}

// TestMarksHaveTheirOwnLane: progress marks stand among no assessments.
func TestMarksHaveTheirOwnLane(t *testing.T) {
	t.Parallel()
	m := []Mark{{ID: "b", Scale: "light", Value: "red", At: day0.AddDate(0, 0, 1), Drop: true}, {ID: "a", Scale: "smiley", Value: "4", At: day0}}
	pic := View(nil, Options{Marks: m})
	if len(pic.Marks) != 2 || pic.Marks[0].ID != "a" || len(pic.Rows)+len(pic.Scales)+len(pic.Columns) != 0 {
		t.Errorf("%+v", pic)
	}
	if m[0].ID != "b" {
		t.Error("the caller's list was changed")
	}
}

// TestNewProblemsAreANewBaseline: no common problem, no change.
func TestNewProblemsAreANewBaseline(t *testing.T) {
	t.Parallel()
	score := func(problem, date string, v float64) Point {
		p := on(item("copm", "", "performance", v), date, "town")
		p.Problem = problem
		return p
	}
	start := []Point{score("walk", "2026-01-30", 2), score("cook", "2026-01-30", 4), score("read", "2026-01-30", 5), score("garden", "2026-01-30", 1)}
	end := []Point{score("walk", "2026-04-22", 6), score("Cook ", "2026-04-22", 5), score("read", "2026-04-22", 6)}
	pic := View(append(slices.Clone(start), end...), Options{})
	l := pic.Scales[0].Lines[0]
	if l.Whole.Of != "3 of 4 problems" || l.Whole.Amount != 2 || l.Whole.Size != SizeImportant || !strings.Contains(l.Whole.Text, "opinion based") {
		t.Errorf("%+v", l.Whole)
	}
	for _, l := range pic.Scales[0].Lines[1:] {
		if l.Whole.Size != SizeNone && l.Whole.Size != SizeUnknown {
			t.Errorf("one problem alone is called %s", l.Whole.Size)
		}
	}
	pic = View(append(slices.Clone(start), score("drive", "2026-04-22", 9)), Options{})
	if len(pic.Scales[0].Lines) != 0 {
		t.Errorf("%+v", pic.Scales[0].Lines)
	}
}

// TestMeansOfOtherProblems: the means that a source sent are shown and never subtracted.
func TestMeansOfOtherProblems(t *testing.T) {
	t.Parallel()
	pic := View([]Point{on(item("copm", "", "mean-performance", 3), "2026-01-30", "town"), on(item("copm", "", "mean-performance", 5.7), "2026-04-22", "town")}, Options{})
	if len(pic.Scales) != 1 || len(pic.Scales[0].Cells) != 2 || len(pic.Scales[0].Lines) != 0 {
		t.Errorf("%+v", pic.Scales)
	}
}
