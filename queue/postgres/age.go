package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/press"
)

// Steps of ageing, each some short statements.
const (
	ageRows = 512     // rows of a table
	ageStep = 1 << 20 // bytes of bodies, of each table; one body may be larger
	// agePasses is in how many statements a step writes: a page in which few rows change has room for their shorter versions, and
	// then no index is touched.
	agePasses = 8
	// ageMin is what a body must get smaller by: a row of its own costs that much.
	ageMin = 80
	// ageLook is how often is looked for what has aged when nothing has, ageWait how long at least between two steps.
	ageLook = time.Minute
	ageWait = 100 * time.Millisecond
	// slowStart is how long after its start a gateway begins with what has time.
	slowStart = 10 * time.Second
	// slowLead is how often is asked who leads: well within the time that a leader has.
	slowLead = leaderTime / 4
	// agedSchema is the first schema whose versions read pressed bodies.
	agedSchema = 4
	// ageReady is how long after earlier versions were shut out the first body is pressed, and after one was seen alive all the same:
	// one that was just starting, or was cut off for a while, has told by then that it is alive.
	ageReady = time.Hour
)

// ages presses what has aged, at most AgeRate bytes in a second, until the store closes; of several gateways one does.
func (s *Store) ages() {
	s.slowly("ageing", func(ctx context.Context) (time.Duration, error) {
		began := time.Now()
		n, err := s.Age(ctx, began.Add(-s.opts.AgeAfter))
		if err != nil || n == 0 {
			return ageLook, err
		}
		// What was read bounds the pace, and half of the time at least belongs to others.
		return max(ageWait, time.Duration(float64(n)/float64(s.opts.AgeRate)*float64(time.Second)), time.Since(began)), nil
	})
}

// slowly runs a step of a job again and again, after the time that the last one asked for, while this gateway leads in it.
func (s *Store) slowly(job string, step func(ctx context.Context) (time.Duration, error)) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	var asked time.Time
	for wait := slowStart; ; {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		leads, err := true, error(nil)
		if asked.IsZero() || time.Since(asked) > slowLead {
			if leads, err = s.Leads(ctx, job); leads {
				asked = time.Now()
			}
		}
		wait = ageLook
		if leads && err == nil {
			wait, err = step(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.opts.Logger.Warn("a job in the background did not succeed, it is tried again", "job", job, "err", cause(err))
			asked, wait = time.Time{}, ageLook
		} else if !leads {
			asked = time.Time{}
		}
	}
}

// aging is where ageing stands: the row of its table.
type aging struct {
	last       [4]int64 // by table
	ready, now int64
	older      bool // a gateway is alive that does not read pressed bodies
}

const (
	agingSelect = `SELECT message, delivery, record, plan, ready, now_ns(), EXISTS (SELECT 1 FROM gateway WHERE knows < $1 AND until > now_ns()) FROM aging WHERE one = 1`
	agingSet    = `UPDATE aging SET message = greatest(message, $1), delivery = greatest(delivery, $2), record = greatest(record, $3),
		plan = greatest(plan, $4), before = before + $5, after = after + $6 WHERE one = 1`
	agingReady = `WITH f AS (INSERT INTO schema_floor VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET version = greatest(schema_floor.version, excluded.version))
		UPDATE aging SET ready = now_ns() WHERE one = 1`
)

// agedTable is how one table ages. A body leaves it for the table aged, under the kind that stands for its column.
type agedTable struct {
	kinds         [2]int16
	sizes, bodies string
	write         string
	mark          bool // a body that does not get smaller has a row too: by those it is found and checked
}

// agedTables are the tables in the order of aging.last.
func agedTables() [4]agedTable {
	return [4]agedTable{
		{[2]int16{1, 2}, `SELECT seq, received_at, coalesce(octet_length(raw), 0) + coalesce(octet_length(envelope), 0) FROM message WHERE seq > $1 ORDER BY seq LIMIT $2`,
			`SELECT seq, xmin::text, raw, envelope FROM message WHERE seq > $1 AND seq <= $2 ORDER BY seq`,
			agedWrite("message", `raw = CASE WHEN l.one THEN NULL ELSE t.raw END, envelope = CASE WHEN l.two THEN NULL ELSE t.envelope END`), true},
		{[2]int16{3, 0}, `SELECT seq, created_at, coalesce(octet_length(body), 0) FROM delivery WHERE seq > $1 ORDER BY seq LIMIT $2`,
			`SELECT seq, xmin::text, body, NULL::bytea FROM delivery WHERE seq > $1 AND seq <= $2 ORDER BY seq`, agedWrite("delivery", `body = NULL`), true},
		{[2]int16{4, 0}, `SELECT seq, received_at, octet_length(body) FROM record WHERE seq > $1 ORDER BY seq LIMIT $2`,
			`SELECT seq, xmin::text, body, NULL::bytea FROM record WHERE seq > $1 AND seq <= $2 ORDER BY seq`, agedWrite("record", `body = ''`), false},
		{[2]int16{5, 0}, `SELECT seq, at, octet_length(body) FROM plan_version WHERE seq > $1 ORDER BY seq LIMIT $2`,
			`SELECT seq, xmin::text, body, NULL::bytea FROM plan_version WHERE seq > $1 AND seq <= $2 ORDER BY seq`, agedWrite("plan_version", `body = ''`), false},
	}
}

// agedWrite moves bodies in one statement. It waits for nobody: a row that somebody else has locked, or that has changed since it was
// read, is left out, and is not among those that are given back.
func agedWrite(table, set string) string {
	return `WITH n AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::boolean[], $4::boolean[]) AS n(seq, was, one, two)),
		l AS (SELECT t.seq, n.one, n.two FROM n JOIN ` + table + ` t ON t.seq = n.seq WHERE t.xmin::text = n.was ORDER BY t.seq FOR NO KEY UPDATE OF t SKIP LOCKED),
		put AS (INSERT INTO aged (kind, seq, sum, body) SELECT b.kind, b.seq, b.sum, b.body
			FROM unnest($5::smallint[], $6::bigint[], $7::integer[], $8::bytea[]) AS b(kind, seq, sum, body) JOIN l ON l.seq = b.seq
			ON CONFLICT (kind, seq) DO UPDATE SET sum = excluded.sum, body = excluded.body),
		cut AS (UPDATE ` + table + ` t SET ` + set + ` FROM l WHERE t.seq = l.seq AND (l.one OR l.two))
		SELECT seq FROM l`
}

// Age presses a step of what was stored before a time and gives the bytes it read; 0 when all was pressed, or when nothing may be
// pressed yet because a gateway of an earlier version is alive. It may be interrupted at any moment: a body moves in one
// statement, and what was moved is not moved again.
func (s *Store) Age(ctx context.Context, before time.Time) (read int64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("age: %w", err)
		}
	}()
	var a aging
	if err := s.slow.QueryRow(ctx, agingSelect, agedSchema).Scan(&a.last[0], &a.last[1], &a.last[2], &a.last[3], &a.ready, &a.now, &a.older); err != nil {
		return 0, err
	}
	switch {
	case a.older && a.ready == 0:
		return 0, nil
	case a.older || a.ready == 0:
		_, err := s.slow.Exec(ctx, agingReady, agedSchema)
		return 0, err
	case a.ready > a.now-int64(ageReady):
		return 0, nil
	}
	x := &ager{s: s, until: nanos(before)}
	if x.press, err = s.press(); err != nil {
		return 0, err
	}
	for i, t := range agedTables() {
		var e error
		a.last[i], e = x.table(ctx, t, a.last[i])
		err = errors.Join(err, e) // what is wrong in one table is no reason to leave the others
	}
	if x.read == 0 || ctx.Err() != nil {
		return 0, err
	}
	queue.Reach(queue.PointPgAged)
	if _, e := s.slow.Exec(ctx, agingSet, a.last[0], a.last[1], a.last[2], a.last[3], x.before, x.after); e != nil {
		return 0, errors.Join(err, e)
	}
	s.pressedFrom.Add(x.before)
	s.pressedTo.Add(x.after)
	return x.read, err
}

// ager is one step of ageing.
type ager struct {
	s                   *Store
	press               *press.Press
	until               int64
	read, before, after int64
}

// agedRow is a row whose bodies are pressed.
type agedRow struct {
	seq    int64
	was    string // its version
	bodies [2][]byte
	out    []agedBody
	cut    [2]bool
	done   bool
	saved  [2]int64 // bytes before and after
}

type agedBody struct {
	kind int16
	sum  int32
	body []byte
}

// table takes a step in one table and gives the last row that is done.
func (x *ager) table(ctx context.Context, t agedTable, last int64) (int64, error) {
	upTo, err := x.upTo(ctx, t.sizes, last)
	if err != nil || upTo == last {
		return last, err
	}
	rows, err := x.rows(ctx, t, last, upTo)
	if err != nil {
		return last, err
	}
	for i := range rows {
		x.pressRow(t, &rows[i])
	}
	for pass := range agePasses {
		if err := x.write(ctx, t.write, rows, pass); err != nil {
			return last, err
		}
	}
	for i := range rows {
		r := &rows[i]
		if !r.done {
			break // it is tried again with the next step
		}
		last = r.seq
		x.before += r.saved[0]
		x.after += r.saved[1]
	}
	return last, nil
}

// rows reads the bodies of a step. What the database cannot read together is read row by row: a row that it cannot read at all is
// left as it is, for the check of bodies to find, and holds up nobody.
func (x *ager) rows(ctx context.Context, t agedTable, last, upTo int64) ([]agedRow, error) {
	scan := func(row pgx.Row) (r agedRow, err error) {
		err = row.Scan(&r.seq, &r.was, &r.bodies[0], &r.bodies[1])
		return r, err
	}
	rows, err := collect(ctx, x.s, scan, t.bodies, last, upTo)
	if err == nil || !unreadable(err) {
		return rows, err
	}
	sizes, err := collect(ctx, x.s, func(row pgx.Row) (z [3]int64, err error) {
		err = row.Scan(&z[0], &z[1], &z[2])
		return z, err
	}, t.sizes, last, ageRows)
	if err != nil {
		return nil, err
	}
	rows = nil
	for _, z := range sizes {
		if z[0] > upTo {
			break
		}
		one, err := collect(ctx, x.s, scan, t.bodies, z[0]-1, z[0])
		if err != nil && !unreadable(err) {
			return nil, err
		}
		if err != nil {
			x.s.opts.Logger.Error("a stored body cannot be read and is not pressed", "number", z[0], "err", err)
			one = []agedRow{{seq: z[0]}} // without a body it counts as done
		}
		rows = append(rows, one...)
	}
	return rows, nil
}

// upTo finds the last row of a step: those before the first that is too young, as many as hold ageStep bytes.
func (x *ager) upTo(ctx context.Context, query string, last int64) (int64, error) {
	type size struct{ seq, at, n int64 }
	sizes, err := collect(ctx, x.s, func(row pgx.Row) (z size, err error) {
		err = row.Scan(&z.seq, &z.at, &z.n)
		return z, err
	}, query, last, ageRows)
	total := int64(0)
	for _, z := range sizes {
		if z.at >= x.until || total > 0 && total+z.n > ageStep {
			break
		}
		last = z.seq
		total += z.n
		x.read++
	}
	x.read += total
	return last, err
}

// pressRow presses the bodies of a row; a row without any is done.
func (x *ager) pressRow(t agedTable, r *agedRow) {
	for i, body := range r.bodies {
		if body == nil || len(body) == 0 && !t.mark {
			continue
		}
		b := agedBody{kind: t.kinds[i], sum: sumOf(body)}
		if pressed := x.press.Squeeze(nil, body); len(pressed)+ageMin < len(body) && x.same(pressed, body) {
			b.body, r.cut[i] = pressed, true
			r.saved[0] += int64(len(body))
			r.saved[1] += int64(len(pressed))
		}
		if b.body != nil || t.mark && i == 0 {
			r.out = append(r.out, b)
		}
		r.bodies[i] = nil
	}
	r.done = len(r.out) == 0
}

// same says that what was pressed becomes the body again: a fault of a machine or of the compression must show before the body goes.
func (x *ager) same(pressed, body []byte) bool {
	again, err := x.press.Expand(pressed)
	if err == nil && bytes.Equal(again, body) {
		return true
	}
	x.s.opts.Logger.Error("a body that was pressed does not become what it was, it is kept as it is", "err", err)
	return false
}

// write moves the bodies of the rows of one pass.
func (x *ager) write(ctx context.Context, query string, rows []agedRow, pass int) error {
	var seqs, of []int64
	var was []string
	var one, two []bool
	var kinds []int16
	var sums []int32
	var bodies [][]byte
	at := map[int64]*agedRow{}
	for i := pass; i < len(rows); i += agePasses {
		r := &rows[i]
		if r.done {
			continue
		}
		at[r.seq] = r
		seqs, was, one, two = append(seqs, r.seq), append(was, r.was), append(one, r.cut[0]), append(two, r.cut[1])
		for _, b := range r.out {
			kinds, of, sums, bodies = append(kinds, b.kind), append(of, r.seq), append(sums, b.sum), append(bodies, b.body)
		}
	}
	if len(seqs) == 0 {
		return nil
	}
	done, err := collect(ctx, x.s, scanNumber, query, seqs, was, one, two, kinds, of, sums, bodies)
	for _, seq := range done {
		at[seq].done = true
	}
	return err
}

// collect reads all rows of a statement on a connection of the background.
func collect[T any](ctx context.Context, s *Store, scan func(pgx.Row) (T, error), query string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, roundTrip, ErrUnavailable)
	defer cancel()
	rows, err := s.slow.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) { return scan(row) })
}
