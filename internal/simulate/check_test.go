package simulate_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/testdata"
)

func formats(t testing.TB) []mapping.Format {
	t.Helper()
	k, err := kith.New(kith.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return []mapping.Format{k, nativeFormat(t)}
}

func s1(t testing.TB) *simulate.Course {
	t.Helper()
	c, err := testdata.S1()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// foldSteps gives the plan that some steps of the course make, without a gateway.
func foldSteps(t *testing.T, c *simulate.Course, use func(n int) bool) []byte {
	t.Helper()
	fs := formats(t)
	var records []careplan.Record
	for _, s := range c.Steps {
		if !use(s.N) || s.Body == nil {
			continue
		}
		p := parse(t, fs, s.Body)
		r, err := careplan.FromMessage(p.Bundle, &p.Envelope, careplan.Meta{Received: s.At, Mapping: "test/1"})
		if err != nil {
			t.Fatalf("step %d: %v", s.N, err)
		}
		records = append(records, r)
	}
	return careplan.Fold(records).JSON()
}

func parse(t *testing.T, fs []mapping.Format, body []byte) *mapping.Parsed {
	t.Helper()
	for _, f := range fs {
		if _, ok := f.Sniff(body); ok {
			p, err := f.Parse(body)
			if err != nil {
				t.Fatalf("parse: %v", err)
			}
			return p
		}
	}
	t.Fatal("no format takes the message")
	return nil
}

func TestCheckPlanHolds(t *testing.T) {
	t.Parallel()
	c := s1(t)
	checks, err := simulate.CheckPlan(c, foldSteps(t, c, func(int) bool { return true }))
	if err != nil {
		t.Fatal(err)
	}
	if len(checks) < 35 {
		t.Errorf("only %d checks", len(checks))
	}
	for _, f := range simulate.Failed(checks) {
		t.Errorf("%s: got %q, want %q", f.Line, f.Got, f.Want)
	}
}

// TestCheckPlanNotices: without any one step (but the repeated one) a line of that step fails.
func TestCheckPlanNotices(t *testing.T) {
	t.Parallel()
	c := s1(t)
	for _, s := range c.Steps {
		if s.RepeatOf > 0 {
			continue
		}
		without := s.N
		checks, err := simulate.CheckPlan(c, foldSteps(t, c, func(n int) bool { return n != without && (without != 1 || n != 2) }))
		if err != nil {
			t.Fatal(err)
		}
		failed := simulate.Failed(checks)
		found := false
		for _, f := range failed {
			n, _, _ := strings.Cut(f.Line, " ")
			found = found || n == "2" || n == json.Number(itoa(without)).String()
		}
		if !found {
			t.Errorf("without step %d (%s) only these fail: %v", without, s.Kind, failed)
		}
	}
}

// TestCheckPlanNoticesAtHome: each message after the discharge shows in a check of its own, beside the count of messages.
func TestCheckPlanNoticesAtHome(t *testing.T) {
	t.Parallel()
	c, err := testdata.S1Whole()
	if err != nil {
		t.Fatal(err)
	}
	got := func(without int) map[string]string {
		checks, err := simulate.CheckPlan(c, foldSteps(t, c, func(n int) bool { return n != without }))
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, k := range checks {
			if !strings.HasPrefix(k.Line, "2 ") {
				out[k.Line] = k.Got
			}
		}
		return out
	}
	whole, tried := got(0), 0
	for _, s := range c.Steps[len(s1(t).Steps):] {
		if s.Body == nil {
			continue
		}
		tried++
		if less := got(s.N); maps.Equal(less, whole) && s.N != 14 { // what 14 says of the start of the stay, 18 says again
			t.Errorf("without step %d (%s) every check reads the same", s.N, s.Title)
		}
	}
	if tried != 20 {
		t.Errorf("%d messages were left out in turn, want 20", tried)
	}
	// What is no message: without the decision and the therapist's change, the checks about them fail.
	checks, err := simulate.CheckPlan(c, foldSteps(t, c, func(int) bool { return true }))
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, k := range simulate.Failed(checks) {
		n, _, _ := strings.Cut(k.Line, " ")
		failed = append(failed, n)
	}
	for _, n := range []string{"26", "27"} {
		if !slices.Contains(failed, n) {
			t.Errorf("step %s was not taken and nothing fails: %v", n, failed)
		}
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestCheckPlanErrors(t *testing.T) {
	t.Parallel()
	if _, err := simulate.CheckPlan(s1(t), []byte("{")); err == nil {
		t.Error("a broken plan is checked")
	}
	if _, err := simulate.CheckPlan(&simulate.Course{Name: "S2"}, []byte("{}")); err == nil {
		t.Error("an unknown course is checked")
	}
	checks, err := simulate.CheckPlan(s1(t), []byte("{}"))
	if err != nil || len(simulate.Failed(checks)) < 10 {
		t.Errorf("an empty plan fails %d checks, %v", len(simulate.Failed(checks)), err)
	}
}
