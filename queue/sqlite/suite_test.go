package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/drawn"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
	"github.com/samvirke/samvirke/queue/sqlite"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestSuite(t *testing.T) {
	const large = 20000
	// Each case of the model test opens several stores, and syncs for each unit.
	defer drawn.Cases(40)()
	queuetest.Run(t, queuetest.Engine{
		Open: func(t testing.TB, dir string) queue.Store {
			// Small segments and soon: what happens to whole ones and what ages happens within a test.
			s, err := sqlite.Open(context.Background(), sqlite.Options{Dir: dir, Logger: quiet(), InlineLimit: large, SegmentBytes: 60_000, CheckpointEvery: 10 * time.Millisecond})
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
		Age:      func(ctx context.Context, s queue.Store) error { return ageAll(ctx, s.(*sqlite.Store)) },
		Features: queuetest.Features{LargeBody: large},
	})
}

// ageAll presses what can be pressed, looks at the stored bodies once and tells what is damaged.
func ageAll(ctx context.Context, s *sqlite.Store) error {
	for {
		n, err := s.Age(ctx, time.Now().Add(time.Hour))
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	if _, err := s.Check(ctx); err != nil {
		return err
	}
	i, err := s.Integrity(ctx)
	if err == nil && len(i.Damaged) > 0 {
		err = fmt.Errorf("damaged: %v", i.Damaged)
	}
	return err
}
