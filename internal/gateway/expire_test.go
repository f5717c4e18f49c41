package gateway_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// gated is a store that hands out no deliveries to the city while its gate is shut. It counts the units that give deliveries up.
type gated struct {
	queue.Store
	mu      sync.Mutex
	gate    chan struct{}
	givenUp atomic.Int64
	alone   atomic.Bool // such units of several deliveries are refused
}

func (s *gated) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = make(chan struct{})
}

func (s *gated) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.gate)
	s.gate = nil
}

func (s *gated) Lease(ctx context.Context, party string, most int, ttl time.Duration) ([]queue.Leased, error) {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if party == "city" && gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.Store.Lease(ctx, party, most, ttl)
}

func (s *gated) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if n := len(u.Steps); n > 0 && u.Steps[n-1].To == samvirke.DeliveryGivenUp {
		if s.alone.Load() && n > 2 {
			return queue.Outcome{}, queue.ErrFenced
		}
		s.givenUp.Add(1)
	}
	return s.Store.Commit(ctx, u)
}

// expiring is a rig with a store that is shut and a rule by which what is for the city expires.
func expiring(t *testing.T, more func(r *rig)) (*rig, *gated, *movedClock) {
	h := &movedClock{at: time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC)}
	s := &gated{}
	s.shut()
	r := newRig(t, func(r *rig) {
		r.now = h.now
		r.cityExpire = []gateway.Expiry{{Kinds: []string{"LOG_INN*"}, After: 72 * time.Hour}}
		r.wrap = func(inner queue.Store) queue.Store { s.Store = inner; return s }
		more(r)
	})
	return r, s, h
}

func (r *rig) admitAll(n int) (ids []string) {
	for i := range n {
		id, _ := r.admit(simulate.Admission{Person: i})
		r.untilStatus(id, samvirke.MessageProcessed)
		ids = append(ids, id)
	}
	return ids
}

// TestExpiredTakesNoTurn: what has lost its meaning is given up without a turn of the party's pace; also when one of several has
// gone another way, so that they are given up one by one.
func TestExpiredTakesNoTurn(t *testing.T) {
	for name, alone := range map[string]bool{"together": false, "alone": true} {
		t.Run(name, func(t *testing.T) {
			r, s, h := expiring(t, func(r *rig) { r.cityPace = gateway.Pace{PerSecond: 1. / 3600} })
			s.alone.Store(alone)
			old := r.admitAll(20)
			h.move(73 * time.Hour)
			fresh, _ := r.admitPerson(21)
			r.untilStatus(fresh, samvirke.MessageProcessed)
			s.open()
			r.untilState(fresh, samvirke.DeliverySent) // the next turn would be in an hour
			for _, id := range old {
				r.untilState(id, samvirke.DeliveryGivenUp)
			}
			if n := len(r.city.sent()); n != 1 {
				t.Errorf("%d were sent, want 1", n)
			}
		})
	}
}

// TestExpiredIsNoTrial: of a party that was down and comes back what has lost its meaning is given up many at a time, not one
// after the other as the trials are; the first that is sent is one that has not.
func TestExpiredIsNoTrial(t *testing.T) {
	const n = 100
	r, s, h := expiring(t, func(r *rig) { r.breaker = gateway.Breaker{Failures: 1, OpenFor: time.Millisecond} })
	r.city.script(away)
	first, _ := r.admitPerson(n)
	r.untilStatus(first, samvirke.MessageProcessed)
	s.open()
	r.until("down", func() bool { return len(r.city.sent()) > 0 })
	s.shut()
	// A lease that was asked for before the gate was shut may still be on its way.
	old := append(r.admitAll(n), first)
	h.move(73 * time.Hour)
	fresh, _ := r.admitPerson(n + 1)
	r.untilStatus(fresh, samvirke.MessageProcessed)
	r.city.script(nil)
	tried := len(r.city.sent())
	s.open()
	r.untilState(fresh, samvirke.DeliverySent)
	for _, id := range old {
		r.untilState(id, samvirke.DeliveryGivenUp)
	}
	if units := s.givenUp.Load(); units > n/4 {
		t.Errorf("%d deliveries were given up in %d units", n, units)
	}
	if sent := r.city.sent()[tried:]; len(sent) != 1 || sent[0].MessageID != fresh {
		t.Errorf("%d were sent after the party came back, want the one that has not expired", len(sent))
	}
}
