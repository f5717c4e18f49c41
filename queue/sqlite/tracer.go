package sqlite

import (
	"database/sql/driver"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/samvirke/samvirke"
)

// tracer deletes messages with all that hangs on them, in one job.
type tracer struct {
	w *writer
	// damage says that the check of integrity has found something, strays that there are receipts or events which are found by their delivery.
	damage, strays bool
	// gone is what the totals count still, dead how many bodies of each segment went.
	gone map[tallyKey]int64
	dead map[uint32]int64
}

func (w *writer) tracer() (*tracer, error) {
	t := &tracer{w: w, gone: map[tallyKey]int64{}, dead: map[uint32]int64{}}
	err := w.query(`SELECT EXISTS (SELECT 1 FROM damage), EXISTS (SELECT 1 FROM receipt WHERE stray IS NOT NULL) OR EXISTS (SELECT 1 FROM event_run WHERE stray IS NOT NULL)`,
		func(row []driver.Value) error {
			t.damage, t.strays = row[0].(int64) != 0, row[1].(int64) != 0
			return nil
		})
	return t, err
}

// What takes away all that hangs on messages, and the messages themselves: by their numbers, and by those of their deliveries.
var (
	deliveryDrops = []string{
		`DELETE FROM attempt WHERE delivery IN (SELECT value FROM json_each(?))`,
		`DELETE FROM delivery WHERE seq IN (SELECT value FROM json_each(?))`,
	}
	strayDrops = []string{
		`DELETE FROM receipt WHERE stray IN (SELECT value FROM json_each(?)) AND stray IS NOT NULL`,
		`DELETE FROM event_run WHERE stray IN (SELECT value FROM json_each(?)) AND stray IS NOT NULL`,
	}
	messageDrops = []string{
		`DELETE FROM receipt WHERE message IN (SELECT value FROM json_each(?)) AND message IS NOT NULL`,
		`DELETE FROM event_run WHERE message IN (SELECT value FROM json_each(?)) AND message IS NOT NULL`,
		`DELETE FROM message_result WHERE seq IN (SELECT value FROM json_each(?))`,
		`DELETE FROM message WHERE seq IN (SELECT value FROM json_each(?))`,
	}
)

const (
	deliveryDamageDrop = `DELETE FROM damage WHERE kind = 'delivery' AND seq IN (SELECT value FROM json_each(?))`
	messageDamageDrop  = `DELETE FROM damage WHERE kind = 'message' AND seq IN (SELECT value FROM json_each(?))`
)

// drop deletes messages; their bodies are doomed or gone.
func (t *tracer) drop(seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	all := string(mustJSON(seqs))
	err := t.w.query(`SELECT m.status, count(*) FROM json_each(?) j CROSS JOIN message m ON m.seq = j.value GROUP BY m.status`, func(row []driver.Value) error {
		t.gone[tallyKey{kind: tallyAccepted}] += row[1].(int64)
		t.gone[tallyKey{kind: tallyMessage, state: row[0].(string)}] += row[1].(int64)
		return nil
	}, all)
	if err != nil {
		return err
	}
	var deliveries []int64
	err = t.w.query(`SELECT d.seq, d.party, d.state FROM json_each(?) j CROSS JOIN delivery d ON d.message = j.value WHERE d.message IS NOT NULL`, func(row []driver.Value) error {
		deliveries = append(deliveries, row[0].(int64))
		t.gone[tallyKey{tallyDelivery, row[1].(string), row[2].(string)}]++
		return nil
	}, all)
	if err != nil {
		return err
	}
	err = t.w.query(`SELECT t.seq FROM json_each(?) j CROSS JOIN trouble t ON t.seq = j.value`, func(row []driver.Value) error {
		return t.w.forgetTrouble(row[0].(int64))
	}, all)
	if err != nil {
		return err
	}
	t.w.cache.without(seqs, deliveries)
	ofDeliveries, ofMessages := deliveryDrops, messageDrops
	if t.strays {
		ofDeliveries = slices.Concat(strayDrops, ofDeliveries)
	}
	if t.damage {
		ofDeliveries, ofMessages = append([]string{deliveryDamageDrop}, ofDeliveries...), append([]string{messageDamageDrop}, ofMessages...)
	}
	if err := t.run(ofDeliveries, string(mustJSON(deliveries))); err != nil {
		return err
	}
	return t.run(ofMessages, all)
}

func (t *tracer) run(list []string, numbers string) error {
	for _, text := range list {
		if err := t.w.query(text, nil, numbers); err != nil {
			return err
		}
	}
	return nil
}

// doom is writer.doom, for many.
func (t *tracer) doom(places []driver.Value) error {
	var all []string
	for _, at := range places {
		blob, _ := at.([]byte)
		if p, ok := placeOf(blob); ok {
			t.dead[p.seg]++
			all = append(all, hex.EncodeToString(p.blob()))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return t.w.query(`INSERT INTO doomed (place, mild) SELECT unhex(value), ? FROM json_each(?)`, nil, t.w.mild, string(mustJSON(all)))
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
	q := t.w.given()
	return t.w.query(`UPDATE erasure SET message = max(message, ?), delivery = max(delivery, ?), event = max(event, ?), receipt = max(receipt, ?)`,
		nil, q.message, q.delivery, q.event, q.receipt)
}

// wholeMessage is a message that goes with its rows.
type wholeMessage struct {
	deliveries int
	places     []driver.Value
	files      []int64 // deliveries whose body is a file; 0 is the message
}

// whole deletes those of some messages with their rows that are old enough, and in which nothing is of somebody else or open. The
// messages that carried their receipts go too. It gives those that stay.
func (x *eraser) whole(w *writer, seqs []int64) (stay []int64, err error) {
	all := string(mustJSON(seqs))
	old := map[int64]*wholeMessage{}
	err = w.query(`SELECT m.seq, m.received_at < ?2 AND m.status IN ('processed', 'refused', 'closed'), m.place, EXISTS (SELECT 1 FROM message_body b WHERE b.seq = m.seq)
		FROM json_each(?1) j CROSS JOIN message m ON m.seq = j.value`, func(row []driver.Value) error {
		seq := row[0].(int64)
		if row[1].(int64) == 0 {
			stay = append(stay, seq)
			return nil
		}
		m := &wholeMessage{places: []driver.Value{row[2]}}
		if row[3].(int64) != 0 {
			m.files = append(m.files, 0)
		}
		old[seq] = m
		return nil
	}, all, nanos(x.e.Traces))
	if err != nil || len(old) == 0 {
		return stay, err
	}
	err = w.query(`SELECT d.message, d.seq, d.patient, d.state, d.hold, d.expect_by, d.place, EXISTS (SELECT 1 FROM delivery_body b WHERE b.seq = d.seq)
		FROM json_each(?) j CROSS JOIN delivery d ON d.message = j.value WHERE d.message IS NOT NULL`, func(row []driver.Value) error {
		of := row[0].(int64)
		m := old[of]
		if m == nil {
			return nil
		}
		patient, state := row[2].(string), samvirke.DeliveryState(row[3].(string))
		ended := state == samvirke.DeliveryAcknowledged || state == samvirke.DeliveryGivenUp || state == samvirke.DeliverySent && row[5].(int64) == 0
		if !ended || row[4].(int64) != 0 || patient != "" && !slices.Contains(x.e.Patients, patient) {
			delete(old, of)
			stay = append(stay, of)
			return nil
		}
		m.deliveries++
		m.places = append(m.places, row[6])
		if row[7].(int64) != 0 {
			m.files = append(m.files, row[1].(int64))
		}
		return nil
	}, all)
	if err != nil || len(old) == 0 {
		return stay, err
	}
	return stay, x.dropWhole(w, old)
}

// dropWhole deletes messages, and those that carried receipts for them.
func (x *eraser) dropWhole(w *writer, old map[int64]*wholeMessage) error {
	gone := slices.Sorted(maps.Keys(old))
	var places []driver.Value
	for _, seq := range gone {
		m := old[seq]
		x.out.Messages++
		x.out.Deliveries += m.deliveries
		places = append(places, m.places...)
		for _, of := range m.files {
			table, n := "delivery", of
			if of == 0 {
				table, n = "message", seq
			}
			if err := x.dropBody(w, table, n); err != nil {
				return err
			}
		}
	}
	if err := x.trace.doom(places); err != nil {
		return err
	}
	carriers, err := x.trace.carriersOf(gone)
	if err == nil {
		err = x.trace.drop(gone)
	}
	if err != nil {
		return err
	}
	return x.messagesOf(w, carriers)
}

// carriersOf finds other messages, that carried receipts for these.
func (t *tracer) carriersOf(seqs []int64) (carriers []int64, err error) {
	const carrier = ` CROSS JOIN message m ON m.id = r.content ->> '$.carrier_id' WHERE m.checksum <> '' AND m.seq NOT IN (SELECT value FROM json_each(?1))`
	// Nearly no receipt came as a message of its own: to look for the word is less than to read the JSON.
	text := `SELECT m.seq FROM json_each(?1) j CROSS JOIN receipt r ON r.message = j.value AND instr(r.content, '"carrier_id"') > 0` + carrier + ` AND r.message IS NOT NULL`
	if t.strays {
		text += ` UNION SELECT m.seq FROM json_each(?1) j CROSS JOIN delivery d ON d.message = j.value CROSS JOIN receipt r ON r.stray = d.seq` + carrier + `
			AND d.message IS NOT NULL AND r.stray IS NOT NULL`
	}
	err = t.w.query(text, func(row []driver.Value) error {
		if seq := row[0].(int64); !slices.Contains(carriers, seq) {
			carriers = append(carriers, seq)
		}
		return nil
	}, string(mustJSON(seqs)))
	return carriers, err
}
