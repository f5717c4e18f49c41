package fhir

import (
	"strconv"
	"time"
)

// Profiles of the R4 Subscriptions Backport (hl7.fhir.uv.subscriptions-backport 1.1.0).
const (
	profileNotification = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-notification-r4"
	profileStatus       = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"
)

// The types of notifications.
const (
	NotifyHandshake   = "handshake"
	NotifyHeartbeat   = "heartbeat"
	NotifyEvent       = "event-notification"
	NotifyQueryStatus = "query-status"
	NotifyQueryEvent  = "query-event"
)

// NotificationInput is what a subscriber is told.
type NotificationInput struct {
	// Base is our FHIR address with a slash at the end, "https://gw.example/fhir/"; fullUrls begin with it.
	Base string
	// Subscription is the id of the Subscription, without type. It must not tell who the patient is.
	Subscription string
	// Topic is the canonical URL of the topic.
	Topic string
	// Status of the subscription: requested, active, error, off.
	Status string
	// Error is the code of what is wrong, for a subscription in error; "" for none.
	Error string
	// Type is one of the Notify constants.
	Type string
	// SinceStart is the number of the newest event of the subscription; 0 before the first.
	SinceStart int64
	// Events in the order of their numbers; none for handshake and heartbeat.
	Events []NotificationEvent
	// Now is written as Bundle.timestamp.
	Now time.Time
}

// NotificationEvent is one event.
type NotificationEvent struct {
	// Number counts the events of this subscription from 1, without gaps.
	Number int64
	At     time.Time
	// Focus is what changed, "CarePlan/<id>"; ids must be free of meaning.
	Focus string
	// Context names further resources, as Focus.
	Context []string
	// Resources, when not nil, makes this a full-resource payload: the resources named by Focus and
	// Context, as far as the subscriber may see them, each under its own name.
	Resources map[string]*Node
}

// Notification makes the notification Bundle of the R4 Subscriptions Backport. Without Resources
// the payload is id-only. The same input gives the same bytes.
//
// Source: domain/careplan.md section 10; R4 constraints bdl-3 and bdl-4 (request and response on
// every entry of a history Bundle).
func Notification(in NotificationInput) *Bundle {
	status := NewObject("resourceType", "Parameters", "id", NameUUID(in.Subscription+"/status/"+strconv.FormatInt(in.SinceStart, 10)),
		"meta", NewObject("profile", NewArray(profileStatus)))
	param := func(name, value string, v *Node) {
		status.Append("parameter", NewObject("name", name, value, v))
	}
	param("subscription", "valueReference", NewObject("reference", in.Base+"Subscription/"+in.Subscription))
	if in.Topic != "" {
		param("topic", "valueCanonical", String(in.Topic))
	}
	param("status", "valueCode", String(in.Status))
	param("type", "valueCode", String(in.Type))
	param("events-since-subscription-start", "valueString", String(strconv.FormatInt(in.SinceStart, 10)))
	if in.Error != "" {
		param("error", "valueCodeableConcept", NewObject("coding", NewArray(NewObject("system", SystemFault, "code", in.Error))))
	}
	seen := map[string]bool{}
	entries := NewArray(NewObject(
		"fullUrl", "urn:uuid:"+status.Get("id").Text(), "resource", status,
		"request", NewObject("method", "GET", "url", "Subscription/"+in.Subscription+"/$status"),
		"response", NewObject("status", "200")))
	for _, e := range in.Events {
		part := NewArray(
			NewObject("name", "event-number", "valueString", strconv.FormatInt(e.Number, 10)),
			NewObject("name", "timestamp", "valueInstant", Instant(e.At)))
		if e.Focus != "" {
			part.Add(NewObject("name", "focus", "valueReference", NewObject("reference", in.Base+e.Focus)))
		}
		for _, c := range e.Context {
			part.Add(NewObject("name", "additional-context", "valueReference", NewObject("reference", in.Base+c)))
		}
		status.Append("parameter", NewObject("name", "notification-event", "part", part))
		for _, name := range append([]string{e.Focus}, e.Context...) {
			if name == "" || seen[name] {
				continue
			}
			seen[name] = true
			entry := NewObject("fullUrl", in.Base+name)
			if r := e.Resources[name]; r != nil {
				entry.Set("resource", r)
			}
			entry.Set("request", NewObject("method", "GET", "url", name))
			entry.Set("response", NewObject("status", "200"))
			entries.Add(entry)
		}
	}
	name := in.Subscription + "/" + in.Type + "/" + strconv.FormatInt(in.SinceStart, 10)
	if in.Type == NotifyHandshake || in.Type == NotifyHeartbeat {
		name += "/" + Instant(in.Now) // they are many at one number
	}
	root := NewObject("resourceType", "Bundle", "id", NameUUID(name),
		"meta", NewObject("profile", NewArray(profileNotification)), "type", "history")
	if !in.Now.IsZero() {
		root.SetText("timestamp", Instant(in.Now))
	}
	root.Set("entry", entries)
	b, err := BundleOf(root)
	if err != nil {
		panic("fhir: notification of a resource without type: " + err.Error()) // a programmer's mistake, never input
	}
	return b
}
