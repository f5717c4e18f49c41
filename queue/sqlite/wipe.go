package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// wipePages is how many pages are gathered to be written; as many of them at a time as go into eraseHurry, and wipeLeast at least.
const (
	wipePages = 4096
	wipeLeast = 64
	// wipeLook is how many pages are looked at in one reading transaction: to begin one for each takes half as long again.
	wipeLook = 256
)

// wipe takes what was deleted out of the files. With secure_delete the room of a deleted row is overwritten, but not
// what is left of a row that was moved to another page when a page was split; so the unused room of every page is
// overwritten too. Then the log, which holds pages as they were, is copied into the database and cut to nothing.
//
// Pages that were written since the last wipe are looked at on a reading connection, and only those with something in their unused room
// are written.
func (s *Store) wipe(ctx context.Context) error {
	clean, err := single[int64](ctx, s.db, `SELECT clean FROM erasure`)
	if err != nil {
		return err
	}
	if clean == 0 {
		// Written by a version that did not overwrite: the whole database is written anew, once.
		if err := s.outside(ctx, `VACUUM`); err != nil {
			return fmt.Errorf("rewrite the database: %w", err)
		}
	} else if err := s.wipePages(ctx); err != nil {
		return fmt.Errorf("overwrite unused room: %w", err)
	}
	upTo, err := s.appliedAt(ctx)
	if err != nil {
		return err
	}
	if err := s.copyLog(); err != nil {
		return err
	}
	if err := s.cutLog(ctx); err != nil {
		return err
	}
	if err := s.wipeChanges(ctx, upTo); err != nil {
		return fmt.Errorf("overwrite changes in the journal: %w", err)
	}
	queue.Reach(queue.PointEraseWiped)
	return s.job(ctx, func(w *writer) error { return w.query(`UPDATE erasure SET clean = 1, dirty = 0`, nil) })
}

// How often and how long apart the log is tried to be cut: a reader or the checkpoint beside the writer may be in it.
const (
	cutTries = 400
	cutWait  = 25 * time.Millisecond
)

var errLogHeld = errors.New("the log could not be cut: a reader holds it")

// copyLog copies most of the log into the database beside the writer, which would stand for as long as that takes.
func (s *Store) copyLog() error {
	db, err := dial(dsn(s.path, s.opts.vfs, "busy_timeout(0)", "synchronous(FULL)"))
	if err != nil {
		return err
	}
	defer db.close()
	copied, err := db.prepare(`PRAGMA wal_checkpoint(PASSIVE)`)
	if err != nil {
		return err
	}
	defer copied.close()
	if _, err = copied.row(); err != nil && isFatal(err) {
		s.fail(err)
		return err
	}
	return nil // it is only a help
}

func (s *Store) cutLog(ctx context.Context) error {
	for try := 1; ; try++ {
		err := s.outside(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
		if !errors.Is(err, errLogHeld) || try == cutTries {
			return err
		}
		select {
		case <-time.After(cutWait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// outside runs a statement on the writer's connection outside of a transaction.
func (s *Store) outside(ctx context.Context, text string) error {
	return s.job(ctx, func(w *writer) error {
		if _, err := w.st.rollback.run(); err != nil { // the job's own, which is empty
			return err
		}
		err := w.query(`PRAGMA busy_timeout = 0`, nil) // a reader must not hold the writer up: it is tried again
		busy := false
		if err == nil {
			err = w.query(text, func(row []driver.Value) error {
				n, isNumber := row[0].(int64)
				busy = isNumber && n != 0
				return nil
			})
		}
		if e := w.query(`PRAGMA busy_timeout = `+busyTimeout, nil); err == nil {
			err = e
		}
		if _, e := w.st.begin.run(); err == nil { // for the commit that follows
			err = e
		}
		if err == nil && busy {
			err = errLogHeld
		}
		return err
	})
}

func (s *Store) wipePages(ctx context.Context) (err error) {
	written := &s.writer.log.written
	defer func() {
		if err != nil {
			written.markAll()
		}
	}()
	var pages iter.Seq[int64]
	err = s.looseJob(ctx, func(w *writer) error {
		return w.query(`SELECT page_count FROM pragma_page_count`, func(row []driver.Value) error {
			pages = written.take(row[0].(int64))
			return nil
		})
	})
	if err != nil {
		return err
	}
	// Not by database/sql, which takes several times as long as SQLite for a page.
	db, err := dial(dsn(s.path, s.opts.vfs, "busy_timeout(10000)", "cache_size(-100)"))
	if err != nil {
		return err
	}
	defer db.close()
	var stale []int64
	for some := range chunks(pages, wipeLook) {
		if stale, err = db.stalePages(stale, some); err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if len(stale) < wipePages {
			continue
		}
		if err := s.clearPages(ctx, stale); err != nil {
			return err
		}
		stale = stale[:0]
	}
	return s.clearPages(ctx, stale)
}

// chunks gives what a sequence has, n at a time; a chunk is valid until the next one.
func chunks(seq iter.Seq[int64], n int) iter.Seq[[]int64] {
	return func(yield func([]int64) bool) {
		some := make([]int64, 0, n)
		for v := range seq {
			if some = append(some, v); len(some) < n {
				continue
			}
			if !yield(some) {
				return
			}
			some = some[:0]
		}
		if len(some) > 0 {
			yield(some)
		}
	}
}

// stalePages adds those of some pages that have something in their unused room.
func (c *conn) stalePages(stale, pages []int64) ([]int64, error) {
	look, err := c.prepare(`SELECT data FROM sqlite_dbpage WHERE pgno = ?`)
	if err != nil {
		return nil, err
	}
	defer look.close()
	if err := c.exec(`BEGIN`); err != nil {
		return nil, err
	}
	for _, pgno := range pages {
		row, err := look.row(pgno)
		if err != nil {
			return nil, err
		}
		if row == nil {
			continue // the database is shorter now
		}
		if data, is := row[0].([]byte); is && clearUnused(data, pgno == 1) {
			stale = append(stale, pgno)
		}
	}
	return stale, c.exec(`COMMIT`)
}

func (s *Store) clearPages(ctx context.Context, pages []int64) error {
	for n := 0; len(pages) > 0; pages = pages[n:] {
		err := s.looseJob(ctx, func(w *writer) (err error) {
			n, err = w.clearPages(pages)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// clearPages overwrites what is unused in the first of some pages, and says in how many.
func (w *writer) clearPages(pages []int64) (n int, err error) {
	for began := time.Now(); n < len(pages) && (n < wipeLeast || time.Since(began) < eraseHurry); n++ {
		pgno := pages[n]
		err := w.query(`SELECT data FROM sqlite_dbpage WHERE pgno = ?`, func(row []driver.Value) error {
			data, ok := row[0].([]byte)
			if !ok || !clearUnused(data, pgno == 1) {
				return nil
			}
			return w.query(`UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?`, nil, data, pgno)
		}, pgno)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// clearUnused overwrites the room between the cell pointers of a b-tree page and its first cell, and says whether
// there was anything in it. Pages of another kind are left as they are: their unused room was never used, or was
// overwritten when the page was let go.
//
// Source: SQLite, "Database File Format", section 1.6.
func clearUnused(page []byte, first bool) (changed bool) {
	at := 0
	if first {
		at = 100 // behind the header of the file
	}
	if len(page) < at+12 {
		return false
	}
	head := 8
	switch page[at] {
	case 2, 5:
		head = 12 // inner pages
	case 10, 13:
	default:
		return false
	}
	cells := int(binary.BigEndian.Uint16(page[at+3:]))
	content := int(binary.BigEndian.Uint16(page[at+5:]))
	if content == 0 {
		content = 65536
	}
	from := at + head + 2*cells
	if from > content || content > len(page) || page[at+7] > 60 {
		return false // no b-tree page, only a first byte that looks like one
	}
	for i := from; i < content; i++ {
		if page[i] != 0 {
			page[i], changed = 0, true
		}
	}
	return changed
}
