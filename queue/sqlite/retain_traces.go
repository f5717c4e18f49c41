package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// bare selects, of settled messages, those that name nobody and have no body, and whose deliveries are like that.
const bare = `(m.checksum = '' OR m.patient = '' AND m.status <> 'processed') AND m.place IS NULL
	AND NOT EXISTS (SELECT 1 FROM message_body b WHERE b.seq = m.seq)
	AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.seq AND d.message IS NOT NULL AND (d.patient <> '' OR d.place IS NOT NULL
		OR m.checksum = '' AND d.checksum <> '' OR EXISTS (SELECT 1 FROM delivery_body b WHERE b.seq = d.seq)))`

// DropTraces takes away messages that say nothing of anybody; see queue.Retainer.
func (s *Store) DropTraces(ctx context.Context, before time.Time, after int64, limit int) (dropped int, next int64, err error) {
	limit = min(max(limit, 1), maxLeases)
	x := &eraser{s: s}
	if after == 0 {
		if err := s.wait(ctx); err != nil {
			return 0, 0, err
		}
	}
	// No further than what was received in the hour of that time: what is younger is not looked at.
	seqs, err := x.numbersOf(ctx, `SELECT seq FROM message WHERE seq > ? AND seq <= (SELECT coalesce(max(last), 0) FROM message_hour WHERE hour <= ?)
		ORDER BY seq LIMIT ?`, after, nanos(before)/hourNanos, limit)
	if err != nil || len(seqs) == 0 {
		return 0, 0, err
	}
	next = seqs[len(seqs)-1]
	if young, err := x.young(ctx, before, after, next); err != nil || young {
		return 0, 0, err
	}
	found, err := x.numbersOf(ctx, `SELECT m.seq FROM message m WHERE m.seq > ?2 AND m.seq <= ?3 AND `+settled+` AND `+bare+` ORDER BY m.seq`, nanos(before), after, next)
	if err != nil || len(found) == 0 {
		return 0, next, err
	}
	err = s.looseJob(ctx, func(w *writer) error {
		t, err := w.tracer()
		if err != nil {
			return err
		}
		var still []int64
		err = w.query(`SELECT m.seq FROM json_each(?2) j CROSS JOIN message m ON m.seq = j.value WHERE `+settled+` AND `+bare, func(row []driver.Value) error {
			still = append(still, row[0].(int64))
			return nil
		}, nanos(before), string(mustJSON(found)))
		if err == nil {
			err = t.drop(still)
		}
		if err != nil {
			return err
		}
		dropped = len(still)
		queue.Reach(queue.PointTraces)
		return t.end()
	})
	if err != nil {
		return 0, 0, err
	}
	return dropped, next, nil
}

// DropErased forgets names of what was erased; see queue.Retainer.
func (s *Store) DropErased(ctx context.Context, before time.Time, limit int) (dropped int, err error) {
	limit = min(max(limit, 1), queue.MaxParts)
	if err := s.wait(ctx); err != nil {
		return 0, err
	}
	hashes, err := list(ctx, s.db, func(rows *sql.Rows) (b []byte, err error) {
		err = rows.Scan(&b)
		return b, err
	}, `SELECT hash FROM erased WHERE at < ? LIMIT ?`, nanos(before), limit)
	if err != nil || len(hashes) == 0 {
		return 0, err
	}
	err = s.looseJob(ctx, func(w *writer) error {
		for _, h := range hashes {
			if err := w.query(`DELETE FROM erased WHERE hash = ? AND at < ?`, nil, h, nanos(before)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(hashes), nil
}
