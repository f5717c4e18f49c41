package gateway_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// toldEvents is the body of a delivery of events, as a reader of a stream sees it.
type toldEvents struct {
	ID, Message, Party, Kind string
	Events                   []struct{ ID, Name, Party, Delivery, Detail string }
}

// follower is a party that is told of events, and of nothing else.
func follower(w *wire) func(*rig) {
	return func(r *rig) {
		r.more = append(r.more, gateway.Party{Party: samvirke.Party{ID: "stream", Role: "other"}, Sender: w, Retry: r.retry, Breaker: gateway.Breaker{Failures: 1000}, Events: true})
	}
}

// told reads what a follower got, each delivery once, the names of events by message in order of arrival.
func told(t *testing.T, w *wire) (names map[string][]string, bodies [][]byte) {
	t.Helper()
	names = map[string][]string{}
	first := map[string][]byte{}
	for _, d := range w.sent() {
		var e toldEvents
		if err := json.Unmarshal(d.Body, &e); err != nil {
			t.Fatal(err)
		}
		if e.ID != d.ID || d.Purpose != samvirke.PurposeEvent || d.Kind != gateway.KindEvents || d.Patient != "" {
			t.Errorf("delivery %+v of %+v", d, e)
		}
		if before, again := first[d.ID]; again {
			if !bytes.Equal(before, d.Body) {
				t.Errorf("delivery %s came with other bytes", d.ID)
			}
			continue
		}
		first[d.ID] = d.Body
		bodies = append(bodies, d.Body)
		for i, x := range e.Events {
			if !strings.HasPrefix(x.ID, d.ID+"/") || strings.HasPrefix(x.Delivery, "ev-") {
				t.Errorf("event %d is %+v", i, x)
			}
			names[e.Message] = append(names[e.Message], x.Name)
		}
	}
	return names, bodies
}

// TestEventsAreToldInOrder: who follows events is told every one of every message that the store keeps, in order, at least
// once, over a failure and a restart; nothing of its own deliveries, and nothing of the patient.
func TestEventsAreToldInOrder(t *testing.T) {
	w := &wire{}
	down := func(int, samvirke.Delivery) (connectors.Result, error) {
		return connectors.Result{}, &samvirke.Fault{Class: samvirke.Transient, Code: "unreachable", Safe: "away"}
	}
	w.script(down)
	r := newRig(t, follower(w))
	var ids []string
	for n := range 4 {
		id, msgID := r.admit(simulate.Admission{Person: n})
		r.untilState(id, samvirke.DeliverySent)
		ans := r.receive("city", appRec(uuid.NewString(), msgID, "1"))
		r.untilStatus(ans.MessageID, samvirke.MessageProcessed)
		r.untilState(id, samvirke.DeliveryAcknowledged)
		ids = append(ids, id, ans.MessageID)
	}
	r.restart()
	before := len(w.sent())
	w.script(nil)
	want := map[string][]string{}
	for _, id := range ids {
		for _, e := range r.events(id) {
			if e.Name != samvirke.EventSending && !strings.HasPrefix(e.DeliveryID, "ev-") {
				want[id] = append(want[id], string(e.Name))
			}
		}
	}
	got := func() map[string][]string {
		taken := &wire{got: w.sent()[before:]}
		names, _ := told(t, taken)
		return names
	}
	r.until("all told", func() bool {
		names := got()
		for id, list := range want {
			if len(names[id]) < len(list) {
				return false
			}
		}
		return true
	})
	names := got()
	for id, list := range want {
		if n := min(len(list), len(names[id])); !slices.Equal(names[id][:n], list) { // a clock may have run out since
			t.Errorf("message %s: told %v, kept %v", id, names[id], list)
		}
	}
	for i, id := range ids {
		if least := []int{4, 1}[i%2]; len(want[id]) < least { // a message, and the receipt for it
			t.Errorf("message %s: only %v", id, want[id])
		}
	}
	_, bodies := told(t, w)
	for _, b := range bodies {
		for n := range 4 {
			if bytes.Contains(b, []byte(simulate.PersonNumber(n))) {
				t.Errorf("the patient is named in %s", b)
			}
		}
	}
}

// TestFollowedStoreErases: behind the feed the store can still do what not every store can.
func TestFollowedStoreErases(t *testing.T) {
	r := newRig(t, follower(&wire{}))
	r.admitPerson(1)
	if erased, err := r.g.Erase(t.Context(), key(1), "admin", "a test"); err != nil {
		t.Fatalf("%+v, %v", erased, err)
	}
	if _, err := r.store.Plan(t.Context(), key(1), 0); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("the plan is still there: %v", err)
	}
}

// TestNobodyFollows: without a follower not one delivery more is made.
func TestNobodyFollows(t *testing.T) {
	w := &wire{}
	r := newRig(t, func(r *rig) {
		r.more = append(r.more, gateway.Party{Party: samvirke.Party{ID: "stream", Role: "other"}, Sender: w, Retry: r.retry})
	})
	id, _ := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	if n := len(r.deliveries(id, samvirke.PurposeEvent)); n != 0 || len(w.sent()) != 0 {
		t.Errorf("%d deliveries", n)
	}
}
