package sqlite

import (
	"context"
	"database/sql"

	"github.com/samvirke/samvirke/queue"
)

// Dues lists dues, earliest first; see queue.Reader. Of all patients, only the open ones are found quickly.
func (r *reader) Dues(ctx context.Context, f queue.DueFilter) ([]queue.Due, error) {
	if err := r.wait(ctx, about(f.Patient)...); err != nil {
		return nil, err
	}
	query, args := dueQuery(f)
	return list(ctx, r.db, func(rows *sql.Rows) (d queue.Due, err error) {
		var at, fired int64
		err = rows.Scan(&d.Patient, &d.ID, &at, &d.Rule, &d.Body, &fired)
		d.At, d.FiredAt = moment(at), moment(fired)
		return d, err
	}, query, args...)
}

func dueQuery(f queue.DueFilter) (string, []any) {
	var w where
	w.text(`patient = ?`, f.Patient)
	if f.Open {
		w.add(`fired = 0`)
	}
	if !f.Until.IsZero() {
		w.add(`at <= ?`, nanos(f.Until))
	}
	return `SELECT patient, id, at, rule, body, fired FROM due WHERE ` + w.String() + ` ORDER BY at, patient, id LIMIT ?`, append(w.args, page(f.Limit))
}
