package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/samvirke/samvirke"
)

// message blanks one message with its deliveries, receipts and events.
func (x *eraser) message(w *writer, seq int64) error {
	err := w.query(`SELECT party, external_id, checksum, patient FROM message WHERE seq = ?`, func(row []driver.Value) error {
		party, external, checksum, patient := row[0].(string), row[1].(string), row[2].(string), row[3].(string)
		if checksum == "" {
			return nil // was blanked before
		}
		x.out.Messages++
		if external != "" {
			if err := w.remember(seq, erasedID, party, external); err != nil {
				return err
			}
		}
		if err := w.remember(seq, erasedContent, party, external, checksum); err != nil {
			return err
		}
		return w.query(`SELECT seq, patient FROM delivery WHERE message = ? AND message IS NOT NULL`, func(row []driver.Value) error {
			p := row[1].(string)
			if p == "" || p == patient || slices.Contains(x.e.Patients, p) {
				return x.delivery(w, row[0].(int64))
			}
			return nil
		}, seq)
	}, seq)
	if err != nil {
		return err
	}
	for _, sql := range []string{
		`UPDATE message SET patient = '', external_id = '', checksum = '', fault_text = '', trace_parent = '', generated_at = 0 WHERE seq = ?`,
		`DELETE FROM message_result WHERE seq = ?`,
		`UPDATE event_run SET patient = '' WHERE message = ? AND message IS NOT NULL AND patient <> ''`,
	} {
		if err := w.query(sql, nil, seq); err != nil {
			return err
		}
	}
	if err := w.forgetTrouble(seq); err != nil {
		return err
	}
	if err := x.dropBody(w, "message", seq); err != nil {
		return err
	}
	return x.receipts(w, `message = ? AND message IS NOT NULL`, seq)
}

// dropBody takes the body of a message or delivery away; what holds it goes after the commit.
func (x *eraser) dropBody(w *writer, table string, seq int64) error {
	for _, of := range []struct{ read, drop string }{
		{`SELECT place FROM ` + table + ` WHERE seq = ? AND place IS NOT NULL`, `UPDATE ` + table + ` SET place = NULL WHERE seq = ? AND place IS NOT NULL`},
		{`SELECT file FROM ` + table + `_body WHERE seq = ? AND file <> ''`, `DELETE FROM ` + table + `_body WHERE seq = ?`},
	} {
		err := w.query(of.read, func(row []driver.Value) error {
			switch at := row[0].(type) {
			case string:
				x.files = append(x.files, at)
			case []byte:
				return w.doom(at)
			}
			return nil
		}, seq)
		if err != nil {
			return err
		}
		if err := w.query(of.drop, nil, seq); err != nil {
			return err
		}
	}
	return nil
}

// doom notes that the body at a place is to be overwritten; what is no place is no harm.
func (w *writer) doom(at driver.Value) error {
	blob, _ := at.([]byte)
	p, ok := placeOf(blob)
	if !ok {
		return nil
	}
	if err := w.query(`INSERT INTO doomed (place) VALUES (?)`, nil, p.blob()); err != nil {
		return err
	}
	return w.query(`INSERT INTO segment (id, dead) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET dead = dead + 1`, nil, int64(p.seg))
}

// receipts keeps the outcome of receipts and nothing of what they say. The messages that carried them go too.
func (x *eraser) receipts(w *writer, where string, seq int64) error {
	return w.query(`SELECT seq, content FROM receipt WHERE `+where, func(row []driver.Value) error {
		var r samvirke.Receipt
		if err := json.Unmarshal([]byte(row[1].(string)), &r); err != nil {
			return fmt.Errorf("read receipt: %w", err)
		}
		carrier := r.CarrierID
		r.ExternalID, r.OriginalID, r.OriginalIssued, r.From = "", "", "", ""
		for i := range r.Errors {
			r.Errors[i] = samvirke.ReceiptError{Code: r.Errors[i].Code, System: r.Errors[i].System}
		}
		content, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := w.query(`UPDATE receipt SET content = ? WHERE seq = ?`, nil, string(content), row[0]); err != nil {
			return err
		}
		if carrier == "" {
			return nil
		}
		return w.query(`SELECT seq FROM message WHERE id = ? AND checksum <> ''`, func(row []driver.Value) error {
			return x.message(w, row[0].(int64))
		}, carrier)
	}, seq)
}

// deliveries blanks those about the person that another message led to.
func (x *eraser) deliveries(ctx context.Context) error {
	for _, p := range x.e.Patients {
		found, err := x.numbers(ctx, `SELECT seq FROM delivery WHERE patient = ? AND patient <> '' AND seq <= ? AND created_at < ?`, p,
			x.upTo.delivery, x.until())
		if err != nil {
			return err
		}
		if err := x.batches(ctx, found, x.delivery); err != nil {
			return err
		}
	}
	return nil
}

// delivery blanks one delivery. One that is to be sent yet is left alone.
func (x *eraser) delivery(w *writer, seq int64) error {
	return w.query(`SELECT party, external_id, purpose, message, lane, hold FROM delivery WHERE seq = ? AND checksum <> '' AND state NOT IN ('queued', 'waiting')`,
		func(row []driver.Value) error {
			party, external := row[0].(string), row[1].(string)
			x.out.Deliveries++
			if external != "" {
				if err := w.remember(seq, erasedDelivery, party, external); err != nil {
					return err
				}
			}
			lane := samvirke.LaneKey(party, "", samvirke.Purpose(row[2].(string)))
			if row[5].(int64) != 0 { // there is nothing to send again, so what is behind it goes on
				x.freed = append(x.freed, laneChange{seq: seq, party: party, lane: w.s.lanes.key(row[4].(string))})
			}
			if err := w.query(`UPDATE delivery SET patient = '', lane = ?, hold = 0, external_id = '', checksum = '', fault_text = '',
				trace_parent = '' WHERE seq = ?`, nil, lane, seq); err != nil {
				return err
			}
			if err := w.query(`UPDATE event_run SET patient = '' WHERE stray = ? AND stray IS NOT NULL AND patient <> ''`, nil, seq); err != nil {
				return err
			}
			if of, ok := row[3].(int64); ok {
				if err := w.forgetTrouble(of); err != nil {
					return err
				}
			}
			if err := w.query(`UPDATE attempt SET answer = '', fault_text = '' WHERE delivery = ? AND (answer <> '' OR fault_text <> '')`, nil, seq); err != nil {
				return err
			}
			if err := x.dropBody(w, "delivery", seq); err != nil {
				return err
			}
			if err := x.receipts(w, `message = (SELECT message FROM delivery WHERE seq = ?1) AND delivery = ?1`, seq); err != nil {
				return err
			}
			return x.receipts(w, `stray = ? AND stray IS NOT NULL`, seq)
		}, seq)
}

// events and audits have no index by patient: nothing else asks so, and each row would pay for it. They are walked
// on a reading connection.
func (x *eraser) events(ctx context.Context) error {
	return x.walk(ctx, "event_run", x.upTo.event, func(w *writer, seq int64) error {
		return w.query(`UPDATE event_run SET patient = '' WHERE seq = ?`, nil, seq)
	})
}

// audits takes patient and salt out of the audit: the digest that is hashed says nothing without its salt.
func (x *eraser) audits(ctx context.Context) error {
	return x.walk(ctx, "audit", x.upTo.audit, func(w *writer, seq int64) error {
		x.out.Audits++
		return w.query(`UPDATE audit SET patient = '', salt = '' WHERE seq = ?`, nil, seq)
	})
}

func (x *eraser) walk(ctx context.Context, table string, upTo int64, f func(w *writer, seq int64) error) error {
	if len(x.e.Patients) == 0 {
		return nil
	}
	keys, err := json.Marshal(x.e.Patients)
	if err != nil {
		return err
	}
	const piece = 20000
	for from := int64(0); ; from += piece {
		if err := x.s.wait(ctx); err != nil {
			return err
		}
		last, err := single[int64](ctx, x.s.db, `SELECT coalesce(max(seq), 0) FROM `+table)
		if err != nil {
			return err
		}
		last = min(last, upTo)
		if from > last {
			return nil
		}
		found, err := x.numbers(ctx, `SELECT seq FROM `+table+` WHERE seq > ? AND seq <= ? AND patient <> ''
			AND patient IN (SELECT value FROM json_each(?))`, from, min(from+piece, upTo), string(keys))
		if err != nil {
			return err
		}
		if err := x.batches(ctx, found, f); err != nil {
			return err
		}
	}
}
