package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// throughMessage selects the rows of a delivery in a table of events or receipts: those of its message, and those
// that go astray. What belongs to other deliveries of the message is for the caller to leave out.
func throughMessage(table string) string {
	return `seq IN (SELECT seq FROM ` + table + ` WHERE message IS NOT NULL AND message = (SELECT message FROM delivery WHERE id = ?)
		UNION ALL SELECT seq FROM ` + table + ` WHERE stray IS NOT NULL AND stray = (SELECT seq FROM delivery WHERE id = ?))`
}

// about gives one id that every answer touches, none when there is no such id.
func about(ids ...string) []string {
	for _, id := range ids {
		if id != "" {
			return []string{id}
		}
	}
	return nil
}

// Receipts lists receipts, oldest first; see queue.Reader. A party alone, or none of the filters, walks them.
func (r *reader) Receipts(ctx context.Context, f queue.ReceiptFilter) ([]samvirke.Receipt, error) {
	if err := r.wait(ctx, about(f.MessageID, f.DeliveryID)...); err != nil {
		return nil, err
	}
	query, args := receiptQuery(f)
	return list(ctx, r.db, func(rows *sql.Rows) (x samvirke.Receipt, err error) {
		var content []byte
		if err = rows.Scan(&content); err != nil {
			return x, err
		}
		err = json.Unmarshal(content, &x)
		return x, err
	}, query, args...)
}

func receiptQuery(f queue.ReceiptFilter) (string, []any) {
	var w where
	w.text(`message = (SELECT seq FROM message WHERE id = ?) AND message IS NOT NULL`, f.MessageID)
	if f.DeliveryID != "" {
		w.add(throughMessage("receipt"), f.DeliveryID, f.DeliveryID)
		w.add(`+delivery = (SELECT seq FROM delivery WHERE id = ?)`, f.DeliveryID)
	}
	w.text(`party = ?`, f.Party)
	w.text(`note = ? AND note <> ''`, f.Note)
	return `SELECT content FROM receipt WHERE ` + w.String() + ` ORDER BY seq LIMIT ?`, append(w.args, page(f.Limit))
}

// Events lists events, oldest first; see queue.Reader.
func (r *reader) Events(ctx context.Context, f queue.EventFilter) ([]samvirke.Event, error) {
	if err := r.wait(ctx, about(f.MessageID, f.DeliveryID)...); err != nil {
		return nil, err
	}
	query, args := eventQuery(f)
	return list(ctx, r.db, func(rows *sql.Rows) (e samvirke.Event, err error) {
		var at int64
		err = rows.Scan(&e.Seq, &at, &e.MessageID, &e.DeliveryID, &e.Party, &e.Patient, &e.Name, &e.Detail)
		e.At = moment(at)
		return e, err
	}, query, args...)
}

// eventQuery takes the rows apart again. The number of an event counts back from that of its row.
func eventQuery(f queue.EventFilter) (string, []any) {
	var w where
	w.text(`e.message = (SELECT seq FROM message WHERE id = ?) AND e.message IS NOT NULL`, f.MessageID)
	if f.DeliveryID != "" {
		w.add(`e.`+throughMessage("event_run"), f.DeliveryID, f.DeliveryID)
		w.add(`d.seq = (SELECT seq FROM delivery WHERE id = ?)`, f.DeliveryID)
	}
	w.add(`e.seq > ? AND `+eventSeq+` > ?`, f.After, f.After)
	return `SELECT ` + eventSeq + `, j.value ->> 0, coalesce(m.id, ''), coalesce(d.id, ''), j.value ->> 2, e.patient,
		j.value ->> 3, j.value ->> 4
		FROM event_run e CROSS JOIN json_each(e.content) j LEFT JOIN message m ON m.seq = e.message
		LEFT JOIN delivery d ON d.seq = j.value ->> 1
		WHERE ` + w.String() + ` ORDER BY e.seq, j.key LIMIT ?`, append(w.args, page(f.Limit))
}

const eventSeq = `e.seq - json_array_length(e.content) + 1 + j.key`

// Records gives all records of a patient in order of arrival; see queue.Reader.
func (r *reader) Records(ctx context.Context, patient string) (out []queue.Record, err error) {
	if err := r.wait(ctx, patient); err != nil {
		return nil, err
	}
	// In pieces, so that a patient with very many does not pin the log.
	for after := int64(0); ; {
		n := len(out)
		piece, err := list(ctx, r.hot, func(rows *sql.Rows) (x queue.Record, err error) {
			var at int64
			var file string
			var pressed bool
			if err = rows.Scan(&after, &x.Key, &x.Hash, &x.Patient, &x.MessageID, &at, &file, &x.Body, &pressed); err != nil {
				return x, err
			}
			x.ReceivedAt = moment(at)
			x.Body, err = r.body(&kept{file: file, inline: x.Body, pressed: pressed})
			return x, err
		}, `SELECT seq, key, hash, patient, message_id, received_at, file, body, pressed FROM record
			WHERE patient = ? AND seq > ? ORDER BY seq LIMIT 1000`, patient, after)
		if err != nil {
			return nil, err
		}
		out = append(out, piece...)
		if len(out)-n < 1000 {
			return out, nil
		}
	}
}

const planColumns = `patient, version, at, message_id`

func scanPlan(rows *sql.Rows, extra ...any) (p queue.PlanVersion, err error) {
	var at int64
	err = rows.Scan(append([]any{&p.Patient, &p.Version, &at, &p.MessageID}, extra...)...)
	p.At = moment(at)
	return p, err
}

// Plan gives one version with its body, 0 = the newest; see queue.Reader.
func (r *reader) Plan(ctx context.Context, patient string, version int64) (queue.PlanVersion, error) {
	if err := r.wait(ctx, patient); err != nil {
		return queue.PlanVersion{}, err
	}
	w := where{parts: []string{`patient = ?`}, args: []any{patient}}
	if version != 0 {
		w.add(`version = ?`, version)
	}
	return again(func() (queue.PlanVersion, error) {
		var k kept
		p, err := one(ctx, r.hot, func(rows *sql.Rows) (queue.PlanVersion, error) {
			return scanPlan(rows, &k.place, &k.file, &k.inline, &k.pressed)
		}, `SELECT `+planColumns+`, place, file, body, pressed FROM plan_version WHERE `+w.String()+` ORDER BY version DESC LIMIT 1`, w.args...)
		if err != nil {
			return p, err
		}
		p.Body, err = r.body(&k)
		return p, err
	})
}

// PlanVersions lists the versions of a plan, newest first, without bodies; see queue.Reader.
func (r *reader) PlanVersions(ctx context.Context, patient string) ([]queue.PlanVersion, error) {
	if err := r.wait(ctx, patient); err != nil {
		return nil, err
	}
	return list(ctx, r.db, func(rows *sql.Rows) (queue.PlanVersion, error) { return scanPlan(rows) },
		`SELECT `+planColumns+` FROM plan_version WHERE patient = ? ORDER BY version DESC`, patient)
}

// Patients lists the newest version of each plan, newest change first, without bodies; see queue.Reader.
func (r *reader) Patients(ctx context.Context, limit int) ([]queue.PlanVersion, error) {
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	return list(ctx, r.db, func(rows *sql.Rows) (queue.PlanVersion, error) { return scanPlan(rows) },
		`SELECT `+planColumns+` FROM plan_version v WHERE NOT EXISTS (SELECT 1 FROM plan_version n
			WHERE n.patient = v.patient AND n.version > v.version) ORDER BY seq DESC LIMIT ?`, page(limit))
}

// Counter gives a counter, 0 when it is not there; see queue.Reader.
func (r *reader) Counter(ctx context.Context, name string) (int64, error) {
	if err := r.wait(ctx, name); err != nil {
		return 0, err
	}
	return single[int64](ctx, r.db, `SELECT value FROM counter WHERE name = ?`, name)
}

// Setting gives a setting, "" when it is not there; see queue.Reader.
func (r *reader) Setting(ctx context.Context, name string) (string, error) {
	if err := r.wait(ctx, name); err != nil {
		return "", err
	}
	return single[string](ctx, r.db, `SELECT value FROM setting WHERE name = ?`, name)
}

// Settings lists settings by the beginning of their name; see queue.Reader.
func (r *reader) Settings(ctx context.Context, prefix, after string, limit int) ([]queue.Setting, error) {
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	return list(ctx, r.db, func(rows *sql.Rows) (x queue.Setting, err error) {
		err = rows.Scan(&x.Name, &x.Value)
		return x, err
	}, settingsSelect, max(prefix, after), after, prefix+"\U0010ffff", page(limit))
}

const settingsSelect = `SELECT name, value FROM setting WHERE name >= ? AND name > ? AND name < ? ORDER BY name LIMIT ?`

// PlanChanges lists versions of plans in the order they were made; see queue.Reader.
func (r *reader) PlanChanges(ctx context.Context, after int64, limit int) ([]queue.PlanChange, error) {
	changes := func() ([]queue.PlanChange, error) {
		return list(ctx, r.db, func(rows *sql.Rows) (x queue.PlanChange, err error) {
			x.PlanVersion, err = scanPlan(rows, &x.Seq)
			return x, err
		}, planChangesSelect, after, page(limit))
	}
	// What waits for the tables comes behind what is there: a page that is full without it needs no wait.
	if found, err := changes(); err != nil || len(found) == page(limit) {
		return found, err
	}
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	return changes()
}

const planChangesSelect = `SELECT ` + planColumns + `, seq FROM plan_version WHERE seq > ? ORDER BY seq LIMIT ?`

// single reads one value, its zero when there is no row.
func single[T any](ctx context.Context, db asker, query string, args ...any) (T, error) {
	x, err := one(ctx, db, func(rows *sql.Rows) (x T, err error) {
		err = rows.Scan(&x)
		return x, err
	}, query, args...)
	if errors.Is(err, queue.ErrNotFound) {
		err = nil
	}
	return x, err
}

// auditRow is an entry with what its hash needs.
type auditRow struct {
	samvirke.Audit
	salt, digest string
}

func scanAudit(rows *sql.Rows) (a auditRow, err error) {
	var at int64
	err = rows.Scan(&a.Seq, &at, &a.Who, &a.Action, &a.Object, &a.Patient, &a.salt, &a.digest, &a.Reason,
		&a.Previous, &a.Hash)
	a.At = moment(at)
	return a, err
}

const auditSelect = `SELECT seq, at, who, action, object, patient, salt, patient_digest, reason, previous, hash FROM audit `

// Audits lists audit entries, newest first; see queue.Reader.
func (r *reader) Audits(ctx context.Context, before int64, limit int) ([]samvirke.Audit, error) {
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	w := where{}
	if before > 0 {
		w.add(`seq < ?`, before)
	}
	return list(ctx, r.db, func(rows *sql.Rows) (samvirke.Audit, error) {
		a, err := scanAudit(rows)
		return a.Audit, err
	}, auditSelect+`WHERE `+w.String()+` ORDER BY seq DESC LIMIT ?`, append(w.args, page(limit))...)
}

// VerifyAudit walks the hash chain in pieces; see queue.Reader.
func (r *reader) VerifyAudit(ctx context.Context) error {
	if err := r.wait(ctx); err != nil {
		return err
	}
	head, err := one(ctx, r.db, func(rows *sql.Rows) (a samvirke.Audit, err error) {
		err = rows.Scan(&a.Seq, &a.Hash)
		return a, err
	}, `SELECT seq, hash FROM audit_head`)
	if err != nil {
		return err
	}
	last, err := one(ctx, r.db, func(rows *sql.Rows) (a samvirke.Audit, err error) {
		err = rows.Scan(&a.Seq, &a.Hash)
		return a, err
	}, `SELECT anchor, hash FROM erasure`)
	if err != nil {
		return err
	}
	for last.Seq < head.Seq {
		piece, err := list(ctx, r.db, scanAudit, auditSelect+`WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1000`,
			last.Seq, head.Seq)
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
