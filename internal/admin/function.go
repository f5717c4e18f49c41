package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// systemIPLOS is the code list of the IPLOS variables; systemGAF that of GAF, which may stand in
// the same element of a message and is another instrument.
//
// Source: code lists 9111 and 9115.
const (
	systemIPLOS = "urn:oid:2.16.578.1.12.4.1.1.9111"
	systemGAF   = "urn:oid:2.16.578.1.12.4.1.1.9115"
)

// iplosNames are the variables of code list 9111 with an English gloss.
var iplosNames = map[string][2]string{
	"1": {"Sosial deltakelse", "social participation"}, "2": {"Skaffe seg varer og tjenester", "getting goods and services"},
	"3": {"Beslutninger i dagliglivet", "everyday decisions"}, "4": {"Ivareta egen helse", "looking after own health"},
	"5": {"Bevege seg innendørs", "moving indoors"}, "6": {"Alminnelig husarbeid", "housework"},
	"7": {"Personlig hygiene", "personal hygiene"}, "8": {"På- og avkledning", "dressing"},
	"9": {"Lage mat", "cooking"}, "10": {"Spise", "eating"}, "11": {"Toalett", "toilet"},
	"12": {"Bevege seg utendørs", "moving outdoors"}, "13": {"Syn", "sight"}, "14": {"Hørsel", "hearing"},
	"15": {"Hukommelse", "memory"}, "16": {"Kommunikasjon", "communication"}, "17": {"Styre atferd", "controlling behaviour"},
	"18": {"Ivareta egen økonomi", "managing own money"},
}

// iplosWords say in short what a score means. The scale is categorical: it is never summed or averaged.
var iplosWords = map[int]string{1: "no problem", 2: "alone, with difficulty", 3: "medium need of help", 4: "large need of help", 5: "full need of help"}

var instrumentNames = map[string]string{
	"iplos": "IPLOS, need of assistance", "gaf": "GAF", "barthel-20": "Barthel, 0–20", "barthel-100": "Barthel, 0–100",
	"fim": "FIM", "copm": "COPM", "sppb": "SPPB", "tug": "Timed up and go", "sft": "Senior Fitness Test", "6mwt": "6-minute walk",
	"eq-5d-5l": "EQ-5D-5L", "mmse": "MMSE", "moca": "MoCA", "cfs": "Clinical Frailty Scale", "unknown": "Instrument not named",
}

// instrumentView are all results of one instrument and variant, drawn apart from all others.
type instrumentView struct {
	ID, Name, Note string
	IPLOS          bool
	Columns        []assessmentColumn
	Charts         []chart
	Owners         []string
	Shapes         []ownerShape
}

type ownerShape struct{ Shape, Name string }

// assessmentColumn is one assessment as a column of the table of values.
type assessmentColumn struct {
	careplan.Assessment
	OwnerName string
	at        time.Time
	dated     bool
}

// chart is one variable over time.
type chart struct {
	Key, Name, Gloss string
	Range            string // the scale in words
	Last             string // the newest value in words
	LastWhen         string
	LastFrom         []string
	Change           string // what it was before, in the same line; "" when there is nothing to compare
	Points           []point
	Lines            []segment
	Grid             []gridLine
	Cells            []chartCell // one per column
	StartLabel       string
	EndLabel         string
	Alt              string
}

type point struct {
	X, Y  float64
	Shape string // circle, square, diamond, triangle; "none" for not relevant
	Text  string
	line  string
	value float64
	ok    bool
}

type segment struct{ X1, Y1, X2, Y2 float64 }

type gridLine struct {
	Y     float64
	Label string
}

type chartCell struct {
	Text string
	From []string
	Note string
	Odd  bool
}

// The drawing area of a chart, in the units of its viewBox (0 0 240 116).
const (
	chartLeft, chartRight = 24.0, 230.0
	chartTop, chartBottom = 10.0, 78.0
	chartNone             = 94.0 // the row of "not relevant"
)

// instruments groups the assessments by instrument and variant and draws a chart per variable.
func instruments(p *planPage) []instrumentView {
	var views []instrumentView
	for _, a := range p.Function {
		key := a.Instrument + " " + a.Variant
		i := slices.IndexFunc(views, func(v instrumentView) bool { return v.ID == key })
		if i < 0 {
			views = append(views, instrumentView{ID: key, Name: instrumentName(a), IPLOS: a.Instrument == "iplos"})
			i = len(views) - 1
		}
		at, dated := planInstant(a.Date)
		views[i].Columns = append(views[i].Columns, assessmentColumn{Assessment: a, OwnerName: p.Org(a.Owner), at: at, dated: dated})
	}
	slices.SortStableFunc(views, func(a, b instrumentView) int { return cmp.Compare(iplosFirst(a), iplosFirst(b)) })
	for i := range views {
		v := &views[i]
		v.ID = "instrument-" + strconv.Itoa(i+1)
		slices.SortStableFunc(v.Columns, func(a, b assessmentColumn) int { return a.at.Compare(b.at) })
		v.fill()
	}
	return views
}

func iplosFirst(v instrumentView) int {
	if v.IPLOS {
		return 0
	}
	return 1
}

func instrumentName(a careplan.Assessment) string {
	n := instrumentNames[a.Instrument]
	if n == "" {
		n = a.Instrument
	}
	if a.Variant != "" && a.Variant != a.Instrument {
		n += " (" + a.Variant + ")"
	}
	return n
}

func (v *instrumentView) fill() {
	for _, c := range v.Columns {
		if !slices.Contains(v.Owners, c.OwnerName) {
			v.Owners = append(v.Owners, c.OwnerName)
		}
	}
	for i, o := range v.Owners {
		v.Shapes = append(v.Shapes, ownerShape{shapeOf(i), o})
	}
	var keys []string
	for _, c := range v.Columns {
		for _, s := range c.Scores {
			if k := scoreKey(s); !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	slices.SortStableFunc(keys, compareKeys)
	for _, k := range keys {
		v.Charts = append(v.Charts, v.chart(k))
	}
	if v.IPLOS {
		v.Note = "Each variable stands alone: 1 no problem to 5 full need of help. The scale is never summed or averaged; 9 means not relevant and is no number."
	} else {
		v.Note = "On its own scale. Lines join only results that may be compared: same instrument, same variant."
	}
}

func scoreKey(s careplan.Score) string {
	if s.Code != "" {
		return s.System + "|" + s.Code
	}
	return "|" + s.Text
}

// compareKeys orders variables by number where their codes are numbers.
func compareKeys(a, b string) int {
	_, ca, _ := strings.Cut(a, "|")
	_, cb, _ := strings.Cut(b, "|")
	na, ea := strconv.Atoi(ca)
	nb, eb := strconv.Atoi(cb)
	if ea == nil && eb == nil {
		return cmp.Compare(na, nb)
	}
	return 0
}

func shapeOf(i int) string { return [...]string{"circle", "square", "triangle", "diamond"}[i%4] }

// chart draws one variable over all assessments of the instrument.
func (v *instrumentView) chart(key string) chart {
	c := chart{Key: key}
	lo, hi := v.span()
	var first *careplan.Score
	for _, col := range v.Columns {
		cell := chartCell{}
		for i := range col.Scores {
			s := &col.Scores[i]
			if scoreKey(*s) != key {
				continue
			}
			if first == nil {
				first = s
				c.describe(v.IPLOS, *s)
			}
			cell = chartCell{Text: scoreText(v.IPLOS, *s), From: orFrom(s.From, col.From), Note: s.Note, Odd: s.Invalid}
			c.add(v, col, *s, cell, xOf(col, lo, hi))
			break
		}
		c.Cells = append(c.Cells, cell)
	}
	c.join()
	if !lo.IsZero() {
		c.StartLabel = lo.In(oslo()).Format("2 Jan 06")
		if hi.Sub(lo) > 24*time.Hour {
			c.EndLabel = hi.In(oslo()).Format("2 Jan 06")
		}
	}
	c.Alt = c.Name + ": " + c.alt(v)
	return c
}

func orFrom(a, b []string) []string {
	if len(a) > 0 {
		return a
	}
	return b
}

// span is the time from the first to the last dated assessment of the instrument.
func (v *instrumentView) span() (lo, hi time.Time) {
	for _, c := range v.Columns {
		if !c.dated {
			continue
		}
		if lo.IsZero() || c.at.Before(lo) {
			lo = c.at
		}
		if c.at.After(hi) {
			hi = c.at
		}
	}
	return lo, hi
}

func xOf(c assessmentColumn, lo, hi time.Time) float64 {
	const pad = 12
	if !c.dated || !hi.After(lo) {
		return (chartLeft + chartRight) / 2
	}
	share := float64(c.at.Sub(lo)) / float64(hi.Sub(lo))
	return chartLeft + pad + share*(chartRight-chartLeft-2*pad)
}

// describe sets name, scale and grid from the first score of the variable.
func (c *chart) describe(iplos bool, s careplan.Score) {
	c.Name, c.Gloss = s.Text, ""
	if iplos && (s.System == systemIPLOS || s.System == "") {
		if n, ok := iplosNames[s.Code]; ok {
			c.Name, c.Gloss = n[0], n[1]
		}
	}
	c.Name = or(c.Name, or(s.Code, "Result"))
	if iplos {
		c.Range = "1 to 5, lower is better"
		for i := 1; i <= 5; i++ {
			c.Grid = append(c.Grid, gridLine{Y: yOf(float64(i), 1, 5, false), Label: strconv.Itoa(i)})
		}
		return
	}
	if s.Max <= s.Min {
		c.Range = "no fixed range"
		return
	}
	up := s.HigherIs != "worse"
	c.Range = number(s.Min) + " to " + number(s.Max)
	switch s.HigherIs {
	case "better":
		c.Range += ", higher is better"
	case "worse":
		c.Range += ", lower is better"
	}
	for _, n := range []float64{s.Min, (s.Min + s.Max) / 2, s.Max} {
		c.Grid = append(c.Grid, gridLine{Y: yOf(n, s.Min, s.Max, up), Label: number(n)})
	}
}

// yOf puts better at the top, whichever way the scale runs.
func yOf(value, lo, hi float64, higherIsBetter bool) float64 {
	share := (value - lo) / (hi - lo)
	if higherIsBetter {
		share = 1 - share
	}
	return chartTop + share*(chartBottom-chartTop)
}

func (c *chart) add(v *instrumentView, col assessmentColumn, s careplan.Score, cell chartCell, x float64) {
	shape := shapeOf(slices.Index(v.Owners, col.OwnerName))
	before, had := c.lastOf(col.Line)
	p := point{X: x, Shape: shape, Text: cell.Text, line: col.Line}
	switch {
	case s.NotRelevant:
		p.Shape, p.Y = "none", chartNone
	case s.Number == nil || s.Invalid:
		p.Shape = ""
	default:
		lo, hi, up := s.Min, s.Max, s.HigherIs != "worse"
		if v.IPLOS {
			lo, hi, up = 1, 5, false
		}
		if hi > lo && *s.Number >= lo && *s.Number <= hi {
			p.Y, p.value, p.ok = yOf(*s.Number, lo, hi, up), *s.Number, true
		} else {
			p.Shape = ""
		}
	}
	c.Last, c.LastFrom, c.LastWhen, c.Change = cell.Text, cell.From, col.Date, ""
	if p.ok && had {
		c.Change = changeText(v.IPLOS, before, p.value, s.HigherIs)
	}
	c.Points = append(c.Points, p)
}

// lastOf gives the newest number on the same line, unless "not relevant" or text came after it.
// Results without a line (unknown scale or variant) are never compared.
func (c *chart) lastOf(line string) (float64, bool) {
	for _, p := range slices.Backward(c.Points) {
		if line != "" && p.line == line {
			return p.value, p.ok
		}
	}
	return 0, false
}

// changeText compares two results of one line. It says which way, never how much: the steps of
// most scales are not equal.
func changeText(iplos bool, before, now float64, higherIs string) string {
	was := "was " + number(before)
	switch {
	case now == before:
		return "same as before"
	case iplos && now > before:
		return was + ": more help needed"
	case iplos:
		return was + ": less help needed"
	case higherIs == "better" && now > before, higherIs == "worse" && now < before:
		return was + ": better"
	case higherIs == "better" || higherIs == "worse":
		return was + ": worse"
	}
	return was
}

// join draws lines between neighbours of one comparability key; "not relevant" and text break a line.
func (c *chart) join() {
	last := make(map[string]point)
	for _, p := range c.Points {
		if q, ok := last[p.line]; ok && p.line != "" && q.ok && p.ok && p.X > q.X {
			c.Lines = append(c.Lines, segment{q.X, q.Y, p.X, p.Y})
		}
		last[p.line] = p
	}
}

// alt tells the chart in words.
func (c *chart) alt(v *instrumentView) string {
	var parts []string
	for i, col := range v.Columns {
		if c.Cells[i].Text != "" {
			parts = append(parts, fmt.Sprintf("%s, %s: %s", or(shortDate(col.Date), "no date"), col.OwnerName, c.Cells[i].Text))
		}
	}
	return strings.Join(parts, "; ")
}

func shortDate(text string) string {
	if t, ok := planInstant(text); ok {
		return t.In(oslo()).Format("2 Jan 2006")
	}
	return text
}

func scoreText(iplos bool, s careplan.Score) string {
	switch {
	case s.NotRelevant:
		return "9, not relevant"
	case s.Invalid:
		return strings.TrimSpace(s.Shown+" "+s.Unit) + ", outside the scale"
	case s.Number == nil:
		return strings.TrimSpace(or(s.Shown, "not stated") + " " + s.Unit)
	case iplos:
		if w := iplosWords[int(*s.Number)]; w != "" {
			return number(*s.Number) + ", " + w
		}
		return number(*s.Number)
	}
	t := number(*s.Number)
	if s.Unit != "" && s.Unit != "1" {
		t += " " + s.Unit
	} else if s.Max > s.Min {
		t += " of " + number(s.Max)
	}
	return t
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
