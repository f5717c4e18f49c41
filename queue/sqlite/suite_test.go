package sqlite_test

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
	"github.com/samvirke/samvirke/queue/sqlite"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestSuite(t *testing.T) {
	const large = 20000
	queuetest.Run(t, queuetest.Engine{
		Open: func(t testing.TB, dir string) queue.Store {
			s, err := sqlite.Open(context.Background(), sqlite.Options{Dir: dir, Logger: quiet(), InlineLimit: large})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Tamper: func(t testing.TB, dir string, seq int64) {
			db, err := sql.Open("sqlite", filepath.Join(dir, "samvirke.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			r, err := db.Exec(`UPDATE audit SET reason = 'another' WHERE seq = ?`, seq)
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := r.RowsAffected(); n != 1 {
				t.Fatalf("changed %d entries", n)
			}
		},
		Features: queuetest.Features{LargeBody: large},
	})
}
