package gateway

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/queue"
)

// hit is one event of one subscription that is not numbered yet.
type hit struct {
	s *subscriber
	// plan is the opaque id under which the subscriber knows the plan, patient the key behind it.
	plan, patient string
	// message is what the change came with, for the trace.
	message, trace string
}

// ruleSubscription is the rule of deliveries to subscriptions, followed by the id.
const ruleSubscription = "subscription "

// hits are the events of all subscriptions that a change of a plan makes: who is told is the same for subscriptions
// and for notices of the configuration, and which topics changed is asked of what the subscriber sees.
func (g *Gateway) hits(m *samvirke.Message, a *audience) []hit {
	if !g.book.any.Load() || a == nil || a.pl == nil {
		return nil
	}
	var out []hit
	for _, party := range g.order {
		subs := g.book.of(party)
		l := g.parties[party]
		if len(subs) == 0 || l.Sender == nil || !a.due(l) || !a.changed(party) || a.refused(party) {
			continue
		}
		topics := a.topics(l, subs)
		out = append(out, g.matching(m, subs, topics, a.pl)...)
	}
	return out
}

// clockHits are the events of the subscriptions of those who must act on a clock that ran out.
func (g *Gateway) clockHits(m *samvirke.Message, l *lane, pl *planWork) []hit {
	return g.matching(m, g.book.of(l.ID), []string{topicOf(pl.clock)}, pl)
}

// matching lists those of a party's subscriptions that are about a plan and one of the topics.
func (g *Gateway) matching(m *samvirke.Message, subs []*subscriber, topics []string, pl *planWork) []hit {
	keys := []string{pl.key}
	for _, k := range pl.class {
		if k != pl.key {
			keys = append(keys, k)
		}
	}
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = g.PlanID(k)
	}
	var out []hit
	for _, s := range subs {
		st := s.state.Load()
		if plan, ok := st.covers(ids); ok && slices.Contains(topics, st.Topic) {
			out = append(out, hit{s: s, plan: plan, patient: keys[slices.Index(ids, plan)], message: m.ID, trace: m.TraceParent})
		}
	}
	return out
}

// refused tells whether a rule denies telling a party; a withdrawal reaches who was told all the same.
func (a *audience) refused(party string) bool {
	return a.denied != nil && !slices.Contains(a.withdrawn, party) && a.denied(party)
}

// topics are those that changed as a party sees the plan. One who was told of what is withdrawn, and one whose
// membership ends, hear of it under the topics under which they would have seen it: when nothing of it may be seen any
// more, under that of any change, or under all where the party has no subscription to that.
func (a *audience) topics(l *lane, subs []*subscriber) []string {
	parting := slices.Contains(a.withdrawn, l.ID) || a.leaves(l)
	subscribed := func(topic string) bool {
		return slices.ContainsFunc(subs, func(s *subscriber) bool { return s.state.Load().Topic == topic })
	}
	if !slices.ContainsFunc(Topics()[1:], subscribed) {
		return Topics()[:1] // the usual case: that something changed is known
	}
	v := a.g.ViewerOf(l.Party.Party, a.pl.keys()...)
	if parting {
		v.At = time.Time{}
	}
	o := a.g.loader.viewOptions(a.pl.old, a.pl.key, v)
	last := len(a.pl.records) - 1
	before, after := careplan.FoldWith(a.pl.records[:last:last], o), careplan.FoldWith(a.pl.records, o)
	found := TopicsOf(before, after, l.HER, a.coordinates(l))
	if parting && a.leaves(l) && !slices.Contains(found, TopicTeamChanged) {
		found = append(found, TopicTeamChanged)
	}
	if !slices.Contains(found, TopicPlanChanged) {
		found = append(found, TopicPlanChanged) // somebody decided that the party is told
		if parting && !subscribed(TopicPlanChanged) {
			found = Topics()
		}
	}
	return found
}

// hold keeps the events of a unit until it is on its way to the store.
func (g *Gateway) hold(u *queue.Unit, hs []hit) {
	if len(hs) == 0 {
		return
	}
	if before, ok := g.book.held.Load(u); ok {
		hs = append(before.([]hit), hs...)
	}
	g.book.held.Store(u, hs)
}

// letGo forgets the events of a unit that came to nothing.
func (g *Gateway) letGo(u *queue.Unit, err error) {
	if err != nil && g.book.any.Load() {
		g.book.held.Delete(u)
	}
}

// numberHeld numbers what is held for a unit. done must be called after the commit.
func (g *Gateway) numberHeld(ctx context.Context, u *queue.Unit) (done func(error), err error) {
	if !g.book.any.Load() {
		return func(error) {}, nil
	}
	hs, ok := g.book.held.LoadAndDelete(u)
	if !ok {
		return func(error) {}, nil
	}
	return g.number(ctx, u, hs.([]hit))
}

// number gives events their numbers and adds them to the unit, with the deliveries that tell of them. Each subscription is held until done
// is called with what became of the unit; all take them in the same order, so nobody waits in a circle.
//
// Source: domain/careplan.md section 10: stored in the same transaction as the change, no gap, no reuse.
func (g *Gateway) number(ctx context.Context, u *queue.Unit, hs []hit) (done func(error), err error) {
	slices.SortStableFunc(hs, func(a, b hit) int { return cmp.Compare(a.s.id, b.s.id) })
	var staged []*staging
	done = func(err error) {
		for _, x := range staged {
			x.end(err)
		}
		staged = nil
	}
	settled := false
	defer func() {
		if !settled { // a panic must not keep them locked
			done(errNotApplied)
		}
	}()
	for i := range hs {
		h := &hs[i]
		if len(staged) == 0 || staged[len(staged)-1].s != h.s {
			if err := h.s.lock(ctx, g.store); err != nil {
				if h.s.gone(err) {
					continue
				}
				done(err)
				settled = true
				return nil, err
			}
			staged = append(staged, &staging{s: h.s, last: h.s.last, page: h.s.page})
			u.Counters = append(u.Counters, queue.CounterStep{Name: turnCounter(h.s.id), Expect: h.s.turn})
		}
		g.addEvent(u, staged[len(staged)-1], h)
	}
	settled = true
	return done, nil
}

// staging is what becomes of a subscription when a unit is stored.
type staging struct {
	s    *subscriber
	last int64
	page []SubscriptionEvent
}

func (x *staging) end(err error) {
	if err == nil {
		x.s.turn++
		x.s.last, x.s.page = x.last, x.page
	} else {
		x.s.stale = true
	}
	x.s.mu.Unlock()
}

// addEvent numbers one event. It is kept whatever the state; only an active subscription is told at once.
func (g *Gateway) addEvent(u *queue.Unit, x *staging, h *hit) {
	st := x.s.state.Load()
	u.Counters = append(u.Counters, queue.CounterStep{Name: EventCounter(x.s.id), Expect: x.last})
	x.last++
	e := SubscriptionEvent{Number: x.last, At: u.Now, Plan: h.plan}
	if len(x.page) > 0 && pageOf(x.page[0].Number) != pageOf(x.last) {
		x.page = nil
	}
	x.page = append(slices.Clip(x.page), e)
	note(u, pageSetting(x.s.id, pageOf(x.last)), string(mustJSON(x.page)))
	if st.Status == SubscriptionActive {
		g.addNotice(u, st, x.last, h, []SubscriptionEvent{e})
	}
}

// addNotice queues one notification of events of one plan.
func (g *Gateway) addNotice(u *queue.Unit, st *Subscription, last int64, h *hit, events []SubscriptionEvent) {
	newest := events[len(events)-1].Number
	d := g.noticeOf(u, st, fhir.NotifyEvent, last, h, events)
	d.Kind, d.ExternalID = strings.TrimPrefix(st.Topic, topicBase), fmt.Sprintf("%s-%d", st.ID, newest)
	g.queueNotice(u, d)
}

// noticeOf is the delivery of one notification. Its body names no resource that it carries: what a full-resource
// payload shows is put in when it is sent, so that a limit that came meanwhile counts.
func (g *Gateway) noticeOf(u *queue.Unit, st *Subscription, kind string, last int64, h *hit, events []SubscriptionEvent) *samvirke.Delivery {
	in := fhir.NotificationInput{Base: g.o.BaseURL + "/fhir/", Subscription: st.ID, Topic: st.Topic, Status: st.Status, Type: kind, SinceStart: last, Now: u.Now}
	for _, e := range events {
		ev := fhir.NotificationEvent{Number: e.Number, At: e.At}
		if st.Content != ContentEmpty && e.Plan != "" {
			ev.Focus = "CarePlan/" + e.Plan
		}
		in.Events = append(in.Events, ev)
	}
	return &samvirke.Delivery{
		ID: g.o.NewID(), MessageID: h.message, Party: st.Party, Purpose: samvirke.PurposeNotice, Patient: h.patient, Rule: ruleSubscription + st.ID,
		State: samvirke.DeliveryQueued, CreatedAt: u.Now, Format: route.FormatNotification, Kind: kind, ContentType: "application/fhir+json",
		TraceParent: h.trace, Body: fhir.Notification(in).Bytes(),
	}
}

// queueNotice gives a notification a lane of the subscription's own: what a subscriber does not take must not hold
// back messages to the same party, nor the other way round.
func (g *Gateway) queueNotice(u *queue.Unit, d *samvirke.Delivery) {
	d.Lane = samvirke.LaneKey(d.Party, d.Patient, d.Purpose) + "\x1f" + d.Rule
	finishBody(d)
	u.Deliveries = append(u.Deliveries, *d)
	u.Events = append(u.Events, samvirke.Event{At: u.Now, MessageID: d.MessageID, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient,
		Name: samvirke.EventRouted, Detail: d.Format + " " + d.Kind + " by " + d.Rule})
}

// gone tells whether a subscription was removed while somebody waited for it.
func (s *subscriber) gone(err error) bool {
	return err == queue.ErrNotFound //nolint:errorlint // reload gives it as it is; anything around it comes from the store
}

// tellable are the parties that can be told of a clock: by the configuration, or by subscriptions of their own.
func (g *Gateway) tellable() []*lane {
	if !g.book.any.Load() {
		return g.noticed
	}
	out := slices.Clone(g.noticed)
	for _, party := range g.order {
		if l := g.parties[party]; l.Sender != nil && !slices.Contains(out, l) && len(g.book.of(party)) > 0 {
			out = append(out, l)
		}
	}
	return out
}
