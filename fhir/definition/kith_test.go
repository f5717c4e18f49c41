package definition_test

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// What the Norwegian mapping makes of the published messages keeps the rules of R4, and those of the
// Norwegian base profiles of its resources but for two, which the messages themselves do not fulfil: an
// allergy without a coded reaction, and a medicine that stands as a code instead of a resource.
func TestCanonicalMessages(t *testing.T) {
	set := r4(t)
	format, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]bool{
		"no-basis-AllergyIntolerance AllergyIntolerance.reaction missing":                            true,
		"no-basis-MedicationStatement MedicationStatement.medication[x]:medicationReference missing": true,
	}
	messages, held, breaches := 0, 0, map[string]int{}
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
				for _, i := range set.CheckProfile(entry.Resource, profile) {
					breach := i.Profile[strings.LastIndexByte(i.Profile, '/')+1:] + " " + i.Path + " " + i.Code
					if breaches[breach]++; !open[breach] {
						t.Errorf("%s: %s", e.File, i)
					}
				}
			}
		}
	}
	t.Logf("%d messages, %d resources held against a profile, open: %v", messages, held, breaches)
	if messages < 40 {
		t.Errorf("%d messages", messages)
	}
}
