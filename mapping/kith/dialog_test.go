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
		"dialog-innbygger/JOURNAL--Innsyn-journal---Svar-helsepersonell---Svar-pa-sporsmal-til-behandler.xml": "attachment-content",
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

// plainAnswer is an answer as another system would write it: no report, none of our extensions.
const plainAnswer = `{"resourceType":"Bundle","type":"message","timestamp":"2026-11-21T09:00:00Z",
"identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:3d1c9a52-8a44-4f43-a3f5-5f0f6f3b9c20"},"entry":[
{"fullUrl":"urn:uuid:1","resource":{"resourceType":"MessageHeader","eventCoding":{"system":"urn:oid:2.16.578.1.12.4.1.1.8279","code":"DIALOG_SVAR"},
 "sender":{"reference":"Organization/home"},"source":{"endpoint":"urn:x"},"destination":[{"endpoint":"urn:y","receiver":{"reference":"Organization/ward"}}],"focus":[{"reference":"Communication/c"}]}},
{"fullUrl":"urn:uuid:2","resource":{"resourceType":"Communication","id":"c","status":"completed","sent":"2026-11-20",
 "basedOn":[{"reference":"CommunicationRequest/q"}],"payload":[{"contentString":"Ja."},{"contentString":"Plass fra mandag."}]}},
{"fullUrl":"urn:uuid:3","resource":{"resourceType":"CommunicationRequest","id":"q","status":"completed","payload":[{"contentString":"Kan dere ta imot?"}]}},
{"fullUrl":"urn:uuid:4","resource":{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"13116900216"}],"name":[{"family":"Havn","given":["Solveig"]}]}},
{"fullUrl":"urn:uuid:5","resource":{"resourceType":"Organization","id":"ward","name":"Slagenheten","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.2","value":"700011"}]}},
{"fullUrl":"urn:uuid:6","resource":{"resourceType":"Organization","id":"home","name":"Hjemmetjenesten","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.2","value":"700101"}]}}]}`

// TestPlainCommunication writes a dialogue message from FHIR that never was XML.
func TestPlainCommunication(t *testing.T) {
	f := newFormat(t)
	for _, version := range []string{"1.0", "1.1"} {
		b, err := fhir.ParseBundle([]byte(plainAnswer))
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Render(b, mapping.Target{Version: version})
		if err != nil {
			t.Fatal(err)
		}
		mappingtest.XMLLint(t, r.Body)
		for _, want := range []string{">Ja.\n\nPlass fra mandag.<", ">Kan dere ta imot?<", ">2026-11-20<"} {
			if !strings.Contains(string(r.Body), want) {
				t.Errorf("%s: no %q in %s", version, want, r.Body)
			}
		}
		p, err := f.Parse(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Warnings) != 1 || p.Warnings[0].Code != "no-reference" {
			t.Errorf("%s: warnings %v", version, p.Warnings)
		}
	}
}

// TestDialogRules changes good messages and demands the warning or fault that this must give.
func TestDialogRules(t *testing.T) {
	f := newFormat(t)
	load := func(name string) []byte { return read(t, "testdata/dialog/"+name+"/source.xml") }
	for _, c := range []struct {
		name, file string
		edit       []string
		want       string
	}{
		{"an answer that refers to itself", "svar-1.0", []string{"<RefToParent>6f1d2c3a-0000-4000-8000-000000000101", "<RefToParent>6f1d2c3a-0000-4000-8000-000000000102"}, "self-reference"},
		{"a reference that is no UUID", "svar-1.0", []string{"<RefToParent>6f1d2c3a-0000-4000-8000-000000000101", "<RefToParent>17"}, "reference-form"},
		{"a question where a note belongs", "foresporsel-1.0", []string{`V="DIALOG_FORESPORSEL"`, `V="DIALOG_NOTAT"`}, "dialog-content"},
		{"a topic of another list", "status-henvisning-1.1", []string{"1.9148", "1.9069"}, "topic-list"},
		{"a version that the type does not have", "foresporsel-1.1", []string{`V="DIALOG_FORESPORSEL"`, `V="DIALOG_AVVIK"`}, "unknown-version"},
		{"content of another type", "foresporsel-1.0", []string{`V="DIALOG_FORESPORSEL"`, `V="LOG_INNLAGT"`}, "type-mismatch"},
		{"an unknown citizen dialogue", "innbygger-ekontakt-1.1", []string{"INNBYGGER_EKONTAKT", "INNBYGGER_NOE"}, "unknown-type"},
		{"a question without patient", "avvik-1.0", []string{`V="DIALOG_AVVIK"`, `V="DIALOG_NOTAT"`}, "topic-list patient-missing"},
		{"a form of a standard that nobody announced", "innbygger-oppgave-1.1", []string{"http://ehelse.no/xmlstds/Map/2016-10-28", "urn:example:map"}, "schema"},
		{"a form in a message that has none", "innbygger-oppgave-1.1", []string{`V="DIALOG_INNBYGGER_OPPGAVE"`, `V="DIALOG_HELSEFAGLIG"`}, "schema"},
	} {
		p, err := f.Parse(edited(t, load(c.file), c.edit...))
		var got []string
		for _, w := range p.Warnings {
			got = append(got, w.Code)
		}
		if err != nil {
			got = append(got, samvirke.FaultOf(err).Code)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", c.name, s, c.want)
		}
	}
}

// TestErrorReport: the only way to take back a positive receipt names the message that it is about.
func TestErrorReport(t *testing.T) {
	f := newFormat(t)
	p, err := f.Parse(read(t, "testdata/dialog/avvik-1.0/source.xml"))
	if err != nil {
		t.Fatal(err)
	}
	const about = "6f1d2c3a-0000-4000-8000-000000000001"
	if p.Envelope.Parent != about || p.Envelope.Op != samvirke.OpNew {
		t.Errorf("envelope %+v", p.Envelope)
	}
	if got := p.Bundle.First("Communication").At("inResponseTo.0.identifier.value").Text(); got != "urn:uuid:"+about {
		t.Errorf("in response to %q", got)
	}
}
