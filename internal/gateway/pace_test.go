package gateway_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
)

// away is a far side that cannot be reached.
func away(int, samvirke.Delivery) (connectors.Result, error) {
	return connectors.Result{}, &samvirke.Fault{Class: samvirke.Transient, Code: "unreachable", Safe: "away"}
}

// TestPace: a party gets no more a second than it asked for.
func TestPace(t *testing.T) {
	const n, perSecond = 6, 20
	r := newRig(t, func(r *rig) { r.cityPace = gateway.Pace{PerSecond: perSecond} })
	start := time.Now()
	var ids []string
	for i := range n {
		id, _ := r.admit(simulate.Admission{Person: i})
		ids = append(ids, id)
	}
	for _, id := range ids {
		r.untilState(id, samvirke.DeliverySent)
	}
	if took := time.Since(start); took < (n-1)*time.Second/perSecond {
		t.Errorf("%d deliveries in %s", n, took)
	}
}

// TestRetryBudget: many lanes of a party that fails share one budget of second attempts; first attempts are not held back.
func TestRetryBudget(t *testing.T) {
	const lanes, budget = 12, 3
	r := newRig(t, func(r *rig) {
		r.cityPace = gateway.Pace{RetriesPerMinute: budget}
		r.breaker = gateway.Breaker{Failures: 1000}
	})
	start := time.Now()
	r.city.script(away)
	var ids []string
	for i := range lanes {
		id, _ := r.admit(simulate.Admission{Person: i})
		ids = append(ids, id)
	}
	attempts := func() (first, more int) {
		for _, id := range ids {
			for _, d := range r.deliveries(id, samvirke.PurposeForward) {
				if d.Attempts > 0 {
					first, more = first+1, more+d.Attempts-1
				}
			}
		}
		return first, more
	}
	for _, id := range ids {
		r.untilStatus(id, samvirke.MessageProcessed)
	}
	r.until("first attempts and the budget", func() bool {
		first, more := attempts()
		return first == lanes && more >= budget
	})
	_, more := attempts()
	if most := budget + int(time.Since(start)/(time.Minute/budget)) + 1; more > most {
		t.Errorf("%d second attempts, at most %d", more, most)
	}
	r.city.script(nil)
	for _, id := range ids {
		for _, d := range r.deliveries(id, samvirke.PurposeForward) {
			if d.State == samvirke.DeliveryStopped {
				t.Errorf("delivery %s stopped", d.ID)
			}
		}
	}
}

// TestExpired: what has lost its meaning by the party's rule is given up with the reason told, kinds that the rule does not
// name are not, and the lane goes on.
func TestExpired(t *testing.T) {
	h := &movedClock{at: time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC)}
	r := newRig(t, func(r *rig) {
		r.now = h.now
		r.breaker = gateway.Breaker{Failures: 1000}
		r.cityExpire = []gateway.Expiry{{Kinds: []string{"LOG_UTSKREVET"}, After: time.Hour}, {Kinds: []string{"LOG_INN*"}, After: 72 * time.Hour}}
	})
	r.city.script(away)
	id, _ := r.admit(simulate.Admission{Person: 1})
	r.untilStatus(id, samvirke.MessageProcessed)
	r.until("tried", func() bool { return r.one(id, samvirke.PurposeForward).Attempts > 0 })
	h.move(71 * time.Hour)
	r.until("tried again", func() bool { return r.one(id, samvirke.PurposeForward).Attempts > 1 })
	if d := r.one(id, samvirke.PurposeForward); d.State == samvirke.DeliveryGivenUp {
		t.Fatalf("too early: %+v", d)
	}
	h.move(2 * time.Hour)
	r.until("given up", func() bool { return r.one(id, samvirke.PurposeForward).State == samvirke.DeliveryGivenUp })
	if d := r.one(id, samvirke.PurposeForward); d.Fault != "expired" || d.FaultText == "" {
		t.Errorf("%+v", d)
	}
	told := false
	for _, e := range r.events(id) {
		told = told || e.Name == samvirke.EventGivenUp && e.Detail == "expired after 72h0m0s"
	}
	if !told {
		t.Errorf("the story does not say why: %+v", r.events(id))
	}
	r.city.script(nil)
	next, _ := r.admit(simulate.Admission{Person: 1})
	r.untilState(next, samvirke.DeliverySent)
}

// TestComesBackInSteps: a party that was away and holds what it gets is sent two at a time at first.
func TestComesBackInSteps(t *testing.T) {
	h := &movedClock{at: time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC)}
	r := newRig(t, func(r *rig) {
		r.now = h.now
		r.breaker = gateway.Breaker{Failures: 1, OpenFor: 10 * time.Millisecond}
		r.retry = gateway.Retry{First: time.Millisecond, Max: time.Millisecond}
	})
	r.city.script(away)
	for i := range 10 {
		id, _ := r.admit(simulate.Admission{Person: i})
		r.untilStatus(id, samvirke.MessageProcessed)
	}
	r.until("down", func() bool { return len(r.city.sent()) > 2 })
	const first = 2
	var sent, on atomic.Int64
	var mu sync.Mutex
	most := int64(0)
	let := make(chan struct{})
	release := sync.OnceFunc(func() { close(let) })
	t.Cleanup(release) // before the gateway is stopped, which waits for what is on the wire
	r.city.script(func(int, samvirke.Delivery) (connectors.Result, error) {
		if sent.Add(1) == 1 {
			return connectors.Result{Answer: "HTTP 202"}, nil // the trial, which closes the breaker
		}
		mu.Lock()
		most = max(most, on.Add(1))
		mu.Unlock()
		<-let
		on.Add(-1)
		return connectors.Result{Answer: "HTTP 202"}, nil
	})
	// The clock stands nearly still, so the steps do not go on.
	r.until("the first ones after the trial", func() bool { return on.Load() >= first })
	time.Sleep(50 * time.Millisecond) // a lane that does not look would take the other slots in this time
	mu.Lock()
	if most > first {
		t.Errorf("%d at a time", most)
	}
	mu.Unlock()
	release()
	h.move(time.Minute)
	r.until("all sent", func() bool { return sent.Load() >= 10 })
}

// TestComesBackGently: after a party was away, it is not met by everything at once.
func TestComesBackGently(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC)
	for _, c := range []struct {
		since time.Duration
		want  int
	}{{0, 2}, {200 * time.Millisecond, 2}, {300 * time.Millisecond, 4}, {time.Second, 32}, {1250 * time.Millisecond, 64}, {time.Hour, 64}, {-time.Hour, 64}} {
		if got := gateway.Ramp(64, at, at.Add(c.since)); got != c.want {
			t.Errorf("%s after it came back: %d at a time, want %d", c.since, got, c.want)
		}
	}
	if got := gateway.Ramp(64, time.Time{}, at); got != 64 {
		t.Errorf("never away: %d at a time", got)
	}
}
