package memory

import (
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// messageRef finds the number of a message that is stored or made by the unit; 0 for "".
func (t *tx) messageRef(id string) (int64, error) {
	if id == "" {
		return 0, nil
	}
	if t.accept != nil && t.accept.ID == id {
		return t.accept.Seq, nil
	}
	if seq := t.d.messageAt[id]; seq != 0 {
		return seq, nil
	}
	return 0, fmt.Errorf("message %s: %w", id, queue.ErrNotFound)
}

// lookRefs: receipts and events name what is there.
func (t *tx) lookRefs() error {
	for i := range t.u.Receipts {
		r := &t.u.Receipts[i]
		if err := t.lookRef(r.MessageID, r.DeliveryID); err != nil {
			return fmt.Errorf("receipt: %w", err)
		}
	}
	for i := range t.u.Events {
		e := &t.u.Events[i]
		if err := t.lookRef(e.MessageID, e.DeliveryID); err != nil {
			return fmt.Errorf("event %s: %w", e.Name, err)
		}
	}
	return nil
}

func (t *tx) lookRef(message, delivery string) error {
	if _, err := t.messageRef(message); err != nil {
		return err
	}
	if delivery == "" || t.moves[delivery] != nil || t.d.deliveryAt[delivery] != 0 {
		return nil
	}
	return fmt.Errorf("delivery %s: %w", delivery, queue.ErrNotFound)
}

// lookDeliveries makes the new deliveries.
func (t *tx) lookDeliveries() error {
	for i := range t.u.Deliveries {
		d := &t.u.Deliveries[i]
		of, err := t.messageRef(d.MessageID)
		if err != nil {
			return fmt.Errorf("delivery %s: %w", d.ID, err)
		}
		if t.moves[d.ID] != nil || t.d.deliveryAt[d.ID] != 0 {
			return fmt.Errorf("delivery %s: %w", d.ID, queue.ErrExists)
		}
		row := &delivery{Delivery: *d, message: of, original: d.Original && of != 0}
		row.Seq, row.Original = int64(len(t.d.delivery)+len(t.moved))+1, false
		if row.Body = kept(d.Body); row.original {
			row.Body = nil
		}
		t.add(&move{row: row})
	}
	return nil
}

func (t *tx) add(m *move) {
	if t.moves == nil {
		t.moves = make(map[string]*move, len(t.u.Deliveries)+len(t.u.Steps))
	}
	t.moved, t.moves[m.row.ID] = append(t.moved, m), m
}

// lookSteps runs the steps in order, each against what the ones before it leave behind.
func (t *tx) lookSteps() error {
	for i := range t.u.Steps {
		s := &t.u.Steps[i]
		m := t.moves[s.ID]
		if m == nil {
			seq := t.d.deliveryAt[s.ID]
			if seq == 0 {
				return fmt.Errorf("delivery %s: %w", s.ID, queue.ErrNotFound)
			}
			row := *t.d.delivery[seq-1]
			m = &move{&row, t.s.holder(seq, t.now)}
			t.add(m)
		}
		if s.Token != 0 && s.Token != m.token {
			return fmt.Errorf("delivery %s: %w", s.ID, queue.ErrFenced)
		}
		if len(s.From) > 0 && !slices.Contains(s.From, m.state()) {
			return fmt.Errorf("delivery %s is %s: %w", s.ID, m.state(), queue.ErrState)
		}
		m.token = 0 // any step ends the lease
		m.row.step(s, moment(t.u.Now))
	}
	return nil
}

// step changes the delivery as a step says.
func (d *delivery) step(s *queue.DeliveryStep, at time.Time) {
	moved := d.State != s.To
	d.State = s.To
	d.hold = s.To == samvirke.DeliveryStopped && s.HoldLane
	d.Fault, d.FaultText = s.Fault, s.FaultText
	d.DueAt = time.Time{}
	if s.Attempt != nil {
		d.Attempts++
		a := *s.Attempt
		a.DeliveryID, a.Number, a.At = d.ID, d.Attempts, momentOr(a.At, at)
		d.attempts = append(slices.Clip(d.attempts), a)
	}
	if !s.ExpectBy.IsZero() {
		d.ExpectBy = moment(s.ExpectBy)
	}
	switch s.To {
	case samvirke.DeliveryQueued, samvirke.DeliveryWaiting:
		d.DueAt = moment(s.DueAt)
	case samvirke.DeliverySent:
		if moved { // else a remark on where it stands: its times stay
			d.SentAt = at
		}
	case samvirke.DeliveryAcknowledged:
		if !moved {
			return
		}
		d.DoneAt = at
		if d.SentAt.IsZero() {
			d.SentAt = at
		}
	case samvirke.DeliveryGivenUp:
		if moved {
			d.DoneAt = at
		}
	}
}
