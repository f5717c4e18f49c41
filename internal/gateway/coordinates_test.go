package gateway_test

import (
	"slices"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
)

// A record has the capacity of the coordinating unit only when it is of a person of that unit's municipality.
func TestTheUnitDecidesInItsMunicipalityOnly(t *testing.T) {
	home := "9901"
	r := newRig(t, func(r *rig) {
		r.cityParty.Roles, r.cityParty.Municipality = []string{samvirke.RoleCoordinator}, "9901"
		r.patient = func(k string) (string, string) {
			if k == key(3) {
				return "", ""
			}
			return map[bool]string{true: home, false: "9902"}[k == key(1)], ""
		}
	})
	for n, want := range map[int]bool{1: true, 2: false, 3: false} { // of the third nobody knows where they live
		res := r.submit(gateway.Write{Party: "city", Patient: person(n), Resources: []*fhir.Node{evaluationNode("2026-03-19")}})
		if got := slices.Contains(r.records(key(n))[res.Key].Roles, samvirke.RoleCoordinator); got != want {
			t.Errorf("person %d: written as the coordinating unit: %v, want %v", n, got, want)
		}
		if got := r.g.Coordinates(r.cityParty, key(n)); got != want {
			t.Errorf("person %d: coordinates: %v, want %v", n, got, want)
		}
	}
	if !r.g.Coordinates(r.cityParty, key(2), key(1)) {
		t.Error("one of two numbers of a person is of the municipality, and that is not enough")
	}
	if r.g.Coordinates(r.hospitalParty, key(1)) {
		t.Error("a party without the capacity coordinates")
	}
}

// A person of whom nobody told where they live is no unit's, and stands on the list of those whom a person must place.
func TestWhoNobodyPlacedIsNoUnits(t *testing.T) {
	unit := &wire{}
	r := newRig(t, func(r *rig) {
		r.patient, r.now = func(k string) (string, string) { return map[bool]string{true: "4601"}[k == key(1)], "" }, thatNight()
		p := noticed("unit", "municipality", "8000055", unit, samvirke.RoleCoordinator)
		p.Municipality = "4601"
		r.more = []gateway.Party{p}
	})
	for n, want := range map[int]int{1: 1, 2: 0} {
		r.submit(gateway.Write{Party: "hospital", Patient: person(n), Resources: []*fhir.Node{goalNode("et mål")}})
		if got := r.told("unit", key(n)); got != want {
			t.Errorf("person %d: the unit is told %d times, want %d", n, got, want)
		}
	}
	for _, c := range []struct {
		keys []string
		want bool
	}{{[]string{key(1)}, false}, {[]string{key(2)}, true}, {[]string{key(2), key(1)}, false}, {nil, true}} {
		if got := r.g.Unplaced(c.keys...); got != c.want {
			t.Errorf("unplaced %d keys: %v, want %v", len(c.keys), got, c.want)
		}
	}
	lone := newRig(t, func(r *rig) { r.patient = func(string) (string, string) { return "", "" } })
	if lone.g.Unplaced(key(1)) {
		t.Error("without a coordinating unit nobody waits to be placed")
	}
}

// What the overview of the coordinating unit hides it is not told of either: no notice, no number, no event.
func TestTheUnitIsNotToldOfWhatItsOverviewHides(t *testing.T) {
	unit := &wire{}
	r := newRig(t, func(r *rig) {
		r.patient, r.now = func(string) (string, string) { return "4601", "" }, thatNight()
		p := noticed("unit", "municipality", "8000055", unit, samvirke.RoleCoordinator)
		p.Municipality, p.Endpoint = "4601", "https://unit.example/messages"
		r.more = []gateway.Party{p}
	})
	sub, err := r.g.Subscribe(t.Context(), "unit", gateway.SubscriptionWish{Topic: gateway.TopicPlanChanged, Reason: "test"})
	if err != nil {
		t.Fatal(err)
	}
	events := func() int64 {
		s, err := r.g.SubscriptionOf(t.Context(), "unit", sub.ID)
		if err != nil {
			t.Fatal(err)
		}
		return s.Last
	}
	notices := func() int64 {
		n, err := r.store.Counter(t.Context(), gateway.NoticeCounter("unit", key(1)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i, c := range []struct {
		name string
		node *fhir.Node
		want int64
	}{
		{"a goal", goalNode("gå 200 meter"), 1},
		{"a diagnosis", fhir.NewObject("resourceType", "Condition", "code", fhir.NewObject("text", "lammelse")), 1},
		{"dialogue", fhir.NewObject("resourceType", "Communication", "status", "completed",
			"payload", fhir.NewArray(fhir.NewObject("contentString", "sov dårlig"))), 1},
		{"another goal", goalNode("klare trappen"), 2},
	} {
		if res := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{c.node}}); !res.Changed {
			t.Fatalf("%s shows nothing new to anybody: the test shows nothing", c.name)
		}
		if e, n := events(), notices(); e != c.want || n != c.want {
			t.Errorf("step %d, %s: %d events, %d notices, want %d of each", i+1, c.name, e, n, c.want)
		}
	}
	// Who takes part itself is told what a member is told.
	r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: []*fhir.Node{teamNode("8000055", "add", "2026-01-01", "")}})
	r.submit(gateway.Write{Party: "unit", Patient: person(1), Resources: []*fhir.Node{teamNode("8000055", "add", "2026-01-01", "")}})
	was := events()
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{
		fhir.NewObject("resourceType", "Condition", "code", fhir.NewObject("text", "fallfare"))}})
	if n := events(); n != was+1 {
		t.Errorf("as a member it has %d events, want %d", n, was+1)
	}
}
