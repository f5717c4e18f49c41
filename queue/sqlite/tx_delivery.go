package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// deliveryRow is what a step needs to know of its delivery.
type deliveryRow struct {
	seq       int64
	id, party string
	lane      laneKey
	state     samvirke.DeliveryState // as stored: never sending
	hold      bool
	attempts  int64
	created, due, sent, done,
	expectBy int64
	// token is that of the lease while it holds, 0 when nobody has the delivery.
	token   int64
	message any // number of the message, nil for none
	// messageID is the id that goes with message.
	messageID, externalID string
	// gen is the generation of waiting changes that wrote it last.
	gen uint64
}

// now is the state as everybody sees it.
func (r *deliveryRow) now() samvirke.DeliveryState {
	if r.token != 0 {
		return samvirke.DeliverySending
	}
	return r.state
}

// awaited says whether the row counts as one whose receipt is awaited.
func (r *deliveryRow) awaited() bool { return r.state == samvirke.DeliverySent && r.expectBy != 0 }

// lookDeliveries gives the new deliveries their numbers.
func (t *tx) lookDeliveries() error {
	for i := range t.u.Deliveries {
		d := &t.u.Deliveries[i]
		message, err := t.messageRef(d.MessageID)
		if err != nil {
			return fmt.Errorf("delivery %s: %w", d.ID, err)
		}
		if t.look.rows[d.ID] != nil {
			return fmt.Errorf("delivery %s stands twice in the unit: %w", d.ID, queue.ErrExists)
		}
		if taken, err := t.deliveryTaken(d.ID); err != nil || taken {
			return errors.Join(err, takenError("delivery", d.ID, taken))
		}
		t.w.seqs.delivery++
		t.look.deliveries[d.ID] = deliveryRef{t.w.seqs.delivery, message}
		t.look.rows[d.ID] = &deliveryRow{seq: t.w.seqs.delivery, id: d.ID, party: d.Party,
			lane: t.w.s.lanes.key(d.Lane), state: d.State, attempts: int64(d.Attempts), created: nanos(d.CreatedAt),
			due: nanos(d.DueAt), sent: nanos(d.SentAt), done: nanos(d.DoneAt), expectBy: nanos(d.ExpectBy),
			message: message, messageID: d.MessageID, externalID: d.ExternalID}
	}
	return nil
}

// deliveryTaken is messageTaken for deliveries.
func (t *tx) deliveryTaken(id string) (bool, error) {
	if _, known := t.w.cache.deliveries[id]; known || id > t.w.lastDelivery {
		return known, nil
	}
	row, err := t.w.look.deliverySeq.row(id)
	return row != nil, err
}

func (t *tx) writeDeliveries() {
	for i := range t.u.Deliveries {
		d := &t.u.Deliveries[i]
		r := t.look.rows[d.ID]
		file := ""
		if t.r.files.deliveries != nil {
			file = t.r.files.deliveries[i]
		}
		var at any
		switch {
		case d.Original && r.message != nil:
			at = placeOfMessage()
		case file == "":
			at = t.w.s.journal.body(d.Body).blob()
		}
		t.change(addDelivery, r.seq, d.ID, r.message, d.Party, string(d.Purpose), d.Lane, d.Patient, d.ExternalID,
			d.Kind, d.Format, d.Version, d.ContentType, d.Rule, string(samvirke.DeliveryQueued), int64(0),
			int64(d.Attempts), nanos(d.CreatedAt), nanos(d.DueAt), nanos(d.SentAt), nanos(d.DoneAt),
			nanos(d.ExpectBy), d.Fault, d.FaultText, d.Checksum, d.Size, d.TraceParent, at)
		if at == nil {
			t.change(addDeliveryFile, r.seq, file)
		}
		t.w.waiting.lastDelivery = max(t.w.waiting.lastDelivery, d.ID)
		t.touch(r)
		x := &shadow{d: *d, kept: kept{file: file}, whole: true}
		x.kept.place, _ = at.([]byte)
		x.d.Seq, x.d.Body, x.d.Original = r.seq, nil, false
		t.shadows = append(t.shadows, x)
		t.w.cache.delivery(*r)
		t.tally(tallyDelivery, d.Party, string(samvirke.DeliveryQueued), 1)
		d.Seq, d.Body = r.seq, notNil(d.Body)
		t.lanes = append(t.lanes, laneChange{seq: r.seq, party: d.Party, lane: r.lane, open: true,
			due: dueOf(nanos(d.DueAt), r.created), at: nanos(t.u.Now), fresh: d})
	}
}

// touch notes everything by which a reader may ask for a delivery.
func (t *tx) touch(r *deliveryRow) {
	t.keys = append(t.keys, r.id, r.messageID, r.externalID)
}

// dueOf is when a queued or waiting delivery may be sent. One that is due at once takes its place by
// the time it was made, so that lanes are served in the order they came.
func dueOf(due, otherwise int64) int64 {
	if due == 0 {
		return otherwise
	}
	return due
}

// lookSteps checks the steps in order, each against what the ones before it leave behind.
func (t *tx) lookSteps() error {
	for i := range t.u.Steps {
		s := &t.u.Steps[i]
		row, err := t.deliveryRow(s.ID)
		if err != nil {
			return err
		}
		if s.Token != 0 && s.Token != row.token {
			return fmt.Errorf("delivery %s: %w", s.ID, queue.ErrFenced)
		}
		if len(s.From) > 0 && !slices.Contains(s.From, row.now()) {
			return fmt.Errorf("delivery %s is %s: %w", s.ID, row.now(), queue.ErrState)
		}
		before := *row
		t.look.steps = append(t.look.steps, &before)
		row.move(s, t.u.Now)
	}
	return nil
}

// deliveryRow finds the delivery of a step: made in this unit, stepped in it before, or stored.
func (t *tx) deliveryRow(id string) (*deliveryRow, error) {
	if row := t.look.rows[id]; row != nil {
		return row, nil
	}
	row, err := t.readDelivery(id)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, fmt.Errorf("delivery %s: %w", id, queue.ErrNotFound)
	}
	if token := t.w.s.lanes.pin(row.seq); token != 0 {
		t.pinned = append(t.pinned, row.seq)
		if !t.moved[row.seq] {
			row.token = token
		}
	}
	t.look.rows[id] = row
	t.look.deliveries[id] = deliveryRef{row.seq, row.message}
	if row.messageID != "" {
		t.look.messages[row.messageID] = row.message.(int64)
	}
	return row, nil
}

func (t *tx) readDelivery(id string) (*deliveryRow, error) {
	if row, known := t.w.cache.deliveries[id]; known {
		return &row, nil
	}
	v, err := t.w.look.deliveryByID.row(id)
	if err != nil || v == nil {
		return nil, err
	}
	r := &deliveryRow{seq: v[0].(int64), id: id, state: samvirke.DeliveryState(v[1].(string)),
		hold: v[2].(int64) != 0, party: v[3].(string), lane: t.w.s.lanes.key(v[4].(string)),
		attempts: v[5].(int64), created: v[6].(int64), sent: v[7].(int64), done: v[8].(int64),
		expectBy: v[9].(int64), due: v[10].(int64), externalID: v[13].(string)}
	if v[11] != nil {
		r.message, r.messageID = v[11], v[12].(string)
	}
	return r, nil
}

// move changes the row as the step says.
func (r *deliveryRow) move(s *queue.DeliveryStep, at time.Time) {
	moved := r.state != s.To
	r.state, r.token = s.To, 0
	r.hold = s.To == samvirke.DeliveryStopped && s.HoldLane
	r.due = 0
	if s.Attempt != nil {
		r.attempts++
	}
	if !s.ExpectBy.IsZero() {
		r.expectBy = nanos(s.ExpectBy)
	}
	if !moved && s.To != samvirke.DeliveryQueued && s.To != samvirke.DeliveryWaiting {
		return // a remark on where it stands: its times stay
	}
	switch s.To {
	case samvirke.DeliveryQueued, samvirke.DeliveryWaiting:
		r.due = nanos(s.DueAt)
	case samvirke.DeliverySent:
		r.sent = nanos(at)
	case samvirke.DeliveryAcknowledged:
		r.done = nanos(at)
		if r.sent == 0 {
			r.sent = r.done
		}
	case samvirke.DeliveryGivenUp:
		r.done = nanos(at)
	}
}

func (t *tx) writeSteps() {
	for i := range t.u.Steps {
		s := &t.u.Steps[i]
		before := t.look.steps[i]
		after := *before
		after.move(s, t.u.Now)
		t.writeStep(s, &after)
		t.touch(&after)
		t.shadows = append(t.shadows, shadowOf(s, &after))
		t.tally(tallyDelivery, after.party, string(before.state), -1)
		t.tally(tallyDelivery, after.party, string(after.state), 1)
		if a, b := before.awaited(), after.awaited(); a != b {
			t.tally(tallyAwaited, after.party, "", sign(b))
		}
		t.w.cache.delivery(after)
		t.moved[after.seq] = true
		t.lanes = append(t.lanes, after.laneChange(t.u.Now))
	}
}

func sign(up bool) int64 {
	if up {
		return 1
	}
	return -1
}

// laneChange is what the step means to the lane.
func (r *deliveryRow) laneChange(at time.Time) laneChange {
	c := laneChange{seq: r.seq, party: r.party, lane: r.lane, at: nanos(at), release: true}
	switch {
	case r.state == samvirke.DeliveryQueued || r.state == samvirke.DeliveryWaiting:
		c.open, c.due = true, dueOf(r.due, nanos(at))
		c.waiting = r.state == samvirke.DeliveryWaiting
	case r.hold:
		c.open, c.due = true, never
	}
	return c
}

func (t *tx) writeStep(s *queue.DeliveryStep, r *deliveryRow) {
	t.change(setDelivery, string(r.state), flag(r.hold), r.attempts, r.due, r.sent, r.done, r.expectBy,
		s.Fault, s.FaultText, r.seq)
	if a := s.Attempt; a != nil {
		t.change(addAttempt, r.seq, r.attempts, nanos(orTime(a.At, t.u.Now)), int64(a.Took), a.Answer,
			string(a.Class), a.Fault, a.FaultText)
	}
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
