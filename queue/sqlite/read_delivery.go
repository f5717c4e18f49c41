package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

const deliverySelect = `SELECT d.seq, d.id, coalesce(m.id, ''), d.party, d.purpose, d.lane, d.patient, d.external_id,
	d.kind, d.format, d.version, d.content_type, d.rule, d.state, d.attempts, d.created_at, d.due_at, d.sent_at,
	d.done_at, d.expect_by, d.fault, d.fault_text, d.checksum, d.size, d.trace_parent`

// scanDelivery reads deliverySelect, then what extra points to.
func scanDelivery(rows *sql.Rows, extra ...any) (d samvirke.Delivery, err error) {
	var created, due, sent, done, expect int64
	err = rows.Scan(append([]any{&d.Seq, &d.ID, &d.MessageID, &d.Party, &d.Purpose, &d.Lane, &d.Patient,
		&d.ExternalID, &d.Kind, &d.Format, &d.Version, &d.ContentType, &d.Rule, &d.State, &d.Attempts,
		&created, &due, &sent, &done, &expect, &d.Fault, &d.FaultText, &d.Checksum, &d.Size, &d.TraceParent}, extra...)...)
	d.CreatedAt, d.DueAt, d.SentAt = moment(created), moment(due), moment(sent)
	d.DoneAt, d.ExpectBy = moment(done), moment(expect)
	return d, err
}

// inHand gives the deliveries that are being sent; they are stored as queued or waiting.
func (r *reader) inHand() map[int64]bool {
	if r.leased == nil {
		return nil
	}
	return r.leased()
}

// shown sets the state as everybody sees it.
func shown(d *samvirke.Delivery, leased map[int64]bool) {
	if leased[d.Seq] && (d.State == samvirke.DeliveryQueued || d.State == samvirke.DeliveryWaiting) {
		d.State = samvirke.DeliverySending
	}
}

// Delivery gives one delivery with its body; see queue.Reader.
func (r *reader) Delivery(ctx context.Context, id string) (samvirke.Delivery, error) {
	if err := r.wait(ctx, id); err != nil {
		return samvirke.Delivery{}, err
	}
	return r.deliveryWhere(ctx, `d.id = ?`, id)
}

// FindDelivery gives the newest delivery to party with this external id; see queue.Reader.
func (r *reader) FindDelivery(ctx context.Context, party, externalID string) (samvirke.Delivery, error) {
	ids := queue.SameIDs(externalID)
	if err := r.wait(ctx, ids...); err != nil {
		return samvirke.Delivery{}, err
	}
	d, err := r.findDelivery(ctx, party, ids)
	if r.settle == nil || !errors.Is(err, queue.ErrNotFound) {
		return d, err
	}
	// While the disk is full its row may wait for room: a receipt would be taken for one to nothing that was ever sent.
	if err := r.settle(ctx, ids...); err != nil {
		return samvirke.Delivery{}, err
	}
	return r.findDelivery(ctx, party, ids)
}

// findDelivery finds it in the tables, in whichever way the id is written there.
func (r *reader) findDelivery(ctx context.Context, party string, ids []string) (samvirke.Delivery, error) {
	d, err := r.deliveryWhere(ctx, `d.seq = (SELECT max(seq) FROM delivery INDEXED BY delivery_external
		WHERE external_id IN (`+marks(len(ids))+`) AND party = ? AND external_id <> '')`, append(texts(ids), party)...)
	if errors.Is(err, queue.ErrNotFound) {
		return r.erasedDelivery(ctx, party, ids)
	}
	return d, err
}

func (r *reader) deliveryWhere(ctx context.Context, condition string, args ...any) (samvirke.Delivery, error) {
	return again(func() (samvirke.Delivery, error) { return r.deliveryOnce(ctx, condition, args...) })
}

func (r *reader) deliveryOnce(ctx context.Context, condition string, args ...any) (samvirke.Delivery, error) {
	leased := r.inHand()
	var k kept
	d, err := one(ctx, r.hot, func(rows *sql.Rows) (samvirke.Delivery, error) {
		return scanDelivery(rows, &k.place, &k.file, &k.inline)
	}, deliverySelect+bodySelect+` FROM delivery d LEFT JOIN delivery_body b ON b.seq = d.seq
		LEFT JOIN message m ON m.seq = d.message`+bodyJoin+` WHERE `+condition, args...)
	if err != nil {
		return samvirke.Delivery{}, err
	}
	shown(&d, leased)
	d.Body, err = r.body(&k)
	return d, err
}

// erasedDelivery finds an erased delivery by what it was called.
func (r *reader) erasedDelivery(ctx context.Context, party string, ids []string) (samvirke.Delivery, error) {
	for _, id := range ids {
		ref, found, err := r.erasedRef(ctx, erasedDelivery, party, id)
		if err != nil {
			return samvirke.Delivery{}, err
		}
		if !found {
			continue
		}
		// The row that one way to write the id led to may be dropped by now, and that of another one not.
		if d, err := r.deliveryWhere(ctx, `d.seq = ?`, ref); !errors.Is(err, queue.ErrNotFound) {
			return d, err
		}
	}
	return samvirke.Delivery{}, queue.ErrNotFound
}

// Deliveries lists deliveries, newest first; see queue.Reader.
func (r *reader) Deliveries(ctx context.Context, f queue.DeliveryFilter) ([]samvirke.Delivery, error) {
	if err := r.wait(ctx, about(f.MessageID)...); err != nil {
		return nil, err
	}
	return r.deliveries(ctx, f)
}

// ofMessage says whether f asks for what a message gave rise to.
func ofMessage(f *queue.DeliveryFilter) bool {
	return f.MessageID != "" && f.Patient+f.Party == "" && len(f.State) == 0 && f.OverdueAt.IsZero()
}

// deliveries lists them from the tables.
func (r *reader) deliveries(ctx context.Context, f queue.DeliveryFilter) ([]samvirke.Delivery, error) {
	leased := r.inHand()
	query, args := deliveryQuery(f, leased)
	db := asker(r.db)
	if ofMessage(&f) {
		db = r.hot // what a message gave rise to
	}
	return list(ctx, db, func(rows *sql.Rows) (samvirke.Delivery, error) {
		d, err := scanDelivery(rows)
		shown(&d, leased)
		return d, err
	}, query, args...)
}

// openStates are those of the index delivery_open.
var openStates = []samvirke.DeliveryState{samvirke.DeliveryQueued, samvirke.DeliveryWaiting,
	samvirke.DeliveryStopped, samvirke.DeliveryGivenUp}

// deliveryQuery chooses the index itself, as messageQuery does.
func deliveryQuery(f queue.DeliveryFilter, leased map[int64]bool) (string, []any) {
	var w where
	index := ""
	use := func(name string) {
		if index == "" {
			index = " INDEXED BY " + name
		}
	}
	if f.MessageID != "" {
		w.add(`d.message = (SELECT seq FROM message WHERE id = ?) AND d.message IS NOT NULL`, f.MessageID)
		use("delivery_message")
	}
	if f.Patient != "" {
		w.add(`d.patient = ? AND d.patient <> ''`, f.Patient)
		use("delivery_patient")
	}
	if !f.OverdueAt.IsZero() {
		w.add(`d.state = 'sent' AND d.expect_by > 0 AND d.expect_by < ?`, nanos(f.OverdueAt))
		use("delivery_expect")
	}
	if whereState(&w, f.State, leased) && index == "" {
		return openQuery(f, leased)
	}
	if f.Party != "" {
		w.add(`d.party = ?`, f.Party)
		if !slices.Equal(f.State, []samvirke.DeliveryState{samvirke.DeliverySending}) {
			use("delivery_party")
		}
	}
	w.text(`d.purpose = ?`, string(f.Purpose))
	if f.Before > 0 {
		w.add(`d.seq < ?`, f.Before)
	}
	return deliverySelect + ` FROM delivery d` + index + ` LEFT JOIN message m ON m.seq = d.message
		WHERE ` + w.String() + ` ORDER BY d.seq DESC LIMIT ?`, append(w.args, page(f.Limit))
}

// openQuery reads open deliveries of any party, newest first. The index has them by state and party, so those of each pair are a
// row of their own, and the rows are merged: the recursion always takes the newest number that is left and puts the next
// one of the same pair in its place. The totals tell which pairs there are.
//
// Source: SQLite, "The WITH Clause", section 3 (rows leave the queue in the order of ORDER BY).
func openQuery(f queue.DeliveryFilter, leased map[int64]bool) (string, []any) {
	const newest = `(SELECT max(d.seq) FROM delivery d INDEXED BY delivery_open WHERE d.state = %[1]s.state AND d.party = %[1]s.party
		AND d.state IN ('queued', 'waiting', 'stopped', 'given-up') AND d.seq < %[2]s)`
	before := f.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	stored := slices.DeleteFunc(slices.Clone(f.State), func(s samvirke.DeliveryState) bool { return s == samvirke.DeliverySending })
	args := append([]any{before}, texts(stored)...)
	of := ""
	if f.Party != "" {
		of, args = ` AND t.party = ?`, append(args, f.Party)
	}
	var w where
	w.add(`w.seq IS NOT NULL`)
	if len(leased) > 0 {
		w.add(`w.seq NOT IN (SELECT value FROM json_each(?))`, numbers(leased))
	}
	w.text(`d.purpose = ?`, string(f.Purpose))
	return `WITH RECURSIVE w (state, party, seq) AS (
		SELECT t.state, t.party, ` + fmt.Sprintf(newest, "t", "?") + ` FROM tally t
			WHERE t.kind = 'delivery' AND t.state IN (` + marks(len(stored)) + `)` + of + ` AND t.n > 0
		UNION ALL
		SELECT w.state, w.party, ` + fmt.Sprintf(newest, "w", "w.seq") + ` FROM w WHERE w.seq IS NOT NULL
		ORDER BY 3 DESC)
		` + deliverySelect + ` FROM w CROSS JOIN delivery d ON d.seq = w.seq LEFT JOIN message m ON m.seq = d.message
		WHERE ` + w.String() + ` LIMIT ?`, append(append(args, w.args...), page(f.Limit))
}

// whereState selects by the state as everybody sees it: sending is not stored. It says whether the index of open
// deliveries covers the question.
func whereState(w *where, states []samvirke.DeliveryState, leased map[int64]bool) bool {
	if len(states) == 0 {
		return false
	}
	stored := slices.DeleteFunc(slices.Clone(states), func(s samvirke.DeliveryState) bool {
		return s == samvirke.DeliverySending
	})
	sending := len(stored) < len(states)
	if len(stored) == 0 {
		w.add(`d.seq IN (SELECT value FROM json_each(?))`, numbers(leased))
		return false
	}
	text, args := `d.state IN (`+marks(len(stored))+`)`, texts(stored)
	open := !sending || len(leased) == 0
	for _, s := range stored {
		open = open && slices.Contains(openStates, s)
	}
	if open {
		text += ` AND d.state IN ('queued', 'waiting', 'stopped', 'given-up')`
	}
	switch {
	case len(leased) == 0:
	case sending:
		text = `(` + text + ` OR d.seq IN (SELECT value FROM json_each(?)))`
		args = append(args, numbers(leased))
	default:
		text += ` AND d.seq NOT IN (SELECT value FROM json_each(?))`
		args = append(args, numbers(leased))
	}
	w.add(text, args...)
	return open
}

// Attempts lists the tries at one delivery in order; see queue.Reader.
func (r *reader) Attempts(ctx context.Context, deliveryID string) ([]samvirke.Attempt, error) {
	if err := r.wait(ctx, deliveryID); err != nil {
		return nil, err
	}
	return list(ctx, r.db, func(rows *sql.Rows) (a samvirke.Attempt, err error) {
		var at, took int64
		err = rows.Scan(&a.Number, &at, &took, &a.Answer, &a.Class, &a.Fault, &a.FaultText)
		a.DeliveryID, a.At, a.Took = deliveryID, moment(at), time.Duration(took)
		return a, err
	}, `SELECT number, at, took, answer, class, fault, fault_text FROM attempt
		WHERE delivery = (SELECT seq FROM delivery WHERE id = ?) ORDER BY number`, deliveryID)
}

// fillLeased reads what was leased. A delivery whose body cannot be read now keeps its lease until that
// runs out, so that it is tried again without taking the others with it; one whose body is lost is given
// with the error, so that its holder can stop it.
func (s *Store) fillLeased(ctx context.Context, got []queue.Leased) ([]queue.Leased, error) {
	set := make(map[int64]bool, len(got))
	for i := range got {
		if got[i].ID == "" {
			set[got[i].Seq] = true
		}
	}
	type found struct {
		delivery samvirke.Delivery
		kept     kept
	}
	var rows []found
	var err error
	if len(set) > 0 {
		if err := s.settledUpTo(context.WithoutCancel(ctx), s.writer.touched.byDelivery(set)); err != nil {
			return nil, err
		}
		// Without the caller's end: the leases are given, losing the answer would hold up the lanes.
		rows, err = list(context.WithoutCancel(ctx), s.hot, func(rows *sql.Rows) (f found, err error) {
			f.delivery, err = scanDelivery(rows, &f.kept.place, &f.kept.file, &f.kept.inline)
			return f, err
		}, leaseSelect, numbers(set))
		if err != nil {
			for i := range got {
				s.lanes.expire(got[i].Seq, got[i].Token)
			}
			return nil, err
		}
	}
	byNumber := make(map[int64]*found, len(rows))
	for i := range rows {
		byNumber[rows[i].delivery.Seq] = &rows[i]
	}
	out := got[:0]
	for _, l := range got {
		if l.ID != "" {
			l.State = samvirke.DeliverySending
			out = append(out, l)
			continue
		}
		f := byNumber[l.Seq]
		if f == nil {
			err = fmt.Errorf("leased delivery %d: %w", l.Seq, queue.ErrNotFound)
			continue
		}
		body, e := s.leasedBody(&f.kept, f.delivery.Size)
		if errors.Is(e, queue.ErrDamaged) && !f.kept.none() { // or has moved since the row was read
			if d, err := s.deliveryOnce(context.WithoutCancel(ctx), `d.seq = ?`, l.Seq); err == nil && (len(d.Body) > 0 || d.Size == 0) {
				body, e = d.Body, nil
			}
		}
		if e != nil {
			err = fmt.Errorf("delivery %s: %w", f.delivery.ID, e)
			s.opts.Logger.Error("body of a delivery cannot be read", "delivery_id", f.delivery.ID, "err", e)
			if !errors.Is(e, queue.ErrDamaged) {
				continue
			}
			l.Err = err
		}
		l.Delivery = f.delivery
		l.State, l.Body = samvirke.DeliverySending, body
		out = append(out, l)
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, err
}

// leasedBody is a body that is to be sent: one that is gone is a fault here, and none where somebody reads.
func (s *Store) leasedBody(k *kept, size int64) ([]byte, error) {
	if size > 0 && k.none() {
		return nil, fmt.Errorf("the body was dropped when its time was over: %w", queue.ErrDamaged)
	}
	return s.body(k)
}

const leaseSelect = deliverySelect + bodySelect + ` FROM json_each(?) j CROSS JOIN delivery d ON d.seq = j.value
	LEFT JOIN delivery_body b ON b.seq = d.seq LEFT JOIN message m ON m.seq = d.message` + bodyJoin

// A place of one byte, or of an earlier version a delivery_body with neither file nor body, stands for the body of the
// delivery's message: what is forwarded as it came is kept once.
const (
	bodySelect = `, iif(length(d.place) = 16, d.place, iif(length(d.place) = 1 OR b.file = '' AND b.body IS NULL, m.place, NULL)),
		coalesce(o.file, b.file, ''), coalesce(o.body, b.body)`
	bodyJoin = ` LEFT JOIN message_body o ON o.seq = d.message AND (length(d.place) = 1 OR b.file = '' AND b.body IS NULL)`
)
