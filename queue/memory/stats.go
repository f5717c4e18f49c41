package memory

import (
	"context"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Stats gives the totals; see queue.Reader. Its cost grows with what is in the lanes, not with the rows. Bytes is about what
// was ever written.
func (s *Store) Stats(ctx context.Context) (queue.Stats, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return queue.Stats{}, err
	}
	defer s.disk.mu.Unlock()
	st := queue.Stats{Accepted: d.accepted, Messages: some(d.messages), Deliveries: map[string]map[samvirke.DeliveryState]int64{},
		OldestWaiting: map[string]time.Time{}, ReceiptsAwaited: some(d.awaited),
		Groups: s.units, Units: s.units, CommitSeconds: s.spent.Seconds(), Bytes: d.bytes}
	for party, states := range d.deliveries {
		if of := some(states); len(of) > 0 {
			st.Deliveries[party] = of
		}
	}
	now := s.now()
	for seq := range s.leases {
		if s.holder(seq, now) == 0 {
			continue
		}
		row := d.delivery[seq-1]
		of := st.Deliveries[row.Party]
		if of[row.State]--; of[row.State] == 0 {
			delete(of, row.State)
		}
		of[samvirke.DeliverySending]++
	}
	for id, p := range s.parties {
		if oldest := s.oldest(p); oldest != nil {
			st.OldestWaiting[id] = oldest.CreatedAt
		}
	}
	return st, nil
}

// some copies those totals that are not 0.
func some[K comparable](all map[K]int64) map[K]int64 {
	out := map[K]int64{}
	for k, n := range all {
		if n != 0 {
			out[k] = n
		}
	}
	return out
}

// oldest is the first delivery of a party that is to be sent, nil when there is none.
func (s *Store) oldest(p *party) (first *delivery) {
	for _, n := range p.lanes {
		for _, seq := range n.open {
			d := s.disk.delivery[seq-1]
			if d.hold {
				continue
			}
			if first == nil || seq < first.Seq {
				first = d
			}
			break
		}
	}
	return first
}
