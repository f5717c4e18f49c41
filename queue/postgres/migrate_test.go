package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke/queue"
)

// next is the migrations of this version with one more.
func next(t *testing.T, version int, text string) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := fs.ReadFile(migrations, f)
		if err != nil {
			t.Fatal(err)
		}
		out[f[len("migrations/"):]] = &fstest.MapFile{Data: b}
	}
	out[fmt.Sprintf("%05d_next.sql", version)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text + "\n-- +goose Down\nSELECT 1 / 0;\n")}
	return out
}

// TestStartTogether: gateways that start at the same time on an empty database make its tables once.
func TestStartTogether(t *testing.T) {
	server(t)
	dir := t.TempDir()
	name := schema(t, dir)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			s, err := Open(soon(t), Options{URL: shared.URL(), Schema: name, Logger: quiet()})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if _, err := s.Commit(soon(t), unit(fmt.Sprint(i), "p")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestRollingUpgrade: this version goes on beside the next one, on the tables of the next one, and opens them again; unless the
// next one says that it must not.
func TestRollingUpgrade(t *testing.T) {
	s := open(t, Options{})
	o := s.opts
	commit(t, s, unit("before", "p"))
	newer := next(t, 90001, "ALTER TABLE message ADD COLUMN more text NOT NULL DEFAULT '';\nCREATE TABLE another (n bigint);")
	if err := migrateFrom(soon(t), o, newer); err != nil {
		t.Fatal(err)
	}
	commit(t, s, unit("beside", "p"))
	again, err := Open(soon(t), o)
	if err != nil {
		t.Fatalf("open beside a newer version: %v", err)
	}
	commit(t, again, unit("after", "p"))
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(soon(t), o)
	if err != nil {
		t.Fatalf("read beside a newer version: %v", err)
	}
	if m, err := r.Messages(soon(t), queue.MessageFilter{}); err != nil || len(m) != 3 {
		t.Errorf("%d messages, %v", len(m), err)
	}
	_ = r.Close()

	if err := migrateFrom(soon(t), o, next(t, 90002, "-- needs: 90002\nDROP TABLE setting;")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(soon(t), o); !errors.Is(err, queue.ErrNewer) {
		t.Fatalf("open of tables that this version must not touch: %v", err)
	}
	if _, err := OpenReader(soon(t), o); !errors.Is(err, queue.ErrNewer) {
		t.Fatalf("read of tables that this version must not touch: %v", err)
	}
}

// TestOpenReader: a store is read beside its gateways; without tables there is none.
func TestOpenReader(t *testing.T) {
	s := open(t, Options{})
	commit(t, s, unit("1", "p"))
	r, err := OpenReader(soon(t), s.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if d, err := r.Delivery(soon(t), "d1"); err != nil || string(d.Body) != "<m id=\"1\"/>" {
		t.Errorf("read %+v, %v", d, err)
	}
	if f := r.Findings(context.Background()); len(f) < 3 {
		t.Errorf("findings %v", f)
	}
	o := s.opts
	o.Schema = "nothing_here"
	if _, err := OpenReader(soon(t), o); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("a store that is not there: %v", err)
	}
}

// TestNoPasswordInErrors: an address that does not work is told of without its password.
func TestNoPasswordInErrors(t *testing.T) {
	for _, url := range []string{"postgres://u:topsecret@127.0.0.1:1/x?connect_timeout=1", "postgres://u:topsecret@127.0.0.1:bad/x", "host=127.0.0.1 port=1 user=u password=topsecret"} {
		_, err := Open(context.Background(), Options{URL: url, Logger: quiet()})
		if err == nil {
			t.Fatal("opened")
		}
		if text := err.Error(); strings.Contains(text, "topsecret") {
			t.Errorf("%s", text)
		}
	}
}

// TestForeignText: text that PostgreSQL cannot hold is replaced, and takes no neighbour down.
func TestForeignText(t *testing.T) {
	s := open(t, Options{})
	u := unit("odd", "p")
	u.Events[0].Detail = "zero\x00byte \xff"
	u.Accept.FaultText = "\xfe"
	commit(t, s, u)
	e, err := s.Events(soon(t), queue.EventFilter{MessageID: "odd"})
	if err != nil || len(e) != 1 || !strings.Contains(e[0].Detail, "zero\ufffdbyte") {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := s.Message(soon(t), "no\x00body"); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("a name that cannot be: %v", err)
	}
}

// TestMetrics: a store can be opened twice in a process with one registry, and its figures are those of its schema.
func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	for range 2 {
		s := open(t, Options{Registerer: reg})
		commit(t, s, unit("1", "p"))
		if err := s.measureSize(soon(t)); err != nil {
			t.Fatal(err)
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			if g := f.GetMetric()[0].GetGauge(); g != nil {
				got[f.GetName()] = g.GetValue()
			}
		}
		if got["samvirke_store_bytes"] == 0 || got["samvirke_store_gateways"] != 1 || got["samvirke_store_unaccounted_messages"] != 0 {
			t.Errorf("metrics %v", got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
