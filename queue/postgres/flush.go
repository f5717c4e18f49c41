package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// col gives one column of a list of rows.
func col[T, V any](list []T, f func(*T) V) []V {
	out := make([]V, len(list))
	for i := range list {
		out[i] = f(&list[i])
	}
	return out
}

// flush is the second round trip: everything, and the commit. errUnknown when nobody can tell whether it was committed.
func (g *group) flush(ctx context.Context) error {
	w := g.w
	w.mark++
	g.tick, g.began, g.endings = w.s.inbox.now(), time.Now(), w.s.desks.endings()
	b := &pgx.Batch{}
	g.flushMessages(b)
	g.flushPlans(b)
	g.flushDeliveries(b)
	g.flushRest(b)
	q := &g.seqs
	b.Queue(headSet, q.message, q.delivery, q.event, q.receipt, q.record, q.plan, q.audit, q.auditHash)
	b.Queue(markSet, w.s.owner, w.mark)
	if text := g.notice(); text != "" {
		b.Queue(`SELECT pg_notify($1, $2)`, w.s.channel(), text)
	}
	if text := g.planNotice(); text != "" {
		b.Queue(`SELECT pg_notify($1, $2)`, w.s.planChannel(), text)
	}
	if text := g.leaseNotice(); text != "" {
		b.Queue(`SELECT pg_notify($1, $2)`, w.s.leaseChannel(), text)
	}
	b.Queue(`COMMIT`)
	w.s.opts.at(pointWrite)
	queue.Reach(queue.PointPgWrite)
	err := w.conn.SendBatch(ctx, b).Close()
	switch {
	case err == nil && w.unsynced:
		w.s.fail(errUnsynced)
		return queue.ErrFailed
	case err == nil:
		return nil
	}
	switch kindOf(err) {
	case kindLost:
		// Also an answer of the server: it may say that it shuts down after the commit is done.
		return fmt.Errorf("%w: %w", errUnknown, err)
	default:
		// The server refused a statement before the commit.
		return g.undo(ctx, err)
	}
}

func (g *group) flushMessages(b *pgx.Batch) {
	m := g.write.messages
	if len(m) > 0 {
		b.Queue(messageInsert, col(m, func(m *messageMade) int64 { return m.Seq }), col(m, func(m *messageMade) string { return m.ID }),
			col(m, func(m *messageMade) string { return m.Party }), col(m, func(m *messageMade) string { return m.Format }),
			col(m, func(m *messageMade) string { return m.Kind }), col(m, func(m *messageMade) string { return m.Version }),
			col(m, func(m *messageMade) string { return m.ExternalID }), col(m, func(m *messageMade) string { return m.Patient }),
			col(m, func(m *messageMade) int64 { return nanos(m.GeneratedAt) }), col(m, func(m *messageMade) int64 { return nanos(m.ReceivedAt) }),
			col(m, func(m *messageMade) string { return string(m.Status) }), col(m, func(m *messageMade) bool { return m.reused }),
			col(m, func(m *messageMade) string { return m.Fault }), col(m, func(m *messageMade) string { return m.FaultText }),
			col(m, func(m *messageMade) string { return m.Checksum }), col(m, func(m *messageMade) int64 { return m.Size }),
			col(m, func(m *messageMade) string { return m.ContentType }), col(m, func(m *messageMade) string { return m.TraceParent }),
			col(m, func(m *messageMade) []byte { return m.envelope }), col(m, func(m *messageMade) []byte { return m.notes }),
			col(m, func(m *messageMade) []byte { return notNil(m.Raw) }))
	}
	if c := g.write.changes; len(c) > 0 {
		type change = *messageChange
		b.Queue(messageUpdate, col(c, func(c *change) int64 { return (*c).row.seq }), col(c, func(c *change) string { return string((*c).row.status) }),
			col(c, func(c *change) string { return (*c).fault }), col(c, func(c *change) string { return (*c).faultText }),
			col(c, func(c *change) string { return (*c).row.format }), col(c, func(c *change) string { return (*c).row.kind }),
			col(c, func(c *change) string { return (*c).row.version }), col(c, func(c *change) string { return (*c).row.externalID }),
			col(c, func(c *change) string { return (*c).row.patient }), col(c, func(c *change) int64 { return (*c).row.generatedAt }),
			col(c, func(c *change) []byte { return (*c).envelope }), col(c, func(c *change) []byte { return (*c).notes }))
	}
	g.flushStatuses(b)
}

// flushStatuses keeps the list of messages that are not processed. Those just received go to callers who wait, when it is their
// turn.
func (g *group) flushStatuses(b *pgx.Batch) {
	var seqs, ended []int64
	var statuses, owners, patients []string
	add := func(seq int64, status samvirke.MessageStatus, owner, patient string) {
		seqs, statuses = append(seqs, seq), append(statuses, string(status))
		owners, patients = append(owners, owner), append(patients, patient)
	}
	wanted := g.w.s.inbox.wanted()
	for i := range g.write.messages {
		m := &g.write.messages[i]
		if m.Status == samvirke.MessageProcessed {
			continue
		}
		owner := ""
		if m.Status == samvirke.MessageReceived {
			before := g.line.before(m.Patient, m.Seq)
			if before == nil && len(g.handed) < wanted {
				owner = g.w.s.owner
				g.line.taken(m.Patient, owner)
				kept := m.Message
				kept.Raw = notNil(kept.Raw)
				g.handed = append(g.handed, kept)
			} else {
				g.arrived = g.arrived || before == nil || before.owner == ""
				m.out.Away = !g.w.s.alone.Load()
			}
		}
		add(m.Seq, m.Status, owner, m.Patient)
	}
	for _, seq := range slices.Sorted(maps.Keys(g.write.statuses)) {
		row := g.write.statuses[seq]
		if row.status == samvirke.MessageProcessed {
			ended = append(ended, seq)
			continue
		}
		g.arrived = g.arrived || row.status == samvirke.MessageReceived
		add(seq, row.status, "", row.patient)
	}
	if len(seqs) > 0 {
		b.Queue(openMessageSet, seqs, statuses, owners, patients)
	}
	if len(ended) > 0 {
		b.Queue(openMessageDelete, ended)
	}
	if len(g.line.back) > 0 {
		b.Queue(openMessageFree, g.line.back, g.line.whose, g.w.s.owner)
	}
	g.arrived = g.arrived || g.freed()
}

func (g *group) flushPlans(b *pgx.Batch) {
	if r := g.write.records; len(r) > 0 {
		b.Queue(recordInsert, col(r, func(r *recordRow) int64 { return r.seq }), col(r, func(r *recordRow) string { return r.Key }),
			col(r, func(r *recordRow) string { return r.Hash }), col(r, func(r *recordRow) string { return r.Patient }),
			col(r, func(r *recordRow) string { return r.MessageID }), col(r, func(r *recordRow) int64 { return nanos(r.ReceivedAt) }),
			col(r, func(r *recordRow) []byte { return notNil(r.Body) }))
	}
	if p := g.write.plans; len(p) > 0 {
		b.Queue(planInsert, col(p, func(p *planRow) int64 { return p.seq }), col(p, func(p *planRow) string { return p.Patient }),
			col(p, func(p *planRow) int64 { return p.Version }), col(p, func(p *planRow) int64 { return nanos(p.At) }),
			col(p, func(p *planRow) string { return p.MessageID }), col(p, func(p *planRow) []byte { return notNil(p.Body) }))
	}
	for i := range g.write.dues {
		switch s := &g.write.dues[i]; s.Op {
		case queue.DueSet:
			b.Queue(dueSet, s.Patient, s.ID, nanos(s.At), s.Rule, notNil(s.Body))
		case queue.DueDrop:
			b.Queue(dueDrop, s.Patient, s.ID)
		default:
			b.Queue(dueFire, s.Patient, s.ID, s.now)
		}
	}
}

func (g *group) flushDeliveries(b *pgx.Batch) {
	d := g.write.deliveries
	if len(d) > 0 {
		b.Queue(deliveryInsert, col(d, func(d *deliveryMade) int64 { return d.Seq }), col(d, func(d *deliveryMade) string { return d.ID }),
			col(d, func(d *deliveryMade) int64 { return d.row.message }), col(d, func(d *deliveryMade) string { return d.Party }),
			col(d, func(d *deliveryMade) string { return string(d.Purpose) }), col(d, func(d *deliveryMade) string { return d.Lane }),
			col(d, func(d *deliveryMade) int64 { return d.row.key }), col(d, func(d *deliveryMade) string { return d.Patient }),
			col(d, func(d *deliveryMade) string { return d.ExternalID }), col(d, func(d *deliveryMade) string { return d.Kind }),
			col(d, func(d *deliveryMade) string { return d.Format }), col(d, func(d *deliveryMade) string { return d.Version }),
			col(d, func(d *deliveryMade) string { return d.ContentType }), col(d, func(d *deliveryMade) string { return d.Rule }),
			col(d, func(d *deliveryMade) string { return string(d.row.state) }), col(d, func(d *deliveryMade) bool { return d.row.hold }),
			col(d, func(d *deliveryMade) int64 { return d.row.attempts }), col(d, func(d *deliveryMade) int64 { return d.row.created }),
			col(d, func(d *deliveryMade) int64 { return d.row.due }), col(d, func(d *deliveryMade) int64 { return d.row.sent }),
			col(d, func(d *deliveryMade) int64 { return d.row.done }), col(d, func(d *deliveryMade) int64 { return d.row.expectBy }),
			col(d, func(d *deliveryMade) string { return d.row.fault }), col(d, func(d *deliveryMade) string { return d.row.faultText }),
			col(d, func(d *deliveryMade) string { return d.Checksum }), col(d, func(d *deliveryMade) int64 { return d.Size }),
			col(d, func(d *deliveryMade) string { return d.TraceParent }), col(d, func(d *deliveryMade) bool { return d.shared() }),
			col(d, func(d *deliveryMade) []byte {
				if d.shared() {
					return nil
				}
				return d.Body
			}))
	}
	stepped := slices.DeleteFunc(g.write.sortedSteps(), func(r *deliveryRow) bool { return r.made })
	if len(stepped) > 0 {
		type row = *deliveryRow
		b.Queue(deliveryUpdate, col(stepped, func(r *row) int64 { return (*r).seq }), col(stepped, func(r *row) string { return string((*r).state) }),
			col(stepped, func(r *row) bool { return (*r).hold }), col(stepped, func(r *row) int64 { return (*r).attempts }),
			col(stepped, func(r *row) int64 { return (*r).due }), col(stepped, func(r *row) int64 { return (*r).sent }),
			col(stepped, func(r *row) int64 { return (*r).done }), col(stepped, func(r *row) int64 { return (*r).expectBy }),
			col(stepped, func(r *row) string { return (*r).fault }), col(stepped, func(r *row) string { return (*r).faultText }))
	}
	g.flushOpen(b, stepped)
	g.flushLanes(b, stepped)
}

// shared says that the body is kept with its message only.
func (d *deliveryMade) shared() bool { return d.Original && d.row.message != 0 }

func (g *group) flushOpen(b *pgx.Batch, stepped []*deliveryRow) {
	made := make([]*deliveryRow, len(g.write.deliveries))
	for i := range g.write.deliveries {
		made[i] = g.write.deliveries[i].row
	}
	queueOpen(b, openDeliveryInsert, made)
	if ended := queueOpen(b, openDeliverySet, stepped); len(ended) > 0 {
		b.Queue(openDeliveryDelete, ended)
	}
}

// queueOpen writes those that are open and gives the numbers of the others.
func queueOpen(b *pgx.Batch, text string, list []*deliveryRow) (ended []int64) {
	var seqs, keys, dues, expect []int64
	var parties, states []string
	for _, r := range list {
		due, open := r.open()
		if !open {
			ended = append(ended, r.seq)
			continue
		}
		n := int64(-1)
		if due != nil {
			n = *due
		}
		seqs, parties, keys, states = append(seqs, r.seq), append(parties, r.party), append(keys, r.key), append(states, string(r.state))
		dues, expect = append(dues, n), append(expect, r.expectBy)
	}
	if len(seqs) > 0 {
		b.Queue(text, seqs, parties, keys, states, dues, expect)
	}
	return ended
}

func (g *group) flushRest(b *pgx.Batch) {
	if a := g.write.attempts; len(a) > 0 {
		b.Queue(attemptInsert, col(a, func(a *attemptRow) int64 { return a.delivery }), col(a, func(a *attemptRow) int64 { return a.number }),
			col(a, func(a *attemptRow) int64 { return a.at }), col(a, func(a *attemptRow) int64 { return a.took }),
			col(a, func(a *attemptRow) string { return a.answer }), col(a, func(a *attemptRow) string { return a.class }),
			col(a, func(a *attemptRow) string { return a.fault }), col(a, func(a *attemptRow) string { return a.faultText }))
	}
	if r := g.write.receipts; len(r) > 0 {
		b.Queue(receiptInsert, col(r, func(r *receiptRow) int64 { return r.seq }), col(r, func(r *receiptRow) int64 { return r.ref.message }),
			col(r, func(r *receiptRow) int64 { return r.ref.delivery }), col(r, func(r *receiptRow) int64 { return r.ref.stray() }),
			col(r, func(r *receiptRow) string { return r.party }), col(r, func(r *receiptRow) string { return r.note }),
			col(r, func(r *receiptRow) string { return r.content }))
	}
	if c := g.write.counters; len(c) > 0 {
		names := slices.Sorted(maps.Keys(c))
		b.Queue(counterSet, names, col(names, func(n *string) int64 { return c[*n] }))
	}
	if s := g.write.settings; len(s) > 0 {
		names := slices.Sorted(maps.Keys(s))
		b.Queue(settingSet, names, col(names, func(n *string) string { return s[*n] }))
	}
	if e := g.write.events; len(e) > 0 {
		b.Queue(eventInsert, col(e, func(e *eventRow) int64 { return e.seq }), col(e, func(e *eventRow) int64 { return e.message }),
			col(e, func(e *eventRow) int64 { return e.stray }), col(e, func(e *eventRow) string { return e.patient }),
			col(e, func(e *eventRow) string { return e.content }))
	}
	if a := g.write.audits; len(a) > 0 {
		b.Queue(auditInsert, col(a, func(a *auditRow) int64 { return a.Seq }), col(a, func(a *auditRow) int64 { return nanos(a.At) }),
			col(a, func(a *auditRow) string { return a.Who }), col(a, func(a *auditRow) string { return a.Action }),
			col(a, func(a *auditRow) string { return a.Object }), col(a, func(a *auditRow) string { return a.Patient }),
			col(a, func(a *auditRow) string { return a.salt }), col(a, func(a *auditRow) string { return a.digest }),
			col(a, func(a *auditRow) string { return a.Reason }), col(a, func(a *auditRow) string { return a.Previous }),
			col(a, func(a *auditRow) string { return a.Hash }))
	}
	maps.DeleteFunc(g.write.tallies, func(_ tallyKey, n int64) bool { return n == 0 })
	if t := sortedKeys(g.write.tallies); len(t) > 0 {
		b.Queue(tallyAdd, col(t, func(k *tallyKey) string { return k.kind }), col(t, func(k *tallyKey) string { return k.party }),
			col(t, func(k *tallyKey) string { return k.state }), col(t, func(k *tallyKey) int64 { return g.write.tallies[*k] }))
	}
}
