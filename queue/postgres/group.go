package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	gone       map[string]int64 // what was erased of what the group asks about, by hash; nil: not asked yet
	line       line

	write writes
	// What happens in memory once the group is committed.
	events  []samvirke.Event
	granted []granted
	handed  []samvirke.Message
	parties map[string]bool // for which something may have become due
	local   map[string]bool // those of them that callers of this gateway must look at
	away    map[string]bool // those of them for which others must look
	claimed map[string]claimed
	tokens  []held    // what they get
	ended   []held    // leases that were ended without them
	began   time.Time // of flush
	endings int64     // of leases, as heard then
	arrived bool      // a message waits to be processed
	story   eventRun
	tick    int64 // of the messages in hand, when the group went into the database

	// The unit at hand.
	r    *request
	u    *queue.Unit
	look looked
}

// claimed are the deliveries that callers of a party get, and their bodies.
type claimed struct{ n, bytes int }

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
		parties: map[string]bool{}, local: map[string]bool{}, claimed: map[string]claimed{}, away: map[string]bool{}, write: newWrites(),
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
