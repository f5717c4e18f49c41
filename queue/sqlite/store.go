package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// usable gives nil while units are taken, otherwise why not.
func (s *Store) usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return queue.ErrFailed
	case s.closed:
		return queue.ErrClosed
	}
	return nil
}

// usableErr is usable, and err when it is.
func (s *Store) usableErr(err error) error {
	if s.broken() {
		return queue.ErrFailed
	}
	return err
}

func (s *Store) broken() bool { return s.Err() != nil }

// fail ends the store: nothing is taken any more, and everybody who waits is told.
func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err = errors.Join(queue.ErrFailed, err)
	close(s.failed)
	if !s.stopped {
		s.stopped = true
		close(s.stop)
	}
	s.opts.Logger.Error("store failed, the gateway must be restarted", "err", err)
}

// Failed is closed when the store has failed; see queue.Store.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err tells why the store has failed, nil while it has not.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the store; see queue.Store. Units that wait are answered with queue.ErrClosed, those in the
// running group with their outcome.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.closing
		return nil
	}
	s.closed = true
	if !s.stopped {
		s.stopped = true
		close(s.stop)
	}
	w := s.writer
	s.mu.Unlock()
	defer close(s.closing)

	<-s.writerDone
	s.others.Wait()
	queue.Reach(queue.PointClose)
	s.lanes.stop()
	s.subs.Close()
	s.meters.close(s.opts.Registerer)
	err := s.reader.close()
	if !s.broken() {
		s.journal.trim()
	}
	s.journal.close()
	w.close() // the last connection: SQLite copies the log into the database and removes it
	if e := s.lock.Close(); err == nil {
		err = e
	}
	return err
}

// Subscribe gives committed events in order; see queue.Store. Close of the store closes the channel too.
func (s *Store) Subscribe(buffer int) (<-chan samvirke.Event, func()) { return s.subs.Add(buffer) }

// checkpoints copies the log into the database on a connection of its own, so that commits need not
// do it: they only step in when the log is over 32,000 pages.
func (s *Store) checkpoints() {
	db, err := dial(dsn(s.path, s.opts.vfs, "busy_timeout(0)", "synchronous(FULL)"))
	if err != nil {
		s.opts.Logger.Error("no checkpoints beside the writer", "err", err)
		return
	}
	defer db.close()
	checkpoint, err := db.prepare(`PRAGMA wal_checkpoint(PASSIVE)`)
	if err != nil {
		s.opts.Logger.Error("no checkpoints beside the writer", "err", err)
		return
	}
	defer checkpoint.close()
	applied, err := db.prepare(`SELECT segment, at, frame FROM journal`)
	if err != nil {
		s.opts.Logger.Error("no checkpoints beside the writer", "err", err)
		return
	}
	defer applied.close()
	tick := time.NewTicker(s.opts.CheckpointEvery)
	defer tick.Stop()
	last := int64(-1)
	for {
		select {
		case <-tick.C:
		case <-s.stop:
			return
		}
		s.measureSize()
		n := s.applies.Load()
		if n == last {
			continue
		}
		whole, err := s.checkpoint(applied, checkpoint)
		if err != nil && isFatal(err) {
			s.fail(err)
			return
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

// measureSize notes the size of the store.
func (s *Store) measureSize() {
	n := s.bodies.bytes.Load() + s.journal.bytes.Load()
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(s.path + suffix); err == nil {
			n += info.Size()
		}
	}
	s.size.Store(n)
}

// OverBudget says whether new messages are refused; see queue.Bounded.
func (s *Store) OverBudget() bool {
	return s.opts.DiskBudget > 0 && s.size.Load() >= s.opts.DiskBudget
}

func isFile(path string) bool {
	info, err := os.Stat(filepath.Clean(path))
	return err == nil && info.Mode()&fs.ModeType == 0
}

// Stats gives the totals; see queue.Reader.
func (r *reader) Stats(ctx context.Context) (queue.Stats, error) {
	st := queue.Stats{Messages: map[samvirke.MessageStatus]int64{},
		Deliveries:    map[string]map[samvirke.DeliveryState]int64{},
		OldestWaiting: map[string]time.Time{}, ReceiptsAwaited: map[string]int64{}}
	if r.totals != nil {
		r.totals(&st)
	} else if err := r.storedStats(ctx, &st); err != nil {
		return st, err
	}
	if err := r.wait(ctx); err != nil {
		return st, err
	}
	return st, r.oldest(ctx, &st)
}
