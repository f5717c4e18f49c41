package queue

import (
	"sync"

	"github.com/samvirke/samvirke"
)

// Subscribers hand committed events on, for an engine's Subscribe; make them with NewSubscribers. Only the writer publishes, so
// order is that of the commits.
type Subscribers struct {
	mu     sync.Mutex
	chans  map[chan samvirke.Event]bool
	closed bool
}

// NewSubscribers makes a list without anybody.
func NewSubscribers() *Subscribers { return &Subscribers{chans: map[chan samvirke.Event]bool{}} }

// Add gives a channel that holds buffer events (at least one), and what ends it.
func (s *Subscribers) Add(buffer int) (<-chan samvirke.Event, func()) {
	ch := make(chan samvirke.Event, max(buffer, 1))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		close(ch)
		return ch, func() {}
	}
	s.chans[ch] = true
	return ch, func() { s.remove(ch) }
}

func (s *Subscribers) remove(ch chan samvirke.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chans[ch] {
		delete(s.chans, ch)
		close(ch)
	}
}

// Publish never waits: who is a whole buffer behind loses the oldest event.
func (s *Subscribers) Publish(events []samvirke.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.chans {
		for _, e := range events {
			for sent := false; !sent; {
				select {
				case ch <- e:
					sent = true
				default:
					select {
					case <-ch:
					default:
					}
				}
			}
		}
	}
}

// Close ends all channels; those added after it are closed from the beginning.
func (s *Subscribers) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for ch := range s.chans {
		delete(s.chans, ch)
		close(ch)
	}
}

// None tells whether nobody listens.
func (s *Subscribers) None() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.chans) == 0
}
