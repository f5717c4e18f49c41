package function

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func pictureJSON(t interface{ Fatal(...any) }, p *Picture) string {
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestF3LinesNeedEqualKeys: no line joins different instruments, variants, items, settings, informers, protocols or problems.
func TestF3LinesNeedEqualKeys(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pic := View(drawPoints(rt), drawOptions(rt))
		for _, r := range allRows(pic) {
			for _, l := range r.Lines {
				if len(l.Cells) < 2 {
					rt.Fatalf("a line of %d cells", len(l.Cells))
				}
				a := r.Cells[l.Cells[0]]
				for _, i := range l.Cells {
					c := r.Cells[i]
					if c.Key == "" || c.State != StateValue || c.Instrument != a.Instrument || c.Variant != a.Variant && a.Instrument != "sppb" || c.Item != a.Item || c.Setting != a.Setting {
						rt.Fatalf("line %s joins %+v and %+v", l.Key, a, c)
					}
					if in := Lookup(c.Instrument); in.SelfReport && c.Informer != a.Informer {
						rt.Fatalf("line %s joins two informers", l.Key)
					}
					if !strings.HasSuffix(l.Key, ";problems") && (c.Key != a.Key || c.Problem != a.Problem) {
						rt.Fatalf("line %s joins keys %s and %s", l.Key, a.Key, c.Key)
					}
				}
			}
		}
	})
}

// TestF3Keys: each part of a key alone makes another key, and an unknown variant has none.
func TestF3Keys(t *testing.T) {
	t.Parallel()
	base := Key{Instrument: "copm", Variant: "a", Item: "performance", Setting: "usual", Informer: "citizen", Protocol: "x", Problem: "p"}
	seen := map[string]bool{base.String(): true}
	for _, change := range []func(*Key){
		func(k *Key) { k.Instrument = "tug" }, func(k *Key) { k.Variant = "b" }, func(k *Key) { k.Item = "satisfaction" }, func(k *Key) { k.Setting = "standard" },
		func(k *Key) { k.Informer = "kin" }, func(k *Key) { k.Protocol = "y" }, func(k *Key) { k.Problem = "q" },
		func(k *Key) { k.Setting, k.Informer = "", "usual" }, func(k *Key) { k.Protocol = "x;problem=p" }, func(k *Key) { k.Variant = "a#performance" },
	} {
		k := base
		change(&k)
		if s := k.String(); s == "" || seen[s] {
			t.Errorf("%+v has key %q, which another key has", k, s)
		}
		seen[k.String()] = true
	}
	for _, k := range []Key{{}, {Instrument: "no such scale"}, {Instrument: "barthel-100", Variant: VariantUnknown}, KeyOf("barthel-100", "", "", "", ""), KeyOf("sppb", "", "", "", "")} {
		if s := k.String(); s != "" {
			t.Errorf("%+v is comparable as %q", k, s)
		}
	}
}

// drawForm draws complete items of a summed instrument with their sum.
func drawForm(t *rapid.T) (list []Point, total *Point) {
	name := rapid.SampledFrom([]string{"barthel-20", "barthel-100 20x5", "barthel-100 mahoney", "barthel-100 modified-dk-a", "fim", "sppb 4m"}).Draw(t, "form")
	name, variant, _ := strings.Cut(name, " ")
	sum := 0.0
	for _, it := range Lookup(name).Items {
		n := it.ID
		switch {
		case n == "wheelchair" || strings.HasSuffix(n, "-seconds") || n == "motor" || n == "cognitive":
			continue
		}
		r := it.Range
		if name == "barthel-100" {
			r, _ = barthelRange(&it, variant)
		}
		if name == "fim" {
			r.Min = 1
		}
		v := rapid.SampledFrom(allowed(r)).Draw(t, n)
		sum += v
		list = append(list, item(name, variant, n, v))
	}
	list = append(list, item(name, variant, ItemTotal, sum))
	return list, &list[len(list)-1]
}

func hasIssue(list []Issue, code string) bool {
	return slices.ContainsFunc(list, func(i Issue) bool { return i.Code == code })
}

// TestF4Sums: complete items with their sum pass; any one item changed by one flags.
func TestF4Sums(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list, total := drawForm(rt)
		if issues := Check(list); len(issues) > 0 {
			rt.Fatalf("complete items with their sum: %+v", issues)
		}
		i := rapid.IntRange(0, len(list)-2).Draw(rt, "changed")
		by := rapid.SampledFrom([]float64{-1, 1}).Draw(rt, "by")
		changed := slices.Clone(list)
		p := changed[i]
		p.Shown, p.Number, p.Invalid = formatNumber(*p.Number+by), nil, false
		changed[i] = judged(p)
		if p.Instrument == "fim" && *list[i].Number+by == 0 {
			if hasIssue(Check(changed), IssueSum) {
				rt.Fatal("an activity that did not occur was summed")
			}
			return
		}
		if issues := Check(changed); len(issues) == 0 {
			rt.Fatalf("item %s changed by %v to %s: nothing is flagged (total %s)", p.Code, by, changed[i].Shown, total.Shown)
		}
		if changed[i].Number != nil && !hasIssue(Check(changed), IssueSum) {
			rt.Fatalf("item %s changed by %v: no %s", p.Code, by, IssueSum)
		}
	})
}

// TestF5NoTotalOfOurs: whatever the items, no value appears that no point has; incomplete items say nothing of the total.
func TestF5NoTotalOfOurs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list, _ := drawForm(rt)
		if i := rapid.IntRange(0, len(list)-2).Draw(rt, "left out"); true {
			part := slices.Delete(slices.Clone(list), i, i+1)
			if issues := Check(part); hasIssue(issues, IssueSum) {
				rt.Fatalf("incomplete items are compared with the total: %+v", issues)
			}
		}
		items := list[:len(list)-1]
		for i := range items {
			items[i] = on(items[i], "2026-02-01", "town")
		}
		pic := View(items, Options{})
		for _, r := range allRows(pic) {
			for _, c := range r.Cells {
				if c.Item == ItemTotal {
					rt.Fatalf("a total that nobody sent: %+v", c)
				}
			}
		}
	})
}

// TestF6NoNumberOfNotRelevant: "not relevant", "not assessed" and 9 are values without a number, an arrow or a band.
func TestF6NoNumberOfNotRelevant(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pic := View(drawPoints(rt), drawOptions(rt))
		for _, r := range allRows(pic) {
			for i, c := range r.Cells {
				if c.State == StateValue {
					continue
				}
				if c.Number != nil || c.Band != nil {
					rt.Fatalf("%s has a number or a band: %+v", c.State, c)
				}
				for _, l := range r.Lines {
					if slices.Contains(l.Cells, i) {
						rt.Fatalf("%s is on a line: %+v", c.State, c)
					}
				}
			}
		}
	})
	for _, p := range []Point{item("iplos", "", "5", 9), item("fsiii", "", "J3.8", 9), judged(Point{Instrument: "icf", System: SystemICF, Code: "d450", Shown: "8"}),
		judged(Point{Instrument: "icf", System: SystemICF, Code: "d450", Shown: "9"})} {
		if p.Number != nil || !p.NotRelevant || p.Invalid {
			t.Errorf("%s %s: %+v", p.Instrument, p.Shown, p)
		}
	}
	if p := item("fim", "", "3", 0); p.Number == nil || hasIssue(Check([]Point{p, item("fim", "", ItemTotal, 100)}), IssueSum) {
		t.Errorf("FIM 0 is kept and not summed: %+v", p)
	}
}

// TestF7NoNumberFromWords: what was written as words has no number, digits or not, in any scale.
func TestF7NoNumberFromWords(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPoint(rt, "p")
		text := rapid.OneOf(rapid.StringMatching(`[0-9]{1,3}`), rapid.String(), rapid.SampledFrom([]string{"3", "1e1", "0x3", "Inf", "NaN", "+4", "tre", "11123", "3 av 5"})).Draw(rt, "text")
		r := Lookup(p.Instrument).Read(p.Variant, Raw{System: p.System, Code: p.Code, Value: text, Total: p.Total, Words: true})
		if r.State == StateValue || r.Number != 0 {
			rt.Fatalf("%q became %v of %s", text, r.Number, p.Instrument)
		}
		if _, isNumber := ParseNumber(text); !isNumber {
			r = Lookup(p.Instrument).Read(p.Variant, Raw{System: p.System, Code: p.Code, Value: text, Total: p.Total})
			if r.State == StateValue {
				rt.Fatalf("%q became %v of %s", text, r.Number, p.Instrument)
			}
		}
	})
}

// TestF8Bands: of every value of IPLOS, FSIII and ICF the band holds the value's own meaning, and worse values
// have bands that are nowhere better.
func TestF8Bands(t *testing.T) {
	t.Parallel()
	own := map[string][]int{"iplos": {-1, 0, 1, 2, 3, 4}, "fsiii": {0, 1, 2, 3, 4}, "icf": {0, 1, 2, 3, 4}}
	for name, meanings := range own {
		for v, meaning := range meanings {
			b, ok := BandOf(name, "", "x", float64(v))
			if meaning < 0 {
				if ok {
					t.Errorf("%s %d has a band", name, v)
				}
				continue
			}
			if !ok || b.Low > meaning || b.High < meaning {
				t.Errorf("%s %d: band %+v (%v) does not hold %d", name, v, b, ok, meaning)
			}
		}
		if _, ok := BandOf(name, "", "x", 9); ok {
			t.Errorf("%s 9 has a band", name)
		}
	}
	monotone := func(what string, better Better, bands []Band) {
		for i := 1; i < len(bands); i++ {
			a, b := bands[i-1], bands[i]
			if better == Up {
				a, b = b, a
			}
			if b.Low < a.Low || b.High < a.High {
				t.Errorf("%s: %+v is worse than %+v and its band is better", what, b, a)
			}
		}
		for _, b := range bands {
			if b.Low < 0 || b.High > 4 || b.Low > b.High {
				t.Errorf("%s: band %+v", what, b)
			}
		}
	}
	for _, in := range Table() {
		variants := append([]string{""}, in.Variants...)
		for _, variant := range variants {
			for _, it := range in.Items {
				var bands []Band
				for _, v := range allowed(rangeIn(in, it, variant)) {
					if b, ok := BandOf(in.Name, variant, it.ID, v); ok {
						bands = append(bands, b)
					}
				}
				monotone(in.Name+" "+variant+" "+it.ID, it.Better, bands)
				switch in.Name {
				case "copm", "eq-5d-5l", "sppb", "amps", "sft", "rai":
					if len(bands) > 0 {
						t.Errorf("%s has bands", in.Name)
					}
				}
			}
			for v := range 130 {
				if _, ok := BandOf(in.Name, variant, ItemTotal, float64(v)); ok && in.Name != "icf" && in.Name != "fsiii" && in.Name != "iplos" {
					t.Errorf("total %d of %s has a band", v, in.Name)
				}
			}
		}
	}
}

func rangeIn(in Instrument, it Item, variant string) Range {
	if in.Name == "barthel-100" {
		r, _ := barthelRange(&it, variant)
		return r
	}
	return it.Range
}

// TestF9Disagreements: they are symmetric, between two organisations, with disjoint bands, near in time and with nothing
// between; and they ask both. There is one in each case.
func TestF9Disagreements(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		points, o := append(drawPoints(rt), drawQuarrel(rt)...), drawOptions(rt)
		pic := View(points, o)
		if len(pic.Disagreements) == 0 {
			rt.Fatal("best and worst on one day are no disagreement")
		}
		for _, d := range pic.Disagreements {
			r := pic.Rows[slices.IndexFunc(pic.Rows, func(r Row) bool { return r.ID == d.Row })]
			a, b := r.Cells[d.Cells[0]], r.Cells[d.Cells[1]]
			at, bt := pic.Columns[a.Column].At, pic.Columns[b.Column].At
			between := slices.ContainsFunc(o.Events, func(e Event) bool {
				return e.At.After(at) && !e.At.After(bt) || e.At.After(bt) && !e.At.After(at)
			})
			switch {
			case a.Owner == b.Owner, a.Band.High >= b.Band.Low && b.Band.High >= a.Band.Low, at.Sub(bt).Abs() > Window, between, a.Before != b.Before,
				!slices.Contains(d.To, a.Owner), !slices.Contains(d.To, b.Owner), len(d.To) != 2, isGap(&a, &b), isGap(&b, &a):
				rt.Fatalf("no disagreement: %+v\n%+v\n%+v", d, a, b)
			}
		}
		// The other way round: swapping the names of two organisations gives the same questions.
		swapped := slices.Clone(points)
		for i := range swapped {
			switch swapped[i].Owner {
			case "hospital":
				swapped[i].Owner = "town"
			case "town":
				swapped[i].Owner = "hospital"
			}
		}
		if other := View(swapped, o); len(other.Disagreements) != len(pic.Disagreements) {
			rt.Fatalf("%d questions, %d when two organisations change places", len(pic.Disagreements), len(other.Disagreements))
		}
	})
}

// TestF11OrderOfArrival: the picture is the same whatever the order of the points.
func TestF11OrderOfArrival(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		points, o := drawPoints(rt), drawOptions(rt)
		want := pictureJSON(rt, View(points, o))
		mixed := rapid.Permutation(points).Draw(rt, "order")
		if got := pictureJSON(rt, View(mixed, o)); got != want {
			rt.Fatalf("another order gives another picture\n%s\n%s", got, want)
		}
	})
}

// TestF10BandsAreDecoration: without the bands, all else of every cell and line is the same.
func TestF10BandsAreDecoration(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		points, o := drawPoints(rt), drawOptions(rt)
		with := View(points, o)
		o.NoBands = true
		without := View(points, o)
		for _, list := range [][]Row{with.Rows, with.Scales} {
			for i := range list {
				for j := range list[i].Cells {
					list[i].Cells[j].Band = nil
				}
			}
		}
		with.Disagreements, with.Gaps = nil, nil
		if got, want := pictureJSON(rt, without), pictureJSON(rt, with); got != want {
			rt.Fatalf("bands change more than bands\n%s\n%s", got, want)
		}
	})
}
