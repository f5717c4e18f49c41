package admin

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/fhir/careplan/function"
	"github.com/samvirke/samvirke/queue"
)

func num(f float64) *float64 { return &f }

// handPicture has everything that a picture can hold.
func handPicture() *function.Picture {
	from := []string{"90001/1"}
	walking := function.Row{ID: "d450", Also: []string{"d460"}, Label: "Walking", Cells: []function.Cell{
		{Column: 0, Instrument: "barthel-20", Item: "walking", Label: "Barthel (0-20) 0 of 3", Shown: "0", State: function.StateValue, Number: num(0), Max: 3, Better: function.Up, Key: "b", Owner: hospital, Floor: true, Band: &function.Band{Low: 3, High: 4}, From: from},
		{Column: 1, Instrument: "barthel-20", Item: "walking", Label: "Barthel (0-20) 3 of 3", Shown: "3", State: function.StateValue, Number: num(3), Max: 3, Better: function.Up, Key: "b", Owner: hospital, Assessor: "Fysioterapeut Vår Moen", Place: function.PlaceInstitution,
			Setting: function.SettingStandard, Ceiling: true, Band: &function.Band{Low: 0, High: 1}, From: from},
		{Column: 1, Instrument: "iplos", Item: "5", Label: "IPLOS 4", Shown: "4", State: function.StateValue, Number: num(4), Min: 1, Max: 5, Better: function.Down, Key: "i", Owner: municipality, Setting: function.SettingUsual, Informer: "kin", Before: true,
			Band: &function.Band{Low: 2, High: 3, Need: true}, Issues: []string{function.IssueRange}, Note: "Ute med følge", From: from},
		{Column: 2, Instrument: "iplos", Item: "5", Label: "IPLOS 9", Shown: "9", State: function.StateNotRelevant, Owner: municipality, From: from},
		{Column: 2, Instrument: "icf", Label: "ICF 7", Shown: "7", State: function.StateInvalid, Owner: municipality, From: from},
		{Column: 2, Instrument: "gone", Label: "never drawn", State: function.StateMissing, Owner: municipality, From: from},
	}, Lines: []function.Line{{Key: "b", Instrument: "barthel-20", Cells: []int{0, 1}, Steps: []function.Step{{From: 0, To: 1}}, Whole: function.Step{From: 0, To: 1, Amount: 3, Direction: function.DirectionBetter, Size: function.SizeUnknown, Text: "Changed, importance unknown.", Of: "3 of 4 problems"}}}}
	return &function.Picture{Now: courseNow, Columns: []function.Column{{Date: "2026-01-15"}, {Date: "2026-01-20"}, {Date: "2026-01-25"}},
		Rows:          []function.Row{walking, {ID: "d510", Label: "Washing", Stale: true, Cells: []function.Cell{{Column: 0, Instrument: "tug", Label: "TUG 14 s", Shown: "14", State: function.StateValue, Number: num(14), Open: true, Better: function.Down, Stale: true, Derived: "F2", Problem: "komme ut av badekaret", From: from}}}},
		Disagreements: []function.Disagreement{{ID: "q", Row: "d450", Cells: []int{1, 2}, To: []string{hospital, municipality}, Question: "Did both see the same situation?", From: from}, {ID: "old", Row: "d450", Cells: []int{0, 2}, Question: "An old question", Past: true, From: from}, {Row: "none", Cells: []int{0, 1}}},
		Gaps:          []function.SettingGap{{Row: "d450", Capacity: 1, Performance: 2, Text: "Walks alone under test, needs help at home.", From: from}},
		Marks:         []function.Mark{{ID: "m", Scale: "smiley", Value: "2", At: courseNow, Owner: municipality, Note: "Dårlig natt", Drop: true, From: from}},
		Words:         []function.Cell{{Column: 2, Label: "Change in function", Shown: "betydelig bedring", State: function.StateWords, Owner: hospital, From: from}}}
}

func TestPictureIsDrawnHonestly(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newFakeStore())
	p := &planPage{Plan: &careplan.Plan{Sources: map[string]careplan.Source{"90001/1": {Key: "90001/1", Sender: hospital, Name: "Fjellheim sykehus", MessageID: "m1"}}}, Now: courseNow, sealer: h.s.sealer, Version: queue.PlanVersion{Version: 1}, Latest: 1}
	p.may = &standing{roles: allRoles()}
	p.index()
	p.Picture = pictureOf(handPicture())
	var b strings.Builder
	page, err := h.s.pages.page("function")
	if err != nil {
		t.Fatal(err)
	}
	if err := page.ExecuteTemplate(&b, "layout.html", view{Title: "x", Data: p, StylePath: "/a", JSPath: "/b"}); err != nil {
		t.Fatal(err)
	}
	checkHTML(t, "function", b.String())
	text := seen(b.String())
	for _, want := range []string{
		"Questions to assessors", "Did both see the same situation?", "To Fjellheim sykehus, HER 90002", "picks no winner", "An old question", "no question is open", "Fysioterapeut Vår Moen", "under test: can do, in an institution", "daily life: does, told by kin, before the stay",
		"Can do and does", "Walks alone under test, needs help at home.", "0 → 3", "Changed, importance unknown.", "3 of 4 problems", "with d460", "nothing newer than 90 days", "top of the scale", "bottom of the scale", "value-out-of-range", "band 2 to 3, need of help", "Ute med følge",
		"not relevant", "outside the scale, shown as written", "derived by rule F2", "komme ut av badekaret", "In words only", "betydelig bedring", "bad", "sudden drop", "Dårlig natt",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	row := p.Picture.Rows[0]
	if len(row.Segments) != 1 || len(row.Bands) != 3 || len(row.Points) != 5 {
		t.Errorf("%d lines, %d bands, %d points; want 1, 3 and 5", len(row.Segments), len(row.Bands), len(row.Points))
	}
	drawn := 0
	for _, pt := range row.Points {
		drawn += btoi(pt.Shape != "")
		if strings.Contains(pt.Text, "never drawn") {
			t.Error("what is missing is drawn")
		}
	}
	if drawn != 3 {
		t.Errorf("%d values are drawn, want 3: what is no number of its scale stands in words", drawn)
	}
	if a, b := row.Segments[0].Y1, row.Segments[0].Y2; b >= a {
		t.Errorf("better lies at %v, worse at %v: better belongs on top", b, a)
	}
	if len(p.Picture.Disagreements) != 2 || p.Picture.Past != 1 {
		t.Errorf("%d disagreements, %d past", len(p.Picture.Disagreements), p.Picture.Past)
	}
	for _, r := range p.Picture.Rows {
		taken := map[int][]int{}
		for _, pt := range r.Points {
			for _, y := range taken[pt.TextX] {
				if y-pt.TextY < picLine && pt.TextY-y < picLine {
					t.Errorf("row %s: two words stand on each other at %d", r.ID, y)
				}
			}
			taken[pt.TextX] = append(taken[pt.TextX], pt.TextY)
		}
	}
	if pictureOf(nil) != nil || pictureOf(&function.Picture{}) != nil {
		t.Error("nothing is drawn as something")
	}
}

func TestArrows(t *testing.T) {
	t.Parallel()
	for d, want := range map[function.Direction][2]string{function.DirectionBetter: {"▲", "ok"}, function.DirectionWorse: {"▼", "stop"}, function.DirectionSame: {"=", "calm"}, function.DirectionNone: {"≠", "calm"}} {
		if sign, tone := arrowOf(function.Step{Direction: d}); sign != want[0] || tone != want[1] {
			t.Errorf("%s: %s %s", d, sign, tone)
		}
	}
}
