package gateway

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// How much a party is sent at a time. A party that was away finds a backlog waiting, all of it due at once: it gets it at
// its own pace, oldest first, and begins with little.

// Pace bounds what a party is sent. Zero fields are no bounds.
type Pace struct {
	// PerSecond is the most deliveries a second.
	PerSecond float64
	// RetriesPerMinute is the retry budget: attempts after the first, over all lanes of the party. A lane over it
	// waits a little longer; first attempts are not held back by it.
	RetriesPerMinute int
}

// Expiry is when messages of some kinds have lost their meaning: a delivery older than that is given up instead of sent.
type Expiry struct {
	// Kinds are message kinds; LOG_* means all that begin so. Empty: all.
	Kinds []string
	// After is the age of the delivery.
	After time.Duration
}

// limits are the bounds of one party at work.
type limits struct {
	send, retry *rate.Limiter // nil: no bound
}

func limitsOf(p Pace) (out limits) {
	if p.PerSecond > 0 {
		out.send = rate.NewLimiter(rate.Limit(p.PerSecond), 1)
	}
	if n := p.RetriesPerMinute; n > 0 {
		out.retry = rate.NewLimiter(rate.Every(time.Minute/time.Duration(n)), n)
	}
	return out
}

// batch is how many deliveries may be leased at once: with a bound a second's worth, so that none waits for its turn
// longer than its lease.
func (b *limits) batch(free int) int {
	if b.send == nil {
		return free
	}
	return max(1, min(free, int(b.send.Limit())))
}

// turn waits until one more may be sent; false when ctx ended.
func (b *limits) turn(ctx context.Context) bool {
	return b.send == nil || b.send.Wait(ctx) == nil
}

// rampStep is how long a party that came back is given at each number of deliveries at a time before it is doubled.
const (
	rampStep = 250 * time.Millisecond
	rampLook = 10 * time.Millisecond // how often a lane that is at its number looks again
)

// ramp is how many deliveries may be on the wire at once, of at most full: after the breaker closed it begins with two
// and doubles, so that a receiver that just came up is not met by everything at once.
func ramp(full int, closed, now time.Time) int {
	if closed.IsZero() {
		return full
	}
	steps := int(now.Sub(closed) / rampStep)
	if steps < 0 || steps > 12 {
		return full
	}
	return min(full, 2<<steps)
}

// overBudget gives a delivery back that would be tried again while the party's retry budget is used up.
func (l *lane) overBudget(d queue.Leased) bool {
	if d.Attempts == 0 || l.limits.retry == nil || l.limits.retry.Allow() {
		return false
	}
	now := l.g.now()
	due := now.Add(time.Second + rand.N(30*time.Second)) //nolint:gosec // spread, no secret
	_ = l.commit(&queue.Unit{Now: now, Steps: []queue.DeliveryStep{{
		ID: d.ID, Token: d.Token, To: samvirke.DeliveryWaiting, DueAt: due, Fault: d.Fault, FaultText: d.FaultText,
	}}}, d, nil)
	return true
}

// faultExpired is the fault of what a rule of the site gave up.
const faultExpired = "expired"

// expired gives a delivery up that has lost its meaning, by the party's rule. The lane goes on; the story says why.
func (l *lane) expired(d queue.Leased, at time.Time) bool {
	if d.Purpose == samvirke.PurposeReceipt {
		return false // an answer is owed
	}
	i := slices.IndexFunc(l.Expire, func(e Expiry) bool { return e.After > 0 && at.Sub(d.CreatedAt) > e.After && e.holds(d.Kind) })
	if i < 0 {
		return false
	}
	text := "not delivered within " + l.Expire[i].After.String() + ", after which it has lost its meaning by the party's rule"
	_ = l.commit(&queue.Unit{Now: at,
		Steps: []queue.DeliveryStep{
			{ID: d.ID, Token: d.Token, To: samvirke.DeliveryStopped, Fault: faultExpired, FaultText: text},
			{ID: d.ID, From: []samvirke.DeliveryState{samvirke.DeliveryStopped}, To: samvirke.DeliveryGivenUp, Fault: faultExpired, FaultText: text},
		},
		Events: []samvirke.Event{l.event(d, at, samvirke.EventGivenUp, "expired after "+l.Expire[i].After.String())}}, d, nil)
	l.g.log.Info("delivery expired", "delivery_id", d.ID, "party", l.ID)
	return true
}

// holds tells whether the rule is about a kind.
func (e *Expiry) holds(kind string) bool {
	return len(e.Kinds) == 0 || slices.ContainsFunc(e.Kinds, func(k string) bool {
		stem, all := strings.CutSuffix(k, "*")
		return k == kind || all && strings.HasPrefix(kind, stem)
	})
}
