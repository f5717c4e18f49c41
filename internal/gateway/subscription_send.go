package gateway

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// faultSubscription is the fault of the notification with which a subscription came into error.
const faultSubscription = "subscription-error"

// directed is a Sender that can send to another address of the same machine.
type directed interface {
	SendTo(ctx context.Context, d samvirke.Delivery, url string) (connectors.Result, error)
}

// ofDelivery finds the subscription that a delivery tells; nil for all else. own says that it is one of a subscription,
// whether that is still there or not.
func (b *book) ofDelivery(d *samvirke.Delivery) (s *subscriber, own bool) {
	if d.Purpose != samvirke.PurposeNotice {
		return nil, false
	}
	id, own := strings.CutPrefix(d.Rule, ruleSubscription)
	if !own {
		return nil, false
	}
	return b.find(id), true
}

func handshakeID(st *Subscription) string { return fmt.Sprintf("%s-handshake-%d", st.ID, st.Try) }

// fate is what becomes of a notification that was leased.
type fate int

const (
	fateDrop fate = iota // it must not be told any more: it stands among the events
	fateWait             // a handshake comes first
	fateSend
)

func fateOf(st *Subscription, d *samvirke.Delivery) fate {
	shake := d.Kind == fhir.NotifyHandshake
	switch {
	case st == nil, st.Status == SubscriptionOff, st.Status == SubscriptionError, shake && (st.Status != SubscriptionRequested || d.ExternalID != handshakeID(st)):
		return fateDrop
	case !shake && st.Status == SubscriptionRequested:
		return fateWait
	}
	return fateSend
}

// fate looks what a subscription makes of a notification. A delivery can be leased between the commit that queues it and the
// moment when what that unit made of the subscription is known here. Whoever changes a subscription holds it for so long: so
// what would not be sent is asked again when nobody holds it. A handshake dropped for a state that is over is never made anew.
func (l *lane) fate(d *samvirke.Delivery, s *subscriber) (*Subscription, fate) {
	if s == nil {
		return nil, fateDrop
	}
	st := s.state.Load()
	if f := fateOf(st, d); f == fateSend {
		return st, f
	}
	if err := s.lock(context.Background(), l.g.store); err != nil {
		if s.gone(err) {
			return nil, fateDrop
		}
		return st, fateWait
	}
	defer s.mu.Unlock()
	st = s.state.Load()
	return st, fateOf(st, d)
}

// sendNotice is one attempt to tell a subscriber. What must not be told any more is given up: it stands among the
// events. What waits for a handshake waits.
func (l *lane) sendNotice(d queue.Leased, s *subscriber) {
	at := l.g.now()
	st, what := l.fate(&d.Delivery, s)
	switch what {
	case fateDrop:
		l.dropNotice(d, at)
		return
	case fateWait:
		_ = l.commit(&queue.Unit{Now: at, Steps: []queue.DeliveryStep{{
			ID: d.ID, Token: d.Token, To: samvirke.DeliveryWaiting, DueAt: at.Add(l.g.o.Subscriptions.Retry.First), Fault: d.Fault, FaultText: d.FaultText,
		}}}, d, nil)
		return
	case fateSend:
	}
	start := time.Now()
	res, err := l.sendToSubscriber(d, st)
	a := &samvirke.Attempt{DeliveryID: d.ID, Number: d.Attempts + 1, At: at, Took: time.Since(start), Answer: res.Answer}
	held := errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)
	old := l.g.now().Sub(d.CreatedAt) > l.g.o.Subscriptions.Retry.MaxAge
	switch {
	case held && !old:
		l.postpone(d)
	case held:
		l.noticeFailed(d, s, a, &samvirke.Fault{Class: samvirke.Transient, Code: "party-down", Safe: "the party cannot be reached"})
	case err != nil:
		l.remember(err)
		l.noticeFailed(d, s, a, samvirke.FaultOf(err))
	default:
		l.remember(nil)
		l.noticeTaken(d, s, a, res)
	}
}

// sendToSubscriber puts the bytes on the wire. An address of the subscriber's own has no part in the breaker of the party: one that
// does not answer must not stop the messages to the party.
func (l *lane) sendToSubscriber(d queue.Leased, st *Subscription) (connectors.Result, error) {
	send := l.Sender.Send
	own := false
	if x, ok := l.Sender.(directed); ok && st.Endpoint != "" && st.Endpoint != l.Endpoint {
		own = true
		send = func(ctx context.Context, d samvirke.Delivery) (connectors.Result, error) {
			return x.SendTo(ctx, d, st.Endpoint)
		}
	}
	limit := l.SendTimeout
	if t := time.Duration(st.Timeout) * time.Second; t > 0 && t < limit {
		limit = t
	}
	once := func() (connectors.Result, error) {
		if st.Content == ContentFull && d.Kind != fhir.NotifyHandshake && d.Kind != fhir.NotifyHeartbeat {
			full, err := l.g.withResources(l, d.Delivery)
			if err != nil {
				return connectors.Result{}, err
			}
			d.Body = full
		}
		return l.sendBy(d.Delivery, limit, send)
	}
	if own {
		return once()
	}
	return l.breaker.Execute(once)
}

// withResources puts the plan into a notification, as its reader may see it now; nothing when nothing may be seen.
func (g *Gateway) withResources(l *lane, d samvirke.Delivery) ([]byte, error) {
	b, err := fhir.ParseBundle(d.Body)
	if err != nil {
		return nil, err
	}
	w := g.plans.workspace()
	defer g.plans.release(w)
	st, err := g.plans.get(context.Background(), &g.loader, d.Patient, w)
	if err != nil {
		return nil, &samvirke.Fault{Class: samvirke.Transient, Code: "unavailable", Safe: "the store cannot be read", Err: err}
	}
	records := st.records.Records(&w.scratch)
	keys := []string{d.Patient}
	if len(st.kinPlans()) > 0 {
		keys = careplan.Class(records, d.Patient)
	}
	v := g.ViewerOf(l.Party.Party, keys...)
	all := g.loader.fold(records, d.Patient, st)
	if ok, _ := all.Allowed(v); !ok {
		return d.Body, nil
	}
	view := careplan.FoldWith(records, g.loader.viewOptions(st, d.Patient, v)).Export(g.PlanID)
	if view == nil {
		return d.Body, nil
	}
	plan := view.First("CarePlan")
	for _, e := range b.Root.Get("entry").Items() {
		if strings.HasSuffix(e.Get("fullUrl").Text(), "/CarePlan/"+g.PlanID(d.Patient)) && plan != nil {
			e.Set("resource", plan)
		}
	}
	return b.Root.Bytes(), nil
}

// dropNotice ends a notification that is no longer to be sent.
func (l *lane) dropNotice(d queue.Leased, at time.Time) {
	_ = l.commit(&queue.Unit{Now: at, Steps: []queue.DeliveryStep{{
		ID: d.ID, Token: d.Token, To: samvirke.DeliveryGivenUp, Fault: "subscription-not-active",
		FaultText: "the subscription is not active: its events can be asked for",
	}}, Events: []samvirke.Event{l.event(d, at, samvirke.EventGivenUp, "subscription not active")}}, d, nil)
}

// noticeFailed waits and tries again, whatever the fault: what a subscriber answers today it may take tomorrow. After
// the age limit the subscription is in error, and a person is told.
func (l *lane) noticeFailed(d queue.Leased, s *subscriber, a *samvirke.Attempt, f *samvirke.Fault) {
	now, r := l.g.now(), l.g.o.Subscriptions.Retry
	a.Class, a.Fault, a.FaultText = f.Class, f.Code, faultText(f)
	due := now.Add(max(r.pause(a.Number, rand.Float64), min(f.RetryAfter, maxRetryAfter)))
	if due.Sub(d.CreatedAt) <= r.MaxAge {
		if a.Number == 1 || d.Fault != f.Code {
			l.g.log.Info("notification failed", "delivery_id", d.ID, "party", l.ID, "attempt", a.Number, "class", f.Class, "code", f.Code)
		}
		_ = l.commit(&queue.Unit{Now: now, Steps: []queue.DeliveryStep{{
			ID: d.ID, Token: d.Token, To: samvirke.DeliveryWaiting, DueAt: due, Fault: f.Code, FaultText: faultText(f), Attempt: a,
		}}, Events: []samvirke.Event{l.event(d, now, samvirke.EventWaiting, f.Code)}}, d, a)
		return
	}
	for {
		err := l.stored(d, func() error { return l.intoError(d, s, a, f) })
		if !raced(err) {
			if err != nil && !errors.Is(err, queue.ErrClosed) && !errors.Is(err, queue.ErrNotFound) {
				l.g.log.Error("store that a subscription is in error", "delivery_id", d.ID, "party", l.ID, "err", err)
			}
			return
		}
	}
}

func (l *lane) intoError(d queue.Leased, s *subscriber, a *samvirke.Attempt, f *samvirke.Fault) error {
	if err := s.lock(context.Background(), l.g.store); err != nil {
		return err
	}
	defer s.mu.Unlock()
	now, st := l.g.now(), s.state.Load()
	if st.Status == SubscriptionError || st.Status == SubscriptionOff {
		l.dropNotice(d, now)
		return nil
	}
	next := *st
	next.Status, next.Fault, next.Stopped, next.Updated = SubscriptionError, f.Code, d.ID, now
	next.Version++
	text := "no notification was taken within " + l.g.o.Subscriptions.Retry.MaxAge.String() + ": " + faultText(f) +
		". Nothing more is sent until the subscriber asks for it; ask the party to mend its end and to set its subscription to requested"
	l.g.log.Error("a subscription is in error", "party", l.ID, "delivery_id", d.ID, "code", f.Code)
	return s.commit(context.Background(), l.g.store, &queue.Unit{Now: now,
		Steps:  []queue.DeliveryStep{{ID: d.ID, Token: d.Token, To: samvirke.DeliveryStopped, Fault: faultSubscription, FaultText: text, Attempt: a}},
		Events: []samvirke.Event{l.event(d, now, samvirke.EventStopped, faultSubscription+": "+f.Code), l.event(d, now, samvirke.EventAttention, faultSubscription)},
	}, &next)
}

// noticeTaken stores that the subscriber has taken a notification. A handshake taken makes the subscription active.
func (l *lane) noticeTaken(d queue.Leased, s *subscriber, a *samvirke.Attempt, res connectors.Result) {
	now := l.g.now()
	u := func() *queue.Unit {
		return &queue.Unit{Now: now, Steps: []queue.DeliveryStep{{ID: d.ID, Token: d.Token, To: samvirke.DeliverySent, Attempt: a}},
			Events: []samvirke.Event{l.event(d, now, samvirke.EventSent, res.Answer)}}
	}
	if d.Kind != fhir.NotifyHandshake {
		l.g.m.endToEnd.Observe(now.Sub(d.CreatedAt).Seconds())
		_ = l.commit(u(), d, a)
		return
	}
	for {
		err := l.stored(d, func() error { return l.activate(d, s, u()) })
		if !raced(err) {
			if err != nil && !errors.Is(err, queue.ErrClosed) && !errors.Is(err, queue.ErrNotFound) {
				l.g.log.Error("store that a subscription is active", "delivery_id", d.ID, "party", l.ID, "err", err)
			}
			return
		}
	}
}

// maxCatchUp is how many events that came during a handshake are sent after it; those before them are asked for.
const maxCatchUp = 1000

// activate makes a subscription active and sends what happened since the handshake was made.
func (l *lane) activate(d queue.Leased, s *subscriber, u *queue.Unit) error {
	ctx := context.Background()
	if err := s.lock(ctx, l.g.store); err != nil {
		return err
	}
	defer s.mu.Unlock()
	st := s.state.Load()
	if st.Status != SubscriptionRequested || d.ExternalID != handshakeID(st) {
		_, err := l.g.store.Commit(ctx, u) // an old handshake: the bytes were taken, and that is all
		return err
	}
	next := *st
	next.Status, next.Fault, next.Stopped, next.Updated = SubscriptionActive, "", "", u.Now
	next.Version++
	if st.Stopped != "" {
		if old, err := withoutBody(l.g.store.Delivery(ctx, st.Stopped)); err == nil && old.State == samvirke.DeliveryStopped {
			u.Steps = append(u.Steps, queue.DeliveryStep{ID: old.ID, From: []samvirke.DeliveryState{samvirke.DeliveryStopped}, To: samvirke.DeliveryGivenUp,
				Fault: old.Fault, FaultText: "the subscriber has set its subscription to requested again"})
		}
	}
	if err := l.g.catchUp(ctx, u, s, &next); err != nil {
		return err
	}
	err := s.commit(ctx, l.g.store, u, &next)
	if errors.Is(err, queue.ErrState) {
		return fmt.Errorf("a person was faster: %w", queue.ErrCounter) // with the stopped delivery: look again
	}
	return err
}

// catchUp queues the events that came while the handshake was on its way, those of one plan together. s is held.
func (g *Gateway) catchUp(ctx context.Context, u *queue.Unit, s *subscriber, st *Subscription) error {
	most := st.MaxCount
	if most == 0 {
		most = DefaultNoticeCount
	}
	known := *st
	known.Last = s.last
	events, err := g.SubscriptionEvents(ctx, &known, st.From+1, s.last, maxCatchUp)
	if err != nil {
		return err
	}
	var plans []string
	byPlan := map[string][]SubscriptionEvent{}
	for _, e := range events {
		if byPlan[e.Plan] == nil {
			plans = append(plans, e.Plan)
		}
		byPlan[e.Plan] = append(byPlan[e.Plan], e)
	}
	for _, plan := range plans {
		patient, err := g.store.Setting(ctx, PlanSetting(plan))
		if err != nil {
			return fmt.Errorf("find the plan of an event: %w", err)
		}
		h := &hit{s: s, plan: plan, patient: patient}
		for list := byPlan[plan]; len(list) > 0; list = list[min(most, len(list)):] {
			g.addNotice(u, st, s.last, h, list[:min(most, len(list))])
		}
	}
	return nil
}

// sendBy sends within a limit, and turns a panic into a fault.
func (l *lane) sendBy(d samvirke.Delivery, limit time.Duration, send func(context.Context, samvirke.Delivery) (connectors.Result, error)) (res connectors.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			l.g.log.Error("sender panic", "delivery_id", d.ID, "party", l.ID, "stack", string(debug.Stack()))
			err = &samvirke.Fault{Class: samvirke.Permanent, Code: "internal-error", Safe: "sending failed inside the gateway"}
		}
	}()
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, l.late)
	defer cancel()
	return send(ctx, d)
}
