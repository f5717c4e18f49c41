package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/samvirke/samvirke/queue"
)

// Where a request stands: the caller may withdraw it only while it waits.
const (
	requestWaits int32 = iota
	requestTaken
	requestWithdrawn
)

// request is one unit on its way through the writer.
type request struct {
	unit *queue.Unit
	// job is run alone in a transaction of its own instead of unit; for repairs.
	job func(w *writer) error
	// after is the generation of waiting changes that must be in the tables before the job runs.
	after uint64
	// loose: the job is not synced by itself.
	loose bool
	// keeps: what the writer remembers of rows is good after the job too.
	keeps bool
	// messages are those that an aside job may change; nil: it is none.
	messages []int64
	// behind: it was put off while another job ran or stood in line, so nothing was sent into the tables for it yet.
	behind bool
	// gen stands for a reader that waits until a generation of waiting changes is in the tables.
	gen   uint64
	files unitFiles
	bytes int
	state atomic.Int32
	done  chan struct{}

	out queue.Outcome
	err error
}

// Commit runs one unit as one transaction; see queue.Writer.
func (s *Store) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return queue.Outcome{}, err
	}
	if err := s.usable(); err != nil {
		return queue.Outcome{}, err
	}
	u, err := queue.Checked(u)
	if err != nil {
		return queue.Outcome{}, err
	}
	if u.Accept != nil && s.OverBudget(u.Reserve) {
		return queue.Outcome{}, queue.ErrFull
	}
	files, err := s.bodies.put(u)
	if err != nil {
		return queue.Outcome{}, s.notPut(err)
	}
	defer s.bodies.unpin(files)
	r := &request{unit: u, files: files, bytes: queue.Weight(u), done: make(chan struct{})}
	return s.submit(ctx, r)
}

// notPut gives the error for a unit whose large bodies could not be stored. After a failed sync the store ends, as after one of the
// journal: a unit after it could rely on a file that is not on disk.
func (s *Store) notPut(err error) error {
	if _, fatal := errors.AsType[*fatalError](err); fatal {
		s.fail(err)
		return queue.ErrFailed
	}
	if isFull(err) {
		err = fmt.Errorf("%w: %w", queue.ErrFull, err)
	}
	return fmt.Errorf("store large body: %w", err)
}

// submit queues a request and awaits its outcome.
func (s *Store) submit(ctx context.Context, r *request) (queue.Outcome, error) {
	select {
	case s.in <- r:
	case <-ctx.Done():
		return queue.Outcome{}, ctx.Err()
	case <-s.stop:
		return queue.Outcome{}, s.usable()
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(requestWaits, requestWithdrawn) {
			return queue.Outcome{}, ctx.Err()
		}
		// It was taken up: the outcome is awaited.
		select {
		case <-r.done:
		case <-s.writerDone:
			return s.afterEnd(r)
		}
	case <-s.writerDone:
		return s.afterEnd(r)
	}
	return r.out, r.err
}

// afterEnd gives what came of a request when the writer has ended: it may have answered just before.
func (s *Store) afterEnd(r *request) (queue.Outcome, error) {
	select {
	case <-r.done:
		return r.out, r.err
	default:
		return queue.Outcome{}, s.usable()
	}
}

// answer ends a request. A unit that broke a rule keeps its own error.
func (r *request) answer(err error) {
	if r.err == nil {
		r.err = err
	}
	close(r.done)
}

// settled waits until changes that wait and are about one of the keys, or any changes when there is no key, are in the tables.
func (s *Store) settled(ctx context.Context, keys ...string) error {
	return s.settledUpTo(ctx, s.writer.touched.by(keys...))
}

// settle is settled for those to whom a row that is missing matters: queue.ErrFull when there is no room to write the changes.
func (s *Store) settle(ctx context.Context, keys ...string) error {
	return s.settleUpTo(ctx, s.writer.touched.by(keys...))
}

// settledUpTo is settled for a generation; 0 is none.
func (s *Store) settledUpTo(ctx context.Context, gen uint64) error {
	err := s.settleUpTo(ctx, gen)
	if errors.Is(err, queue.ErrFull) {
		return nil // what is there can be read
	}
	return err
}

func (s *Store) settleUpTo(ctx context.Context, gen uint64) error {
	if gen == 0 {
		return nil
	}
	_, err := s.submit(ctx, &request{done: make(chan struct{}), gen: gen})
	return err
}
