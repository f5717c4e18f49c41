package careplan_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/mappingtest"
	"github.com/samvirke/samvirke/mapping/native"
	"github.com/samvirke/samvirke/testdata"
)

func formats(t testing.TB) []mapping.Format {
	t.Helper()
	k, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	n, err := native.New(native.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	return []mapping.Format{k, n}
}

// record reads a real message; ok is false for one that the mapping refuses or that is a receipt.
func record(t testing.TB, list []mapping.Format, raw []byte, received time.Time) (r careplan.Record, ok bool) {
	t.Helper()
	for _, f := range list {
		if _, is := f.Sniff(raw); !is {
			continue
		}
		p, err := f.Parse(raw)
		if err != nil || p.Bundle == nil {
			return r, false
		}
		r, err := careplan.FromMessage(p.Bundle, &p.Envelope, careplan.Meta{Received: received, MessageID: "gw", Mapping: f.Name() + "/1"})
		if err != nil {
			return r, false
		}
		return r, true
	}
	return r, false
}

// TestRealCourse plays the messages of S1 as they are sent, in order and in reverse, and holds the
// plan against the scenario.
func TestRealCourse(t *testing.T) {
	course, err := testdata.S1()
	if err != nil {
		t.Fatal(err)
	}
	list := formats(t)
	var records []careplan.Record
	for _, s := range course.Steps {
		r, ok := record(t, list, s.Body, s.At.Add(time.Second))
		if !ok {
			t.Fatalf("step %d %s makes no record", s.N, s.File)
		}
		records = append(records, r)
	}
	plan := careplan.Fold(records)
	checks, err := simulate.CheckPlan(course, plan.JSON())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range simulate.Failed(checks) {
		t.Errorf("%s: got %s, want %s", c.Line, c.Got, c.Want)
	}
	if len(plan.Flags) > 0 {
		t.Errorf("flags: %+v", plan.Flags)
	}
	slices.Reverse(records)
	if !bytes.Equal(careplan.Fold(records).JSON(), plan.JSON()) {
		t.Error("in reverse order the plan differs")
	}
	mappingtest.R4Schema(t).Check(t, plan.FHIR().Bytes())
	checkReferences(t, plan.FHIR())
	if testing.Verbose() {
		var out bytes.Buffer
		if err := json.Indent(&out, plan.JSON(), "", " "); err != nil {
			t.Fatal(err)
		}
		t.Log(out.String())
	}
}

// TestPublishedExamples folds the published example messages person by person: no message that the
// mapping reads is refused, none breaks the plan, and order does not matter.
func TestPublishedExamples(t *testing.T) {
	list := formats(t)
	people := map[string][]careplan.Record{}
	examples := mappingtest.Examples(t, func(e mappingtest.Example) bool {
		return e.SchemaValid && (strings.HasPrefix(e.MessageType, "LOG_") || slices.Contains([]string{"INNLEGGELSESRAPPORT", "UTSKRIVNINGSRAPPORT", "EPIKRISE"}, e.MessageType))
	})
	read := 0
	for _, e := range examples {
		r, ok := record(t, list, e.Raw(t), time.Date(2026, 1, 1, 0, 0, read, 0, time.UTC))
		if !ok {
			continue // refused by the standard's own rules (patient not sufficiently identified, ...)
		}
		read++
		people[r.Subject] = append(people[r.Subject], r)
	}
	if read < len(examples)/2 {
		t.Errorf("only %d of %d examples make a record", read, len(examples))
	}
	schema := mappingtest.R4Schema(t)
	for subject, records := range people {
		plan := careplan.Fold(records)
		slices.Reverse(records)
		if !bytes.Equal(plan.JSON(), careplan.Fold(records).JSON()) {
			t.Errorf("order matters for %d records", len(records))
		}
		if subject != plan.Patient {
			t.Error("the plan is about somebody else")
		}
		schema.Check(t, plan.FHIR().Bytes())
	}
	t.Logf("%d of %d examples, %d people", read, len(examples), len(people))
}

// TestArrivalLeavesNoTrace: the published scenario and S1, received in order and in reverse order long
// after they were sent, give the same bytes: what one gateway's clock says is no part of a plan.
func TestArrivalLeavesNoTrace(t *testing.T) {
	list := formats(t)
	course, err := testdata.S1()
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string][][]byte{}
	for _, s := range course.Steps {
		sets["S1"] = append(sets["S1"], s.Body)
	}
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool {
		return e.SchemaValid && strings.HasPrefix(e.File, "plo/v1.6/scenario/")
	}) {
		sets["scenario 1.6"] = append(sets["scenario 1.6"], e.Raw(t))
	}
	for name, raws := range sets {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
			plan := func() []byte {
				var records []careplan.Record
				for i, raw := range raws {
					if r, ok := record(t, list, raw, now.Add(time.Duration(i)*time.Second)); ok {
						records = append(records, r)
					}
				}
				if len(records) < 6 {
					t.Fatalf("only %d records", len(records))
				}
				return careplan.Fold(records).JSON()
			}
			want := plan()
			slices.Reverse(raws)
			if got := plan(); !bytes.Equal(got, want) {
				t.Errorf("arrival leaves a trace:\n%s\n%s", got, want)
			}
		})
	}
}
