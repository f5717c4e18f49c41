package gateway_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors/rest"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
)

// notified is one notification as a subscriber got it.
type notified struct {
	path, subscription, topic, status, kind string
	since                                   int64
	events                                  []int64
	focus                                   []string
	body                                    []byte
}

// hook is a subscriber on the wire.
type hook struct {
	*httptest.Server
	t      *testing.T
	mu     sync.Mutex
	got    []notified
	answer func(n notified) int
}

func newHook(t *testing.T) *hook {
	h := &hook{t: t}
	h.Server = httptest.NewServer(h)
	t.Cleanup(func() {
		h.Client().CloseIdleConnections()
		h.Close()
	})
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	n := h.parse(r.URL.Path, body)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.answer != nil {
		if status := h.answer(n); status >= 300 {
			w.WriteHeader(status)
			return
		}
	}
	h.got = append(h.got, n)
	w.WriteHeader(http.StatusAccepted)
}

// parse reads a notification and holds it against the profile.
func (h *hook) parse(path string, body []byte) notified {
	n := notified{path: path, body: body}
	b, err := fhir.ParseNode(body)
	if err != nil {
		h.t.Errorf("no notification: %v", err)
		return n
	}
	entries := b.Get("entry").Items()
	if b.Get("type").Text() != "history" || len(entries) == 0 || entries[0].At("resource.resourceType").Text() != "Parameters" {
		h.t.Errorf("bundle %s", body)
		return n
	}
	for _, e := range entries {
		if e.At("request.method").Text() != "GET" || e.At("request.url").Text() == "" || e.At("response.status").Text() == "" {
			h.t.Errorf("an entry without request and response: %s", e.Bytes())
		}
	}
	for _, p := range entries[0].At("resource.parameter").Items() {
		switch p.Get("name").Text() {
		case "subscription":
			_, n.subscription, _ = strings.Cut(p.At("valueReference.reference").Text(), "Subscription/")
		case "topic":
			n.topic = p.Get("valueCanonical").Text()
		case "status":
			n.status = p.Get("valueCode").Text()
		case "type":
			n.kind = p.Get("valueCode").Text()
		case "events-since-subscription-start":
			n.since, _ = strconv.ParseInt(p.Get("valueString").Text(), 10, 64)
		case "notification-event":
			for _, part := range p.Get("part").Items() {
				switch part.Get("name").Text() {
				case "event-number":
					at, err := strconv.ParseInt(part.Get("valueString").Text(), 10, 64)
					if err != nil {
						h.t.Errorf("event number: %v", err)
					}
					n.events = append(n.events, at)
				case "focus":
					n.focus = append(n.focus, part.At("valueReference.reference").Text())
				}
			}
		}
	}
	if want := "Subscription/" + n.subscription + "/$status"; entries[0].At("request.url").Text() != want {
		h.t.Errorf("entry 0 asks for %s, want %s", entries[0].At("request.url").Text(), want)
	}
	return n
}

func (h *hook) script(f func(n notified) int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = f
}

// of gives what came for one subscription, of one kind.
func (h *hook) of(sub, kind string) []notified {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []notified
	for _, n := range h.got {
		if n.subscription == sub && n.kind == kind {
			out = append(out, n)
		}
	}
	return out
}

// numbers are the event numbers that came for a subscription, each once, in order.
func (h *hook) numbers(sub string) []int64 {
	seen := map[int64]bool{}
	for _, n := range h.of(sub, fhir.NotifyEvent) {
		for _, e := range n.events {
			seen[e] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// everything is all that ever came, also what was not taken.
func (h *hook) everything() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b bytes.Buffer
	for _, n := range h.got {
		b.Write(n.body)
	}
	return b.Bytes()
}

// party is a party that is reached over HTTP at the hook and is told nothing by the configuration.
func (h *hook) party(id, role, her string, roles ...string) gateway.Party {
	url := h.URL + "/messages"
	s, err := rest.NewSender(rest.ClientOptions{Party: id, URL: url, Timeout: patience})
	if err != nil {
		h.t.Fatal(err)
	}
	return gateway.Party{Sender: s, Endpoint: url, Breaker: gateway.Breaker{OpenFor: 10 * time.Millisecond},
		Party: samvirke.Party{ID: id, Name: id, Role: role, HER: []string{her}, Roles: roles}}
}

// subscriptionRig has a coordinating city, a GP and a private provider; both are subscribers at hooks.
func subscriptionRig(t *testing.T, change ...func(*rig)) (r *rig, gp, private *hook) {
	gp, private = newHook(t), newHook(t)
	r = newRig(t, append([]func(*rig){func(r *rig) {
		r.cityParty.Roles, r.now = []string{samvirke.RoleCoordinator}, thatNight()
		r.subscriptions.Retry = gateway.Retry{First: 5 * time.Millisecond, Max: 20 * time.Millisecond, MaxAge: time.Hour}
		r.more = []gateway.Party{gp.party("gp", "gp", herGP), private.party("private", "other", herPrivate, samvirke.RolePrivateProvider)}
	}}, change...)...)
	return r, gp, private
}

// subscribe makes a subscription and waits until it is active.
func (r *rig) subscribe(party string, w gateway.SubscriptionWish) gateway.Subscription {
	r.t.Helper()
	s := r.requested(party, w)
	return r.untilSubscription(s, gateway.SubscriptionActive)
}

func (r *rig) requested(party string, w gateway.SubscriptionWish) gateway.Subscription {
	r.t.Helper()
	if w.Reason == "" {
		w.Reason = "test"
	}
	if w.Topic == "" {
		w.Topic = gateway.TopicPlanChanged
	}
	s, err := r.g.Subscribe(r.t.Context(), party, w)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) subscription(s gateway.Subscription) gateway.Subscription {
	r.t.Helper()
	out, err := r.g.SubscriptionOf(r.t.Context(), s.Party, s.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) untilSubscription(s gateway.Subscription, status string) gateway.Subscription {
	r.t.Helper()
	r.until("subscription "+status, func() bool { return r.subscription(s).Status == status })
	return r.subscription(s)
}

// complete checks that the events of a subscription are 1, 2, 3 ... without a gap, and gives how many there are.
func (r *rig) complete(s gateway.Subscription) int {
	r.t.Helper()
	st := r.subscription(s)
	var all []gateway.SubscriptionEvent
	for since := int64(1); since <= st.Last; {
		page, err := r.g.SubscriptionEvents(r.t.Context(), &st, since, st.Last, 7)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
		since = page[len(page)-1].Number + 1
	}
	for i, e := range all {
		if e.Number != int64(i+1) {
			r.t.Fatalf("event %d has the number %d: %v", i+1, e.Number, all)
		}
	}
	if int64(len(all)) != st.Last {
		r.t.Errorf("%d events, the counter says %d", len(all), st.Last)
	}
	return len(all)
}
