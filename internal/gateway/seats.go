package gateway

import (
	"context"
	"runtime"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// seats are for whoever computes a message: parses and maps it, folds the plan, routes. That is work for a processor and
// nothing else, so more of it side by side than there are processors for it makes nothing faster; it only makes all that is
// short (a receipt, the next delivery, the answer of a synced group) stand in line behind it. What is accepted would then run
// ahead of what is delivered, and what waits is written and read once more. So there are seats for half of the processors,
// and the others are for what goes on around it.
//
// Who has to ask the store gets up for good: nobody waits for anything on a seat, and nobody waits for a seat in the middle
// of a computation, where locks may be held.
type seats chan struct{}

func newSeats() seats { return make(seats, max(1, runtime.GOMAXPROCS(0)/2)) }

// maxSeated is the largest message that is computed on a seat. A larger one takes long, and nobody should wait for that: it is
// computed beside the others, one at a time (see handover). Unit: bytes.
const maxSeated = maxHandover

// seat is a taken one. One goroutine uses it.
type seat struct {
	of   seats
	left bool
}

// sit waits for a seat for a message of that many bytes. The context goes with what is computed there: with it the store is asked.
func (s seats) sit(ctx context.Context, size int64) (context.Context, *seat) {
	if size >= maxSeated {
		return ctx, &seat{left: true}
	}
	s <- struct{}{}
	own := &seat{of: s}
	return seated{ctx, own}, own
}

// leave gives the seat back; it may be called again.
func (s *seat) leave() {
	if !s.left {
		s.left = true
		<-s.of
	}
}

// seated is a context that knows the seat.
type seated struct {
	context.Context
	seat *seat
}

type seatKey struct{}

func (c seated) Value(key any) any {
	if key == (seatKey{}) {
		return c.seat
	}
	return c.Context.Value(key)
}

// rise gives the seat back of whoever is about to wait.
func rise(ctx context.Context) {
	if s, sits := ctx.Value(seatKey{}).(*seat); sits {
		s.leave()
	}
}

// upright is a store that nobody asks from a seat.
type upright struct{ queue.Store }

// Inner is the store behind, which may do more than a store must.
func (s upright) Inner() queue.Store { return s.Store }

func (s upright) Message(ctx context.Context, id string) (queue.MessageDetail, error) {
	rise(ctx)
	return s.Store.Message(ctx, id)
}

func (s upright) Messages(ctx context.Context, f queue.MessageFilter) ([]samvirke.Message, error) {
	rise(ctx)
	return s.Store.Messages(ctx, f)
}

func (s upright) Delivery(ctx context.Context, id string) (samvirke.Delivery, error) {
	rise(ctx)
	return s.Store.Delivery(ctx, id)
}

func (s upright) Deliveries(ctx context.Context, f queue.DeliveryFilter) ([]samvirke.Delivery, error) {
	rise(ctx)
	return s.Store.Deliveries(ctx, f)
}

func (s upright) FindDelivery(ctx context.Context, party, externalID string) (samvirke.Delivery, error) {
	rise(ctx)
	return s.Store.FindDelivery(ctx, party, externalID)
}

func (s upright) Receipts(ctx context.Context, f queue.ReceiptFilter) ([]samvirke.Receipt, error) {
	rise(ctx)
	return s.Store.Receipts(ctx, f)
}

func (s upright) Records(ctx context.Context, patient string) ([]queue.Record, error) {
	rise(ctx)
	return s.Store.Records(ctx, patient)
}

func (s upright) Plan(ctx context.Context, patient string, version int64) (queue.PlanVersion, error) {
	rise(ctx)
	return s.Store.Plan(ctx, patient, version)
}

func (s upright) Dues(ctx context.Context, f queue.DueFilter) ([]queue.Due, error) {
	rise(ctx)
	return s.Store.Dues(ctx, f)
}

func (s upright) Counter(ctx context.Context, name string) (int64, error) {
	rise(ctx)
	return s.Store.Counter(ctx, name)
}

func (s upright) Setting(ctx context.Context, name string) (string, error) {
	rise(ctx)
	return s.Store.Setting(ctx, name)
}

func (s upright) Settings(ctx context.Context, prefix, after string, limit int) ([]queue.Setting, error) {
	rise(ctx)
	return s.Store.Settings(ctx, prefix, after, limit)
}

func (s upright) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	rise(ctx)
	return s.Store.Commit(ctx, u)
}
