package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// leftRow is somebody who was erased and whose rows may name them still.
type leftRow struct {
	seq     int64
	patient string
}

// nameErased notes whose rows are to be blanked by wipe, in one go for many, where no later step of the erasure did: all up to the last
// numbers of now. It is in the transaction of the core, with which the erasure goes out of the store.
func (x *eraser) nameErased(ctx context.Context, t *jobTx) error {
	patients := x.e.Patients
	if len(patients) == 0 {
		patients = []string{""} // nobody's rows, but there is something to overwrite
	}
	_, err := t.exec(ctx, `INSERT INTO erased_patient (patient, message, delivery, event, audit, until)
		SELECT p, $2, $3, $4, $5, $6 FROM unnest($1::text[]) AS l(p)`,
		patients, x.upTo.message, x.upTo.delivery, x.upTo.event, x.upTo.audit, x.until())
	return err
}

// wipe blanks what names people who were erased, and lets the server overwrite it. Where nobody was since the last time there is
// nothing to do. Events and audit have no index by patient: nothing else asks so, and each row would
// pay for it. Several gateways may do it at once, and who is noted meanwhile is for the next time.
func (x *eraser) wipe(ctx context.Context) error {
	all, err := list(ctx, x.s.reader, func(row pgx.Row) (l leftRow, err error) {
		err = row.Scan(&l.seq, &l.patient)
		return l, err
	}, `SELECT seq, patient FROM erased_patient ORDER BY seq`)
	if err != nil || len(all) == 0 {
		return err
	}
	seqs := make([]int64, 0, len(all))
	for _, l := range all {
		seqs = append(seqs, l.seq)
	}
	for _, step := range []func(context.Context, []int64) error{x.leftMessages, x.leftDeliveries, x.events, x.audits} {
		if err := step(ctx, seqs); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
	}
	if err := x.s.vacuum(ctx, "message", "delivery", "record", "plan_version", "aged", "due", "receipt", "event_run", "attempt", "trouble", "audit", "setting", "counter"); err != nil {
		return err
	}
	err = x.s.job(ctx, func(ctx context.Context, t *jobTx) error {
		_, err := t.exec(ctx, `DELETE FROM erased_patient WHERE seq = ANY($1)`, seqs)
		return err
	})
	if err != nil {
		return err
	}
	return x.s.vacuum(ctx, "erased_patient")
}

// vacuum lets the server overwrite what was deleted.
func (s *Store) vacuum(ctx context.Context, tables ...string) error {
	for _, table := range tables {
		if _, err := s.reader.pool.Exec(ctx, `VACUUM `+pgx.Identifier{table}.Sanitize()); err != nil {
			return fmt.Errorf("erase: vacuum: %w", s.readError(ctx, err))
		}
	}
	return nil
}

func (x *eraser) leftMessages(ctx context.Context, noted []int64) error {
	found, err := x.numbers(ctx, `SELECT DISTINCT m.seq FROM erased_patient p JOIN message m ON m.patient = p.patient WHERE p.seq = ANY($1) AND m.patient <> ''
		AND m.seq <= p.message AND m.received_at < p.until AND m.status <> 'received' ORDER BY 1`, noted)
	if err != nil {
		return err
	}
	return x.batches(ctx, found, x.message)
}

func (x *eraser) leftDeliveries(ctx context.Context, noted []int64) error {
	found, err := x.numbers(ctx, `SELECT DISTINCT d.seq FROM erased_patient p JOIN delivery d ON d.patient = p.patient WHERE p.seq = ANY($1) AND d.patient <> ''
		AND d.seq <= p.delivery AND d.created_at < p.until ORDER BY 1`, noted)
	if err != nil {
		return err
	}
	return x.batches(ctx, found, x.delivery)
}

func (x *eraser) events(ctx context.Context, noted []int64) error {
	return x.walk(ctx, noted, "event_run", "event", func(ctx context.Context, t *jobTx, seq int64) error {
		_, err := t.exec(ctx, `UPDATE event_run SET patient = '' WHERE seq = $1`, seq)
		return err
	})
}

// audits takes patient and salt out of the audit: the digest that is hashed says nothing without its salt.
func (x *eraser) audits(ctx context.Context, noted []int64) error {
	return x.walk(ctx, noted, "audit", "audit", func(ctx context.Context, t *jobTx, seq int64) error {
		x.out.Audits++
		_, err := t.exec(ctx, `UPDATE audit SET patient = '', salt = '' WHERE seq = $1`, seq)
		return err
	})
}

// walk goes through the rows of a table up to the last that is in it now.
func (x *eraser) walk(ctx context.Context, noted []int64, table, column string, f func(ctx context.Context, t *jobTx, seq int64) error) error {
	last, err := single[int64](ctx, x.s.reader, `SELECT coalesce(max(seq), 0) FROM `+table)
	if err != nil {
		return err
	}
	const piece = 20000
	for from := int64(0); from < last; from += piece {
		found, err := x.numbers(ctx, `SELECT DISTINCT t.seq FROM `+table+` t JOIN erased_patient p ON p.patient = t.patient WHERE p.seq = ANY($3)
			AND t.seq > $1 AND t.seq <= $2 AND t.patient <> '' AND t.seq <= p.`+column+` ORDER BY 1`, from, min(from+piece, last), noted)
		if err != nil {
			return err
		}
		if err := x.batches(ctx, found, f); err != nil {
			return err
		}
	}
	return nil
}
