package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

func open(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Logger == nil {
		o.Logger = quiet()
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func acceptUnit(id string, body []byte) *queue.Unit {
	return &queue.Unit{Now: time.Now(), Accept: &samvirke.Message{ID: id, Party: "hospital", ExternalID: id, Raw: body},
		Events: []samvirke.Event{{MessageID: id, Name: samvirke.EventReceived}}}
}

// TestSyncBeforeAnswer looks at the file layer: when Commit returns, the log was synced and holds no
// write that is not.
func TestSyncBeforeAnswer(t *testing.T) {
	f := newFaultVFS(t, "")
	s := open(t, Options{Dir: t.TempDir(), vfs: f.name, CheckpointEvery: time.Hour})
	for i := range 20 {
		before := f.syncCount("-wal")
		if _, err := s.Commit(t.Context(), acceptUnit(fmt.Sprint("m", i), []byte("body"))); err != nil {
			t.Fatal(err)
		}
		if f.syncCount("-wal") == before || f.unsynced("-wal") {
			t.Fatalf("commit %d answered before its sync", i)
		}
	}
}

// TestSyncFails lets the sync of the log fail: the unit is not acknowledged, the store is failed for good,
// and a fresh start serves what was acknowledged before.
func TestSyncFails(t *testing.T) {
	for _, c := range []struct{ name, sync, write string }{{"sync", "-wal", ""}, {"write", "", "-wal"}} {
		t.Run(c.name, func(t *testing.T) {
			f := newFaultVFS(t, "")
			dir := t.TempDir()
			s := open(t, Options{Dir: dir, vfs: f.name})
			if _, err := s.Commit(t.Context(), acceptUnit("before", []byte("b"))); err != nil {
				t.Fatal(err)
			}
			leased := make(chan error, 1)
			go func() {
				_, err := s.Lease(context.Background(), "gp", 1, time.Minute)
				leased <- err
			}()
			f.set(c.sync, c.write)
			var wg sync.WaitGroup
			for i := range 10 {
				wg.Go(func() {
					if _, err := s.Commit(context.Background(), acceptUnit(fmt.Sprint("during", i), nil)); !errors.Is(err, queue.ErrFailed) {
						t.Errorf("commit during the fault: %v", err)
					}
				})
			}
			wg.Wait()
			select {
			case <-s.Failed():
			case <-time.After(time.Minute):
				t.Fatal("Failed is not closed")
			}
			if err := s.Err(); !errors.Is(err, queue.ErrFailed) {
				t.Errorf("Err is %v", err)
			}
			if err := <-leased; !errors.Is(err, queue.ErrFailed) {
				t.Errorf("a waiting lease ended with %v", err)
			}
			f.set("", "") // the disk is well again: nothing is taken all the same
			if _, err := s.Commit(t.Context(), acceptUnit("after", nil)); !errors.Is(err, queue.ErrFailed) {
				t.Errorf("commit after the fault: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			s = open(t, Options{Dir: dir})
			if _, err := s.Message(t.Context(), "before"); err != nil {
				t.Errorf("acknowledged message: %v", err)
			}
			if _, err := s.Message(t.Context(), "after"); !errors.Is(err, queue.ErrNotFound) {
				t.Errorf("a refused message is there: %v", err)
			}
			if _, err := s.Commit(t.Context(), acceptUnit("again", nil)); err != nil {
				t.Errorf("commit after the restart: %v", err)
			}
		})
	}
}

// TestPowerCut keeps only what was synced, at many moments while units are committed and the log is copied
// into the database: every acknowledged unit is there.
func TestPowerCut(t *testing.T) {
	for round := range 4 {
		shadow, dir := t.TempDir(), t.TempDir()
		f := newFaultVFS(t, shadow)
		s := open(t, Options{Dir: dir, vfs: f.name, CheckpointEvery: 3 * time.Millisecond, InlineLimit: 3000})
		var acked []string
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for w := range 6 {
			wg.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					id := fmt.Sprintf("p%d-%d", w, i)
					if _, err := s.Commit(context.Background(), acceptUnit(id, crashBody(id))); err != nil {
						t.Error(err)
						return
					}
					f.mu.Lock()
					if !f.cut {
						acked = append(acked, id)
					}
					f.mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(40+37*round) * time.Millisecond)
		f.mu.Lock()
		f.cut = true
		f.mu.Unlock()
		// Files of large bodies are synced by name before the commit; they are taken over as they are.
		// What is still being written has another name and goes away under our hands.
		for {
			err := os.CopyFS(filepath.Join(shadow, "bodies"), os.DirFS(filepath.Join(dir, "bodies")))
			if err == nil {
				break
			}
			if !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(shadow, "bodies")); err != nil {
				t.Fatal(err)
			}
		}
		close(stop)
		wg.Wait()
		if len(acked) == 0 {
			t.Fatal("nothing was committed")
		}
		crashCheckAccepted(t, shadow, acked)
		t.Logf("round %d: %d units acknowledged before the cut are there", round, len(acked))
	}
}

func crashCheckAccepted(t *testing.T, dir string, accepted []string) {
	t.Helper()
	s := open(t, Options{Dir: dir, InlineLimit: 3000})
	for _, id := range accepted {
		if m, err := s.Message(t.Context(), id); err != nil || string(m.Raw) != string(crashBody(id)) {
			t.Fatalf("acknowledged message %s after the power cut: %d bytes, %v", id, len(m.Raw), err)
		}
	}
	if off, err := s.countOff(t.Context()); err != nil || len(off) != 0 {
		t.Fatalf("the books are off by %v, %v", off, err)
	}
}

// TestDiskFull fills the store: units that do not fit get ErrFull and leave nothing, small ones still fit,
// and the store does not fail.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, maxPages: 200})
	full := 0
	var wg sync.WaitGroup
	var mu sync.Mutex
	stored := map[string]bool{}
	for i := range 60 {
		wg.Go(func() {
			id := fmt.Sprint("m", i)
			_, err := s.Commit(context.Background(), acceptUnit(id, make([]byte, 20000)))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				stored[id] = true
			case errors.Is(err, queue.ErrFull):
				full++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if full == 0 || len(stored) == 0 {
		t.Fatalf("%d stored, %d refused: the test does not fill the disk", len(stored), full)
	}
	if err := s.Err(); err != nil {
		t.Fatalf("a full disk broke the store: %v", err)
	}
	for i := range 60 {
		id := fmt.Sprint("m", i)
		if _, err := s.Message(t.Context(), id); (err == nil) != stored[id] {
			t.Errorf("%s: stored %t, read %v", id, stored[id], err)
		}
	}
	for id := range stored {
		_, err := s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: id, To: samvirke.MessageProcessed}})
		if err != nil {
			t.Fatalf("a change of status on a full disk: %v", err)
		}
		break
	}
	if off, err := s.countOff(t.Context()); err != nil || len(off) != 0 {
		t.Fatalf("the books are off by %v, %v", off, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	if _, err := s.Commit(t.Context(), acceptUnit("later", make([]byte, 20000))); err != nil {
		t.Fatalf("commit after room was made: %v", err)
	}
}

// TestDiskBudget refuses new messages over the budget and lets the rest go on.
func TestDiskBudget(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), DiskBudget: 1 << 20, CheckpointEvery: 5 * time.Millisecond})
	deadline := time.Now().Add(2 * time.Minute)
	n := 0
	for ; ; n++ {
		_, err := s.Commit(t.Context(), acceptUnit(fmt.Sprint("m", n), make([]byte, 50000)))
		if errors.Is(err, queue.ErrFull) {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("message %d: %v", n, err)
		}
	}
	if n < 3 {
		t.Fatalf("only %d messages fit into 1 MB", n)
	}
	_, err := s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: "m0", To: samvirke.MessageProcessed}})
	if err != nil {
		t.Fatalf("a step over the budget: %v", err)
	}
}
