package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Parties that want to know what happens to messages get it as deliveries of their own, made in the unit that changed
// something: what was told happened, what happened is told at least once, and a receiver that is away gets it later, in
// order for each message. What the store itself says of a message that came twice is not told: nothing happened to it.
// Source: design.md section 3.

// KindEvents is the kind of deliveries that tell of events.
const KindEvents = "message-events"

// eventPrefix begins the ids of such deliveries, so that what happens to them is not told in its turn.
const eventPrefix = "ev-"

// eventsTold is the body: what happened to one message in one unit, in order. It names no patient.
type eventsTold struct {
	ID      string      `json:"id"` // the delivery's id, the same for every attempt
	Message string      `json:"message,omitempty"`
	Party   string      `json:"party,omitempty"` // the sender, as far as the unit says it
	Kind    string      `json:"kind,omitempty"`
	Events  []eventTold `json:"events"`
}

type eventTold struct {
	ID       string             `json:"id"` // of this event, stable
	At       time.Time          `json:"at"`
	Name     samvirke.EventName `json:"name"`
	Party    string             `json:"party,omitempty"`
	Delivery string             `json:"delivery,omitempty"`
	Detail   string             `json:"detail,omitempty"`
}

// telling is a store that adds to every unit what must be told of it.
type telling struct {
	queue.Store
	parties []string
	newID   func() string
}

// withEventFeeds gives the store of a gateway some of whose parties are told of events.
func withEventFeeds(o *Options) queue.Store {
	var ids []string
	for i := range o.Parties {
		if p := &o.Parties[i]; p.Events && p.Sender != nil {
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 0 {
		return o.Store
	}
	return &telling{Store: o.Store, parties: ids, newID: o.NewID}
}

// Inner is the store behind, which may do more than a store must.
func (s *telling) Inner() queue.Store { return s.Store }

// storeAs asks a store, or the one behind it, for what not every store can do.
func storeAs[T any](s queue.Store) (T, bool) {
	for {
		if as, ok := s.(T); ok {
			return as, true
		}
		behind, ok := s.(interface{ Inner() queue.Store })
		if !ok {
			var none T
			return none, false
		}
		s = behind.Inner()
	}
}

// Commit commits the unit with what is told of it.
func (s *telling) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	more, err := s.told(u)
	if err != nil || len(more) == 0 {
		if err != nil {
			return queue.Outcome{}, err
		}
		return s.Store.Commit(ctx, u)
	}
	// The caller may commit its unit again after a lost race: its own slices stay as they are, but for what the store
	// fills in.
	v := *u
	v.Deliveries = append(append(make([]samvirke.Delivery, 0, len(u.Deliveries)+len(more)), u.Deliveries...), more...)
	out, err := s.Store.Commit(ctx, &v)
	copy(u.Deliveries, v.Deliveries)
	return out, err
}

// told makes one delivery for each party and message that the unit says something of.
func (s *telling) told(u *queue.Unit) ([]samvirke.Delivery, error) {
	var order []string
	byMessage := map[string][]*samvirke.Event{}
	for i := range u.Events {
		e := &u.Events[i]
		if strings.HasPrefix(e.DeliveryID, eventPrefix) || e.Name == samvirke.EventSending {
			continue // of our own telling; and what is only begun is no news
		}
		if byMessage[e.MessageID] == nil {
			order = append(order, e.MessageID)
		}
		byMessage[e.MessageID] = append(byMessage[e.MessageID], e)
	}
	var out []samvirke.Delivery
	for _, party := range s.parties {
		for _, m := range order {
			d, err := s.delivery(u, party, m, byMessage[m])
			if err != nil {
				return nil, err
			}
			out = append(out, d)
		}
	}
	return out, nil
}

// toldDetail tells whether the detail of an event goes along: sizes, answers of transports and fault codes. Others name the
// people who acted, or receivers that somebody barred.
func toldDetail(n samvirke.EventName) bool {
	switch n {
	case samvirke.EventReceived, samvirke.EventRefused, samvirke.EventSent, samvirke.EventWaiting, samvirke.EventStopped, samvirke.EventRejected:
		return true
	}
	return false
}

func (s *telling) delivery(u *queue.Unit, party, message string, events []*samvirke.Event) (samvirke.Delivery, error) {
	id := eventPrefix + s.newID()
	told := eventsTold{ID: id, Message: message}
	if a := u.Accept; a != nil && a.ID == message {
		told.Party, told.Kind = a.Party, a.Kind
	}
	if m := u.Message; m != nil && m.ID == message && m.Kind != "" {
		told.Kind = m.Kind
	}
	for i, e := range events {
		at, detail := e.At, ""
		if toldDetail(e.Name) {
			detail = e.Detail
		}
		if at.IsZero() {
			at = u.Now
		}
		told.Events = append(told.Events, eventTold{ID: fmt.Sprint(id, "/", i), At: at, Name: e.Name, Party: e.Party, Delivery: e.DeliveryID, Detail: detail})
	}
	body, err := json.Marshal(told)
	if err != nil {
		return samvirke.Delivery{}, fmt.Errorf("tell of events: %w", err)
	}
	return samvirke.Delivery{
		ID: id, MessageID: message, Party: party, Purpose: samvirke.PurposeEvent, Lane: party + "\x1fevents\x1f" + message,
		ExternalID: id, Kind: KindEvents, Format: "json", ContentType: "application/json", State: samvirke.DeliveryQueued,
		CreatedAt: u.Now, Body: body,
	}, nil
}
