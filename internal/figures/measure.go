package figures

import (
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// systemClass are the classes of the figures.
const systemClass = fhir.ExtBase + "CodeSystem/figure-class"

// MeasureURL is the canonical address of a figure's Measure.
func MeasureURL(f Figure) string { return fhir.ExtBase + "Measure/" + string(f) }

// Measures gives the definitions as FHIR Measure resources.
//
// Source: FHIR R4, Measure.
func Measures() []*fhir.Node {
	var out []*fhir.Node
	for _, d := range Definitions() {
		m := fhir.NewObject("resourceType", "Measure", "id", string(d.Figure), "url", MeasureURL(d.Figure),
			"name", name(d.Figure), "title", d.Title, "status", "active", "experimental", false, "description", d.Text)
		m.Set("scoring", concept("http://terminology.hl7.org/CodeSystem/measure-scoring", scoring(d.Kind)))
		group := fhir.NewObject()
		group.Append("population", population(nil))
		group.Append("stratifier", fhir.NewObject("code", concept(systemClass, "class"),
			"criteria", fhir.NewObject("language", "text/plain", "expression", "class of "+string(d.Figure))))
		m.Append("group", group)
		out = append(out, m)
	}
	return out
}

func scoring(k Kind) string {
	if k == Wait {
		return "continuous-variable"
	}
	return "cohort"
}

// name is the computer's name of a figure: letters only.
func name(f Figure) string {
	var b strings.Builder
	for _, w := range strings.Split(string(f), "-") {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

func concept(system, code string) *fhir.Node {
	return fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", system, "code", code)))
}

// population is one population; without a count it is the definition's.
func population(count *int64) *fhir.Node {
	n := fhir.NewObject("code", concept("http://terminology.hl7.org/CodeSystem/measure-population", "initial-population"))
	if count == nil {
		n.Set("criteria", fhir.NewObject("language", "text/plain", "expression", "see the description"))
		return n
	}
	n.Set("count", fhir.Number(strconv.FormatInt(*count, 10)))
	return n
}

// MeasureReport gives one figure as a FHIR MeasureReport (type summary) for a month and a municipality; All for all.
// A stratum whose count is not told has no population but a data-absent-reason masked. nil: nothing is counted.
//
// Source: FHIR R4, MeasureReport; extension data-absent-reason.
func (r *Report) MeasureReport(f Figure, month, municipality string) *fhir.Node {
	rows := r.Of(f, month, municipality)
	if len(rows) == 0 {
		return nil
	}
	out := fhir.NewObject("resourceType", "MeasureReport", "status", "complete", "type", "summary", "measure", MeasureURL(f),
		"date", r.At.UTC().Format(time.RFC3339))
	if municipality != All && municipality != "" {
		out.Set("reporter", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemMunicipality, "value", municipality)))
	}
	out.Set("period", r.period(month))
	group := fhir.NewObject()
	strat := fhir.NewObject()
	strat.Append("code", concept(systemClass, "class"))
	for i := range rows {
		strat.Append("stratum", stratum(&rows[i]))
	}
	group.Append("stratifier", strat)
	out.Append("group", group)
	return out
}

func stratum(x *Row) *fhir.Node {
	s := fhir.NewObject("value", concept(systemClass, x.Class))
	if x.Few {
		s.Append("extension", fhir.NewObject("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode", "masked"))
		return s
	}
	s.Append("population", population(&x.N))
	if x.Mean > 0 {
		s.Set("measureScore", fhir.NewObject("value", fhir.Number(decimal(x.Mean.Minutes())), "unit", "min",
			"system", "http://unitsofmeasure.org", "code", "min"))
	}
	return s
}

// period is the month, or from the first month counted until now.
func (r *Report) period(month string) *fhir.Node {
	first, last := month, month
	if month == All || month == "" {
		last = r.At.UTC().Format("2006-01")
		first = last
		if all := r.Months(); len(all) > 0 {
			first = all[len(all)-1]
		}
	}
	end, err := time.Parse("2006-01", last)
	if err != nil {
		end = r.At
	}
	return fhir.NewObject("start", first+"-01", "end", end.AddDate(0, 1, -1).Format("2006-01-02"))
}
