package gateway

import (
	"sync"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
)

// maxSingles bounds the deliveries remembered as having one receiver, per generation: what two receivers that are down for
// half a minute leave waiting at 500 messages a second, in under 2 MB. What is forgotten is read from the store when its receipt comes.
const maxSingles = 32_768

// singles remembers which deliveries have no more than one receiver at their party, so that their receipts cost no
// reading of the message: nearly all do, also where the message itself names several parties.
type singles struct {
	mu       sync.Mutex
	now, old map[uuid.UUID]struct{} // by delivery id; old is the generation before
}

// add remembers a delivery; an id that is no UUID is not one that the gateway gives.
func (s *singles) add(delivery string) {
	id, err := uuid.Parse(delivery)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || len(s.now) >= maxSingles {
		s.old, s.now = s.now, make(map[uuid.UUID]struct{}, min(len(s.now), maxSingles))
	}
	s.now[id] = struct{}{}
}

func (s *singles) has(delivery string) bool {
	id, err := uuid.Parse(delivery)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.now[id]; ok {
		return true
	}
	_, ok := s.old[id]
	return ok
}

// noteReceivers remembers of a delivery just made whether it has one receiver.
func (g *Gateway) noteReceivers(d *samvirke.Delivery, env *samvirke.Envelope) {
	if d.Purpose == samvirke.PurposeForward && len(g.receiversIn(d, env)) < 2 {
		g.singles.add(d.ID)
	}
}
