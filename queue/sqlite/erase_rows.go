package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/samvirke/samvirke"
)

// messagesOf deletes messages or blanks them, with all that hangs on them.
func (x *eraser) messagesOf(w *writer, seqs []int64) (err error) {
	if other := x.notOnly(seqs); len(other) > 0 {
		return &notAsideError{other}
	}
	if !x.e.Traces.IsZero() && len(seqs) > 0 {
		seqs, err = x.whole(w, seqs)
	}
	for _, seq := range seqs {
		if err == nil {
			err = x.message(w, seq)
		}
	}
	return err
}

// message blanks one message with its deliveries, receipts and events.
func (x *eraser) message(w *writer, seq int64) error {
	w.cache.without([]int64{seq}, nil)
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
	if err := w.query(`INSERT INTO doomed (place, mild) VALUES (?, ?)`, nil, p.blob(), w.mild); err != nil {
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
			return x.messagesOf(w, []int64{row[0].(int64)})
		}, carrier)
	}, seq)
}

// deliveries blanks those about the person that another message led to.
func (x *eraser) deliveries(ctx context.Context) error {
	found, err := x.numbers(ctx, `SELECT d.seq FROM json_each(?) j CROSS JOIN delivery d ON d.patient = j.value WHERE d.patient <> '' AND d.seq <= ?
		AND d.created_at < ?`, string(mustJSON(x.e.Patients)), x.upTo.delivery, x.until())
	if err != nil {
		return err
	}
	slices.Sort(found)
	return x.batches(ctx, found, oneByOne(x.delivery))
}

// mustJSON writes what has no way to fail.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// delivery blanks one delivery. One that is to be sent yet is left alone.
func (x *eraser) delivery(w *writer, seq int64) error {
	return w.query(`SELECT party, external_id, purpose, message, lane, hold FROM delivery WHERE seq = ? AND checksum <> '' AND state NOT IN ('queued', 'waiting')`,
		func(row []driver.Value) error {
			party, external := row[0].(string), row[1].(string)
			x.out.Deliveries++
			w.cache.without(nil, []int64{seq})
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
// on a reading connection, once for all who were erased since the last walk.
func (x *eraser) events(ctx context.Context) error {
	return x.walk(ctx, "event_run", "event", func(w *writer, seqs []int64) error {
		return w.query(`UPDATE event_run SET patient = '' WHERE seq IN (SELECT value FROM json_each(?))`, nil, string(mustJSON(seqs)))
	})
}

// audits takes patient and salt out of the audit: the digest that is hashed says nothing without its salt.
func (x *eraser) audits(ctx context.Context) error {
	return x.walk(ctx, "audit", "audit", func(w *writer, seqs []int64) error {
		x.out.Audits += len(seqs)
		return w.query(`UPDATE audit SET patient = '', salt = '' WHERE seq IN (SELECT value FROM json_each(?))`, nil, string(mustJSON(seqs)))
	})
}

// walk goes through the rows of a table up to the last that is in it now.
func (x *eraser) walk(ctx context.Context, table, column string, f func(w *writer, seqs []int64) error) error {
	if err := x.s.wait(ctx); err != nil {
		return err
	}
	any, err := single[bool](ctx, x.s.db, `SELECT EXISTS (SELECT 1 FROM erased_patient)`)
	if err != nil || !any {
		return err
	}
	last, err := single[int64](ctx, x.s.db, `SELECT coalesce(max(seq), 0) FROM `+table)
	if err != nil {
		return err
	}
	const piece = 20000
	for from := int64(0); from < last; from += piece {
		found, err := list(ctx, x.s.db, func(rows *sql.Rows) (n int64, err error) {
			err = rows.Scan(&n)
			return n, err
		}, `SELECT t.seq FROM `+table+` t JOIN erased_patient p ON p.patient = t.patient WHERE t.seq > ? AND t.seq <= ? AND t.patient <> '' AND t.seq <= p.`+column,
			from, min(from+piece, last))
		if err != nil {
			return err
		}
		if err := x.batches(ctx, found, f); err != nil {
			return err
		}
	}
	return nil
}
