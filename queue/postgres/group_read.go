package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// asked are the things that the units of a group name.
type asked struct {
	messages, deliveries, patients, counters []string
	// leased are deliveries that are stepped under a lease, stepped are the others that are.
	leased, stepped            []string
	firstParty, firstID        []string
	sameParty, sameID, sameSum []string
	duePatient, dueID          []string
	// ordered are patients, inOrder messages whose patients have an order to be kept.
	ordered, inOrder []string
}

func (a *asked) add(u *queue.Unit) {
	made := func(id string) bool { return u.Accept != nil && u.Accept.ID == id }
	message := func(id string) {
		if id != "" && !made(id) {
			a.messages = append(a.messages, id)
		}
	}
	delivery := func(id string) {
		if id != "" && !slices.ContainsFunc(u.Deliveries, func(d samvirke.Delivery) bool { return d.ID == id }) {
			a.deliveries = append(a.deliveries, id)
		}
	}
	if m := u.Accept; m != nil {
		ids := []string{""}
		if m.ExternalID != "" {
			ids = queue.SameIDs(m.ExternalID)
		}
		for _, id := range ids {
			if id != "" {
				a.firstParty, a.firstID = append(a.firstParty, m.Party), append(a.firstID, id)
			}
			a.sameParty, a.sameID, a.sameSum = append(a.sameParty, m.Party), append(a.sameID, id), append(a.sameSum, m.Checksum)
		}
		if m.Status == samvirke.MessageReceived && m.Patient != "" {
			a.ordered = append(a.ordered, m.Patient)
		}
	}
	if s := u.Message; s != nil {
		message(s.ID)
		if s.To != "" && !made(s.ID) {
			a.inOrder = append(a.inOrder, s.ID)
		}
	}
	if u.Plan != nil {
		a.patients = append(a.patients, u.Plan.Patient)
	}
	for i := range u.Plans {
		a.patients = append(a.patients, u.Plans[i].Patient)
	}
	for i := range u.Dues {
		if u.Dues[i].Op == queue.DueFire {
			a.duePatient, a.dueID = append(a.duePatient, u.Dues[i].Patient), append(a.dueID, u.Dues[i].ID)
		}
	}
	for i := range u.Deliveries {
		message(u.Deliveries[i].MessageID)
	}
	for i := range u.Steps {
		if s := &u.Steps[i]; s.Token != 0 {
			a.leased = append(a.leased, s.ID)
		} else {
			delivery(s.ID)
			a.stepped = append(a.stepped, s.ID)
		}
	}
	for i := range u.Receipts {
		message(u.Receipts[i].MessageID)
		delivery(u.Receipts[i].DeliveryID)
	}
	for i := range u.Counters {
		a.counters = append(a.counters, u.Counters[i].Name)
	}
	for i := range u.Events {
		message(u.Events[i].MessageID)
		delivery(u.Events[i].DeliveryID)
	}
}

// unique sorts and drops what is there twice.
func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// Statements of the first round trip, apart from their use so that a test can ask for the plan of each.
const (
	headLock = `SELECT message, delivery, event, receipt, record, plan, audit, audit_hash, erased, now_ns() FROM head WHERE one = 1 FOR UPDATE`

	firstSelect = `SELECT i.party, i.id, m.seq, m.checksum FROM unnest($1::text[], $2::text[]) AS i(party, id)
		CROSS JOIN LATERAL (SELECT seq, checksum FROM message WHERE external_id = i.id AND party = i.party AND external_id <> ''
			ORDER BY seq LIMIT 1) m`
	sameSelect = `SELECT i.party, i.id, i.sum, m.seq FROM unnest($1::text[], $2::text[], $3::text[]) AS i(party, id, sum)
		CROSS JOIN LATERAL (SELECT seq FROM message WHERE checksum = i.sum AND party = i.party AND external_id = i.id
			AND (external_id = '' OR reused) ORDER BY seq LIMIT 1) m`
	messagesSelect = `SELECT seq, id, party, checksum, status, format, kind, version, external_id, patient, generated_at
		FROM message WHERE id = ANY($1)`
	deliveryRowColumns = `d.seq, d.id, d.party, d.key, d.state, d.hold, d.attempts, d.created_at, d.due_at, d.sent_at, d.done_at, d.expect_by,
		coalesce(d.message, 0)`
	deliveriesSelect = `SELECT ` + deliveryRowColumns + ` FROM delivery d WHERE d.id = ANY($1)`
	// The lock keeps a lease from being given anew while the group relies on it. Claims never wait for it.
	leasedSelect = `SELECT ` + deliveryRowColumns + `, l.leased = d.seq, l.token, l.due FROM delivery d JOIN lane l ON l.key = d.key AND l.party = d.party
		WHERE d.id = ANY($1) ORDER BY l.key, l.party FOR UPDATE OF l`
	lanesSelect = `SELECT d.id, l.leased = d.seq, l.token, l.due FROM delivery d JOIN lane l ON l.key = d.key AND l.party = d.party
		WHERE d.id = ANY($1) ORDER BY l.key, l.party FOR UPDATE OF l`
	plansSelect = `SELECT i.patient, v.version FROM unnest($1::text[]) AS i(patient)
		CROSS JOIN LATERAL (SELECT version FROM plan_version WHERE patient = i.patient ORDER BY version DESC LIMIT 1) v`
	countersSelect = `SELECT name, value FROM counter WHERE name = ANY($1)`
	duesSelect     = `SELECT d.patient, d.id, d.at, d.fired FROM unnest($1::text[], $2::text[]) AS i(patient, id)
		JOIN due d ON d.patient = i.patient AND d.id = i.id`
)

// read is the first round trip: the lock and everything the units ask about.
func (g *group) read(ctx context.Context, list []*request) error {
	var a asked
	for _, r := range list {
		a.add(r.unit)
	}
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	q := &g.seqs
	began := time.Now()
	b.Queue(headLock).QueryRow(func(row pgx.Row) error {
		return row.Scan(&q.message, &q.delivery, &q.event, &q.receipt, &q.record, &q.plan, &q.audit, &q.auditHash, &g.erased, &g.now)
	})
	if len(a.firstID) > 0 {
		rows(b, firstSelect, func(row pgx.Row) error {
			var k idKey
			var e earlier
			err := row.Scan(&k.party, &k.external, &e.seq, &e.checksum)
			g.first[k] = e
			return err
		}, a.firstParty, a.firstID)
	}
	if len(a.sameID) > 0 {
		rows(b, sameSelect, func(row pgx.Row) error {
			var k contentKey
			var seq int64
			err := row.Scan(&k.party, &k.external, &k.checksum, &seq)
			g.same[k] = seq
			return err
		}, a.sameParty, a.sameID, a.sameSum)
	}
	if list := unique(a.messages); len(list) > 0 {
		rows(b, messagesSelect, func(row pgx.Row) error {
			m := &messageRow{}
			err := row.Scan(&m.seq, &m.id, &m.party, &m.checksum, &m.status, &m.format, &m.kind, &m.version, &m.externalID, &m.patient, &m.generatedAt)
			g.messages[m.id] = m
			return err
		}, list)
	}
	g.readOrder(b, &a)
	g.readDeliveries(b, &a)
	if list := unique(a.patients); len(list) > 0 {
		rows(b, plansSelect, func(row pgx.Row) error { return scanInto(row, g.plans) }, list)
	}
	if list := unique(a.counters); len(list) > 0 {
		rows(b, countersSelect, func(row pgx.Row) error { return scanInto(row, g.counters) }, list)
	}
	if len(a.dueID) > 0 {
		rows(b, duesSelect, func(row pgx.Row) error {
			var n dueName
			var d dueRow
			err := row.Scan(&n.patient, &n.id, &d.at, &d.fired)
			g.dues[n] = d
			return err
		}, a.duePatient, a.dueID)
	}
	g.readErased(b, &a)
	if err := g.w.conn.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	g.w.s.erasures.see(began, g.erased)
	return g.readEnded(ctx, &a)
}

func (g *group) readDeliveries(b *pgx.Batch, a *asked) {
	a.leased, a.stepped = unique(a.leased), unique(a.stepped)
	known := func(id string) bool {
		_, leased := slices.BinarySearch(a.leased, id)
		return leased
	}
	a.stepped = slices.DeleteFunc(a.stepped, known)
	a.deliveries = slices.DeleteFunc(unique(a.deliveries), known)
	if len(a.deliveries) > 0 {
		g.queueDeliveries(b, a.deliveries)
	}
	if len(a.leased) > 0 {
		rows(b, leasedSelect, func(row pgx.Row) error {
			d := &deliveryRow{}
			var held bool
			var token, until int64
			err := d.scan(row, &held, &token, &until)
			if held {
				d.token, d.until = token, until
			}
			g.deliveries[d.id] = d
			return err
		}, a.leased)
	}
	if len(a.stepped) > 0 {
		rows(b, lanesSelect, func(row pgx.Row) error {
			var id string
			var held bool
			var token, until int64
			if err := row.Scan(&id, &held, &token, &until); err != nil {
				return err
			}
			if d := g.deliveries[id]; d != nil && held {
				d.token, d.until = token, until
			}
			return nil
		}, a.stepped)
	}
}

func (g *group) queueDeliveries(b *pgx.Batch, ids []string) {
	rows(b, deliveriesSelect, func(row pgx.Row) error {
		d := &deliveryRow{}
		err := d.scan(row)
		g.deliveries[d.id] = d
		return err
	}, ids)
}

// scan reads deliveryRowColumns, then what extra points to.
func (r *deliveryRow) scan(row pgx.Row, extra ...any) error {
	return row.Scan(append([]any{&r.seq, &r.id, &r.party, &r.key, &r.state, &r.hold, &r.attempts, &r.created, &r.due, &r.sent, &r.done,
		&r.expectBy, &r.message}, extra...)...)
}

// readEnded reads deliveries that were leased and whose lanes are gone: somebody else has brought them to their end.
func (g *group) readEnded(ctx context.Context, a *asked) error {
	ended := slices.DeleteFunc(a.leased, func(id string) bool { return g.deliveries[id] != nil })
	if len(ended) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	g.queueDeliveries(b, ended)
	return g.w.conn.SendBatch(ctx, b).Close()
}

func scanInto(row pgx.Row, to map[string]int64) error {
	var name string
	var n int64
	err := row.Scan(&name, &n)
	to[name] = n
	return err
}

// rows queues a query whose every row goes to f.
func rows(b *pgx.Batch, sql string, f func(row pgx.Row) error, args ...any) {
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := f(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
