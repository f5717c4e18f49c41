package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math"

	"github.com/samvirke/samvirke/queue"
)

// Wipe takes what erasures left out of all files; see queue.Eraser.
func (s *Store) Wipe(ctx context.Context) error {
	if err := s.wipePlaces(ctx); err != nil {
		return fmt.Errorf("erase bodies: %w", err)
	}
	if err := s.wipe(ctx); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return nil
}

// heard gives an error when something came of people who go because nothing did; see queue.Erasure.
func (x *eraser) heard(w *writer) error {
	var out []string
	since := nanos(x.e.Silent)
	for _, p := range x.e.Patients {
		err := w.query(`SELECT EXISTS (SELECT 1 FROM message WHERE patient = ?1 AND patient <> '' AND received_at >= ?2)
			OR coalesce((SELECT at FROM plan_version WHERE patient = ?1 ORDER BY version DESC LIMIT 1), 0) >= ?2`, func(row []driver.Value) error {
			if row[0].(int64) != 0 {
				out = append(out, p)
			}
			return nil
		}, p, since)
		if err != nil {
			return err
		}
	}
	if len(out) > 0 {
		return &queue.HeardError{Patients: out}
	}
	return nil
}

// until is the time before which what is erased must have come.
func (x *eraser) until() int64 {
	if x.e.Silent.IsZero() {
		return math.MaxInt64
	}
	return nanos(x.e.Silent)
}
