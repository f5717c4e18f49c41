package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// checkAged reads everything of queuetest.AgedUnit again.
func checkAged(t *testing.T, s *Store, n int, in, out []byte) {
	t.Helper()
	if err := queuetest.CheckAged(t.Context(), s, n, in, out); err != nil {
		t.Fatal(err)
	}
}

// ageAll ages until nothing is left but what lies in the segment in use.
func ageAll(t *testing.T, s *Store) {
	t.Helper()
	settleHeld(t, s)
	for {
		n, err := s.Age(t.Context(), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// settleHeld waits until the tables have everything for good.
func settleHeld(t testing.TB, s *Store) {
	t.Helper()
	if err := s.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	want, err := s.appliedAt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(comes); ; time.Sleep(time.Millisecond) {
		if held := s.held.Load(); held != nil && *held == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("held is %+v, the tables are at %+v", s.held.Load(), want)
		}
	}
}

// TestAge presses everything, reads it again, also after a restart and from a backup, erases a person and drops the rest.
func TestAge(t *testing.T) {
	o := Options{Dir: t.TempDir(), SegmentBytes: 100_000, CheckpointEvery: 3 * time.Millisecond}
	s := open(t, o)
	const n = 30
	in, out := make([][]byte, n), make([][]byte, n)
	began := time.Now()
	for i := range n {
		in[i], out[i] = queuetest.AgedBody(fmt.Sprint("in", i), 8000), queuetest.AgedBody(fmt.Sprint("out", i), 11000)
		if _, err := s.Commit(t.Context(), queuetest.AgedUnit(i, began, in[i], out[i])); err != nil {
			t.Fatal(err)
		}
	}
	all := func(s *Store, but int) {
		t.Helper()
		for i := range n {
			if i != but {
				checkAged(t, s, i, in[i], out[i])
			}
		}
	}
	if got, err := s.Age(t.Context(), began); err != nil || got != 0 {
		t.Fatalf("%d bytes were pressed before their time, %v", got, err)
	}
	ageAll(t, s)
	all(s, -1)
	if from, to := s.pressedFrom.Load(), s.pressedTo.Load(); from < n*15_000 || to > from/3 {
		t.Errorf("%d bytes became %d", from, to)
	}
	waitSegments(t, s, 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	all(s, -1)
	copied := filepath.Join(t.TempDir(), "backup")
	if _, err := Backup(t.Context(), o.Dir, copied); err != nil {
		t.Fatal(err)
	}
	restored := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(t.Context(), copied, restored); err != nil {
		t.Fatal(err)
	}
	again := open(t, Options{Dir: restored})
	all(again, -1)
	// Reprocessing writes a new envelope over a pressed one; notes alone leave it.
	for _, step := range []queue.MessageStep{{ID: "m000003", Notes: []byte("[]")}, {ID: "m000004", Envelope: out[4][:len(out[4])/8]}} {
		if _, err := again.Commit(t.Context(), &queue.Unit{Now: time.Now(), Message: &step}); err != nil {
			t.Fatal(err)
		}
	}
	all(again, -1)

	const person = 7
	places := placesOf(t, s, fmt.Sprintf("m%06d", person))
	if len(places) != 2 {
		t.Fatalf("%d places", len(places))
	}
	if _, err := s.Erase(t.Context(), queue.Erasure{Patients: []string{fmt.Sprint("urn:test|p", person)}}); err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		if b := bytesAt(t, s, p); len(bytes.Trim(b, "\x00")) > 0 {
			t.Errorf("pressed body of an erased person: %d bytes of %d are left", len(bytes.Trim(b, "\x00")), p.n)
		}
	}
	all(s, person)
	for after := int64(0); ; {
		_, next, err := s.DropPayloads(t.Context(), time.Now().Add(time.Hour), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if after = next; next == 0 {
			break
		}
	}
	if m, err := s.Message(t.Context(), "m000001"); err != nil || len(m.Raw) != 0 || len(m.Envelope) == 0 {
		t.Errorf("dropped: %d bytes, envelope %d, %v", len(m.Raw), len(m.Envelope), err)
	}
	waitSegments(t, s, 3) // the one in use, the aged one in use, and one in which the last frame ends
}

// waitSegments waits until no more than n segments are left that tidying may remove.
func waitSegments(t testing.TB, s *Store, n int) {
	t.Helper()
	for deadline := time.Now().Add(comes); ; time.Sleep(time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(s.journalDir(), "*.seg"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) <= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d segments are left: %v", len(files), files)
		}
		s.askTidy()
	}
}

// placesOf are the places of a message and its deliveries.
func placesOf(t *testing.T, s *Store, id string) (out []place) {
	t.Helper()
	for _, query := range []string{`SELECT place FROM message WHERE id = ?`, `SELECT place FROM delivery WHERE message = (SELECT seq FROM message WHERE id = ?)`} {
		out = append(out, placesIn(t, s, query, id)...)
	}
	return out
}

// placesIn are the places that a question gives.
func placesIn(t *testing.T, s *Store, query string, args ...any) (out []place) {
	t.Helper()
	blobs, err := list(t.Context(), s.db, func(rows *sql.Rows) (b []byte, err error) {
		err = rows.Scan(&b)
		return b, err
	}, query, args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		if p, ok := placeOf(b); ok {
			out = append(out, p)
		}
	}
	return out
}

// bytesAt are the bytes at a place, none when the segment is gone.
func bytesAt(t *testing.T, s *Store, p place) []byte {
	t.Helper()
	raw, err := os.ReadFile(segmentPath(s.journalDir(), p.seg))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if int64(p.at)+int64(p.n) > int64(len(raw)) {
		return nil
	}
	return raw[p.at : p.at+p.n]
}

// TestAgeTrims: what a crash left behind the aged segment, written and never named, is gone before anything else is written there.
func TestAgeTrims(t *testing.T) {
	o := Options{Dir: t.TempDir(), SegmentBytes: 30_000, CheckpointEvery: 3 * time.Millisecond}
	s := open(t, o)
	in, out := queuetest.AgedBody("in", 8000), queuetest.AgedBody("out", 11000)
	for i := range 6 {
		if _, err := s.Commit(t.Context(), queuetest.AgedUnit(i, time.Now(), in, out)); err != nil {
			t.Fatal(err)
		}
	}
	ageAll(t, s)
	a, err := s.agingAt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	orphans := map[uint32]int64{a.segment: a.at, a.segment + 1: 0}
	for seg, at := range orphans {
		f, err := os.OpenFile(segmentPath(s.journalDir(), seg), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("a body that nobody names"), at); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, o)
	if err := s.wipePlaces(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	for seg := range orphans {
		if raw, err := os.ReadFile(segmentPath(s.journalDir(), seg)); err == nil && bytes.Contains(raw, []byte("nobody names")) {
			t.Errorf("segment %d still has it", seg)
		}
	}
	for i := range 6 {
		checkAged(t, s, i, in, out)
	}
}

// agedFiles calls synced when an aged segment was synced.
type agedFiles struct {
	diskFiles
	synced func()
}

type agedFile struct {
	journalFile
	synced func()
}

func (a *agedFiles) Open(path string, create bool) (journalFile, error) {
	f, err := a.diskFiles.Open(path, create)
	if err != nil || !strings.HasSuffix(path, agedSuffix) {
		return f, err
	}
	return &agedFile{f, a.synced}, nil
}

func (f *agedFile) Sync() error {
	err := f.journalFile.Sync()
	f.synced()
	return err
}

// TestAgeFails: what a step wrote before its transaction failed is gone after the next erasure, in the same life of the store.
func TestAgeFails(t *testing.T) {
	var end context.CancelFunc
	files := &agedFiles{synced: func() {
		if end != nil {
			end()
		}
	}}
	in, out := queuetest.AgedBody("in", 8000), queuetest.AgedBody("out", 11000)
	for range 100 { // a transaction may be taken up although nobody waits for it any more
		s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 30_000, CheckpointEvery: 3 * time.Millisecond, files: files})
		for i := range 6 {
			if _, err := s.Commit(t.Context(), queuetest.AgedUnit(i, time.Now(), in, out)); err != nil {
				t.Fatal(err)
			}
		}
		settleHeld(t, s)
		var ctx context.Context
		ctx, end = context.WithCancel(t.Context())
		_, err := s.Age(ctx, time.Now().Add(time.Hour))
		end()
		end = nil
		a, aerr := s.agingAt(t.Context())
		if aerr != nil {
			t.Fatal(aerr)
		}
		path := segmentPath(s.journalDir(), a.segment)
		size := func() int64 {
			info, err := os.Stat(path)
			if err != nil {
				return 0
			}
			return info.Size()
		}
		if err == nil || size() <= a.at {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := s.wipePlaces(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if n := size(); n > a.at {
			t.Errorf("%d bytes that nobody names are left", n-a.at)
		}
		ageAll(t, s)
		for i := range 6 {
			checkAged(t, s, i, in, out)
		}
		return
	}
	t.Fatal("no step failed")
}

// TestPowerCutAging cuts the power while bodies are moved and their old places are overwritten: each body is at one of the two.
func TestPowerCutAging(t *testing.T) {
	powerCut(t, 0, func(s *Store) {
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := s.Age(ctx, time.Now().Add(time.Hour)); err != nil && ctx.Err() == nil {
					t.Errorf("age: %v", err)
					return
				}
			}
		})
		t.Cleanup(func() {
			cancel()
			wg.Wait()
		})
	})
}
