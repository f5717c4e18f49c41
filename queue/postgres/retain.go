package postgres

import (
	"context"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// settled selects messages whose bodies nobody needs: ended themselves, and all deliveries ended before a time.
const settled = `m.received_at < $1 AND m.status IN ('processed', 'refused', 'closed') AND NOT EXISTS (SELECT 1 FROM delivery d
	WHERE d.message = m.seq AND NOT (d.state IN ('acknowledged', 'given-up') AND d.done_at < $1
		OR d.state = 'sent' AND d.expect_by = 0 AND d.sent_at < $1))`

// haveBody finds messages that have a body: those that have aged by the table of those, which has a row for each.
const haveBody = `SELECT seq FROM ((SELECT seq FROM aged WHERE kind = 1 AND seq > $1 ORDER BY seq LIMIT $2) UNION
	(SELECT seq FROM message WHERE seq > greatest($1, (SELECT message FROM aging)) AND raw IS NOT NULL ORDER BY seq LIMIT $2)) x ORDER BY seq LIMIT $2`

// DropPayloads takes away bodies that have served; see queue.Retainer.
func (s *Store) DropPayloads(ctx context.Context, before time.Time, after int64, limit int) (dropped int, next int64, err error) {
	limit = min(max(limit, 1), maxLeases)
	// A piece of the messages that have a body is looked at, however few of them are settled.
	seqs, err := list(ctx, s.reader, scanNumber, haveBody, after, limit)
	if err != nil || len(seqs) == 0 {
		return 0, 0, err
	}
	next = seqs[len(seqs)-1]
	err = s.job(ctx, func(ctx context.Context, t *jobTx) error {
		dropped = 0
		return each(ctx, t, scanNumber, func(seq int64) error {
			dropped++
			for _, text := range []string{`UPDATE delivery SET body = NULL WHERE message = $1`, `UPDATE message SET raw = NULL WHERE seq = $1`,
				`DELETE FROM aged WHERE kind = 3 AND seq IN (SELECT seq FROM delivery WHERE message = $1)`, `DELETE FROM aged WHERE kind = 1 AND seq = $1`} {
				if _, err := t.exec(ctx, text, seq); err != nil {
					return err
				}
			}
			return nil
		}, `SELECT m.seq FROM message m WHERE m.seq = ANY($2) AND `+settled+` ORDER BY m.seq`, nanos(before), seqs)
	})
	if err != nil {
		return 0, 0, err
	}
	return dropped, next, nil
}

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
