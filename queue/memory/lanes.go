package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// party are the lanes of one receiver that are not empty.
type party struct {
	lanes   map[string]*lane
	changed bell
}

// lane is one queue of deliveries.
type lane struct {
	open   []int64 // numbers, growing: queued, waiting, or stopped and holding the lane
	leased int64   // the one in somebody's hands until its lease ends, 0 for none
}

type lease struct {
	token int64
	until time.Time
}

// bell wakes whoever waits.
type bell struct{ ch chan struct{} }

// wait gives a channel that is closed at the next ring.
func (b *bell) wait() <-chan struct{} {
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

func (s *Store) party(id string) *party {
	p := s.parties[id]
	if p == nil {
		p = &party{lanes: map[string]*lane{}}
		s.parties[id] = p
	}
	return p
}

// holder gives the token under which somebody has a delivery, 0 when nobody has.
func (s *Store) holder(seq int64, now time.Time) int64 {
	if l, there := s.leases[seq]; there && now.Before(l.until) {
		return l.token
	}
	return 0
}

// place puts a delivery that was made or stepped into its lane or takes it out, and ends its lease.
func (s *Store) place(d *delivery) {
	delete(s.leases, d.Seq)
	p := s.party(d.Party)
	n := p.lanes[d.Lane]
	if n == nil {
		if !d.open() {
			return
		}
		n = &lane{}
		p.lanes[d.Lane] = n
	}
	if n.leased == d.Seq {
		n.leased = 0
	}
	if d.open() {
		n.open = insert(n.open, d.Seq)
	} else if n.open = remove(n.open, d.Seq); len(n.open) == 0 {
		delete(p.lanes, d.Lane)
	}
	p.changed.ring()
}

// Lease hands out due deliveries; see queue.Worker.
func (s *Store) Lease(ctx context.Context, party string, limit int, ttl time.Duration) ([]queue.Leased, error) {
	limit = min(max(limit, 1), maxLeases)
	if ttl <= 0 {
		ttl = defaultLease
	}
	for {
		if _, err := s.enter(ctx); err != nil {
			return nil, err
		}
		now, p := s.now(), s.party(party)
		heads, next := s.heads(p, now)
		got := make([]queue.Leased, 0, min(limit, len(heads)))
		for _, d := range heads[:min(limit, len(heads))] {
			got = append(got, s.take(p.lanes[d.Lane], d, now.Add(ttl)))
		}
		if len(got) > 0 {
			s.disk.mu.Unlock()
			return got, nil
		}
		wake := p.changed.wait()
		s.disk.mu.Unlock()
		if err := s.await(ctx, wake, now, next); err != nil {
			return nil, err
		}
	}
}

// heads are the deliveries that may be leased, in the order in which their time came: the first of each lane that nobody has in
// hand. next is when there may be another one, the zero time when nobody knows.
func (s *Store) heads(p *party, now time.Time) (due []*delivery, next time.Time) {
	later := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, n := range p.lanes {
		d := s.disk.delivery[n.open[0]-1]
		switch {
		case n.leased != 0 && s.holder(n.leased, now) != 0:
			later(s.leases[n.leased].until)
		case d.hold:
		case d.DueAt.After(now):
			later(d.DueAt)
		default:
			due = append(due, d)
		}
	}
	slices.SortFunc(due, func(a, b *delivery) int {
		return cmp.Or(momentOr(a.DueAt, a.CreatedAt).Compare(momentOr(b.DueAt, b.CreatedAt)), cmp.Compare(a.Seq, b.Seq))
	})
	return due, next
}

// take leases the head of a lane.
func (s *Store) take(n *lane, d *delivery, until time.Time) queue.Leased {
	delete(s.leases, n.leased) // one that is over
	s.disk.token++             // on the disk: a token is never given twice
	n.leased = d.Seq
	s.leases[d.Seq] = lease{s.disk.token, until}
	l := queue.Leased{Delivery: d.Delivery, Token: s.disk.token}
	l.State, l.Body = samvirke.DeliverySending, s.disk.body(d)
	if l.Body == nil && l.Size > 0 {
		l.Err = fmt.Errorf("delivery %s: the body was dropped when its time was over: %w", d.ID, queue.ErrDamaged)
	}
	return l
}

// await waits for wake, for the time next unless it is zero, or for an end.
func (s *Store) await(ctx context.Context, wake <-chan struct{}, now, next time.Time) error {
	var due <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(next.Sub(now))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-wake:
	case <-due:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return queue.ErrClosed
	}
	return nil
}

// Wake makes everybody who waits in Lease look at the clock again, for one that does not go by itself.
func (s *Store) Wake() {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	for _, p := range s.parties {
		p.changed.ring()
	}
}

// Received hands out messages to be processed; see queue.Worker.
func (s *Store) Received(ctx context.Context, limit int) ([]samvirke.Message, error) {
	for {
		d, err := s.enter(ctx)
		if err != nil {
			return nil, err
		}
		n := min(max(limit, 1), maxLeases, len(s.todo))
		got := make([]samvirke.Message, n)
		for i, seq := range s.todo[:n] {
			got[i] = d.message[seq-1].Message
		}
		s.todo = s.todo[n:]
		if n > 0 {
			s.disk.mu.Unlock()
			return got, nil
		}
		wake := s.arrived.wait()
		s.disk.mu.Unlock()
		if err := s.await(ctx, wake, time.Time{}, time.Time{}); err != nil {
			return nil, err
		}
	}
}
