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
// its own pace, oldest first, and begins with little. Each gateway counts for itself: where several share a store, the party gets
// as many times more.

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

// expired tells by which rule of the party a delivery has lost its meaning; nil: by none.
func (l *lane) expired(d *queue.Leased, at time.Time) *Expiry {
	if d.Purpose == samvirke.PurposeReceipt || d.Err != nil {
		return nil // an answer is owed; what cannot be read waits for a person
	}
	if _, own := l.g.book.ofDelivery(&d.Delivery); own {
		return nil // a subscription has its own end
	}
	i := slices.IndexFunc(l.Expire, func(e Expiry) bool { return e.After > 0 && at.Sub(d.CreatedAt) > e.After && e.holds(d.Kind) })
	if i < 0 {
		return nil
	}
	return &l.Expire[i]
}

// expireTogether is how many deliveries that have lost their meaning are looked for and given up at once.
const expireTogether = 64

// unexpired gives what of a batch is to be sent, most at most: what has lost its meaning is given up first, before it takes a turn
// or stands for the one trial of a party that was down. After a batch that was all of that kind more are leased than may be sent,
// so that a party which comes back after long is not sent nothing for hours; what is too much is given back.
func (l *lane) unexpired(batch []queue.Leased, most int) []queue.Leased {
	l.more = 0
	if len(l.Expire) > 0 && !l.paused() {
		at := l.g.now()
		var gone, rest []queue.Leased
		for _, d := range batch {
			if l.expired(&d, at) != nil {
				gone = append(gone, d)
			} else {
				rest = append(rest, d)
			}
		}
		if l.giveUp(gone, at); len(gone) > 0 && len(rest) == 0 {
			l.more = expireTogether
		}
		batch = rest
	}
	if len(batch) > most {
		l.giveBack(batch[most:])
		batch = batch[:most]
	}
	return batch
}

// giveUp gives deliveries up that have lost their meaning, by the party's rule: all in one unit, or each alone when one of them
// has gone another way meanwhile. The lanes go on; the story says why.
func (l *lane) giveUp(gone []queue.Leased, at time.Time) {
	if len(gone) == 0 {
		return
	}
	u := &queue.Unit{Now: at}
	for i := range gone {
		d := &gone[i]
		after := l.expired(d, at).After.String()
		text := "not delivered within " + after + ", after which it has lost its meaning by the party's rule"
		u.Steps = append(u.Steps,
			queue.DeliveryStep{ID: d.ID, Token: d.Token, To: samvirke.DeliveryStopped, Fault: faultExpired, FaultText: text},
			queue.DeliveryStep{ID: d.ID, From: []samvirke.DeliveryState{samvirke.DeliveryStopped}, To: samvirke.DeliveryGivenUp, Fault: faultExpired, FaultText: text})
		u.Events = append(u.Events, l.event(*d, at, samvirke.EventGivenUp, "expired after "+after))
	}
	if len(gone) == 1 {
		if l.commit(u, gone[0], nil) == nil {
			l.g.log.Info("delivery expired", "delivery_id", gone[0].ID, "party", l.ID)
		}
		return
	}
	if err := l.stored(gone[0], func() error { return l.commitOnce(u, gone[0], nil) }); err != nil {
		for i := range gone {
			l.giveUp(gone[i:i+1], at)
		}
		return
	}
	for i := range gone {
		l.g.log.Info("delivery expired", "delivery_id", gone[i].ID, "party", l.ID)
	}
}

// holds tells whether the rule is about a kind.
func (e *Expiry) holds(kind string) bool {
	return len(e.Kinds) == 0 || slices.ContainsFunc(e.Kinds, func(k string) bool {
		stem, all := strings.CutSuffix(k, "*")
		return k == kind || all && strings.HasPrefix(kind, stem)
	})
}
