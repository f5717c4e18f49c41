package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// Pace of the check of stored bodies. Bytes decide: with a bound of rows a store of many small messages would never be read through.
const (
	checkRate  = 2 << 20 // bytes read in a second
	checkStep  = 2 << 20 // bytes after which a step ends
	checkRow   = 256     // bytes that a row counts for beside its body, also when that is gone
	checkRows  = 200     // rows that are read from a table at a time: bodies that stand in them are held together
	checkRest  = 4       // how many times as long as a step took is rested after it, so that others hardly notice on a slow disk
	checkLook  = time.Minute
	checkStart = 5 * time.Second
	checkEvery = 7 * 24 * time.Hour
)

type checking struct{ message, delivery, record, plan, checked, began, ended int64 }

func (r *reader) checkingAt(ctx context.Context) (checking, error) {
	return one(ctx, r.db, func(rows *sql.Rows) (c checking, err error) {
		err = rows.Scan(&c.message, &c.delivery, &c.record, &c.plan, &c.checked, &c.began, &c.ended)
		return c, err
	}, `SELECT message, delivery, record, plan, checked, began, ended FROM integrity`)
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
	}, `SELECT x.kind || ' ' || coalesce(m.id, d.id, r.message_id, v.message_id, x.seq) FROM damage x LEFT JOIN message m ON x.kind = 'message' AND m.seq = x.seq
		LEFT JOIN delivery d ON x.kind = 'delivery' AND d.seq = x.seq LEFT JOIN record r ON x.kind = 'record' AND r.seq = x.seq
		LEFT JOIN plan_version v ON x.kind = 'plan' AND v.seq = x.seq ORDER BY x.kind DESC, x.seq LIMIT ?`, queue.MaxPage)
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
	for wait := checkStart; ; {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		began := time.Now()
		read, err := s.Check(ctx)
		switch {
		case ctx.Err() != nil || s.broken():
			return
		case err != nil:
			s.opts.Logger.Error("stored bodies could not be checked, it is tried again", "err", err)
			wait = checkLook
		case read == 0:
			wait = checkLook
		default:
			wait = max(time.Duration(float64(read)/checkRate*float64(time.Second)), checkRest*time.Since(began))
		}
	}
}

// damage is a body that could not be read.
type damage struct {
	kind string
	seq  int64
}

// checkTable is a table whose bodies are looked at. A body that stands in a row itself, as most records do and plans that have aged, has
// no checksum: it is SQLite's to keep, and is not looked at.
type checkTable struct {
	kind, query string
	last        *int64
}

func (c *checking) tables() []checkTable {
	return []checkTable{
		{"message", `SELECT m.seq, m.place, coalesce(b.file, ''), b.body FROM message m LEFT JOIN message_body b ON b.seq = m.seq WHERE m.seq > ? ORDER BY m.seq LIMIT ?`, &c.message},
		{"delivery", `SELECT d.seq, d.place, coalesce(b.file, ''), b.body FROM delivery d LEFT JOIN delivery_body b ON b.seq = d.seq WHERE d.seq > ? ORDER BY d.seq LIMIT ?`, &c.delivery},
		{"record", `SELECT seq, NULL, file, NULL FROM record WHERE seq > ? ORDER BY seq LIMIT ?`, &c.record},
		{"plan", `SELECT seq, place, file, NULL FROM plan_version WHERE seq > ? ORDER BY seq LIMIT ?`, &c.plan},
	}
}

// Check looks at a step of the stored bodies and gives the bytes it read, 0 when the last round ended less than a week ago. Where it
// stands is kept over restarts. With an error about a table that cannot be read the others were looked at.
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
		c = checking{began: nanos(now), ended: c.ended}
	}
	var found []damage
	var failed error
	more := false
	tables := c.tables()
	for i, t := range tables {
		// What a table leaves of its share is for those behind it, and each gets a row at least, however large those before were.
		n, bad, rest, err := s.checkTable(ctx, t, max(1, (checkStep-read)/int64(len(tables)-i)), &c.checked)
		read += n
		found, more = append(found, bad...), more || rest
		if err != nil { // no reason to leave the other tables; but the round does not end
			failed, more = errors.Join(failed, fmt.Errorf("table of each %s behind row %d: %w", t.kind, *t.last, err)), true
		}
	}
	return read, errors.Join(failed, s.checked(ctx, c, found, !more))
}

// checkTable looks at the bodies of a table until it has read its share, and says whether there are more.
func (s *Store) checkTable(ctx context.Context, t checkTable, share int64, checked *int64) (read int64, found []damage, more bool, err error) {
	type row struct {
		seq  int64
		kept kept
	}
	for {
		rows, err := list(ctx, s.db, func(rows *sql.Rows) (r row, err error) {
			err = rows.Scan(&r.seq, &r.kept.place, &r.kept.file, &r.kept.inline)
			return r, err
		}, t.query, *t.last, checkRows)
		if err != nil {
			return read, found, true, err
		}
		for i := range rows {
			if read >= share || ctx.Err() != nil {
				return read, found, true, ctx.Err()
			}
			n, bad, err := s.checkOne(ctx, t.kind, rows[i].seq, &rows[i].kept)
			if err != nil {
				return read, found, true, err
			}
			read += n + checkRow
			*t.last = rows[i].seq
			*checked++
			if bad {
				found = append(found, damage{kind: t.kind, seq: rows[i].seq})
			}
		}
		if len(rows) < checkRows {
			return read, found, false, nil
		}
	}
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
			return k.stored(body), false, nil
		case ctx.Err() != nil:
			return 0, false, ctx.Err()
		case try > 0: // also when the disk says so: what cannot be read is told, and the round goes on
			return k.stored(body), true, nil
		}
		text := map[string]string{"message": `SELECT m.place, coalesce(b.file, ''), b.body FROM message m LEFT JOIN message_body b ON b.seq = m.seq WHERE m.seq = ?`,
			"delivery": `SELECT d.place, coalesce(b.file, ''), b.body FROM delivery d LEFT JOIN delivery_body b ON b.seq = d.seq WHERE d.seq = ?`,
			"record":   `SELECT NULL, file, NULL FROM record WHERE seq = ?`,
			"plan":     `SELECT place, file, NULL FROM plan_version WHERE seq = ?`}[kind]
		now, err := list(ctx, s.db, scanKept, text, seq)
		if err != nil || len(now) == 0 {
			return 0, false, err
		}
		*k = now[0]
	}
}

// stored is how many bytes of the disk a body takes.
func (k *kept) stored(body []byte) int64 {
	if p, ok := placeOf(k.place); ok {
		return int64(p.n)
	}
	return int64(len(body))
}

// checked notes a step. At the end of a round what was found before it is forgotten: it was read well in this one.
func (s *Store) checked(ctx context.Context, c checking, found []damage, end bool) error {
	now := nanos(s.opts.Now())
	// After a power cut the step is done again; a sync for each would cost the writer more than the check may.
	err := s.looseJob(ctx, func(w *writer) error {
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
		return w.query(`UPDATE integrity SET message = ?, delivery = ?, record = ?, plan = ?, checked = ?, began = ?, ended = ?`, nil,
			c.message, c.delivery, c.record, c.plan, c.checked, c.began, c.ended)
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
