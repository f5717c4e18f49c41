package sqlite

import (
	"context"
	"fmt"
	"slices"
)

// An aside job changes rows of messages of which nothing more is expected, as an erasure of silent people does, on the connection of the tables and
// beside the writer's goroutine: units go on being answered meanwhile. It says before which messages it may touch. A unit that is about one of
// them waits until the job has ended, and a job whose messages have changes that wait for the tables does not run.
type aside struct {
	r        *request
	messages map[int64]struct{}
	// seqs are the last numbers given when it began.
	seqs sequences
}

// may tells whether the job may change rows of a message; there may be none.
func (a *aside) may(seq int64) bool {
	if a == nil {
		return false
	}
	_, is := a.messages[seq]
	return is
}

// notAsideError says that a job cannot run beside the writer, or not with these messages left out: nothing of it was done.
type notAsideError struct{ messages []int64 }

func (e *notAsideError) Error() string {
	return fmt.Sprintf("not beside the writer: %d other messages are concerned", len(e.messages))
}

// asideJob runs f, which changes nothing but rows of these messages and what nobody but jobs looks at, as a loose job beside the writer.
// *notAsideError: it did not run, or f gave that.
func (s *Store) asideJob(ctx context.Context, messages []int64, f func(w *writer) error) error {
	return s.runs(ctx, &request{done: make(chan struct{}), job: f, loose: true, keeps: true, messages: messages})
}

// beginAside begins an aside job; the connection of the tables is free.
func (w *writer) beginAside(r *request) {
	if err := w.s.usableErr(nil); err != nil {
		r.answer(err)
		return
	}
	a := &aside{r: r, messages: make(map[int64]struct{}, len(r.messages)), seqs: w.seqs}
	for _, seq := range r.messages {
		a.messages[seq] = struct{}{}
		if _, waits := w.waiting.about[seq]; waits {
			r.answer(&notAsideError{})
			return
		}
	}
	if w.leaving != nil || w.full != nil { // an ordinary job looks first whether there is room again
		r.answer(&notAsideError{})
		return
	}
	w.aside, w.writing = a, true
	w.s.asideWaited.Store(len(w.waiting.readers) > 0 || slices.ContainsFunc(w.later, func(r *request) bool { return !r.loose }))
	go func() { w.ended <- w.transact(r) }()
}

// endAside takes the outcome of the aside job.
func (w *writer) endAside(err error) {
	r := w.aside.r
	w.aside, w.writing = nil, false
	w.cache.jobDone()
	w.jobEnded(r, err)
}

// given are the last numbers given, for jobs: those of a later unit are none of an aside job's business.
func (w *writer) given() sequences {
	if w.aside != nil {
		return w.aside.seqs
	}
	return w.seqs
}

// about calls f with the numbers of the messages that the unit at hand is about, as far as they are stored.
func (t *tx) about(f func(seq int64)) {
	if x := t.look.existing; x != nil {
		f(x.Seq)
	}
	if row := t.look.message; row != nil {
		f(row.seq)
	}
	for _, seq := range t.look.messages {
		f(seq)
	}
	for _, ref := range t.look.deliveries {
		if seq, ok := ref.message.(int64); ok {
			f(seq)
		}
	}
}

// meetsAside says whether the unit at hand is about a message that an aside job may be changing.
func (t *tx) meetsAside() (meets bool) {
	if t.w.aside == nil {
		return false
	}
	t.about(func(seq int64) { meets = meets || t.w.aside.may(seq) })
	return meets
}
