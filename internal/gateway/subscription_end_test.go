package gateway_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/route"
)

// TestClockReachesSubscribers: a clock that runs out is told under its topic, once.
func TestClockReachesSubscribers(t *testing.T) {
	h := &movedClock{at: time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC)}
	unit := newHook(t)
	r := newRig(t, func(r *rig) {
		r.now = h.now
		p := unit.party("unit", "other", herGP, samvirke.RoleCoordinator)
		p.Municipality = "5001"
		r.more = []gateway.Party{p}
		r.patient = func(string) (string, string) { return "5001", "" }
	})
	gap := r.subscribe("unit", gateway.SubscriptionWish{Topic: gateway.TopicGapFound})
	due := r.subscribe("unit", gateway.SubscriptionWish{Topic: gateway.TopicEvaluationDue})
	id, _ := r.admitPerson(1)
	r.untilStatus(id, samvirke.MessageProcessed)
	was := r.subscription(gap).Last
	h.move(25 * time.Hour)
	r.until("the clock ran out", func() bool { return r.fired(id) > 0 })
	r.restart()
	r.rounds()
	if n := r.subscription(gap).Last; n != was+1 {
		t.Errorf("told %d times of a missing report, want once", n-was)
	}
	if n := r.subscription(due).Last; n != 0 {
		t.Errorf("told %d times of an evaluation", n)
	}
	r.until("told", func() bool { return len(unit.numbers(gap.ID)) == int(was+1) })
	r.complete(gap)
}

// TestEchoTellsNoSubscriber: the ping-pong guard holds where nobody is told by the configuration.
func TestEchoTellsNoSubscriber(t *testing.T) {
	r, gp, _ := subscriptionRig(t, func(r *rig) {
		r.cityParty.Accepts, r.cityParty.Receipts = append(r.cityParty.Accepts, samvirke.Accept{Format: "fhir"}), samvirke.ReceiptNone
		r.rules = append(r.rules, route.Rule{Name: "writes", Kinds: []string{"plan-write"}, To: []string{"city"}})
	})
	r.join(herGP, "2026-01-01", "")
	s := r.subscribe("gp", gateway.SubscriptionWish{})
	diagnosis := func(name string) []*fhir.Node {
		return []*fhir.Node{fhir.NewObject("resourceType", "Condition", "code", fhir.NewObject("text", name))}
	}
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: diagnosis("lammelse")})
	if n := r.subscription(s).Last; n != 1 {
		t.Fatalf("told %d times, want once", n)
	}
	if echo := r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: diagnosis("lammelse")}); !echo.Changed {
		t.Fatal("the echo shows nothing new: the test shows nothing")
	}
	if n := r.subscription(s).Last; n != 1 {
		t.Errorf("the echo was told: %d events", n)
	}
	r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: diagnosis("noe nytt")})
	r.until("told", func() bool { return slices.Equal(gp.numbers(s.ID), []int64{1, 2}) })
}

// TestErasedIsInNoSubscription: P22. The numbers stay; what they were about does not, and a subscription to the plan of the
// person alone is off.
func TestErasedIsInNoSubscription(t *testing.T) {
	r, _, _ := subscriptionRig(t)
	r.join(herGP, "2026-01-01", "")
	all, one := r.subscribe("gp", gateway.SubscriptionWish{}), r.subscribe("gp", gateway.SubscriptionWish{Plans: []string{r.g.PlanID(key(1))}, Filters: []string{"CarePlan?_id=" + r.g.PlanID(key(1))}})
	r.goal("gå 200 meter")
	r.untilSent("gp")
	if _, err := r.g.Erase(t.Context(), key(1), "admin", "a test"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n := r.complete(all); n != 1 {
			t.Errorf("%d events", n)
		}
		if a, b := r.subscription(all).Status, r.subscription(one).Status; a != gateway.SubscriptionActive || b != gateway.SubscriptionOff {
			t.Errorf("all plans: %s, the person's: %s", a, b)
		}
		for _, prefix := range []string{"subscription-events/", "own-subscription/"} {
			list, err := r.store.Settings(t.Context(), prefix, "", 100)
			if err != nil || len(list) == 0 {
				t.Fatal(len(list), err)
			}
			for _, x := range list {
				if strings.Contains(x.Value, r.g.PlanID(key(1))) {
					t.Errorf("%s names the plan: %s", x.Name, x.Value)
				}
			}
		}
		r.restart()
	}
}
