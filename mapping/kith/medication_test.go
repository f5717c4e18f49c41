package kith

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestMedicineInOtherForms: a statement from elsewhere may hold its medicine or name it by a code; the
// message is the same as with a Medication beside it.
func TestMedicineInOtherForms(t *testing.T) {
	f := newFormat(t)
	parsed := func() *fhir.Bundle {
		p, err := f.Parse(fullMessage(t, f.tables["MEDISINSKE_OPPLYSNINGER"], "1.6", 0))
		if err != nil {
			t.Fatal(err)
		}
		return p.Bundle
	}
	before, err := f.Render(parsed(), mapping.Target{})
	if err != nil {
		t.Fatal(err)
	}
	medicine := func(b *fhir.Bundle, statement *fhir.Node) *fhir.Node {
		url := statement.At("medicationReference.reference").Text()
		for _, e := range b.Entries() {
			if e.FullURL == url {
				return e.Resource
			}
		}
		t.Fatalf("nothing at %s", url)
		return nil
	}
	forms := map[string]struct {
		change func(b *fhir.Bundle, statement *fhir.Node)
		lost   []string
	}{
		"held": {change: func(b *fhir.Bundle, s *fhir.Node) {
			m := medicine(b, s).Clone()
			m.Set("id", fhir.String("m"))
			s.Append("contained", m)
			s.Set("medicationReference", fhir.NewObject("reference", "#m"))
		}},
		"code alone": {change: func(b *fhir.Bundle, s *fhir.Node) {
			s.Set("medicationCodeableConcept", medicine(b, s).Get("code").Clone())
			s.Set("medicationReference", fhir.Null())
		}, lost: []string{"Nr[", "GeneriskNavn[", "Legemiddelform[", "Styrke["}},
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			b := parsed()
			for _, s := range b.All("MedicationStatement") {
				form.change(b, s)
			}
			if b, err = fhir.ParseBundle(b.Bytes()); err != nil {
				t.Fatal(err)
			}
			after, err := f.Render(b, mapping.Target{})
			if err != nil {
				t.Fatal(err)
			}
			d := mappingtest.Compare(before.Body, after.Body)
			if len(d.Changed)+len(d.Extra) > 0 || len(form.lost) == 0 && len(d.Missing) > 0 {
				t.Errorf("%s", d)
			}
			for _, l := range d.Missing {
				known := false
				for _, want := range form.lost {
					known = known || strings.Contains(l.Path, want)
				}
				if !known {
					t.Errorf("lost %s", l.Path)
				}
			}
			if len(form.lost) > 0 && len(d.Missing) == 0 {
				t.Error("nothing lost, although the code says less")
			}
		})
	}
}

// TestReaction: what stands in a reaction beyond what follows from the message is not lost in silence.
func TestReaction(t *testing.T) {
	f := newFormat(t)
	const lineNo, lineYes = `V="2" DN="Nei"`, `V="1" DN="Ja"`
	raw := string(fullMessage(t, f.tables["HELSEOPPLYSNINGER_LEGE"], "1.6", 0))
	at := strings.Index(raw, "AnafylaktiskeReaksjoner ")
	end := at + strings.Index(raw[at:], "/>")
	for _, tt := range []struct {
		name, source, code string
		edit               func(reaction *fhir.Node)
		noted              bool
	}{
		{"yes", lineYes, "1", nil, false},
		{"no", lineNo, "", nil, false},
		{"a severity", lineYes, "1", func(r *fhir.Node) { r.Set("severity", fhir.String("mild")) }, true},
		{"a manifestation", lineNo, "", func(r *fhir.Node) {
			r.At("manifestation.0.coding.0").Set("code", fhir.String("5"))
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := f.Parse([]byte(raw[:at] + "AnafylaktiskeReaksjoner " + tt.source + raw[end:]))
			if err != nil {
				t.Fatal(err)
			}
			var reaction *fhir.Node
			for _, a := range p.Bundle.All("AllergyIntolerance") {
				if strings.Contains(string(a.Bytes()), `"display":"`+strings.Split(tt.source, `"`)[3]+`"`) {
					reaction = a.At("reaction.0")
				}
			}
			if got := reaction.At("manifestation.0.coding.0.code").Text(); reaction == nil || got != tt.code {
				t.Fatalf("code %q of %s, want %q", got, reaction.Bytes(), tt.code)
			}
			if tt.edit != nil {
				tt.edit(reaction)
			}
			r, err := f.Render(p.Bundle, mapping.Target{})
			if err != nil {
				t.Fatal(err)
			}
			noted := false
			for _, n := range r.Notes {
				noted = noted || strings.Contains(n.Path, ".reaction")
			}
			if noted != tt.noted {
				t.Errorf("noted %v, want %v: %v", noted, tt.noted, r.Notes)
			}
		})
	}
}
