package function

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
)

// TestTable: what the table of instruments must have, row by row of the specification.
func TestTable(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		items  int
		min    float64
		max    float64
		better Better
		total  TotalRule
	}{
		{"barthel-20", 10, 0, 20, Up, TotalSum}, {"barthel-100", 11, 0, 100, Up, TotalSum}, {"fim", 20, 18, 126, Up, TotalSum},
		{"copm", 5, 1, 10, Up, TotalMean}, {"amps", 2, -10, 10, Up, TotalSoftware}, {"sft", 8, 0, 0, "", TotalNone}, {"sppb", 8, 0, 12, Up, TotalSum},
		{"tug", 0, 0, 0, Down, TotalSingle}, {"chair-stand-30s", 0, 0, 0, Up, TotalSingle}, {"6mwt", 0, 0, 0, Up, TotalSingle},
		{"eq-5d-5l", 5, 11111, 55555, "", TotalIndex}, {"eq-5d-5l-vas", 0, 0, 100, Up, TotalSingle}, {"iplos", 18, 1, 5, Down, TotalNone},
		{"fsiii", 30, 0, 4, Down, TotalNone}, {"icf", 0, 0, 4, Down, TotalNone}, {"cfs", 0, 1, 9, Down, TotalSingle}, {"mmse", 0, 0, 30, Up, TotalSingle},
		{"moca", 0, 0, 30, Up, TotalSingle}, {"rai", 2, 0, 6, Down, TotalNone}, {MarkSmiley, 0, 1, 5, Up, TotalSingle}, {MarkLight, 0, 0, 0, "", TotalSingle},
	}
	for _, r := range rows {
		in := Lookup(r.name)
		if in == nil {
			t.Errorf("%s is not in the table", r.name)
			continue
		}
		if len(in.Items) != r.items || in.Min != r.min || in.Max != r.max || in.Better != r.better || in.Total != r.total {
			t.Errorf("%s: %d items, %v to %v, better %q, total %s", r.name, len(in.Items), in.Min, in.Max, in.Better, in.Total)
		}
	}
	codes := map[Code]string{}
	for _, in := range Table() {
		if in.Label == "" || in.Licence == "" || in.Kind == "" {
			t.Errorf("%s has no label, licence or kind", in.Name)
		}
		ids := map[string]bool{}
		for _, it := range in.Items {
			if it.ID == "" || it.Label == "" || len(it.Codes) == 0 || ids[it.ID] || len(it.Label) > 24 {
				t.Errorf("%s: item %+v", in.Name, it)
			}
			ids[it.ID] = true
			for _, c := range it.Codes {
				if other, taken := codes[c]; taken && !strings.HasPrefix(in.Name, "barthel") {
					t.Errorf("%s %s: code %+v belongs to %s", in.Name, it.ID, c, other)
				}
				codes[c] = in.Name
				if got := in.ItemByCode(c.System, c.Code); got == nil || got.ID != it.ID {
					t.Errorf("%s: code %+v finds %+v", in.Name, c, got)
				}
			}
		}
		if in.Licence == LicenceTotal && in.Name != "copm" && in.Name != "eq-5d-5l" {
			for _, it := range in.Items {
				if in.Name == "fim" && it.ID != "motor" && it.ID != "cognitive" && it.Label != "Item "+it.ID {
					t.Errorf("%s: an item of a licensed form has words: %q", in.Name, it.Label)
				}
			}
		}
	}
	for code, want := range map[string]string{"96761-2": "barthel", "83184-2": "barthel", "72172-0": "moca", "72106-8": "mmse"} {
		if got := ByCode(SystemLOINC, code); got != want {
			t.Errorf("LOINC %s is %q, want %q", code, got, want)
		}
	}
	for code, want := range map[string]string{
		"273302005": "barthel", "443364002": "barthel-100-modified", "273469003": "fim", "444680009": "tug", "444781002": "tug", "450738001": "chair-stand-30s",
		"450736002": "chair-stand-30s", "1144649008": "6mwt", "736534008": "eq-5d-5l-index", "736535009": "eq-5d-5l-vas", "1144655003": "eq-5d-3l-index",
		"73041000052103": "eq-5d-5l", "763264000": "cfs", "445414007": "cfs", "364624006": "", "1": "",
	} {
		if got := ByCode(SystemSNOMED, code); got != want {
			t.Errorf("SNOMED %s is %q, want %q", code, got, want)
		}
	}
}

// TestF15GAFIsNotIPLOS: GAF has no row of the picture, no code of IPLOS and no line with it.
func TestF15GAFIsNotIPLOS(t *testing.T) {
	t.Parallel()
	for code := range 30 {
		c := fmt.Sprint(code)
		if rows, _ := RowsOf("gaf", fhir.SystemGAF, c); rows != nil {
			t.Errorf("GAF %s stands in rows %v", c, rows)
		}
		if it := Lookup("iplos").ItemByCode(fhir.SystemGAF, c); it != nil {
			t.Errorf("GAF %s is IPLOS %s", c, it.ID)
		}
		if ByCode(fhir.SystemGAF, c) != "gaf" || ByCode(fhir.SystemFunction, c) != "iplos" {
			t.Errorf("code %s of the two lists is mixed up", c)
		}
	}
	gaf := on(judged(Point{Instrument: "gaf", System: fhir.SystemGAF, Code: "1", Shown: "3"}), "2026-01-01", "town")
	pic := View([]Point{gaf, on(item("iplos", "", "1", 3), "2026-01-01", "town")}, Options{})
	for _, r := range pic.Rows {
		for _, c := range r.Cells {
			if c.Instrument == "gaf" || c.Band != nil && c.Instrument != "iplos" {
				t.Errorf("GAF in row %s", r.ID)
			}
		}
	}
	if len(pic.Rows) != 1 || len(pic.Scales) != 1 {
		t.Errorf("%d rows, %d scales", len(pic.Rows), len(pic.Scales))
	}
}

// TestF16Severity: legacy codes and UUIDs are a bijection on six concepts, and only the concept is read.
func TestF16Severity(t *testing.T) {
	t.Parallel()
	uuids, numbers := map[string]bool{}, map[int]bool{}
	for i, want := range []int{0, 1, 2, 3, 4, 9} {
		short := fmt.Sprint("B", i+1)
		uuid, ok := SeverityUUID(short)
		back, okBack := SeverityShort(uuid)
		a, okA := Severity(short)
		b, okB := Severity(uuid)
		if !ok || !okBack || back != short || !okA || !okB || a != want || b != want {
			t.Errorf("%s: uuid %s, back %s, numbers %d and %d, want %d", short, uuid, back, a, b, want)
		}
		uuids[uuid], numbers[a] = true, true
	}
	if len(uuids) != 6 || len(numbers) != 6 {
		t.Errorf("%d UUIDs and %d numbers for six concepts", len(uuids), len(numbers))
	}
	for _, code := range []string{"", "0", "2", "B0", "B7", "9c5cfb57"} {
		if _, ok := Severity(code); ok {
			t.Errorf("%q is a severity", code)
		}
		if _, ok := SeverityUUID(code); ok {
			t.Errorf("%q has a UUID", code)
		}
	}
}

// TestF14Index: an index only from five valid levels and a named set; the Danish one falls with every dimension.
func TestF14Index(t *testing.T) {
	t.Parallel()
	n := 0
	for i := range 3125 {
		levels := [5]int{i/625 + 1, i/125%5 + 1, i/25%5 + 1, i/5%5 + 1, i%5 + 1}
		v, ok := Index(ValueSetDanish, levels)
		if !ok || v > 1 || v < -0.758 {
			t.Fatalf("%v: %v %v", levels, v, ok)
		}
		n++
		for d := range levels {
			worse := levels
			worse[d]++
			w, ok := Index(ValueSetDanish, worse)
			if levels[d] == 5 {
				if ok {
					t.Fatalf("level 6 has an index: %v", worse)
				}
			} else if !ok || w >= v {
				t.Fatalf("%v is %v and %v is %v", levels, v, worse, w)
			}
		}
		text := fmt.Sprint(levels[0], levels[1], levels[2], levels[3], levels[4])
		if got, ok := Profile(strings.ReplaceAll(text, " ", "")); !ok || got != levels {
			t.Fatalf("profile of %v is %v", levels, got)
		}
	}
	if n != 3125 {
		t.Errorf("%d profiles", n)
	}
	for profile, want := range map[string]float64{"11111": 1, "11123": 0.761, "55555": -0.758} {
		levels, _ := Profile(profile)
		if v, ok := Index(ValueSetDanish, levels); !ok || math.Abs(v-want) > 1e-9 {
			t.Errorf("%s is %v, want %v", profile, v, want)
		}
	}
	for _, set := range []string{"", "no", "se"} {
		if _, ok := Index(set, [5]int{1, 1, 1, 1, 1}); ok {
			t.Errorf("set %q gives an index", set)
		}
	}
	for _, p := range []string{"", "1111", "111111", "11160", "abcde", "01111"} {
		if _, ok := Profile(p); ok {
			t.Errorf("%q is a profile", p)
		}
	}
}

// TestIndexCheck: an index beside its levels.
func TestIndexCheck(t *testing.T) {
	t.Parallel()
	levels := []Point{item("eq-5d-5l", "", "mobility", 1), item("eq-5d-5l", "", "self-care", 1), item("eq-5d-5l", "", "usual", 1), item("eq-5d-5l", "", "pain", 2), item("eq-5d-5l", "", "anxiety", 3)}
	worst := []Point{judged(Point{Instrument: "eq-5d-5l", System: SystemSNOMED, Code: "73041000052103", Shown: "55555"})}
	for _, c := range []struct {
		name, variant string
		value         float64
		levels        []Point
		want          string
	}{
		{"right", "dk", 0.761, levels, ""}, {"wrong", "dk", 0.8, levels, IssueIndex}, {"no set", VariantUnknown, 0.761, levels, IssueIndexItems},
		{"four levels", "dk", 0.761, levels[:4], IssueIndexItems}, {"no levels", "dk", 0.761, nil, IssueIndexItems}, {"published rounding", "dk", -0.757, worst, ""},
	} {
		got := CheckIndex(item("eq-5d-5l-index", c.variant, ItemTotal, c.value), c.levels)
		if c.want == "" && len(got) > 0 || c.want != "" && !hasIssue(got, c.want) {
			t.Errorf("%s: %+v, want %q", c.name, got, c.want)
		}
	}
	five := slices.Concat(levels, []Point{judged(Point{Instrument: "eq-5d-5l", System: SystemSNOMED, Code: "73041000052103", Shown: "11124"})})
	if !hasIssue(Check(five), IssueProfile) {
		t.Error("a profile that is not that of its levels passes")
	}
	five[5].Shown = "11123"
	if issues := Check(five); len(issues) > 0 {
		t.Errorf("%+v", issues)
	}
	if five[5].Number != nil {
		t.Error("a profile became a number")
	}
}

// TestPerformanceTest: points from raw seconds, at the limits, by the length of the course.
func TestPerformanceTest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		variant string
		seconds float64
		want    int
	}{
		{"4m", 4.81, 4}, {"4m", 4.82, 3}, {"4m", 6.20, 3}, {"4m", 6.21, 2}, {"4m", 8.70, 2}, {"4m", 8.71, 1}, {"4m", 100, 1}, {"4m", 0, 0},
		{"3m", 3.61, 4}, {"3m", 3.62, 3}, {"3m", 4.65, 3}, {"3m", 4.66, 2}, {"3m", 6.52, 2}, {"3m", 6.53, 1},
	} {
		if got, ok := GaitPoints(c.variant, c.seconds); !ok || got != c.want {
			t.Errorf("gait %s in %v s: %d, want %d", c.variant, c.seconds, got, c.want)
		}
	}
	if _, ok := GaitPoints("", 4); ok {
		t.Error("a course of unknown length has points")
	}
	for seconds, want := range map[float64]int{11.19: 4, 11.20: 3, 13.69: 3, 13.70: 2, 16.69: 2, 16.70: 1, 60: 1, 60.1: 0, 0: 0} {
		if got := ChairPoints(seconds); got != want {
			t.Errorf("chair %v s: %d, want %d", seconds, got, want)
		}
	}
	for _, c := range [][4]float64{{10, 10, 10, 4}, {10, 10, 9.99, 3}, {10, 10, 3, 3}, {10, 10, 2.99, 2}, {10, 9.9, 0, 1}, {9.9, 0, 0, 0}} {
		if got := BalancePoints(c[0], c[1], c[2]); got != int(c[3]) {
			t.Errorf("balance %v: %d", c, got)
		}
	}
	list := []Point{item("sppb", "4m", "gait", 4), item("sppb", "4m", "gait-seconds", 4.9)}
	if !hasIssue(Check(list), IssuePoints) {
		t.Error("4 points for 4.9 s over 4 m pass")
	}
	list[0], list[1] = item("sppb", "3m", "gait", 4), item("sppb", "3m", "gait-seconds", 3.5)
	if issues := Check(list); len(issues) > 0 {
		t.Errorf("%+v", issues)
	}
	if list[1].Number == nil || *list[1].Number != 3.5 {
		t.Error("the raw seconds are not kept")
	}
}

// TestVariants: names with variants, what the values can be of, and items that no variant has.
func TestVariants(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"barthel-20": "barthel-20 ", "barthel-100": "barthel-100 unknown", "barthel-100-mahoney": "barthel-100 mahoney", "barthel-100-modified-dk-b": "barthel-100 modified-dk-b",
		"barthel-100-other": "barthel-100 unknown", "barthel-unknown": "barthel-unknown unknown", "sppb": "sppb unknown", "sppb-3m": "sppb 3m", "tug": "tug ",
		"eq-5d-5l-index-dk": "eq-5d-5l-index dk", "eq-5d-5l-index": "eq-5d-5l-index unknown", "iplos": "iplos ", "something": "something ",
	} {
		if a, b := SplitName(name); a+" "+b != want {
			t.Errorf("%s is %q %q, want %q", name, a, b, want)
		}
	}
	for _, c := range []struct {
		items map[string]float64
		want  int
	}{
		{map[string]float64{"walking": 3}, 2}, {map[string]float64{"walking": 8}, 1}, {map[string]float64{"total": 85}, 3}, {map[string]float64{"total": 87}, 1},
		{map[string]float64{"bathing": 2}, 0}, {map[string]float64{"eating": 15}, 0}, {map[string]float64{"total": 15}, 4}, {map[string]float64{"total": 101}, 0},
	} {
		if got := InferBarthel(c.items); len(got) != c.want {
			t.Errorf("%v could be %v, want %d", c.items, got, c.want)
		}
	}
	rotated := []Point{item("barthel-20", "", "bathing", 2)}
	if !hasIssue(Check(rotated), IssueItem) || rotated[0].Number != nil || !rotated[0].Invalid {
		t.Errorf("an item that its code cannot have: %+v %+v", rotated, Check(rotated))
	}
	if !hasIssue(Check([]Point{item("barthel-100", "mahoney", "eating", 8)}), IssueItem) || !hasIssue(Check([]Point{item("barthel-100", "20x5", ItemTotal, 87)}), IssueRange) {
		t.Error("values of the graded version pass as another")
	}
	chair := item("barthel-100", "modified", "wheelchair", 4)
	if !hasIssue(Check([]Point{chair, item("barthel-100", "modified", "walking", 8)}), IssueVariant) {
		t.Error("walking and wheelchair both count")
	}
	swapped := item("moca", "", ItemTotal, 22)
	swapped.Label = "Mini-Mental score"
	if !hasIssue(Check([]Point{swapped}), IssueCodeSwap) || len(Check([]Point{item("moca", "", ItemTotal, 22)})) > 0 {
		t.Error("the swap of two codes")
	}
	for _, c := range []struct {
		code, want string
		value      string
	}{{"J3.8", "", "2"}, {"J3.8", IssueNoSeverity, "not recorded"}, {"I2.1", IssueForbidden, "2"}} {
		p := judged(Point{Instrument: "fsiii", System: SystemFSIII, Code: c.code, Shown: c.value})
		if got := Check([]Point{p}); c.want == "" && len(got) > 0 || c.want != "" && !hasIssue(got, c.want) {
			t.Errorf("%s %s: %+v, want %q", c.code, c.value, got, c.want)
		}
	}
}

// TestUnits: a unit of the same quantity is another way to write it, any other is no value of the scale.
func TestUnits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v        float64
		from, to string
		want     float64
		ok       bool
	}{
		{13.5, "s", "s", 13.5, true}, {13.5, "sek", "s", 13.5, true}, {0.5, "min", "s", 30, true}, {1500, "ms", "s", 1.5, true}, {0.4, "km", "m", 400, true},
		{12, "cm", "m", 0.12, true}, {-4, "cm", "cm", -4, true}, {1, "m", "s", 0, false}, {3, "points", "points", 3, true}, {3, "x", "y", 3, false},
	} {
		if got, ok := ChangeUnit(c.v, c.from, c.to); ok != c.ok || ok && got != c.want {
			t.Errorf("%v %s is %v %s (%v), want %v", c.v, c.from, got, c.to, ok, c.want)
		}
	}
	p := judged(Point{Instrument: "tug", System: SystemSNOMED, Code: "444680009", Shown: "0.5", Unit: "min"})
	if p.Invalid || p.Number == nil || *p.Number != 0.5 {
		t.Errorf("the native value is not kept: %+v", p)
	}
	q := judged(Point{Instrument: "tug", System: SystemSNOMED, Code: "444680009", Shown: "24", Unit: "s"})
	pic := View([]Point{on(p, "2026-01-01", "town"), on(q, "2026-02-01", "town")}, Options{})
	if s := pic.Scales[0].Lines[0].Whole; s.Amount != -6 || s.Direction != DirectionBetter || s.Size != SizeImportant {
		t.Errorf("half a minute to 24 s: %+v", s)
	}
}

// TestQualifiers: performance and capacity of one ICF activity never share a line.
func TestQualifiers(t *testing.T) {
	t.Parallel()
	q := func(v, setting, date string) Point {
		p := on(judged(Point{Instrument: "icf", System: SystemICF, Code: "d450", Shown: v}), date, "town")
		p.Setting = setting
		return p
	}
	pic := View([]Point{q("3", SettingUsual, "2026-01-01"), q("1", SettingStandard, "2026-01-01"), q("2", SettingUsual, "2026-02-01")}, Options{})
	if len(pic.Rows) != 1 || len(pic.Rows[0].Lines) != 1 || len(pic.Rows[0].Lines[0].Cells) != 2 {
		t.Fatalf("%+v", pic.Rows)
	}
	if len(pic.Gaps) != 1 || len(pic.Disagreements) != 0 {
		t.Errorf("gap %+v, disagreements %+v", pic.Gaps, pic.Disagreements)
	}
}

// TestOldConditionsAreNotNewOnes: a broad condition starts a line of its own and is never one of those it replaces.
func TestOldConditionsAreNotNewOnes(t *testing.T) {
	t.Parallel()
	old := on(item("fsiii", "", "J3.8", 2), "2026-01-01", "town")
	broad := on(judged(Point{Instrument: "fsiii", System: SystemFSIII, Code: "broad-mobility", Label: "Mobilitet og bevægelse", Shown: "1"}), "2026-02-01", "town")
	if old.Key() == broad.Key() || broad.Number == nil {
		t.Errorf("%+v %+v", old.Key(), broad)
	}
	pic := View([]Point{old, broad}, Options{})
	if len(pic.Rows) != 1 || len(pic.Scales) != 1 || len(pic.Rows[0].Lines)+len(pic.Scales[0].Lines) != 0 {
		t.Errorf("rows %+v scales %+v", pic.Rows, pic.Scales)
	}
}
