package gateway

import (
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/native"
)

// TestAWriteThatIsOverBeforeAnybodyListens: the same write again comes when the first is done; what came of it is told all the same,
// that it showed something new too.
func TestAWriteThatIsOverBeforeAnybodyListens(t *testing.T) {
	d := newDesk(t)
	f, err := native.New(native.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	d.g.o.Formats, d.g.formats[f.Name()] = append([]mapping.Format{f}, d.g.o.Formats...), f
	for i, want := range []bool{true, false} { // the second states nothing
		w := Write{Party: "hospital", ID: newID(), At: time.Now(), Patient: fhir.NewIdentifier(fhir.TypeFNR, "13116900216"), Resources: []*fhir.Node{
			fhir.NewObject("resourceType", "CareTeam", "status", "active")}}
		if want {
			w.Resources = append(w.Resources, fhir.NewObject("resourceType", "Goal", "lifecycleStatus", "active", "description", fhir.NewObject("text", "et mål")))
		}
		in, id, err := d.g.writeMessage(w)
		if err != nil {
			t.Fatal(err)
		}
		out, err := d.g.accept(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		batch, err := d.store.Received(t.Context(), 1)
		if err != nil || len(batch) != 1 {
			t.Fatal(err, len(batch))
		}
		d.g.process(t.Context(), &batch[0])
		res, err := d.g.await(t.Context(), Result{MessageID: out.answer.MessageID, ExternalID: id, Duplicate: true}, nil)
		if err != nil || res.Status != samvirke.MessageProcessed || res.Changed != want {
			t.Errorf("write %d: %+v, %v; want changed %v", i+1, res, err, want)
		}
	}
}
