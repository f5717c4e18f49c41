package gateway_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// movedClock is a clock that a test moves.
type movedClock struct {
	mu sync.Mutex
	at time.Time
}

func (h *movedClock) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(time.Microsecond) // it never stands still
	return h.at
}

func (h *movedClock) move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

// dueRig has a coordinating unit that reads notices and a municipality that does not.
func dueRig(t *testing.T) (*rig, *movedClock) {
	h := &movedClock{at: time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC)}
	r := newRig(t, func(r *rig) {
		r.now = h.now
		unit := noticed("unit", "other", herGP, &wire{}, samvirke.RoleCoordinator)
		unit.Municipality = "5001"
		r.more = []gateway.Party{unit}
		r.patient = func(string) (string, string) { return "5001", "" }
	})
	return r, h
}

func (r *rig) dues(patient string) []queue.Due {
	r.t.Helper()
	ds, err := r.store.Dues(r.t.Context(), queue.DueFilter{Patient: patient})
	if err != nil {
		r.t.Fatal(err)
	}
	return ds
}

// fired counts the clocks that ran out on a message.
func (r *rig) fired(id string) (n int) {
	r.t.Helper()
	for _, e := range r.events(id) {
		if e.Name == samvirke.EventDue {
			n++
		}
	}
	return n
}

// rounds waits until the clocks have been looked at twice more: what they had to do is done then.
func (r *rig) rounds() {
	r.t.Helper()
	a := r.looks.Load()
	r.until("the clocks", func() bool { return r.looks.Load() >= a+5 })
}

// TestMissingReportIsTold: an admission without a report from the municipality is told of once when its time is over,
// whatever restarts meanwhile.
func TestMissingReportIsTold(t *testing.T) {
	r, h := dueRig(t)
	id, _ := r.admitPerson(1)
	r.untilStatus(id, samvirke.MessageProcessed)
	ds := r.dues(key(1))
	if len(ds) != 1 || ds[0].Rule != "R15" || !ds[0].FiredAt.IsZero() {
		t.Fatalf("dues %+v", ds)
	}
	was := r.told("unit", key(1))
	r.rounds()
	if n := r.fired(id); n != 0 {
		t.Fatalf("a clock ran out before its time")
	}
	r.close() // down when the time comes
	h.move(25 * time.Hour)
	r.open()
	r.until("the clock ran out", func() bool { return r.fired(id) > 0 })
	r.restart()
	h.move(time.Hour)
	r.rounds()
	if n := r.fired(id); n != 1 {
		t.Errorf("told %d times", n)
	}
	if n := r.told("unit", key(1)); n != was+1 {
		t.Errorf("the coordinating unit was told %d times, want %d", n, was+1)
	}
	found := false
	for _, d := range r.deliveriesTo("unit") {
		if d.Rule == "clock R15" {
			full, err := r.store.Delivery(t.Context(), d.ID)
			if err != nil {
				t.Fatal(err)
			}
			found = d.MessageID == id && d.Kind == "gap-found" && strings.Contains(string(full.Body), "SubscriptionTopic/gap-found")
		}
	}
	if !found {
		t.Errorf("deliveries %+v", r.deliveriesTo("unit"))
	}
}

// TestAnsweredInTime: the clock goes with what it rests on. Source: careplan.md section 11, P21.
func TestClockGoesWithItsRecord(t *testing.T) {
	r, h := dueRig(t)
	a := simulate.Admission{Person: 1, ID: uuid.NewString()}
	id, msgID := r.admit(a)
	r.untilStatus(id, samvirke.MessageProcessed)
	if n := len(r.dues(key(1))); n != 1 {
		t.Fatalf("%d dues", n)
	}
	c := a
	c.ID, c.Op, c.Parent, c.Conversation = uuid.NewString(), "C", msgID, msgID
	cid, _ := r.admit(c)
	r.untilStatus(cid, samvirke.MessageProcessed)
	if ds := r.dues(key(1)); len(ds) != 0 {
		t.Fatalf("a withdrawn admission leaves %+v", ds)
	}
	h.move(48 * time.Hour)
	r.rounds()
	if r.fired(id)+r.fired(cid) != 0 {
		t.Error("the clock of a withdrawn admission ran out")
	}
}

// TestStaleDue: a due that is no clock of the plan any more goes without a word.
func TestStaleDue(t *testing.T) {
	r, h := dueRig(t)
	id, _ := r.admitPerson(1)
	r.untilStatus(id, samvirke.MessageProcessed)
	_, err := r.store.Commit(t.Context(), &queue.Unit{Now: h.now(), Dues: []queue.DueStep{
		{Op: queue.DueSet, Patient: key(1), ID: "clock-of-an-older-version", At: h.now(), Rule: "R99"},
		{Op: queue.DueSet, Patient: "nobody", ID: "x", At: h.now(), Rule: "R1"}}})
	if err != nil {
		t.Fatal(err)
	}
	r.until("stale dues gone", func() bool { return len(r.dues(key(1))) == 1 && len(r.dues("nobody")) == 0 })
	if r.fired(id) != 0 {
		t.Error("told of a clock that the plan does not have")
	}
}

func TestJobs(t *testing.T) {
	for _, spec := range []string{"TZ=UTC", "0 0 31 2 *", "every day", "* * * *", "61 * * * *"} {
		if _, err := gateway.ParseSpec(spec); err == nil {
			t.Errorf("%q is taken", spec)
		}
	}
	s, err := gateway.ParseSpec("30 2 * * *")
	if err != nil {
		t.Fatal(err)
	}
	// In UTC no hour is missing and none comes twice.
	at := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	if next := s.Next(at); !next.Equal(time.Date(2026, 3, 29, 2, 30, 0, 0, time.UTC)) {
		t.Errorf("next %v", next)
	}
}

// TestJobThatPanics: it is told in the log without what it panicked with, and all else goes on.
func TestJobThatPanics(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.jobs = []gateway.Job{{Name: "bad", AtStart: true, Run: func(context.Context) error { panic("secret words") }}}
	})
	r.rounds()
	id, _ := r.admitPerson(1)
	r.untilStatus(id, samvirke.MessageProcessed)
	r.close()
	if log := r.log.String(); !strings.Contains(log, "a job failed") || strings.Contains(log, "secret words") {
		t.Errorf("log: %s", log)
	}
	r.open()
}

// TestRuleThatIsOff: it neither stands in the plan nor starts a clock.
func TestRuleThatIsOff(t *testing.T) {
	r := newRig(t, func(r *rig) { r.planRules.Off = []string{"R15"} })
	id, _ := r.admitPerson(1)
	r.untilStatus(id, samvirke.MessageProcessed)
	if ds := r.dues(key(1)); len(ds) != 0 {
		t.Errorf("dues %+v", ds)
	}
	if body := string(r.plan(key(1)).Body); strings.Contains(body, `"R15"`) {
		t.Errorf("plan %s", body)
	}
}
