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
	err = s.bodyJob(ctx, func(w *writer) (err error) {
		w.mild = 1
		defer func() { w.mild = 0 }()
		if x.trace, err = w.tracer(); err != nil {
			return err
		}
		var still []int64
		err = w.query(`SELECT m.seq FROM json_each(?2) j CROSS JOIN message m ON m.seq = j.value WHERE `+settled, func(row []driver.Value) error {
			still = append(still, row[0].(int64))
			return nil
		}, nanos(before), string(mustJSON(found)))
		if err == nil {
			err = x.dropBodies(w, still)
		}
		dropped = len(still)
		return err
	})
	if err != nil {
		x.files = nil // their rows are there still
		return 0, 0, err
	}
	return dropped, next, nil
}

// bodiesOf are the bodies of messages and of their deliveries, and what is left of those when they go.
var (
	bodiesOf = []string{
		`SELECT m.place FROM json_each(?) j CROSS JOIN message m ON m.seq = j.value WHERE m.place IS NOT NULL`,
		`SELECT d.place FROM json_each(?) j CROSS JOIN delivery d ON d.message = j.value WHERE d.message IS NOT NULL AND d.place IS NOT NULL`,
		`SELECT b.file FROM json_each(?) j CROSS JOIN message_body b ON b.seq = j.value WHERE b.file <> ''`,
		`SELECT b.file FROM json_each(?) j CROSS JOIN delivery d ON d.message = j.value JOIN delivery_body b ON b.seq = d.seq WHERE d.message IS NOT NULL AND b.file <> ''`,
	}
	bodyDrops = []string{
		`UPDATE message SET place = NULL WHERE seq IN (SELECT value FROM json_each(?)) AND place IS NOT NULL`,
		`UPDATE delivery SET place = NULL WHERE message IN (SELECT value FROM json_each(?)) AND message IS NOT NULL AND place IS NOT NULL`,
		`DELETE FROM message_body WHERE seq IN (SELECT value FROM json_each(?))`,
		`DELETE FROM delivery_body WHERE seq IN (SELECT d.seq FROM json_each(?) j CROSS JOIN delivery d ON d.message = j.value WHERE d.message IS NOT NULL)`,
	}
)

// dropBodies is dropBody for messages and their deliveries.
func (x *eraser) dropBodies(w *writer, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	all := string(mustJSON(seqs))
	var places []driver.Value
	for _, text := range bodiesOf {
		if err := w.query(text, func(row []driver.Value) error {
			if file, is := row[0].(string); is {
				x.files = append(x.files, file)
			} else {
				places = append(places, row[0])
			}
			return nil
		}, all); err != nil {
			return err
		}
	}
	if err := x.trace.doom(places); err != nil {
		return err
	}
	if err := x.trace.run(bodyDrops, all); err != nil {
		return err
	}
	return x.trace.end()
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
