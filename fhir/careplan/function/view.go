package function

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// View draws the picture of what was assessed. The order of in does not matter; in is not changed.
// Source: function.md section 6.
func View(in []Point, o Options) *Picture {
	if o.Window == 0 {
		o.Window = Window
	}
	if o.StaleAfter == 0 {
		o.StaleAfter = StaleAfter
	}
	v := view{o: o, points: slices.Clone(in), p: &Picture{Now: o.Now, Marks: slices.Clone(o.Marks)}, rows: map[string]*row{}}
	slices.SortStableFunc(v.points, comparePoints)
	v.columns()
	for i := range v.points {
		v.place(i)
	}
	v.missing()
	for _, id := range v.order() {
		r := v.rows[id]
		v.lines(r)
		v.stale(r)
		if r.category {
			v.p.Rows = append(v.p.Rows, r.Row)
			v.disagreements(&v.p.Rows[len(v.p.Rows)-1])
			v.gaps(&v.p.Rows[len(v.p.Rows)-1])
		} else {
			v.p.Scales = append(v.p.Scales, r.Row)
		}
	}
	slices.SortStableFunc(v.p.Marks, func(a, b Mark) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Owner, b.Owner), strings.Compare(a.Scale, b.Scale), strings.Compare(a.ID, b.ID), strings.Compare(a.Value, b.Value))
	})
	return v.p
}

// view is a picture in the making.
type view struct {
	o      Options
	points []Point
	column []int // of each point
	p      *Picture
	rows   map[string]*row
}

type row struct {
	Row
	category bool
	rank     int   // of a scale
	points   []int // of each cell, -1 for a missing one
}

// comparePoints is a total order of what is shown: two points that compare equal show the same.
func comparePoints(a, b Point) int {
	return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Date, b.Date), strings.Compare(a.Instrument, b.Instrument), strings.Compare(a.Variant, b.Variant),
		strings.Compare(a.Owner, b.Owner), strings.Compare(a.Assessment, b.Assessment), strings.Compare(a.Problem, b.Problem), compareCodes(a.Code, b.Code),
		strings.Compare(a.System, b.System), strings.Compare(a.Shown, b.Shown), strings.Compare(a.Label, b.Label), strings.Compare(a.Setting, b.Setting),
		strings.Compare(a.Informer, b.Informer), strings.Compare(a.Protocol, b.Protocol), strings.Compare(a.Unit, b.Unit), strings.Compare(a.Note, b.Note),
		slices.Compare(a.From, b.From), strings.Compare(a.Absent, b.Absent), strings.Compare(a.Assessor, b.Assessor))
}

// compareCodes puts 2 before 10.
func compareCodes(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func (v *view) columns() {
	v.column = make([]int, len(v.points))
	for i := range v.points {
		c := Column{Date: v.points[i].Date, At: v.points[i].At}
		n := len(v.p.Columns)
		if n == 0 || v.p.Columns[n-1].Date != c.Date || !v.p.Columns[n-1].At.Equal(c.At) { // points are in order
			v.p.Columns = append(v.p.Columns, c)
			n++
		}
		v.column[i] = n - 1
	}
}

// place puts a point into its rows.
func (v *view) place(i int) {
	p := &v.points[i]
	c := v.cell(i)
	in := Lookup(p.Instrument)
	if in == nil && !strings.HasPrefix(p.Instrument, "barthel") {
		v.p.Words = append(v.p.Words, c)
		return
	}
	home := p.Instrument
	if in == nil { // a version that is not known: its items stand where they stand in any version
		home = "barthel-20"
	}
	rows, categories := RowsOf(home, p.System, p.Code)
	c.Category = categories
	if len(rows) == 0 {
		id, label, rank := v.scaleRow(in, p)
		v.add(id, label, false, rank, c, i)
		return
	}
	for _, id := range rows {
		v.add(id, categoryLabel(id), true, 0, c, i)
		r := v.rows[id]
		for _, cat := range categories {
			if s := secondLevel(cat); s != id && len(rows) == 1 && !slices.Contains(r.Also, s) {
				r.Also = append(r.Also, s)
				slices.Sort(r.Also)
			}
		}
	}
}

// scaleRow names the row of what belongs to no category: versions of one scale share it.
func (v *view) scaleRow(in *Instrument, p *Point) (id, label string, rank int) {
	if in == nil {
		return "barthel/" + ItemTotal, "Barthel", 1
	}
	item := p.item()
	name, label := in.Name, in.Label
	if strings.HasPrefix(name, "barthel") {
		name, label = "barthel", "Barthel"
	}
	for i := range forms {
		if forms[i].Name == in.Name {
			rank = i * 100
		}
	}
	for i := range scales {
		if scales[i].Name == in.Name {
			rank = (i + len(forms)) * 100
		}
	}
	if strings.HasPrefix(in.Name, "barthel") {
		rank = 1
	}
	if it := in.Item(item); it != nil {
		rank += 1 + slices.IndexFunc(in.Items, func(o Item) bool { return o.ID == item })
		label += ": " + it.Label
	} else if item != ItemTotal {
		rank += 99
		label = strings.TrimSuffix(label+": "+p.Label, ": ")
	}
	return name + "/" + item, label, rank
}

func (v *view) add(id, label string, category bool, rank int, c Cell, point int) {
	r := v.rows[id]
	if r == nil {
		r = &row{Row: Row{ID: id, Label: label}, category: category, rank: rank}
		v.rows[id] = r
	}
	r.Cells = append(r.Cells, c)
	r.points = append(r.points, point)
}

// order lists categories as ICF does, then scales as the table does.
func (v *view) order() []string {
	ids := make([]string, 0, len(v.rows))
	for id := range v.rows {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		x, y := v.rows[a], v.rows[b]
		if x.category != y.category {
			if x.category {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(x.rank, y.rank), strings.Compare(a, b))
	})
	return ids
}

// cell shows a point.
func (v *view) cell(i int) Cell {
	p := &v.points[i]
	in := Lookup(p.Instrument)
	c := Cell{Column: v.column[i], Assessment: p.Assessment, Instrument: p.Instrument, Variant: p.Variant, ItemLabel: p.Label, Shown: p.Shown,
		Unit: p.Unit, State: stateOf(p), Key: p.Key().String(), Setting: p.Setting, Place: p.Place, Informer: p.Informer, Owner: p.Owner,
		Assessor: p.Assessor, Problem: p.Problem, Aid: p.Aid, Before: p.Before, Derived: p.Derived, Issues: p.Issues, Note: p.Note, From: p.From, Item: p.item()}
	scale := p.Instrument
	if in != nil {
		scale = in.Label
		r := in.Read(p.Variant, Raw{System: p.System, Code: p.Code, Value: p.Shown, Unit: p.Unit, Total: p.Total})
		c.Min, c.Max, c.Open, c.Better = r.Range.Min, r.Range.Max, r.Range.Open, r.Better
		if c.Open {
			c.Max = 0
		}
		if it := in.Item(c.Item); it != nil {
			c.ItemLabel = it.Label
		}
	}
	c.Label = strings.TrimSpace(scale + " " + p.Shown)
	if c.State == StateValue {
		c.Number = p.Number
		if in.Total == TotalSum && c.Max > 0 {
			c.Label += " of " + formatNumber(c.Max)
		}
		if !v.o.NoBands {
			if b, ok := BandOf(p.Instrument, p.Variant, c.Item, *p.Number); ok {
				c.Band = &b
			}
		}
		if c.Item == ItemTotal && !c.Open && in.Total != TotalIndex {
			best, worst := c.Max, c.Min
			if c.Better == Down {
				best, worst = worst, best
			}
			c.Ceiling = c.Better != "" && *p.Number == best
			c.Floor = c.Better != "" && *p.Number == worst
		}
	}
	return c
}

// stateOf says what a point is. Only a number of a known scale is a value.
func stateOf(p *Point) State {
	switch {
	case p.Invalid, p.Absent == "error":
		return StateInvalid
	case p.NotRelevant, p.Absent == "not-applicable":
		return StateNotRelevant
	case p.Absent != "":
		return StateNotAssessed
	case p.Number != nil && Lookup(p.Instrument) != nil:
		return StateValue
	}
	return StateWords
}

// missing marks the rows that an assessment of a whole form left out, so that they are not taken for good.
func (v *view) missing() {
	type group struct {
		first int
		items map[string]bool
	}
	groups := map[string]*group{}
	var order []string
	for i := range v.points {
		p := &v.points[i]
		if in := Lookup(p.Instrument); in == nil || in.Name != "iplos" && in.Total != TotalSum || in.Item(p.item()) == nil {
			continue
		}
		id := p.Assessment + "\x1f" + p.Instrument + "\x1f" + p.Variant + "\x1f" + p.Date
		if groups[id] == nil {
			groups[id] = &group{first: i, items: map[string]bool{}}
			order = append(order, id)
		}
		groups[id].items[p.item()] = true
	}
	for _, id := range order {
		g := groups[id]
		p := v.points[g.first]
		in := Lookup(p.Instrument)
		for i := range in.Items {
			it := &in.Items[i]
			if g.items[it.ID] || it.ID == "wheelchair" || it.ID == "walking" && g.items["wheelchair"] {
				continue
			}
			q := p
			q.System, q.Code, q.Label, q.Shown, q.Number, q.Total = it.Codes[0].System, it.Codes[0].Code, it.Label, "", nil, false
			q.NotRelevant, q.Invalid, q.Absent, q.Note, q.Issues, q.Unit = false, false, "", "", nil, ""
			v.left(&q, v.column[g.first])
		}
	}
}

// left puts the mark of a missing value into the rows that there are.
func (v *view) left(q *Point, column int) {
	rows, categories := RowsOf(q.Instrument, q.System, q.Code)
	for _, id := range rows {
		r := v.rows[id]
		if r == nil {
			continue
		}
		c := Cell{Column: column, Assessment: q.Assessment, Instrument: q.Instrument, Variant: q.Variant, Item: q.item(), ItemLabel: q.Label,
			Label: Lookup(q.Instrument).Label, Category: categories, State: StateMissing, Setting: q.Setting, Place: q.Place, Informer: q.Informer,
			Owner: q.Owner, Assessor: q.Assessor, Before: q.Before, From: q.From}
		at, _ := slices.BinarySearchFunc(r.Cells, column+1, func(o Cell, n int) int { return cmp.Compare(o.Column, n) })
		r.Cells = slices.Insert(r.Cells, at, c)
		r.points = slices.Insert(r.points, at, -1)
	}
}

// stale marks what was last seen long ago. Source: function.md section 6, item 7.
func (v *view) stale(r *row) {
	if v.o.Now.IsZero() || len(r.Cells) == 0 {
		return
	}
	old := func(at time.Time) bool { return v.o.Now.Sub(at) > v.o.StaleAfter }
	last := map[string]int{}
	r.Stale = true
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.State != StateMissing {
			last[c.Key+"\x1f"+c.Instrument] = i
			r.Stale = r.Stale && old(v.p.Columns[c.Column].At)
		}
	}
	for _, i := range last {
		r.Cells[i].Stale = old(v.p.Columns[r.Cells[i].Column].At)
	}
}
