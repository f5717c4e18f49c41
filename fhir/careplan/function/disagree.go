package function

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// disagreements asks where two organisations saw different things in one category at about the same time. It never
// says who is right, and it is the same whichever is looked at first.
// Source: function.md section 6, item 5.
func (v *view) disagreements(r *Row) {
	for i := range r.Cells {
		for j := i + 1; j < len(r.Cells); j++ {
			a, b := &r.Cells[i], &r.Cells[j]
			if !v.near(a, b) {
				break // cells are in order of time
			}
			if a.Band == nil || b.Band == nil || a.Owner == b.Owner || a.Before != b.Before || a.Band.Overlaps(*b.Band) || v.eventBetween(a, b) ||
				isGap(a, b) || isGap(b, a) {
				continue
			}
			to := []string{a.Owner, b.Owner}
			slices.Sort(to)
			d := Disagreement{Row: r.ID, Cells: []int{i, j}, To: to, Past: v.laterThan(r, i) || v.laterThan(r, j), From: union(a.From, b.From)}
			d.ID = disagreementID(r.ID, a, b)
			d.Question = r.Label + ": " + v.told(a) + " and " + v.told(b) + " do not fit together. Do both still stand, and what differs?"
			v.p.Disagreements = append(v.p.Disagreements, d)
		}
	}
}

// told words one side of a question.
func (v *view) told(c *Cell) string {
	s := c.Label
	if c.ItemLabel != "" {
		s += " (" + c.ItemLabel + ")"
	}
	if d := v.p.Columns[c.Column].Date; len(d) >= 10 {
		s += " of " + d[:10]
	}
	return s
}

func (v *view) at(c *Cell) time.Time { return v.p.Columns[c.Column].At }

func (v *view) near(a, b *Cell) bool { return v.at(a).Sub(v.at(b)).Abs() <= v.o.Window }

// eventBetween tells whether something happened after the earlier one and not after the later.
func (v *view) eventBetween(a, b *Cell) bool {
	from, to := v.at(a), v.at(b)
	if to.Before(from) {
		from, to = to, from
	}
	return slices.ContainsFunc(v.o.Events, func(e Event) bool { return e.At.After(from) && !e.At.After(to) })
}

// laterThan tells whether the same organisation assessed the same again later.
func (v *view) laterThan(r *Row, i int) bool {
	c := &r.Cells[i]
	return slices.ContainsFunc(r.Cells[i+1:], func(o Cell) bool {
		return o.Key == c.Key && o.Key != "" && o.Owner == c.Owner && o.Band != nil && v.at(&o).After(v.at(c))
	})
}

func disagreementID(row string, a, b *Cell) string {
	sides := []string{a.Assessment + "\x1f" + a.Item, b.Assessment + "\x1f" + b.Item}
	slices.Sort(sides)
	sum := sha256.Sum256([]byte(row + "\x1f" + strings.Join(sides, "\x1f")))
	return "disagreement-" + hex.EncodeToString(sum[:8])
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// capacity tells whether a value says what the person can do under test or in an institution.
func capacity(c *Cell) bool {
	return c.Setting == SettingStandard || c.Setting == "" && c.Place == PlaceInstitution
}

// performance tells whether a value says what the person does in daily life. Scales of need are about that unless the source says
// otherwise.
func performance(c *Cell) bool {
	return c.Setting == SettingUsual || c.Setting == "" && c.Place == "" && (c.Instrument == "iplos" || c.Instrument == "fsiii")
}

// isGap tells whether a is good under test and b shows more difficulty in daily life.
func isGap(a, b *Cell) bool {
	return capacity(a) && performance(b) && a.Band.Low < b.Band.Low && a.Band.High < b.Band.High
}

// gaps shows where daily life asks more than a test near in time: information, no disagreement. Of each
// pair of keys only the latest is shown.
// Source: function.md section 6, item 6.
func (v *view) gaps(r *Row) {
	type pair struct{ a, b string }
	latest := map[pair]SettingGap{}
	var order []pair
	for i := range r.Cells {
		for j := i + 1; j < len(r.Cells) && v.near(&r.Cells[i], &r.Cells[j]); j++ {
			test, life := i, j
			if r.Cells[i].Band == nil || r.Cells[j].Band == nil || r.Cells[i].Before || r.Cells[j].Before {
				continue
			}
			if !isGap(&r.Cells[test], &r.Cells[life]) {
				if test, life = j, i; !isGap(&r.Cells[test], &r.Cells[life]) {
					continue
				}
			}
			a, b := &r.Cells[test], &r.Cells[life]
			k := pair{a.Key, b.Key}
			if _, ok := latest[k]; !ok {
				order = append(order, k)
			}
			latest[k] = SettingGap{Row: r.ID, Capacity: test, Performance: life, From: union(a.From, b.From),
				Text: r.Label + ": " + v.told(a) + " in a test or institution, " + v.told(b) + " in daily life."}
		}
	}
	for _, k := range order {
		v.p.Gaps = append(v.p.Gaps, latest[k])
	}
}
