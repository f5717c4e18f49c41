package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// TestPressedRowHurt changes bytes of what is pressed in rows, where no checksum but its own stands beside it: it is damaged, never
// another content.
func TestPressedRowHurt(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 10_000, CheckpointEvery: 3 * time.Millisecond})
	in, out := queuetest.AgedBody("in", 8000), queuetest.AgedBody("out", 11000)
	for i := range 2 { // in the segment in use nothing is pressed: the second one is there to leave that of the first
		if _, err := s.Commit(t.Context(), queuetest.AgedUnit(i, time.Now(), in, out)); err != nil {
			t.Fatal(err)
		}
	}
	settleHeld(t, s)
	ageAll(t, s)
	const id, patient = "m000000", "urn:test|p0"
	for _, c := range []struct {
		table, column string
		want          []byte
		read          func() ([]byte, error)
	}{
		{"message_result", "envelope", out[:len(out)/8], func() ([]byte, error) {
			m, err := s.Message(t.Context(), id)
			return m.Envelope, err
		}},
		{"record", "body", out[:len(out)/4], func() ([]byte, error) {
			r, err := s.Records(t.Context(), patient)
			if err != nil {
				return nil, err
			}
			return r[0].Body, nil
		}},
		{"plan_version", "body", out[:len(out)/2], func() ([]byte, error) {
			p, err := s.Plan(t.Context(), patient, 0)
			return p.Body, err
		}},
	} {
		was, err := single[[]byte](t.Context(), s.db, `SELECT `+c.column+` FROM `+c.table+` WHERE pressed = 1 ORDER BY seq`)
		if err != nil || len(was) == 0 {
			t.Fatalf("%s: %d bytes are pressed, %v", c.table, len(was), err)
		}
		damaged := 0
		for i := 0; i < len(was); i += max(1, len(was)/40) {
			hurt := bytes.Clone(was)
			hurt[i] ^= 1
			put(t, s, `UPDATE `+c.table+` SET `+c.column+` = ?`, hurt)
			got, err := c.read()
			switch {
			case errors.Is(err, queue.ErrDamaged):
				damaged++
			case err != nil:
				t.Errorf("%s, byte %d: %v", c.table, i, err)
			case !bytes.Equal(got, c.want):
				t.Errorf("%s, byte %d: %d other bytes are read", c.table, i, len(got))
			}
		}
		if damaged < 30 {
			t.Errorf("%s: %d of 40 changes were seen", c.table, damaged)
		}
		put(t, s, `UPDATE `+c.table+` SET `+c.column+` = ?`, was)
		if got, err := c.read(); err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s put back: %d bytes, %v", c.table, len(got), err)
		}
	}
}

// put changes rows behind the back of the store.
func put(t *testing.T, s *Store, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // the next line is about one connection
	if _, err := db.Exec(`PRAGMA busy_timeout = 60000`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}
