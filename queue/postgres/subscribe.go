package postgres

import (
	"sync"

	"github.com/samvirke/samvirke"
)

// subscribers hand committed events on. Only the writer publishes, so order is that of the commits.
type subscribers struct {
	mu     sync.Mutex
	chans  map[chan samvirke.Event]bool
	closed bool
}

func newSubscribers() *subscribers { return &subscribers{chans: map[chan samvirke.Event]bool{}} }

func (s *subscribers) add(buffer int) (<-chan samvirke.Event, func()) {
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

func (s *subscribers) remove(ch chan samvirke.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chans[ch] {
		delete(s.chans, ch)
		close(ch)
	}
}

// publish never waits: who is a whole buffer behind loses the oldest event.
func (s *subscribers) publish(events []samvirke.Event) {
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

func (s *subscribers) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for ch := range s.chans {
		delete(s.chans, ch)
		close(ch)
	}
}
