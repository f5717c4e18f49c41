package gateway

import (
	"context"
	"time"

	"github.com/sony/gobreaker/v2"
)

// acquire waits for one free slot and takes all that may be taken now. Only the lane's own loop calls it.
func (l *lane) acquire(ctx context.Context) (int, bool) {
	for {
		select {
		case <-ctx.Done():
			return 0, false
		case l.slots <- struct{}{}:
		}
		if l.breaker.State() != gobreaker.StateClosed {
			return 1, true // the one trial
		}
		// Asked only now: when the breaker is seen closed, it is known since when.
		if width := l.width(); len(l.slots) <= width {
			return l.acquireMore(width), true
		}
		l.release(1)
		pause(ctx, rampLook)
	}
}

// acquireMore takes the free slots beside the one that is taken, until width of them are in use.
func (l *lane) acquireMore(width int) (n int) {
	for n = 1; len(l.slots) < width; n++ {
		select {
		case l.slots <- struct{}{}:
		default:
			return n
		}
	}
	return n
}

// width is how many deliveries may be on the wire at once now.
func (l *lane) width() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return ramp(cap(l.slots), l.closedAt, l.g.now())
}

func (l *lane) release(n int) {
	for range n {
		<-l.slots
	}
}

// waitForBreaker holds the whole party back while its breaker is open, or half-open with its one
// trial on the way.
func (l *lane) waitForBreaker(ctx context.Context) bool {
	for {
		var wait time.Duration
		switch l.breaker.State() {
		case gobreaker.StateOpen:
			l.mu.Lock()
			wait = max(l.openUntil.Sub(l.g.now()), time.Millisecond)
			l.mu.Unlock()
		case gobreaker.StateHalfOpen:
			if l.inFlight.Load() == 0 {
				return true
			}
			wait = 10 * time.Millisecond
		default:
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}

// passage is the way of one delivery over the wire, from its slot to its stored outcome.
type passage struct {
	l     *lane
	early bool
}

// endingTimes is how many times as many outcomes are stored at once as there are slots. A party that answers at once, as a hospital that
// takes receipts, needs several: each waits for a sync, and the more wait together the less each costs. What a crash takes of them is sent again.
const endingTimes = 4

// answered gives the slot to the next delivery while the outcome of this one is stored: a slot is for the wire, and the other
// side has nothing to do with how long our disk takes. No more outcomes than endingTimes the slots are under way so; with more the
// slot is kept, so that a slow disk slows the sending down.
func (p *passage) answered() {
	select {
	case p.l.ending <- struct{}{}:
		p.early = true
		p.l.leaveWire()
	default:
	}
}

// end gives back what the delivery still holds.
func (p *passage) end() {
	if p.early {
		<-p.l.ending
		return
	}
	p.l.leaveWire()
}

func (l *lane) leaveWire() {
	l.inFlight.Add(-1)
	l.release(1)
}
