package sqlite

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

var (
	_ queue.Eraser   = (*Store)(nil)
	_ queue.Retainer = (*Store)(nil)
)

// What a hash stands for.
const (
	erasedID       = "id"       // party, external id of a message
	erasedContent  = "content"  // party, external id, checksum
	erasedDelivery = "delivery" // party, external id of a delivery
	erasedRecord   = "record"   // key of a record
)

// erasedHash is what is kept of an id: without the salt of the store nobody can try ids against it, and ids are
// random themselves.
func erasedHash(salt []byte, kind string, parts ...string) []byte {
	h := hmac.New(sha256.New, salt)
	for _, p := range append([]string{kind}, parts...) {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)[:16]
}

// eraser is one erasure under way.
type eraser struct {
	s     *Store
	e     queue.Erasure
	out   queue.Erased
	files []string
	freed []laneChange       // lanes that an erased delivery held, of the batch that is being made
	trace *tracer            // of the batch that is being made
	only  map[int64]struct{} // the messages that the batch may change, beside the writer; nil: all
	wipes bool               // it only makes up for what erasures left
	mild  bool               // nobody asked for any of those
	// upTo are the last numbers that belong to the erasure: what is written after its last step is of a new plan.
	upTo sequences
}

// Erase forgets a person; see queue.Eraser.
func (s *Store) Erase(ctx context.Context, e queue.Erasure) (out queue.Erased, err error) {
	leave, err := s.eraseAlone(ctx)
	if err != nil {
		return queue.Erased{}, err
	}
	defer leave()
	if err := s.noted(ctx, e.Note); err != nil {
		return queue.Erased{}, fmt.Errorf("erase: %w", err)
	}
	x := &eraser{s: s, e: e, upTo: sequences{message: math.MaxInt64, delivery: math.MaxInt64, event: math.MaxInt64, audit: math.MaxInt64}}
	// Whatever comes of it: files whose rows are gone are named nowhere else. When ctx has ended they are noted.
	defer func() {
		if e := x.shred(ctx); err == nil {
			err = e
		}
	}()
	rows := []func(context.Context) error{x.messages, x.deliveries}
	if !e.Silent.IsZero() { // seen here nothing is touched yet
		if err := s.job(ctx, x.heard); err != nil {
			return x.out, fmt.Errorf("erase: %w", err)
		}
	}
	// Twice: work on the plan that was under way may have written something between a step and the core, and fails
	// after that, because the plan is gone.
	for _, step := range slices.Concat(rows, []func(context.Context) error{x.core}, rows) {
		if err := step(ctx); err != nil {
			return x.out, fmt.Errorf("erase: %w", err)
		}
	}
	queue.Reach(queue.PointEraseCore)
	if err := x.shred(ctx); err != nil {
		return x.out, err
	}
	if e.Unwiped {
		return x.out, nil
	}
	err = x.wipe(ctx)
	return x.out, err
}

// shred takes away the files of bodies whose rows are gone.
func (x *eraser) shred(ctx context.Context) error {
	files := x.files
	x.files = nil
	return x.s.shred(ctx, files)
}

// shredAll is shred, also for files that could not go before.
func (x *eraser) shredAll(ctx context.Context) error {
	x.files = append(x.files, x.s.bodies.takeLeft()...)
	return x.shred(ctx)
}

func (w *writer) remember(ref int64, kind string, parts ...string) error {
	// Of several rows with a name the first counts, unless retention dropped it.
	table := "message"
	if kind == erasedDelivery {
		table = "delivery"
	}
	return w.query(`INSERT INTO erased (hash, ref, at) VALUES (?, ?, ?) ON CONFLICT (hash) DO UPDATE SET at = excluded.at,
		ref = CASE WHEN EXISTS (SELECT 1 FROM `+table+` t WHERE t.seq = erased.ref) THEN min(ref, excluded.ref) ELSE excluded.ref END`,
		nil, erasedHash(w.s.salt, kind, parts...), ref, nanos(w.s.opts.Now()))
}

// messages blanks the messages of the person: those of the patient keys, those that records came from (a receipt
// names no patient), and those named.
func (x *eraser) messages(ctx context.Context) error {
	var found []int64
	for _, id := range x.e.Messages {
		seqs, err := x.numbers(ctx, `SELECT seq FROM message WHERE id = ?`, id)
		if err != nil {
			return err
		}
		found = append(found, seqs...)
	}
	patients := string(mustJSON(x.e.Patients))
	seqs, err := x.numbers(ctx, `SELECT DISTINCT m.seq FROM json_each(?) j CROSS JOIN record r ON r.patient = j.value JOIN message m ON m.id = r.message_id`, patients)
	if err != nil {
		return err
	}
	found = append(found, seqs...)
	// What is received and not processed yet belongs to what comes after the erasure.
	seqs, err = x.numbers(ctx, `SELECT m.seq FROM json_each(?) j CROSS JOIN message m ON m.patient = j.value WHERE m.patient <> '' AND m.status <> 'received'
		AND m.seq <= ? AND m.received_at < ?`, patients, x.upTo.message, x.until())
	if err != nil {
		return err
	}
	found = append(found, seqs...)
	slices.Sort(found)
	return x.messageBatches(ctx, slices.Compact(found))
}

// numbers lists numbers on a reading connection, so that the writer goes on meanwhile, with all that was written before the call. Of silent
// people all stands in the tables since the last job that looked whether they were heard of.
func (x *eraser) numbers(ctx context.Context, query string, args ...any) ([]int64, error) {
	if x.e.Silent.IsZero() {
		if err := x.s.wait(ctx); err != nil {
			return nil, err
		}
	}
	return x.numbersOf(ctx, query, args...)
}

// numbersOf is numbers with what is in the tables: under a load each wait takes as long as what waits needs to get there.
func (x *eraser) numbersOf(ctx context.Context, query string, args ...any) ([]int64, error) {
	return list(ctx, x.s.db, func(rows *sql.Rows) (n int64, err error) {
		err = rows.Scan(&n)
		return n, err
	}, query, args...)
}

// core is the last step: records, plans, dues, settings and counters go together, so that a plan is there whole or
// not at all.
func (x *eraser) core(ctx context.Context) error {
	defer x.s.erasedAny.Store(true)
	asked, held := time.Now(), time.Duration(0)
	_, part := x.pace()
	defer func() { x.rest(ctx, held*part-time.Since(asked)) }()
	return x.s.job(ctx, func(w *writer) (err error) {
		began := time.Now()
		defer func() { held = time.Since(began) }()
		if !x.e.Silent.IsZero() {
			if err := x.heard(w); err != nil {
				return err
			}
			w.mild = 1
			defer func() { w.mild = 0 }()
		}
		x.upTo = w.seqs
		if err := x.nameErased(w); err != nil {
			return err
		}
		if err := x.soil(w); err != nil {
			return err
		}
		if err := w.query(`UPDATE erasure SET plan = max(plan, ?), record = max(record, ?)`, nil, w.seqs.plan, w.seqs.record); err != nil {
			return err
		}
		if x.trace, err = w.tracer(); err != nil {
			return err
		}
		for _, step := range []func(w *writer) error{x.records, x.plans, x.histories} {
			if err := step(w); err != nil {
				return err
			}
		}
		for _, of := range []struct {
			sql   string
			names []string
		}{
			{`DELETE FROM due WHERE patient IN (SELECT value FROM json_each(?))`, x.e.Patients},
			{`DELETE FROM setting WHERE name IN (SELECT value FROM json_each(?))`, x.e.Settings},
			{`DELETE FROM counter WHERE name IN (SELECT value FROM json_each(?))`, x.e.Counters},
		} {
			if err := w.query(of.sql, nil, string(mustJSON(of.names))); err != nil {
				return err
			}
		}
		return x.trace.end()
	})
}

// records deletes those of the people, and those named.
func (x *eraser) records(w *writer) error {
	for _, of := range []struct {
		where string
		list  []string
	}{{`patient IN (SELECT value FROM json_each(?))`, x.e.Patients}, {`key IN (SELECT value FROM json_each(?))`, x.e.Records}} {
		all := string(mustJSON(of.list))
		err := w.query(`SELECT key, file FROM record WHERE `+of.where, func(row []driver.Value) error {
			x.out.Records++
			x.keep(row[1])
			return w.remember(0, erasedRecord, row[0].(string))
		}, all)
		if err == nil {
			err = w.query(`DELETE FROM record WHERE `+of.where, nil, all)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// plans deletes those of the people.
func (x *eraser) plans(w *writer) error {
	return x.versions(w, `patient IN (SELECT value FROM json_each(?))`, string(mustJSON(x.e.Patients)))
}

// histories deletes all versions of plans but the newest.
func (x *eraser) histories(w *writer) error {
	for _, p := range x.e.History {
		if err := x.versions(w, `patient = ?1 AND version < (SELECT max(version) FROM plan_version WHERE patient = ?1)`, p); err != nil {
			return err
		}
	}
	return nil
}

func (x *eraser) versions(w *writer, where, of string) error {
	var places []driver.Value
	err := w.query(`SELECT file, place FROM plan_version WHERE `+where, func(row []driver.Value) error {
		x.out.Plans++
		x.keep(row[0])
		places = append(places, row[1])
		return nil
	}, of)
	if err == nil {
		err = x.trace.doom(places)
	}
	if err != nil {
		return err
	}
	return w.query(`DELETE FROM plan_version WHERE `+where, nil, of)
}

func (x *eraser) keep(file driver.Value) {
	if name, ok := file.(string); ok && name != "" {
		x.files = append(x.files, name)
	}
}

// WasErased knows the key of an erased record; see queue.Eraser.
func (s *Store) WasErased(ctx context.Context, recordKey string) (bool, error) {
	if !s.erasedAny.Load() {
		return false, nil
	}
	// Nothing of it waits for the tables: it is written there by jobs.
	_, found, err := s.erasedRef(ctx, erasedRecord, recordKey)
	return found, err
}

// erasedRef finds what a hash stands for.
func (r *reader) erasedRef(ctx context.Context, kind string, parts ...string) (ref int64, found bool, err error) {
	salt, err := r.saltOf(ctx)
	if err != nil {
		return 0, false, err
	}
	refs, err := list(ctx, r.hot, func(rows *sql.Rows) (n int64, err error) {
		err = rows.Scan(&n)
		return n, err
	}, `SELECT ref FROM erased WHERE hash = ?`, erasedHash(salt, kind, parts...))
	if err != nil || len(refs) == 0 {
		return 0, false, err
	}
	return refs[0], true, nil
}

// saltOf gives the salt of the store, which is made with it and never changed.
func (r *reader) saltOf(ctx context.Context) ([]byte, error) {
	if salt := r.saltRead.Load(); salt != nil {
		return *salt, nil
	}
	salt, err := single[[]byte](ctx, r.db, `SELECT salt FROM erasure`)
	if err == nil {
		r.saltRead.Store(&salt)
	}
	return salt, err
}

// findErased finds the erased message that m repeats, 0 when there is none.
func (t *tx) findErased(m *samvirke.Message) (seq int64, same bool, err error) {
	look := func(kind string, parts ...string) (int64, error) {
		row, err := t.w.look.erasedGet.row(erasedHash(t.w.s.salt, kind, parts...))
		if err != nil || row == nil {
			return 0, err
		}
		return row[0].(int64), nil
	}
	ids := []string{""}
	if m.ExternalID != "" {
		ids = queue.SameIDs(m.ExternalID)
	}
	for _, id := range ids {
		if seq, err = look(erasedContent, m.Party, id, m.Checksum); err != nil || seq != 0 {
			return seq, true, err
		}
	}
	if m.ExternalID == "" {
		return 0, false, nil
	}
	for _, id := range ids {
		if seq, err = look(erasedID, m.Party, id); err != nil || seq != 0 {
			return seq, false, err
		}
	}
	return 0, false, nil
}

// readErasure reads what earlier erasures left.
func (w *writer) readErasure() (dirty int64, err error) {
	err = w.query(`SELECT salt, plan, record, message, delivery, event, receipt, dirty, EXISTS (SELECT 1 FROM erased) FROM erasure`, func(row []driver.Value) error {
		w.s.salt = slices.Clone(row[0].([]byte))
		q := &w.seqs
		for i, last := range []*int64{&q.plan, &q.record, &q.message, &q.delivery, &q.event, &q.receipt} {
			*last = max(*last, row[1+i].(int64))
		}
		dirty = row[7].(int64)
		w.s.erasedAny.Store(row[8].(int64) != 0)
		return io.EOF
	})
	if err == io.EOF { //nolint:errorlint // ours
		err = nil
	}
	return dirty, err
}
