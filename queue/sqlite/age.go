package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/press"
)

// agedFirst is the number of the first aged segment. No journal gets there: that would be three million gigabytes.
const agedFirst = 50_000_000

// Steps of ageing, each one short transaction.
const (
	ageRows = 32      // rows of a table: the writer is held up for some milliseconds
	ageStep = 1 << 20 // bytes, about; one body may be larger
	// ageLook is how often is looked for what has aged when nothing has.
	ageLook = time.Minute
)

// aging is where ageing stands: the row of its table.
type aging struct {
	message, delivery, record, plan, result int64
	segment                                 uint32
	at                                      int64
	before, after                           int64
}

func (r *reader) agingAt(ctx context.Context) (aging, error) {
	return one(ctx, r.db, func(rows *sql.Rows) (a aging, err error) {
		err = rows.Scan(&a.message, &a.delivery, &a.record, &a.plan, &a.result, &a.segment, &a.at, &a.before, &a.after)
		return a, err
	}, `SELECT message, delivery, record, plan, result, segment, at, before, after FROM aging`)
}

// ages presses what has aged, at most AgeRate bytes in a second, until the store closes.
func (s *Store) ages() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for _, loaded := range []chan struct{}{s.feed.loaded, s.lanes.loaded} { // somebody waits for those
		if s.ready(ctx, loaded) != nil {
			return
		}
	}
	for wait := time.Duration(0); ; {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		began := time.Now()
		n, err := s.Age(ctx, s.opts.Now().Add(-s.opts.AgeAfter))
		switch {
		case ctx.Err() != nil || s.broken():
			return
		case err != nil:
			s.opts.Logger.Error("bodies that have aged could not be pressed, it is tried again", "err", err)
			wait = ageLook
		case n == 0:
			wait = ageLook
		default:
			// What was read bounds the pace, and half of the time at least belongs to others.
			wait = max(time.Duration(float64(n)/float64(s.opts.AgeRate)*float64(time.Second)), time.Since(began))
		}
	}
}

// Age presses a step of what was stored before a time and gives the bytes it read; 0 when all was pressed, with an error when there is
// something that cannot be read. It may be interrupted at any moment: a body is read where it was until the transaction that names its new
// place, and the old place is overwritten after that.
func (s *Store) Age(ctx context.Context, before time.Time) (read int64, err error) {
	if err := s.settle(ctx); err != nil {
		return 0, err
	}
	leave, err := s.segmentsAlone(ctx)
	if err != nil {
		return 0, err
	}
	x := &ager{s: s, until: nanos(before)}
	if x.press, err = s.press(); err == nil {
		err = x.step(ctx)
	}
	leave()
	if err == nil {
		s.pressedFrom.Store(x.at.before)
		s.pressedTo.Store(x.at.after)
	}
	if err == nil && (len(x.moved) > 0 || x.doomed) {
		queue.Reach(queue.PointAged)
		err = s.wipePlaces(ctx, true)
		queue.Reach(queue.PointAgeWiped)
	}
	if err != nil {
		return 0, fmt.Errorf("age: %w", err)
	}
	return x.read, nil
}

// ager is one step of ageing.
type ager struct {
	s     *Store
	press *press.Press
	until int64
	at    aging
	read  int64
	buf   []byte // bodies for the aged segment
	moved []movedBody
	rows  []*pressedRows
	// doomed: bodies of rows went out of the journal.
	doomed bool
	// inUse is the segment that is written, in which nothing is moved.
	inUse uint32
	// damage is what could not be read in tables that are left as they are.
	damage error
}

// movedBody is a body with its old and new place.
type movedBody struct {
	table    string
	seq      int64
	from, to place
}

func (x *ager) step(ctx context.Context) (err error) {
	if x.at, err = x.s.trimAged(ctx); err != nil {
		return err
	}
	was := x.at
	held := x.s.held.Load()
	if held != nil {
		x.inUse = held.seg
		for _, of := range []struct {
			table, query string
			last         *int64
		}{
			{"message", `SELECT seq, received_at, NULL, place FROM message WHERE seq > ? AND place IS NOT NULL ORDER BY seq LIMIT ?`, &x.at.message},
			{"delivery", `SELECT seq, created_at, NULL, place FROM delivery WHERE seq > ? ORDER BY seq LIMIT ?`, &x.at.delivery},
		} {
			err := x.places(ctx, of.table, of.query, of.last)
			if err = x.beside(err, of.table, *of.last); err != nil {
				return err
			}
		}
	}
	for _, of := range []struct {
		query string
		in    *pressedRows
		last  *int64
	}{
		{`SELECT seq, received_at, body, NULL FROM record WHERE seq > ? ORDER BY seq LIMIT ?`, &pressedRows{table: "record", column: "body"}, &x.at.record},
		{`SELECT seq, at, body, place FROM plan_version WHERE seq > ? ORDER BY seq LIMIT ?`, &pressedRows{table: "plan_version", column: "body"}, &x.at.plan},
		{`SELECT r.seq, m.received_at, r.envelope, NULL FROM message_result r JOIN message m ON m.seq = r.seq WHERE r.seq > ? AND m.status <> 'received' ORDER BY r.seq LIMIT ?`,
			&pressedRows{table: "message_result", column: "envelope"}, &x.at.result},
	} {
		of.in.after = *of.last
		err := x.contents(ctx, of.query, of.in, of.last)
		if err = x.beside(err, of.in.table, *of.last); err != nil {
			return err
		}
		if of.in.upTo = *of.last; len(of.in.rows) > 0 {
			x.rows = append(x.rows, of.in)
		}
	}
	if x.at == was {
		return x.damage
	}
	// Until the transaction has come, what is written is named by nobody: an erasure and the next step look for it.
	x.s.trimmed = false
	if err := x.writeBodies(); err != nil {
		return err
	}
	queue.Reach(queue.PointAgeWritten)
	err = x.s.job(ctx, x.commit)
	x.s.trimmed = err == nil
	return err
}

// beside takes up what a table could not be read for, and gives any other error: a page that is damaged is no reason to leave the other
// tables. It is told when nothing else is left to be pressed.
func (x *ager) beside(err error, table string, last int64) error {
	switch sqliteCode(err) {
	case lib.SQLITE_CORRUPT, lib.SQLITE_IOERR:
		x.damage = errors.Join(x.damage, fmt.Errorf("table %s cannot be read behind row %d: restore it from a backup: %w", table, last, err))
		return nil
	}
	return err
}

type agedRow struct {
	seq, at     int64
	body, place []byte
}

func (x *ager) look(ctx context.Context, query string, after int64) ([]agedRow, error) {
	return list(ctx, x.s.db, func(rows *sql.Rows) (r agedRow, err error) {
		err = rows.Scan(&r.seq, &r.at, &r.body, &r.place)
		return r, err
	}, query, after, ageRows)
}

// places reads and presses bodies in the journal, up to the first that is too young or in the segment in use.
func (x *ager) places(ctx context.Context, table, query string, last *int64) error {
	found, err := x.look(ctx, query, *last)
	if err != nil {
		return err
	}
	for _, r := range found {
		p, ok := placeOf(r.place)
		if r.at >= x.until || ok && p.seg < agedFirst && p.seg >= x.inUse || int64(len(x.buf)) > ageStep {
			return nil
		}
		*last = r.seq
		x.read++
		if !ok || p.seg >= agedFirst {
			continue
		}
		body, err := x.s.places.read(p)
		if errors.Is(err, queue.ErrDamaged) {
			continue // it stays where it is; the check of integrity tells of it
		}
		if err != nil {
			return err
		}
		x.read += int64(len(body))
		x.put(table, r.seq, p, body)
	}
	return nil
}

// put appends a pressed body as it will stand in the aged segment: length, checksum, bytes.
func (x *ager) put(table string, seq int64, from place, body []byte) {
	start := len(x.buf)
	x.buf = x.press.Squeeze(append(x.buf, make([]byte, bodyHead)...), body)
	pressed := x.buf[start+bodyHead:]
	if !x.same(pressed, body) {
		x.buf = x.buf[:start] // it stays where it is
		return
	}
	to := place{seg: x.at.segment, at: uint32(x.at.at + int64(start+bodyHead)), n: uint32(len(pressed)), sum: crc32.Checksum(pressed, castagnoli())}
	binary.LittleEndian.PutUint32(x.buf[start:], to.n)
	binary.LittleEndian.PutUint32(x.buf[start+4:], to.sum)
	x.moved = append(x.moved, movedBody{table, seq, from, to})
	x.at.before += int64(len(body))
	x.at.after += int64(len(pressed))
}

// same says that what was pressed becomes the body again: the body is overwritten after that, so a fault of a machine or of the
// compression must show before.
func (x *ager) same(pressed, body []byte) bool {
	again, err := x.press.Expand(pressed)
	if err == nil && bytes.Equal(again, body) {
		return true
	}
	x.s.opts.Logger.Error("a body that was pressed does not become what it was, it is kept as it is", "err", err)
	return false
}

// contents reads and presses what stands in rows.
func (x *ager) contents(ctx context.Context, query string, in *pressedRows, last *int64) error {
	found, err := x.look(ctx, query, *last)
	if err != nil || len(found) == 0 || found[0].at >= x.until {
		return err
	}
	// Rows are put in again, and SQLite then looks at the pages beside theirs, where it would not get away from damage: no writer does. Where
	// what is next cannot be read they stay as they are.
	if _, err := single[int64](ctx, x.s.db, `SELECT count(*) FROM (SELECT seq FROM `+in.table+` WHERE seq > ? ORDER BY seq LIMIT ?)`, found[len(found)-1].seq, ageRows); err != nil {
		return err
	}
	for _, r := range found {
		p, away := placeOf(r.place)
		if r.at >= x.until || x.read > 4*ageStep || away && p.seg >= x.inUse {
			return nil
		}
		body := r.body
		if away {
			if body, err = x.s.places.read(p); err != nil && !errors.Is(err, queue.ErrDamaged) {
				return err
			}
		}
		*last = r.seq
		x.read += int64(len(body)) + 1
		if err != nil {
			continue // it stays where it is; the check of integrity tells of it
		}
		row := pressedRow{seq: r.seq, was: r.body, from: r.place, body: x.press.Squeeze(nil, body), pressed: 1}
		if len(row.body) >= len(body) || !x.same(row.body, body) {
			if !away {
				continue
			}
			row.body, row.pressed = body, 0 // as it is: left where it is it would hold its segment for ever
		}
		in.rows = append(in.rows, row)
		x.at.before += int64(len(body))
		x.at.after += int64(len(row.body))
	}
	return nil
}

// writeBodies writes and syncs what goes into the aged segment. A new one is begun when it is full.
func (x *ager) writeBodies() error {
	if len(x.buf) == 0 {
		return nil
	}
	f, err := x.s.opts.files.Open(segmentPath(x.s.journalDir(), x.at.segment), true)
	if err != nil {
		return err
	}
	if x.at.at == 0 {
		err = x.s.opts.files.SyncFolder(x.s.journalDir())
	}
	if err == nil {
		_, err = f.WriteAt(x.buf, x.at.at)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("write the aged segment: %w", err)
	}
	return nil
}

// commit names the new places, in one transaction with where the next step begins. A body that went meanwhile, with retention or
// an erasure, went at its old place; then the new one is to be overwritten.
func (x *ager) commit(w *writer) error {
	move := map[string]*stmt{}
	defer func() {
		for _, st := range move {
			_ = st.close()
		}
	}()
	for name, text := range map[string]string{
		"message": `UPDATE message SET place = ? WHERE seq = ? AND place = ?`, "delivery": `UPDATE delivery SET place = ? WHERE seq = ? AND place = ?`,
		"doom": `INSERT INTO doomed (place) VALUES (?)`, "dead": `INSERT INTO segment (id, dead) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET dead = dead + 1`} {
		st, err := w.db.prepare(text)
		if err != nil {
			return err
		}
		move[name] = st
	}
	for _, m := range x.moved {
		n, err := move[m.table].run(m.to.blob(), m.seq, m.from.blob())
		if err != nil {
			return err
		}
		gone := m.from
		if n == 0 {
			gone = m.to
		}
		if _, err := move["doom"].run(gone.blob()); err != nil {
			return err
		}
		if _, err := move["dead"].run(int64(gone.seg)); err != nil {
			return err
		}
	}
	for _, r := range x.rows {
		doomed, err := r.write(w)
		if err != nil {
			return err
		}
		x.doomed = x.doomed || doomed
	}
	if err := w.query(`INSERT INTO segment (id, dead, bodies) VALUES (?, 0, ?) ON CONFLICT (id) DO UPDATE SET bodies = bodies + excluded.bodies`,
		nil, int64(x.at.segment), int64(len(x.moved))); err != nil {
		return err
	}
	a := x.at
	if a.at += int64(len(x.buf)); a.at >= x.s.opts.SegmentBytes {
		a.segment, a.at = a.segment+1, 0
	}
	return w.query(`UPDATE aging SET message = ?, delivery = ?, record = ?, plan = ?, result = ?, segment = ?, at = ?, before = ?, after = ?`,
		nil, a.message, a.delivery, a.record, a.plan, a.result, int64(a.segment), a.at, a.before, a.after)
}
