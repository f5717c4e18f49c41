package sealed_test

import (
	"crypto/sha256"
	"database/sql"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/drawn"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
	"github.com/samvirke/samvirke/queue/sealed"
	"github.com/samvirke/samvirke/queue/sqlite"
)

const large = 20000

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func master(id string) sealed.MasterKey {
	return sealed.MasterKey{ID: id, Key: sha256.Sum256([]byte("key " + id))}
}

func plainStore(t testing.TB, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir, Logger: quiet(), InlineLimit: large})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openSealed(t testing.TB, dir string, keys ...sealed.MasterKey) queue.Store {
	t.Helper()
	inner := plainStore(t, dir)
	s, err := sealed.Open(t.Context(), inner, keys...)
	if err != nil {
		inner.Close()
		t.Fatal(err)
	}
	return s
}

// TestSuite: a sealed store is a store like any other.
func TestSuite(t *testing.T) {
	defer drawn.Cases(30)()
	queuetest.Run(t, queuetest.Engine{
		Open: func(t testing.TB, dir string) queue.Store { return openSealed(t, dir, master("a")) },
		Tamper: func(t testing.TB, dir string, seq int64) {
			db, err := sql.Open("sqlite", filepath.Join(dir, "samvirke.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(`UPDATE audit SET reason = 'another' WHERE seq = ?`, seq); err != nil {
				t.Fatal(err)
			}
		},
		Features: queuetest.Features{LargeBody: large, KeyOfPerson: true},
	})
}

// TestNamesWithoutContent: who a due, a record or a plan is about is known again, also when nothing else was ever stored of the person
// and there is no content that makes a key.
func TestNamesWithoutContent(t *testing.T) {
	s := openSealed(t, t.TempDir(), master("a"))
	defer s.Close()
	now := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	u := &queue.Unit{Now: now, Plans: []queue.PlanStep{{Patient: "urn:test|plan"}},
		Records: []queue.Record{{Key: "a/1", Hash: "h", Patient: "urn:test|record", MessageID: "m", ReceivedAt: now}},
		Dues:    []queue.DueStep{{Op: queue.DueSet, Patient: "urn:test|due", ID: "x", Rule: "r", At: now}}}
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	dues, err := s.Dues(t.Context(), queue.DueFilter{Limit: 1})
	if err != nil || len(dues) != 1 || dues[0].Patient != "urn:test|due" {
		t.Errorf("dues %+v, %v", dues, err)
	}
	plans, err := s.Patients(t.Context(), 10)
	if err != nil || len(plans) != 1 || plans[0].Patient != "urn:test|plan" {
		t.Errorf("plans %+v, %v", plans, err)
	}
	records, err := s.Records(t.Context(), "urn:test|record")
	if err != nil || len(records) != 1 || records[0].Patient != "urn:test|record" {
		t.Errorf("records %+v, %v", records, err)
	}
}
