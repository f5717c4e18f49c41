package figures

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// TestPause: after the first batch a run rests nine times as long as it worked, and its end ends the rest.
func TestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPause()
		for range batch {
			time.Sleep(time.Millisecond)
			if err := p.rest(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := time.Since(p.began); got != batch*time.Millisecond {
			t.Errorf("the first batch took %v", got)
		}
		before := time.Now()
		for range 40 {
			time.Sleep(time.Millisecond / 4)
			_ = p.rest(t.Context())
		}
		if got := time.Since(before); got != 10*time.Millisecond*(1+rests) {
			t.Errorf("10 ms of work took %v", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.Sleep(900 * time.Millisecond)
		if err := p.rest(ctx); err == nil {
			t.Error("a rest went on after the end")
		}
	})
}

// TestCounterUnderLoad: plans that change while they are counted are counted once in a run, and it ends.
func TestCounterUnderLoad(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	const people, changes = 3, 5
	version := map[string]int64{}
	change := func(i int) {
		key := fmt.Sprintf("x|%d", i)
		version[key]++
		r.put(key, version[key], admitted())
	}
	for range changes {
		for i := range people {
			change(i)
		}
	}
	load := r.c.o.Load
	r.c.o.Load = func(ctx context.Context, patient string) (*careplan.Plan, error) {
		change(int(patient[2] - '0'))
		return load(ctx, patient)
	}
	r.run()
	// Each once for its changes, and once more because it is open.
	if r.loaded != 2*people {
		t.Errorf("loaded %d times for %d people", r.loaded, people)
	}
	if got := r.n(AdmissionReached, "not-notified"); got != people {
		t.Errorf("counted %d of %d", got, people)
	}
	// What changed meanwhile is for the next run.
	r.loaded, r.c.o.Load = 0, load
	r.run()
	if r.loaded != 2*people {
		t.Errorf("loaded %d times for what changed meanwhile", r.loaded)
	}
}
