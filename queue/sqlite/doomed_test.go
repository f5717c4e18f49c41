package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// TestDoomedBeforeGone: a segment in which something is still to be overwritten is not given back to the file system as it is.
func TestDoomedBeforeGone(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 20_000, CheckpointEvery: 3 * time.Millisecond})
	var held spot
	for i := 0; held.seg < 3; i++ {
		if _, err := s.Commit(t.Context(), acceptUnit(fmt.Sprint("m", i), crashBody(fmt.Sprint("m", i)))); err != nil {
			t.Fatal(err)
		}
		if x := s.held.Load(); x != nil {
			held = *x
		}
	}
	first := segmentPath(s.journalDir(), 1)
	job := func(text string, args ...driver.Value) {
		t.Helper()
		if err := s.job(t.Context(), func(w *writer) error { return w.query(text, nil, args...) }); err != nil {
			t.Fatal(err)
		}
	}
	job(`INSERT INTO doomed (place) VALUES (?)`, place{seg: 1, at: frameHead + bodyHead, n: 10}.blob())
	job(`INSERT INTO segment (id, dead) VALUES (1, 1000000) ON CONFLICT (id) DO UPDATE SET dead = excluded.dead`)
	if err := s.tidy(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first); err != nil {
		t.Fatalf("the segment is gone, what is in it was not overwritten: %v", err)
	}
	if err := errors.Join(s.wipePlaces(t.Context(), true), s.tidy(t.Context(), held)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the segment stays: %v", err)
	}
}
