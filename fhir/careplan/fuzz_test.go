package careplan

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// FuzzFromMessage: any Bundle gives a record or a Fault, the record survives storing, and the
// plan of it is well-formed, also as FHIR.
func FuzzFromMessage(f *testing.F) {
	for _, m := range strokeCourse() {
		b, _ := m.build()
		f.Add(m.kind, string(m.op), b.Bytes())
	}
	f.Add(kindDischarged, "M", []byte(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Encounter","period":{"start":"2026","end":"x"},"extension":[{"url":"e"}]}}]}`))
	f.Fuzz(func(t *testing.T, kind, op string, raw []byte) {
		b, err := fhir.ParseBundle(raw)
		if err != nil {
			return
		}
		env := &samvirke.Envelope{Kind: kind, ID: "id", Op: samvirke.Op(op), Sender: partyAddress(hospital, "x"), GeneratedAt: at("01-10 10:00"),
			Patient: samvirke.PatientRef{Identifier: samvirke.Identifier{System: fhir.SystemFNR, Value: testFNR}}}
		r, err := FromMessage(b, env, Meta{Received: at("01-10 10:01"), Mapping: "fuzz"})
		if err != nil {
			t.Fatalf("a whole envelope was refused: %v", err)
		}
		p := Fold([]Record{r})
		plain := p.JSON()
		if !json.Valid(plain) {
			t.Fatalf("plan is no JSON: %q", plain)
		}
		if again := Fold(stored(t, []Record{r})).JSON(); !bytes.Equal(plain, again) {
			t.Fatalf("stored record gives another plan\n%s\n%s", plain, again)
		}
		if out := p.FHIR(); !json.Valid(out.Bytes()) {
			t.Fatal("FHIR is no JSON")
		}
		if Diff(p, p) != nil || !SamePlan(p, p) {
			t.Fatal("a plan differs from itself")
		}
	})
}
