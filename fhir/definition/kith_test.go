package definition_test

import (
	"testing"

	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// What the Norwegian mapping makes of the published messages keeps the rules of R4, and those of the
// Norwegian base profiles of its resources: no exceptions.
func TestCanonicalMessages(t *testing.T) {
	set := r4(t)
	format, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	messages, held, types := 0, 0, map[string]int{}
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return e.SchemaValid }) {
		p, _ := format.Parse(e.Raw(t))
		if p == nil || p.Bundle == nil {
			continue
		}
		messages++
		for _, i := range set.Check(p.Bundle.Root) {
			t.Errorf("%s: %s", e.File, i)
		}
		for _, entry := range p.Bundle.Entries() {
			for _, profile := range set.ProfilesFor(entry.Type) {
				held++
				types[entry.Type]++
				for _, i := range set.CheckProfile(entry.Resource, profile) {
					t.Errorf("%s: %s", e.File, i)
				}
			}
		}
	}
	t.Logf("%d messages, %d resources held against a profile: %v", messages, held, types)
	if messages < 120 || types["AllergyIntolerance"] == 0 || types["MedicationStatement"] == 0 {
		t.Errorf("%d messages, %v", messages, types)
	}
}
