package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
)

// MaxEvents is how many events one $events answer holds; whoever gets as many asks again from the next number.
const MaxEvents = 100

// maxStatus is how many subscriptions one $status answer tells of.
const maxStatus = 1000

// Subscriptions are kept by the gateway; gateway.Gateway is one. A party sees its own only: queue.ErrNotFound for all else.
type Subscriptions interface {
	SubscriptionOf(ctx context.Context, party, id string) (gateway.Subscription, error)
	SubscriptionsOf(ctx context.Context, party string) ([]gateway.Subscription, error)
	SubscriptionEvents(ctx context.Context, s *gateway.Subscription, since, until int64, limit int) ([]gateway.SubscriptionEvent, error)
	Subscribe(ctx context.Context, party string, w gateway.SubscriptionWish) (gateway.Subscription, error)
	ChangeSubscription(ctx context.Context, party, id string, version int64, w gateway.SubscriptionWish) (gateway.Subscription, error)
	EndSubscription(ctx context.Context, party, id string) (gateway.Subscription, error)
}

// The Subscription is the one type that is about no patient: these are its routes.
func subscriptionRoutes(writes bool) []route {
	only := []string{typeSubscription}
	list := []route{
		{method: "GET", level: levelInstance, types: only, code: "read", run: (*call).readSubscription},
		{method: "GET", level: levelType, types: only, code: "search-type", run: (*call).searchSubscriptions},
		{method: "POST", level: levelType, tail: "_search", types: only, code: "search-type", run: (*call).searchSubscriptions},
		{method: "GET", level: levelInstance, tail: "$status", types: only, operation: backport + "backport-subscription-status", run: (*call).status},
		{method: "GET", level: levelType, tail: "$status", types: only, operation: backport + "backport-subscription-status", run: (*call).statusOfAll},
		{method: "GET", level: levelInstance, tail: "$events", types: only, operation: backport + "backport-subscription-events", run: (*call).events},
	}
	if !writes {
		return list
	}
	return append(list,
		route{method: "POST", level: levelType, types: only, code: "create", run: (*call).createSubscription},
		route{method: "PUT", level: levelInstance, types: only, code: "update", run: (*call).updateSubscription},
		route{method: "DELETE", level: levelInstance, types: only, code: "delete", run: (*call).removeSubscription},
	)
}

// typeSubscription is the type of the resource.
const typeSubscription = "Subscription"

// subscription finds the party's own subscription and audits the read.
func (c *call) subscription() (*gateway.Subscription, error) {
	if !isID(c.id) {
		return nil, errNotFound
	}
	s, err := c.api.o.Subscriptions.SubscriptionOf(c.ctx, c.party.ID, c.id)
	if err != nil {
		return nil, err
	}
	return &s, c.api.audit(c.ctx, c.party.ID, "read-subscription", c.id, s.Patient)
}

// readSubscription answers GET Subscription/id.
func (c *call) readSubscription() error {
	shape, err := c.shape()
	if err != nil {
		return err
	}
	s, err := c.subscription()
	if err != nil {
		return err
	}
	if c.unchanged(strconv.FormatInt(s.Version, 10), s.Updated) {
		return c.notModified()
	}
	return c.reply(http.StatusOK, shape.apply(c.subscriptionNode(s)))
}

// searchSubscriptions answers a search among the party's own subscriptions.
func (c *call) searchSubscriptions() error {
	if c.r.Method == http.MethodPost {
		if err := c.form(); err != nil {
			return err
		}
	}
	q, err := c.parseQuery()
	if err != nil {
		return err
	}
	hits, err := c.ownSubscriptions(q)
	if err != nil {
		return err
	}
	r := &results{hits: hits, total: len(hits)}
	c.order(q, r.hits)
	if err := r.page(q); err != nil {
		return err
	}
	if err := c.api.audit(c.ctx, c.party.ID, "search-subscription", typeSubscription, ""); err != nil {
		return err
	}
	entries := fhir.NewArray()
	for _, h := range r.hits {
		entries.Add(fhir.NewObject("fullUrl", c.base()+h.it.Ref(), "resource", q.shape.apply(h.it.Resource), "search", fhir.NewObject("mode", "match")))
	}
	if o := searchOutcome(q, r); o != nil {
		entries.Add(fhir.NewObject("fullUrl", "urn:uuid:"+fhir.NameUUID("search outcome"), "resource", o, "search", fhir.NewObject("mode", "outcome")))
	}
	links := fhir.NewArray(fhir.NewObject("relation", "self", "url", c.searchURL(q, "")))
	if r.more {
		links.Add(fhir.NewObject("relation", "next", "url", c.searchURL(q, r.hits[len(r.hits)-1].it.ID)))
	}
	return c.reply(http.StatusOK, bundleOf("searchset", r.total, links, entries))
}

// ownSubscriptions are those of the party's own that meet a search.
func (c *call) ownSubscriptions(q *query) ([]hit, error) {
	list, err := c.mine()
	if err != nil {
		return nil, err
	}
	var out []hit
	for i := range list {
		it := &item{Element: careplan.Element{Type: typeSubscription, ID: list[i].ID, Resource: c.subscriptionNode(&list[i])}}
		if !slices.ContainsFunc(q.criteria, func(cr criterion) bool { return !cr.matches(it.Resource, nil, c.base()) }) {
			out = append(out, hit{it: it})
		}
	}
	return out, nil
}

// mine lists the party's subscriptions. It looks at many rows, so only few do that at a time.
func (c *call) mine() ([]gateway.Subscription, error) {
	select {
	case c.api.wide <- struct{}{}:
		defer func() { <-c.api.wide }()
	default:
		return nil, errBusy
	}
	return c.api.o.Subscriptions.SubscriptionsOf(c.ctx, c.party.ID)
}

// status answers GET Subscription/{id}/$status.
//
// Source: R4 Subscriptions Backport 1.1.0, operation $status: a searchset of status resources.
func (c *call) status() error {
	s, err := c.subscription()
	if err != nil {
		return err
	}
	return c.replyStatus([]gateway.Subscription{*s})
}

// statusOfAll answers GET Subscription/$status for the ids named, else for all of the party's own, with one of the
// states named.
func (c *call) statusOfAll() error {
	ids, states := c.list("id"), c.list("status")
	var list []gateway.Subscription
	if len(ids) > maxValues {
		return errManyParams
	}
	if len(ids) == 0 {
		all, err := c.mine()
		if err != nil {
			return err
		}
		list = all
	}
	for _, id := range ids {
		if !isID(id) {
			continue
		}
		if s, err := c.api.o.Subscriptions.SubscriptionOf(c.ctx, c.party.ID, id); err == nil {
			list = append(list, s)
		} else if f := faultOf(err); f != errNotFound {
			return err
		}
	}
	list = slices.DeleteFunc(list, func(s gateway.Subscription) bool { return len(states) > 0 && !slices.Contains(states, s.Status) })
	if err := c.api.audit(c.ctx, c.party.ID, "search-subscription", "$status", ""); err != nil {
		return err
	}
	return c.replyStatus(list[:min(len(list), maxStatus)])
}

// list gives the values of a parameter that may be repeated and hold several, separated by commas.
func (c *call) list(name string) []string {
	var out []string
	for _, v := range c.query[name] {
		for _, x := range strings.Split(v, ",") {
			if x = strings.TrimPrefix(x, c.base()+"Subscription/"); x != "" {
				out = append(out, strings.TrimPrefix(x, "Subscription/"))
			}
		}
	}
	return out
}

func (c *call) replyStatus(list []gateway.Subscription) error {
	entries := fhir.NewArray()
	for i := range list {
		e := c.notification(&list[i], fhir.NotifyQueryStatus, nil).Entries()[0]
		entries.Add(fhir.NewObject("fullUrl", e.FullURL, "resource", e.Resource, "search", fhir.NewObject("mode", "match")))
	}
	return c.reply(http.StatusOK, bundleOf("searchset", len(list), nil, entries))
}

// events answers GET Subscription/{id}/$events with those of the events asked for that are kept. Whatever the
// content, what is shown of a plan is what the party may see of it now.
//
// Source: R4 Subscriptions Backport 1.1.0, operation $events: both bounds are inclusive.
func (c *call) events() error {
	since, err := number(c.query.Get("eventsSinceNumber"), 1)
	if err != nil {
		return err
	}
	until, err := number(c.query.Get("eventsUntilNumber"), 0)
	if err != nil {
		return err
	}
	if until != 0 && until < since {
		return errQuery
	}
	content := c.query.Get("content")
	if content != "" && content != gateway.ContentEmpty && content != gateway.ContentIDOnly && content != gateway.ContentFull {
		return badParameter("content")
	}
	s, err := c.subscription()
	if err != nil {
		return err
	}
	if until == 0 || until > s.Last {
		until = s.Last
	}
	if content == "" {
		content = s.Content
	}
	most := MaxEvents
	if s.MaxCount > 0 {
		most = min(most, s.MaxCount)
	}
	list, err := c.api.o.Subscriptions.SubscriptionEvents(c.ctx, s, since, until, most)
	if err != nil {
		return err
	}
	told, err := c.told(list, content)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, c.notification(s, fhir.NotifyQueryEvent, told).Root)
}

// told gives events the content asked for.
func (c *call) told(list []gateway.SubscriptionEvent, content string) ([]fhir.NotificationEvent, error) {
	out := make([]fhir.NotificationEvent, len(list))
	shown := map[string]map[string]*fhir.Node{}
	for i, e := range list {
		out[i] = fhir.NotificationEvent{Number: e.Number, At: e.At}
		if content == gateway.ContentEmpty || e.Plan == "" {
			continue
		}
		out[i].Focus = "CarePlan/" + e.Plan
		if content != gateway.ContentFull {
			continue
		}
		if _, known := shown[e.Plan]; !known {
			shown[e.Plan] = nil
			ch, err := c.open(e.Plan)
			if err != nil && faultOf(err) != errNotFound {
				return nil, err
			}
			if err == nil {
				if err := c.seen(ch, "read-plan"); err != nil {
					return nil, err
				}
				if it := ch.find(out[i].Focus); it != nil {
					c.api.stamp(ch, it)
					shown[e.Plan] = map[string]*fhir.Node{out[i].Focus: it.Resource}
				}
			}
		}
		out[i].Resources = shown[e.Plan]
	}
	return out, nil
}

// number reads an event number; def stands for an absent one.
func number(text string, def int64) (int64, error) {
	if text == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, errQuery
	}
	return n, nil
}

func (c *call) notification(s *gateway.Subscription, kind string, events []fhir.NotificationEvent) *fhir.Bundle {
	in := fhir.NotificationInput{Base: c.base(), Subscription: s.ID, Topic: s.Topic, Status: s.Status, Type: kind, SinceStart: s.Last, Events: events, Now: c.api.o.Now().UTC()}
	if s.Status == gateway.SubscriptionError {
		in.Error = s.Fault
	}
	return fhir.Notification(in)
}
