package queuetest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// dueIDs lists dues as "patient/id" with a mark on those that fired.
func (v *env) dueIDs(f queue.DueFilter) []string {
	v.t.Helper()
	var out []string
	for _, d := range get[[]queue.Due](v)(v.s.Dues(v.ctx(), f)) {
		s := d.Patient + "/" + d.ID
		if !d.FiredAt.IsZero() {
			s += "!"
		}
		out = append(out, s)
	}
	return out
}

func testDues(t *testing.T, v *env) {
	at := v.now.Add(time.Hour)
	set := func(patient, id string, at time.Time) queue.DueStep {
		return queue.DueStep{Op: queue.DueSet, Patient: patient, ID: id, At: at, Rule: "R1", Body: []byte(id)}
	}
	fire := func(patient, id string, at time.Time) queue.DueStep {
		return queue.DueStep{Op: queue.DueFire, Patient: patient, ID: id, At: at}
	}
	check := func(what string, f queue.DueFilter, want ...string) {
		t.Helper()
		if got := v.dueIDs(f); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	v.commit(queue.Unit{Dues: []queue.DueStep{set("p", "b", at.Add(time.Second)), set("p", "a", at), set("q", "a", at.Add(-time.Second)),
		{Op: queue.DueDrop, Patient: "p", ID: "never"}}})
	check("all", queue.DueFilter{}, "q/a", "p/a", "p/b")
	check("of one", queue.DueFilter{Patient: "p"}, "p/a", "p/b")
	check("until", queue.DueFilter{Open: true, Until: at}, "q/a", "p/a")
	check("page", queue.DueFilter{Open: true, Limit: 1}, "q/a")

	v.refuse(queue.ErrState, queue.Unit{Dues: []queue.DueStep{fire("p", "nothing", at)}})
	v.refuse(queue.ErrState, queue.Unit{Dues: []queue.DueStep{fire("p", "a", at.Add(time.Minute))}})
	// A unit that fails leaves its other parts undone.
	v.refuse(queue.ErrState, queue.Unit{Counters: []queue.CounterStep{{Name: "n"}}, Dues: []queue.DueStep{fire("q", "a", at.Add(-time.Second)), fire("p", "nothing", at)}})
	check("still open", queue.DueFilter{Open: true}, "q/a", "p/a", "p/b")

	v.commit(queue.Unit{Dues: []queue.DueStep{fire("p", "a", at)}})
	v.refuse(queue.ErrState, queue.Unit{Dues: []queue.DueStep{fire("p", "a", at)}})
	check("open after firing", queue.DueFilter{Open: true}, "q/a", "p/b")
	v.commit(queue.Unit{Dues: []queue.DueStep{set("p", "a", at), set("p", "b", at.Add(time.Second))}})
	check("written again for the same time", queue.DueFilter{Patient: "p"}, "p/a!", "p/b")
	v.restart()
	check("after a restart", queue.DueFilter{Patient: "p"}, "p/a!", "p/b")
	v.commit(queue.Unit{Dues: []queue.DueStep{set("p", "a", at.Add(time.Hour)), {Op: queue.DueDrop, Patient: "p", ID: "b"}}})
	check("written for another time", queue.DueFilter{Patient: "p"}, "p/a")
	d := get[[]queue.Due](v)(v.s.Dues(v.ctx(), queue.DueFilter{Patient: "p"}))
	if len(d) != 1 || d[0].Rule != "R1" || string(d[0].Body) != "a" || !d[0].At.Equal(at.Add(time.Hour)) {
		t.Errorf("due %+v", d)
	}
	v.commit(queue.Unit{Dues: []queue.DueStep{set("p", "c", at), fire("p", "c", at)}})
	check("set and fired at once", queue.DueFilter{Patient: "p"}, "p/c!", "p/a")
	// What has fired does not fire anew because it was written again, in the same unit either. For another time, or taken away, it does.
	drop := queue.DueStep{Op: queue.DueDrop, Patient: "p", ID: "c"}
	v.refuse(queue.ErrState, queue.Unit{Dues: []queue.DueStep{set("p", "c", at), fire("p", "c", at)}})
	v.refuse(queue.ErrState, queue.Unit{Dues: []queue.DueStep{set("p", "c", at), set("p", "c", at), fire("p", "c", at)}})
	v.refuse(queue.ErrState, queue.Unit{Dues: []queue.DueStep{drop, set("p", "c", at), fire("p", "c", at), set("p", "c", at), fire("p", "c", at)}})
	v.commit(queue.Unit{Dues: []queue.DueStep{set("p", "c", at.Add(time.Minute)), set("p", "c", at), fire("p", "c", at)}})
	v.commit(queue.Unit{Dues: []queue.DueStep{drop, set("p", "c", at), fire("p", "c", at)}})
	v.commit(queue.Unit{Dues: []queue.DueStep{set("p", "c", at.Add(-time.Minute)), fire("p", "c", at.Add(-time.Minute))}})
	check("and again", queue.DueFilter{Patient: "p"}, "p/c!", "p/a")
	for _, s := range []queue.DueStep{{Op: "other", Patient: "p", ID: "a"}, {Op: queue.DueSet, ID: "a", At: at}, {Op: queue.DueSet, Patient: "p", At: at}, {Op: queue.DueSet, Patient: "p", ID: "a"}} {
		if _, err := v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Dues: []queue.DueStep{s}}); err == nil {
			t.Errorf("accepted %+v", s)
		}
	}
}

// testDueRace: of many that see a due past, one acts.
func testDueRace(t *testing.T, v *env) {
	at := v.now
	v.commit(queue.Unit{Dues: []queue.DueStep{{Op: queue.DueSet, Patient: "p", ID: "d", At: at}}})
	var wg sync.WaitGroup
	won := make(chan int, 20)
	for i := range 20 {
		wg.Go(func() {
			_, err := v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Audit: []samvirke.Audit{{Who: "w", Action: "a", Object: "o"}},
				Dues: []queue.DueStep{{Op: queue.DueFire, Patient: "p", ID: "d", At: at}}})
			if err == nil {
				won <- i
			} else if !errors.Is(err, queue.ErrState) {
				t.Errorf("fire: %v", err)
			}
		})
	}
	wg.Wait()
	if n := len(get[[]samvirke.Audit](v)(v.s.Audits(v.ctx(), 0, 0))); len(won) != 1 || n != 1 {
		t.Errorf("%d fired it, %d wrote of it; want 1", len(won), n)
	}
}
