package figures

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"time"
)

// Report is the figures as they may be published: a count below the smallest is not told, nor is what it could be
// worked out from in its group (the waits that belong to it).
type Report struct {
	At       time.Time
	Smallest int
	Rows     []Row
}

// Row is one published number.
type Row struct {
	Key
	// N is the count; with Few it is not told: it is below the smallest, or one that is could be worked out from it.
	N   int64
	Few bool
	// Share is N of all classes of the figure for the same month and municipality, 0..1; -1 when it is not told.
	Share float64
	// Mean is the mean wait, for waits whose count is told; Steps how they spread, nil when one of the steps is
	// a small count.
	Mean  time.Duration
	Steps []int64
	// Per1000 is N per 1,000 inhabitants, -1 when the population is not known or N is not told.
	Per1000 float64
}

// newReport makes the rows: for each figure and class by month and municipality, by month of all, and of all.
func newReport(points []Point, at time.Time, o *Options) *Report {
	t := tally{}
	for _, p := range points {
		seen := map[Key]bool{}
		for _, k := range []Key{p.Key, {p.Figure, p.Class, p.Month, All}, {p.Figure, p.Class, All, p.Municipality}, {p.Figure, p.Class, All, All}} {
			if p.Month == "" && k.Month == All {
				k.Month = ""
			}
			if !seen[k] {
				seen[k] = true
				q := p
				q.Key = k
				t.add(q)
			}
		}
	}
	return &Report{At: at, Smallest: o.Smallest, Rows: publish(t.list(), o)}
}

// All stands for every month, or every municipality.
const All = "*"

// group is what the classes of a figure are shares of.
type group struct {
	figure              Figure
	month, municipality string
}

func publish(points []Point, o *Options) []Row {
	hidden := hide(points, int64(o.Smallest))
	sums := map[group]int64{}
	few := map[group]int{}
	for i := range points {
		p := &points[i]
		g := group{p.Figure, p.Month, p.Municipality}
		sums[g] += p.N
		if hidden[p.Key] {
			few[g]++
		}
	}
	rows := make([]Row, 0, len(points))
	for i := range points {
		p := &points[i]
		g := group{p.Figure, p.Month, p.Municipality}
		r := Row{Key: p.Key, N: p.N, Share: -1, Per1000: -1, Few: hidden[p.Key]}
		if r.Few {
			r.N = 0
			rows = append(rows, r)
			continue
		}
		if few[g] == 0 { // else the hidden class could be worked out from the shares of the others
			r.Share = float64(p.N) / float64(sums[g])
		}
		if len(p.Steps) > 0 {
			r.Mean = p.Mean()
			if !small(p.Steps, int64(o.Smallest)) {
				r.Steps = slices.Clone(p.Steps)
			}
		}
		if inhabitants := o.Population[p.Municipality]; inhabitants > 0 {
			r.Per1000 = 1000 * float64(p.N) / float64(inhabitants)
		}
		rows = append(rows, r)
	}
	return rows
}

// Of gives the rows of a figure for a month and a municipality, in the order of its classes; All and "" as in the rows.
func (r *Report) Of(f Figure, month, municipality string) []Row {
	if r == nil {
		return nil
	}
	var out []Row
	for _, class := range classesOf(f) {
		for i := range r.Rows {
			if k := &r.Rows[i].Key; k.Figure == f && k.Class == class && k.Month == month && k.Municipality == municipality {
				out = append(out, r.Rows[i])
			}
		}
	}
	return out
}

// Months lists the months that something is counted in, newest first, and Municipalities the numbers.
func (r *Report) Months() []string {
	return r.distinct(func(k Key) string { return k.Month }, true)
}

// Municipalities lists the municipality numbers that something is counted for.
func (r *Report) Municipalities() []string {
	return r.distinct(func(k Key) string { return k.Municipality }, false)
}

func (r *Report) distinct(of func(Key) string, newest bool) []string {
	if r == nil {
		return nil
	}
	var out []string
	for i := range r.Rows {
		if v := of(r.Rows[i].Key); v != "" && v != All && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	if newest {
		slices.Reverse(out)
	}
	return out
}

// WriteCSV writes the rows with a header, comma separated, UTF-8. A count that is not told is empty with
// "fewer_than" set.
func (r *Report) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	head := []string{"figure", "class", "month", "municipality", "count", "fewer_than", "share", "mean_minutes", "per_1000_inhabitants"}
	for _, d := range Steps() {
		head = append(head, "up_to_"+strconv.Itoa(int(d.Minutes()))+"_minutes")
	}
	if err := c.Write(append(head, "longer")); err != nil {
		return err
	}
	for i := range r.Rows {
		x := &r.Rows[i]
		line := []string{string(x.Figure), x.Class, x.Month, x.Municipality, strconv.FormatInt(x.N, 10), "", decimal(x.Share), "", decimal(x.Per1000)}
		if x.Few {
			line[4], line[5] = "", strconv.Itoa(r.Smallest)
		}
		if x.Mean > 0 {
			line[7] = decimal(x.Mean.Minutes())
		}
		for j := range len(steps) + 1 {
			v := ""
			if x.Steps != nil {
				v = strconv.FormatInt(x.Steps[j], 10)
			}
			line = append(line, v)
		}
		if err := c.Write(line); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// decimal writes at most four places; "" for what is not told.
func decimal(v float64) string {
	if v < 0 {
		return ""
	}
	s := strconv.FormatFloat(v, 'f', 4, 64)
	for len(s) > 1 && s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	return s
}
