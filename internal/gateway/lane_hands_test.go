package gateway

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// atLeast raises a number that several raise at once.
func atLeast(most *atomic.Int64, n int64) {
	for was := most.Load(); was < n && !most.CompareAndSwap(was, n); was = most.Load() {
	}
}

func TestHandsRunAllSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var done, now, most atomic.Int64
		h := hands{work: make(chan queue.Leased), run: func(d queue.Leased) {
			atLeast(&most, now.Add(1))
			time.Sleep(time.Second)
			now.Add(-1)
			done.Add(d.Token)
		}}
		const n = 3 * restingHands
		start := time.Now()
		for range 2 { // the second time some are used again
			for range n {
				h.do(queue.Leased{Token: 1})
			}
			time.Sleep(1500 * time.Millisecond)
			synctest.Wait()
			if got := h.resting.Load(); got != restingHands {
				t.Errorf("%d rest, want %d", got, restingHands)
			}
		}
		h.do(queue.Leased{Token: 1})
		h.stop()
		if done.Load() != 2*n+1 || most.Load() != n {
			t.Errorf("%d done, %d at a time; want %d, %d", done.Load(), most.Load(), 2*n+1, n)
		}
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("stopped after %v: the last one was not awaited, or ran after others", took)
		}
	})
}
