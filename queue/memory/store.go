package memory

import (
	"context"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

var (
	_ queue.Store    = (*Store)(nil)
	_ queue.Eraser   = (*Store)(nil)
	_ queue.Retainer = (*Store)(nil)
)

// Bounds of the engine, those of the others.
const (
	// defaultLease is how long a lease lasts when Lease is not told.
	defaultLease = time.Minute
	// maxLeases bounds what one Lease, Received or DropPayloads takes.
	maxLeases = 1000
)

// Options open a store.
type Options struct {
	// Now is the clock that decides whether a delivery is due and a lease over; nil means time.Now. Times that are stored
	// come from the unit, not from here. Who moves a clock of their own calls Store.Wake after it.
	Now func() time.Time
}

// Store is what an engine holds in memory, over a Disk. All methods are safe for concurrent use; it starts no goroutine.
type Store struct {
	disk *Disk
	now  func() time.Time
	subs *queue.Subscribers
	stop chan struct{} // closed with the store

	// Under the lock of the disk.
	closed  bool
	parties map[string]*party
	leases  map[int64]lease // by the number of the delivery
	todo    []int64         // messages to be handed out by Received
	back    map[int64]bool  // those that were given back and are not the first of their patient
	arrived bell
	units   int64
	spent   time.Duration
}

// Open opens a disk. A store that has it open is closed by it, as by a crash.
func Open(disk *Disk, o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{disk: disk, now: o.Now, subs: queue.NewSubscribers(), stop: make(chan struct{}),
		parties: map[string]*party{}, leases: map[int64]lease{}, back: map[int64]bool{}}
	disk.mu.Lock()
	defer disk.mu.Unlock()
	if disk.store != nil {
		disk.store.shut()
	}
	disk.store = s
	for _, m := range disk.message {
		if m != nil && m.Status == samvirke.MessageReceived {
			s.todo = append(s.todo, m.Seq)
		}
	}
	for _, d := range disk.delivery {
		if d != nil && d.open() {
			s.place(d)
		}
	}
	return s
}

// Close ends the store; see queue.Store. The disk can be opened again.
func (s *Store) Close() error {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if !s.closed {
		s.shut()
	}
	return nil
}

// shut closes the store; the disk is locked.
func (s *Store) shut() {
	s.closed = true
	s.disk.store = nil
	close(s.stop)
	s.subs.Close()
}

// enter locks the disk, unless the store is closed or ctx has ended; who entered unlocks.
func (s *Store) enter(ctx context.Context) (*tables, error) {
	s.disk.mu.Lock()
	err := ctx.Err()
	if s.closed {
		err = queue.ErrClosed
	}
	if err != nil {
		s.disk.mu.Unlock()
		return nil, err
	}
	return &s.disk.tables, nil
}

// Commit takes a unit; see queue.Writer.
func (s *Store) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	start := time.Now()
	u, err := queue.Checked(u)
	if err != nil {
		return queue.Outcome{}, err
	}
	d, err := s.enter(ctx)
	if err != nil {
		return queue.Outcome{}, err
	}
	defer s.disk.mu.Unlock()
	t := &tx{s: s, d: d, u: u, now: s.now()}
	if err := t.look(); err != nil {
		return queue.Outcome{}, err
	}
	t.put()
	s.units++
	s.spent += max(time.Since(start), 1) // a clock may be too coarse to see it
	d.bytes += int64(queue.Weight(u))
	s.subs.Publish(t.events)
	return t.out, nil
}

// Subscribe gives committed events in order; see queue.Store.
func (s *Store) Subscribe(buffer int) (<-chan samvirke.Event, func()) { return s.subs.Add(buffer) }

// Failed is never closed: memory does not fail to sync.
func (s *Store) Failed() <-chan struct{} { return nil }

// Err is always nil; see Failed.
func (s *Store) Err() error { return nil }
