package kith

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// find gives the first resource of a type that has this text under a path.
func find(t *testing.T, b *fhir.Bundle, typ, path, text string) *fhir.Node {
	t.Helper()
	for _, n := range b.All(typ) {
		if n.At(path).Text() == text {
			return n
		}
	}
	t.Fatalf("no %s with %s = %s", typ, path, text)
	return nil
}

// The way back reads FHIR alone: what is changed there, and nothing else, is changed in the XML.
func TestEpikriseEdits(t *testing.T) {
	f := testFormat(t)
	raw := testFile(t, "epikrise-full")
	cases := []struct {
		name string
		edit func(*fhir.Bundle)
		want []string // path end = new value
	}{
		{"family name", func(b *fhir.Bundle) { b.First("Patient").At("name.0").Set("family", fhir.String("Sørli")) },
			[]string{"Patient[1]/Name[1] = Sørli, Astrid Prøve"}},
		{"one score", func(b *fhir.Bundle) {
			find(t, b, "Observation", "valueQuantity.unit", "mg/L").Get("valueQuantity").Set("value", fhir.Number("7.25"))
		}, []string{"NumResultValue[1]/@V = 7.25"}},
		{"one time", func(b *fhir.Bundle) {
			find(t, b, "Encounter", "hospitalization.dischargeDisposition.coding.0.code", "35").Get("period").Set("end", fhir.String("2026-02-03T12:45:00+01:00"))
		}, []string{"Event[1]/ReportedEvent[1]/EndDateTime[1]/@V = 2026-02-03T12:45:00"}},
		{"the time in another zone", func(b *fhir.Bundle) {
			find(t, b, "Encounter", "hospitalization.dischargeDisposition.coding.0.code", "35").Get("period").Set("end", fhir.String("2026-02-03T11:45:00Z"))
		}, []string{"Event[1]/ReportedEvent[1]/EndDateTime[1]/@V = 2026-02-03T12:45:00"}},
		{"a diagnosis", func(b *fhir.Bundle) {
			c := find(t, b, "Condition", "code.coding.0.code", "E119").At("code.coding.0")
			c.Set("code", fhir.String("E118"))
		}, []string{"Concept[1]/@V = E118"}},
		{"main diagnosis", func(b *fhir.Bundle) {
			find(t, b, "Condition", "code.coding.0.code", "E119").Extension(fhir.ExtMainDiagnosis).Set("valueBoolean", fhir.Bool(true))
		}, []string{"InfItem[2]/Type[1]/@V = H", "InfItem[2]/Type[1]/@DN = Hoveddiagnose"}},
		{"a text", func(b *fhir.Bundle) {
			find(t, b, "AllergyIntolerance", "resourceType", "AllergyIntolerance").Get("text").Set("div",
				fhir.String(`<div xmlns="http://www.w3.org/1999/xhtml"><p>Penicillin: <i>anafylaksi</i> 2011</p></div>`))
		}, []string{"i[1] = anafylaksi"}},
		{"a dose", func(b *fhir.Bundle) {
			b.First("MedicationStatement").At("dosage.0").Set("text", fhir.String("2 tabletter"))
		},
			[]string{"DosageText[1] = 2 tabletter"}},
		{"sex, known in FHIR only", func(b *fhir.Bundle) { b.First("Patient").Set("gender", fhir.String("male")) },
			[]string{"Sex[1]/@V = 1", "Sex[1]/@DN = Mann"}},
		{"a person's identifier gets another system", func(b *fhir.Bundle) {
			id := b.First("Patient").At("identifier.0")
			id.Set("system", fhir.String(fhir.SystemFHN))
			id.Set("value", fhir.String("80000000155"))
		}, []string{"OffId[1] = 80000000155", "TypeOffId[1]/@V = FHN", "TypeOffId[1]/@DN = Felles hjelpenummer"}},
		{"the receiver", func(b *fhir.Bundle) {
			find(t, b, "Organization", "identifier.0.value", "100020").Set("name", fhir.String("Bøen legekontor"))
		}, []string{"Requester[1]/HCP[1]/Inst[1]/Name[1] = Bøen legekontor"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			checkEdit(t, f, raw, c.edit, c.want)
		})
	}
}

// checkEdit edits the FHIR form of raw and demands that exactly the wanted values change in the XML.
func checkEdit(t *testing.T, f *Format, raw []byte, edit func(*fhir.Bundle), want []string) {
	t.Helper()
	p, err := f.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	// The edit goes over the wire form, so that nothing but JSON reaches the renderer.
	b, err := fhir.ParseBundle(p.Bundle.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	edit(b)
	out, err := f.Render(b, mapping.Target{})
	if err != nil {
		t.Fatal(err)
	}
	d := mappingtest.Compare(raw, out.Body)
	if len(d.Missing)+len(d.Extra) > 0 || len(d.Changed) != len(want) {
		t.Fatalf("%s", d)
	}
	for i, ch := range d.Changed {
		if got := ch.Path + " = " + ch.Got; !strings.HasSuffix(got, want[i]) {
			t.Errorf("changed %s, want %s", got, want[i])
		}
	}
}

// What the envelope says is what FHIR says about sender and receivers.
func TestEpikriseEnvelopeAndHeader(t *testing.T) {
	f := testFormat(t)
	p, err := f.Parse(testFile(t, "epikrise-full"))
	if err != nil {
		t.Fatal(err)
	}
	env := p.Envelope
	h, ok := fhir.HeaderOf(p.Bundle)
	if !ok || h.ID != env.ID || h.Op != string(env.Op) || h.Conversation != env.Conversation || h.Version != env.Version || h.Event.Code != env.Kind {
		t.Errorf("header %+v, envelope %+v", h, env)
	}
	same := func(what string, a, b samvirke.Address) {
		if a.HER() != b.HER() || len(a.Levels) != len(b.Levels) {
			t.Fatalf("%s: %+v, %+v", what, a, b)
		}
		for i := range a.Levels {
			x, y := a.Levels[i], b.Levels[i]
			if x.Kind != y.Kind || x.Name != y.Name || len(x.IDs) != len(y.IDs) || len(x.IDs) > 0 && x.IDs[0] != y.IDs[0] {
				t.Errorf("%s level %d: %+v, %+v", what, i, x, y)
			}
		}
	}
	same("sender", h.Sender, env.Sender)
	if len(h.Receivers) != len(env.Receivers) {
		t.Fatalf("%d receivers, want %d", len(h.Receivers), len(env.Receivers))
	}
	for i := range env.Receivers {
		same("receiver", h.Receivers[i], env.Receivers[i])
		if h.Receivers[i].Role != env.Receivers[i].Role {
			t.Errorf("receiver %d is %s and %s", i, h.Receivers[i].Role, env.Receivers[i].Role)
		}
	}
	if env.Op != samvirke.OpChange || env.Parent != "" || env.Patient.Key() != fhir.SystemFNR+"|13116900216" || !env.Patient.HasName || env.Patient.Municipality != "0438" {
		t.Errorf("envelope %+v", env)
	}
	if got := env.EventAt.UTC().Format("2006-01-02T15:04"); got != "2026-02-03T10:30" {
		t.Errorf("event at %s", got)
	}
}

func TestEpikriseTarget(t *testing.T) {
	f := testFormat(t)
	raw := testFile(t, "epikrise-full")
	p, err := f.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	to := samvirke.Address{Levels: []samvirke.AddressLevel{
		{Kind: "organisation", Name: "Bydal kommune", IDs: []samvirke.Identifier{fhir.NewIdentifier("ENH", "974744570"), fhir.NewIdentifier("HER", "100030")}},
		{Kind: "department", Name: "Tildelingskontoret", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "100031")}},
	}}
	out, err := f.Render(p.Bundle, mapping.Target{NewID: receiptID, To: &to, Version: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	back, err := f.Parse(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	e := back.Envelope
	if out.ExternalID != receiptID || e.ID != receiptID || len(e.Receivers) != 2 || e.Receivers[0].HER() != "100021" || e.Receivers[1].HER() != "100031" || e.Receivers[1].Enterprise() != "100030" {
		t.Errorf("envelope %+v", e)
	}
	known := p.Envelope.Receivers[1]
	out, err = f.Render(p.Bundle, mapping.Target{To: &known})
	if err != nil {
		t.Fatal(err)
	}
	if d := mappingtest.Compare(raw, out.Body); !d.Same() {
		t.Errorf("a receiver the message names changes nothing: %s", d)
	}
	if _, err := f.Render(p.Bundle, mapping.Target{Version: "0.9"}); err == nil || samvirke.FaultOf(err).Code != "unknown-version" {
		t.Errorf("version 0.9: %v", err)
	}
}
