package kith

import (
	"bytes"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestCitizenForms reads and carries the citizen messages with forms: FHIR XML and metadata whose schemas are
// not those of the standard. The schema check alone refuses them.
func TestCitizenForms(t *testing.T) {
	f := newFormat(t)
	r4 := mappingtest.R4Schema(t)
	n := 0
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool {
		return strings.HasPrefix(e.File, "dialog-innbygger/") && (e.MessageType == "" || !e.SchemaValid)
	}) {
		n++
		t.Run(e.File, func(t *testing.T) {
			raw := e.Raw(t)
			if valid := len(f.CheckSchema(raw)) == 0; valid != e.SchemaValid {
				t.Errorf("schema valid %v, want %v", valid, e.SchemaValid)
			}
			p, err := f.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			r4.Check(t, p.Bundle.Bytes())
			b, err := fhir.ParseBundle(p.Bundle.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.Render(b, mapping.Target{})
			if err != nil {
				t.Fatal(err)
			}
			d := mappingtest.Compare(raw, r.Body)
			if !d.Same() {
				t.Errorf("%s", d)
			}
			t.Logf("%s %s: %d leaves, %d back", p.Envelope.Kind, p.Envelope.Version, d.Total, d.Present)
			for _, n := range append(p.Notes, r.Notes...) {
				if n.Code != "carried-unread" {
					t.Errorf("note %+v", n)
				}
			}
			forms := 0
			for _, doc := range b.All("DocumentReference") {
				if doc.At("content.0.attachment.contentType").Text() == "application/fhir+xml" {
					forms++
				}
			}
			if !e.SchemaValid && (forms == 0 || len(p.Warnings) == 0) {
				t.Errorf("%d forms, warnings %v", forms, p.Warnings)
			}
			again, err := f.Parse(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			r2, err := f.Render(again.Bundle, mapping.Target{})
			if err != nil || !bytes.Equal(r.Body, r2.Body) {
				t.Errorf("the second round trip gave other bytes: %v", err)
			}
		})
	}
	if n < 4 {
		t.Errorf("only %d examples", n)
	}
}

// TestDialogExamples pins fault and warnings of the published examples, also of the acceptance tests.
func TestDialogExamples(t *testing.T) {
	f := newFormat(t)
	const forms, tests, drugs = "dialog-innbygger/OPPGAVE--", "dialog/v1.0/acceptance/tc-", "legemiddelopplysninger/acceptance/tc-"
	want := map[string]string{
		forms + "Oppgave---Helsepersonell---Skjemaoppgave-til-utfylling.xml": "no-schema no-schema",
		forms + "Oppgave---Innbygger---Skjemaoppgave-ferdigstilt.xml":        "no-schema no-schema",
		forms + "Oppgave--Innbygger---Skjemaoppgave-til-innsending.xml":      "no-schema no-schema",
		"dialog/v1.0/Dialogmelding-ex1.xml":                                  "reference-form", // an l for a 1
		tests + "14a.xml":                                                    "patient-insufficient/E36",
		tests + "16a.xml":                                                    "sender-address",
		tests + "16c.xml":                                                    "schema/T02",
		tests + "17b.xml":                                                    "schema/T02",
		drugs + "2-10a.xml":                                                  "patient-insufficient/E36",
		drugs + "2-10c.xml":                                                  "patient-insufficient/E36",
		drugs + "2-12a.xml":                                                  "sender-address",
		drugs + "2-13a.xml":                                                  "patient-insufficient/E36",
		drugs + "2-14a.xml":                                                  "schema/T02",
		drugs + "2-14c.xml":                                                  "component-category",
		drugs + "2-15a.xml":                                                  "code-system",
		drugs + "2-16a.xml":                                                  "component-unlisted",
		drugs + "2-16c.xml":                                                  "component-missing",
		drugs + "3-17a.xml":                                                  "component-unknown",
		drugs + "3-17c.xml":                                                  "supplement-missing",
	}
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return isDialog(e.MessageType) }) {
		p, err := f.Parse(e.Raw(t))
		var got []string
		if err != nil {
			got = append(got, samvirke.FaultOf(err).Code+"/"+samvirke.FaultOf(err).Receipt)
		}
		for _, w := range p.Warnings {
			got = append(got, w.Code)
		}
		if s := strings.Join(got, " "); s != want[e.File] {
			t.Errorf("%q: %q, want %q", e.File, s, want[e.File])
		}
	}
}
