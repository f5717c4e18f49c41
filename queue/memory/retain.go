package memory

import (
	"context"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// DropPayloads takes away bodies that have served; see queue.Retainer.
func (s *Store) DropPayloads(ctx context.Context, before time.Time, after int64, limit int) (dropped int, next int64, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer s.disk.mu.Unlock()
	left := min(max(limit, 1), maxLeases)
	for _, m := range d.message[min(max(after, 0), int64(len(d.message))):] {
		if m.Raw == nil {
			continue
		}
		if left == 0 {
			break
		}
		left, next = left-1, m.Seq
		if d.settled(m, before) {
			dropped++
			d.dropBodies(m)
		}
	}
	return dropped, next, nil
}

// settled says that nobody needs the body of a message: it is at its end, and so are its deliveries, since before a time.
func (t *tables) settled(m *message, before time.Time) bool {
	switch m.Status {
	case samvirke.MessageProcessed, samvirke.MessageRefused, samvirke.MessageClosed:
	default:
		return false
	}
	return m.ReceivedAt.Before(before) && !slices.ContainsFunc(t.deliveryOf[m.Seq], func(seq int64) bool {
		switch d := t.delivery[seq-1]; d.State {
		case samvirke.DeliveryAcknowledged, samvirke.DeliveryGivenUp:
			return !d.DoneAt.Before(before)
		case samvirke.DeliverySent:
			return d.receiptAwaited() || !d.SentAt.Before(before)
		}
		return true
	})
}

// dropBodies drops the bodies of a message and its deliveries.
func (t *tables) dropBodies(m *message) {
	bare := *m
	bare.Raw = nil
	t.message[m.Seq-1] = &bare
	for _, seq := range t.deliveryOf[m.Seq] {
		d := *t.delivery[seq-1]
		d.Body, d.original = nil, false
		t.delivery[seq-1] = &d
	}
}

// DropAudits takes away the oldest audit entries; see queue.Retainer. The last hash of them stays as the anchor that the rest of
// the chain begins with.
func (s *Store) DropAudits(ctx context.Context, before time.Time, limit int) (dropped int, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer s.disk.mu.Unlock()
	for _, a := range d.audit[:min(max(limit, 1), queue.MaxParts, len(d.audit))] {
		if !a.At.Before(before) {
			break // in order of numbers, up to the first that stays: the chain has no holes
		}
		d.anchor = auditEnd{a.Seq, a.Hash}
		dropped++
	}
	d.audit = slices.Delete(d.audit, 0, dropped)
	return dropped, nil
}
