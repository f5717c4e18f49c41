package gateway_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// hold holds a party as a person would.
func (r *rig) hold(party string, mode gateway.HoldMode) {
	r.t.Helper()
	if err := r.g.Hold(r.t.Context(), "admin", party, mode, "maintenance"); err != nil {
		r.t.Fatal(err)
	}
}

// TestPausedPartyIsSentNothing: what is for it waits, over a restart, and goes out in order when it is let go.
func TestPausedPartyIsSentNothing(t *testing.T) {
	r := newRig(t)
	first, _ := r.admit(simulate.Admission{Person: 1})
	r.untilState(first, samvirke.DeliverySent)
	r.hold("city", gateway.HoldPaused)
	var ids []string
	for range 3 {
		id, _ := r.admit(simulate.Admission{Person: 1})
		r.untilStatus(id, samvirke.MessageProcessed)
		ids = append(ids, id)
	}
	r.restart()
	states, err := r.g.Parties(t.Context())
	if err != nil || states[1].Hold.Mode != gateway.HoldPaused || states[1].Hold.By != "admin" || states[1].Hold.Reason != "maintenance" || states[1].Waiting != 3 {
		t.Fatalf("%+v, %v", states, err)
	}
	if n := len(r.city.sent()); n != 1 {
		t.Errorf("%d were sent to a paused party", n-1)
	}
	r.until("receipts to the other one", func() bool { return len(r.hospital.sent()) == 4 })
	r.hold("city", gateway.HoldNone)
	for _, id := range ids {
		r.untilState(id, samvirke.DeliverySent)
	}
	for i, d := range r.city.sent()[1:] {
		if d.MessageID != ids[i] {
			t.Errorf("delivery %d is of %s, want %s", i, d.MessageID, ids[i])
		}
	}
	log, err := r.store.Audits(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, a := range log {
		if a.Object == "city" && a.Who == "admin" && a.Reason == "maintenance" {
			seen[a.Action] = true
		}
	}
	if !seen["pause-party"] || !seen["resume-party"] {
		t.Errorf("audit %v", seen)
	}
}

// TestPauseWhileOneIsOnTheWire: what was on the wire when the party was paused is awaited and stored.
func TestPauseWhileOneIsOnTheWire(t *testing.T) {
	r := newRig(t)
	hold := make(chan struct{})
	r.city.mu.Lock()
	r.city.hold = hold
	r.city.mu.Unlock()
	id, _ := r.admit(simulate.Admission{Person: 1})
	r.until("on the wire", func() bool { return len(r.city.sent()) == 1 })
	r.hold("city", gateway.HoldPaused)
	close(hold)
	r.untilState(id, samvirke.DeliverySent)
}

// lateLease is a store in which a person holds the city between the moment when its delivery is leased and the one when the lane knows.
type lateLease struct {
	queue.Store
	hold func()
	once sync.Once
}

func (s *lateLease) Lease(ctx context.Context, party string, most int, ttl time.Duration) ([]queue.Leased, error) {
	got, err := s.Store.Lease(ctx, party, most, ttl)
	if party == "city" && len(got) > 0 {
		s.once.Do(s.hold)
	}
	return got, err
}

// TestPauseBetweenLeaseAndSend: once a party is paused nothing more is begun, not even what was leased in that moment.
func TestPauseBetweenLeaseAndSend(t *testing.T) {
	var r *rig
	held := make(chan struct{})
	r = newRig(t, func(x *rig) {
		x.wrap = func(s queue.Store) queue.Store {
			return &lateLease{Store: s, hold: func() {
				defer close(held)
				if err := x.g.Hold(context.Background(), "admin", "city", gateway.HoldPaused, "maintenance"); err != nil {
					t.Error(err)
				}
			}}
		}
	})
	id, _ := r.admit(simulate.Admission{Person: 1})
	select {
	case <-held:
	case <-time.After(patience):
		t.Fatal("nothing was leased for the city")
	}
	r.until("given back", func() bool { return r.one(id, samvirke.PurposeForward).State != samvirke.DeliverySending })
	if d := r.one(id, samvirke.PurposeForward); d.State != samvirke.DeliveryWaiting || d.Attempts != 0 || len(r.city.sent()) != 0 {
		t.Errorf("a paused party: delivery %s, %d attempts, %d sent", d.State, d.Attempts, len(r.city.sent()))
	}
	r.hold("city", gateway.HoldNone)
	r.untilState(id, samvirke.DeliverySent)
}

// TestDrainingPartyIsAskedToComeLater: its receipts are taken, its messages are not, and nothing of them is kept.
func TestDrainingPartyIsAskedToComeLater(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	for _, p := range []string{"city", "hospital"} {
		r.hold(p, gateway.HoldDraining)
	}
	before, err := r.store.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.g.Receive(t.Context(), connectors.Incoming{Party: "hospital", Body: simulate.Admission{Person: 2}.XML()})
	if f := samvirke.FaultOf(err); f == nil || f.Code != "party-draining" || f.Class != samvirke.Transient || f.RetryAfter <= 0 {
		t.Fatalf("got %v", err)
	}
	if after, err := r.store.Stats(t.Context()); err != nil || after.Accepted != before.Accepted {
		t.Errorf("%d accepted, %v", after.Accepted-before.Accepted, err)
	}
	r.receive("city", appRec(uuid.NewString(), msgID, "1"))
	r.untilState(id, samvirke.DeliveryAcknowledged)
	r.hold("hospital", gateway.HoldNone)
	r.admit(simulate.Admission{Person: 2})
}

// TestHoldMistakes: each is told, and holds nothing.
func TestHoldMistakes(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		party  string
		mode   gateway.HoldMode
		reason string
		want   error
	}{
		{"city", gateway.HoldPaused, " ", gateway.ErrReason}, {"nobody", gateway.HoldPaused, "x", queue.ErrNotFound}, {"city", "asleep", "x", gateway.ErrHold},
	} {
		if err := r.g.Hold(t.Context(), "admin", c.party, c.mode, c.reason); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	states, err := r.g.Parties(t.Context())
	if err != nil || states[1].Hold.Mode != gateway.HoldNone {
		t.Errorf("%+v, %v", states, err)
	}
}

// TestHeldByAnotherGateway: a hold written by another gateway on the same store is found.
func TestHeldByAnotherGateway(t *testing.T) {
	r := newRig(t)
	u := &queue.Unit{Now: time.Now().UTC(), Settings: map[string]string{"party-hold/city": `{"mode":"paused","by":"other","reason":"x"}`, "party-hold/gone": `{"mode":"paused"}`, "party-hold/hospital": `{`}}
	if _, err := r.store.Commit(context.Background(), u); err != nil {
		t.Fatal(err)
	}
	r.until("found", func() bool {
		states, err := r.g.Parties(t.Context())
		return err == nil && states[1].Hold.By == "other" && states[0].Hold.Mode == ""
	})
}
