package sqlite

import (
	"context"
	"os"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// checkpoints copies the log into the database beside the writer for as long as the store is open. When it cannot begin, as
// with too many open files, it tries again: nobody else would tidy the journal or look at the size.
func (s *Store) checkpoints() {
	for {
		err := s.copying()
		if err == nil || s.broken() {
			return
		}
		s.opts.Logger.Error("no checkpoints beside the writer, it is tried again", "err", err)
		s.measureSize(s.free.Load())
		select {
		case <-time.After(copyAgain):
		case <-s.stop:
			return
		}
	}
}

// copyAgain is how long apart checkpoints try to begin.
const copyAgain = time.Second

// copying copies the log into the database on a connection of its own, so that commits need not do it: they only step in when the log is
// over 32,000 pages. It returns nil when the store ends, and an error when it cannot begin.
func (s *Store) copying() error {
	db, err := dial(dsn(s.path, s.opts.vfs, "busy_timeout(0)", "synchronous(FULL)"))
	if err != nil {
		return err
	}
	defer db.close()
	checkpoint, err := db.prepare(`PRAGMA wal_checkpoint(PASSIVE)`)
	if err != nil {
		return err
	}
	defer checkpoint.close()
	applied, err := db.prepare(`SELECT segment, at, frame FROM journal`)
	if err != nil {
		return err
	}
	defer applied.close()
	unused, err := db.prepare(freePages)
	if err != nil {
		return err
	}
	defer unused.close()
	tick := time.NewTicker(s.opts.CheckpointEvery)
	defer tick.Stop()
	last := int64(-1)
	for {
		select {
		case <-tick.C:
		case <-s.stop:
			return nil
		}
		free := s.free.Load()
		if row, err := unused.row(); err == nil && row != nil { // otherwise it is looked at with the next
			free = row[0].(int64)
		}
		s.measureSize(free)
		n := s.applies.Load()
		if n == last {
			continue
		}
		whole, err := s.checkpoint(applied, checkpoint)
		if err != nil && isFatal(err) {
			s.fail(err)
			return nil
		}
		if whole {
			last = n
		}
	}
}

// checkpoint copies the log into the database and says whether that was all of it. Then what the tables held before is on disk for
// good: SQLite syncs the log before it copies. While a reader stands before the end of the log nothing may be copied, and then
// nothing is synced either.
func (s *Store) checkpoint(applied, checkpoint *stmt) (whole bool, err error) {
	row, err := applied.row()
	if err != nil {
		return false, err
	}
	at := spot{uint32(row[0].(int64)), row[1].(int64), uint64(row[2].(int64))}
	queue.Reach(queue.PointCheckpoint)
	if row, err = checkpoint.row(); err != nil {
		return false, err
	}
	queue.Reach(queue.PointCopied)
	// Busy, the pages in the log, those of them that are copied. Source: SQLite, "PRAGMA wal_checkpoint".
	if busy, ok := row[0].(int64); !ok || busy != 0 || row[1] != row[2] {
		return false, nil
	}
	before := s.held.Swap(&at)
	if before == nil || before.seg != at.seg {
		s.askTidy()
	}
	return true, nil
}

// measureSize notes the size of the store. free are the bytes of pages in the database that hold nothing any more: the file keeps
// them, and what comes next is written there.
func (s *Store) measureSize(free int64) {
	n := s.bodies.bytes.Load() + s.journal.bytes.Load()
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(s.path + suffix); err == nil {
			n += info.Size()
		}
	}
	s.size.Store(n)
	s.free.Store(free)
}

// measureFirst notes the size before there are checkpoints.
func (s *Store) measureFirst(ctx context.Context) {
	free, err := single[int64](ctx, s.db, freePages)
	if err != nil {
		s.opts.Logger.Error("the unused room of the database is not known yet", "err", err)
	}
	s.measureSize(free)
}

// freePages gives the bytes of pages that hold nothing.
const freePages = `SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size`

// OverBudget says whether new messages are refused; see queue.Bounded.
func (s *Store) OverBudget(reserve bool) bool {
	return queue.Over(s.size.Load()-s.free.Load(), s.opts.DiskBudget, reserve)
}
