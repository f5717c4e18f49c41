package figures

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/samvirke/samvirke/fhir/definition"
)

func counted(n int64, class, month, municipality string) Point {
	return Point{Key: Key{DischargeReport, class, month, municipality}, N: n}
}

func TestReport(t *testing.T) {
	t.Parallel()
	o := &Options{Smallest: 5, Population: map[string]int{"0301": 20000}}
	r := newReport([]Point{counted(30, "before", "2026-01", "0301"), counted(10, "after", "2026-01", "0301"), counted(8, "before", "2026-02", "0301")}, at("2026-03-01T00:00:00Z"), o)
	row := r.Of(DischargeReport, "2026-01", "0301")
	if len(row) != 2 || row[0].N != 30 || row[0].Share != 0.75 || row[0].Per1000 != 1.5 || row[1].Class != "after" {
		t.Errorf("rows %+v", row)
	}
	if row = r.Of(DischargeReport, All, All); len(row) != 2 || row[0].N != 38 || row[0].Per1000 != -1 {
		t.Errorf("of all %+v", row)
	}
	if m := r.Months(); len(m) != 2 || m[0] != "2026-02" {
		t.Errorf("months %v", m)
	}
	if m := r.Municipalities(); len(m) != 1 || m[0] != "0301" {
		t.Errorf("municipalities %v", m)
	}
}

func TestSmallCountsAreHidden(t *testing.T) {
	t.Parallel()
	o := &Options{Smallest: 5}
	r := newReport([]Point{counted(3, "before", "2026-01", "0301"), counted(40, "before", "2026-01", "4204"), counted(9, "before", "2026-01", "5001"),
		counted(7, "after", "2026-01", "0301")}, at("2026-03-01T00:00:00Z"), o)
	few := map[string]bool{}
	for _, x := range r.Rows {
		few[x.Class+" "+x.Municipality] = x.Few
		if x.Few && (x.N != 0 || x.Share != -1 || x.Mean != 0 || x.Per1000 != -1) {
			t.Errorf("hidden but told: %+v", x)
		}
	}
	// 3 is small; with 52 and 40 told, 9 would give it away.
	if !few["before 0301"] || !few["before 5001"] || few["before 4204"] || few["before *"] || few["after 0301"] {
		t.Errorf("hidden: %v", few)
	}
	if x := r.Of(DischargeReport, "2026-01", "0301"); x[1].Share != -1 {
		t.Errorf("the share of %d tells the class that is hidden: %v", x[1].N, x[1].Share)
	}
}

// TestNothingWorkedOut: no hidden count is the difference of a published sum and its published parts.
func TestNothingWorkedOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sums := tally{}
		for range rapid.IntRange(1, 14).Draw(t, "points") {
			sums.add(counted(rapid.Int64Range(1, 12).Draw(t, "n"), rapid.SampledFrom([]string{"before", "after"}).Draw(t, "class"),
				rapid.SampledFrom([]string{"2026-01", "2026-02", "2026-03"}).Draw(t, "month"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "k")))
		}
		r := newReport(sums.list(), time.Unix(0, 0), &Options{Smallest: 5})
		rows := map[Key]Row{}
		for _, x := range r.Rows {
			rows[x.Key] = x
			if !x.Few && x.N < 5 {
				t.Fatalf("published %+v", x)
			}
		}
		for sum, x := range rows {
			if x.Few {
				continue
			}
			for what, same := range map[string]func(Key) bool{
				"municipality": func(k Key) bool { return sum.Municipality == All && k.Municipality != All && k.Month == sum.Month },
				"month":        func(k Key) bool { return sum.Month == All && k.Month != All && k.Municipality == sum.Municipality },
			} {
				hidden := 0
				for k, y := range rows {
					if k.Class == sum.Class && same(k) && y.Few {
						hidden++
					}
				}
				if hidden == 1 {
					t.Fatalf("one part by %s of %+v is hidden", what, x)
				}
			}
		}
	})
}

func TestWaits(t *testing.T) {
	t.Parallel()
	sums := tally{}
	k := Key{AdmissionNotified, "weekend", "2026-01", "0301"}
	for range 6 {
		sums.wait(k, 10*time.Minute)
	}
	r := newReport(sums.list(), at("2026-02-01T00:00:00Z"), &Options{Smallest: 5})
	if x := r.Of(AdmissionNotified, "2026-01", "0301")[0]; x.Mean != 10*time.Minute || x.Steps == nil || x.Steps[0] != 6 {
		t.Errorf("row %+v", x)
	}
	sums.wait(k, 30*24*time.Hour) // one person
	r = newReport(sums.list(), at("2026-02-01T00:00:00Z"), &Options{Smallest: 5})
	if x := r.Of(AdmissionNotified, "2026-01", "0301")[0]; x.N != 7 || x.Steps != nil {
		t.Errorf("the one who waited longest is told: %+v", x)
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	r := newReport([]Point{counted(30, "before", "2026-01", "0301"), counted(2, "after", "2026-01", "0301")}, at("2026-03-01T00:00:00Z"), &Options{Smallest: 5})
	var b bytes.Buffer
	if err := r.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(lines) != 1+len(r.Rows) {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	for _, l := range lines[1:] {
		if (l[1] == "after") != (l[4] == "" && l[5] == "5") {
			t.Errorf("line %q", l)
		}
	}
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{-1: "", 0: "0", 0.75: "0.75", 12: "12", 1.00004: "1", 0.3333333: "0.3333", 100: "100"} {
		if got := decimal(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

// TestFHIR: what is given as FHIR is valid, tells what the rows tell and no more.
func TestFHIR(t *testing.T) {
	t.Parallel()
	sums := tally{}
	for range 6 {
		sums.wait(Key{AdmissionNotified, "weekend", "2026-01", "0301"}, 10*time.Minute)
	}
	sums.wait(Key{AdmissionNotified, "weekday", "2026-01", "0301"}, time.Minute)
	r := newReport(sums.list(), at("2026-02-01T00:00:00Z"), &Options{Smallest: 5})
	set, err := definition.R4()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"2026-01", "0301"}, {All, All}} {
		n := r.MeasureReport(AdmissionNotified, c[0], c[1])
		if issues := set.Check(n); len(issues) > 0 {
			t.Errorf("%v: %v\n%s", c, issues, n.Bytes())
		}
		text := string(n.Bytes())
		if !strings.Contains(text, `"count":6`) || strings.Contains(text, `"count":1`) || !strings.Contains(text, "masked") ||
			!strings.Contains(text, `"start":"2026-01-01"`) {
			t.Errorf("%v: %s", c, text)
		}
	}
	if r.MeasureReport(CourseOutcome, All, All) != nil {
		t.Error("a report of nothing")
	}
	seen := map[string]bool{}
	for _, m := range Measures() {
		if issues := set.Check(m); len(issues) > 0 {
			t.Errorf("%v\n%s", issues, m.Bytes())
		}
		seen[m.Get("url").Text()] = true
	}
	if len(seen) != len(Definitions()) || !seen[MeasureURL(AdmissionNotified)] {
		t.Errorf("measures %v", seen)
	}
}
