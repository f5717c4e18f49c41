package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

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
	job   func(w *writer) error
	files unitFiles
	bytes int
	state atomic.Int32
	done  chan struct{}

	out queue.Outcome
	err error
	// left says that the unit was left out of its group because of err.
	left bool
}

// Commit runs one unit as one transaction; see queue.Writer.
func (s *Store) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return queue.Outcome{}, err
	}
	if err := s.usable(); err != nil {
		return queue.Outcome{}, err
	}
	u, err := checked(u)
	if err != nil {
		return queue.Outcome{}, err
	}
	if u.Accept != nil && s.overBudget() {
		return queue.Outcome{}, queue.ErrFull
	}
	files, err := s.bodies.put(u)
	if err != nil {
		return queue.Outcome{}, fmt.Errorf("store large body: %w", plain(err))
	}
	defer s.bodies.unpin(files)
	r := &request{unit: u, files: files, bytes: weight(u), done: make(chan struct{})}
	return s.submit(ctx, r)
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
		<-r.done // it was taken up: the outcome is awaited
	case <-s.writerDone:
		// The writer ended; it may have answered just before.
		select {
		case <-r.done:
		default:
			return queue.Outcome{}, s.usable()
		}
	}
	return r.out, r.err
}

// writer owns the writing connection; all its fields belong to the goroutine of loop.
type writer struct {
	s  *Store
	db *conn
	// log gathers the writes of db to the log.
	log *logBuffer
	st  statements
	// seqs are the last numbers given; a rollback puts them back.
	seqs  sequences
	cache *rowCache
	load  *loader
	group []*request
	paced [paceGroups]time.Time // when the last groups began, a ring
	pacer int
}

// A group costs as much as a dozen units, however small it is: every table and index has a page that
// is written anew. So when groups follow each other closely, the writer waits a little and lets them grow: at
// most paceGroups within paceSpan, unless paceFull units wait. A group after a pause goes at once.
const (
	paceGroups = 8
	paceSpan   = 64 * time.Millisecond
	paceMost   = 8 * time.Millisecond
	paceFull   = 64
)

// pace waits as the comment above says.
func (w *writer) pace() {
	wait := min(paceSpan-time.Since(w.paced[w.pacer]), paceMost)
	if wait > 0 && len(w.s.in) < paceFull {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-w.s.stop:
			t.Stop()
		}
	}
	w.paced[w.pacer] = time.Now()
	w.pacer = (w.pacer + 1) % paceGroups
}

// sequences are the last numbers given out, and the end of the audit chain.
type sequences struct {
	message, delivery, event, receipt, record, plan, audit int64
	auditHash                                              string
}

// loop takes whatever waits: under load groups grow, at rest a unit goes at once (see pace). Between groups it reads a piece of what memory needs at start.
func (w *writer) loop() {
	defer close(w.s.writerDone)
	for {
		r, ok := w.next()
		if !ok {
			return
		}
		if r == nil {
			if w.load.step(w) {
				continue
			}
			w.load = nil
			continue
		}
		w.pace()
		w.collect(r)
		w.runAll()
	}
}

// next gives a waiting request, nil when there is none but something is to be loaded, and
// false when the store closes.
func (w *writer) next() (*request, bool) {
	if w.load != nil {
		select {
		case r := <-w.s.in:
			return r, true
		case <-w.s.stop:
			return nil, false
		default:
			return nil, true
		}
	}
	select {
	case r := <-w.s.in:
		return r, true
	case <-w.s.stop:
		return nil, false
	}
}

// collect fills the group with first and everything that waits behind it.
func (w *writer) collect(first *request) {
	w.group = w.group[:0]
	bytes := 0
	add := func(r *request) {
		if r.state.CompareAndSwap(requestWaits, requestTaken) {
			w.group = append(w.group, r)
			bytes += r.bytes
		}
	}
	add(first)
	for len(w.group) < maxGroup && bytes < maxGroupBytes {
		select {
		case r := <-w.s.in:
			add(r)
		default:
			return
		}
	}
}

// runAll runs the collected group and answers it. A unit that fails after it has written is taken out
// and the others run again without it; after three of those each runs alone, so that one
// kind of trouble (a full disk) cannot make the group start over again and again.
func (w *writer) runAll() {
	pending, eager := w.group, false
	for tries := 0; len(pending) > 0; {
		if w.s.broken() {
			for _, r := range pending {
				r.answer(queue.ErrFailed)
			}
			return
		}
		batch := pending
		switch {
		case pending[0].job != nil:
			w.runJob(pending[0])
			pending = pending[1:]
			continue
		case tries > 3:
			batch = pending[:1]
		default:
			for i, r := range pending {
				if r.job != nil {
					batch = pending[:i]
					break
				}
			}
		}
		culprit, err := w.runBatch(batch, eager)
		switch {
		case err == nil:
			pending = pending[len(batch):]
		case culprit != nil:
			tries++
			culprit.answer(plain(err))
			pending = without(pending, culprit)
		case errors.Is(err, errGathered) && !eager:
			eager = true
		default:
			for _, r := range batch {
				r.answer(plain(err))
			}
			pending = pending[len(batch):]
		}
	}
}

// answer ends a request. A unit that was left out of its group keeps its own error.
func (r *request) answer(err error) {
	if !r.left {
		r.err = err
	}
	close(r.done)
}

func without(list []*request, r *request) []*request {
	for i, o := range list {
		if o == r {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// errGathered marks an error of rows that were gathered over several units: whose it is shows
// only when each unit writes its own.
var errGathered = errors.New("write gathered rows")

// runBatch runs requests as one transaction and answers them. On an error everything is rolled back;
// culprit is the request that caused it, nil when it is not that of one request.
func (w *writer) runBatch(batch []*request, eager bool) (culprit *request, err error) {
	began := time.Now()
	t := w.newTx(eager)
	applied := 0
	if _, err = w.st.begin.run(); err != nil {
		return nil, w.undo(t, nil, err)
	}
	for _, r := range batch {
		if r.left {
			continue
		}
		clean, err := t.run(r)
		switch {
		case err == nil:
			applied++
		case clean && !isFatal(err):
			r.err, r.left = plain(err), true
		case errors.Is(err, errGathered):
			return nil, w.undo(t, r, err)
		default:
			return r, w.undo(t, r, err)
		}
	}
	if err = t.flush(); err != nil {
		if eager || isFatal(err) {
			return nil, w.undo(t, nil, err)
		}
		return nil, w.undo(t, batch[0], err)
	}
	if _, err = w.st.commit.run(); err != nil {
		return nil, w.undo(t, nil, err)
	}
	t.settle(true)
	w.s.measure(applied, time.Since(began))
	for _, r := range batch {
		close(r.done)
	}
	w.s.subs.publish(t.events)
	return nil, nil
}

// undo rolls back and gives the error to answer. When nobody in particular caused it (by is nil:
// begin, flush, commit) and the disk is not just full, the store ends here: what a failed sync left
// on disk is unknown, and trying it again would hide that.
func (w *writer) undo(t *tx, by *request, err error) error {
	// SQLite rolls back on its own after some errors; then this fails, and nothing is left to undo.
	_, _ = w.st.rollback.run()
	w.seqs = t.before
	w.cache.forget()
	t.settle(false)
	if isFatal(err) || (by == nil && !errors.Is(plain(err), queue.ErrFull)) {
		w.s.fail(fmt.Errorf("write to the store: %w", err))
		return queue.ErrFailed
	}
	return err
}

// runJob runs a repair alone in its own transaction.
func (w *writer) runJob(r *request) {
	_, err := w.st.begin.run()
	if err == nil {
		if err = r.job(w); err == nil {
			_, err = w.st.commit.run()
		}
		if err != nil {
			_, _ = w.st.rollback.run()
		}
	}
	if err != nil && isFatal(err) {
		w.s.fail(fmt.Errorf("repair the store: %w", err))
	}
	r.answer(err)
}
