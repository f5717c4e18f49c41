package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/queue"
)

// Subscribe makes a subscription for a party. It is requested until the party has taken a handshake. Whether the party
// may know the plans that it names is the caller's to ask.
//
// Faults: see SubscriptionWish; all are of class Invalid.
func (g *Gateway) Subscribe(ctx context.Context, party string, w SubscriptionWish) (Subscription, error) {
	now := g.now()
	if w.Status != "" && w.Status != SubscriptionRequested && w.Status != SubscriptionActive {
		return Subscription{}, errStatus
	}
	if err := w.check(g.parties[party], now); err != nil {
		return Subscription{}, err
	}
	if err := g.makeRoom(ctx, party); err != nil {
		return Subscription{}, err
	}
	st := &Subscription{SubscriptionWish: w, ID: PlanID(g.planKey, "own-subscription/"+g.o.NewID()), Party: party,
		Status: SubscriptionRequested, Created: now, Updated: now, Version: 1, Try: 1}
	s := &subscriber{id: st.ID, party: party}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &queue.Unit{Now: now}
	g.addHandshake(u, st, 0)
	g.auditChange(u, st, "create-subscription")
	// From here on events may count on it: the handshake must find it, so it is in the book before it is in the store.
	s.state.Store(st)
	g.book.put(s)
	if err := s.commit(ctx, g.store, u, st); err != nil {
		g.book.remove(s)
		return Subscription{}, err
	}
	return *st, nil
}

// makeRoom takes away the oldest subscription of a party that is off when it has as many as it may.
func (g *Gateway) makeRoom(ctx context.Context, party string) error {
	subs := g.book.of(party)
	if len(subs) < MaxSubscriptions {
		return nil
	}
	for _, s := range subs {
		if s.state.Load().Status == SubscriptionOff {
			return g.discard(ctx, s)
		}
	}
	return errTooMany
}

// ChangeSubscription puts a wish in the place of what a party asked for before. Version, when not 0, is the one that the party has
// seen. With the status requested, or active when it is not, it is reactivated: by a handshake as at first. With the
// status off it ends. It goes on as it is when it is active, stays so and goes to the same place.
func (g *Gateway) ChangeSubscription(ctx context.Context, party, id string, version int64, w SubscriptionWish) (Subscription, error) {
	return g.change(ctx, party, id, "update-subscription", func(s *subscriber, u *queue.Unit) (*Subscription, error) {
		st, now := s.state.Load(), u.Now
		if version != 0 && version != st.Version {
			return nil, errChanged
		}
		switch w.Status {
		case "", SubscriptionRequested, SubscriptionActive, SubscriptionOff:
		default:
			return nil, errStatus
		}
		wish := w
		if wish.Status == SubscriptionOff && !wish.End.IsZero() && !wish.End.After(now) {
			wish.End = time.Time{}
		}
		if err := wish.check(g.parties[party], now); err != nil {
			return nil, err
		}
		next := *st
		next.SubscriptionWish, next.Updated = wish, now
		next.Version++
		switch {
		case w.Status == SubscriptionOff:
			next.Status, next.Fault = SubscriptionOff, ""
		case w.Status == SubscriptionActive && st.Status == SubscriptionActive && wish.Endpoint == st.Endpoint:
		default:
			next.Status, next.Fault, next.From = SubscriptionRequested, "", s.last
			next.Try++
			g.addHandshake(u, &next, s.last)
		}
		return &next, nil
	})
}

// EndSubscription turns a subscription off. Its events go on being counted and can be asked for until it is forgotten.
func (g *Gateway) EndSubscription(ctx context.Context, party, id string) (Subscription, error) {
	return g.change(ctx, party, id, "delete-subscription", func(s *subscriber, u *queue.Unit) (*Subscription, error) {
		next := *s.state.Load()
		if next.Status == SubscriptionOff {
			return nil, nil
		}
		next.Status, next.Fault, next.Updated = SubscriptionOff, "", u.Now
		next.Version++
		return &next, nil
	})
}

// change changes one subscription of a party; f gives nil when nothing is to change.
func (g *Gateway) change(ctx context.Context, party, id, action string, f func(*subscriber, *queue.Unit) (*Subscription, error)) (Subscription, error) {
	s := g.book.find(id)
	if s == nil || s.party != party {
		if _, err := g.SubscriptionOf(ctx, party, id); err != nil {
			return Subscription{}, err
		}
		return Subscription{}, errAutomatic
	}
	for {
		out, err := g.changeOnce(ctx, s, action, f)
		if !raced(err) {
			return out, err
		}
	}
}

func (g *Gateway) changeOnce(ctx context.Context, s *subscriber, action string, f func(*subscriber, *queue.Unit) (*Subscription, error)) (Subscription, error) {
	if err := s.lock(ctx, g.store); err != nil {
		return Subscription{}, err
	}
	defer s.mu.Unlock()
	u := &queue.Unit{Now: g.now()}
	next, err := f(s, u)
	if err != nil {
		return Subscription{}, err
	}
	if next != nil {
		g.auditChange(u, next, action)
		if err := s.commit(ctx, g.store, u, next); err != nil {
			return Subscription{}, err
		}
	}
	out := *s.state.Load()
	out.Last = s.last
	return out, nil
}

func (g *Gateway) auditChange(u *queue.Unit, st *Subscription, action string) {
	u.Audit = append(u.Audit, samvirke.Audit{At: u.Now, Who: st.Party, Action: action, Object: st.ID})
}

// addHandshake asks the subscriber whether it hears us. It is never counted.
func (g *Gateway) addHandshake(u *queue.Unit, st *Subscription, last int64) {
	d := g.noticeOf(u, st, fhir.NotifyHandshake, last, &hit{}, nil)
	d.ExternalID = handshakeID(st)
	g.queueNotice(u, d)
}

// beat is the job that looks after subscriptions: heartbeats, and those that are over.
func (g *Gateway) beat(ctx context.Context) error {
	var errs []error
	for _, s := range g.book.all() {
		if ctx.Err() != nil {
			return nil
		}
		if err := g.beatOne(ctx, s); err != nil && !raced(err) && !over(ctx, err) {
			errs = append(errs, fmt.Errorf("subscription of %s: %w", s.party, err))
		}
	}
	return errors.Join(errs...)
}

func (g *Gateway) beatOne(ctx context.Context, s *subscriber) error {
	st, now := s.state.Load(), g.now()
	over := !st.End.IsZero() && !st.End.After(now) && st.Status != SubscriptionOff
	if !over && (st.Heartbeat == 0 || st.Status != SubscriptionActive) {
		return nil
	}
	if err := s.lock(ctx, g.store); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.state.Load() != st && !over {
		return nil // the next round looks again
	}
	next := *s.state.Load()
	u := &queue.Unit{Now: now}
	switch {
	case over:
		next.Status, next.Fault, next.Updated = SubscriptionOff, "ended", now
		next.Version++
		g.auditChange(u, &next, "subscription-ended")
	case now.Sub(s.lastOut()) < time.Duration(st.Heartbeat)*time.Second:
		return nil
	default:
		if open, err := g.open(ctx, st.BeatID); open || err != nil {
			return err // one is on its way: when it gets too old, the subscription is in error
		}
		d := g.noticeOf(u, st, fhir.NotifyHeartbeat, s.last, &hit{}, nil)
		next.Beat, next.BeatID = now, d.ID
		d.ExternalID = st.ID + "-heartbeat-" + d.ID
		g.queueNotice(u, d)
	}
	return s.commit(ctx, g.store, u, &next)
}

// open tells whether a delivery is still on its way.
func (g *Gateway) open(ctx context.Context, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	d, err := withoutBody(g.store.Delivery(ctx, id))
	if errors.Is(err, queue.ErrNotFound) {
		return false, nil
	}
	switch d.State {
	case samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliveryWaiting:
		return true, err
	}
	return false, err
}

// discardOld is the job that takes away events that need not be kept, and subscriptions that have been off as long.
func (g *Gateway) discardOld(ctx context.Context) error {
	limit := g.now().Add(-g.o.Subscriptions.KeepEvents)
	for _, s := range g.book.all() {
		st := s.state.Load()
		if st.Status == SubscriptionOff && st.Updated.Before(limit) {
			if err := g.discard(ctx, s); err != nil && !raced(err) {
				return err
			}
			continue
		}
		if err := g.discardEvents(ctx, s, limit); err != nil && !raced(err) {
			return err
		}
	}
	return nil
}

// discardEvents empties the pages whose events are all older than limit; numbers are never given again.
func (g *Gateway) discardEvents(ctx context.Context, s *subscriber, limit time.Time) error {
	if err := s.lock(ctx, g.store); err != nil {
		return err
	}
	defer s.mu.Unlock()
	next, u := *s.state.Load(), &queue.Unit{Now: g.now()}
	for ; next.Kept < pageOf(s.last) && len(u.Settings) < queue.MaxPage; next.Kept++ {
		page, err := readPage(ctx, g.store, s.id, next.Kept)
		if err != nil {
			return err
		}
		if n := len(page); n > 0 && !page[n-1].At.Before(limit) {
			break
		}
		note(u, pageSetting(s.id, next.Kept), "")
	}
	if len(u.Settings) == 0 {
		return nil
	}
	return s.commit(ctx, g.store, u, &next)
}

// discard takes a subscription away for good.
func (g *Gateway) discard(ctx context.Context, s *subscriber) error {
	if err := s.lock(ctx, g.store); err != nil {
		return err
	}
	defer s.mu.Unlock()
	u := &queue.Unit{Now: g.now(), Settings: map[string]string{ownSetting(s.id): ""}, Counters: []queue.CounterStep{{Name: turnCounter(s.id), Expect: s.turn}}}
	for page := s.state.Load().Kept; page <= pageOf(s.last); page++ {
		u.Settings[pageSetting(s.id, page)] = ""
	}
	g.auditChange(u, s.state.Load(), "forget-subscription")
	s.stale = true
	if _, err := g.store.Commit(ctx, u); err != nil {
		return err
	}
	g.book.remove(s)
	return nil
}

// blank takes the id of an erased person's plan out of the subscriptions: the numbers stay, what they were about
// does not. A subscription to that plan alone is off from then on. It needs no running gateway.
func (b *book) blank(ctx context.Context, store queue.Store, now time.Time, plan string) error {
	for _, s := range b.all() {
		for {
			err := s.blank(ctx, store, now, plan)
			if err == nil || s.gone(err) {
				break
			}
			if !raced(err) {
				return fmt.Errorf("erase from a subscription: %w", err)
			}
		}
	}
	return nil
}

func (s *subscriber) blank(ctx context.Context, store queue.Store, now time.Time, plan string) error {
	if err := s.lock(ctx, store); err != nil {
		return err
	}
	defer s.mu.Unlock()
	next, u := *s.state.Load(), &queue.Unit{Now: now}
	if slices.Contains(next.Plans, plan) {
		next.Plans = slices.DeleteFunc(slices.Clone(next.Plans), func(p string) bool { return p == plan })
		next.Filters = nil
		for _, p := range next.Plans {
			next.Filters = append(next.Filters, "CarePlan?_id="+p)
		}
		if len(next.Plans) == 0 { // none would mean all
			next.Plans = []string{strings.Repeat("0", len(plan))}
			next.Status, next.Fault, next.Updated = SubscriptionOff, "erased", u.Now
		}
		next.Version++
	}
	last := s.page
	for at := next.Kept; s.last > 0 && at <= pageOf(s.last); at++ {
		page, err := readPage(ctx, store, s.id, at)
		if err != nil {
			return err
		}
		named := false
		for i := range page {
			if page[i].Plan == plan {
				page[i].Plan, named = "", true
			}
		}
		if named {
			note(u, pageSetting(s.id, at), string(mustJSON(page)))
		}
		last = page
	}
	if len(u.Settings) == 0 && next.Version == s.state.Load().Version {
		return nil
	}
	if err := s.commit(ctx, store, u, &next); err != nil {
		return err
	}
	s.page = last
	return nil
}

// subscriptionJobs look after the subscriptions. Heartbeats are exact to ten seconds, or to the clocks where those are
// looked at more often.
func (g *Gateway) subscriptionJobs() []Job {
	spec := "@every 10s"
	if g.o.ClockEvery < 10*time.Second {
		spec = ""
	}
	return []Job{
		{Name: "heartbeats of subscriptions", Spec: spec, AtStart: true, Run: g.beat},
		{Name: "old events of subscriptions", Spec: "@every 1h", AtStart: true, Run: g.discardOld},
	}
}
