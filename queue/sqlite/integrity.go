package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// Pace of the check of stored bodies.
const (
	checkRows  = 200             // rows of a table in a step
	checkRate  = 2 << 20         // bytes read in a second
	checkStep  = 2 << 20         // bytes after which a step ends
	checkPause = 5 * time.Second // between two steps at least
	checkEvery = 7 * 24 * time.Hour
)

type checking struct{ message, delivery, plan, checked, began, ended int64 }

func (r *reader) checkingAt(ctx context.Context) (checking, error) {
	return one(ctx, r.db, func(rows *sql.Rows) (c checking, err error) {
		err = rows.Scan(&c.message, &c.delivery, &c.plan, &c.checked, &c.began, &c.ended)
		return c, err
	}, `SELECT message, delivery, plan, checked, began, ended FROM integrity`)
}

// Integrity tells what the check of stored bodies found; of damaged ones at most a page.
func (r *reader) Integrity(ctx context.Context) (queue.Integrity, error) {
	c, err := r.checkingAt(ctx)
	if err != nil {
		return queue.Integrity{}, err
	}
	out := queue.Integrity{Checked: c.checked, Began: moment(c.began), Ended: moment(c.ended)}
	out.Damaged, err = list(ctx, r.db, func(rows *sql.Rows) (text string, err error) {
		err = rows.Scan(&text)
		return text, err
	}, `SELECT x.kind || ' ' || coalesce(m.id, d.id, v.message_id, x.seq) FROM damage x LEFT JOIN message m ON x.kind = 'message' AND m.seq = x.seq
		LEFT JOIN delivery d ON x.kind = 'delivery' AND d.seq = x.seq LEFT JOIN plan_version v ON x.kind = 'plan' AND v.seq = x.seq ORDER BY x.kind DESC, x.seq LIMIT ?`, queue.MaxPage)
	return out, err
}

// checks looks at the stored bodies, a step at a time, until the store closes.
func (s *Store) checks() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	if n, err := single[int64](ctx, s.db, `SELECT count(*) FROM damage`); err == nil {
		s.damaged.Store(n)
	}
	for wait := checkPause; ; {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		read, err := s.Check(ctx)
		if ctx.Err() != nil || s.broken() {
			return
		}
		if err != nil {
			s.opts.Logger.Error("stored bodies could not be checked, it is tried again", "err", err)
		}
		wait = max(checkPause, time.Duration(float64(read)/checkRate*float64(time.Second)))
	}
}

// damage is a body that could not be read.
type damage struct {
	kind string
	seq  int64
}

// Check looks at a step of the stored bodies and gives the bytes it read, 0 when the last round ended less than a week ago. Where it
// stands is kept over restarts.
func (s *Store) Check(ctx context.Context) (read int64, err error) {
	s.checking.Lock()
	defer s.checking.Unlock()
	c, err := s.checkingAt(ctx)
	if err != nil {
		return 0, err
	}
	now := s.opts.Now()
	if c.began == 0 {
		if c.ended != 0 && now.Sub(moment(c.ended)) < checkEvery {
			return 0, nil
		}
		c.began, c.message, c.delivery, c.plan, c.checked = nanos(now), 0, 0, 0, 0
	}
	var found []damage
	more := false
	for _, of := range []struct {
		kind, query string
		last        *int64
	}{
		{"message", `SELECT m.seq, m.place, coalesce(b.file, ''), b.body FROM message m LEFT JOIN message_body b ON b.seq = m.seq WHERE m.seq > ? ORDER BY m.seq LIMIT ?`, &c.message},
		{"delivery", `SELECT d.seq, d.place, coalesce(b.file, ''), b.body FROM delivery d LEFT JOIN delivery_body b ON b.seq = d.seq WHERE d.seq > ? ORDER BY d.seq LIMIT ?`, &c.delivery},
		// What stands in the rows themselves is SQLite's to keep.
		{"plan", `SELECT seq, place, file, NULL FROM plan_version WHERE seq > ? ORDER BY seq LIMIT ?`, &c.plan},
	} {
		type row struct {
			seq  int64
			kept kept
		}
		rows, err := list(ctx, s.db, func(rows *sql.Rows) (r row, err error) {
			err = rows.Scan(&r.seq, &r.kept.place, &r.kept.file, &r.kept.inline)
			return r, err
		}, of.query, *of.last, checkRows)
		if err != nil {
			return read, err
		}
		more = more || len(rows) == checkRows
		for i := range rows {
			if ctx.Err() != nil || read > checkStep {
				more = true
				break
			}
			n, bad, err := s.checkOne(ctx, of.kind, rows[i].seq, &rows[i].kept)
			if err != nil {
				return read, err
			}
			read += n + 1
			*of.last = rows[i].seq
			c.checked++
			if bad {
				found = append(found, damage{kind: of.kind, seq: rows[i].seq})
			}
		}
	}
	return read, s.checked(ctx, c, found, !more)
}

func scanKept(rows *sql.Rows) (k kept, err error) {
	err = rows.Scan(&k.place, &k.file, &k.inline)
	return k, err
}

// checkOne reads one body. A body that moved since its row was read is read at its new place.
func (s *Store) checkOne(ctx context.Context, kind string, seq int64, k *kept) (n int64, bad bool, err error) {
	for try := 0; ; try++ {
		if k.none() || len(k.place) == 1 { // gone, or that of its message
			return 0, false, nil
		}
		body, err := s.body(k)
		switch {
		case err == nil:
			return int64(len(body)), false, nil
		case ctx.Err() != nil:
			return 0, false, ctx.Err()
		case try > 0: // also when the disk says so: what cannot be read is told, and the round goes on
			return int64(len(body)), true, nil
		}
		text := map[string]string{"message": `SELECT m.place, coalesce(b.file, ''), b.body FROM message m LEFT JOIN message_body b ON b.seq = m.seq WHERE m.seq = ?`,
			"delivery": `SELECT d.place, coalesce(b.file, ''), b.body FROM delivery d LEFT JOIN delivery_body b ON b.seq = d.seq WHERE d.seq = ?`,
			"plan":     `SELECT place, file, NULL FROM plan_version WHERE seq = ?`}[kind]
		now, err := list(ctx, s.db, scanKept, text, seq)
		if err != nil || len(now) == 0 {
			return 0, false, err
		}
		*k = now[0]
	}
}

// checked notes a step. At the end of a round what was found before it is forgotten: it was read well in this one.
func (s *Store) checked(ctx context.Context, c checking, found []damage, end bool) error {
	now := nanos(s.opts.Now())
	err := s.job(ctx, func(w *writer) error {
		for _, d := range found {
			if err := w.query(`INSERT INTO damage (kind, seq, found) VALUES (?, ?, ?) ON CONFLICT (kind, seq) DO UPDATE SET found = excluded.found`, nil, d.kind, d.seq, now); err != nil {
				return err
			}
		}
		if end {
			if err := w.query(`DELETE FROM damage WHERE found < ?`, nil, c.began); err != nil {
				return err
			}
			c.began, c.ended = 0, now
		}
		return w.query(`UPDATE integrity SET message = ?, delivery = ?, plan = ?, checked = ?, began = ?, ended = ?`, nil, c.message, c.delivery, c.plan, c.checked, c.began, c.ended)
	})
	if err != nil {
		return err
	}
	for _, d := range found {
		s.opts.Logger.Error("a stored body is damaged: restore it from a backup, or ask the sender", "kind", d.kind, "number", d.seq)
	}
	n, err := single[int64](ctx, s.db, `SELECT count(*) FROM damage`)
	s.damaged.Store(n)
	return err
}
