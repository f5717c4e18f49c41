package postgres

import (
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestPauseByAnotherClock: a delivery waits for as long as its gateway said, whatever the clocks of the two show.
func TestPauseByAnotherClock(t *testing.T) {
	const pause = 400 * time.Millisecond
	for name, off := range map[string]time.Duration{"fast": 10 * time.Minute, "slow": -10 * time.Minute, "right": 0} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{})
			clock := func() time.Time { return time.Now().Add(off) }
			waited := func(what string, token int64) int64 {
				t.Helper()
				began := time.Now()
				u := unit("m", "p")
				if u.Now = clock(); token == 0 {
					u.Deliveries[0].DueAt = u.Now.Add(pause)
				} else {
					u = &queue.Unit{Now: u.Now, Steps: []queue.DeliveryStep{{ID: "dm", Token: token, To: samvirke.DeliveryWaiting, DueAt: u.Now.Add(pause)}}}
				}
				commit(t, s, u)
				got := lease(t, s, time.Minute, "dm")
				// Not by much of this machine's time either: others work on it.
				if took := time.Since(began); took < pause || took > pause+patience/2 {
					t.Errorf("%s waited for %s instead of %s", what, took, pause)
				}
				return got.Token
			}
			token := waited("a new one", 0)
			token = waited("one that was tried", token)

			// What is given back is due at once.
			now := clock()
			commit(t, s, &queue.Unit{Now: now, Steps: []queue.DeliveryStep{{ID: "dm", Token: token, To: samvirke.DeliveryWaiting, DueAt: now}}})
			lease(t, s, time.Minute, "dm")
		})
	}
}
