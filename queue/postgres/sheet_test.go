package postgres

import (
	"errors"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// TestPlanSheet: what is read in one go is what is read one after the other.
func TestPlanSheet(t *testing.T) {
	s := open(t, Options{})
	now := time.Unix(1700000000, 0).UTC()
	commit(t, s, &queue.Unit{Now: now, Plan: &queue.PlanStep{Patient: "p", Body: []byte("one")}, Settings: map[string]string{"set/p": "it", "set/q": "other"},
		Counters: []queue.CounterStep{{Name: "count/p"}}, Dues: []queue.DueStep{
			{Op: queue.DueSet, Patient: "p", ID: "late", At: now.Add(time.Hour), Rule: "r", Body: []byte("b")},
			{Op: queue.DueSet, Patient: "p", ID: "soon", At: now.Add(time.Minute), Rule: "r", Body: []byte("b")},
			{Op: queue.DueSet, Patient: "q", ID: "no", At: now, Rule: "r", Body: []byte("b")}}})
	for i, key := range []string{"k1", "k2"} {
		commit(t, s, &queue.Unit{Now: now, Plan: &queue.PlanStep{Patient: "p", Expect: int64(i + 1), Body: []byte(key)},
			Records: []queue.Record{{Key: key, Hash: "h", Patient: "p", Body: []byte("{}")}, {Key: key, Hash: "h", Patient: "q", Body: []byte("{}")}}})
	}
	var want queue.PlanSheet
	for _, err := range []error{
		func() (err error) { want.Plan, err = s.Plan(soon(t), "p", 0); return err }(),
		func() (err error) { want.Setting, err = s.Setting(soon(t), "set/p"); return err }(),
		func() (err error) { want.Counter, err = s.Counter(soon(t), "count/p"); return err }(),
		func() (err error) { want.Dues, err = s.Dues(soon(t), queue.DueFilter{Patient: "p"}); return err }(),
		func() (err error) { want.Records, err = s.Records(soon(t), "p"); return err }(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.PlanSheet(soon(t), "p", "set/p", "count/p")
	if err != nil || !reflect.DeepEqual(got, want) || got.Plan.Version != 3 || got.Setting == "" || got.Counter != 1 || len(got.Dues) != 2 || len(got.Records) != 2 {
		t.Errorf("sheet %+v, %v\nwant %+v", got, err, want)
	}
	if got, err := s.PlanSheet(soon(t), "nobody", "set/p", "count/p"); err != nil || !reflect.DeepEqual(got, queue.PlanSheet{}) {
		t.Errorf("sheet of nobody %+v, %v", got, err)
	}
	if got, err := s.PlanSheet(soon(t), "no\x00body", "set/p", "count/p"); err != nil || !reflect.DeepEqual(got, queue.PlanSheet{}) {
		t.Errorf("sheet of a key that the database cannot hold %+v, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PlanSheet(soon(t), "p", "set/p", "count/p"); err == nil {
		t.Error("a closed store gave a sheet")
	}
}

func (r *rumours) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.heard)
}

// TestPlanRumours: a gateway hears that another one has changed a plan, once for each change, and never of its own.
func TestPlanRumours(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, Options{Schema: schema(t, dir)}), open(t, Options{Schema: schema(t, dir)})
	heard := false
	version := int64(0)
	for deadline := time.Now().Add(patience); !heard && time.Now().Before(deadline); version++ {
		// What was said before they knew of each other is lost.
		commit(t, a, &queue.Unit{Now: time.Now(), Plan: &queue.PlanStep{Patient: "p", Expect: version, Body: []byte("b")}})
		for range 20 {
			if heard = b.PlanOutdated("p", version); heard {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	if !heard {
		t.Fatal("the other gateway never heard of it")
	}
	if b.PlanOutdated("p", version-1) {
		t.Error("it was told twice")
	}
	if a.PlanOutdated("p", 0) {
		t.Error("a gateway heard of its own change")
	}
	b.rumours.hear([]string{"broken", ":", "?:y", "zz:"})
	if n := b.rumours.count(); n != 0 {
		t.Errorf("%d rumours were made of nothing", n)
	}
	for i := range maxRumours + 10 {
		b.rumours.hear([]string{strconv.Itoa(i) + ":1"})
	}
	if n := b.rumours.count(); n == 0 || n > maxRumours {
		t.Errorf("%d rumours are remembered, want at most %d", n, maxRumours)
	}
}

// TestSheetOfDamagedPlan: the body of a plan is damaged. All else is given, because the records give the plan again, and the check of
// bodies names it.
func TestSheetOfDamagedPlan(t *testing.T) {
	s := open(t, Options{})
	commit(t, s, queuetest.AgedUnit(0, time.Now(), queuetest.AgedBody("in", 8000), queuetest.AgedBody("out", 8000)))
	ageAll(t, s)
	if tag, err := s.slow.Exec(t.Context(), `UPDATE aged SET body = set_byte(body, 9, get_byte(body, 9) # 255) WHERE kind = 5`); err != nil || tag.RowsAffected() != 1 {
		t.Fatalf("%d rows, %v", tag.RowsAffected(), err)
	}
	const patient = "urn:test|p0"
	p, err := s.Plan(t.Context(), patient, 0)
	if !errors.Is(err, queue.ErrDamaged) || p.Version != 1 || p.Body != nil {
		t.Errorf("plan: version %d, %d bytes, %v", p.Version, len(p.Body), err)
	}
	got, err := s.PlanSheet(t.Context(), patient, "a", "b")
	if err != nil || got.Plan.Version != 1 || got.Plan.Body != nil || len(got.Records) == 0 {
		t.Errorf("sheet: version %d, %d bytes, %d records, %v", got.Plan.Version, len(got.Plan.Body), len(got.Records), err)
	}
	for n := int64(1); n > 0; {
		if n, err = s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if i, err := s.Integrity(t.Context()); err != nil || len(i.Damaged) != 1 || i.Damaged[0] != "plan m000000" {
		t.Errorf("damaged: %q, %v", i.Damaged, err)
	}
}
