package admin

import (
	"cmp"
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
