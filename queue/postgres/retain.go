package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue"
)

// settledSelect gives those of some messages whose bodies nobody needs: ended themselves, and all deliveries ended before a time.
const settledSelect = `SELECT m.seq FROM message m WHERE m.seq = ANY($2) AND m.received_at < $1 AND m.status IN ('processed', 'refused', 'closed')
	AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.seq AND NOT (d.state IN ('acknowledged', 'given-up') AND d.done_at < $1
		OR d.state = 'sent' AND d.expect_by = 0 AND d.sent_at < $1)) ORDER BY m.seq`

// haveBody finds messages that have a body: those that have aged by the table of those, which has a row for each. It ends with the last
// that was received in the hour of a time or before it. Numbers follow the time of reception, but for clocks that differ: what such a one
// hides is found when the time has moved on.
const haveBody = `WITH u AS (SELECT coalesce(max(last), 0) AS last FROM (SELECT last FROM message_hour WHERE hour <= $3 ORDER BY hour DESC LIMIT 1000) h)
	SELECT seq FROM ((SELECT seq FROM aged WHERE kind = 1 AND seq > $1 AND seq <= (SELECT last FROM u) ORDER BY seq LIMIT $2) UNION
		(SELECT seq FROM message WHERE seq > greatest($1, (SELECT message FROM aging WHERE one = 1)) AND seq <= (SELECT last FROM u) AND raw IS NOT NULL
			ORDER BY seq LIMIT $2)) x ORDER BY seq LIMIT $2`

// payloadDrops take the bodies of messages and of their deliveries away. Rows whose body has aged are left as they are: it is not in them.
func payloadDrops() []string {
	return []string{
		`UPDATE delivery SET body = NULL WHERE message = ANY($1) AND body IS NOT NULL`,
		`UPDATE message SET raw = NULL WHERE seq = ANY($1) AND raw IS NOT NULL`,
		// Each row is looked up by itself: an estimate that the table is small, as it is after a run, makes a scan of it otherwise.
		`DELETE FROM aged WHERE ctid = ANY(ARRAY(SELECT (SELECT a.ctid FROM aged a WHERE a.kind = 3 AND a.seq = d.seq) FROM delivery d WHERE d.message = ANY($1)))`,
		`DELETE FROM aged WHERE ctid = ANY(ARRAY(SELECT (SELECT a.ctid FROM aged a WHERE a.kind = 1 AND a.seq = l.seq) FROM unnest($1::bigint[]) AS l(seq)))`,
	}
}

// DropPayloads takes away bodies that have served; see queue.Retainer.
func (s *Store) DropPayloads(ctx context.Context, before time.Time, after int64, limit int) (dropped int, next int64, err error) {
	return s.dropStep(ctx, before, after, limit, dropping{haveBody, settledSelect, payloadDrops()})
}

// dropping is what a step of retention looks at (after a number, so many, up to an hour), which of that may go (by a time), and how.
type dropping struct {
	look, which string
	drops       []string
}

// dropStep is one step. All gateways wait for it: it is a few statements however many messages it is for, and what it is for is found
// before, beside them.
func (s *Store) dropStep(ctx context.Context, before time.Time, after int64, limit int, of dropping) (dropped int, next int64, err error) {
	limit = min(max(limit, 1), maxLeases)
	// A piece of the messages is looked at, however few of them may go.
	seqs, err := list(ctx, s.reader, scanNumber, of.look, after, limit, nanos(before)/int64(time.Hour))
	if err != nil || len(seqs) == 0 {
		return 0, 0, err
	}
	next = seqs[len(seqs)-1]
	seqs, err = list(ctx, s.reader, scanNumber, of.which, nanos(before), seqs)
	if err != nil || len(seqs) == 0 {
		return 0, next, err
	}
	began := time.Now()
	err = s.job(ctx, func(ctx context.Context, t *jobTx) error {
		// Nobody waits for the sync: what a crash brings back is dropped by the next run.
		if _, err := t.exec(ctx, `SET LOCAL synchronous_commit = off`); err != nil {
			return err
		}
		rows, err := t.conn.Query(ctx, of.which, nanos(before), seqs) // somebody may have sent one again
		if err != nil {
			return err
		}
		gone, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		dropped = len(gone)
		b := &pgx.Batch{}
		for _, text := range of.drops {
			b.Queue(text, gone)
		}
		return t.conn.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return 0, 0, err
	}
	// As much time as this step took belongs to the others, however fast the caller comes back. What it did is done, whoever ends it now.
	_ = sleep(ctx, min(time.Since(began), retainRest))
	return dropped, next, nil
}

// retainRest bounds the pause after a step.
const retainRest = time.Second

// DropAudits takes away the oldest audit entries; see queue.Retainer. Their last hash stays as the anchor that the rest of
// the chain begins with.
func (s *Store) DropAudits(ctx context.Context, before time.Time, limit int) (dropped int, err error) {
	limit = min(max(limit, 1), queue.MaxParts)
	err = s.job(ctx, func(ctx context.Context, t *jobTx) error {
		dropped = 0
		var last auditRow
		stays := false
		// In order of numbers, up to the first that stays: the chain has no holes.
		err := each(ctx, t, scanAudit, func(a auditRow) error {
			if stays = stays || !a.At.Before(before); !stays {
				last = a
				dropped++
			}
			return nil
		}, auditSelect+`ORDER BY seq LIMIT $1`, limit)
		if err != nil || dropped == 0 {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM audit WHERE seq <= $1`, last.Seq); err != nil {
			return err
		}
		_, err = t.exec(ctx, `UPDATE erasure SET anchor = $1, hash = $2`, last.Seq, last.Hash)
		return err
	})
	if err != nil {
		dropped = 0
	}
	return dropped, err
}
