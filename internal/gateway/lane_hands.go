package gateway

import (
	"sync"
	"sync/atomic"

	"github.com/samvirke/samvirke/queue"
)

// restingHands is how many goroutines of a lane wait for the next delivery. Sending goes deep (client,
// TLS, parser of the answer), and a goroutine made anew for each delivery would grow its stack each
// time. More than these come and go with the load.
const restingHands = 8

// hands runs deliveries side by side, on goroutines that are used again. How many run at a time is
// bounded by the caller. It is used by one goroutine.
type hands struct {
	run     func(queue.Leased)
	work    chan queue.Leased
	wg      sync.WaitGroup
	resting atomic.Int32
}

// do runs one delivery and returns at once.
func (h *hands) do(d queue.Leased) {
	select {
	case h.work <- d:
	default:
		h.wg.Go(func() { h.loop(d) })
	}
}

func (h *hands) loop(d queue.Leased) {
	for {
		h.run(d)
		if h.resting.Add(1) > restingHands {
			h.resting.Add(-1)
			return
		}
		next, ok := <-h.work
		h.resting.Add(-1)
		if !ok {
			return
		}
		d = next
	}
}

// stop waits for all that runs.
func (h *hands) stop() {
	close(h.work)
	h.wg.Wait()
}
