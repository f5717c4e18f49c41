package rest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/samvirke/samvirke"
)

// faultPartyBusy is for the party that would take more than its share; the others do not notice it.
var faultPartyBusy = &samvirke.Fault{Class: samvirke.Transient, Code: "party-busy",
	Safe: "too many requests of this party at a time, try again", RetryAfter: time.Second}

// shares keep one party from taking everything: of requests at a time, and of the memory for their bodies, a part is
// always left to the others.
type shares struct {
	slots, held int64 // the most for one party
	of          sync.Map
}

// share is what one party takes right now.
type share struct {
	all         *shares
	slots, held atomic.Int64
}

// keptFree is the part that one party never gets: a quarter.
const keptFree = 4

// newShares gives each party all but a quarter, and never less than one request and one body.
func newShares(slots int, held, body int64) *shares {
	most := int64(slots)
	return &shares{slots: max(1, most-most/keptFree), held: max(held-held/keptFree, body+1)}
}

func (s *shares) party(id string) *share {
	if p, ok := s.of.Load(id); ok {
		return p.(*share) //nolint:forcetypeassert // nothing else is put there
	}
	p, _ := s.of.LoadOrStore(id, &share{all: s}) // parties are those of the configuration, so there are few
	return p.(*share)                            //nolint:forcetypeassert // nothing else is put there
}

// enter takes a request of the party's share; false when it is used up.
func (p *share) enter() bool {
	if p.slots.Add(1) <= p.all.slots {
		return true
	}
	p.slots.Add(-1)
	return false
}

func (p *share) leave(held int64) {
	p.held.Add(-held)
	p.slots.Add(-1)
}

// take takes memory of the party's share.
func (p *share) take(n int64) bool {
	if p.held.Add(n) <= p.all.held {
		return true
	}
	p.held.Add(-n)
	return false
}
