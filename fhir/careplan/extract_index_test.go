package careplan

import (
	"fmt"
	"testing"

	"github.com/samvirke/samvirke/fhir"
)

// TestEntriesAreFound: by fullUrl and by type/id as fhir.Bundle.Resolve finds them, also where several have one name, and
// one's fullUrl is another's type/id.
func TestEntriesAreFound(t *testing.T) {
	t.Parallel()
	list := fhir.NewArray()
	var refs []string
	add := func(url, typ, id string) {
		resource := fhir.NewObject("resourceType", typ, "id", id)
		list.Add(fhir.NewObject("fullUrl", url, "resource", resource))
		refs = append(refs, url, typ+"/"+id, typ, id, "/"+id, typ+"/", url+"x")
	}
	add("", "Patient", "1")
	add("Patient/1", "Observation", "1")
	add("Goal/7", "Condition", "7")
	add("urn:x", "Goal", "7")
	for i := range 300 {
		add(fmt.Sprint("urn:", i), "Goal", fmt.Sprint(i%100))
		add(fmt.Sprint("urn:", i%50), "Task", "")
		add("", "List", fmt.Sprint(i))
		add("", "Flag", "")
	}
	b, err := fhir.BundleOf(fhir.NewObject("resourceType", "Bundle", "entry", list))
	if err != nil {
		t.Fatal(err)
	}
	x := newExtractor(b, "")
	for _, ref := range refs {
		want, there := b.Resolve(ref)
		if got, ok := x.resolve(ref); got != want || ok != there {
			t.Errorf("%q leads to %q (%v), want %q (%v)", ref, got.FullURL, ok, want.FullURL, there)
		}
	}
	none := newExtractor(nil, "")
	if _, ok := none.resolve("urn:1"); ok {
		t.Error("nothing holds an entry")
	}
}

// TestAddressingEndsSoon: organisations that name themselves and each other in four places are walked once, for however many
// receivers; without that each receiver would cost 350,000 steps. Who stands behind them is found at the same depth as before.
func TestAddressingEndsSoon(t *testing.T) {
	t.Parallel()
	to := func(url string) *fhir.Node { return fhir.NewObject("reference", url) }
	list, receivers := fhir.NewArray(), fhir.NewArray()
	add := func(url, typ string, fields ...any) {
		list.Add(fhir.NewObject("fullUrl", url, "resource", fhir.NewObject(append([]any{"resourceType", typ}, fields...)...)))
	}
	for range 5000 {
		receivers.Add(fhir.NewObject("receiver", to("urn:0")))
	}
	add("urn:header", "MessageHeader", "sender", to("urn:0"), "destination", receivers)
	const chain = 12
	for i := range chain {
		self, next := fmt.Sprint("urn:", i), fmt.Sprint("urn:", i+1)
		add(self, "Organization", "organization", to(self), "practitioner", to(self), "providedBy", to(self), "partOf", to(next))
	}
	b, err := fhir.BundleOf(fhir.NewObject("resourceType", "Bundle", "entry", list))
	if err != nil {
		t.Fatal(err)
	}
	for i, said := range newExtractor(b, "").addressing() {
		if want := i >= 1 && i <= 9; said != want { // the receiver and eight behind it
			t.Errorf("entry %d only says who receives: %v", i, said)
		}
	}
}
