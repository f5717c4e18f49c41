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
	for n, want := range map[int]bool{1: true, 2: false, 3: true} { // of the third nobody knows where they live
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
