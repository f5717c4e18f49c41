package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
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
	// applyRows is how many there are at most: about what one message of two receivers makes, times a thousand.
	applyRows = 40_000
)

// change is how everything is written: it goes into the frame that is being made and to the changes that wait for the
// tables.
func (t *tx) change(c change, vals ...driver.Value) {
	t.w.changes = c.encode(t.w.changes, vals)
	t.w.waiting.put(c, vals)
}

// apply writes the waiting changes into the tables as one transaction. It is not synced: what a crash takes away is
// read from the journal again. After an error everything waits still.
func (w *writer) apply() error {
	x := w.waiting
	if x.frames == 0 {
		return nil
	}
	queue.Reach(queue.PointTables)
	if _, err := w.st.begin.run(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := x.write()
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
	w.lastMessage, w.lastDelivery = max(w.lastMessage, x.lastMessage), max(w.lastDelivery, x.lastDelivery)
	x.reset()
	x.touched.clear()
	w.cache.trim()
	return nil
}

// write writes the rows of each table.
func (w *waiting) write() error {
	st := w.st
	for _, b := range st.batches() {
		if err := st.rows[b.c].write(); err != nil {
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

// replay takes up the changes of a frame that stands in the journal and not in the tables.
func (w *writer) replay(changes []byte, end spot) error {
	err := decode(changes, func(c change, vals []driver.Value) error {
		w.waiting.put(c, vals)
		return nil
	})
	if err != nil {
		return fmt.Errorf("frame %d: %w", end.frame-1, err)
	}
	w.waiting.frames++
	w.waiting.end = end
	if w.waiting.rows < applyRows {
		return nil
	}
	return w.apply()
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
	w.waiting.reset()
	w.cache.forget()
	from, err := w.applied()
	if err == nil {
		err = w.s.journal.rest(from, w.replay)
	}
	if err == nil {
		err = w.apply()
	}
	return err
}
