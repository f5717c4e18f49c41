package sqlite

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// eraseBatch is how many messages or deliveries are taken together, with everything that hangs on them; a step takes more of them for as long as
// eraseHold or eraseHurry, in which nobody else writes, or, beside the writer, nothing gets into the tables. What a power cut undoes is done again: the erasure stands in the store until its core, which
// comes behind them.
const (
	eraseBatch = 32 // twice as many beside the writer
	eraseHold  = 25 * time.Millisecond
	eraseHurry = 35 * time.Millisecond // where that is not enough
	// eraseMost is how long in a hurry, where a step stood so long in line that it would not come to its part of the time.
	eraseMost = 60 * time.Millisecond
	// eraseAside is how long beside the writer in a hurry, while only what is on its way into the tables, and loose jobs, wait for it.
	eraseAside = 600 * time.Millisecond
	// asideMost is how many messages a step beside the writer looks at, asideTries how often it is begun anew with more that go with them.
	asideMost  = 1024
	asideTries = 3
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

// soon gives how long a step goes on that would hold the writer for so long: beside it in a hurry for longer, until somebody waits.
func (x *eraser) soon(hold time.Duration) time.Duration {
	if x.only != nil && x.e.Hurry && !x.s.asideWaited.Load() {
		return eraseAside
	}
	return hold
}

// batches runs f for all numbers, some in each transaction: as many as can be in a short time.
func (x *eraser) batches(ctx context.Context, all []int64, f func(w *writer, seqs []int64) error) error {
	return x.inBatches(ctx, all, f, false)
}

// messageBatches deletes or blanks messages, those of silent people beside the writer: nobody waits for it.
func (x *eraser) messageBatches(ctx context.Context, all []int64) error {
	return x.inBatches(ctx, all, x.messagesOf, !x.e.Silent.IsZero())
}

func (x *eraser) inBatches(ctx context.Context, all []int64, f func(w *writer, seqs []int64) error, aside bool) error {
	_, part := x.pace()
	x.s.erasedAny.Store(true) // from the first row on
	var others []int64        // that go with those at hand: they carried their receipts
	for tries := 0; len(all) > 0; {
		asked := time.Now()
		beside := aside && tries < asideTries
		n, held, err := x.batch(ctx, all, others, f, beside)
		if other, is := errors.AsType[*notAsideError](err); is {
			if others, tries = append(others, other.messages...), tries+1; len(other.messages) == 0 {
				tries = asideTries
			}
			x.rest(ctx, held*part-time.Since(asked))
			continue
		}
		if err != nil {
			return err
		}
		all, others, tries = all[n:], nil, 0
		x.s.lanes.settle(x.freed, nil)
		x.freed = nil
		queue.Reach(queue.PointEraseRows)
		if x.e.Hurry && beside {
			continue // it has stood in line for the tables, and held up nobody who sends
		}
		x.rest(ctx, held*part-time.Since(asked))
	}
	return nil
}

// batch takes some, and says how many and how long the tables were held.
func (x *eraser) batch(ctx context.Context, all, others []int64, f func(w *writer, seqs []int64) error, aside bool) (n int, held time.Duration, err error) {
	asked, before, files := time.Now(), x.out, len(x.files)
	size := eraseBatch
	if aside {
		size *= 2
	}
	job := func(w *writer) (err error) {
		if !x.e.Silent.IsZero() || x.mild {
			w.mild = 1 // nobody asked for it
			defer func() { w.mild = 0 }()
		}
		if x.trace, err = w.tracer(); err != nil {
			return err
		}
		began := time.Now()
		hold := x.holdAfter(began.Sub(asked))
		defer func() { held = time.Since(began) }()
		for n < len(all) && (n == 0 || time.Since(began) < x.soon(hold)) {
			some := all[n:min(n+size, len(all))]
			if err := f(w, some); err != nil {
				return err
			}
			n += len(some)
		}
		if err := x.trace.end(); err != nil {
			return err
		}
		return x.soil(w)
	}
	if aside {
		all = all[:min(len(all), asideMost)]
		x.only = map[int64]struct{}{}
		for _, seq := range slices.Concat(all, others) {
			x.only[seq] = struct{}{}
		}
		err = x.s.asideJob(ctx, slices.Collect(maps.Keys(x.only)), job)
		x.only = nil
	} else {
		err = x.s.looseJob(ctx, job)
	}
	if err != nil {
		x.out, x.files, x.freed = before, x.files[:files], nil
	}
	return n, held, err
}

// notOnly gives those that the batch at hand must leave alone.
func (x *eraser) notOnly(seqs []int64) (other []int64) {
	if x.only == nil {
		return nil
	}
	for _, seq := range seqs {
		if _, may := x.only[seq]; !may {
			other = append(other, seq)
		}
	}
	return other
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
