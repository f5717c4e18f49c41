package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/queue"
)

// lane is the way to one party: its wire, its breaker, and what is on the wire now.
type lane struct {
	Party
	g       *Gateway
	breaker *gobreaker.CircuitBreaker[connectors.Result]
	slots   chan struct{}
	ending  chan struct{} // one for each outcome that is stored after its slot was given back
	limits  limits
	refused refusals
	more    int      // how many are leased although fewer may be sent; see unexpired
	notices bool     // the party reads plan-changed notices
	roles   []string // of the records that the party's messages make
	late    error    // the cause of a context that outlived SendTimeout

	mu        sync.Mutex
	openUntil time.Time
	closedAt  time.Time // when the breaker closed again; zero when it never was open
	lastOK    time.Time
	lastFault string
	inFlight  atomic.Int64
}

func newLane(p Party, g *Gateway) *lane {
	if p.MaxInFlight <= 0 {
		p.MaxInFlight = 16
	}
	if p.SendTimeout <= 0 {
		p.SendTimeout = 30 * time.Second
	}
	if p.Breaker.Failures == 0 {
		p.Breaker.Failures = 5
	}
	if p.Breaker.OpenFor <= 0 {
		p.Breaker.OpenFor = 5 * time.Second
	}
	p.Retry = p.Retry.withDefaults()
	l := &lane{Party: p, g: g, slots: make(chan struct{}, p.MaxInFlight), ending: make(chan struct{}, endingTimes*p.MaxInFlight), limits: limitsOf(p.Pace), roles: recordRoles(p.Party), notices: readsNotices(p.Party), late: fmt.Errorf("party did not answer within %s", p.SendTimeout)}
	l.breaker = gobreaker.NewCircuitBreaker[connectors.Result](gobreaker.Settings{
		Name: p.ID, MaxRequests: 1, Timeout: p.Breaker.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= p.Breaker.Failures },
		// Only a party that cannot be reached is down; one that refuses a message is well.
		IsSuccessful:  func(err error) bool { return err == nil || samvirke.ClassOf(err) != samvirke.Transient },
		OnStateChange: l.stateChanged,
	})
	return l
}

func readsNotices(p samvirke.Party) bool {
	return slices.ContainsFunc(p.Accepts, func(a samvirke.Accept) bool { return a.Format == route.FormatNotification })
}

func (l *lane) stateChanged(_ string, from, to gobreaker.State) {
	l.mu.Lock()
	if to == gobreaker.StateClosed {
		l.closedAt = l.g.now()
	}
	if to == gobreaker.StateOpen {
		l.openUntil = l.g.now().Add(l.Party.Breaker.OpenFor)
	}
	l.mu.Unlock()
	// Trials while a party is down are no news; that it went down or came back is.
	level := slog.LevelDebug
	if from == gobreaker.StateClosed || to == gobreaker.StateClosed {
		level = slog.LevelInfo
	}
	l.g.log.Log(context.Background(), level, "party state changed", "party", l.ID, "from", from.String(), "to", to.String())
}

// maxRetryAfter bounds the pause that the other side may ask for.
const maxRetryAfter = time.Hour

// leaseSlack is how long a lease outlives the send's own limit.
const leaseSlack = 30 * time.Second

// run hands deliveries to the wire until ctx ends, then waits for what is on the wire.
func (l *lane) run(ctx context.Context) {
	h := hands{work: make(chan queue.Leased), run: func(d queue.Leased) {
		p := passage{l: l}
		defer p.end()
		l.send(d, &p)
	}}
	defer h.stop()
	var unheld context.Context
	for {
		if !l.refused.wait(ctx) || !l.waitForBreaker(ctx) {
			return
		}
		var ok bool
		if unheld, ok = l.unheld(ctx, unheld); !ok {
			return
		}
		free, ok := l.acquire(unheld)
		if !ok {
			continue // the party is held now, or all ends: the way to the breaker tells
		}
		most := l.limits.batch(free)
		batch, err := l.g.store.Lease(unheld, l.ID, max(most, l.more), l.SendTimeout+leaseSlack)
		if err != nil {
			l.release(free)
			if over(ctx, err) {
				return
			}
			if unheld.Err() != nil {
				continue
			}
			// One delivery that cannot be read must not stop the party.
			l.g.log.Error("lease deliveries", "party", l.ID, "err", err)
			pause(ctx, redoWait)
			continue
		}
		batch = l.unexpired(batch, most)
		l.release(free - len(batch))
		if !l.hand(ctx, &h, batch) {
			return // what is leased is queued again at the next start
		}
		if l.paused() {
			unheld = nil // ask again now
		}
	}
}

// hand sends leased deliveries, each in its turn; false when ctx ended.
func (l *lane) hand(ctx context.Context, h *hands, batch []queue.Leased) bool {
	for i, d := range batch {
		if !l.limits.turn(ctx) {
			return false
		}
		// A person may have held the party when these were leased already: unheld's context may end a little after that.
		// While an outcome is refused, what were sent would be sent again.
		if l.paused() || l.refused.some() {
			l.giveBack(batch[i:])
			l.release(len(batch) - i)
			return true
		}
		l.inFlight.Add(1) // from here on, not only when it runs: a second trial would not wait for the first
		h.do(d)
	}
	return true
}

func (l *lane) paused() bool {
	is, _ := l.g.holds.now(l.ID)
	return is.Mode == HoldPaused
}

// giveBack lets go of leased deliveries: no attempt was made. They are due at once, for whoever does not hold the party
// and whose outcomes are stored.
func (l *lane) giveBack(batch []queue.Leased) {
	now := l.g.now()
	for _, d := range batch {
		_ = l.commit(&queue.Unit{Now: now, Steps: []queue.DeliveryStep{{
			ID: d.ID, Token: d.Token, To: samvirke.DeliveryWaiting, DueAt: now, Fault: d.Fault, FaultText: d.FaultText,
		}}}, d, nil)
	}
}

// send is one attempt. Once the bytes may have left, the outcome is stored even when the gateway stops.
func (l *lane) send(d queue.Leased, p *passage) {
	at := l.g.now()
	if d.Err != nil {
		l.unreadable(d, at)
		return
	}
	if s, own := l.g.book.ofDelivery(&d.Delivery); own {
		l.sendNotice(d, s)
		return
	}
	if l.expired(&d, at) != nil { // since it was leased
		l.giveUp([]queue.Leased{d}, at)
		return
	}
	if l.overBudget(d) {
		return
	}
	queue.Reach(queue.PointSend)
	start := time.Now()
	res, err := l.breaker.Execute(func() (connectors.Result, error) { return l.sendOnce(d.Delivery) })
	p.answered()
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		l.postpone(d)
		return
	}
	a := &samvirke.Attempt{DeliveryID: d.ID, Number: d.Attempts + 1, At: at, Took: time.Since(start), Answer: res.Answer}
	l.remember(err)
	if err != nil {
		if l.refusedInAnswer(d, a, res) {
			return
		}
		l.failed(d, a, samvirke.FaultOf(err))
		return
	}
	queue.Reach(queue.PointSent)
	l.taken(d, a, res)
}

func (l *lane) sendOnce(d samvirke.Delivery) (res connectors.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			l.g.log.Error("sender panic", "delivery_id", d.ID, "party", l.ID, "stack", string(debug.Stack()))
			err = &samvirke.Fault{Class: samvirke.Permanent, Code: "internal-error", Safe: "sending failed inside the gateway"}
		}
	}()
	ctx, cancel := context.WithTimeoutCause(context.Background(), l.SendTimeout, l.late)
	defer cancel()
	return l.Sender.Send(ctx, d)
}

func (l *lane) remember(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.lastOK, l.lastFault = l.g.now(), ""
		return
	}
	l.lastFault = samvirke.FaultOf(err).Code
}

// postpone gives a leased delivery back because the breaker opened meanwhile: no attempt was made.
func (l *lane) postpone(d queue.Leased) {
	l.mu.Lock()
	due := l.openUntil
	l.mu.Unlock()
	_ = l.commit(&queue.Unit{Now: l.g.now(), Steps: []queue.DeliveryStep{{
		ID: d.ID, Token: d.Token, To: samvirke.DeliveryWaiting, DueAt: due, Fault: d.Fault, FaultText: d.FaultText,
	}}}, d, nil)
}

// failed stores a failed attempt: wait and try again, or stop.
func (l *lane) failed(d queue.Leased, a *samvirke.Attempt, f *samvirke.Fault) {
	now := l.g.now()
	a.Class, a.Fault, a.FaultText = f.Class, f.Code, faultText(f)
	s := queue.DeliveryStep{ID: d.ID, Token: d.Token, Fault: f.Code, FaultText: faultText(f), Attempt: a}
	name, detail := samvirke.EventWaiting, f.Code
	due := now.Add(max(l.Retry.pause(a.Number, rand.Float64), min(f.RetryAfter, maxRetryAfter)))
	switch {
	case f.Class != samvirke.Transient && f.Class != samvirke.Internal:
		s.To, name = samvirke.DeliveryStopped, samvirke.EventStopped
	case due.Sub(d.CreatedAt) > l.Retry.MaxAge:
		s.To, name, detail = samvirke.DeliveryStopped, samvirke.EventStopped, "too-old: "+f.Code
		s.FaultText = "not delivered within " + l.Retry.MaxAge.String() + ": " + s.FaultText
	default:
		s.To, s.DueAt = samvirke.DeliveryWaiting, due
	}
	s.HoldLane = s.To == samvirke.DeliveryStopped && l.OnStop != "go-on"
	u := &queue.Unit{Now: now, Steps: []queue.DeliveryStep{s}, Events: []samvirke.Event{l.event(d, now, name, detail)}}
	if s.To == samvirke.DeliveryStopped || a.Number == 1 || d.Fault != f.Code {
		l.g.log.Info("delivery failed", "delivery_id", d.ID, "party", l.ID, "attempt", a.Number, "class", f.Class, "code", f.Code, "err", f.Err)
	}
	_ = l.commit(u, d, a) // it has said what went wrong
}

// taken stores that the bytes were taken, and the application receipt when it came in the answer.
func (l *lane) taken(d queue.Leased, a *samvirke.Attempt, res connectors.Result) {
	for raced(l.takenOnce(d, a, res)) {
		l.g.plans.drop(d.Patient)
	}
}

func (l *lane) takenOnce(d queue.Leased, a *samvirke.Attempt, res connectors.Result) error {
	now := l.g.now()
	s := queue.DeliveryStep{ID: d.ID, Token: d.Token, To: samvirke.DeliverySent, Attempt: a}
	expects := l.expects(&d.Delivery)
	if expects {
		s.ExpectBy = now.Add(l.answerWithin())
	}
	u := &queue.Unit{Now: now, Steps: []queue.DeliveryStep{s}, Events: []samvirke.Event{
		l.event(d, now, samvirke.EventSent, res.Answer), // the attempt itself tells when it began
	}}
	if expects && len(res.Body) > 0 {
		l.receiptInAnswer(u, d, res)
	}
	if !expects {
		l.g.m.endToEnd.Observe(now.Sub(d.CreatedAt).Seconds())
	}
	return l.commit(u, d, a)
}

// expects tells whether an application receipt comes back: for messages, and for notes, which are messages too.
func (l *lane) expects(d *samvirke.Delivery) bool {
	message := d.Purpose == samvirke.PurposeForward || d.Purpose == samvirke.PurposeNotice && d.Kind == kindNote
	return message && l.Receipts != samvirke.ReceiptNone && l.Receipts != ""
}

// raced tells that another one was faster: nothing is stored, and the unit must be made anew.
func raced(err error) bool {
	return errors.Is(err, queue.ErrCounter) || errors.Is(err, queue.ErrPlanVersion)
}

func (l *lane) answerWithin() time.Duration {
	if l.AnswerWithin > 0 {
		return l.AnswerWithin
	}
	return 96 * time.Hour // standards/no README 7.3 rule 4
}

// refusedInAnswer takes a negative receipt that came with an error of the transport: the content was
// refused, so sending it again would be wrong (standards/no README 7.3 rule 12).
func (l *lane) refusedInAnswer(d queue.Leased, a *samvirke.Attempt, res connectors.Result) bool {
	if len(res.Body) == 0 || !l.expects(&d.Delivery) {
		return false
	}
	now := l.g.now()
	u := &queue.Unit{Now: now, Steps: []queue.DeliveryStep{{ID: d.ID, Token: d.Token, To: samvirke.DeliverySent, Attempt: a}},
		Events: []samvirke.Event{l.event(d, now, samvirke.EventSent, res.Answer)}}
	l.receiptInAnswer(u, d, res)
	if len(u.Receipts) == 0 || u.Receipts[0].Status != samvirke.ReceiptRejected {
		return false
	}
	if raced(l.commit(u, d, a)) {
		return l.refusedInAnswer(d, a, res)
	}
	return true
}

// receiptInAnswer takes an application receipt that stands in the transport's answer. Anything else in
// it is no receipt and is left alone.
func (l *lane) receiptInAnswer(u *queue.Unit, d queue.Leased, res connectors.Result) {
	f, ok := l.g.formatOf(res.Body)
	if !ok {
		return
	}
	p, err := f.Parse(res.Body)
	if err != nil || p == nil || p.Envelope.Receipt == nil || !strings.EqualFold(p.Envelope.Receipt.OriginalID, d.ExternalID) {
		return
	}
	sent := d.Delivery
	sent.State = samvirke.DeliverySent
	sent.ExpectBy = time.Time{}
	who, err := l.g.answererOf(context.Background(), &sent, &p.Envelope)
	if err != nil {
		l.g.log.Error("earlier receipts of a delivery", "delivery_id", d.ID, "party", l.ID, "err", err)
		return // what one receiver says must not stand for all: the clock runs on
	}
	note := l.g.settle(u, &sent, p.Envelope.Receipt, who)
	u.Receipts = append(u.Receipts, l.g.receiptOf(l.ID, nil, &sent, &p.Envelope, note))
	who.mark(u)
	if err := l.g.addSeen(context.Background(), u, &sent, &p.Envelope, ""); err != nil {
		// The receipt counts all the same; that it was seen is then not known, and nothing is overwritten by it.
		l.g.log.Error("note what a receipt shows as seen", "delivery_id", d.ID, "party", l.ID, "err", err)
	}
	if first, last := &u.Steps[0], u.Steps[len(u.Steps)-1]; len(u.Steps) == 2 && last.To == samvirke.DeliveryAcknowledged {
		// Sent and acknowledged at once: one step, so that the row is written once.
		first.To, first.FaultText, first.ExpectBy = last.To, last.FaultText, time.Time{}
		u.Steps = u.Steps[:1]
	}
}

func (l *lane) event(d queue.Leased, at time.Time, name samvirke.EventName, detail string) samvirke.Event {
	return samvirke.Event{At: at, MessageID: d.MessageID, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: name, Detail: detail}
}
