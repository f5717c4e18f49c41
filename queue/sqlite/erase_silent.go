package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"

	"github.com/samvirke/samvirke/queue"
)

// Wipe takes what erasures left out of all rows and files; see queue.Eraser.
func (s *Store) Wipe(ctx context.Context) error {
	leave, err := s.eraseAlone(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return (&eraser{s: s, wipes: true}).wipe(ctx)
}

// eraseAlone waits until nobody else erases or wipes: a wipe ends what all erasures before it left.
func (s *Store) eraseAlone(ctx context.Context) (leave func(), err error) {
	select {
	case s.erasing <- struct{}{}:
		return func() { <-s.erasing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// noted gives ErrErased when the note of an erasure is gone. Who erases alone may trust it: only an erasure takes it away.
func (s *Store) noted(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	if text, err := s.Setting(ctx, name); err != nil || text != "" {
		return err
	}
	return queue.ErrErased
}

// Heard tells who is no silent person; see queue.Eraser.
func (s *Store) Heard(ctx context.Context, e queue.Erasure) ([]string, error) {
	if e.Silent.IsZero() {
		return nil, nil
	}
	err := s.looseJob(ctx, (&eraser{s: s, e: e}).heard)
	if heard, is := errors.AsType[*queue.HeardError](err); is {
		return heard.Patients, nil
	}
	return nil, err
}

// What is noted of a store that has to be wiped.
const (
	dirtyAsked  int64 = 1 // somebody asked for one of the erasures
	dirtySilent int64 = 2 // nobody did
)

// soil notes that the store has to be wiped.
func (x *eraser) soil(w *writer) error {
	if x.wipes {
		return nil // it is noted until the wipe has ended
	}
	if x.e.Silent.IsZero() {
		return w.query(`UPDATE erasure SET dirty = ?`, nil, dirtyAsked)
	}
	return w.query(`UPDATE erasure SET dirty = ? WHERE dirty = 0`, nil, dirtySilent)
}

// wipe counts the audit entries that were blanked. Where no erasure was since the last one there is nothing to do.
func (x *eraser) wipe(ctx context.Context) error {
	dirty, err := single[int64](ctx, x.s.db, `SELECT CASE clean WHEN 0 THEN ? ELSE dirty END FROM erasure`, dirtyAsked)
	if err != nil || dirty == 0 {
		return err
	}
	x.mild = x.wipes && dirty == dirtySilent
	for _, step := range []func(context.Context) error{x.left, x.shredAll, x.events, x.audits, x.wiped} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
	}
	if err := x.s.wipePlaces(ctx, dirty == dirtySilent); err != nil {
		return fmt.Errorf("erase bodies: %w", err)
	}
	if err := x.s.wipe(ctx); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return nil
}

// heard gives an error when something came of people who go because nothing did; see queue.Erasure.
func (x *eraser) heard(w *writer) error {
	var out []string
	since := nanos(x.e.Silent)
	for _, p := range x.e.Patients {
		err := w.query(`SELECT EXISTS (SELECT 1 FROM message WHERE patient = ?1 AND patient <> ''
				AND (received_at >= ?2 OR status IN ('received', 'attention', 'quarantined')))
			OR coalesce((SELECT at FROM plan_version WHERE patient = ?1 ORDER BY version DESC LIMIT 1), 0) >= ?2
			OR EXISTS (SELECT 1 FROM delivery WHERE patient = ?1 AND patient <> ''
				AND (created_at >= ?2 OR state IN ('queued', 'waiting', 'stopped') OR state = 'sent' AND expect_by > 0))`, func(row []driver.Value) error {
			if row[0].(int64) != 0 {
				out = append(out, p)
			}
			return nil
		}, p, since)
		if err != nil {
			return err
		}
	}
	if len(out) > 0 {
		return &queue.HeardError{Patients: out}
	}
	return nil
}

// until is the time before which what is erased must have come.
func (x *eraser) until() int64 {
	if x.e.Silent.IsZero() {
		return math.MaxInt64
	}
	return nanos(x.e.Silent)
}

// nameErased notes whose rows are to be blanked by Wipe, where no later step of the erasure did: all up to the last numbers of now.
func (x *eraser) nameErased(w *writer) error {
	for _, p := range x.e.Patients {
		if err := w.query(`INSERT OR REPLACE INTO erased_patient (patient, message, delivery, event, audit, until) VALUES (?, ?, ?, ?, ?, ?)`, nil,
			p, w.seqs.message, w.seqs.delivery, w.seqs.event, w.seqs.audit, x.until()); err != nil {
			return err
		}
	}
	return nil
}

// left blanks messages and deliveries that an erasure ended before: its last steps come behind its core, with which it goes out of the store.
func (x *eraser) left(ctx context.Context) error {
	for _, of := range []struct {
		find string
		f    func(w *writer, seqs []int64) error
	}{
		{`SELECT m.seq FROM erased_patient p CROSS JOIN message m ON m.patient = p.patient WHERE m.patient <> '' AND m.seq <= p.message AND m.received_at < p.until
			AND m.status <> 'received'`, x.messagesOf},
		{`SELECT d.seq FROM erased_patient p CROSS JOIN delivery d ON d.patient = p.patient WHERE d.patient <> '' AND d.seq <= p.delivery AND d.created_at < p.until`, oneByOne(x.delivery)},
	} {
		found, err := x.numbers(ctx, of.find)
		if err == nil {
			err = x.batches(ctx, found, of.f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wiped forgets those whose rows are blank. Nobody can have been noted meanwhile.
func (x *eraser) wiped(ctx context.Context) error {
	return x.s.job(ctx, func(w *writer) error { return w.query(`DELETE FROM erased_patient`, nil) })
}
