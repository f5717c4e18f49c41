package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestBackupUnderLoad copies a store while units are committed, bodies are dropped and aged, people erased and segments go, and opens the
// copy: everything acknowledged before the backup began is there with its bytes, unless it was dropped or erased whole, the books
// balance, and what was in a lane is sent.
func TestBackupUnderLoad(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, InlineLimit: 4000, SegmentBytes: 50_000, CheckpointEvery: 3 * time.Millisecond})
	var mu sync.Mutex
	var acked []string
	stop := make(chan struct{})
	enough := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("b%d-%d", w, i)
				if _, err := s.Commit(context.Background(), crashUnit(id, i)); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if acked = append(acked, id); len(acked) == 300 {
					close(enough)
				}
				full := len(acked) >= 3000 // a bound for slow machines
				mu.Unlock()
				if full {
					return
				}
			}
		})
	}
	c := &churn{s: s}
	wg.Go(func() { c.run(t, stop) })
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	select {
	case <-enough:
	case <-ended:
		t.Fatal("nothing can be committed")
	}
	for round := range 2 {
		mu.Lock()
		before := acked[:len(acked):len(acked)]
		mu.Unlock()
		passing := c.taken()
		to := filepath.Join(t.TempDir(), "backup")
		info, err := Backup(t.Context(), dir, to)
		if err != nil {
			t.Fatal(err)
		}
		restored := filepath.Join(t.TempDir(), "restored")
		got, err := Restore(t.Context(), to, restored)
		if err != nil || got != info {
			t.Fatalf("restored %+v of %+v, %v", got, info, err)
		}
		// The newest are those that might be missing; of the others some.
		looked := before[max(0, len(before)-200):]
		for i := 0; i < len(before); i += 10 {
			looked = append(looked[:len(looked):len(looked)], before[i])
		}
		crashCheck(t, restored, looked, nil)
		passed(t, restored, passing)
		if round == 0 {
			backupIsSent(t, restored)
		}
		t.Logf("round %d: %d units in %d files, %d bytes", round, len(before), info.Files, info.Bytes)
	}
	close(stop)
	<-ended
}

// churn accepts messages with large bodies that have served at once, and takes them away again.
type churn struct {
	s     *Store
	mu    sync.Mutex
	acked []string
}

func (c *churn) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.acked[:len(c.acked):len(c.acked)]
}

func (c *churn) run(t *testing.T, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		if err := c.round(t, n); err != nil {
			t.Error(err)
			return
		}
	}
}

// round erases one of the new messages, drops the bodies of those before, and ages what is left.
func (c *churn) round(t *testing.T, n int) error {
	began := time.Now()
	for i := range 5 {
		id := fmt.Sprintf("c%d-%d-3", n, i)
		acceptLarge(t, c.s, id)
		c.mu.Lock()
		c.acked = append(c.acked, id)
		c.mu.Unlock()
	}
	ctx := context.Background()
	_, err := c.s.Erase(ctx, queue.Erasure{Patients: []string{fmt.Sprintf("c%d-0-3", n)}, Unwiped: n%8 != 0})
	for after := int64(0); err == nil; {
		if _, after, err = c.s.DropPayloads(ctx, began, after, 100); after == 0 {
			break
		}
	}
	if err == nil {
		_, err = c.s.Age(ctx, began)
	}
	return err
}

// passed looks for messages that were perhaps dropped or erased: they have their bodies or none.
func passed(t *testing.T, dir string, ids []string) {
	t.Helper()
	s := open(t, Options{Dir: dir, InlineLimit: 4000})
	whole := 0
	for _, id := range ids {
		m, err := s.Message(t.Context(), id)
		if err != nil || len(m.Raw) > 0 && !bytes.Equal(m.Raw, crashBody(id)) {
			t.Errorf("message %s has %d bytes, %v", id, len(m.Raw), err)
		}
		if len(m.Raw) > 0 {
			whole++
		}
	}
	t.Logf("%d of %d messages that pass have their bodies", whole, len(ids))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// backupIsSent sends the first delivery of each lane of a restored store.
func backupIsSent(t *testing.T, dir string) {
	t.Helper()
	s := open(t, Options{Dir: dir, InlineLimit: 4000})
	got, err := s.Lease(t.Context(), "gp", 10, time.Minute)
	if err != nil || len(got) == 0 {
		t.Fatalf("%d leased of a restored store, %v", len(got), err)
	}
	for _, d := range got {
		if !bytes.Equal(d.Body, crashBody(d.ID)) {
			t.Errorf("delivery %s has other bytes", d.ID)
		}
		_, err := s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{{ID: d.ID, Token: d.Token, To: samvirke.DeliverySent}}})
		if err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestBackupRefuses: nothing is overwritten, and half a backup is none.
func TestBackupRefuses(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	if _, err := Backup(t.Context(), dir, to); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("backup of nothing: %v", err)
	}
	s := open(t, Options{Dir: dir})
	if _, err := s.Commit(t.Context(), acceptUnit("m", []byte("body"))); err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), dir, to); err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), dir, to); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("backup over a backup: %v", err)
	}
	if _, err := Restore(t.Context(), to, dir); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("restore over a store: %v", err)
	}
	for name, harm := range map[string]func(copied string) error{
		"not ended":     func(c string) error { return os.Remove(filepath.Join(c, backupFile)) },
		"journal short": func(c string) error { return os.Truncate(segmentPath(filepath.Join(c, "journal"), 1), 5) },
		"no journal":    func(c string) error { return os.RemoveAll(filepath.Join(c, "journal")) },
		"database": func(c string) error {
			return os.WriteFile(filepath.Join(c, fileName), bytes.Repeat([]byte("no"), 4096), 0o600)
		},
	} {
		copied := t.TempDir()
		if err := os.CopyFS(copied, os.DirFS(to)); err != nil {
			t.Fatal(err)
		}
		if err := harm(copied); err != nil {
			t.Fatal(err)
		}
		into := filepath.Join(t.TempDir(), "new")
		if _, err := Restore(t.Context(), copied, into); err == nil {
			t.Errorf("%s: restored", name)
		}
		if isFile(filepath.Join(into, fileName)) {
			t.Errorf("%s: there is a store", name)
		}
	}
}
