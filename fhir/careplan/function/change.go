package function

import (
	"fmt"
	"math"
	"strings"
)

// lines joins the values of a row that have equal keys, and says how they changed.
func (v *view) lines(r *row) {
	if id := r.ID; id == "copm/performance" || id == "copm/satisfaction" {
		v.problemLine(r, id[len("copm/"):])
	}
	var keys []string
	cells := map[string][]int{}
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.State != StateValue || c.Key == "" || c.Instrument == "copm" && strings.HasPrefix(c.Item, "mean-") {
			continue // the means of two lists of problems are no pair
		}
		if cells[c.Key] == nil {
			keys = append(keys, c.Key)
		}
		cells[c.Key] = append(cells[c.Key], i)
	}
	for _, k := range keys {
		list := cells[k]
		if len(list) < 2 {
			continue
		}
		l := Line{Key: k, Instrument: r.Cells[list[0]].Instrument, Cells: list}
		for i := 1; i < len(list); i++ {
			l.Steps = append(l.Steps, v.step(r, list[i-1], list[i]))
		}
		l.Whole = v.step(r, list[0], list[len(list)-1])
		r.Lines = append(r.Lines, l)
	}
	shareAxis(r)
}

// shareAxis lets Barthel 0-20 and its fivefold be drawn on one axis: the only two keys that may.
// Source: function.md section 5.1.
func shareAxis(r *row) {
	is := func(l *Line, instrument, variant string) bool {
		c := &r.Cells[l.Cells[0]]
		return c.Instrument == instrument && c.Variant == variant
	}
	for i := range r.Lines {
		switch l := &r.Lines[i]; {
		case is(l, "barthel-20", ""):
			l.Axis, l.Times = "barthel-100-20x5", 5
		case is(l, "barthel-100", "20x5"):
			l.Axis, l.Times = "barthel-100-20x5", 1
		}
	}
}

// step compares two cells of one key.
func (v *view) step(r *row, from, to int) Step {
	a, b := &v.points[r.points[from]], &v.points[r.points[to]]
	s := Step{From: from, To: to, Amount: round(inScaleUnit(b) - inScaleUnit(a))}
	c := &r.Cells[to]
	s.Direction = direction(c.Better, s.Amount)
	if s.Direction == DirectionSame {
		s.Text = "Unchanged."
		return s
	}
	item := c.Item
	if c.Problem != "" {
		item = "one problem" // thresholds speak of the mean
	}
	s.Size, s.Threshold = sizeOf(c.Instrument, item, s.Amount, v.o.Populations)
	s.Text = say(s)
	return s
}

// inScaleUnit is the number in the unit of the scale.
func inScaleUnit(p *Point) float64 {
	in := Lookup(p.Instrument)
	unit := in.Unit
	if it := in.ItemByCode(p.System, p.Code); it != nil {
		unit = it.Unit
	}
	if p.Unit == "" || unit == "" {
		return *p.Number
	}
	if v, ok := ChangeUnit(*p.Number, p.Unit, unit); ok {
		return v
	}
	return *p.Number
}

func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }

func direction(better Better, amount float64) Direction {
	switch {
	case amount == 0:
		return DirectionSame
	case better == "":
		return DirectionNone
	case (amount > 0) == (better == Up):
		return DirectionBetter
	}
	return DirectionWorse
}

// say words a change. It speaks of groups: no study knows this person.
func say(s Step) string {
	text := map[Direction]string{DirectionBetter: "Better", DirectionWorse: "Worse", DirectionNone: "Changed"}[s.Direction]
	text += " by " + formatNumber(math.Abs(s.Amount))
	if s.Of != "" {
		text += " on " + s.Of
	}
	t := s.Threshold
	switch {
	case s.Size == SizeNone:
		return text + "."
	case t == nil:
		return text + "; importance unknown."
	case s.Size == SizeWithinError:
		return text + "; within measurement error: so small a change cannot be told from chance in one person."
	}
	who := "Groups of people"
	if t.Population != "" {
		who = "Groups of people (" + t.Population + ")"
	}
	text += fmt.Sprintf(". %s: a change of %s or more counts as %s (%s, %s).", who, formatNumber(t.Amount), t.Word, t.Source, t.Date)
	if t.Note != "" {
		text += " Note: " + t.Note + "."
	}
	return text
}

// problemLine compares occasions of the person's own problems on those scored at both times only. Its line
// goes through the first cell of each occasion.
func (v *view) problemLine(r *row, what string) {
	type occasion struct {
		cell   int
		points []Point
	}
	groups := map[string][]occasion{}
	var keys []string
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.State != StateValue || c.Problem == "" {
			continue
		}
		p := v.points[r.points[i]]
		k := KeyOf(p.Instrument, p.Variant, p.Setting, p.Informer, p.Protocol)
		k.Item = what
		key := k.String()
		if key == "" {
			continue
		}
		if groups[key] == nil {
			keys = append(keys, key)
		}
		list := groups[key]
		if n := len(list); n == 0 || list[n-1].points[0].Assessment != p.Assessment {
			list = append(list, occasion{cell: i})
		}
		list[len(list)-1].points = append(list[len(list)-1].points, p)
		groups[key] = list
	}
	for _, k := range keys {
		list := groups[k]
		l := Line{Key: k + ";problems", Instrument: "copm"}
		for i := 1; i < len(list); i++ {
			if s, ok := v.problemStep(list[i-1].points, list[i].points, what, list[i-1].cell, list[i].cell); ok {
				l.Steps = append(l.Steps, s)
			}
		}
		if len(l.Steps) == 0 {
			continue // a new list of problems is a new baseline
		}
		for _, o := range list {
			l.Cells = append(l.Cells, o.cell)
		}
		var ok bool
		last := list[len(list)-1]
		if l.Whole, ok = v.problemStep(list[0].points, last.points, what, list[0].cell, last.cell); !ok {
			l.Whole = l.Steps[len(l.Steps)-1]
		}
		r.Lines = append(r.Lines, l)
	}
}

func (v *view) problemStep(before, after []Point, what string, from, to int) (Step, bool) {
	c, ok := ChangeOfProblems(before, after, what)
	if !ok {
		return Step{}, false
	}
	s := Step{From: from, To: to, Amount: round(c.Amount), Direction: direction(Up, round(c.Amount)), Of: fmt.Sprintf("%d of %d problems", c.Common, c.Of)}
	if s.Direction == DirectionSame {
		s.Text = "Unchanged on " + s.Of + "."
		return s, true
	}
	s.Size, s.Threshold = sizeOf("copm", what, s.Amount, v.o.Populations)
	s.Text = say(s)
	return s, true
}
