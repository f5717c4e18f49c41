package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// When waiting changes are written into the tables.
const (
	// applyAfter is how long they wait at most, applyIdle how long after the last unit.
	applyAfter = 250 * time.Millisecond
	applyIdle  = 10 * time.Millisecond
	// applyForJobs is applyAfter where jobs come one after the other, as in an erasure. Each waits for what is on its way into the tables, and
	// then holds the writer the longer the longer it stood in line: with less on its way both are short.
	applyForJobs = 100 * time.Millisecond
	jobsFollow   = time.Second
	// applyRows is how many there are at most: about what one message of two receivers makes, times a thousand.
	applyRows = 40_000
)

// change is how everything is written: it goes into the frame that is being made and to the changes that wait for the
// tables.
func (t *tx) change(c change, vals ...driver.Value) {
	t.w.changes = c.encode(t.w.changes, vals)
	t.w.waiting.put(c, vals)
}

// applySoon begins to write what waits into the tables, beside the writer's goroutine. While something is on its way already
// it does nothing: what waits leaves when that has arrived.
func (w *writer) applySoon() {
	if w.writing || w.s.broken() {
		return
	}
	if w.leaving == nil && w.waiting.frames > 0 {
		w.leave()
	}
	if w.leaving == nil {
		return
	}
	w.writing = true
	go func(x *waiting) { w.ended <- w.put(x) }(w.leaving)
}

// applyNow writes what waits into the tables before it returns. When there is no room it goes on waiting, and units are refused
// until it works; any other error ends the store.
func (w *writer) applyNow() {
	w.join()
	for !w.s.broken() && (w.leaving != nil || w.waiting.frames > 0) {
		if w.leaving == nil {
			w.leave()
		}
		if w.end(w.put(w.leaving)); w.full != nil {
			return
		}
	}
}

// join waits for what is on its way into the tables: after it the connection is the writer's goroutine's own.
func (w *writer) join() {
	if w.writing {
		w.s.asideWaited.Store(w.aside != nil)
		w.end(<-w.ended)
	}
}

// applyDue looks whether what was on its way into the tables has arrived, and begins with what waits when it is time for that.
func (w *writer) applyDue() {
	select {
	case err := <-w.ended:
		w.end(err)
	default:
	}
	x, after := w.waiting, applyAfter
	if time.Since(w.jobbed) < jobsFollow {
		after = applyForJobs
	}
	switch {
	case len(w.later) > 0 && !w.writing: // a job comes first, or else it would stand behind what begins now
	case w.full != nil: // it is tried again when nothing comes for a while, and by whoever asks
	case x.count >= applyRows && w.writing:
		w.applyNow() // more comes than can be written: whoever sends waits for it here
	case x.frames > 0 && (x.count >= applyRows || time.Since(x.since) >= after || len(x.readers) > 0):
		w.applySoon()
	}
}

// leave lets the gathered changes leave for the tables and begins a new generation.
func (w *writer) leave() {
	w.leaving, w.waiting = w.waiting, w.spare
	w.spare = nil
	if w.waiting == nil {
		w.waiting = newWaiting()
	}
	w.waiting.gen = w.leaving.gen + 1
	w.cache.gen = w.waiting.gen
}

// end takes the outcome of writing the leaving generation.
func (w *writer) end(err error) {
	if w.aside != nil {
		w.endAside(err)
		return
	}
	w.writing = false
	x := w.leaving
	switch {
	case err == nil:
		w.arrived()
	case errors.Is(plain(err), queue.ErrFull):
		w.full = plain(err)
	default:
		w.s.fail(err)
	}
	x.answer(w.s.usableErr(w.full))
	if err != nil {
		w.waiting.answer(w.s.usableErr(w.full)) // they would wait behind it: what is there can be read
	}
}

// finish writes what waits at the end of the writer, and answers whoever waits for what cannot be written any more.
func (w *writer) finish() {
	w.applyNow()
	err := w.s.usable()
	if w.full != nil {
		err = w.full
	}
	for _, x := range []*waiting{w.leaving, w.waiting} {
		if x != nil {
			x.answer(err)
		}
	}
}

// arrived notes that the leaving generation is in the tables.
func (w *writer) arrived() {
	x := w.leaving
	w.full, w.leaving = nil, nil
	w.lastMessage, w.lastDelivery = max(w.lastMessage, x.lastMessage), max(w.lastDelivery, x.lastDelivery)
	w.touched.clear(x.gen)
	w.cache.trim(x.gen)
	x.answer(nil)
	x.reset() // what it holds is let go now, the room is used again
	w.spare = x
}

// await lets a reader wait until a generation is in the tables.
func (w *writer) await(r *request) {
	switch {
	case w.s.broken() || w.touched.arrived(r.gen):
		r.answer(w.s.usableErr(nil))
		return
	case w.full != nil:
		if w.applyNow(); w.touched.arrived(r.gen) {
			r.answer(nil)
		} else {
			r.answer(w.s.usableErr(w.full))
		}
		return
	case w.leaving != nil && r.gen <= w.leaving.gen:
		w.leaving.readers = append(w.leaving.readers, r)
	default:
		w.waiting.readers = append(w.waiting.readers, r)
	}
	w.s.asideWaited.Store(w.aside != nil)
	w.applySoon()
}

// put writes a generation into the tables as one transaction. It is not synced: what a crash takes away is
// read from the journal again. After an error nothing of it is there.
func (w *writer) put(x *waiting) error {
	queue.Reach(queue.PointTables)
	if err := w.fitPageCache(); err != nil {
		return fmt.Errorf("page cache: %w", err)
	}
	if _, err := w.st.begin.run(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := x.write(&w.st)
	if err == nil {
		_, err = w.st.journalAt.run(int64(x.end.seg), x.end.at, int64(x.end.frame))
	}
	if err == nil {
		err = queue.Fail(queue.PointTablesReady)
	}
	if err == nil {
		_, err = w.st.commit.run()
	}
	if err != nil {
		// SQLite rolls back on its own after some errors; then this fails, and nothing is left to undo.
		_, _ = w.st.rollback.run()
		return fmt.Errorf("write into the tables: %w", err)
	}
	queue.Reach(queue.PointTablesDone)
	w.s.applies.Add(1)
	return nil
}

// write writes the rows of each table.
func (w *waiting) write(st *statements) error {
	for _, b := range st.batches() {
		if err := st.rows[b.c].write(w.rows[b.c]); err != nil {
			return err
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(w.setMessages)) {
		x := w.setMessages[seq]
		if err := changeOne(st.set[x.c], x.vals); err != nil {
			return err
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(w.setDeliveries)) {
		if err := changeOne(st.set[setDelivery], w.setDeliveries[seq]); err != nil {
			return err
		}
	}
	if err := w.troubles.write(st); err != nil {
		return err
	}
	if err := w.hours.write(st); err != nil {
		return err
	}
	for _, d := range w.dues {
		if _, err := st.set[d.c].run(d.vals...); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.counters)) {
		if _, err := st.set[setCounter].run(name, w.counters[name]); err != nil {
			return err
		}
	}
	for _, k := range sortedKeys(w.tallies) {
		if w.tallies[k] == 0 {
			continue
		}
		if _, err := st.set[addTally].run(k.kind, k.party, k.state, w.tallies[k]); err != nil {
			return err
		}
	}
	if w.auditSeq == 0 {
		return nil
	}
	_, err := st.auditHead.run(w.auditSeq, w.auditHash)
	return err
}

// changeOne runs a statement that must change one row.
func changeOne(s *stmt, vals []driver.Value) error {
	n, err := s.run(vals...)
	if err == nil && n != 1 {
		err = fmt.Errorf("a change of row %v changed %d rows", vals[len(vals)-1], n)
	}
	return err
}

// replay takes up the changes of a frame that stands in the journal and not in the tables; a long journal goes there in pieces.
func (w *writer) replay(changes []byte, end spot) error {
	if err := w.takeUp(changes, end); err != nil || w.waiting.count < applyRows {
		return err
	}
	return w.apply()
}

// takeUp is replay without writing: should there be no room, all of it goes on waiting.
func (w *writer) takeUp(changes []byte, end spot) error {
	err := decode(changes, func(c change, vals []driver.Value) error {
		w.waiting.put(c, vals)
		return nil
	})
	if err != nil {
		return fmt.Errorf("frame %d: %w", end.frame-1, err)
	}
	w.waiting.frames++
	w.waiting.end = end
	return nil
}

// apply writes all that waits into the tables, for those who have nothing else to do.
func (w *writer) apply() error {
	for w.leaving != nil || w.waiting.frames > 0 {
		if w.leaving == nil {
			w.leave()
		}
		if err := w.put(w.leaving); err != nil {
			return err
		}
		w.arrived()
	}
	return nil
}

// recover opens the journal and brings the tables up to its end.
func (w *writer) recover() error {
	from, err := w.applied()
	if err != nil {
		return err
	}
	files := w.s.opts.files
	if w.s.journal, err = openJournal(w.s.journalDir(), w.s.opts.SegmentBytes, files, from, w.replay); err != nil {
		return err
	}
	if at := w.s.journal.end(); w.s.journal.torn > 0 {
		w.s.opts.Logger.Warn("the journal ended in the middle of a frame that nobody was told of; it was cut off",
			"segment", at.seg, "at", at.at, "frame", at.frame, "bytes", w.s.journal.torn)
	}
	return w.apply()
}

// applied reads where in the journal the tables stand.
func (w *writer) applied() (at spot, err error) {
	err = w.query(`SELECT segment, at, frame FROM journal`, func(row []driver.Value) error {
		at = spot{uint32(row[0].(int64)), row[1].(int64), uint64(row[2].(int64))}
		return nil
	})
	return at, err
}

// appliedAt is applied as a reader sees it.
func (r *reader) appliedAt(ctx context.Context) (spot, error) {
	return one(ctx, r.db, func(rows *sql.Rows) (at spot, err error) {
		err = rows.Scan(&at.seg, &at.at, &at.frame)
		return at, err
	}, `SELECT segment, at, frame FROM journal`)
}

// again forgets what is in memory of the waiting changes and reads them from the journal: those of a group that could not be
// written to it are among them.
func (w *writer) again() error {
	w.join()
	if w.s.broken() {
		return w.s.Err()
	}
	// Ids that were given stay given: too high a bound only costs a question.
	readers, gen := w.waiting.readers, w.waiting.gen
	w.lastMessage, w.lastDelivery = max(w.lastMessage, w.waiting.lastMessage), max(w.lastDelivery, w.waiting.lastDelivery)
	if x := w.leaving; x != nil {
		w.lastMessage, w.lastDelivery = max(w.lastMessage, x.lastMessage), max(w.lastDelivery, x.lastDelivery)
		readers = append(readers, x.readers...)
		w.leaving = nil
	}
	w.waiting.reset()
	w.waiting.gen = gen
	w.cache.forget()
	from, err := w.applied()
	if err == nil {
		err = w.s.journal.rest(from, w.takeUp)
	}
	if err == nil {
		err = w.apply()
	}
	for _, r := range readers {
		r.answer(plain(err))
	}
	return err
}
