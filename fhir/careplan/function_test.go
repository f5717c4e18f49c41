package careplan

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan/function"
)

// TestScores: what a scale has is a number; everything else stays what the source wrote.
func TestScores(t *testing.T) {
	iplos := coded{Code: "7", System: fhir.SystemFunction, Text: "Vaske seg"}
	cases := []struct {
		name    string
		scale   string
		score   score
		number  float64 // NaN = none
		shown   string
		invalid bool
		none    bool
	}{
		{"iplos 1", "iplos", score{coded: iplos, Value: "1"}, 1, "1", false, false},
		{"iplos 5", "iplos", score{coded: iplos, Value: "5"}, 5, "5", false, false},
		{"iplos 9", "iplos", score{coded: iplos, Value: "9"}, math.NaN(), "9", false, true},
		{"iplos 9 coded", "iplos", score{coded: iplos, Value: "9", NotRelevant: true}, math.NaN(), "9", false, true},
		{"iplos 0", "iplos", score{coded: iplos, Value: "0"}, math.NaN(), "0", true, false},
		{"iplos 6", "iplos", score{coded: iplos, Value: "6"}, math.NaN(), "6", true, false},
		{"iplos -1", "iplos", score{coded: iplos, Value: "-1"}, math.NaN(), "-1", true, false},
		{"iplos words", "iplos", score{coded: iplos, Value: "betydelig bedring"}, math.NaN(), "betydelig bedring", false, false},
		{"gaf 100", "gaf", score{coded: coded{Code: "1", System: fhir.SystemGAF}, Value: "100"}, 100, "100", false, false},
		{"gaf 9 is a value", "gaf", score{coded: coded{Code: "1", System: fhir.SystemGAF}, Value: "9"}, 9, "9", false, false},
		{"gaf 101", "gaf", score{coded: coded{Code: "1", System: fhir.SystemGAF}, Value: "101"}, math.NaN(), "101", true, false},
		{"barthel 21 of 20", "barthel-20", score{Value: "21", Total: true}, math.NaN(), "21", true, false},
		{"barthel item over its top", "barthel-20", score{coded: coded{Code: "83184-2", System: systemLOINC}, Value: "3"}, math.NaN(), "3", true, false},
		{"tug", "tug", score{Value: "13.50", Unit: "s"}, 13.5, "13.50", false, false},
		{"tug in metres", "tug", score{Value: "13.5", Unit: "m"}, math.NaN(), "13.5", true, false},
		{"comparator", "tug", score{Value: ">60", Unit: "s"}, math.NaN(), ">60", false, false},
		{"half a chair stand", "chair-stand-30s", score{Value: "8.5"}, math.NaN(), "8.5", true, false},
		{"vas", "eq-5d-5l-vas", score{Value: "100"}, 100, "100", false, false},
		{"not a number", "tug", score{Value: "NaN"}, math.NaN(), "NaN", false, false},
		{"infinite", "tug", score{Value: "Inf"}, math.NaN(), "Inf", false, false},
		{"unknown scale", "something", score{Value: "3"}, math.NaN(), "3", false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got Score
			scoreFor(&got, function.Lookup(c.scale), "", &c.score, new(float64))
			n := math.NaN()
			if got.Number != nil {
				n = *got.Number
			}
			if n != c.number && !(math.IsNaN(n) && math.IsNaN(c.number)) {
				t.Errorf("number %v, want %v", n, c.number)
			}
			equal(t, "shown, invalid, not relevant", fmt.Sprint(got.Shown, got.Invalid, got.NotRelevant), fmt.Sprint(c.shown, c.invalid, c.none))
		})
	}
}

// TestGAFApart: one panel of the source with both lists gives two assessments.
func TestGAFApart(t *testing.T) {
	m := msg{kind: kindAdmissionReport, id: uuid(1), from: town, to: []string{hospital}, sent: at("01-11 10:00")}
	nodes := functionNodes(&m, "2026-01-05T09:00:00+01:00", "responsible", map[int]int{1: 2, 5: 3})
	nodes[2].Set("code", codeNode(fhir.SystemGAF, "1"))
	nodes[2].Set("valueInteger", fhir.Number("45"))
	p := Fold(records(t, m.with(nodes...)))
	equal(t, "assessments", len(p.Function), 2)
	equal(t, "first", fmt.Sprint(p.Function[0].Instrument, " ", *p.Function[0].Scores[0].Number, " ", p.Function[0].Scores[0].Text), "gaf 45 GAF function")
	equal(t, "second", fmt.Sprint(p.Function[1].Instrument, " ", len(p.Function[1].Scores), " ", p.Function[1].DateSource), "iplos 1 responsible")
	if p.Function[0].Line == p.Function[1].Line {
		t.Error("GAF on an IPLOS line")
	}
}

// TestVariants: scales that may be drawn on one line.
func TestVariants(t *testing.T) {
	for _, c := range []struct{ method, scale, line string }{
		{"Barthel 20", "barthel-20", "barthel-20"}, {"barthel-100-mahoney", "barthel-100", "barthel-100/mahoney"},
		{"barthel-100-20x5", "barthel-100", "barthel-100/20x5"}, {"", "barthel-unknown", ""}, {"something", "barthel-unknown", ""}, {"barthel-100", "barthel-100", ""},
	} {
		o := barthel(15, "2026-01-15")
		o.Set("method", nil)
		if c.method != "" {
			o.Set("method", text(c.method))
		}
		p := Fold(records(t, msg{kind: "assessment", id: uuid(1), from: hospital, to: []string{town}, sent: at("01-15 10:00")}.with(o)))
		equal(t, c.method, p.Function[0].Instrument+" "+p.Function[0].Line, c.scale+" "+c.line)
	}
}

// TestDates: where the date of an assessment comes from, and what is before the stay.
func TestDates(t *testing.T) {
	adm := admission(1, "01-10 22:40", "01-10 22:15")
	for _, c := range []struct {
		date, source, kind string
		want               string
	}{
		{"2026-01-05", "remark", kindDischargeReport, "2026-01-05 remark true"},
		{"2026-01-10", "responsible", kindDischargeReport, "2026-01-10 responsible true"},
		{"2026-01-10T23:00:00+01:00", "responsible", kindDischargeReport, "2026-01-10T23:00:00+01:00 responsible false"},
		{"2026-01-11", "responsible", kindDischargeReport, "2026-01-11 responsible false"},
		{"2026-01-11", "responsible", kindAdmissionReport, "2026-01-11 responsible true"},
		{"", "", kindDischargeReport, "2026-01-12T09:00:00Z message false"},
	} {
		m := msg{kind: c.kind, id: uuid(2), from: town, to: []string{hospital}, sent: at("01-12 10:00")}.withFunction(c.date, c.source, map[int]int{5: 2})
		a := Fold(records(t, adm, m)).Function[0]
		equal(t, c.date+" "+c.kind, fmt.Sprint(a.Date, " ", a.DateSource, " ", a.Baseline), c.want)
	}
}

// TestSumMismatch: complete items whose sum is not the total.
func TestSumMismatch(t *testing.T) {
	loinc := []string{"83184-2", "83185-9", "96767-9", "83183-4", "83181-8", "83186-7", "96758-8", "83182-6", "96759-6", "96760-4"}
	values := []int{1, 1, 0, 0, 0, 0, 0, 1, 2, 1} // function.md section 11
	for total, want := range map[int]string{6: "[]", 7: "[sum-mismatch]"} {
		m := msg{kind: "assessment", id: uuid(1), from: hospital, to: []string{town}, sent: at("01-15 10:00")}
		panel := barthel(total, "2026-01-15")
		nodes := []*fhir.Node{panel}
		for i, code := range loinc {
			panel.Append("hasMember", fhir.NewObject("reference", fhir.EntryURL(m.id, 6+1+i)))
			nodes = append(nodes, fhir.NewObject("resourceType", "Observation", "status", "final", "code", codeNode(systemLOINC, code), "valueInteger", values[i]))
		}
		p := Fold(records(t, m.with(nodes...)))
		equal(t, fmt.Sprint("total ", total), fmt.Sprint(flagCodes(p)), want)
		equal(t, "one assessment", fmt.Sprint(len(p.Function), " ", len(p.Function[0].Scores)), "1 11")
	}
}

// TestNothingIsSummed: no value of the plan is a sum or a mean of IPLOS scores.
func TestNothingIsSummed(t *testing.T) {
	p := Fold(records(t, strokeCourse()[2]))
	for _, s := range p.Function[0].Scores {
		if !strings.HasPrefix(s.System, fhir.OIDVolven) || s.Code == "" {
			t.Errorf("a score of no variable: %+v", s)
		}
	}
	equal(t, "scores", len(p.Function[0].Scores), 17)
}
