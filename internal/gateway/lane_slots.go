package gateway

import (
	"context"
	"time"

	"github.com/sony/gobreaker/v2"
)

// acquire waits for one free slot and takes all that are free.
func (l *lane) acquire(ctx context.Context) (int, bool) {
	width := l.width()
	for ; width < cap(l.slots) && len(l.slots) >= width; width = l.width() {
		if pause(ctx, rampLook); ctx.Err() != nil {
			return 0, false
		}
	}
	select {
	case <-ctx.Done():
		return 0, false
	case l.slots <- struct{}{}:
	}
	n, limit := 1, width-len(l.slots)+1 // only this goroutine takes slots
	if l.breaker.State() != gobreaker.StateClosed {
		limit = 1
	}
	for n < limit {
		select {
		case l.slots <- struct{}{}:
			n++
		default:
			return n, true
		}
	}
	return n, true
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
