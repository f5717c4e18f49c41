package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// What the store is told of a delivery once the bytes may have left. While it refuses to take that, on a full disk for an hour,
// nothing more is sent on the lane: each delivery whose lease ends without an outcome is sent again.

// outcomeFor is how long an outcome is tried for a reason that is not known: it may be the outcome's own, and must not stop
// the party. By then the lease ends, and the delivery is given again.
const outcomeFor = leaseSlack

// refusals are the outcomes of a lane that the store refuses right now.
type refusals struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when there is none any more
}

func (r *refusals) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n++; r.n == 1 {
		r.none = make(chan struct{})
	}
}

func (r *refusals) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.n == 0 {
		close(r.none)
	}
}

func (r *refusals) some() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n > 0
}

// wait waits until there is none; false when ctx ended.
func (r *refusals) wait(ctx context.Context) bool {
	for r.some() {
		r.mu.Lock()
		none := r.none
		r.mu.Unlock()
		select {
		case <-none:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// refuses tells whether the store takes nothing for now, as far as its error says: any other one is about the unit, or final.
func refuses(err error) bool {
	return err != nil && !slices.ContainsFunc([]error{queue.ErrFenced, queue.ErrState, queue.ErrCounter, queue.ErrPlanVersion,
		queue.ErrNotFound, queue.ErrExists, queue.ErrOrder, queue.ErrDamaged, queue.ErrClosed, queue.ErrFailed},
		func(known error) bool { return errors.Is(err, known) })
}

// stored runs what stores an outcome, again and again while the store refuses it; also after the end of the lease, when the
// token keeps it from doing harm: its end tells that the store takes something again. When the gateway stops it is tried
// once more: what is lost then is sent again after the start.
func (l *lane) stored(d queue.Leased, once func() error) error {
	err := once()
	if !refuses(err) {
		return err
	}
	l.refused.begin()
	defer l.refused.end()
	l.g.log.Error("store outcome of a send, will be tried again; nothing more is sent until then", "delivery_id", d.ID, "party", l.ID, "err", err)
	began := time.Now()
	for try := 0; refuses(err) && (errors.Is(err, queue.ErrFull) || time.Since(began) < outcomeFor); try++ {
		t := time.NewTimer(min(redoWait<<min(try, 5), maxRedoWait))
		select {
		case <-t.C:
		case <-l.g.stopping:
			t.Stop()
			return once()
		}
		err = once()
	}
	return err
}

// commit stores the outcome. When it raced with another unit nothing is stored, and u must be made anew.
func (l *lane) commit(u *queue.Unit, d queue.Leased, a *samvirke.Attempt) error {
	err := l.stored(d, func() error { return l.commitOnce(u, d, a) })
	if err != nil && !errors.Is(err, queue.ErrClosed) && !raced(err) {
		l.g.log.Error("store outcome of a send", "delivery_id", d.ID, "party", l.ID, "err", err)
	}
	return err
}

// commitOnce tries it once. When the lease is lost because a receipt overtook us, the attempt is still written down.
func (l *lane) commitOnce(u *queue.Unit, d queue.Leased, a *samvirke.Attempt) error {
	ctx := context.Background()
	queue.Reach(queue.PointOutcome)
	_, err := l.g.store.Commit(ctx, u)
	queue.Reach(queue.PointOutcomeDone)
	if (errors.Is(err, queue.ErrFenced) || errors.Is(err, queue.ErrState)) && a != nil {
		now, gerr := l.g.store.Delivery(ctx, d.ID)
		if gerr == nil && (now.State == samvirke.DeliveryAcknowledged || now.State == samvirke.DeliveryStopped) {
			u.Receipts, u.Counters, u.Records, u.Plan, u.Plans, u.Settings = nil, nil, nil, nil, nil, nil
			u.Steps = []queue.DeliveryStep{{ID: d.ID, From: []samvirke.DeliveryState{now.State}, To: now.State, Fault: now.Fault, FaultText: now.FaultText, Attempt: a}}
			_, err = l.g.store.Commit(ctx, u)
		}
	}
	return err
}
