package gateway_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// noteErasure writes into the store that an erasure of silent people has begun, as one that was interrupted leaves it.
func (r *rig) noteErasure(name string, silent time.Time, patients ...string) {
	r.t.Helper()
	note, err := json.Marshal(map[string]any{"Patients": patients, "Settings": []string{name}, "Silent": silent, "Unwiped": true, "who": "retention", "reason": "r"})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.store.Commit(r.t.Context(), &queue.Unit{Now: time.Now(), Settings: map[string]string{name: string(note)}}); err != nil {
		r.t.Fatal(err)
	}
}

// TestResumeSilentHeard: an interrupted erasure of silent people is gone on with a day later. Of somebody who came again meanwhile nothing
// is touched, not the subscription to the plan either.
func TestResumeSilentHeard(t *testing.T) {
	t.Parallel()
	r, _, _ := subscriptionRig(t)
	r.join(herGP, "2026-01-01", "")
	one := r.subscribe("gp", gateway.SubscriptionWish{Plans: []string{r.g.PlanID(key(1))}, Filters: []string{"CarePlan?_id=" + r.g.PlanID(key(1))}})
	r.goal("gå 200 meter")
	r.untilSent("gp")
	told := r.complete(one)
	r.noteErasure("erasure/x", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), key(1))
	if err := r.g.Retain(t.Context(), gateway.Retention{}); err != nil {
		t.Fatal(err)
	}
	if v, err := r.store.Setting(t.Context(), "erasure/x"); err != nil || v != "" {
		t.Errorf("the erasure waits still: %q, %v", v, err)
	}
	r.plan(key(1))
	if st := r.subscription(one).Status; st != gateway.SubscriptionActive || told == 0 || r.complete(one) != told {
		t.Errorf("the subscription is %s, events %d of %d", st, r.complete(one), told)
	}
}

// TestRetainLinkedOpen: somebody has something open and stays. The plan of another person who was linked with them once is left as it is;
// when the first one goes it is made of its own records.
func TestRetainLinkedOpen(t *testing.T) {
	t.Parallel()
	r := identityRig(t, func(r *rig) { r.now = thatNight() })
	stay(r, 1, "finished", "end", "2026-01-08T10:00:00+01:00")
	stay(r, 2, "in-progress")
	link := r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: []*fhir.Node{linkNode(1, 2)}})
	r.submit(gateway.Write{Party: "city", Patient: person(2), Op: samvirke.OpCancel, Parent: link.ExternalID, Conversation: link.ExternalID})
	r.stopped(1)
	was := r.plan(key(2)).Version
	retain := func() {
		t.Helper()
		if err := r.g.Retain(t.Context(), gateway.Retention{Records: time.Nanosecond}); err != nil {
			t.Fatal(err)
		}
	}
	retain()
	r.plan(key(1))
	if now := r.plan(key(2)).Version; now != was {
		t.Errorf("the plan of the other is at version %d, it was at %d", now, was)
	}
	r.restart() // all plans are looked at again
	open, err := r.store.Deliveries(t.Context(), queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliveryStopped, samvirke.DeliveryQueued, samvirke.DeliveryWaiting}})
	for _, d := range open {
		err = errors.Join(err, r.g.GiveUp(t.Context(), "admin", d.ID, "a test"))
	}
	if err != nil || len(open) == 0 {
		t.Fatal(len(open), err)
	}
	retain()
	if _, err := r.store.Plan(t.Context(), key(1), 0); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("with nothing open the person stays: %v", err)
	}
	if now := r.plan(key(2)).Version; now != was+1 {
		t.Errorf("the plan of the other is at version %d, it was at %d", now, was)
	}
}
