package gateway

import (
	"sync"

	"github.com/samvirke/samvirke"
)

// maxSingles bounds the deliveries remembered as having one receiver, per generation. It is a few seconds of full
// load; what is forgotten is read from the store when its receipt comes.
const maxSingles = 8192

// singles remembers which deliveries have no more than one receiver at their party, so that their receipts cost no
// reading of the message: nearly all do, also where the message itself names several parties.
type singles struct {
	mu       sync.Mutex
	now, old map[string]struct{} // by delivery id; old is the generation before
}

func (s *singles) add(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || len(s.now) >= maxSingles {
		s.old, s.now = s.now, make(map[string]struct{}, min(len(s.now), maxSingles))
	}
	s.now[id] = struct{}{}
}

func (s *singles) has(id string) bool {
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
