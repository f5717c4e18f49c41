package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// settled selects messages whose bodies nobody needs: ended themselves, and all deliveries ended before a time.
const settled = `m.received_at < ?1 AND m.status IN ('processed', 'refused', 'closed') AND NOT EXISTS (SELECT 1 FROM delivery d
	WHERE d.message = m.seq AND d.message IS NOT NULL AND NOT (d.state IN ('acknowledged', 'given-up') AND d.done_at < ?1
		OR d.state = 'sent' AND d.expect_by = 0 AND d.sent_at < ?1))`

// haveBody finds messages that have one by the index of them.
const haveBody = `SELECT seq FROM (SELECT * FROM (SELECT seq FROM message WHERE place IS NOT NULL AND seq > ?1 ORDER BY seq LIMIT ?2)
	UNION SELECT * FROM (SELECT seq FROM message_body WHERE seq > ?1 ORDER BY seq LIMIT ?2)) ORDER BY seq LIMIT ?2`

// young tells that no message of a piece, after a number and up to another, was received before a time, nor was any behind it: numbers
// follow the time of reception. What a clock that was wrong hides so is found an hour later.
func (x *eraser) young(ctx context.Context, before time.Time, after, upTo int64) (bool, error) {
	return single[bool](ctx, x.s.db, `SELECT ?1 >= (SELECT coalesce(max(last), 0) FROM message_hour WHERE hour < ?4)
		AND NOT EXISTS (SELECT 1 FROM message WHERE seq > ?1 AND seq <= ?2 AND received_at < ?3)`, after, upTo, nanos(before), nanos(before)/hourNanos)
}

// DropPayloads takes away bodies that have served; see queue.Retainer. What they leave is taken out of the journal at the end of a walk.
func (s *Store) DropPayloads(ctx context.Context, before time.Time, after int64, limit int) (dropped int, next int64, err error) {
	x := &eraser{s: s}
	dropped, next, err = x.payloads(ctx, before, after, min(max(limit, 1), maxLeases))
	if dropped > 0 {
		queue.Reach(queue.PointDrop)
		s.droppedAny.Store(true)
	}
	if err == nil && next == 0 && s.droppedAny.Swap(false) {
		if err = s.wipePlaces(ctx, true); err != nil {
			s.droppedAny.Store(true)
		}
	}
	return dropped, next, errors.Join(err, s.shred(ctx, x.files))
}

// payloads is a step of DropPayloads.
func (x *eraser) payloads(ctx context.Context, before time.Time, after int64, limit int) (dropped int, next int64, err error) {
	s := x.s
	if after == 0 {
		if err := s.wait(ctx); err != nil {
			return 0, 0, err
		}
	}
	// A piece of the messages that have a body is looked at, however few of them are settled.
	seqs, err := x.numbersOf(ctx, haveBody, after, limit)
	if err != nil || len(seqs) == 0 {
		return 0, 0, err
	}
	next = seqs[len(seqs)-1]
	if young, err := x.young(ctx, before, after, next); err != nil || young {
		return 0, 0, err
	}
	found, err := x.numbersOf(ctx, `SELECT m.seq FROM message m WHERE m.seq > ?2 AND m.seq <= ?3 AND `+settled+`
		AND (m.place IS NOT NULL OR EXISTS (SELECT 1 FROM message_body b WHERE b.seq = m.seq)) ORDER BY m.seq`, nanos(before), after, next)
	if err != nil {
		return 0, 0, err
	}
	if len(found) == 0 {
		return 0, next, nil
	}
	err = s.bodyJob(ctx, func(w *writer) error {
		w.mild = 1
		defer func() { w.mild = 0 }()
		for _, seq := range found {
			err := w.query(`SELECT m.seq FROM message m WHERE m.seq = ?2 AND `+settled, func([]driver.Value) error {
				dropped++
				if err := w.query(`SELECT seq FROM delivery WHERE message = ? AND message IS NOT NULL`, func(row []driver.Value) error {
					return x.dropBody(w, "delivery", row[0].(int64))
				}, seq); err != nil {
					return err
				}
				return x.dropBody(w, "message", seq)
			}, nanos(before), seq)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		x.files = nil // their rows are there still
		return 0, 0, err
	}
	return dropped, next, nil
}

// DropAudits takes away the oldest audit entries; see queue.Retainer. Their last hash stays as the anchor that the
// rest of the chain begins with.
func (s *Store) DropAudits(ctx context.Context, before time.Time, limit int) (dropped int, err error) {
	limit = min(max(limit, 1), queue.MaxParts)
	err = s.job(ctx, func(w *writer) error {
		var last int64
		var hash string
		// In order of numbers, up to the first that stays: the chain has no holes.
		stays := false
		err := w.query(`SELECT seq, at, hash FROM audit ORDER BY seq LIMIT ?`, func(row []driver.Value) error {
			if stays = stays || row[1].(int64) >= nanos(before); !stays {
				last, hash = row[0].(int64), row[2].(string)
				dropped++
			}
			return nil
		}, int64(limit))
		if err != nil || dropped == 0 {
			return err
		}
		if err := w.query(`DELETE FROM audit WHERE seq <= ?`, nil, last); err != nil {
			return err
		}
		queue.Reach(queue.PointAudits)
		return w.query(`UPDATE erasure SET anchor = ?, hash = ?`, nil, last, hash)
	})
	if err != nil {
		dropped = 0
	}
	return dropped, err
}
