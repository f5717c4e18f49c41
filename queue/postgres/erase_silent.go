package postgres

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue"
)

// Wipe takes what erasures left out of the pages of all tables; see queue.Eraser.
func (s *Store) Wipe(ctx context.Context) error { return (&eraser{s: s}).wipe(ctx) }

// listen notes of whom something came who go because nothing did; see queue.Erasure.
func (x *eraser) listen(ctx context.Context, t *jobTx) error {
	x.heard = nil
	return each(ctx, t, func(row pgx.Row) (p string, err error) {
		err = row.Scan(&p)
		return p, err
	}, func(p string) error {
		x.heard = append(x.heard, p)
		return nil
	}, `SELECT p FROM unnest($1::text[]) AS l(p) WHERE p <> '' AND (
		EXISTS (SELECT 1 FROM message WHERE patient = p AND patient <> '' AND (received_at >= $2 OR status IN ('received', 'attention', 'quarantined')))
		OR (SELECT at FROM plan_version WHERE patient = p ORDER BY version DESC LIMIT 1) >= $2
		OR EXISTS (SELECT 1 FROM delivery WHERE patient = p AND patient <> ''
			AND (created_at >= $2 OR state IN ('queued', 'waiting', 'stopped') OR state = 'sent' AND expect_by > 0)))`, x.e.Patients, nanos(x.e.Silent))
}

// Heard tells who is no silent person; see queue.Eraser.
func (s *Store) Heard(ctx context.Context, e queue.Erasure) ([]string, error) {
	if e.Silent.IsZero() {
		return nil, nil
	}
	x := &eraser{s: s, e: e}
	err := s.job(ctx, x.listen)
	return x.heard, err
}

// look sees whether another gateway did this erasure meanwhile: then its note is gone.
func (x *eraser) look(ctx context.Context, t *jobTx) error {
	if x.done = false; x.e.Note == "" {
		return nil
	}
	return t.conn.QueryRow(ctx, `SELECT NOT EXISTS (SELECT 1 FROM setting WHERE name = $1)`, x.e.Note).Scan(&x.done)
}

// noted is look before anything is touched.
func (x *eraser) noted(ctx context.Context) error {
	if x.e.Note == "" {
		return nil
	}
	if text, err := x.s.Setting(ctx, x.e.Note); err != nil || text != "" {
		return err
	}
	return queue.ErrErased
}

// unlessHeard gives the error of a job that looked or listened: its own cannot say it, which would count as one of the connection.
func (x *eraser) unlessHeard(err error) error {
	switch {
	case err == nil && x.done:
		return queue.ErrErased
	case err == nil && len(x.heard) > 0:
		return &queue.HeardError{Patients: x.heard}
	}
	return err
}

// until is the time before which what is erased must have come.
func (x *eraser) until() int64 {
	if x.e.Silent.IsZero() {
		return math.MaxInt64
	}
	return nanos(x.e.Silent)
}
