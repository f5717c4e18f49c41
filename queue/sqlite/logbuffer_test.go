package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// largeUnit has n bodies of 40,000 bytes, each of its own.
func largeUnit(n int) *queue.Unit {
	u := acceptUnit("large", []byte("raw"))
	for i := range n {
		u.Records = append(u.Records, queue.Record{Key: fmt.Sprint("d", i), Hash: "h", MessageID: "large", Patient: fmt.Sprint("p", i),
			Body: bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 20_000)})
	}
	return u
}

// TestLogBuffer commits a unit that is larger than SQLite's own memory, so that it writes pages of the log before the
// commit, reads them back and writes some again: all of it stands there, also after a restart, and took a tenth
// of the calls.
func TestLogBuffer(t *testing.T) {
	f := newFaultVFS(t, "")
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, vfs: f.name, CheckpointEvery: time.Hour})
	const n = 400 // 16 MB in 4,000 pages
	u := largeUnit(n)
	before := f.logWrites()
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := s.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.logWrites() - before; got == 0 || got > 600 {
		t.Errorf("%d calls wrote about 4,000 pages of the log", got)
	}
	check := func() {
		t.Helper()
		for i := range n {
			r, err := s.Records(t.Context(), fmt.Sprint("p", i))
			if err != nil || len(r) != 1 || !bytes.Equal(r[0].Body, u.Records[i].Body) {
				t.Fatalf("record %d: %d found, %v", i, len(r), err)
			}
		}
		var sound string
		if err := s.db.QueryRow(`PRAGMA integrity_check`).Scan(&sound); err != nil || sound != "ok" {
			t.Fatalf("database is damaged: %s, %v", sound, err)
		}
	}
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	check()
}

// TestLogBufferFails lets the log fail in the middle of a unit that does not fit into the buffer, nor into memory: the store ends, and the
// unit, which was acknowledged, comes back from the journal.
func TestLogBufferFails(t *testing.T) {
	f := newFaultVFS(t, "")
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, vfs: f.name, CheckpointEvery: time.Hour})
	if _, err := s.Commit(t.Context(), acceptUnit("before", nil)); err != nil {
		t.Fatal(err)
	}
	f.failAfter("-wal", 50)
	if _, err := s.Commit(context.Background(), largeUnit(400)); err != nil {
		t.Fatal(err)
	}
	<-s.Failed()
	if got, err := s.Messages(t.Context(), queue.MessageFilter{}); !errors.Is(err, queue.ErrFailed) {
		t.Errorf("%d messages of a store that failed, %v", len(got), err)
	}
	f.set("", "")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	if _, err := s.Message(t.Context(), "before"); err != nil {
		t.Error(err)
	}
	if r, err := s.Records(t.Context(), "p399"); err != nil || len(r) != 1 {
		t.Errorf("half a unit is there: %v", err)
	}
	if off, err := s.countOff(t.Context()); err != nil || len(off) != 0 {
		t.Errorf("the books are off by %v, %v", off, err)
	}
}

// TestLogBufferAfterSpill: a transaction that does not fit into SQLite's memory writes pages of the log more than once, and the heads of all
// that follow on anew at its end. It, and a small one behind it, stand in the log when they are shown to others, though nothing is synced.
func TestLogBufferAfterSpill(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, CheckpointEvery: time.Hour})
	job := func(texts ...string) {
		t.Helper()
		if err := s.looseJob(t.Context(), func(w *writer) error {
			for _, text := range texts {
				if err := w.query(text, nil); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	job(`CREATE TABLE spilled (id INTEGER PRIMARY KEY, body BLOB)`)
	for round := range 3 {
		rows := 3000 + round // 12 MB in pages, more than stays in memory
		job(`DELETE FROM spilled`, fmt.Sprintf(`WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d) INSERT INTO spilled SELECT n, randomblob(3000) FROM c`, rows),
			`UPDATE spilled SET body = randomblob(3000)`)
		if round == 1 {
			log, err := os.ReadFile(s.path + "-wal")
			if err == nil && len(log) == 0 {
				err = errors.New("the log is empty")
			}
			base, e := os.ReadFile(s.path)
			if err = errors.Join(err, e); err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(t.TempDir(), "copy.db")
			if err := errors.Join(os.WriteFile(copied, base, 0o600), os.WriteFile(copied+"-wal", log, 0o600)); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", copied)
			if err != nil {
				t.Fatal(err)
			}
			var n int
			if err := db.QueryRow(`SELECT count(*) FROM spilled`).Scan(&n); err != nil || n != rows {
				t.Errorf("%d rows of %d outlive the process, %v", n, rows, err)
			}
			intact(t, db)
			_ = db.Close()
		}
		job(fmt.Sprintf(`UPDATE integrity SET checked = %d`, round+1))
		if c, err := s.checkingAt(t.Context()); err != nil || c.checked != int64(round+1) {
			t.Errorf("round %d: %d, %v", round, c.checked, err)
		}
		intact(t, s.db)
		if round == 1 {
			if err := s.cutLog(t.Context()); err != nil { // what comes next is written over what was there
				t.Fatal(err)
			}
			intact(t, s.db)
		}
	}
}

func intact(t *testing.T, db *sql.DB) {
	t.Helper()
	var is string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&is); err != nil || is != "ok" {
		t.Errorf("database is damaged: %s, %v", is, err)
	}
}
