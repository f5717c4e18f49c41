package sqlite

import (
	"database/sql/driver"
	"slices"

	"github.com/samvirke/samvirke"
)

// tracer deletes messages with all that hangs on them, in one job.
type tracer struct {
	w *writer
	// damage says that the check of integrity has found something.
	damage bool
	// gone is what the totals count still, dead how many bodies of each segment went.
	gone map[tallyKey]int64
	dead map[uint32]int64
}

func (w *writer) tracer() (*tracer, error) {
	t := &tracer{w: w, gone: map[tallyKey]int64{}, dead: map[uint32]int64{}}
	err := w.query(`SELECT EXISTS (SELECT 1 FROM damage)`, func(row []driver.Value) error {
		t.damage = row[0].(int64) != 0
		return nil
	})
	return t, err
}

// traceDrops take away all that hangs on a message, and the message itself.
var (
	traceDrops = []string{
		`DELETE FROM attempt WHERE delivery IN (SELECT seq FROM delivery WHERE message = ?1 AND message IS NOT NULL)`,
		`DELETE FROM receipt WHERE stray IN (SELECT seq FROM delivery WHERE message = ?1 AND message IS NOT NULL) AND stray IS NOT NULL`,
		`DELETE FROM receipt WHERE message = ?1 AND message IS NOT NULL`,
		`DELETE FROM event_run WHERE stray IN (SELECT seq FROM delivery WHERE message = ?1 AND message IS NOT NULL) AND stray IS NOT NULL`,
		`DELETE FROM event_run WHERE message = ?1 AND message IS NOT NULL`,
		`DELETE FROM delivery WHERE message = ?1 AND message IS NOT NULL`,
		`DELETE FROM message_result WHERE seq = ?1`,
		`DELETE FROM message WHERE seq = ?1`,
	}
	damageDrops = []string{
		`DELETE FROM damage WHERE kind = 'delivery' AND seq IN (SELECT seq FROM delivery WHERE message = ?1 AND message IS NOT NULL)`,
		`DELETE FROM damage WHERE kind = 'message' AND seq = ?1`,
	}
)

// drop deletes one message; its bodies are doomed or gone.
func (t *tracer) drop(seq int64) error {
	err := t.w.query(`SELECT status FROM message WHERE seq = ?`, func(row []driver.Value) error {
		t.gone[tallyKey{kind: tallyAccepted}]++
		t.gone[tallyKey{kind: tallyMessage, state: row[0].(string)}]++
		return nil
	}, seq)
	if err != nil {
		return err
	}
	err = t.w.query(`SELECT party, state FROM delivery WHERE message = ? AND message IS NOT NULL`, func(row []driver.Value) error {
		t.gone[tallyKey{tallyDelivery, row[0].(string), row[1].(string)}]++
		return nil
	}, seq)
	if err != nil {
		return err
	}
	if err := t.w.forgetTrouble(seq); err != nil {
		return err
	}
	list := traceDrops
	if t.damage {
		list = slices.Concat(damageDrops, traceDrops)
	}
	for _, text := range list {
		if err := t.w.query(text, nil, seq); err != nil {
			return err
		}
	}
	return nil
}

// doom is writer.doom, for many.
func (t *tracer) doom(at driver.Value) error {
	blob, _ := at.([]byte)
	p, ok := placeOf(blob)
	if !ok {
		return nil
	}
	t.dead[p.seg]++
	return t.w.query(`INSERT INTO doomed (place, mild) VALUES (?, ?)`, nil, p.blob(), t.w.mild)
}

// end notes what went and which numbers were given.
func (t *tracer) end() error {
	for seg, n := range t.dead {
		if err := t.w.query(`INSERT INTO segment (id, dead) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET dead = dead + excluded.dead`, nil, int64(seg), n); err != nil {
			return err
		}
	}
	if len(t.gone) == 0 {
		return nil
	}
	for _, k := range sortedKeys(t.gone) {
		if err := t.w.query(`INSERT INTO dropped (kind, party, state, n) VALUES (?, ?, ?, ?) ON CONFLICT (kind, party, state) DO UPDATE SET n = n + excluded.n`,
			nil, k.kind, k.party, k.state, t.gone[k]); err != nil {
			return err
		}
	}
	q := &t.w.seqs
	return t.w.query(`UPDATE erasure SET message = max(message, ?), delivery = max(delivery, ?), event = max(event, ?), receipt = max(receipt, ?)`,
		nil, q.message, q.delivery, q.event, q.receipt)
}

// whole deletes a message of the person with its rows, when it is old enough and nothing in it is of somebody else or open. The
// messages that carried its receipts go too.
func (x *eraser) whole(w *writer, seq int64) (done bool, err error) {
	old := false
	var places []driver.Value
	var files []int64 // deliveries whose body is a file; 0 is the message
	err = w.query(`SELECT received_at < ?2 AND status IN ('processed', 'refused', 'closed'), place, EXISTS (SELECT 1 FROM message_body b WHERE b.seq = m.seq)
		FROM message m WHERE seq = ?1`, func(row []driver.Value) error {
		old, places = row[0].(int64) != 0, append(places, row[1])
		if row[2].(int64) != 0 {
			files = append(files, 0)
		}
		return nil
	}, seq, nanos(x.e.Traces))
	if err != nil || !old {
		return false, err
	}
	deliveries := 0
	err = w.query(`SELECT seq, patient, state, hold, expect_by, place, EXISTS (SELECT 1 FROM delivery_body b WHERE b.seq = d.seq)
		FROM delivery d WHERE message = ? AND message IS NOT NULL`, func(row []driver.Value) error {
		patient, state := row[1].(string), samvirke.DeliveryState(row[2].(string))
		ended := state == samvirke.DeliveryAcknowledged || state == samvirke.DeliveryGivenUp || state == samvirke.DeliverySent && row[4].(int64) == 0
		if !ended || row[3].(int64) != 0 || patient != "" && !slices.Contains(x.e.Patients, patient) {
			old = false
		}
		deliveries++
		places = append(places, row[5])
		if row[6].(int64) != 0 {
			files = append(files, row[0].(int64))
		}
		return nil
	}, seq)
	if err != nil || !old {
		return false, err
	}
	x.out.Messages++
	x.out.Deliveries += deliveries
	for _, at := range places {
		if err := x.trace.doom(at); err != nil {
			return false, err
		}
	}
	for _, of := range files {
		table, n := "delivery", of
		if of == 0 {
			table, n = "message", seq
		}
		if err := x.dropBody(w, table, n); err != nil {
			return false, err
		}
	}
	carriers, err := carriersOf(w, seq)
	if err == nil {
		err = x.trace.drop(seq)
	}
	for _, c := range carriers {
		if err == nil {
			err = x.message(w, c)
		}
	}
	return err == nil, err
}

// carriersOf finds the messages that carried receipts for a message.
func carriersOf(w *writer, seq int64) (carriers []int64, err error) {
	for _, text := range []string{
		`SELECT m.seq FROM receipt r CROSS JOIN message m ON m.id = r.content ->> '$.carrier_id' WHERE r.message = ? AND r.message IS NOT NULL AND m.checksum <> ''`,
		`SELECT m.seq FROM delivery d CROSS JOIN receipt r ON r.stray = d.seq CROSS JOIN message m ON m.id = r.content ->> '$.carrier_id'
			WHERE d.message = ? AND d.message IS NOT NULL AND r.stray IS NOT NULL AND m.checksum <> ''`,
	} {
		if err := w.query(text, func(row []driver.Value) error {
			carriers = append(carriers, row[0].(int64))
			return nil
		}, seq); err != nil {
			return nil, err
		}
	}
	return carriers, nil
}
