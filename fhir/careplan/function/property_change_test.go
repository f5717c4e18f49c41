package function

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestF13ProblemChange: the change of the person's own problems uses exactly those scored at both times.
func TestF13ProblemChange(t *testing.T) {
	problems := []string{"Walk the dog", "cook dinner", "read", "meet friends", "garden"}
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(when string) (list []Point, scored map[string]float64) {
			scored = map[string]float64{}
			for _, p := range problems {
				if rapid.Bool().Draw(rt, when+p) {
					v := float64(rapid.IntRange(1, 10).Draw(rt, when+p+" score"))
					q := item("copm", "", "performance", v)
					q.Problem = p
					list, scored[p] = append(list, q), v
				}
			}
			return list, scored
		}
		before, a := draw("before ")
		after, b := draw("after ")
		sum, n := 0.0, 0
		for p, v := range b {
			if w, ok := a[p]; ok {
				sum, n = sum+v-w, n+1
			}
		}
		got, ok := ChangeOfProblems(before, after, "performance")
		if ok != (n > 0) || got.Common != n || got.Of != len(a) || n > 0 && math.Abs(got.Amount-sum/float64(n)) > 1e-9 {
			rt.Fatalf("got %+v %v, want %v over %d of %d", got, ok, sum, n, len(a))
		}
		var points []Point
		for _, p := range before {
			points = append(points, on(p, "2026-01-30", "town"))
		}
		for _, p := range after {
			points = append(points, on(p, "2026-04-22", "town"))
		}
		lines := 0
		for _, r := range View(points, Options{}).Scales {
			for _, l := range r.Lines {
				if strings.HasSuffix(l.Key, ";problems") {
					lines++
					if math.Abs(l.Whole.Amount-sum/float64(n)) > 1e-6 || !strings.HasPrefix(l.Whole.Of, formatNumber(float64(n))+" of ") {
						rt.Fatalf("line %+v, want %v over %d", l.Whole, sum, n)
					}
				}
			}
		}
		if lines > 1 || (lines == 1) != (n > 0) {
			rt.Fatalf("%d lines for %d common problems", lines, n)
		}
	})
}

// TestF17FivefoldOnly: a number becomes another scale's only between Barthel 0-20 and its fivefold.
func TestF17FivefoldOnly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string) Scale {
			p := drawPoint(rt, name)
			return Scale{Instrument: p.Instrument, Variant: p.Variant, Item: p.item()}
		}
		from, to := draw("from"), draw("to")
		v := float64(rapid.IntRange(0, 20).Draw(rt, "value"))
		got, err := Convert(v, from, to)
		five := from.Item == to.Item && (from.Instrument == "barthel-20" && to.Instrument == "barthel-100" && to.Variant == "20x5" ||
			to.Instrument == "barthel-20" && from.Instrument == "barthel-100" && from.Variant == "20x5" && math.Mod(v, 5) == 0)
		switch same := from == to && from.Variant != VariantUnknown; {
		case err == nil && !same && !five:
			rt.Fatalf("%+v became %+v", from, to)
		case err != nil && (same || five):
			rt.Fatalf("%+v to %+v: %v", from, to, err)
		case err == nil && same && got != v:
			rt.Fatalf("identity changed %v to %v", v, got)
		case err == nil && five:
			if back, err := Convert(got, to, from); err != nil || back != v {
				rt.Fatalf("%v there and back is %v (%v)", v, back, err)
			}
		}
	})
}

// TestF18NoLabelWithoutEntry: a size is said only with an entry of the table for the instrument, the item and the person's group.
// In each case one is said.
func TestF18NoLabelWithoutEntry(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := drawOptions(rt)
		labelled := 0
		pic := View(append(drawPoints(rt), drawRise(rt)...), o)
		for _, r := range allRows(pic) {
			for _, l := range r.Lines {
				for _, s := range append(slices.Clone(l.Steps), l.Whole) {
					c := r.Cells[s.To]
					entry := slices.IndexFunc(Thresholds(), func(th Threshold) bool {
						return th.Instrument == c.Instrument && th.Item == c.Item && math.Abs(s.Amount) >= th.Amount-1e-9 &&
							(th.Population == "" || slices.Contains(o.Populations, th.Population))
					})
					switch s.Size {
					case SizeNone, SizeUnknown:
						if s.Threshold != nil {
							rt.Fatalf("an entry without a size: %+v", s)
						}
					default:
						labelled++
						if entry < 0 || s.Threshold == nil || !strings.Contains(s.Text, "roups") && s.Size != SizeWithinError {
							rt.Fatalf("%s without an entry: %+v", s.Size, s)
						}
					}
				}
			}
		}
		if labelled == 0 {
			rt.Fatal("four rises more have no size")
		}
	})
}
