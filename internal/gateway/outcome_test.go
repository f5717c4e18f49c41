package gateway_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// refusing is a store that takes no outcomes of sends for a while, with leases that end soon.
type refusing struct {
	queue.Store
	err     error
	full    atomic.Bool
	refused atomic.Int64
}

func (s *refusing) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if s.full.Load() && u.Accept == nil && len(u.Steps) > 0 {
		s.refused.Add(1)
		return queue.Outcome{}, s.err
	}
	return s.Store.Commit(ctx, u)
}

func (s *refusing) Lease(ctx context.Context, party string, most int, _ time.Duration) ([]queue.Leased, error) {
	return s.Store.Lease(ctx, party, most, 500*time.Millisecond)
}

// refusals are the errors with which a store refuses for a while.
func refusals(t *testing.T, f func(t *testing.T, s *refusing)) {
	for name, err := range map[string]error{"full": queue.ErrFull, "unavailable": errors.New("the database cannot be reached")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, &refusing{err: err})
		})
	}
}

func (s *refusing) wrap(r *rig) {
	r.wrap = func(inner queue.Store) queue.Store { s.Store = inner; return s }
}

// TestStoreRefusesOutcomes: while the store does not take what came of a send nothing more is sent, so nothing is sent again
// and again; when it takes it, all goes on by itself.
func TestStoreRefusesOutcomes(t *testing.T) {
	refusals(t, func(t *testing.T, s *refusing) {
		const lanes, refused = 3, 8 // more than there are lanes: those of the receipts to the hospital are three too
		r := newRig(t, s.wrap)
		s.full.Store(true)
		var ids []string
		for i := range lanes {
			for range 2 {
				id, _ := r.admit(simulate.Admission{Person: i})
				ids = append(ids, id)
			}
		}
		times := func() map[string]int {
			n := map[string]int{}
			for _, d := range append(r.city.sent(), r.hospital.sent()...) {
				n[d.ID]++
			}
			return n
		}
		r.until("refused often", func() bool { return s.refused.Load() >= refused })
		for id, n := range times() {
			if n > 1 {
				t.Errorf("delivery %s was sent %d times while the store refused", id, n)
			}
		}
		s.full.Store(false)
		for _, id := range ids {
			r.untilState(id, samvirke.DeliverySent)
		}
		for id, n := range times() {
			if n > 2 {
				t.Errorf("delivery %s was sent %d times", id, n)
			}
		}
		last := map[string]int64{}
		for _, d := range r.city.sent() {
			if d.Seq < last[d.Patient] {
				t.Errorf("delivery %d came after %d", d.Seq, last[d.Patient])
			}
			last[d.Patient] = d.Seq
		}
	})
}

// TestStopWhileStoreRefuses: a gateway that cannot store outcomes ends all the same, and what it could not store is sent after
// the start.
func TestStopWhileStoreRefuses(t *testing.T) {
	refusals(t, func(t *testing.T, s *refusing) {
		r := newRig(t, s.wrap)
		s.full.Store(true)
		id, _ := r.admitPerson(1)
		r.until("refused", func() bool { return s.refused.Load() >= 2 })
		r.close()
		s.full.Store(false)
		r.open()
		r.untilState(id, samvirke.DeliverySent)
	})
}
