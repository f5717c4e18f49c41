package gateway

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/samvirke/samvirke/queue"
)

// shared is a store that others write to as well: it gives plans in one go, counts that, and knows rumours.
type shared struct {
	queue.Store
	sheets   int
	outdated map[string]int64
}

func (s *shared) PlanSheet(ctx context.Context, patient, setting, counter string) (p queue.PlanSheet, err error) {
	s.sheets++
	if p.Plan, err = s.Plan(ctx, patient, 0); err != nil && !errors.Is(err, queue.ErrNotFound) {
		return p, err
	}
	if p.Plan.Version > 0 {
		if p.Setting, err = s.Setting(ctx, setting); err != nil {
			return p, err
		}
		if p.Counter, err = s.Counter(ctx, counter); err != nil {
			return p, err
		}
		if p.Dues, err = s.Dues(ctx, queue.DueFilter{Patient: patient, Limit: queue.MaxPage}); err != nil {
			return p, err
		}
	}
	p.Records, err = s.Store.Records(ctx, patient)
	return p, err
}

func (s *shared) PlanOutdated(patient string, version int64) bool {
	newer := s.outdated[patient] > version
	delete(s.outdated, patient)
	return newer
}

// Records is asked by nobody who has the sheet.
func (s *shared) Records(context.Context, string) ([]queue.Record, error) {
	return nil, errors.New("the sheet has the records")
}

// TestPlanFromASheet: a plan that is read in one go is the one that is read in pieces, also of a patient without any.
func TestPlanFromASheet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	parent := ""
	for n := range 3 {
		body, id := d.report(n, parent)
		parent = id
		d.run(body)
	}
	store := &shared{Store: d.store}
	whole := planLoader{store: upright{store}, id: d.g.PlanID}
	for _, patient := range []string{deskPatient, "nobody"} {
		want, err := d.g.loader.load(t.Context(), &workspace{}, patient)
		if err != nil {
			t.Fatal(err)
		}
		got, err := whole.load(t.Context(), &workspace{}, patient)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: from the sheet %+v, %v\nfrom pieces %+v", patient, got, err, want)
		}
	}
	if store.sheets != 2 {
		t.Errorf("%d sheets were read, want 2", store.sheets)
	}
}

// TestOutdatedPlanIsReadAgain: a remembered plan of which the store has heard that it changed is read again, once.
func TestOutdatedPlanIsReadAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	body, _ := d.report(0, "")
	d.run(body)
	store := &shared{Store: d.store, outdated: map[string]int64{}}
	loader := planLoader{store: upright{store}, id: d.g.PlanID}
	c := &planCache{}
	get := func(want int) *planState {
		t.Helper()
		st, err := c.get(t.Context(), &loader, deskPatient, &workspace{})
		if err != nil || store.sheets != want {
			t.Fatalf("%d sheets were read, want %d; %v", store.sheets, want, err)
		}
		return st
	}
	first := get(1)
	if get(1) != first {
		t.Fatal("a remembered plan was not used")
	}
	store.outdated[deskPatient] = first.version // its own change
	if get(1) != first {
		t.Fatal("a plan that is up to date was forgotten")
	}
	store.outdated[deskPatient] = first.version + 1
	if st := get(2); st == first || c.byKey[deskPatient].Value.(cached).state != st {
		t.Fatal("what was read again is not remembered")
	}
	get(2)
}
