package kith

import (
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// TestDanglingReference: a reference to an entry that the Bundle does not have is noted with its path; one
// to another server or into the resource itself is not.
func TestDanglingReference(t *testing.T) {
	f := newFormat(t)
	const partOf, subject = `"partOf":{"reference":"Organization/hospital"}`, `"subject":{"reference":"Patient/p"}`
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"all there", "", "", nil},
		{"relative", partOf, `"partOf":{"reference":"Organization/gone"}`, []string{"Bundle.entry[4].resource.partOf.reference"}},
		{"uuid", partOf, `"partOf":{"reference":"urn:uuid:99"}`, []string{"Bundle.entry[4].resource.partOf.reference"}},
		{"by fullUrl", partOf, `"partOf":{"reference":"urn:uuid:4"}`, nil},
		{"a field that follows from others", subject, `"subject":{"reference":"Patient/q"}`, []string{"Bundle.entry[1].resource.subject.reference"}},
		{"a list of them", `"focus":[`, `"focus":[{"reference":"urn:uuid:98"},`, []string{"Bundle.entry[0].resource.focus[0].reference"}},
		{"another server", subject, `"subject":{"reference":"https://fhir.invalid/Patient/q"}`, nil},
		{"another urn", subject, `"subject":{"reference":"urn:oid:2.16.578.1"}`, nil},
		{"contained", subject, `"subject":{"reference":"#q"}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(plainAdmission, c.old) {
				t.Fatalf("no %s", c.old)
			}
			b, err := fhir.ParseBundle([]byte(strings.Replace(plainAdmission, c.old, c.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.Render(b, mapping.Target{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range r.Notes {
				if n.Code == "dangling-reference" {
					got = append(got, n.Path)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
