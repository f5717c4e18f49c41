package gateway_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// stay writes a stay into the plan of a person.
func stay(r *rig, n int, status string, more ...any) {
	r.t.Helper()
	e := fhir.NewObject("resourceType", "Encounter", "status", status,
		"class", fhir.NewObject("system", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code", "IMP"),
		"period", fhir.NewObject(append([]any{"start", "2026-01-05T10:00:00+01:00"}, more...)...))
	r.submit(gateway.Write{Party: "hospital", Patient: person(n), Resources: []*fhir.Node{e}})
}

// TestRetainPeople: those whose last stay is over go together when their time is over; those who are in hospital still, and those who
// were heard of since, stay. A run looks at what was changed since the one before.
func TestRetainPeople(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(r *rig) { r.now = thatNight() })
	const people = 70 // more than go in one erasure
	for n := range people {
		stay(r, n, "finished", "end", "2026-01-08T10:00:00+01:00")
	}
	stay(r, people, "in-progress")
	left := func(want ...int) {
		t.Helper()
		var got []int
		for n := range people + 2 {
			if _, err := r.store.Plan(t.Context(), key(n), 0); err == nil {
				got = append(got, n)
			} else if !errors.Is(err, queue.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("plans of %v are left, want %v", got, want)
		}
	}
	retain := func(keep time.Duration) {
		t.Helper()
		if err := r.g.Retain(t.Context(), gateway.Retention{Records: keep}); err != nil {
			t.Fatal(err)
		}
	}
	retain(time.Hour)
	if _, err := r.store.Plan(t.Context(), key(0), 0); err != nil {
		t.Fatalf("somebody went before the time: %v", err)
	}
	retain(time.Nanosecond)
	left(people)
	stay(r, people+1, "finished", "end", "2026-01-08T10:00:00+01:00")
	stay(r, people, "finished", "end", "2026-01-09T10:00:00+01:00")
	retain(time.Nanosecond)
	left()
	list, err := r.store.Audits(t.Context(), 0, queue.MaxPage)
	erased := 0
	for _, a := range list {
		if a.Action == "erase" {
			erased++
		}
	}
	if err != nil || erased != people+2 {
		t.Errorf("%d of %d have an entry in the audit, %v", erased, people+2, err)
	}
}
