package admin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
)

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
