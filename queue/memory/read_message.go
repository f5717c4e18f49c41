package memory

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Message gives one message with its raw bytes; see queue.Reader.
func (s *Store) Message(ctx context.Context, id string) (queue.MessageDetail, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return queue.MessageDetail{}, err
	}
	defer s.disk.mu.Unlock()
	seq := d.messageAt[id]
	if seq == 0 {
		return queue.MessageDetail{}, queue.ErrNotFound
	}
	m := d.message[seq-1]
	out := queue.MessageDetail{Message: m.Message, Envelope: bytes.Clone(m.envelope), Notes: bytes.Clone(m.notes)}
	out.Raw = copied(m.Raw)
	return out, nil
}

// older are the rows before a number, all for 0; rows stand at the places of their numbers.
func older[T any](rows []T, before int64) []T {
	if before > 0 && before <= int64(len(rows)) {
		return rows[:before-1]
	}
	return rows
}

// among tells whether a row has one of those that a filter asks for; none asks for nothing.
func among[T comparable](asked []T, have T) bool {
	return len(asked) == 0 || slices.Contains(asked, have)
}

// Messages lists messages, newest first; see queue.Reader.
func (s *Store) Messages(ctx context.Context, f queue.MessageFilter) (out []samvirke.Message, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	hits, words := d.anyID(f.ID), queue.Words(f.Text)
	for _, m := range slices.Backward(older(d.message, f.Before)) {
		if len(out) == page(f.Limit) {
			break
		}
		if m != nil && is(f.Party, m.Party) && is(f.Kind, m.Kind) && is(f.Patient, m.Patient) && is(f.ExternalID, m.ExternalID) && among(f.Status, m.Status) &&
			(f.Since.IsZero() || !m.ReceivedAt.Before(f.Since)) && (f.Until.IsZero() || m.ReceivedAt.Before(f.Until)) &&
			(f.ID == "" || slices.Contains(hits, m.Seq)) && begins(d.trouble[m.Seq], words) {
			x := m.Message
			x.Raw = nil
			out = append(out, x)
		}
	}
	return out, nil
}

// anyID gives the numbers of the messages that an id leads to in any way.
func (t *tables) anyID(id string) (out []int64) {
	if id == "" {
		return nil
	}
	ids := queue.SameIDs(id)
	for _, m := range t.message {
		if m != nil && (m.ID == id || slices.Contains(ids, m.ExternalID)) {
			out = append(out, m.Seq)
		}
	}
	for _, x := range t.delivery {
		if x != nil && (x.ID == id || slices.Contains(ids, x.ExternalID)) {
			out = append(out, x.message)
		}
	}
	for i := range t.receipt {
		if slices.Contains(ids, t.receipt[i].ExternalID) {
			out = append(out, t.messageAt[t.receipt[i].MessageID])
		}
	}
	return out
}

// begins tells whether each of the words asked for begins one of those had.
func begins(have, asked []string) bool {
	for _, a := range asked {
		if !slices.ContainsFunc(have, func(w string) bool { return strings.HasPrefix(w, a) }) {
			return false
		}
	}
	return true
}

// shown is a delivery as everybody sees it, without its body.
func (s *Store) shown(d *delivery, now time.Time) samvirke.Delivery {
	x := d.Delivery
	x.Body = nil
	if s.holder(d.Seq, now) != 0 {
		x.State = samvirke.DeliverySending
	}
	return x
}

// Delivery gives one delivery with its body; see queue.Reader.
func (s *Store) Delivery(ctx context.Context, id string) (samvirke.Delivery, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return samvirke.Delivery{}, err
	}
	defer s.disk.mu.Unlock()
	return s.whole(d.deliveryAt[id])
}

// whole gives a delivery with its body, queue.ErrNotFound for the number 0.
func (s *Store) whole(seq int64) (samvirke.Delivery, error) {
	if seq == 0 {
		return samvirke.Delivery{}, queue.ErrNotFound
	}
	row := s.disk.delivery[seq-1]
	x := s.shown(row, s.now())
	x.Body = copied(s.disk.body(row))
	return x, nil
}

// FindDelivery gives the newest delivery to party with this external id; see queue.Reader.
func (s *Store) FindDelivery(ctx context.Context, party, externalID string) (samvirke.Delivery, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return samvirke.Delivery{}, err
	}
	defer s.disk.mu.Unlock()
	seq := int64(0)
	for _, id := range queue.SameIDs(externalID) {
		if all := d.named[name{byDelivery, party, id}]; len(all) > 0 {
			seq = max(seq, all[len(all)-1])
		}
	}
	for _, id := range queue.SameIDs(externalID) {
		if seq == 0 {
			seq, _ = d.erasedSeq(byDelivery, party, id)
		}
	}
	return s.whole(seq)
}

// Deliveries lists deliveries, newest first; see queue.Reader.
func (s *Store) Deliveries(ctx context.Context, f queue.DeliveryFilter) (out []samvirke.Delivery, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	now := s.now()
	for _, row := range slices.Backward(older(d.delivery, f.Before)) {
		if len(out) == page(f.Limit) {
			break
		}
		if row == nil || !is(f.Party, row.Party) || !is(f.MessageID, row.MessageID) || !is(f.Patient, row.Patient) || !is(f.Purpose, row.Purpose) ||
			!f.OverdueAt.IsZero() && !(row.receiptAwaited() && row.ExpectBy.Before(f.OverdueAt)) {
			continue
		}
		if x := s.shown(row, now); among(f.State, x.State) {
			out = append(out, x)
		}
	}
	return out, nil
}

// Attempts lists the tries at one delivery in order; see queue.Reader.
func (s *Store) Attempts(ctx context.Context, deliveryID string) ([]samvirke.Attempt, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	if seq := d.deliveryAt[deliveryID]; seq != 0 {
		return slices.Clone(d.delivery[seq-1].attempts), nil
	}
	return nil, nil
}
