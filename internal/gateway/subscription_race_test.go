package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// lateAnswer is a store that has long stored a handshake when it says so: the lane has it before who queued it knows.
type lateAnswer struct {
	queue.Store
	t *testing.T
}

func (s lateAnswer) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	out, err := s.Store.Commit(ctx, u)
	if err != nil {
		return out, err
	}
	for i := range u.Deliveries {
		if u.Deliveries[i].Kind == fhir.NotifyHandshake {
			s.untilLeased(u.Deliveries[i].ID)
		}
	}
	return out, nil
}

// untilLeased waits until a delivery is leased, and then long enough for a lane that does not wait to be done with it.
func (s lateAnswer) untilLeased(id string) {
	leased := 0
	for range 6000 {
		d, err := s.Store.Delivery(context.Background(), id)
		switch {
		case err != nil:
			s.t.Errorf("handshake: %v", err)
			return
		case d.State == samvirke.DeliverySending:
			leased++
		case d.State != samvirke.DeliveryQueued:
			return
		}
		if leased == 20 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Error("a handshake was never leased")
}

// TestHandshakeBeforeItsChangeIsKnown: a handshake that is leased before the unit that queued it has come back is sent. To give it
// up for the state of before would leave the subscription requested for ever: no other is made.
func TestHandshakeBeforeItsChangeIsKnown(t *testing.T) {
	r, gp, _ := subscriptionRig(t, func(r *rig) {
		r.wrap = func(s queue.Store) queue.Store { return lateAnswer{Store: s, t: t} }
	})
	r.join(herGP, "2026-01-01", "")
	s := r.subscribe("gp", gateway.SubscriptionWish{})
	for i := range 3 {
		if _, err := r.g.EndSubscription(t.Context(), "gp", s.ID); err != nil {
			t.Fatal(err)
		}
		st := r.subscription(s)
		w := st.SubscriptionWish
		w.Status = gateway.SubscriptionRequested
		if _, err := r.g.ChangeSubscription(t.Context(), "gp", s.ID, st.Version, w); err != nil {
			t.Fatal(err)
		}
		r.untilSubscription(s, gateway.SubscriptionActive)
		if n := len(gp.of(s.ID, fhir.NotifyHandshake)); n != i+2 {
			t.Errorf("%d handshakes were taken, want %d", n, i+2)
		}
	}
}
