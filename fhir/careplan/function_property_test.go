package careplan

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan/function"
	"pgregory.net/rapid"
)

// native is a value as a source writes it, with its code.
type native struct {
	code  function.Code
	key   string // valueInteger, valueQuantity, valueString, valueCodeableConcept
	value string
	unit  string
}

// drawNative draws a value of any instrument: of the scale or not, as number, quantity, words or code.
func drawNative(t *rapid.T, name string) native {
	n := func(s string) string { return name + " " + s }
	var codes []function.Code
	for _, in := range function.Table() {
		if in.Kind == "daily mark" {
			continue // no assessments
		}
		codes = append(codes, in.Codes...)
		for _, it := range in.Items {
			codes = append(codes, it.Codes...)
		}
	}
	codes = append(codes, function.Code{System: function.SystemICF, Code: "d450"}, function.Code{System: "http://local.example", Code: "x"})
	v := native{code: rapid.SampledFrom(codes).Draw(t, n("code"))}
	switch rapid.IntRange(0, 3).Draw(t, n("key")) {
	case 0:
		v.key, v.value = "valueInteger", strconv.Itoa(rapid.IntRange(-2, 130).Draw(t, n("value")))
	case 1:
		v.key, v.value = "valueQuantity", rapid.SampledFrom([]string{"13.50", "0.761", "1.0", "0", "12", "-4.5", "1e1", "300"}).Draw(t, n("value"))
		v.unit = rapid.SampledFrom([]string{"", "s", "m", "cm", "{score}"}).Draw(t, n("unit"))
	case 2:
		v.key, v.value = "valueString", rapid.SampledFrom([]string{"3", "11123", "går med rullator og én hjelper", "1e3", "NaN"}).Draw(t, n("value"))
	default:
		v.key, v.value = "valueCodeableConcept", rapid.SampledFrom([]string{"B2", "d984ad21-48fe-4619-845e-2aa0303048e7", "B6", "3", "9"}).Draw(t, n("value"))
	}
	return v
}

func (v native) node() *fhir.Node {
	n := fhir.NewObject("resourceType", "Observation", "status", "final", "code", codeNode(v.code.System, v.code.Code), "effectiveDateTime", "2026-02-10")
	switch v.key {
	case "valueInteger":
		n.Set(v.key, fhir.Number(v.value))
	case "valueQuantity":
		n.Set(v.key, fhir.NewObject("value", fhir.Number(v.value), "unit", v.unit))
	case "valueString":
		n.Set(v.key, fhir.String(v.value))
	default:
		system := v.code.System
		if system == fhir.SystemFunction {
			system = fhir.SystemFunctionScore
		}
		n.Set(v.key, codeNode(system, v.value))
	}
	return n
}

// written gives value and unit of an Observation that went out.
func written(n *fhir.Node) (value, unit string) {
	switch {
	case n.Get("valueInteger") != nil:
		return n.Get("valueInteger").Text(), ""
	case n.Get("valueQuantity") != nil:
		return n.At("valueQuantity.value").Text(), n.At("valueQuantity.unit").Text()
	case n.Get("valueCodeableConcept") != nil:
		return concept(n.Get("valueCodeableConcept")).Code, ""
	case n.Get("valueString") != nil:
		return n.Get("valueString").Text(), ""
	}
	text := noteText(n)
	return text, ""
}

// TestF1ValueInValueOut: every native value goes out with its digits, its unit and its code, of the scale or not.
func TestF1ValueInValueOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		v := drawNative(rt, "v")
		p := Fold([]Record{assessed(1, town, v.node()).record(t)})
		if len(p.Function) != 1 || len(p.Function[0].Scores) != 1 {
			rt.Fatalf("%+v", p.Function)
		}
		s := p.Function[0].Scores[0]
		for _, e := range p.FHIR().All("Observation") {
			if !hasCode(fhir.NewArray(e.Get("code")), v.code.System, v.code.Code) {
				continue
			}
			value, unit := written(e)
			if s.Invalid { // in the note, with the reason
				if !strings.Contains(value, v.value) && !strings.Contains(value, s.Shown) || concept(e.Get("dataAbsentReason")).Code != "error" {
					rt.Fatalf("%+v went out as %s", v, e.Bytes())
				}
				return
			}
			if value != v.value || v.unit != "" && unit != v.unit {
				rt.Fatalf("%+v went out as %s", v, e.Bytes())
			}
			return
		}
		rt.Fatalf("%+v did not go out: %s", v, p.FHIR().Bytes())
	})
}

// drawAssessments draws records of assessments by several organisations.
func drawAssessments(t *rapid.T, tb testing.TB) []Record {
	var out []Record
	for i := range rapid.IntRange(1, 7).Draw(t, "records") {
		name := func(s string) string { return fmt.Sprint(s, " ", i) }
		var nodes []*fhir.Node
		for j := range rapid.IntRange(1, 3).Draw(t, name("values")) {
			v := drawNative(t, name(fmt.Sprint("value ", j)))
			if rapid.IntRange(0, 2).Draw(t, name("walking")) > 0 { // so that they meet
				v = native{code: function.Code{System: fhir.SystemFunction, Code: "5"}, key: "valueInteger", value: strconv.Itoa(rapid.IntRange(1, 5).Draw(t, name(fmt.Sprint("iplos ", j))))}
			}
			n := v.node()
			n.SetText("effectiveDateTime", fmt.Sprintf("2026-02-%02d", rapid.IntRange(1, 28).Draw(t, name("day"))))
			nodes = append(nodes, n)
		}
		m := assessed(i+1, rapid.SampledFrom([]string{hospital, town, physio}).Draw(t, name("from")), nodes...)
		m.noForwarding = rapid.IntRange(0, 3).Draw(t, name("blocked")) == 0
		m.to = []string{town}
		out = append(out, m.record(tb))
	}
	return out
}

func picture(t interface{ Fatal(...any) }, p *Plan) string {
	raw, err := json.Marshal(p.Picture(at("03-01 10:00")))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestF2NothingWithoutSource: every cell of the picture and every Observation that goes out rests on a live record, and what is derived
// names its rule.
func TestF2NothingWithoutSource(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		list := drawAssessments(rt, t)
		p := Fold(list)
		pic := p.Picture(at("03-01 10:00"))
		for _, r := range slices.Concat(pic.Rows, pic.Scales, []function.Row{{Cells: pic.Words}}) {
			for _, c := range r.Cells {
				if len(c.From) == 0 || slices.ContainsFunc(c.From, func(k string) bool { _, ok := p.Sources[k]; return !ok }) {
					rt.Fatalf("a cell without a source: %+v", c)
				}
				if c.Instrument == "fsiii" && c.Derived == "" && c.Item == "" {
					rt.Fatalf("derived without a rule: %+v", c)
				}
			}
		}
		behind := map[string]bool{}
		for _, n := range p.FHIR().All("Provenance") {
			for _, target := range n.Get("target").Items() {
				behind[target.Get("reference").Text()] = true
			}
		}
		for _, n := range p.FHIR().All("Observation") {
			if !behind["Observation/"+n.Get("id").Text()] {
				rt.Fatalf("no provenance: %s", n.Bytes())
			}
		}
	})
}

// TestF7OnlyNumbersAreNumbers: through the whole path, a number of the plan was a number of the message, or a concept of the scale.
func TestF7OnlyNumbersAreNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		v := drawNative(rt, "v")
		p := Fold([]Record{assessed(1, town, v.node()).record(t)})
		s := p.Function[0].Scores[0]
		if s.Number == nil {
			return
		}
		switch v.key {
		case "valueString":
			rt.Fatalf("%+v became %v", v, *s.Number)
		case "valueCodeableConcept":
			want, ok := function.Severity(v.value)
			if !ok {
				want, _ = strconv.Atoi(v.value)
			}
			if *s.Number != float64(want) {
				rt.Fatalf("%+v became %v", v, *s.Number)
			}
		default:
			if want, err := strconv.ParseFloat(v.value, 64); err != nil || *s.Number != want {
				rt.Fatalf("%+v became %v", v, *s.Number)
			}
		}
	})
}

// TestF11TimelineOfAnyOrder: records in any order, and again, give the same picture.
func TestF11TimelineOfAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		list := drawAssessments(rt, t)
		want := picture(rt, Fold(list))
		mixed := rapid.Permutation(list).Draw(rt, "order")
		mixed = append(mixed, list[rapid.IntRange(0, len(list)-1).Draw(rt, "again")])
		if err := differ("the picture", picture(rt, Fold(mixed)), want); err != nil {
			rt.Fatal(err)
		}
	})
}

// quarrel is two assessments on the last day that is drawn, so that no later one takes their question away: one says that all is
// well, one that nothing is.
func quarrel(tb testing.TB) []Record {
	tb.Helper()
	var out []Record
	for i, from := range []string{hospital, town} {
		v := native{code: function.Code{System: fhir.SystemFunction, Code: "5"}, key: "valueInteger", value: strconv.Itoa(1 + 4*i)}
		n := v.node()
		n.SetText("effectiveDateTime", "2026-02-28")
		out = append(out, assessed(100+i, from, n).record(tb))
	}
	return out
}

// TestR12IsThePicture: the open questions of the plan are those of its picture, no more and no less. There is one in each case.
func TestR12IsThePicture(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := Fold(append(drawAssessments(rt, t), quarrel(t)...))
		var rule, drawn []string
		for _, g := range p.Gaps {
			if g.Rule == "R12" {
				rule = append(rule, g.Subject)
			}
		}
		for _, d := range p.Picture(at("03-01 10:00")).Disagreements {
			if !d.Past {
				drawn = append(drawn, d.ID)
			}
		}
		slices.Sort(rule)
		slices.Sort(drawn)
		if len(drawn) == 0 || !slices.Equal(rule, drawn) {
			rt.Fatalf("rule R12 asks %v, the picture %v", rule, drawn)
		}
	})
}

// TestF12BlockedLeavesNoTrace: a viewer's picture is that of a world without what the viewer may not see. One side of a
// quarrel, at least, is not seen in each case.
func TestF12BlockedLeavesNoTrace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		list := append(drawAssessments(rt, t), quarrel(t)...)
		list[len(list)-1].NoForwarding = true
		viewer := Viewer{HER: []string{gp}}
		var seen []Record
		for _, r := range list {
			if !r.NoForwarding {
				seen = append(seen, r)
			}
		}
		if err := differ("the view", picture(rt, FoldFor(list, viewer)), picture(rt, FoldFor(seen, viewer))); err != nil {
			rt.Fatal(err)
		}
		if picture(rt, Fold(list)) == picture(rt, Fold(seen)) {
			rt.Fatal("what is blocked stands nowhere in the picture of who sees all")
		}
	})
}

// TestF10ExportHasNoBands: what goes out to others holds nothing that is for the eye only.
func TestF10ExportHasNoBands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := Fold(drawAssessments(rt, t))
		before := string(p.FHIR().Bytes()) + string(p.JSON())
		pic := p.Picture(at("03-01 10:00"))
		for _, r := range slices.Concat(pic.Rows, pic.Scales) {
			for i := range r.Cells {
				r.Cells[i].Band = &function.Band{Low: 4, High: 4}
			}
		}
		if after := string(p.FHIR().Bytes()) + string(p.JSON()); after != before {
			rt.Fatal("drawing the picture changed the plan")
		}
		if strings.Contains(before, `"band"`) || strings.Contains(before, "qualifier") {
			rt.Fatalf("a band goes out: %s", before)
		}
	})
}

// FuzzPanel: a panel with any value in any place gives a plan without a panic, and no number that the message does not state as one.
func FuzzPanel(f *testing.F) {
	f.Add("http://loinc.org", "96761-2", "Barthel 20", `{"valueInteger":6}`, `{"valueString":"3"}`)
	f.Add(systemFunction, "copm", "", `{"component":[{"code":{"coding":[{"system":"`+systemFunction+`","code":"copm-performance"}]},"valueInteger":4}],"valueString":"gå på tur"}`, `{"dataAbsentReason":{"text":"syk"}}`)
	f.Add(function.SystemICF, "d450.31", "", `{}`, `{"valueCodeableConcept":{"coding":[{"system":"`+function.SystemFSIII+`","code":"B3","display":"3"}]}}`)
	f.Add(systemSNOMED, "73041000052103", "dk", `{"valueString":"11123"}`, `{"valueQuantity":{"value":1e400,"comparator":"<"}}`)
	f.Fuzz(func(t *testing.T, system, code, method, total, value string) {
		raw := fmt.Sprintf(`{"resourceType":"Bundle","type":"message","entry":[{"fullUrl":"urn:uuid:a","resource":%s},{"fullUrl":"urn:uuid:b","resource":%s}]}`,
			observationText(system, code, method, total, `"hasMember":[{"reference":"urn:uuid:b"}]`), observationText(system, code, "", value, ""))
		b, err := fhir.ParseBundle([]byte(raw))
		if err != nil {
			return
		}
		_, env := assessed(1, town).build()
		r, err := FromMessage(b, env, Meta{Received: at("02-10 12:01"), Mapping: "fuzz"})
		if err != nil {
			return // refused as a whole
		}
		p := Fold([]Record{r})
		stated := map[float64]bool{}
		numbersOf(b.Root, stated)
		for i := range 10 {
			stated[float64(i)] = stated[float64(i)] || strings.Contains(raw, "valueCodeableConcept") || strings.Contains(code, ".")
		}
		for _, a := range p.Function {
			for _, s := range a.Scores {
				if s.Number != nil && !stated[*s.Number] || s.Number != nil && math.IsNaN(*s.Number) {
					t.Fatalf("%v of %q is no number of %s", *s.Number, s.Shown, raw)
				}
			}
		}
		if !json.Valid([]byte(picture(t, p))) || !json.Valid(p.FHIR().Bytes()) {
			t.Fatal("no JSON")
		}
	})
}

// observationText writes an Observation; more and value are members of its own or, for value, an object with them.
func observationText(system, code, method, value, more string) string {
	quoted := func(s string) string { raw, _ := json.Marshal(s); return string(raw) }
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(value), &members) != nil {
		members = map[string]json.RawMessage{"valueString": json.RawMessage(quoted(value))}
	}
	out := `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":` + quoted(system) + `,"code":` + quoted(code) + `}]},"method":{"text":` + quoted(method) + `}`
	for _, k := range sortedKeys(members) {
		if !strings.Contains(" resourceType status code method hasMember ", " "+k+" ") {
			out += "," + quoted(k) + ":" + string(members[k])
		}
	}
	if more != "" {
		out += "," + more
	}
	return out + "}"
}

// numbersOf gathers the numbers that a tree states as numbers.
func numbersOf(n *fhir.Node, into map[float64]bool) {
	for _, k := range n.Keys() {
		v := n.Get(k)
		if strings.HasPrefix(k, "value") && v.Text() != "" && k != "valueString" {
			if x, err := strconv.ParseFloat(v.Text(), 64); err == nil {
				into[x] = true
			}
		}
		numbersOf(v, into)
	}
	for _, i := range n.Items() {
		numbersOf(i, into)
	}
}
