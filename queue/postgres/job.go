package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue"
)

// jobTx is the transaction of a job. It holds the lock on head, so that no group of any gateway runs beside it.
type jobTx struct {
	conn *pgx.Conn
}

// exec runs a statement and gives the number of rows.
func (t *jobTx) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := t.conn.Exec(ctx, sql, args...)
	return tag.RowsAffected(), err
}

// each reads all rows of a query, then calls f for each; f may run statements of its own.
func each[T any](ctx context.Context, t *jobTx, scan func(pgx.Row) (T, error), f func(T) error, sql string, args ...any) error {
	rows, err := t.conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) { return scan(row) })
	if err != nil {
		return err
	}
	for _, x := range list {
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

// job runs f alone in a transaction of the writer. f may run again when the connection was lost: it must begin anew.
func (s *Store) job(ctx context.Context, f func(ctx context.Context, tx *jobTx) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	_, err := s.submit(ctx, &request{done: make(chan struct{}), job: f})
	return err
}

func (w *writer) runJob(ctx context.Context, r *request) error {
	w.last = nil
	if _, err := w.conn.Exec(ctx, `BEGIN`); err != nil {
		return err
	}
	_, err := w.conn.Exec(ctx, `SELECT one FROM head FOR UPDATE`)
	if err == nil {
		err = r.job(ctx, &jobTx{w.conn})
	}
	if err == nil {
		w.mark++
		_, err = w.conn.Exec(ctx, markSet, w.s.owner, w.mark)
	}
	if err != nil {
		return (&group{w: w}).undo(ctx, err)
	}
	queue.Reach(queue.PointPgJob)
	if _, err = w.conn.Exec(ctx, `COMMIT`); err != nil && kindOf(err) == kindLost {
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	queue.Reach(queue.PointPgJobDone)
	return err
}
