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
		if m == nil || m.Raw == nil {
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

// DropTraces takes away messages that say nothing of anybody; see queue.Retainer.
func (s *Store) DropTraces(ctx context.Context, before time.Time, after int64, limit int) (dropped int, next int64, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer s.disk.mu.Unlock()
	left := min(max(limit, 1), maxLeases)
	for _, m := range d.message[min(max(after, 0), int64(len(d.message))):] {
		if m == nil {
			continue
		}
		if left == 0 {
			break
		}
		left, next = left-1, m.Seq
		if d.settled(m, before) && d.bare(m) {
			dropped++
			d.dropTrace(m)
		}
	}
	return dropped, next, nil
}

// bare says that nothing of a message and its deliveries names anybody, and that they have no bodies.
func (t *tables) bare(m *message) bool {
	erased := m.Checksum == ""
	if m.Raw != nil || !erased && (m.Patient != "" || m.Status == samvirke.MessageProcessed) {
		return false
	}
	return !slices.ContainsFunc(t.deliveryOf[m.Seq], func(seq int64) bool {
		d := t.delivery[seq-1]
		return d.Body != nil || d.original || d.Patient != "" || erased && d.Checksum != ""
	})
}

// dropTrace takes a message away with all that hangs on it.
func (t *tables) dropTrace(m *message) {
	ids := map[string]bool{}
	for _, seq := range t.deliveryOf[m.Seq] {
		d := t.delivery[seq-1]
		ids[d.ID] = true
		if d.ExternalID != "" {
			t.dropName(d.name(), seq)
		}
		delete(t.deliveryAt, d.ID)
		t.delivery[seq-1] = nil
	}
	if m.Checksum != "" {
		t.dropName(m.name(), m.Seq)
	}
	delete(t.deliveryOf, m.Seq)
	delete(t.messageAt, m.ID)
	delete(t.trouble, m.Seq)
	t.message[m.Seq-1] = nil
	for i := range t.event {
		if e := &t.event[i]; e.MessageID == m.ID || ids[e.DeliveryID] {
			*e = samvirke.Event{}
		}
	}
	t.receipt = slices.DeleteFunc(t.receipt, func(r samvirke.Receipt) bool { return r.MessageID == m.ID || ids[r.DeliveryID] })
}

// DropErased forgets names of what was erased; see queue.Retainer.
func (s *Store) DropErased(ctx context.Context, before time.Time, limit int) (dropped int, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer s.disk.mu.Unlock()
	left := min(max(limit, 1), queue.MaxParts)
	for h, e := range d.erased {
		if dropped < left && e.at.Before(before) {
			delete(d.erased, h)
			dropped++
		}
	}
	return dropped, nil
}
