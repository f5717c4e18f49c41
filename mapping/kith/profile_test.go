package kith

import (
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
)

// keepsProfiles holds every resource of a message against R4 and the Norwegian base profiles of its type.
func keepsProfiles(t *testing.T, b *fhir.Bundle) {
	t.Helper()
	set, err := definition.R4()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range set.Check(b.Root) {
		t.Errorf("%s", i)
	}
	for _, e := range b.Entries() {
		for _, p := range set.ProfilesFor(e.Type) {
			for _, i := range set.CheckProfile(e.Resource, p) {
				t.Errorf("%s: %s", p.URL, i)
			}
		}
	}
}
