package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// sequences are the last numbers given out, and the end of the audit chain.
type sequences struct {
	message, delivery, event, receipt, record, plan, audit int64
	auditHash                                              string
}

// group is one group on its way into the database: what its units need to know, as the units before them in the
// group leave it, and what is to be written.
type group struct {
	w    *writer
	now  int64 // clock of the database
	seqs sequences

	messages   map[string]*messageRow
	deliveries map[string]*deliveryRow
	plans      map[string]int64
	counters   map[string]int64
	dues       map[dueName]dueRow
	first      map[idKey]earlier
	same       map[contentKey]int64
	erased     bool
	line       line

	write writes
	// What happens in memory once the group is committed.
	events  []samvirke.Event
	granted []granted
	handed  []samvirke.Message
	parties map[string]bool // for which something may have become due
	local   map[string]bool // those of them that callers of this gateway must look at
	claimed map[string]int  // callers of a party that get something
	tokens  []int64         // of what they get
	arrived bool            // a message waits to be processed
	story   eventRun
	tick    int64 // of the messages in hand, when the group went into the database

	// The unit at hand.
	r    *request
	u    *queue.Unit
	look looked
}

// idKey is the id of a message as its sender wrote it; contentKey is one with its content.
type (
	idKey      struct{ party, external string }
	contentKey struct{ party, external, checksum string }
	earlier    struct {
		seq      int64
		checksum string
	}
	dueName struct{ patient, id string }
	// dueRow is what a step needs to know of a due; at 0: it is not there.
	dueRow struct{ at, fired int64 }
)

// runGroup runs units in one transaction. The error is that of the whole group; units that broke a rule have their own.
// errUnknown: the connection was lost while the commit was under way.
func (w *writer) runGroup(ctx context.Context, list []*request) error {
	began := time.Now()
	g := newGroup(w)
	for _, r := range list {
		r.out, r.err = queue.Outcome{}, nil
	}
	if err := g.read(ctx, list); err != nil {
		return g.undo(ctx, err)
	}
	w.s.opts.at(pointRead)
	queue.Reach(queue.PointPgRead)
	applied := 0
	for _, r := range list {
		if err := g.run(ctx, r); err != nil {
			if !ruleBroken(err) {
				return g.undo(ctx, err)
			}
			r.err = err
			continue
		}
		applied++
	}
	if applied == 0 && len(g.line.back) == 0 {
		return g.undo(ctx, nil)
	}
	w.last = g
	if err := g.flush(ctx); err != nil {
		return err
	}
	w.last = nil
	w.s.opts.at(pointCommitted)
	queue.Reach(queue.PointPgCommitted)
	g.settle()
	w.s.measure(applied, time.Since(began))
	return nil
}

func newGroup(w *writer) *group {
	return &group{w: w, messages: map[string]*messageRow{}, deliveries: map[string]*deliveryRow{}, plans: map[string]int64{},
		counters: map[string]int64{}, dues: map[dueName]dueRow{}, first: map[idKey]earlier{}, same: map[contentKey]int64{},
		parties: map[string]bool{}, local: map[string]bool{}, claimed: map[string]int{}, write: newWrites(),
		line: line{waiting: map[string][]inLine{}}}
}

// undo ends the transaction without effect.
func (g *group) undo(ctx context.Context, err error) error {
	if g.w.conn == nil || g.w.conn.IsClosed() {
		return err
	}
	if _, e := g.w.conn.Exec(ctx, `ROLLBACK`); e != nil {
		g.w.hangUp() // the server rolls back on its own
	}
	return err
}

// ruleBroken says whether a unit failed by itself rather than by the database.
func ruleBroken(err error) bool {
	for _, e := range []error{queue.ErrNotFound, queue.ErrPlanVersion, queue.ErrCounter, queue.ErrFenced, queue.ErrState, queue.ErrOrder,
		queue.ErrExists} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// asked are the things that the units of a group name.
type asked struct {
	messages, deliveries, stepped, patients, counters []string
	firstParty, firstID                               []string
	sameParty, sameID, sameSum                        []string
	duePatient, dueID                                 []string
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
		delivery(u.Steps[i].ID)
		a.stepped = append(a.stepped, u.Steps[i].ID)
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
	deliveriesSelect = `SELECT d.seq, d.id, d.party, d.key, d.state, d.hold, d.attempts, d.created_at, d.due_at, d.sent_at, d.done_at,
		d.expect_by, coalesce(d.message, 0), coalesce(m.id, '') FROM delivery d LEFT JOIN message m ON m.seq = d.message WHERE d.id = ANY($1)`
	// The lock keeps a lease from being given anew while the group relies on it. Claims never wait for it.
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
	return g.w.conn.SendBatch(ctx, b).Close()
}

func (g *group) readDeliveries(b *pgx.Batch, a *asked) {
	if list := unique(a.deliveries); len(list) > 0 {
		rows(b, deliveriesSelect, func(row pgx.Row) error {
			d := &deliveryRow{}
			err := row.Scan(&d.seq, &d.id, &d.party, &d.key, &d.state, &d.hold, &d.attempts, &d.created, &d.due, &d.sent, &d.done,
				&d.expectBy, &d.message, &d.messageID)
			g.deliveries[d.id] = d
			return err
		}, list)
	}
	if list := unique(a.stepped); len(list) > 0 {
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
		}, list)
	}
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

// run applies one unit in memory. It first checks everything, then writes, which cannot fail: a unit that breaks a rule
// leaves nothing behind.
func (g *group) run(ctx context.Context, r *request) error {
	g.r, g.u = r, r.unit
	g.look.reset()
	at := g.seqs
	if err := g.lookUp(ctx); err != nil {
		g.seqs = at
		return err
	}
	if g.look.existing != nil {
		g.writeRepeat()
		return nil
	}
	for _, f := range []func(){
		g.writeAccept, g.writeMessage, g.writeRecords, g.writePlans, g.writeDues, g.writeDeliveries, g.writeSteps,
		g.writeReceipts, g.writeCounters, g.writeSettings, g.writeEvents, g.writeAudit,
	} {
		f()
	}
	return nil
}

// lookUp is everything that can go wrong by the rules. Of a message that was there before nothing else is looked at.
func (g *group) lookUp(ctx context.Context) error {
	if g.u.Accept != nil {
		if err := g.lookAccept(ctx, g.u.Accept); err != nil || g.look.existing != nil {
			return err
		}
	}
	for _, f := range []func() error{
		g.lookMessage, g.lookPlans, g.lookDues, g.lookDeliveries, g.lookSteps, g.lookCounters, g.lookRefs,
	} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// looked is what was found for one unit, with the numbers its new rows will get.
type looked struct {
	accept   int64
	message  *messageRow
	existing *samvirke.Message
	// rows are all deliveries of the unit as its steps leave them.
	rows        map[string]*deliveryRow
	steps       []deliveryRow // as each step leaves its delivery
	before      []deliveryRow
	receiptRefs []refs
	eventRefs   []refs
	counters    map[string]int64
	dues        map[dueName]dueRow
}

func (l *looked) reset() {
	l.accept, l.message, l.existing = 0, nil, nil
	if l.rows == nil {
		l.rows, l.counters, l.dues = map[string]*deliveryRow{}, map[string]int64{}, map[dueName]dueRow{}
	}
	clear(l.rows)
	clear(l.counters)
	clear(l.dues)
	l.steps, l.before, l.receiptRefs, l.eventRefs = l.steps[:0], l.before[:0], l.receiptRefs[:0], l.eventRefs[:0]
}

// refs are the message and the delivery a row belongs to, 0 for none. through is the delivery's own message.
type refs struct{ message, delivery, through int64 }

// stray gives the delivery when the row cannot be found through that one's message.
func (r refs) stray() int64 {
	if r.message != 0 && r.message == r.through {
		return 0
	}
	return r.delivery
}

func (g *group) lookRefs() error {
	for i := range g.u.Receipts {
		r, err := g.refs(g.u.Receipts[i].MessageID, g.u.Receipts[i].DeliveryID)
		if err != nil {
			return fmt.Errorf("receipt: %w", err)
		}
		g.look.receiptRefs = append(g.look.receiptRefs, r)
	}
	for i := range g.u.Events {
		r, err := g.refs(g.u.Events[i].MessageID, g.u.Events[i].DeliveryID)
		if err != nil {
			return fmt.Errorf("event %s: %w", g.u.Events[i].Name, err)
		}
		g.look.eventRefs = append(g.look.eventRefs, r)
	}
	return nil
}

func (g *group) refs(message, delivery string) (r refs, err error) {
	if r.message, err = g.messageRef(message); err != nil || delivery == "" {
		return r, err
	}
	d := g.look.rows[delivery]
	if d == nil {
		d = g.deliveries[delivery]
	}
	if d == nil {
		return r, fmt.Errorf("delivery %s: %w", delivery, queue.ErrNotFound)
	}
	r.delivery, r.through = d.seq, d.message
	return r, nil
}

// messageRef finds the number of a message; 0 for "".
func (g *group) messageRef(id string) (int64, error) {
	switch {
	case id == "":
		return 0, nil
	case g.u.Accept != nil && g.u.Accept.ID == id:
		return g.look.accept, nil
	case g.messages[id] != nil:
		return g.messages[id].seq, nil
	}
	return 0, fmt.Errorf("message %s: %w", id, queue.ErrNotFound)
}
