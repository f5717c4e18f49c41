package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/leaks"
	"github.com/samvirke/samvirke/queue"
)

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	if _, err := Open(t.Context(), Options{Dir: dir, Logger: quiet()}); !errors.Is(err, ErrLocked) {
		t.Fatalf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Dir: dir})
}

func alter(t testing.TB, dir, sqlText string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(sqlText, args...); err != nil {
		t.Fatal(err)
	}
}

func TestNewerSchema(t *testing.T) {
	dir := t.TempDir()
	_ = open(t, Options{Dir: dir}).Close()
	alter(t, dir, `INSERT INTO schema_version (version_id, is_applied) VALUES (999, 1)`)
	if _, err := Open(t.Context(), Options{Dir: dir, Logger: quiet()}); !errors.Is(err, queue.ErrNewer) {
		t.Errorf("open: %v", err)
	}
	if _, err := OpenReader(dir); !errors.Is(err, queue.ErrNewer) {
		t.Errorf("open for reading: %v", err)
	}
}

func TestVersionCheck(t *testing.T) {
	for version, ok := range map[string]bool{"3.51.3": true, "3.54.1": true, "4.0.0": true, "3.51.2": false, "3.50.9": false, "2.99.99": false} {
		if err := checkVersion(version); (err == nil) != ok {
			t.Errorf("version %s: %v", version, err)
		}
	}
}

// TestSettings looks at what the connection really runs with: a misspelt pragma is silently ignored.
func TestSettings(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	for name, want := range map[string]any{"journal_mode": "wal", "synchronous": int64(2), "page_size": int64(4096),
		"wal_autocheckpoint": int64(32000)} {
		var got any
		_, err := s.submit(t.Context(), &request{done: make(chan struct{}), job: func(w *writer) error {
			st, err := w.db.prepare("PRAGMA " + name)
			if err != nil {
				return err
			}
			defer st.close()
			row, err := st.row()
			if err == nil {
				got = row[0]
			}
			return err
		}})
		if err != nil || got != want {
			t.Errorf("%s is %v, want %v (%v)", name, got, want, err)
		}
	}
	if _, err := s.db.Exec(`DELETE FROM message`); err == nil {
		t.Error("the readers can write")
	}
}

// TestTotalsRepaired changes rows behind the store's back: the next start says so, shows it and puts it right.
func TestTotalsRepaired(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	for i := range 5 {
		u := acceptUnit(fmt.Sprint("m", i), nil)
		u.Deliveries = []samvirke.Delivery{{ID: fmt.Sprint("d", i), Party: "gp", State: samvirke.DeliveryQueued}}
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	alter(t, dir, `UPDATE message SET status = 'attention' WHERE seq <= 2`)
	alter(t, dir, `UPDATE delivery SET state = 'sent', expect_by = 5 WHERE seq = 1`)
	var log bytes.Buffer
	s = open(t, Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for deadline := time.Now().Add(comes); ; time.Sleep(time.Millisecond) {
		st, err := s.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Messages[samvirke.MessageAttention] == 2 && st.Messages[samvirke.MessageReceived] == 3 &&
			st.Deliveries["gp"][samvirke.DeliverySent] == 1 && st.Deliveries["gp"][samvirke.DeliveryQueued] == 4 && st.ReceiptsAwaited["gp"] == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not repaired: %+v", st)
		}
	}
	if got := s.discord.Load(); got != 7 { // 2 and 2 messages, 1 and 1 deliveries, 1 receipt awaited
		t.Errorf("the metric shows %d rows, want 7", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "total of the store was wrong"); n != 5 {
		t.Errorf("%d totals logged, want 5\n%s", n, log.String())
	}
	// The repair is stored: the next start finds nothing.
	s = open(t, Options{Dir: dir})
	if off, err := s.countOff(t.Context()); err != nil || len(off) != 0 {
		t.Errorf("still off by %v, %v", off, err)
	}
}

// TestSweep leaves files that no row names, as a crash between file and commit does.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, InlineLimit: 100})
	body := bytes.Repeat([]byte("a"), 200)
	if _, err := s.Commit(t.Context(), acceptUnit("m", body)); err != nil {
		t.Fatal(err)
	}
	orphan, err := s.bodies.write([]byte("orphan"))
	if err != nil {
		t.Fatal(err)
	}
	leftover := filepath.Join(filepath.Dir(s.bodies.path(orphan)), "123.tmp")
	if err := os.WriteFile(leftover, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.bodies.path(orphan), leftover, s.bodies.path(sumOf(body))} {
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, Options{Dir: dir, InlineLimit: 100})
	for deadline := time.Now().Add(comes); isFile(s.bodies.path(orphan)) || isFile(leftover); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("orphans are not swept")
		}
	}
	if m, err := s.Message(t.Context(), "m"); err != nil || !bytes.Equal(m.Raw, body) {
		t.Fatalf("a named body was swept: %v", err)
	}
	// A file that is damaged is told, not handed out.
	if err := os.WriteFile(s.bodies.path(sumOf(body)), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Message(t.Context(), "m"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Fatalf("damaged body: %v", err)
	}
}

// TestOpenReader reads beside a running gateway and after it, without taking the lock.
func TestOpenReader(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReader(dir); !errors.Is(err, queue.ErrNotFound) {
		t.Fatalf("no store: %v", err)
	}
	s := open(t, Options{Dir: dir, InlineLimit: 100})
	commit := func(id string) {
		t.Helper()
		u := acceptUnit(id, bytes.Repeat([]byte("a"), 200))
		u.Deliveries = []samvirke.Delivery{{ID: id, MessageID: id, Party: "gp", State: samvirke.DeliveryQueued}}
		u.Audit = []samvirke.Audit{{Who: "w"}}
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	commit("a")
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	check := func(id string, accepted int64) {
		t.Helper()
		m, err := r.Message(t.Context(), id)
		if err != nil || len(m.Raw) != 200 {
			t.Fatalf("message %s: %d bytes, %v", id, len(m.Raw), err)
		}
		st, err := r.Stats(t.Context())
		if err != nil || st.Accepted != accepted || st.Deliveries["gp"][samvirke.DeliveryQueued] != accepted || st.Bytes == 0 ||
			st.OldestWaiting["gp"].IsZero() {
			t.Fatalf("stats %+v, %v", st, err)
		}
		if err := r.VerifyAudit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check("a", 1)
	commit("b")
	check("b", 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check("b", 2)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err = OpenReader(dir); err != nil {
		t.Fatalf("no gateway runs: %v", err)
	}
	check("b", 2)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir, InlineLimit: 100}) // the reader left no trace
	commit("c")
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Registerer: reg})
	if _, err := s.Commit(t.Context(), acceptUnit("m", nil)); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		m := f.GetMetric()[0]
		got[f.GetName()] = m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	if got["samvirke_store_group_units"] != 1 || got["samvirke_store_commit_seconds"] != 1 || got["samvirke_store_bytes"] == 0 {
		t.Errorf("metrics %v", got)
	}
	if n, there := got["samvirke_store_unaccounted_messages"]; !there || n != 0 {
		t.Errorf("conservation figure %v, %t", n, there)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Dir: dir, Registerer: reg}) // the names are free again
}

// TestNoGoroutineLeft closes stores in every stage and counts what is left running.
func TestNoGoroutineLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for range 3 {
		dir := t.TempDir()
		for range 2 {
			s, err := Open(context.Background(), Options{Dir: dir, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = s.Commit(context.Background(), acceptUnit("m", nil))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := leaks.Find(before); err != nil {
		t.Error(err)
	}
}

// TestErasedAudit blanks a person in the audit: the chain still verifies.
func TestErasedAudit(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	for range 3 {
		_, err := s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Audit: []samvirke.Audit{{Who: "w", Patient: "p"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = s.Close()
	alter(t, dir, `UPDATE audit SET patient = '', salt = '' WHERE seq = 2`)
	s = open(t, Options{Dir: dir})
	if err := s.VerifyAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	for name, text := range map[string]string{
		"end cut off":     `DELETE FROM audit WHERE seq = 3`,
		"middle cut out":  `DELETE FROM audit WHERE seq = 2`,
		"patient swapped": `UPDATE audit SET patient = 'q' WHERE seq = 1`,
	} {
		copied := t.TempDir()
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		alter(t, copied, text)
		r, err := OpenReader(copied)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.VerifyAudit(t.Context()); err == nil {
			t.Errorf("%s: not noticed", name)
		}
		r.Close()
	}
}

// TestLostBodyIsLeasedWithItsError: the holder of the lease can stop what it will never get.
func TestLostBodyIsLeasedWithItsError(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), InlineLimit: 16})
	body := bytes.Repeat([]byte("large"), 4<<20/5)
	u := &queue.Unit{Now: time.Now(), Deliveries: []samvirke.Delivery{
		{ID: "lost", Party: "p", Lane: "1", State: samvirke.DeliveryQueued, Body: body},
		{ID: "kept", Party: "p", Lane: "2", State: samvirke.DeliveryQueued, Body: []byte("small")},
	}}
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.bodies.path(sumOf(body))); err != nil {
		t.Fatal(err)
	}
	got, err := s.Lease(t.Context(), "p", 10, time.Minute)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d leased, %v", len(got), err)
	}
	for _, l := range got {
		if lost := l.ID == "lost"; errors.Is(l.Err, queue.ErrDamaged) != lost || lost == (len(l.Body) > 0) {
			t.Errorf("%s: error %v, %d bytes", l.ID, l.Err, len(l.Body))
		}
	}
}
