package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// leaveSegments stores messages until the first segment is left and gives their ids; some are about somebody else, by their number.
func leaveSegments(t *testing.T, s *Store, other func(n int) bool) (ids []string) {
	t.Helper()
	for n := 0; s.journal.end().seg < 3; n++ {
		u := acceptUnit(fmt.Sprint("m", n), bytes.Repeat([]byte{'x'}, 5000))
		u.Accept.Patient, u.Accept.ExternalID = "urn:test|one", fmt.Sprint("x", n)
		if other(n) {
			u.Accept.Patient = "urn:test|other"
		}
		u.Message = &queue.MessageStep{ID: u.Accept.ID, To: samvirke.MessageProcessed, Patient: u.Accept.Patient}
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, u.Accept.ID)
	}
	if err := s.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.syncTables(t.Context()); err != nil {
		t.Fatal(err)
	}
	return ids
}

// silent does the first step of an erasure of somebody silent, which is not synced.
func silent(t *testing.T, s *Store, patient string) {
	t.Helper()
	x := &eraser{s: s, e: queue.Erasure{Patients: []string{patient}, Silent: time.Now().Add(time.Hour), Unwiped: true}}
	x.upTo = sequences{message: 1 << 60, delivery: 1 << 60}
	if err := x.messages(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// whileThere is a context that ends when a file is gone.
type whileThere struct {
	context.Context
	path string
}

func (c whileThere) Done() <-chan struct{} {
	if c.Err() == nil {
		return nil
	}
	done := make(chan struct{})
	close(done)
	return done
}

func (c whileThere) Err() error {
	if _, err := os.Stat(c.path); errors.Is(err, fs.ErrNotExist) {
		return context.Canceled
	}
	return nil
}

// TestTidyOverPowerCut: a segment in which nothing is needed goes, and then the power. What comes back in the tables has its body.
func TestTidyOverPowerCut(t *testing.T) {
	shadow, dir := t.TempDir(), t.TempDir()
	f := newFaultVFS(t, shadow)
	j := &faultFiles{shadow: filepath.Join(shadow, "journal")}
	if err := os.Mkdir(j.shadow, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: dir, vfs: f.name, files: j, CheckpointEvery: time.Hour, SegmentBytes: 50_000})
	ids := leaveSegments(t, s, func(int) bool { return false })
	held := s.journal.end()
	silent(t, s, "urn:test|one")
	first := segmentPath(s.journalDir(), 1)
	_ = s.tidy(whileThere{t.Context(), first}, held) // it does not come to what is done behind that
	if _, err := os.Stat(first); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the first segment is there still: %v", err)
	}
	f.mu.Lock() // the power goes: the shadow is what was synced, and a file that was removed may be gone
	after := t.TempDir()
	err := os.CopyFS(after, os.DirFS(shadow))
	f.mu.Unlock()
	for seg := uint32(1); seg < held.seg && err == nil; seg++ {
		if _, e := os.Stat(segmentPath(s.journalDir(), seg)); errors.Is(e, fs.ErrNotExist) {
			err = os.Remove(segmentPath(filepath.Join(after, "journal"), seg))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	s2, err := Open(t.Context(), Options{Dir: after, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	for _, id := range ids {
		m, err := s2.Message(context.Background(), id)
		if errors.Is(err, queue.ErrDamaged) || err == nil && (m.Checksum == "") != (len(m.Raw) == 0) {
			t.Errorf("%s: body of %d bytes, checksum %q, %v", id, len(m.Raw), m.Checksum, err)
		}
	}
}

// TestSpared: bodies that need no overwriting keep their room for a while when most of their segment is dead; what somebody asked to
// erase is overwritten at once, and the segment that is dead goes as a whole.
func TestSpared(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), CheckpointEvery: 3 * time.Millisecond, SegmentBytes: 50_000})
	leaveSegments(t, s, func(n int) bool { return n == 3 })
	for end := time.Now().Add(comes); s.held.Load() == nil || s.held.Load().seg < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no checkpoint")
		}
	}
	if err := s.tidy(t.Context(), *s.held.Load()); err != nil {
		t.Fatal(err)
	}
	places := func(patient string) []place {
		t.Helper()
		all, err := list(t.Context(), s.db, func(rows *sql.Rows) (p place, err error) {
			var b []byte
			err = rows.Scan(&b)
			p, _ = placeOf(b)
			return p, err
		}, `SELECT place FROM message WHERE patient = ? AND place IS NOT NULL ORDER BY seq`, patient)
		if err != nil || len(all) == 0 {
			t.Fatalf("%d places, %v", len(all), err)
		}
		return all
	}
	there := func(p place) bool {
		t.Helper()
		f, err := os.Open(segmentPath(s.journalDir(), p.seg))
		if errors.Is(err, fs.ErrNotExist) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b := make([]byte, p.n)
		if _, err := f.ReadAt(b, int64(p.at)); err != nil {
			t.Fatal(err)
		}
		return len(bytes.Trim(b, "\x00")) > 0
	}
	wipe := func() {
		t.Helper()
		if err := s.wipePlaces(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	one, other := places("urn:test|one")[0], places("urn:test|other")[0]
	if one.seg != 1 || other.seg != 1 {
		t.Fatalf("bodies in segments %d and %d", one.seg, other.seg)
	}
	silent(t, s, "urn:test|one")
	dirty, err := single[int64](t.Context(), s.db, `SELECT dirty FROM erasure`)
	if err = errors.Join(err, s.Wipe(t.Context())); err != nil || dirty != dirtySilent {
		t.Fatalf("%d, %v", dirty, err)
	}
	if !there(one) {
		t.Error("a body of a segment that is nearly dead was taken at once")
	}
	s.spared.since[1] = time.Now().Add(-2 * spareFor)
	wipe()
	if there(one) || !there(other) {
		t.Errorf("after a while: there %v, that of somebody else %v", there(one), there(other))
	}
	if _, err := s.Erase(t.Context(), queue.Erasure{Patients: []string{"urn:test|other"}}); err != nil {
		t.Fatal(err)
	}
	if there(other) {
		t.Error("what was asked for is there still")
	}
	wipe()
	if _, err := os.Stat(segmentPath(s.journalDir(), 1)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the dead segment is there still: %v", err)
	}
}

// TestSparedAsked: bodies that were dropped and are spared belong to somebody who asks to be erased: nothing of them is left.
func TestSparedAsked(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), CheckpointEvery: time.Hour, SegmentBytes: 50_000})
	leaveSegments(t, s, func(n int) bool { return n < 3 })
	if err := s.tidy(t.Context(), s.journal.end()); err != nil {
		t.Fatal(err)
	}
	places, err := list(t.Context(), s.db, func(rows *sql.Rows) (p place, err error) {
		var b []byte
		err = rows.Scan(&b)
		p, _ = placeOf(b)
		return p, err
	}, `SELECT place FROM message WHERE patient = 'urn:test|one'`)
	if err != nil {
		t.Fatal(err)
	}
	for after := int64(3); after != 0; { // what is before it stays
		if _, after, err = s.DropPayloads(t.Context(), time.Now().Add(time.Hour), after, 100); err != nil {
			t.Fatal(err)
		}
	}
	if !s.sparedAny.Load() {
		t.Fatal("nothing is spared, so this shows nothing")
	}
	if _, err := s.Erase(t.Context(), queue.Erasure{Patients: []string{"urn:test|one"}}); err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		raw, err := os.ReadFile(segmentPath(s.journalDir(), p.seg))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err == nil && len(bytes.Trim(raw[p.at:p.at+p.n], "\x00")) > 0 {
			t.Errorf("the body at byte %d of segment %d is there still", p.at, p.seg)
		}
	}
}

// TestSparedOverwritten: somebody asked for one of the bodies in a segment that is nearly dead: that one is overwritten at once.
func TestSparedOverwritten(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), CheckpointEvery: time.Hour, SegmentBytes: 50_000})
	leaveSegments(t, s, func(n int) bool { return n == 3 || n == 4 })
	if err := s.tidy(t.Context(), s.journal.end()); err != nil {
		t.Fatal(err)
	}
	silent(t, s, "urn:test|one")
	x := &eraser{s: s, e: queue.Erasure{Patients: []string{"urn:test|other"}}, upTo: sequences{message: 1 << 60, delivery: 1 << 60}}
	if err := x.messages(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.wipePlaces(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	left, err := single[int64](t.Context(), s.db, `SELECT count(*) FROM doomed WHERE mild = 0`)
	if err != nil || left != 0 {
		t.Errorf("%d bodies wait to be overwritten, %v", left, err)
	}
}
