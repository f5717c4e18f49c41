package sqlite

import (
	"context"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// eraseBatch is how many messages or deliveries are taken together, with everything that hangs on them; a step takes more of them for as long as
// eraseHold or eraseHurry, in which nobody else writes. What a power cut undoes is done again: the erasure stands in the store until its core, which
// comes behind them.
const (
	eraseBatch = 32
	eraseHold  = 25 * time.Millisecond
	eraseHurry = 35 * time.Millisecond // where that is not enough
	// eraseMost is how long in a hurry, where a step stood so long in line that it would not come to its part of the time.
	eraseMost = 60 * time.Millisecond
	// What nobody asked for has the writer no more than for such a part of the time, the second in a hurry. The last step of an erasure
	// holds it for as long as that takes, and rests the longer.
	erasePart      = 8
	eraseHurryPart = 2
)

// oneByOne makes of what is done to one what is done to several.
func oneByOne(f func(w *writer, seq int64) error) func(w *writer, seqs []int64) error {
	return func(w *writer, seqs []int64) error {
		for _, seq := range seqs {
			if err := f(w, seq); err != nil {
				return err
			}
		}
		return nil
	}
}

// pace gives how long a step holds the writer, and the part of the time that all have it.
func (x *eraser) pace() (hold, part time.Duration) {
	if x.e.Hurry {
		return eraseHurry, eraseHurryPart
	}
	return eraseHold, erasePart
}

// holdAfter gives how long a step holds the writer that stood in line for so long.
func (x *eraser) holdAfter(waited time.Duration) time.Duration {
	hold, part := x.pace()
	if x.e.Hurry {
		hold = min(max(hold, waited/(part-1)), eraseMost)
	}
	return hold
}

// batches runs f for all numbers, some in each transaction: as many as can be in a short time.
func (x *eraser) batches(ctx context.Context, all []int64, f func(w *writer, seqs []int64) error) error {
	_, part := x.pace()
	for len(all) > 0 {
		asked, held := time.Now(), time.Duration(0)
		before, files, n := x.out, len(x.files), 0
		err := x.s.looseJob(ctx, func(w *writer) error {
			if !x.e.Silent.IsZero() {
				w.mild = 1 // nobody asked for it
				defer func() { w.mild = 0 }()
			}
			var err error
			if x.trace, err = w.tracer(); err != nil {
				return err
			}
			began := time.Now()
			hold := x.holdAfter(began.Sub(asked))
			defer func() { held = time.Since(began) }()
			for n < len(all) && (n == 0 || time.Since(began) < hold) {
				some := all[n:min(n+eraseBatch, len(all))]
				if err := f(w, some); err != nil {
					return err
				}
				n += len(some)
			}
			if err := x.trace.end(); err != nil {
				return err
			}
			return w.query(`UPDATE erasure SET dirty = 1`, nil)
		})
		if err != nil {
			x.out, x.files, x.freed = before, x.files[:files], nil
			return err
		}
		all = all[n:]
		x.s.erasedAny.Store(true)
		x.s.lanes.settle(x.freed, nil)
		x.freed = nil
		queue.Reach(queue.PointEraseRows)
		x.rest(ctx, held*part-time.Since(asked))
	}
	return nil
}

// rest leaves the writer to others for a while, where nobody asked for the erasure.
func (x *eraser) rest(ctx context.Context, d time.Duration) {
	if x.e.Silent.IsZero() || d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done(): // the next job says so
	}
}
