package sqlite

import (
	"context"
	"database/sql/driver"
	"slices"
)

// job runs f alone in a transaction of the writer, which is synced before it returns.
func (s *Store) job(ctx context.Context, f func(w *writer) error) error {
	return s.runs(ctx, &request{done: make(chan struct{}), job: f})
}

// looseJob is a job that is not synced by itself: after a power cut it may be undone, with all that came after it in the tables. The sync
// of one writes all that the log was given since the last, so many of them one after the other cost more than their rows.
//
// Many may come each second, so what the writer remembers of rows stays: f tells rowCache.without which messages and deliveries it changes,
// and changes no plan.
func (s *Store) looseJob(ctx context.Context, f func(w *writer) error) error {
	return s.runs(ctx, &request{done: make(chan struct{}), job: f, loose: true, keeps: true})
}

// bodyJob is a job that changes nothing of rows but where their bodies stand, which the writer does not remember.
func (s *Store) bodyJob(ctx context.Context, f func(w *writer) error) error {
	return s.runs(ctx, &request{done: make(chan struct{}), job: f, keeps: true})
}

// putOff lets a job wait for what is on its way into the tables, beside the writer: all that waits must be there before it runs,
// and for what comes meanwhile the writer stands for a short time only.
func (w *writer) putOff(r *request) {
	switch {
	case r.messages != nil:
		r.after = w.waiting.gen + 1 // it needs nothing of them; it only does not wait for ever
	case w.aside != nil || len(w.later) > 0:
		r.behind = true
	default:
		w.sendFor(r)
	}
	w.later = append(w.later, r)
	if !r.loose {
		w.s.asideWaited.Store(w.aside != nil)
	}
}

// sendFor begins to write what a job wants to find in the tables.
func (w *writer) sendFor(r *request) {
	r.behind = false
	if w.full == nil {
		w.applySoon()
	}
	if w.leaving != nil {
		r.after = w.leaving.gen
	}
}

// mustWait says whether a job that was put off has to wait still.
func (w *writer) mustWait(r *request) bool {
	if w.full != nil || w.s.broken() {
		return false
	}
	if r.behind && w.aside == nil {
		w.sendFor(r)
	}
	return w.writing && (w.aside != nil || w.leaving.gen <= r.after)
}

// runLater runs the jobs that were put off and need not wait any more.
func (w *writer) runLater() {
	for len(w.later) > 0 {
		r := w.later[0]
		if w.mustWait(r) {
			return
		}
		w.later[0] = nil
		w.later = w.later[1:]
		if r.messages == nil {
			w.runJob(r)
			continue
		}
		w.join()
		w.beginAside(r)
	}
	w.later = nil
}

func (s *Store) runs(ctx context.Context, r *request) error {
	if err := s.usable(); err != nil {
		return err
	}
	f := r.job
	r.job = func(w *writer) error {
		switch {
		case r.messages != nil:
			return f(w)
		case r.keeps:
			defer w.cache.jobDone()
			return f(w)
		}
		w.cache.forget()
		defer w.cache.forget()
		return f(w)
	}
	_, err := s.submit(ctx, r)
	return err
}

// maxJobStatements is how many statements a job keeps until it ends.
const maxJobStatements = 64

// jobStatement gives a statement that is needed rarely. A job that goes through many rows runs a few over and over: to prepare one
// takes longer than to run it, so it keeps them until its end.
func (w *writer) jobStatement(sql string) (st *stmt, done func(), err error) {
	if st = w.jobs[sql]; st != nil {
		return st, func() {}, nil
	}
	if st, err = w.db.prepare(sql); err != nil {
		return nil, nil, err
	}
	if w.jobs != nil && len(w.jobs) < maxJobStatements {
		w.jobs[sql] = st
		return st, func() {}, nil
	}
	return st, func() { _ = st.close() }, nil // it has run
}

// forgetStatements ends the keeping of statements.
func (w *writer) forgetStatements() {
	for _, st := range w.jobs {
		_ = st.close() // it has run
	}
	w.jobs = nil
}

// query runs a statement that is needed rarely.
func (w *writer) query(sql string, f func(row []driver.Value) error, vals ...driver.Value) error {
	st, done, err := w.jobStatement(sql)
	if err != nil {
		return err
	}
	defer done()
	if f == nil {
		_, err = st.run(vals...)
		return err
	}
	var rows [][]driver.Value // f may run statements of its own
	if err := st.each(func(row []driver.Value) error {
		rows = append(rows, slices.Clone(row))
		return nil
	}, vals...); err != nil {
		return err
	}
	for _, row := range rows {
		if err := f(row); err != nil {
			return err
		}
	}
	return nil
}
