package gateway

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
)

// A subscription that a party made for itself: one topic, all plans it takes part in or some of them. It stands in
// the store with its events, whether they were sent or not, so that $events gives what was missed while it was in
// error or off. Beside these are those that the configuration makes (accepts: fhir-notification), one for each
// party and plan, whose events are their deliveries.
//
// The events are rows of their own and no deliveries without a way to go: a delivery that must not be sent would stand
// in lanes, lists and figures as something that waits. They are settings of up to eventPage events each, written in
// the unit of the change, because a setting is what every engine has, and thirty days of them can be emptied.
//
// Source: R4 Subscriptions Backport 1.1.0; domain/careplan.md section 10.

// The states of a subscription. Source: FHIR R4, value set subscription-status.
const (
	SubscriptionRequested = "requested"
	SubscriptionActive    = "active"
	SubscriptionError     = "error"
	SubscriptionOff       = "off"
)

// What a notification carries. Source: Subscriptions Backport, value set backport-content-value-set.
const (
	ContentEmpty  = "empty"
	ContentIDOnly = "id-only"
	ContentFull   = "full-resource"
)

// Bounds of subscriptions.
const (
	// MaxSubscriptions is how many one party may have. One more takes the place of the oldest that is off.
	MaxSubscriptions = 100
	// MaxSubscriptionPlans is how many plans one subscription may name.
	MaxSubscriptionPlans = 100
	// MinHeartbeat and MaxHeartbeat bound the period of heartbeats. Unit: seconds.
	MinHeartbeat, MaxHeartbeat = 10, 7 * 24 * 3600
	// MaxNoticeTimeout bounds how long a subscriber may ask us to wait for its answer. Unit: seconds.
	MaxNoticeTimeout = 300
	// MaxNoticeCount is the most events of one notification, DefaultNoticeCount that of a subscriber that does not say.
	MaxNoticeCount, DefaultNoticeCount = 1000, 50

	maxEndpoint = 2 << 10 // bytes
	maxContact  = 4 << 10 // bytes
)

// SubscriptionOptions are how subscriptions of parties are treated. The zero value is right.
type SubscriptionOptions struct {
	// Retry of notifications: from 1 s doubling to 1 h, and after 24 h the subscription is in error.
	Retry Retry
	// KeepEvents is how long events can be asked for; 0 means 31 days. Also how long a subscription that is off stays.
	KeepEvents time.Duration
}

func (o SubscriptionOptions) withDefaults() SubscriptionOptions {
	if o.Retry.First <= 0 {
		o.Retry.First = time.Second
	}
	if o.Retry.Max <= 0 {
		o.Retry.Max = time.Hour
	}
	if o.Retry.MaxAge <= 0 {
		o.Retry.MaxAge = 24 * time.Hour
	}
	if o.KeepEvents <= 0 {
		o.KeepEvents = 31 * 24 * time.Hour
	}
	return o
}

// SubscriptionWish is what a party asks for.
type SubscriptionWish struct {
	// Topic is one of Topics.
	Topic string `json:"topic"`
	// Plans are the opaque ids of the plans it is about; none: all that the party takes part in. Filters are the
	// criteria in the party's own words.
	Plans   []string `json:"plans,omitempty"`
	Filters []string `json:"filters,omitempty"`
	// Endpoint is where notifications go; "" means where the party's messages go. Scheme, host and port are those of
	// the configuration: nobody makes the gateway call another machine.
	Endpoint string `json:"endpoint,omitempty"`
	// Content is one of the Content constants; "" means id-only.
	Content string `json:"content"`
	// Heartbeat is the longest silence, Timeout how long we wait for an answer. Unit: seconds; 0 means none, as usual.
	Heartbeat int `json:"heartbeat,omitempty"`
	Timeout   int `json:"timeout,omitempty"`
	// MaxCount is the most events of one notification; 0 means DefaultNoticeCount.
	MaxCount int `json:"max_count,omitempty"`
	// End turns the subscription off; zero: never.
	End     time.Time       `json:"end,omitzero"`
	Reason  string          `json:"reason"`
	Status  string          `json:"-"`
	Contact json.RawMessage `json:"contact,omitempty"`
}

// Subscription is one subscription as it stands.
type Subscription struct {
	SubscriptionWish
	ID    string `json:"id"`
	Party string `json:"party"`
	// Status is one of the states above, Fault why it is in error or was turned off.
	Status  string    `json:"status"`
	Fault   string    `json:"fault,omitempty"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	// Version counts changes of the subscription itself; events do not change it.
	Version int64 `json:"version"`
	// Last is the number of the newest event.
	Last int64 `json:"-"`
	// Automatic: made by the configuration, for the plan of the patient key Patient.
	Automatic bool   `json:"-"`
	Patient   string `json:"-"`

	// Try counts handshakes; From is the number of the newest event when the last one was made.
	Try  int64 `json:"try"`
	From int64 `json:"from,omitempty"`
	// Beat is when the last heartbeat was made, BeatID its delivery; Stopped is the delivery that a person was shown
	// when the subscription came into error; Kept is the oldest page of events that is kept.
	Beat    time.Time `json:"beat,omitzero"`
	BeatID  string    `json:"beat_id,omitempty"`
	Stopped string    `json:"stopped,omitempty"`
	Kept    int64     `json:"kept,omitempty"`
}

// SubscriptionEvent is one event of a subscription.
type SubscriptionEvent struct {
	Number int64     `json:"n"`
	At     time.Time `json:"at"`
	// Plan is the opaque id of the plan that it is about; "" when the person is erased.
	Plan string `json:"p"`
}

func wishFault(code, safe string) *samvirke.Fault {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: safe}
}

// Faults of what a party asks for.
var (
	errTopic     = wishFault("unknown-topic", "the criteria are not the canonical URL of one of the topics in the CapabilityStatement")
	errEndpoint  = wishFault("endpoint-not-allowed", "notifications go to the scheme, host and port that are configured for the party, without user, password or fragment")
	errNoWay     = wishFault("no-endpoint", "no way is configured on which this party could be told anything")
	errContent   = wishFault("bad-content", "the content is empty, id-only or full-resource")
	errPeriods   = wishFault("bad-period", "heartbeat is 10 to 604800 seconds, timeout 1 to 300 seconds, the maximum of events 1 to 1000")
	errEnd       = wishFault("bad-end", "the end lies in the past")
	errWhy       = wishFault("bad-reason", "the reason is 1 to 1000 characters, the contact at most 4 KB")
	errPlans     = wishFault("bad-filter", "a filter names a plan by its id, at most 100 of them")
	errStatus    = wishFault("bad-status", "a subscriber sets the status requested, or off to end it")
	errTooMany   = wishFault("too-many-subscriptions", "the party has 100 subscriptions that are not off")
	errChanged   = wishFault("version-conflict", "the subscription was changed meanwhile")
	errAutomatic = wishFault("configured", "this subscription is made by the configuration and cannot be changed here")
)

// check holds a wish against what the party may have, and fills in what it leaves open.
func (w *SubscriptionWish) check(l *lane, now time.Time) error {
	w.Reason = strings.TrimSpace(w.Reason)
	switch {
	case l == nil || l.Sender == nil:
		return errNoWay
	case !slices.Contains(Topics(), w.Topic):
		return errTopic
	case w.Heartbeat != 0 && (w.Heartbeat < MinHeartbeat || w.Heartbeat > MaxHeartbeat), w.Timeout < 0 || w.Timeout > MaxNoticeTimeout,
		w.MaxCount < 0 || w.MaxCount > MaxNoticeCount:
		return errPeriods
	case !w.End.IsZero() && !w.End.After(now):
		return errEnd
	case w.Reason == "" || len(w.Reason) > MaxReason || len(w.Contact) > maxContact:
		return errWhy
	case len(w.Plans) > MaxSubscriptionPlans || len(w.Filters) > MaxSubscriptionPlans:
		return errPlans
	}
	switch w.Content {
	case "":
		w.Content = ContentIDOnly
	case ContentEmpty, ContentIDOnly, ContentFull:
	default:
		return errContent
	}
	if w.Endpoint == "" {
		w.Endpoint = l.Endpoint
	}
	if w.Endpoint != l.Endpoint && !sameOrigin(w.Endpoint, l.Endpoint) {
		return errEndpoint
	}
	return nil
}

// sameOrigin tells whether a URL leads to the very machine and port of another, in the same way.
func sameOrigin(text, configured string) bool {
	if len(text) > maxEndpoint || configured == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return false
	}
	u, err := url.Parse(text)
	c, cerr := url.Parse(configured)
	if err != nil || cerr != nil || u.User != nil || u.Fragment != "" || u.Opaque != "" || strings.Contains(text, "#") {
		return false
	}
	return (u.Scheme == "http" || u.Scheme == "https") && u.Scheme == c.Scheme && u.Host != "" && hostPort(u) == hostPort(c)
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// Names in the store.
const (
	ownPrefix = "own-subscription/"
	eventPage = 32 // events of one setting
)

func ownSetting(id string) string  { return ownPrefix + id }
func turnCounter(id string) string { return "subscription-turn/" + id }

// EventCounter names the counter of the newest event of a subscription that a party made for itself.
func EventCounter(id string) string { return "subscription-event/" + id }

func pageSetting(id string, page int64) string {
	return fmt.Sprintf("subscription-events/%s/%010d", id, page)
}

// pageOf is the page that an event stands on.
func pageOf(number int64) int64 { return (number - 1) / eventPage }

// covers tells whether a plan is one that the subscription is about, and under which of its ids.
func (s *Subscription) covers(ids []string) (plan string, ok bool) {
	if len(s.Plans) == 0 {
		return ids[0], true
	}
	for _, id := range ids {
		if slices.Contains(s.Plans, id) {
			return id, true
		}
	}
	return "", false
}
