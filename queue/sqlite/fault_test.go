package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// comes is how long a test waits for something that must come. It ends a test that would hang, and says nothing of speed.
const comes = 2 * time.Minute

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

// TestSyncBeforeAnswer looks at the file layer: when Commit returns, the journal was synced and holds no
// write that is not.
func TestSyncBeforeAnswer(t *testing.T) {
	f := &faultFiles{}
	// No checkpoint, so that nothing but the commits writes: tidying syncs what it wrote when it has done with a segment.
	s := open(t, Options{Dir: t.TempDir(), files: f, SegmentBytes: 2000, CheckpointEvery: time.Hour})
	for i := range 20 {
		f.mu.Lock()
		before := f.syncs
		f.mu.Unlock()
		if _, err := s.Commit(t.Context(), acceptUnit(fmt.Sprint("m", i), []byte("body"))); err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		if f.syncs == before || f.unsynced > 0 {
			t.Fatalf("commit %d answered before its sync", i)
		}
		f.mu.Unlock()
	}
}

// TestSyncFails lets the sync of the journal fail, or a write to it or into the tables: the unit is not acknowledged, or it is and is there
// after the restart; the store is failed for good, and a fresh start serves what was acknowledged, also when the power is cut after it.
func TestSyncFails(t *testing.T) {
	broken := errors.New("broken disk")
	for _, c := range []struct {
		name              string
		sync, write       error
		logSync, logWrite string
	}{{name: "sync", sync: broken}, {name: "write", write: broken}, {name: "tables", logWrite: "-wal"}, {name: "checkpoint", logSync: "-wal"}} {
		t.Run(c.name, func(t *testing.T) {
			dir, shadow := t.TempDir(), t.TempDir()
			f, v := &faultFiles{shadow: filepath.Join(shadow, "journal")}, newFaultVFS(t, shadow)
			if err := os.Mkdir(f.shadow, 0o700); err != nil {
				t.Fatal(err)
			}
			s := open(t, Options{Dir: dir, vfs: v.name, files: f, CheckpointEvery: 5 * time.Millisecond})
			if _, err := s.Commit(t.Context(), acceptUnit("before", []byte("b"))); err != nil {
				t.Fatal(err)
			}
			leased := make(chan error, 1)
			go func() {
				_, err := s.Lease(context.Background(), "gp", 1, time.Minute)
				leased <- err
			}()
			f.set(c.sync, c.write)
			v.set(c.logSync, c.logWrite)
			journalBroken := c.sync != nil || c.write != nil
			var taken []string
			for i := 0; s.Err() == nil; i++ {
				id := fmt.Sprint("during", i)
				switch _, err := s.Commit(context.Background(), acceptUnit(id, nil)); {
				case err == nil && !journalBroken:
					taken = append(taken, id)
				case !errors.Is(err, queue.ErrFailed):
					t.Fatalf("commit during the fault: %v", err)
				}
			}
			select {
			case <-s.Failed():
			case <-time.After(comes):
				t.Fatal("Failed is not closed")
			}
			if err := s.Err(); !errors.Is(err, queue.ErrFailed) {
				t.Errorf("Err is %v", err)
			}
			if err := <-leased; !errors.Is(err, queue.ErrFailed) {
				t.Errorf("a waiting lease ended with %v", err)
			}
			f.set(nil, nil) // the disk is well again: nothing is taken all the same
			v.set("", "")
			if _, err := s.Commit(t.Context(), acceptUnit("after", nil)); !errors.Is(err, queue.ErrFailed) {
				t.Errorf("commit after the fault: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			taken = append(taken, "before")
			s = open(t, Options{Dir: dir, vfs: v.name, files: f})
			servesAll(t, s, taken)
			if _, err := s.Commit(t.Context(), acceptUnit("again", nil)); err != nil {
				t.Errorf("commit after the restart: %v", err)
			}
			cutPower(v, f)
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			servesAll(t, open(t, Options{Dir: shadow}), append(taken, "again"))
		})
	}
}

// servesAll looks for messages that were acknowledged, and for the one that was refused.
func servesAll(t *testing.T, s *Store, acked []string) {
	t.Helper()
	for _, id := range acked {
		if _, err := s.Message(t.Context(), id); err != nil {
			t.Errorf("acknowledged message %s: %v", id, err)
		}
	}
	if _, err := s.Message(t.Context(), "after"); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("a refused message is there: %v", err)
	}
}

// cutPower ends what reaches the disk, for the database and the journal at one moment.
func cutPower(v *faultVFS, f *faultFiles) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	v.cut, f.cut = true, true
}

// TestPowerCut keeps only what was synced, at many moments while units are committed, written into the tables and copied
// from the log into the database: every acknowledged unit is there.
func TestPowerCut(t *testing.T) {
	total, rounds := 0, *powerRounds
	for round := range rounds {
		// A test of its own: what it leaves is cleared away before the next.
		t.Run(fmt.Sprint("round", round+1), func(t *testing.T) { total += powerCut(t, round%6, nil) })
	}
	t.Logf("%d units acknowledged before %d cuts", total, rounds)
}

// powerCut runs a store, cuts the power and looks for what was acknowledged. opened may look at the store before the first unit.
func powerCut(t *testing.T, round int, opened func(*Store)) int {
	t.Helper()
	shadow, acked := cutUnderLoad(t, round, &faultFiles{}, opened)
	crashCheckAccepted(t, shadow, acked)
	return len(acked)
}

// cutUnderLoad runs a store, cuts the power and gives the folder of what the disk holds then, and what was acknowledged before.
func cutUnderLoad(t *testing.T, round int, j *faultFiles, opened func(*Store)) (shadow string, acked []string) {
	t.Helper()
	shadow, dir := t.TempDir(), t.TempDir()
	f := newFaultVFS(t, shadow)
	j.shadow = filepath.Join(shadow, "journal")
	if err := os.Mkdir(j.shadow, 0o700); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: dir, vfs: f.name, files: j, CheckpointEvery: 3 * time.Millisecond, InlineLimit: 3000, SegmentBytes: 60_000}
	s := open(t, o)
	if opened != nil {
		opened(s)
	}
	var wg sync.WaitGroup
	var off atomic.Bool
	stop := make(chan struct{})
	enough := 200 * (round + 1)
	full, ended := make(chan struct{}), make(chan struct{})
	for w := range 6 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := cutID(w, i)
				if _, err := s.Commit(context.Background(), acceptUnit(id, crashBody(id))); err != nil {
					t.Error(err)
					return
				}
				f.mu.Lock()
				if !off.Load() {
					if acked = append(acked, id); len(acked) == enough {
						close(full)
					}
				}
				f.mu.Unlock()
			}
		})
	}
	go func() { wg.Wait(); close(ended) }()
	select {
	case <-full:
	case <-ended:
		t.Fatal("nothing can be committed")
	}
	// The power goes for both at one moment. What the journal had not synced reaches the disk in part.
	f.mu.Lock()
	j.mu.Lock()
	off.Store(true)
	f.cut, j.cut = true, true
	j.mu.Unlock()
	f.mu.Unlock()
	j.leaveBodies(t, shadow, dir)
	close(stop)
	<-ended
	return shadow, acked
}

// cutID is the id of a message of a power cut. Of some the body is a file with the usual limit too, of a few at the very beginning.
func cutID(w, i int) string {
	id := fmt.Sprintf("p%d-%d", w, i)
	if i%30 == 5 {
		id += "-" + veryLarge
	}
	return id
}

func crashCheckAccepted(t *testing.T, dir string, accepted []string) {
	t.Helper()
	s := open(t, Options{Dir: dir, InlineLimit: 3000, SegmentBytes: 60_000})
	for _, id := range accepted {
		if m, err := s.Message(t.Context(), id); err != nil || string(m.Raw) != string(crashBody(id)) {
			t.Fatalf("acknowledged message %s after the power cut: %d bytes, %v", id, len(m.Raw), err)
		}
	}
	if off, err := s.countOff(t.Context()); err != nil || len(off) != 0 {
		t.Fatalf("the books are off by %v, %v", off, err)
	}
}

// TestDiskFull fills the disk of the journal: units that do not fit get ErrFull and leave nothing, small ones still fit, and the store
// does not fail.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	f := &faultFiles{}
	s := open(t, Options{Dir: dir, files: f})
	f.leave(300_000)
	full, stored := fillUp(t, s)
	if full == 0 || len(stored) == 0 {
		t.Fatalf("%d stored, %d refused: the test does not fill the disk", len(stored), full)
	}
	for id := range stored {
		_, err := s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: id, To: samvirke.MessageProcessed}})
		if err != nil {
			t.Fatalf("a change of status on a full disk: %v", err)
		}
		break
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	if _, err := s.Commit(t.Context(), acceptUnit("later", make([]byte, 20000))); err != nil {
		t.Fatalf("commit after room was made: %v", err)
	}
}

// fillUp commits until there is no room any more.
func fillUp(t *testing.T, s *Store) (full int, stored map[string]bool) {
	t.Helper()
	stored = map[string]bool{}
	for i := range 60 {
		id := fmt.Sprint("m", i)
		_, err := s.Commit(context.Background(), acceptUnit(id, make([]byte, 20000)))
		switch {
		case err == nil:
			stored[id] = true
		case errors.Is(err, queue.ErrFull):
			full++
		default:
			t.Error(err)
		}
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
	if off, err := s.countOff(t.Context()); err != nil || len(off) != 0 {
		t.Fatalf("the books are off by %v, %v", off, err)
	}
	return full, stored
}

// TestTablesFull leaves no room for the tables: what is in the journal waits, nothing more is taken, and after a start with
// room everything acknowledged is there.
func TestTablesFull(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, maxPages: 100})
	var stored []string
	refused := 0
	for i := 0; refused < 20; i++ {
		id := fmt.Sprint("m", i)
		u := acceptUnit(id, nil)
		u.Message = &queue.MessageStep{ID: id, Envelope: make([]byte, 5000)}
		switch _, err := s.Commit(t.Context(), u); {
		case err == nil:
			stored = append(stored, id)
		case errors.Is(err, queue.ErrFull):
			refused++
		default:
			t.Fatal(err)
		}
	}
	if err := s.Err(); err != nil {
		t.Fatalf("a full disk broke the store: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	for _, id := range stored {
		if m, err := s.Message(t.Context(), id); err != nil || len(m.Envelope) != 5000 {
			t.Fatalf("%s: %v", id, err)
		}
	}
	if _, err := s.Commit(t.Context(), acceptUnit("later", nil)); err != nil {
		t.Fatal(err)
	}
	if off, err := s.countOff(t.Context()); err != nil || len(off) != 0 {
		t.Fatalf("the books are off by %v, %v", off, err)
	}
}

// TestDiskBudget refuses new messages over the budget and lets the rest go on.
func TestDiskBudget(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), DiskBudget: 1 << 20, CheckpointEvery: 5 * time.Millisecond})
	deadline := time.Now().Add(comes)
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
	s.opts.DiskBudget = (s.size.Load() - s.free.Load()) * 100 / 103
	reserve := acceptUnit("receipt", []byte("a receipt"))
	reserve.Reserve = true
	if _, err := s.Commit(t.Context(), reserve); err != nil {
		t.Fatalf("a receipt over the budget: %v", err)
	}
	s.opts.DiskBudget = 1 << 10 // what is there is far beyond the reserve too
	reserve = acceptUnit("late receipt", []byte("a receipt"))
	reserve.Reserve = true
	if _, err := s.Commit(t.Context(), reserve); !errors.Is(err, queue.ErrFull) {
		t.Fatalf("a receipt over the budget and its reserve: %v", err)
	}
}
