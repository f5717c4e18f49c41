package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue"
)

// bareSelect gives those of some messages that are settled, name nobody and have no body, and whose deliveries are like that. Bodies that
// have aged stand in a table of their own.
const bareSelect = `SELECT m.seq FROM message m WHERE m.seq = ANY($2) AND m.received_at < $1 AND m.status IN ('processed', 'refused', 'closed')
	AND (m.checksum = '' OR m.patient = '' AND m.status <> 'processed') AND m.raw IS NULL AND NOT EXISTS (SELECT 1 FROM aged a WHERE a.kind = 1 AND a.seq = m.seq)
	AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.seq AND (NOT (d.state IN ('acknowledged', 'given-up') AND d.done_at < $1
			OR d.state = 'sent' AND d.expect_by = 0 AND d.sent_at < $1)
		OR d.patient <> '' OR d.body IS NOT NULL OR m.checksum = '' AND d.checksum <> '' OR EXISTS (SELECT 1 FROM aged a WHERE a.kind = 3 AND a.seq = d.seq)))
	ORDER BY m.seq`

// mayBeBare is a piece of all messages, no further than what was received in the hour of a time.
const mayBeBare = `SELECT seq FROM message WHERE seq > $1 AND seq <= (SELECT coalesce(max(last), 0) FROM (SELECT last FROM message_hour WHERE hour <= $3
	ORDER BY hour DESC LIMIT 1000) h) ORDER BY seq LIMIT $2`

// traceDrops take away all that hangs on messages, and the messages themselves.
func traceDrops() []string {
	of := ` IN (SELECT seq FROM delivery WHERE message = ANY($1))`
	return []string{
		`DELETE FROM attempt WHERE delivery` + of,
		`DELETE FROM receipt WHERE stray` + of,
		`DELETE FROM receipt WHERE message = ANY($1)`,
		`DELETE FROM event_run WHERE stray` + of,
		`DELETE FROM event_run WHERE message = ANY($1)`,
		`DELETE FROM damage WHERE kind = 'delivery' AND seq` + of,
		`DELETE FROM damage WHERE kind = 'message' AND seq = ANY($1)`,
		`DELETE FROM open_delivery WHERE seq` + of,
		`DELETE FROM delivery WHERE message = ANY($1)`,
		`DELETE FROM open_message WHERE seq = ANY($1)`,
		`DELETE FROM trouble WHERE seq = ANY($1)`,
		`DELETE FROM aged WHERE kind = 2 AND seq = ANY($1)`,
		`DELETE FROM message WHERE seq = ANY($1)`,
	}
}

// DropTraces takes away messages that say nothing of anybody; see queue.Retainer.
func (s *Store) DropTraces(ctx context.Context, before time.Time, after int64, limit int) (dropped int, next int64, err error) {
	return s.dropStep(ctx, before, after, limit, dropping{mayBeBare, bareSelect, traceDrops()})
}

// DropErased forgets names of what was erased; see queue.Retainer.
func (s *Store) DropErased(ctx context.Context, before time.Time, limit int) (dropped int, err error) {
	limit = min(max(limit, 1), queue.MaxParts)
	// They are looked for beside the others: no index is by time, and who writes holds everybody up.
	hashes, err := list(ctx, s.reader, func(row pgx.Row) (b []byte, err error) {
		err = row.Scan(&b)
		return b, err
	}, `SELECT hash FROM erased WHERE at < $1 LIMIT $2`, nanos(before), limit)
	if err != nil || len(hashes) == 0 {
		return 0, err
	}
	err = s.job(ctx, func(ctx context.Context, t *jobTx) error {
		_, err := t.exec(ctx, `DELETE FROM erased WHERE hash = ANY($1) AND at < $2`, hashes, nanos(before)) // one may have been named anew
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(hashes), nil
}
