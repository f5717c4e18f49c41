package careplan_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/testdata"
)

// TestReportAfterTheMunicipalStayBegan: the hospital's report is written when the person already lies in the
// municipality's own house. It is still the report of the hospital stay (found by the demo of S1: R6 came back).
func TestReportAfterTheMunicipalStayBegan(t *testing.T) {
	course, err := testdata.S1Whole()
	if err != nil {
		t.Fatal(err)
	}
	list := formats(t)
	var records []careplan.Record
	for _, s := range course.Steps {
		if s.Body == nil {
			continue // a write over REST or a decision: they are made of what stands there
		}
		r, ok := record(t, list, s.Body, s.At.Add(time.Second))
		if !ok {
			t.Fatalf("step %d %s makes no record", s.N, s.File)
		}
		records = append(records, r)
	}
	plan := careplan.Fold(records)
	if len(plan.Stays) != 2 || plan.Stays[0].End == nil || plan.Stays[1].Start == nil || plan.Stays[1].Start.Text >= "2026-01-25T13:00:00+01:00" {
		t.Fatalf("the story has changed, and this test shows nothing: %+v", plan.Stays)
	}
	for _, g := range plan.Gaps {
		if g.Rule == "R6" {
			t.Errorf("a report is missing though it came: %+v", g)
		}
	}
	slices.Reverse(records)
	if !bytes.Equal(careplan.Fold(records).JSON(), plan.JSON()) {
		t.Error("in reverse order the plan differs")
	}
	without := slices.DeleteFunc(slices.Clone(records), func(r careplan.Record) bool { return r.Kind == "UTSKRIVNINGSRAPPORT" })
	if !slices.ContainsFunc(careplan.Fold(without).Gaps, func(g careplan.Gap) bool { return g.Rule == "R6" }) {
		t.Error("without the report nobody misses it")
	}
}
