package kith

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestEditChangesExactlyThat changes one value of the FHIR form at a time and demands that the
// message changes in that value and nowhere else.
func TestEditChangesExactlyThat(t *testing.T) {
	f := newFormat(t)
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return ours(e) && e.SchemaValid && e.Status != "C" }) {
		p, _ := f.Parse(e.Raw(t))
		before, err := f.Render(p.Bundle, mapping.Target{})
		if err != nil {
			t.Fatal(err)
		}
		for name, edit := range edits() {
			b, err := fhir.ParseBundle(p.Bundle.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			want := edit(b)
			if want == "" {
				continue
			}
			t.Run(e.File+"/"+name, func(t *testing.T) {
				after, err := f.Render(b, mapping.Target{})
				if err != nil {
					t.Fatal(err)
				}
				d := mappingtest.Compare(before.Body, after.Body)
				if len(d.Missing)+len(d.Extra) != 0 || len(d.Changed) != 1 || !strings.Contains(d.Changed[0].Path, want) {
					t.Errorf("want a change of %s alone, got %s", want, d)
				}
			})
		}
	}
}

// edits are the changes; each gives the element it must show in, or "" when the message has no such value.
func edits() map[string]func(*fhir.Bundle) string {
	return map[string]func(*fhir.Bundle) string{
		"family name": func(b *fhir.Bundle) string {
			n := b.First("Patient").At("name.0")
			if n.Get("family") == nil {
				return ""
			}
			n.Set("family", fhir.String("Fjellheim"))
			return "/Patient[1]/FamilyName[1]"
		},
		"score": func(b *fhir.Bundle) string {
			for _, o := range b.All("Observation") {
				if o.Get("valueInteger") != nil {
					o.Set("valueInteger", fhir.Number("77"))
					return "Vurdering[1]"
				}
			}
			return ""
		},
		"event time": func(b *fhir.Bundle) string {
			p := b.First("Encounter").Get("period")
			for _, k := range []string{"start", "end"} {
				if strings.Contains(p.Get(k).Text(), "T") {
					p.Set(k, fhir.String("2021-07-02T08:15:00+02:00"))
					return "TidspunktForHendelse[1]/@V"
				}
			}
			return ""
		},
		"assessment time": func(b *fhir.Bundle) string {
			for _, o := range b.All("Observation") {
				if o.Get("hasMember") != nil && o.Get("_effectiveDateTime").Extension(fhir.ExtDateSource) == nil && o.Get("effectiveDateTime") != nil {
					o.Set("effectiveDateTime", fhir.String("2021-01-02T08:15:00+01:00"))
					return "Ansvarlig[1]/TidspunktForHendelse[1]"
				}
			}
			return ""
		},
		"said": func(b *fhir.Bundle) string {
			p := b.First("Communication").At("payload.0")
			if !isDialog(kindOfBundle(b)) || p.Get("contentString") == nil {
				return ""
			}
			p.Set("contentString", fhir.String("noe annet\n <&>"))
			return "TekstNotatInnhold[1]"
		},
		"asked": func(b *fhir.Bundle) string {
			p := b.First("CommunicationRequest").At("payload.0")
			if p.Get("contentString") == nil {
				return ""
			}
			p.Set("contentString", fhir.String("hva mer?"))
			return "Sporsmal[1]"
		},
		"topic": func(b *fhir.Bundle) string {
			c := b.First("Communication").At("topic.coding.0")
			if !isDialog(kindOfBundle(b)) || c.Get("code") == nil {
				return ""
			}
			c.Set("code", fhir.String("77"))
			return "TemaKodet[1]/@V"
		},
		"purpose": func(b *fhir.Bundle) string {
			c := b.First("CommunicationRequest").At("reasonCode.0.coding.0")
			if c.Get("code") == nil {
				return ""
			}
			c.Set("code", fhir.String("77"))
			return "Formål[1]/@V"
		},
		"drug": func(b *fhir.Bundle) string {
			c := b.First("Medication").Get("code")
			if c.Get("text") == nil || kindOfBundle(b) == kindEpicrisis {
				return ""
			}
			c.Set("text", fhir.String("Paracet"))
			return "Navn[1]"
		},
		"file": func(b *fhir.Bundle) string {
			for _, d := range b.All("DocumentReference") {
				if at := d.At("content.0.attachment"); at.Get("data") != nil && d.At("content.0.format") == nil {
					at.Set("data", fhir.String("QUJD"))
					return "Base64Container[1]"
				}
			}
			return ""
		},
		"file name": func(b *fhir.Bundle) string {
			at := b.First("DocumentReference").At("content.0.attachment")
			if at.Get("title") == nil {
				return ""
			}
			at.Set("title", fhir.String("Et annet navn"))
			return "Description[1]"
		},
		"allergy": func(b *fhir.Bundle) string {
			c := b.First("AllergyIntolerance").Get("code")
			if c.Get("text") == nil || b.First("AllergyIntolerance").Get("text") != nil {
				return ""
			}
			c.Set("text", fhir.String("nøtter"))
			if isReferral(kindOfBundle(b)) {
				return "Observation[1]/Description[1]"
			}
			return "AllergiskMot[1]"
		},
		"drug form": func(b *fhir.Bundle) string {
			c := b.First("Medication").At("form.coding.0")
			if c.Get("code") == nil || kindOfBundle(b) == kindEpicrisis {
				return ""
			}
			c.Set("code", fhir.String("77"))
			return "Legemiddelform[1]/@V"
		},
		"generated": func(b *fhir.Bundle) string {
			b.Root.Set("timestamp", fhir.String("2021-07-02T08:15:00.5Z"))
			return "GenDate[1]"
		},
		"goal": func(b *fhir.Bundle) string {
			g := b.First("Goal").Get("description")
			if g.Get("text") == nil {
				return ""
			}
			g.Set("text", fhir.String("gå tur\nhver dag"))
			return "Beskrivelse[1]"
		},
		"identifier": func(b *fhir.Bundle) string {
			i := b.First("Patient").At("identifier.0")
			if i.Get("value") == nil {
				return ""
			}
			i.Set("value", fhir.String("01015000232"))
			return "/Patient[1]/Ident[1]/Id[1]"
		},
	}
}

// TestEditOfMappedCode shows that a code which FHIR has a code of its own for follows the FHIR code.
func TestEditOfMappedCode(t *testing.T) {
	f := newFormat(t)
	raw := fullMessage(t, f.tables["LOG_INNLAGT"], "1.6", 0)
	p, _ := f.Parse(raw)
	before, err := f.Render(p.Bundle, mapping.Target{})
	if err != nil {
		t.Fatal(err)
	}
	pat := p.Bundle.First("Patient")
	want := map[string]string{"male": "2", "female": "1", "unknown": "1", "other": "1"}[pat.Get("gender").Text()]
	pat.Set("gender", fhir.String(map[string]string{"1": "male", "2": "female"}[want]))
	after, err := f.Render(p.Bundle, mapping.Target{})
	if err != nil {
		t.Fatal(err)
	}
	d := mappingtest.Compare(before.Body, after.Body)
	if len(d.Missing)+len(d.Extra) != 0 || len(d.Changed) != 2 {
		t.Fatalf("want code and display changed, got %s", d)
	}
	for _, c := range d.Changed {
		if !strings.Contains(c.Path, "/Patient[1]/Sex[1]/@") || strings.HasSuffix(c.Path, "@V") && c.Got != want {
			t.Errorf("changed %+v", c)
		}
	}
}
