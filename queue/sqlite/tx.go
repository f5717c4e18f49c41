package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// tx is one group on its way into the journal: what has to happen in memory once it is synced.
type tx struct {
	w      *writer
	before sequences

	tallies map[tallyKey]int64
	// moved are the deliveries stepped in this group: their leases are over as soon as it commits.
	moved  map[int64]bool
	pinned []int64
	lanes  []laneChange
	feed   []feedChange
	// entered are messages that are received from now on, by patient, ended those that are no longer; back are given back.
	entered map[laneKey][]int64
	ended   map[int64]bool
	back    []int64
	events  []samvirke.Event
	story   eventRun
	// keys and shadows are what is touched; see there.
	keys     []string
	shadows  []*shadow
	messages []*newMessage
	// messagesAbout are the messages that its units are about.
	messagesAbout []int64
	changed       []string

	// The unit at hand.
	r    *request
	u    *queue.Unit
	look looked
}

// errWaits says that a unit asks for something that changes which wait for the tables may answer: they are written, and
// the unit is tried again.
var errWaits = errors.New("waiting changes must be written first")

func (w *writer) newTx() (*tx, error) {
	w.changes = w.changes[:0]
	if err := w.s.journal.begin(); err != nil {
		return nil, err
	}
	if w.tx == nil {
		w.tx = &tx{w: w, tallies: map[tallyKey]int64{}, moved: map[int64]bool{}}
	}
	w.tx.before = w.seqs
	return w.tx, nil
}

// over lets go of all that a group was about and keeps the room for the next one.
func (t *tx) over() {
	t.r, t.u = nil, nil
	t.look.reset()
	t.tallies, t.moved = emptied(t.tallies), emptied(t.moved)
	t.entered, t.ended, t.back = nil, nil, nil
	t.pinned, t.lanes, t.feed = emptiedList(t.pinned), emptiedList(t.lanes), emptiedList(t.feed)
	t.events, t.keys, t.changed = emptiedList(t.events), emptiedList(t.keys), emptiedList(t.changed)
	t.shadows, t.messages, t.messagesAbout = emptiedList(t.shadows), emptiedList(t.messages), emptiedList(t.messagesAbout)
}

// maxHeldParts bounds the room that a list keeps from group to group: a usual group under load has a thousand events.
const maxHeldParts = 4096

// emptiedList keeps a list that has a usual size.
func emptiedList[T any](list []T) []T {
	if cap(list) > maxHeldParts {
		return nil
	}
	clear(list)
	return list[:0]
}

// run applies one unit. It first looks everything up and checks it, then writes, and writing cannot fail: a unit that breaks a
// rule has changed nothing.
func (t *tx) run(r *request) error {
	t.r, t.u = r, r.unit
	t.look.reset()
	at := t.w.seqs
	if err := t.lookUp(); err != nil {
		t.w.seqs = at
		return err
	}
	t.about(func(seq int64) { t.messagesAbout = append(t.messagesAbout, seq) })
	if t.look.existing != nil {
		if t.writeRepeat(); t.r.out.Reused {
			t.messagesAbout = append(t.messagesAbout, t.r.out.Seq)
		}
	} else {
		t.write()
	}
	return nil
}

// lookUp is everything that can go wrong by the rules. Of a message that was there before nothing
// else is looked at.
func (t *tx) lookUp() error {
	if t.u.Accept != nil {
		if err := t.lookAccept(t.u.Accept); err != nil || t.look.existing != nil {
			return err
		}
	}
	for _, f := range []func() error{
		t.lookMessage, t.lookPlan, t.lookDues, t.lookDeliveries, t.lookSteps, t.lookCounters, t.lookRefs,
	} {
		if err := f(); err != nil {
			return err
		}
	}
	if t.meetsAside() {
		return errWaits
	}
	return nil
}

// write applies the unit in field order.
func (t *tx) write() {
	for _, f := range []func(){
		t.writeAccept, t.writeMessage, t.writeRecords, t.writePlan, t.writeDues, t.writeDeliveries, t.writeSteps,
		t.writeReceipts, t.writeCounters, t.writeSettings, t.writeEvents, t.writeAudit,
	} {
		f()
	}
}

// commit makes the group durable and only then shows it.
func (t *tx) commit() error {
	for _, k := range sortedKeys(t.tallies) {
		if n := t.tallies[k]; n != 0 {
			t.change(addTally, k.kind, k.party, k.state, n)
		}
	}
	if err := t.w.s.journal.append(t.w.changes); err != nil {
		return err
	}
	x := t.w.waiting
	if x.frames == 0 {
		x.since = time.Now()
	}
	x.frames++
	x.end = t.w.s.journal.end()
	for _, seq := range t.messagesAbout {
		x.about[seq] = struct{}{}
	}
	t.w.touched.add(x.gen, t.keys, t.shadows, t.messages, t.changed)
	t.w.s.totals.add(t.tallies)
	t.w.s.lanes.settle(t.lanes, t.pinned)
	t.w.s.feed.settle(t.feed)
	t.w.settleOrder(t.feed, t.back)
	return nil
}

// undo forgets the group: nothing of it is in the journal.
func (t *tx) undo() error {
	t.w.seqs = t.before
	t.w.s.lanes.settle(nil, t.pinned)
	return t.w.again()
}

// looked is what was found for one unit, with the numbers its new rows will get.
type looked struct {
	accept   int64
	message  *messageRow
	existing *samvirke.Message
	// messages and deliveries are the numbers of all ids named in the unit.
	messages    map[string]int64
	deliveries  map[string]deliveryRef
	steps       []*deliveryRow
	rows        map[string]*deliveryRow
	receiptRefs []refs
	receipts    []string // as JSON
	eventRefs   []refs
	counters    map[string]int64
}

// deliveryRef is the number of a delivery, and that of its own message, nil for none.
type deliveryRef struct {
	seq     int64
	message any
}

// refs are the message and the delivery a row belongs to; nil stands for none. through is the delivery's own message.
type refs struct{ message, delivery, through any }

// stray gives the delivery when the row cannot be found through that one's message.
func (r refs) stray() any {
	if r.message != nil && r.message == r.through {
		return nil
	}
	return r.delivery
}

func (l *looked) reset() {
	l.accept, l.message, l.existing = 0, nil, nil
	if l.messages == nil {
		l.messages, l.deliveries = map[string]int64{}, map[string]deliveryRef{}
		l.rows, l.counters = map[string]*deliveryRow{}, map[string]int64{}
	}
	clear(l.messages)
	clear(l.deliveries)
	clear(l.rows)
	clear(l.counters)
	l.steps, l.receiptRefs, l.eventRefs = l.steps[:0], l.receiptRefs[:0], l.eventRefs[:0]
	clear(l.receipts)
	l.receipts = l.receipts[:0]
}

// messageRef finds the number of a message; nil for "".
func (t *tx) messageRef(id string) (any, error) {
	if id == "" {
		return nil, nil
	}
	if seq, ok := t.look.messages[id]; ok {
		return seq, nil
	}
	if row, known := t.w.cache.messages[id]; known {
		t.look.messages[id] = row.seq
		return row.seq, nil
	}
	row, err := t.w.look.messageSeq.row(id)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, fmt.Errorf("message %s: %w", id, queue.ErrNotFound)
	}
	t.look.messages[id] = row[0].(int64)
	return row[0], nil
}

// deliveryRef finds a delivery that a receipt or event names.
func (t *tx) deliveryRef(id string) (ref deliveryRef, err error) {
	if ref, ok := t.look.deliveries[id]; ok {
		return ref, nil
	}
	if row, known := t.w.cache.deliveries[id]; known {
		ref = deliveryRef{row.seq, row.message}
		t.look.deliveries[id] = ref
		return ref, nil
	}
	row, err := t.w.look.deliverySeq.row(id)
	if err != nil {
		return ref, err
	}
	if row == nil {
		return ref, fmt.Errorf("delivery %s: %w", id, queue.ErrNotFound)
	}
	ref = deliveryRef{row[0].(int64), row[1]}
	t.look.deliveries[id] = ref
	return ref, nil
}

func (t *tx) lookRefs() error {
	for i := range t.u.Receipts {
		r, err := t.refs(t.u.Receipts[i].MessageID, t.u.Receipts[i].DeliveryID)
		if err != nil {
			return fmt.Errorf("receipt: %w", err)
		}
		t.look.receiptRefs = append(t.look.receiptRefs, r)
		x := t.u.Receipts[i]
		x.At = orTime(x.At, t.u.Now).UTC()
		content, err := json.Marshal(x)
		if err != nil {
			return fmt.Errorf("write receipt %s: %w", x.ID, err)
		}
		t.look.receipts = append(t.look.receipts, string(content))
	}
	for i := range t.u.Events {
		r, err := t.refs(t.u.Events[i].MessageID, t.u.Events[i].DeliveryID)
		if err != nil {
			return fmt.Errorf("event %s: %w", t.u.Events[i].Name, err)
		}
		t.look.eventRefs = append(t.look.eventRefs, r)
	}
	return nil
}

func (t *tx) refs(message, delivery string) (r refs, err error) {
	if r.message, err = t.messageRef(message); err != nil {
		return r, err
	}
	if delivery == "" {
		return r, nil
	}
	d, err := t.deliveryRef(delivery)
	r.delivery, r.through = d.seq, d.message
	return r, err
}
