package gateway_test

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// goal writes a goal of the hospital's.
func (r *rig) goal(text string) gateway.Result {
	r.t.Helper()
	return r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode(text)}})
}

// TestSubscriptionIsToldAfterAHandshake: requested until the subscriber has taken a handshake, which is not counted; then one
// event for each change, by id only.
func TestSubscriptionIsToldAfterAHandshake(t *testing.T) {
	r, gp, _ := subscriptionRig(t)
	shake := make(chan struct{})
	taken := sync.OnceFunc(func() { close(shake) })
	t.Cleanup(taken) // before the subscriber is closed, which waits for its answers
	gp.script(func(notified) int {
		<-shake
		return http.StatusAccepted
	})
	s := r.requested("gp", gateway.SubscriptionWish{Endpoint: gp.URL + "/plans?x=1"})
	if s.Status != gateway.SubscriptionRequested || s.Content != gateway.ContentIDOnly || len(s.ID) != 32 {
		t.Fatalf("subscription %+v", s)
	}
	r.join(herGP, "2026-01-01", "") // counted, and told when the subscription is active
	r.until("event counted", func() bool { return r.subscription(s).Last == 1 })
	if st := r.subscription(s); st.Status != gateway.SubscriptionRequested {
		t.Fatalf("active without a handshake taken")
	}
	taken()
	r.untilSubscription(s, gateway.SubscriptionActive)
	r.goal("gå 200 meter")
	r.goal("klare trappen")
	r.until("events", func() bool { return len(gp.numbers(s.ID)) == 3 })
	if got := gp.numbers(s.ID); !slices.Equal(got, []int64{1, 2, 3}) || r.complete(s) != 3 {
		t.Errorf("events %v", got)
	}
	shakes := gp.of(s.ID, fhir.NotifyHandshake)
	if len(shakes) != 1 || shakes[0].since != 0 || shakes[0].status != gateway.SubscriptionRequested || len(shakes[0].events) != 0 || shakes[0].path != "/plans" {
		t.Errorf("handshakes %+v", shakes)
	}
	for _, n := range gp.of(s.ID, fhir.NotifyEvent) {
		if n.topic != gateway.TopicPlanChanged || n.status != gateway.SubscriptionActive || n.focus[0] != "https://gw.example/fhir/CarePlan/"+r.g.PlanID(key(1)) || n.path != "/plans" {
			t.Errorf("notification %+v", n)
		}
	}
	all := gp.everything()
	for _, secret := range []string{simulate.PersonNumber(1), "gå 200 meter", "klare trappen", key(1)} {
		if bytes.Contains(all, []byte(secret)) {
			t.Errorf("a notification by id holds %q", secret)
		}
	}
	if n := r.told("gp", "nobody"); n != 0 {
		t.Errorf("told %d times by the configuration", n)
	}
}

// TestTwoTopics: two subscriptions of one party hear of what is theirs, each with numbers of its own.
func TestTwoTopics(t *testing.T) {
	r, gp, _ := subscriptionRig(t)
	r.join(herGP, "2026-01-01", "")
	any := r.subscribe("gp", gateway.SubscriptionWish{Content: gateway.ContentEmpty})
	stays := r.subscribe("gp", gateway.SubscriptionWish{Topic: gateway.TopicEncounterChanged, Plans: []string{r.g.PlanID(key(1))}})
	other := r.subscribe("gp", gateway.SubscriptionWish{Plans: []string{r.g.PlanID(key(2))}})
	r.goal("gå 200 meter")
	id, _ := r.admitPerson(1)
	r.untilStatus(id, samvirke.MessageProcessed)
	r.goal("klare trappen")
	r.until("events", func() bool { return len(gp.numbers(any.ID)) == 3 && len(gp.numbers(stays.ID)) == 1 })
	if a, b, c := r.complete(any), r.complete(stays), r.complete(other); a != 3 || b != 1 || c != 0 {
		t.Errorf("events %d, %d, %d, want 3 of the plan, 1 of the stay, none of another plan", a, b, c)
	}
	for _, n := range gp.of(any.ID, fhir.NotifyEvent) {
		if len(n.focus) != 0 || bytes.Contains(n.body, []byte(r.g.PlanID(key(1)))) {
			t.Errorf("an empty notification names a plan: %s", n.body)
		}
	}
	kinds := map[string]string{}
	for _, d := range r.deliveries(id, samvirke.PurposeNotice) {
		kinds[d.Rule] = d.Kind
	}
	if len(kinds) != 2 || kinds["subscription "+any.ID] != "plan-changed" || kinds["subscription "+stays.ID] != "encounter-changed" {
		t.Errorf("deliveries %v", kinds)
	}
}

// TestHeartbeat: after the period without a word, and never counted.
func TestHeartbeat(t *testing.T) {
	h := &movedClock{at: time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC)}
	r, gp, _ := subscriptionRig(t, func(r *rig) { r.now = h.now })
	r.join(herGP, "2026-01-01", "")
	s := r.subscribe("gp", gateway.SubscriptionWish{Heartbeat: 60})
	r.rounds()
	if n := len(gp.of(s.ID, fhir.NotifyHeartbeat)); n != 0 {
		t.Fatalf("%d heartbeats before their time", n)
	}
	h.move(50 * time.Second)
	r.goal("gå 200 meter") // starts the period anew
	r.until("event", func() bool { return len(gp.numbers(s.ID)) == 1 })
	h.move(50 * time.Second)
	r.rounds()
	if n := len(gp.of(s.ID, fhir.NotifyHeartbeat)); n != 0 {
		t.Fatalf("%d heartbeats %s after an event", n, 50*time.Second)
	}
	for i := range 3 {
		h.move(61 * time.Second)
		r.until("heartbeat", func() bool { return len(gp.of(s.ID, fhir.NotifyHeartbeat)) == i+1 })
		if i == 1 {
			r.restart()
		}
	}
	for _, n := range gp.of(s.ID, fhir.NotifyHeartbeat) {
		if n.since != 1 || len(n.events) != 0 {
			t.Errorf("heartbeat %+v", n)
		}
	}
	if n := r.complete(s); n != 1 {
		t.Errorf("%d events", n)
	}
}

// TestErrorAndReactivation: what nobody takes for the time agreed on brings the subscription into error. Events are counted and
// kept, nothing is sent, a person is told, and only the subscriber makes it active again.
func TestErrorAndReactivation(t *testing.T) {
	h := &movedClock{at: time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC)}
	r, gp, _ := subscriptionRig(t, func(r *rig) { r.now = h.now })
	r.join(herGP, "2026-01-01", "")
	s := r.subscribe("gp", gateway.SubscriptionWish{Endpoint: gp.URL + "/plans"})
	r.goal("første")
	r.until("event", func() bool { return len(gp.numbers(s.ID)) == 1 })
	tries := 0
	gp.script(func(n notified) int {
		if n.path != "/plans" {
			return http.StatusAccepted
		}
		tries++
		return http.StatusGone
	})
	second := r.goal("andre")
	d := r.one(second.MessageID, samvirke.PurposeNotice)
	r.until("attempts", func() bool {
		now, err := r.store.Delivery(t.Context(), d.ID)
		return err == nil && now.Attempts > 2
	})
	h.move(2 * time.Hour)
	st := r.untilSubscription(s, gateway.SubscriptionError)
	stopped, err := r.store.Delivery(t.Context(), d.ID)
	if err != nil || stopped.State != samvirke.DeliveryStopped || stopped.Fault != "subscription-error" || st.Fault == "" || st.Stopped != d.ID {
		t.Fatalf("delivery %+v, subscription %+v, %v", stopped, st, err)
	}
	if !slices.ContainsFunc(r.events(second.MessageID), func(e samvirke.Event) bool { return e.Name == samvirke.EventAttention && e.DeliveryID == d.ID }) {
		t.Error("nobody was told")
	}
	third := r.goal("tredje")
	if ds := r.deliveries(third.MessageID, samvirke.PurposeNotice); len(ds) != 0 || r.subscription(s).Last != 3 {
		t.Errorf("in error: %d deliveries, %d events", len(ds), r.subscription(s).Last)
	}
	// A person who sends again changes nothing: the server does not make it active.
	if err := r.g.Resend(t.Context(), "admin", d.ID, "try again"); err != nil {
		t.Fatal(err)
	}
	r.until("given up", func() bool {
		now, err := r.store.Delivery(t.Context(), d.ID)
		return err == nil && now.State == samvirke.DeliveryGivenUp
	})
	r.restart()
	gp.script(nil)
	r.rounds()
	if st := r.subscription(s); st.Status != gateway.SubscriptionError || st.Last != 3 {
		t.Fatalf("after a restart: %+v", st)
	}
	w := st.SubscriptionWish
	w.Status = gateway.SubscriptionRequested
	if _, err := r.g.ChangeSubscription(t.Context(), "gp", s.ID, st.Version, w); err != nil {
		t.Fatal(err)
	}
	r.untilSubscription(s, gateway.SubscriptionActive)
	r.goal("fjerde")
	r.until("told again", func() bool { return slices.Contains(gp.numbers(s.ID), 4) })
	if shakes := gp.of(s.ID, fhir.NotifyHandshake); len(shakes) != 2 || shakes[1].since != 3 {
		t.Errorf("handshakes %+v", shakes)
	}
	if got := gp.numbers(s.ID); !slices.Equal(got, []int64{1, 4}) || r.complete(s) != 4 {
		t.Errorf("sent %v; kept %d, want all 4", got, r.complete(s))
	}
}

// TestOffKeepsCounting: deleted is off. Nothing is sent, the numbers go on, and after the time of keeping all of it goes.
func TestOffKeepsCounting(t *testing.T) {
	h := &movedClock{at: time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC)}
	r, gp, _ := subscriptionRig(t, func(r *rig) { r.now = h.now })
	r.join(herGP, "2026-01-01", "")
	s := r.subscribe("gp", gateway.SubscriptionWish{})
	ends := r.subscribe("gp", gateway.SubscriptionWish{End: h.now().Add(time.Hour)})
	if _, err := r.g.EndSubscription(t.Context(), "gp", s.ID); err != nil {
		t.Fatal(err)
	}
	r.goal("gå 200 meter")
	if st := r.subscription(s); st.Status != gateway.SubscriptionOff || st.Last != 1 || r.complete(s) != 1 || len(gp.numbers(s.ID)) != 0 {
		t.Errorf("off: %+v", st)
	}
	h.move(2 * time.Hour)
	if st := r.untilSubscription(ends, gateway.SubscriptionOff); st.Fault != "ended" {
		t.Errorf("ended: %+v", st)
	}
	h.move(32 * 24 * time.Hour)
	r.restart() // old ones are looked for at the start
	r.until("forgotten", func() bool {
		_, err := r.g.SubscriptionOf(t.Context(), "gp", s.ID)
		return errors.Is(err, queue.ErrNotFound)
	})
	list, err := r.store.Settings(t.Context(), "subscription-events/"+s.ID, "", 10)
	if err != nil || len(list) != 1 || list[0].Value != "" {
		t.Errorf("events are left: %+v, %v", list, err)
	}
	r.restart()
	if _, err := r.g.SubscriptionOf(t.Context(), "gp", s.ID); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("back after a restart: %v", err)
	}
}

// TestSubscriberIsToldWhatItSees: P18. Who takes no part is not told, who leaves is told that and nothing after it, and what
// is withheld makes no event.
func TestSubscriberIsToldWhatItSees(t *testing.T) {
	r, _, _ := subscriptionRig(t)
	any := r.subscribe("gp", gateway.SubscriptionWish{})
	team := r.subscribe("gp", gateway.SubscriptionWish{Topic: gateway.TopicTeamChanged})
	private := r.subscribe("private", gateway.SubscriptionWish{})
	last := func(s gateway.Subscription) int64 { return r.subscription(s).Last }
	r.goal("før")
	if last(any)+last(private) != 0 {
		t.Fatal("told without taking part")
	}
	joined := r.join(herGP, "2026-01-01", "")
	r.join(herPrivate, "2026-01-01", "")
	if last(any) != 2 || last(team) != 2 {
		t.Fatalf("%d changes, %d of the team; want 2 and 2", last(any), last(team))
	}
	own := last(private)
	r.goal("et mål som ikke gjelder den private")
	if last(private) != own {
		t.Error("a private provider is told of what it does not see")
	}
	if last(any) != 3 || last(team) != 2 {
		t.Errorf("%d changes, %d of the team; want 3 and 2", last(any), last(team))
	}
	objection := fhir.NewObject("resourceType", "Consent", "status", "active",
		"scope", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", "http://terminology.hl7.org/CodeSystem/consentscope", "code", "patient-privacy"))),
		"category", fhir.NewArray(fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.SystemSection, "code", "ForbeholdOmVideresending")))),
		"provision", fhir.NewObject("type", "deny"))
	if res := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("et skjult mål"), objection}}); !res.Changed {
		t.Fatal("nobody sees anything new")
	}
	if last(any) != 3 {
		t.Error("told of what is withheld")
	}
	seen, err := r.g.SeenIn(t.Context(), key(1), joined.PlanVersion)
	if err != nil {
		t.Fatal(err)
	}
	wrong := r.goal("gjelder en annen")
	r.submit(gateway.Write{Party: "city", Patient: person(1), Seen: seen, Resources: []*fhir.Node{teamNode(herGP, "remove", "", "2026-01-08")}})
	if last(any) != 5 || last(team) != 3 {
		t.Errorf("after leaving: %d changes, %d of the team; want 5 and 3", last(any), last(team))
	}
	r.goal("etter")
	if last(any) != 5 {
		t.Error("told of what came after leaving")
	}
	// P19: what it was told of is withdrawn; it is told, whoever it is now.
	r.untilSent("gp")
	r.restart()
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Op: samvirke.OpCancel, Parent: wrong.ExternalID, Conversation: wrong.ExternalID})
	if last(any) != 6 {
		t.Errorf("the withdrawal was told %d times, want once", last(any)-5)
	}
	for _, s := range []gateway.Subscription{any, team, private} {
		r.complete(s)
	}
}

// untilSent waits until nothing to a party is on its way.
func (r *rig) untilSent(party string) {
	r.t.Helper()
	r.until("nothing on its way to "+party, func() bool {
		ds, err := r.store.Deliveries(r.t.Context(), queue.DeliveryFilter{Party: party, State: []samvirke.DeliveryState{
			samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliveryWaiting}, Limit: 1})
		return err == nil && len(ds) == 0
	})
}

// TestDenialStandsForSubscriptions: a rule that denies a party denies it notifications too.
func TestDenialStandsForSubscriptions(t *testing.T) {
	r, _, _ := subscriptionRig(t, func(r *rig) {
		r.more[1].Roles, r.rules = nil, append(r.rules, denyRule("private"))
	})
	denied, free := r.subscribe("private", gateway.SubscriptionWish{}), r.subscribe("gp", gateway.SubscriptionWish{})
	r.join(herGP, "2026-01-01", "")
	r.join(herPrivate, "2026-01-01", "")
	r.goal("gå 200 meter")
	if n, others := r.subscription(denied).Last, r.subscription(free).Last; n != 0 || others != 3 {
		t.Errorf("denied and told %d times; who is not denied %d times, want 3", n, others)
	}
}

// TestBlockedCanary: P15. No byte to the blocked one holds anything of what is blocked, though full resources are asked for and the limit
// comes when the notification is already queued. Without the limit it does.
func TestBlockedCanary(t *testing.T) {
	for name, blocked := range map[string]bool{"blocked": true, "free": false} {
		t.Run(name, func(t *testing.T) { blockedCanary(t, blocked) })
	}
}

func blockedCanary(t *testing.T, blocked bool) {
	r, gp, _ := subscriptionRig(t)
	r.join(herGP, "2026-01-01", "")
	s := r.subscribe("gp", gateway.SubscriptionWish{Content: gateway.ContentFull})
	r.goal("åpent mål ALBATROSS")
	r.until("event", func() bool { return len(gp.numbers(s.ID)) == 1 })
	var tries atomic.Int64
	gp.script(func(notified) int {
		tries.Add(1)
		return http.StatusServiceUnavailable
	})
	r.goal("skjult mål KANARIFUGL")
	block := fhir.NewObject("resourceType", "Consent", "status", "active",
		"scope", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", "http://terminology.hl7.org/CodeSystem/consentscope", "code", "patient-privacy"))),
		"category", fhir.NewArray(fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", "http://loinc.org", "code", "59284-0")))),
		"provision", fhir.NewObject("type", "deny", "actor", fhir.NewArray(fhir.NewObject(
			"role", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code", "IRCP"))),
			"reference", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemHER, "value", herGP))))))
	if blocked {
		r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{block}})
	}
	// An attempt that was on the wire when the limit came is one of before it.
	was := tries.Load()
	r.until("attempts after the limit", func() bool { return tries.Load() > was+2 })
	gp.script(nil)
	r.until("told", func() bool { return slices.Contains(gp.numbers(s.ID), 2) })
	r.untilSent("gp")
	events := gp.of(s.ID, fhir.NotifyEvent)
	if full := bytes.Contains(events[0].body, []byte(`"resourceType":"CarePlan"`)); !full {
		t.Errorf("a full notification without the plan: %s", events[0].body)
	}
	second := events[slices.IndexFunc(events, func(n notified) bool { return slices.Contains(n.events, 2) })]
	if shown := bytes.Contains(second.body, []byte(`"resourceType":"CarePlan"`)); shown == blocked {
		t.Errorf("blocked %v, and the plan is shown: %v: %s", blocked, shown, second.body)
	}
	if bytes.Contains(gp.everything(), []byte("KANARIFUGL")) && blocked {
		t.Error("a notification holds what is blocked")
	}
	if strings.Contains(r.log.String(), "KANARIFUGL") {
		t.Error("the log holds what is blocked")
	}
}
