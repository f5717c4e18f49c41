package sealed_test

import (
	"crypto/sha256"
	"database/sql"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

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
		Features: queuetest.Features{LargeBody: large},
	})
}
