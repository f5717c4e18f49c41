package sqlite

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// shadow is a delivery as waiting changes leave it. whole says that it was made by them; otherwise only what a step
// writes is known, and the rest stands in the tables.
type shadow struct {
	d     samvirke.Delivery
	kept  kept
	whole bool
	// made is the generation of waiting changes that it came with, gen the last one that is about it.
	made, gen uint64
}

// step writes what a step writes.
func (s *shadow) step(d *samvirke.Delivery) {
	d.State, d.Attempts = s.d.State, s.d.Attempts
	d.DueAt, d.SentAt, d.DoneAt, d.ExpectBy = s.d.DueAt, s.d.SentAt, s.d.DoneAt, s.d.ExpectBy
	d.Fault, d.FaultText = s.d.Fault, s.d.FaultText
}

// shadowOf is what a step leaves.
func shadowOf(s *queue.DeliveryStep, r *deliveryRow) *shadow {
	x := &shadow{d: samvirke.Delivery{Seq: r.seq, ID: r.id, Party: r.party, ExternalID: r.externalID, MessageID: r.messageID, State: r.state,
		Attempts: int(r.attempts), DueAt: moment(r.due), SentAt: moment(r.sent), DoneAt: moment(r.done), ExpectBy: moment(r.expectBy),
		Fault: s.Fault, FaultText: s.FaultText}}
	return x
}

// addShadows takes up what a group leaves; the lock is held.
func (t *touched) addShadows(gen uint64, list []*shadow) {
	for _, s := range list {
		if have := t.rows[s.d.Seq]; have != nil {
			s.step(&have.d)
			have.gen = gen
			continue
		}
		s.made, s.gen = gen, gen
		t.rows[s.d.Seq] = s
		if s.whole && s.d.MessageID != "" {
			t.byMessage[s.d.MessageID] = append(t.byMessage[s.d.MessageID], s.d.Seq)
		}
		if s.whole && s.d.ExternalID != "" {
			t.byExternal[s.d.ExternalID] = append(t.byExternal[s.d.ExternalID], s.d.Seq)
		}
	}
}

// external finds the newest waiting delivery to a party with one of these ids.
func (t *touched) external(party string, ids []string) (s shadow, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		for _, seq := range t.byExternal[id] {
			if x := t.rows[seq]; x.d.Party == party && (!found || x.d.Seq > s.d.Seq) {
				s, found = *x, true
			}
		}
	}
	return s, found
}

// over writes what waits over deliveries that were read from the tables, and adds those of a message that are not there yet. It
// is false when the waiting changes went into the tables since epoch: then the tables must be read again.
func (t *touched) over(epoch uint64, list []samvirke.Delivery, message string) ([]samvirke.Delivery, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch != epoch {
		return nil, false
	}
	// Between the commit of the tables and clear a new delivery is in both.
	there := make(map[int64]bool, len(list))
	for i := range list {
		there[list[i].Seq] = true
		if s := t.rows[list[i].Seq]; s != nil {
			s.step(&list[i])
		}
	}
	if message != "" {
		for _, seq := range t.byMessage[message] {
			if !there[seq] {
				list = append(list, t.rows[seq].d)
			}
		}
		slices.SortFunc(list, func(a, b samvirke.Delivery) int { return cmp.Compare(b.Seq, a.Seq) })
	}
	return list, true
}

func (t *touched) now() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.epoch
}

// FindDelivery gives the newest delivery to party with this external id, without waiting for the tables; see queue.Reader.
// A receipt asks for it moments after the delivery was sent.
func (s *Store) FindDelivery(ctx context.Context, party, externalID string) (samvirke.Delivery, error) {
	t := &s.writer.touched
	ids := queue.SameIDs(externalID)
	if x, found := t.external(party, ids); found && externalID != "" {
		if len(x.kept.place) != placeSize && x.kept.file == "" { // the body of its message
			return s.reader.FindDelivery(ctx, party, externalID)
		}
		d := x.d
		shown(&d, s.inHand())
		body, err := s.body(&x.kept)
		if errors.Is(err, queue.ErrDamaged) { // or has moved, because it has aged
			return s.reader.FindDelivery(ctx, party, externalID)
		}
		d.Body = body
		return d, err
	}
	for {
		epoch := t.now()
		d, err := s.reader.findDelivery(ctx, party, ids)
		if err != nil && !errors.Is(err, queue.ErrDamaged) {
			return d, err
		}
		if list, ok := t.over(epoch, []samvirke.Delivery{d}, ""); ok {
			d = list[0]
			shown(&d, s.inHand())
			return d, err
		}
	}
}

// Message gives one message with its raw bytes; see queue.Reader. One that was just accepted is given without waiting for the
// tables: who hands it in looks at once what became of it.
func (s *Store) Message(ctx context.Context, id string) (queue.MessageDetail, error) {
	x := s.writer.touched.message(id)
	if x == nil {
		return s.reader.Message(ctx, id)
	}
	raw, err := s.body(&x.kept)
	if errors.Is(err, queue.ErrDamaged) { // or has moved, because it has aged
		return s.reader.Message(ctx, id)
	}
	d := queue.MessageDetail{Message: x.m}
	d.Raw = raw
	return d, err
}

// Deliveries lists deliveries, newest first; see queue.Reader. Those of one message are given without waiting for the tables.
func (s *Store) Deliveries(ctx context.Context, f queue.DeliveryFilter) ([]samvirke.Delivery, error) {
	if !ofMessage(&f) || f.Before > 0 {
		return s.reader.Deliveries(ctx, f)
	}
	t := &s.writer.touched
	for {
		epoch := t.now()
		list, err := s.reader.deliveries(ctx, f)
		if err != nil {
			return nil, err
		}
		if len(list) == page(f.Limit) {
			return s.reader.Deliveries(ctx, f)
		}
		if list, ok := t.over(epoch, list, f.MessageID); ok {
			list = slices.DeleteFunc(list, func(d samvirke.Delivery) bool { return f.Purpose != "" && d.Purpose != f.Purpose })
			leased := s.inHand()
			for i := range list {
				shown(&list[i], leased)
			}
			return list[:min(len(list), page(f.Limit))], nil
		}
	}
}
