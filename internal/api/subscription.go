package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// MaxEvents is how many events one $events answer holds; whoever gets as many asks again from the next number.
const MaxEvents = 100

// maxLookups is how many event numbers one answer looks for: old ones may be gone.
const maxLookups = 5000

// subscription is one party's subscription to one plan.
type subscription struct {
	id, party, patient string
	// last is the number of the newest event.
	last int64
}

// subscription finds the party's own subscription and audits the read.
func (a *api) subscription(r *http.Request, p samvirke.Party, action string) (*subscription, error) {
	ctx, id := r.Context(), r.PathValue("id")
	if !isID(id) {
		return nil, errNotFound
	}
	text, err := a.o.Store.Setting(ctx, gateway.SubscriptionSetting(id))
	if err != nil {
		return nil, err
	}
	party, patient, ok := strings.Cut(text, "\x1f")
	if !ok || party != p.ID {
		return nil, errNotFound
	}
	s := &subscription{id: id, party: party, patient: patient}
	if s.last, err = a.o.Store.Counter(ctx, gateway.NoticeCounter(party, patient)); err != nil {
		return nil, err
	}
	return s, a.audit(ctx, p.ID, action, id, patient)
}

// status answers GET Subscription/{id}/$status.
//
// Source: R4 Subscriptions Backport 1.1.0, operation $status: a searchset of status resources.
func (a *api) status(w http.ResponseWriter, r *http.Request, p samvirke.Party) error {
	s, err := a.subscription(r, p, "read-subscription")
	if err != nil {
		return err
	}
	entry := a.notification(r, s, fhir.NotifyQueryStatus, nil).Entries()[0]
	write(w, http.StatusOK, fhir.NewObject("resourceType", "Bundle", "type", "searchset", "total", 1,
		"entry", fhir.NewArray(fhir.NewObject("fullUrl", entry.FullURL, "resource", entry.Resource,
			"search", fhir.NewObject("mode", "match")))))
	return nil
}

// events answers GET Subscription/{id}/$events with those of the events asked for that are kept, ids only.
//
// Source: R4 Subscriptions Backport 1.1.0, operation $events: both bounds are inclusive.
func (a *api) events(w http.ResponseWriter, r *http.Request, p samvirke.Party) error {
	q := r.URL.Query()
	since, err := number(q.Get("eventsSinceNumber"), 1)
	if err != nil {
		return err
	}
	until, err := number(q.Get("eventsUntilNumber"), 0)
	if err != nil {
		return err
	}
	if until != 0 && until < since {
		return errQuery
	}
	s, err := a.subscription(r, p, "read-subscription")
	if err != nil {
		return err
	}
	if until == 0 || until > s.last {
		until = s.last
	}
	var list []fhir.NotificationEvent
	for n := since; n <= until && len(list) < MaxEvents && n-since < maxLookups; n++ {
		d, err := a.o.Store.FindDelivery(r.Context(), s.party, fmt.Sprintf("%s-%d", s.id, n))
		if errors.Is(err, queue.ErrNotFound) {
			continue // no longer kept
		}
		if err != nil {
			return err
		}
		list = append(list, fhir.NotificationEvent{Number: n, At: d.CreatedAt, Focus: "CarePlan/" + a.o.PlanID(s.patient)})
	}
	write(w, http.StatusOK, a.notification(r, s, fhir.NotifyQueryEvent, list).Root)
	return nil
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

func (a *api) notification(r *http.Request, s *subscription, kind string, events []fhir.NotificationEvent) *fhir.Bundle {
	return fhir.Notification(fhir.NotificationInput{
		Base: a.base(r), Subscription: s.id, Topic: gateway.TopicPlanChanged, Status: "active",
		Type: kind, SinceStart: s.last, Events: events, Now: a.o.Now().UTC(),
	})
}
