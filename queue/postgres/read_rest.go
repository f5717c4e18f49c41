package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// throughMessage selects the rows of a delivery in a table of events or receipts: those of its message, and those
// that go astray. What belongs to other deliveries of the message is for the caller to leave out.
func throughMessage(table string) string {
	return `seq IN (SELECT seq FROM ` + table + ` WHERE message IS NOT NULL AND message = (SELECT message FROM delivery WHERE id = ?)
		UNION ALL SELECT seq FROM ` + table + ` WHERE stray IS NOT NULL AND stray = (SELECT seq FROM delivery WHERE id = ?))`
}

// Receipts lists receipts, oldest first; see queue.Reader. A party alone, or none of the filters, walks them.
func (r *reader) Receipts(ctx context.Context, f queue.ReceiptFilter) ([]samvirke.Receipt, error) {
	query, args := receiptQuery(f)
	return list(ctx, r, func(row pgx.Row) (x samvirke.Receipt, err error) {
		var content string
		if err = row.Scan(&content); err != nil {
			return x, err
		}
		err = json.Unmarshal([]byte(content), &x)
		return x, err
	}, query, args...)
}

func receiptQuery(f queue.ReceiptFilter) (string, []any) {
	var w where
	w.text(`message = (SELECT seq FROM message WHERE id = ?)`, f.MessageID)
	if f.DeliveryID != "" {
		w.add(throughMessage("receipt"), f.DeliveryID, f.DeliveryID)
		w.add(`delivery = (SELECT seq FROM delivery WHERE id = ?)`, f.DeliveryID)
	}
	w.text(`party = ?`, f.Party)
	w.text(`note = ? AND note <> ''`, f.Note)
	return `SELECT content FROM receipt WHERE ` + w.String() + ` ORDER BY seq LIMIT ` + w.next(page(f.Limit)), w.args
}

// Events lists events, oldest first; see queue.Reader.
func (r *reader) Events(ctx context.Context, f queue.EventFilter) ([]samvirke.Event, error) {
	query, args := eventQuery(f)
	return list(ctx, r, func(row pgx.Row) (e samvirke.Event, err error) {
		var at int64
		err = row.Scan(&e.Seq, &at, &e.MessageID, &e.DeliveryID, &e.Party, &e.Patient, &e.Name, &e.Detail)
		e.At = moment(at)
		return e, err
	}, query, args...)
}

// eventQuery takes the rows apart again. The number of an event counts back from that of its row.
func eventQuery(f queue.EventFilter) (string, []any) {
	var w where
	w.text(`e.message = (SELECT seq FROM message WHERE id = ?)`, f.MessageID)
	if f.DeliveryID != "" {
		w.add(`e.`+throughMessage("event_run"), f.DeliveryID, f.DeliveryID)
		w.add(`d.seq = (SELECT seq FROM delivery WHERE id = ?)`, f.DeliveryID)
	}
	w.add(`e.seq > ?`, f.After)
	w.add(eventSeq+` > ?`, f.After)
	// No more rows than events are needed, so the rows are bounded before they are taken apart.
	limit := w.next(page(f.Limit))
	return `SELECT ` + eventSeq + `, (j.value ->> 0)::bigint, coalesce(m.id, ''), coalesce(d.id, ''), j.value ->> 2, e.patient,
		j.value ->> 3, j.value ->> 4
		FROM event_run e CROSS JOIN LATERAL json_array_elements(e.content::json) WITH ORDINALITY AS j(value, n)
		LEFT JOIN message m ON m.seq = e.message LEFT JOIN delivery d ON d.seq = (j.value ->> 1)::bigint
		WHERE ` + w.String() + ` ORDER BY e.seq, j.n LIMIT ` + limit, w.args
}

const eventSeq = `e.seq - json_array_length(e.content::json) + j.n`

// Records gives all records of a patient in order of arrival; see queue.Reader.
func (r *reader) Records(ctx context.Context, patient string) ([]queue.Record, error) {
	return list(ctx, r, r.scanRecord, recordsSelect, patient)
}

func (r *reader) scanRecord(row pgx.Row) (x queue.Record, err error) {
	var at int64
	var k kept
	if err = row.Scan(&x.Key, &x.Hash, &x.Patient, &x.MessageID, &at, &k.plain, &k.pressed); err != nil {
		return x, err
	}
	x.ReceivedAt = moment(at)
	if x.Body, err = r.body(k); err != nil {
		return x, fmt.Errorf("record %s: %w", x.Key, err)
	}
	return x, nil
}

const (
	recordsSelect = `SELECT key, hash, patient, message_id, received_at, ` + recordColumns + ` FROM record WHERE patient = $1 ORDER BY seq`
	planColumns   = `patient, version, at, message_id`
)

func scanPlan(row pgx.Row, extra ...any) (p queue.PlanVersion, err error) {
	var at int64
	err = row.Scan(append([]any{&p.Patient, &p.Version, &at, &p.MessageID}, extra...)...)
	p.At = moment(at)
	return p, err
}

// Plan gives one version with its body, 0 = the newest; see queue.Reader.
func (r *reader) Plan(ctx context.Context, patient string, version int64) (queue.PlanVersion, error) {
	var w where
	w.add(`patient = ?`, patient)
	if version != 0 {
		w.add(`version = ?`, version)
	}
	// Of one whose body is damaged the rest is given with the error.
	var found queue.PlanVersion
	scan := func(row pgx.Row) (p queue.PlanVersion, err error) {
		p, err = r.scanWholePlan(row)
		found = p
		return p, err
	}
	p, err := one(ctx, r, scan, `SELECT `+planColumns+`, `+planBody+` FROM plan_version WHERE `+w.String()+` ORDER BY version DESC LIMIT 1`, w.args...)
	if errors.Is(err, queue.ErrDamaged) {
		return found, err
	}
	return p, err
}

// scanWholePlan reads planColumns and planBody.
func (r *reader) scanWholePlan(row pgx.Row) (queue.PlanVersion, error) {
	var k kept
	p, err := scanPlan(row, &k.plain, &k.pressed)
	if err != nil {
		return p, err
	}
	if p.Body, err = r.body(k); err != nil {
		return p, fmt.Errorf("plan version %d: %w", p.Version, err)
	}
	return p, nil
}

// PlanVersions lists the versions of a plan, newest first, without bodies; see queue.Reader.
func (r *reader) PlanVersions(ctx context.Context, patient string) ([]queue.PlanVersion, error) {
	return list(ctx, r, func(row pgx.Row) (queue.PlanVersion, error) { return scanPlan(row) },
		`SELECT `+planColumns+` FROM plan_version WHERE patient = $1 ORDER BY version DESC`, patient)
}

// Patients lists the newest version of each plan, newest change first, without bodies; see queue.Reader.
func (r *reader) Patients(ctx context.Context, limit int) ([]queue.PlanVersion, error) {
	return list(ctx, r, func(row pgx.Row) (queue.PlanVersion, error) { return scanPlan(row) }, patientsSelect, page(limit))
}

const patientsSelect = `SELECT ` + planColumns + ` FROM plan_version v WHERE NOT EXISTS (SELECT 1 FROM plan_version n
	WHERE n.patient = v.patient AND n.version > v.version) ORDER BY seq DESC LIMIT $1`

// Dues lists dues, earliest first; see queue.Reader. Of all patients, only the open ones are found quickly.
func (r *reader) Dues(ctx context.Context, f queue.DueFilter) ([]queue.Due, error) {
	query, args := dueQuery(f)
	return list(ctx, r, scanDue, query, args...)
}

func scanDue(row pgx.Row) (d queue.Due, err error) {
	var at, fired int64
	err = row.Scan(&d.Patient, &d.ID, &at, &d.Rule, &d.Body, &fired)
	d.At, d.FiredAt = moment(at), moment(fired)
	return d, err
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
	return `SELECT patient, id, at, rule, body, fired FROM due WHERE ` + w.String() + ` ORDER BY at, patient, id LIMIT ` + w.next(page(f.Limit)), w.args
}

// Counter gives a counter, 0 when it is not there; see queue.Reader.
func (r *reader) Counter(ctx context.Context, name string) (int64, error) {
	return single[int64](ctx, r, counterSelect, name)
}

// Setting gives a setting, "" when it is not there; see queue.Reader.
func (r *reader) Setting(ctx context.Context, name string) (string, error) {
	return single[string](ctx, r, settingSelect, name)
}

const (
	counterSelect = `SELECT value FROM counter WHERE name = $1`
	settingSelect = `SELECT value FROM setting WHERE name = $1`
)

// Settings lists settings by the beginning of their name; see queue.Reader.
func (r *reader) Settings(ctx context.Context, prefix, after string, limit int) ([]queue.Setting, error) {
	return list(ctx, r, func(row pgx.Row) (x queue.Setting, err error) {
		err = row.Scan(&x.Name, &x.Value)
		return x, err
	}, settingsSelect, max(prefix, after), after, prefix+"\U0010ffff", page(limit))
}

const settingsSelect = `SELECT name, value FROM setting WHERE name >= $1 AND name > $2 AND name < $3 ORDER BY name LIMIT $4`

// PlanChanges lists versions of plans in the order they were made; see queue.Reader.
func (r *reader) PlanChanges(ctx context.Context, after int64, limit int) ([]queue.PlanChange, error) {
	return list(ctx, r, func(row pgx.Row) (x queue.PlanChange, err error) {
		x.PlanVersion, err = scanPlan(row, &x.Seq)
		return x, err
	}, planChangesSelect, after, page(limit))
}

const planChangesSelect = `SELECT ` + planColumns + `, seq FROM plan_version WHERE seq > $1 ORDER BY seq LIMIT $2`

func scanAudit(row pgx.Row) (a auditRow, err error) {
	var at int64
	err = row.Scan(&a.Seq, &at, &a.Who, &a.Action, &a.Object, &a.Patient, &a.salt, &a.digest, &a.Reason, &a.Previous, &a.Hash)
	a.At = moment(at)
	return a, err
}

const auditSelect = `SELECT seq, at, who, action, object, patient, salt, patient_digest, reason, previous, hash FROM audit `

// Audits lists audit entries, newest first; see queue.Reader.
func (r *reader) Audits(ctx context.Context, before int64, limit int) ([]samvirke.Audit, error) {
	var w where
	if before > 0 {
		w.add(`seq < ?`, before)
	}
	return list(ctx, r, func(row pgx.Row) (samvirke.Audit, error) {
		a, err := scanAudit(row)
		return a.Audit, err
	}, auditSelect+`WHERE `+w.String()+` ORDER BY seq DESC LIMIT `+w.next(page(limit)), w.args...)
}

// VerifyAudit walks the hash chain in pieces; see queue.Reader.
func (r *reader) VerifyAudit(ctx context.Context) error {
	end := func(row pgx.Row) (a samvirke.Audit, err error) {
		err = row.Scan(&a.Seq, &a.Hash)
		return a, err
	}
	head, err := one(ctx, r, end, `SELECT audit, audit_hash FROM head`)
	if err != nil {
		return err
	}
	last, err := one(ctx, r, end, `SELECT anchor, hash FROM erasure`)
	if err != nil {
		return err
	}
	for last.Seq < head.Seq {
		piece, err := list(ctx, r, scanAudit, auditSelect+`WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT 1000`, last.Seq, head.Seq)
		if err != nil {
			return err
		}
		if len(piece) == 0 {
			return fmt.Errorf("audit entry %d and those after it are gone", last.Seq+1)
		}
		for _, a := range piece {
			if err := verifyOne(last, a); err != nil {
				return err
			}
			last = a.Audit
		}
	}
	if last.Hash != head.Hash {
		return fmt.Errorf("audit entry %d is not the one the chain ended with", last.Seq)
	}
	return nil
}

func verifyOne(last samvirke.Audit, a auditRow) error {
	switch {
	case a.Seq != last.Seq+1:
		return fmt.Errorf("audit entry %d is gone", last.Seq+1)
	case a.Previous != last.Hash:
		return fmt.Errorf("audit entry %d does not follow the one before it", a.Seq)
	case a.Patient != "" && a.digest != queue.PatientDigest(a.salt, a.Patient),
		a.Hash != queue.AuditHash(a.Audit, a.digest):
		return fmt.Errorf("audit entry %d was changed", a.Seq)
	}
	return nil
}
