package function

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/drawn"
	"pgregory.net/rapid"
)

// TestMain runs 2,000 cases of each property unless a number is asked for.
func TestMain(m *testing.M) {
	flag.Parse()
	n := 2000
	if testing.Short() {
		n = 100
	}
	drawn.Cases(n)
	os.Exit(m.Run())
}

var day0 = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)

// number makes a point with its number judged by its scale, as the plan does.
func judged(p Point) Point {
	r := Lookup(p.Instrument).Read(p.Variant, Raw{System: p.System, Code: p.Code, Value: p.Shown, Unit: p.Unit, Total: p.Total, NotRelevant: p.NotRelevant})
	switch r.State {
	case StateValue:
		v := r.Number
		p.Number = &v
	case StateInvalid:
		p.Invalid = true
	case StateNotRelevant:
		p.NotRelevant = true
	}
	return p
}

func item(instrument, variant, id string, value float64) Point {
	p := Point{Instrument: instrument, Variant: variant, Shown: formatNumber(value)}
	in := Lookup(instrument)
	if id == ItemTotal {
		p.Total = true
		if len(in.Codes) > 0 {
			p.System, p.Code = in.Codes[0].System, in.Codes[0].Code
		} else {
			p.System, p.Code = SystemLocal, in.Name
		}
	} else {
		it := in.Item(id)
		p.System, p.Code, p.Label = it.Codes[0].System, it.Codes[0].Code, it.Label
	}
	return judged(p)
}

func on(p Point, date string, owner string) Point {
	p.Date, p.Owner = date, owner
	p.At, _ = time.Parse("2006-01-02", date)
	p.Assessment = owner + " " + date + " " + p.Instrument + p.Variant
	p.From = []string{owner + "/" + date}
	return p
}

// allowed lists the values of a range, for open ones a few.
func allowed(r Range) []float64 {
	if r.Levels != nil {
		return r.Levels
	}
	step := r.Step
	if step == 0 {
		step = 0.25
	}
	top := r.Max
	if r.Open {
		top = r.Min + 40*step
	}
	var out []float64
	for v := r.Min; v <= top && len(out) < 2000; v += step {
		out = append(out, v)
	}
	return out
}

// drawPoint draws a value of any instrument, also such as no instrument has.
func drawPoint(t *rapid.T, name string) Point {
	table := Table()
	n := func(s string) string { return name + " " + s }
	in := table[rapid.IntRange(0, len(table)-1).Draw(t, n("instrument"))]
	if rapid.IntRange(0, 3).Draw(t, n("frequent")) > 0 { // so that points meet on one line or in one row
		return drawFrequent(t, name)
	}
	p := Point{Instrument: in.Name}
	if len(in.Variants) > 0 {
		p.Variant = rapid.SampledFrom(append([]string{VariantUnknown}, in.Variants...)).Draw(t, n("variant"))
	}
	if len(in.Items) > 0 && rapid.IntRange(0, 3).Draw(t, n("total")) > 0 {
		it := in.Items[rapid.IntRange(0, len(in.Items)-1).Draw(t, n("item"))]
		p.System, p.Code, p.Label, p.Unit = it.Codes[0].System, it.Codes[0].Code, it.Label, it.Unit
	} else if in.Name == "icf" {
		p.System, p.Code = SystemICF, rapid.SampledFrom([]string{"d450", "d4600", "b144", "d510"}).Draw(t, n("category"))
	} else if len(in.Codes) > 0 {
		p.System, p.Code, p.Total, p.Unit = in.Codes[0].System, in.Codes[0].Code, true, in.Unit
	}
	p.Shown = strconv.Itoa(rapid.IntRange(-1, 12).Draw(t, n("value")))
	switch rapid.IntRange(0, 12).Draw(t, n("oddity")) {
	case 0:
		p.NotRelevant = true
	case 1:
		p.Shown, p.Absent = "not recorded", "not-performed"
	case 2:
		p.Shown = rapid.SampledFrom([]string{"betydelig bedring", "tre", "3 av 5", ">4", ""}).Draw(t, n("words"))
	}
	if p.Absent == "" {
		p = judged(p)
	}
	if in.Name == "copm" {
		p.Problem = rapid.SampledFrom([]string{"", "walk the dog", "cook dinner", "read"}).Draw(t, n("problem"))
	}
	return drawCircumstances(t, p, name)
}

// drawFrequent draws a walking or washing item, a total or a timed test, mostly with a value of its scale.
func drawFrequent(t *rapid.T, name string) Point {
	n := func(s string) string { return name + " " + s }
	which := rapid.SampledFrom([]string{"barthel-20 walking", "iplos 5", "fsiii J3.8", "barthel-20 bathing", "iplos 7", "barthel-20 total", "tug total", "chair-stand-30s total"}).Draw(t, n("which"))
	name2, id, _ := strings.Cut(which, " ")
	in := Lookup(name2)
	r := in.Range
	if it := in.Item(id); it != nil {
		r = it.Range
	}
	p := item(name2, "", id, rapid.SampledFrom(allowed(r)).Draw(t, n("value")))
	if rapid.IntRange(0, 9).Draw(t, n("9")) == 0 {
		p = item(name2, "", id, 9)
	}
	p = drawCircumstances(t, p, name)
	if rapid.Bool().Draw(t, n("plain")) {
		p.Setting, p.Informer, p.Protocol, p.Place, p.Before = "", "", "", "", false
	}
	return p
}

// drawCircumstances draws when, where and by whom.
func drawCircumstances(t *rapid.T, p Point, name string) Point {
	n := func(s string) string { return name + " " + s }
	p.Setting = rapid.SampledFrom([]string{"", SettingStandard, SettingUsual}).Draw(t, n("setting"))
	p.Informer = rapid.SampledFrom([]string{"", "citizen", "kin"}).Draw(t, n("informer"))
	p.Protocol = rapid.SampledFrom([]string{"", "aid", "3m"}).Draw(t, n("protocol"))
	p.Place = rapid.SampledFrom([]string{"", PlaceInstitution}).Draw(t, n("place"))
	p.Before = rapid.IntRange(0, 5).Draw(t, n("before")) == 0
	at := day0.AddDate(0, 0, rapid.IntRange(0, 60).Draw(t, n("day")))
	p = on(p, at.Format("2006-01-02"), rapid.SampledFrom([]string{"hospital", "town", "gp"}).Draw(t, n("owner")))
	p.Note = name // tells two points apart
	return p
}

func drawPoints(t *rapid.T) []Point {
	n := rapid.IntRange(0, 14).Draw(t, "points")
	out := make([]Point, n)
	for i := range out {
		out[i] = drawPoint(t, fmt.Sprint("point ", i))
	}
	return out
}

// drawQuarrel draws two organisations that see different things in one category on one day: a question is certain.
func drawQuarrel(t *rapid.T) []Point {
	date := day0.AddDate(0, 0, rapid.IntRange(0, 60).Draw(t, "day of the quarrel")).Format("2006-01-02")
	owners := rapid.Permutation([]string{"hospital", "town", "gp"}).Draw(t, "who quarrel")
	best, worst := on(item("iplos", "", "5", 1), date, owners[0]), on(item("iplos", "", "5", 5), date, owners[1])
	best.Note, worst.Note = "best", "worst"
	return []Point{best, worst}
}

// drawRise draws a change that has a size for everybody: four rises from a chair more, by one protocol that nothing else has.
func drawRise(t *rapid.T) []Point {
	start := rapid.IntRange(1, 20).Draw(t, "rises")
	day := rapid.IntRange(0, 60).Draw(t, "day of the rise")
	var out []Point
	for i := range 2 {
		p := item("chair-stand-30s", "", ItemTotal, float64(start+4*i))
		p.Protocol = "high chair"
		p = on(p, day0.AddDate(0, 0, day+7*i).Format("2006-01-02"), "town")
		p.Note = fmt.Sprint("rise ", i)
		out = append(out, p)
	}
	return out
}

func drawOptions(t *rapid.T) Options {
	o := Options{Now: day0.AddDate(0, 0, rapid.IntRange(0, 200).Draw(t, "now"))}
	if rapid.Bool().Draw(t, "stroke") {
		o.Populations = []string{PopulationStroke}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "events") {
		o.Events = append(o.Events, Event{At: day0.AddDate(0, 0, rapid.IntRange(0, 60).Draw(t, fmt.Sprint("event ", i))), Kind: "admission"})
	}
	return o
}

// allRows lists the rows of a picture of both sorts.
func allRows(p *Picture) []Row {
	return append(append([]Row{}, p.Rows...), p.Scales...)
}
