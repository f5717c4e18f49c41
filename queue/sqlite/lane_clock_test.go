package sqlite

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// jumpyClock is a clock that a test puts ahead and back.
type jumpyClock struct{ ahead atomic.Int64 }

func (c *jumpyClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// TestClockPutBack: the clock runs hours ahead, deliveries are made and wait, and it is put right. They are sent as if it had always
// been right, not hours later, whether the store was open meanwhile or not.
func TestClockPutBack(t *testing.T) {
	const ahead = 5 * time.Hour
	for name, closed := range map[string]bool{"open": false, "closed": true} {
		t.Run(name, func(t *testing.T) {
			clock := &jumpyClock{}
			clock.ahead.Store(int64(ahead))
			o := Options{Dir: t.TempDir(), Now: clock.now}
			s := open(t, o)
			for _, id := range []string{"waits", "behind", "queued"} {
				lane := map[string]string{"waits": "a", "behind": "a", "queued": "b"}[id]
				clockCommit(t, s, &queue.Unit{Now: clock.now(), Deliveries: []samvirke.Delivery{{ID: id, Party: "gp", Patient: lane, State: samvirke.DeliveryQueued, Body: []byte(id)}}})
			}
			first := clockLease(t, s, 1)[0]
			if first.ID != "waits" {
				t.Fatalf("leased %s first", first.ID)
			}
			// Long enough to be still waiting when the clock is put back, so that this shows something.
			due := clock.now().Add(time.Minute)
			clockCommit(t, s, &queue.Unit{Now: clock.now(), Steps: []queue.DeliveryStep{{ID: first.ID, Token: first.Token, To: samvirke.DeliveryWaiting, DueAt: due,
				Fault: "unreachable", Attempt: &samvirke.Attempt{Number: 1, At: clock.now(), Class: samvirke.Transient, Fault: "unreachable"}}},
				Events: []samvirke.Event{{DeliveryID: first.ID, Name: samvirke.EventWaiting}}})
			if closed {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			clock.ahead.Store(0)
			if closed {
				s = open(t, o)
			}
			if got := clockLease(t, s, 1)[0]; got.ID != "queued" {
				t.Errorf("leased %s, not what was never tried", got.ID)
			}
			if left := clockNext(s); left < -time.Minute || left > 2*time.Minute {
				t.Errorf("the next one is due in %s, not within the minute that it was to wait", left)
			}
			clock.ahead.Store(int64(2 * time.Minute))
			got := clockLease(t, s, 1)[0]
			if got.ID != "waits" || got.Attempts != 1 {
				t.Errorf("leased %s after %d attempts", got.ID, got.Attempts)
			}
		})
	}
}

// TestClockPutBackMeanwhile: a unit that was made before the clock was put back and comes after it does not make its delivery wait
// until the clock is there again.
func TestClockPutBackMeanwhile(t *testing.T) {
	clock := &jumpyClock{}
	clock.ahead.Store(int64(5 * time.Hour))
	s := open(t, Options{Dir: t.TempDir(), Now: clock.now})
	then := clock.now()
	for _, id := range []string{"early", "late"} {
		now := then
		clockCommit(t, s, &queue.Unit{Now: now, Deliveries: []samvirke.Delivery{{ID: id, Party: "gp", Patient: id, State: samvirke.DeliveryQueued, Body: []byte(id)}}})
		clock.ahead.Store(0)
		if got := clockLease(t, s, 1)[0]; got.ID != id {
			t.Errorf("leased %s, want %s", got.ID, id)
		}
	}
}

// TestClockPutAhead: what waits is due earlier then, and nothing later than before when the clock comes back.
func TestClockPutAhead(t *testing.T) {
	clock := &jumpyClock{}
	s := open(t, Options{Dir: t.TempDir(), Now: clock.now})
	clockCommit(t, s, &queue.Unit{Now: clock.now(), Deliveries: []samvirke.Delivery{{ID: "d", Party: "gp", Patient: "a", State: samvirke.DeliveryQueued,
		DueAt: clock.now().Add(3 * time.Hour), Body: []byte("d")}}})
	if left := clockNext(s); left < 2*time.Hour || left > 3*time.Hour {
		t.Fatalf("due in %s", left)
	}
	clock.ahead.Store(int64(4 * time.Hour))
	if got := clockLease(t, s, 1)[0]; got.ID != "d" {
		t.Errorf("leased %s", got.ID)
	}
}

func clockCommit(t *testing.T, s *Store, u *queue.Unit) {
	t.Helper()
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

func clockLease(t *testing.T, s *Store, n int) []queue.Leased {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), comes)
	defer cancel()
	got, err := s.Lease(ctx, "gp", n, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// clockNext is how long it takes until the next delivery is due.
func clockNext(s *Store) time.Duration {
	s.lanes.mu.Lock()
	defer s.lanes.mu.Unlock()
	next := s.lanes.party("gp").nextDue()
	if next == never {
		return math.MaxInt64
	}
	return time.Duration(next - s.opts.Now().UnixNano())
}
