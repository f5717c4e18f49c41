package kith

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// parsed reads a synthetic case that may be refused by a business rule only.
func parsed(t *testing.T, f *Format, name string) *mapping.Parsed {
	t.Helper()
	p, err := f.Parse(testFile(t, name))
	if p == nil || p.Bundle == nil {
		t.Fatal(err)
	}
	return p
}

// One kind whatever the type code of the version; the code as written stays in FHIR, and a receipt repeats it.
func TestOldTypeCodes(t *testing.T) {
	f := newFormat(t)
	cases := []struct{ name, kind, version, code, receipt, from, to string }{
		{"epikrise/epikrise-1.0", kindEpicrisis, "1.0", "E", "1.0", "REQ", "SPR"},
		{"epikrise/epikrise-1.1-change", kindEpicrisis, "1.1", "E", "1.0", "REQ", "SPR"},
		{"epikrise/epikrise-1.1-cancel-untyped", kindEpicrisis, "1.1", "E", "1.0", "REQ", "SPR"},
		{"epikrise-full", kindEpicrisis, "1.2", "EPIKRISE", "1.1", "PRIM", "AVS"},
		{"henvisning/henvisning-1.0-child", kindReferral, "1.0", "H", "1.0", "SPR", "REQ"},
		{"henvisning/henvisning-1.1", kindReferral, "1.1", "HENVISNING", "1.1", "PRIM", "AVS"},
		{"henvisning/henvisning-2.0-nytilstand", kindNewReferral, "2.0", kindNewReferral, "1.1", "PRIM", "AVS"},
		{"henvisning/henvisning-2.0-videre-change", kindOnwardReferral, "2.0", kindOnwardReferral, "1.1", "PRIM", "AVS"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := parsed(t, f, c.name)
			env := p.Envelope
			if env.Kind != c.kind || env.Version != c.version {
				t.Errorf("envelope says %s %s", env.Kind, env.Version)
			}
			if s, ok := f.Sniff(testFile(t, c.name)); !ok || s.Kind != c.kind || s.Version != c.version {
				t.Errorf("the quick look says %+v", s)
			}
			h := p.Bundle.First("MessageHeader")
			if got := h.At("eventCoding.code").Text(); got != c.code {
				t.Errorf("eventCoding %s, want %s", got, c.code)
			}
			r, err := f.RenderReceipt(&env, 0, samvirke.ReceiptContent{Status: samvirke.ReceiptOK, OriginalKind: env.Kind}, receiptTarget())
			if err != nil {
				t.Fatal(err)
			}
			back, err := f.Parse(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if r.Version != c.receipt || back.Envelope.Receipt.OriginalKind != c.code {
				t.Errorf("receipt %s for %s, want %s for %s", r.Version, back.Envelope.Receipt.OriginalKind, c.receipt, c.code)
			}
			if got := [2]string{back.Envelope.Sender.RoleCode, back.Envelope.Receivers[0].RoleCode}; got != [2]string{c.from, c.to} {
				t.Errorf("roles %v, want %s %s", got, c.from, c.to)
			}
		})
	}
}

// Requester and ServProvider change sides between referral and epicrisis.
func TestSidesFlip(t *testing.T) {
	f := newFormat(t)
	report, referral := parsed(t, f, "epikrise/epikrise-1.0"), parsed(t, f, "henvisning/henvisning-1.1")
	const hospital, doctor = "700011", "700301"
	if e := report.Envelope; e.Sender.HER() != hospital || e.Receivers[0].HER() != doctor {
		t.Errorf("epicrisis from %s to %s", e.Sender.HER(), e.Receivers[0].HER())
	}
	e := referral.Envelope
	if e.Sender.HER() != doctor || len(e.Receivers) != 2 || e.Receivers[0].HER() != hospital || e.Receivers[1].HER() != "700101" || e.Receivers[1].Role != "copy" {
		t.Errorf("referral from %s to %+v", e.Sender.HER(), e.Receivers)
	}
	h, _ := fhir.HeaderOf(referral.Bundle)
	if h.Sender.HER() != doctor || h.Receivers[0].HER() != hospital || h.Receivers[1].HER() != "700101" || h.Conversation != e.Conversation {
		t.Errorf("header %+v", h)
	}
	req := referral.Bundle.First("ServiceRequest")
	if req.At("requester.reference").Text() != referral.Bundle.First("MessageHeader").At("sender.reference").Text() {
		t.Error("the request is not the sender's")
	}
}

// The people of a unit may stand before the unit they work in.
func TestPersonBeforeDepartment(t *testing.T) {
	f := newFormat(t)
	p := parsed(t, f, "henvisning/henvisning-1.0-child")
	h, _ := fhir.HeaderOf(p.Bundle)
	var levels []string
	for _, l := range h.Receivers[0].Levels {
		levels = append(levels, l.Kind+" "+l.Name)
	}
	want := "organisation Fjordbyen sykehus, department Barnepoliklinikken, person Strand, Kari, person Nes, Per"
	got := strings.Join(levels, ", ")
	if !strings.HasPrefix(want, got) || len(levels) < 3 {
		t.Errorf("levels %s, want %s", got, want)
	}
}

// An epicrisis and its referral have an id in common: ServReq/Id of both, or the message id of a referral 2.0.
func TestEpicrisisFindsItsReferral(t *testing.T) {
	f := newFormat(t)
	ids := func(name string) []string { return parsed(t, f, name).Envelope.Referrals }
	const first, new20, change20 = "6f1d2c3a-0000-4000-8000-0000000000b1", "6f1d2c3a-0000-4000-8000-0000000000c1", "6f1d2c3a-0000-4000-8000-0000000000c3"
	for name, want := range map[string]string{
		"epikrise/epikrise-1.0": first, "epikrise/epikrise-1.1-change": first, // written in capitals there
		"henvisning/henvisning-1.1": first, "henvisning/henvisning-1.0-child": "HV-2026-19",
		"henvisning/henvisning-2.0-nytilstand": new20, "henvisning/henvisning-2.0-videre-change": change20 + " " + new20,
		"epikrise/epikrise-1.1-cancel-untyped": "",
	} {
		if got := strings.Join(ids(name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	b := parsed(t, f, "epikrise/epikrise-1.0").Bundle
	e, _ := b.Resolve(b.First("Encounter").At("basedOn.0.reference").Text())
	if e.Type != "ServiceRequest" || e.Resource.At("identifier.0.value").Text() != first {
		t.Errorf("the stay is based on %+v", e)
	}
}

// An emergency names itself: who answers must accept it although its patient is not sufficiently identified.
// It is mapped all the same, and a number that does not hold is no key.
func TestEmergencyReferral(t *testing.T) {
	f := newFormat(t)
	raw := string(testFile(t, "henvisning/henvisning-1.1-emergency"))
	head := string(testFile(t, "henvisning/henvisning-2.0-nytilstand"))
	cases := []struct {
		name, raw string
		emergency bool
		code      string
	}{
		{"nobody knows who", raw, true, "patient-insufficient"},
		{"a number that does not hold", strings.Replace(raw, "</Name>", `</Name><OffId>xxx</OffId><TypeOffId V="DNR"/>`, 1), true, "identifier-syntax"},
		{"it can wait", strings.Replace(raw, `Priority V="0"`, `Priority V="3"`, 1), false, "patient-insufficient"},
		{"1.0", strings.NewReplacer("henvisning/2012-02-15", "henvisning/2005-07-08", `V="HENVISNING"`, `V="H"`,
			"<ReqServ>", `<Diagnosis><Concept V="A07" S="2.16.578.1.12.4.1.1.7170"/></Diagnosis><ReqServ>`).Replace(raw), true, "patient-insufficient"},
		{"2.0", strings.NewReplacer(`Priority V="14"`, `Priority V="0"`, "<Id>13116900216</Id>", "<Id></Id>",
			"<DateOfBirth>1969-11-13</DateOfBirth>", "").Replace(head), true, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := f.Parse([]byte(c.raw))
			if p == nil || p.Bundle == nil {
				t.Fatal(err)
			}
			fault := samvirke.FaultOf(err)
			if err == nil || fault.Receipt != "E36" || c.code != "" && fault.Code != c.code || p.Envelope.Emergency != c.emergency {
				t.Errorf("emergency %v, fault %v", p.Envelope.Emergency, err)
			}
			if p.Envelope.Patient.Key() != "" && fault.Code != "patient-insufficient" {
				t.Errorf("the patient's key is %s", p.Envelope.Patient.Key())
			}
			want := "stat"
			if !c.emergency {
				want = "urgent"
			}
			if got := p.Bundle.First("ServiceRequest").Get("priority").Text(); got != want {
				t.Errorf("priority %s, want %s", got, want)
			}
			thereAndBack(t, f, []byte(c.raw))
		})
	}
}

// The way back reads FHIR alone: what is changed there, and nothing else, is changed in the XML.
func TestReferralEdits(t *testing.T) {
	f := newFormat(t)
	req := func(key, value string) func(*fhir.Bundle) {
		return func(b *fhir.Bundle) { b.First("ServiceRequest").Set(key, fhir.String(value)) }
	}
	cases := []struct {
		name, file string
		edit       func(*fhir.Bundle)
		want       []string
	}{
		{"urgency", "1.1", req("priority", "stat"), []string{"Priority[1]/@V = 0", "Priority[1]/@DN = Øyeblikkelig hjelp"}},
		{"urgency, same meaning", "1.1", req("priority", "urgent"), nil},
		{"when asked", "1.1", req("authoredOn", "2026-10-31T07:00:00+01:00"), []string{"ServReq[1]/IssueDate[1]/@V = 2026-10-31T07:00:00"}},
		{"id", "1.1", func(b *fhir.Bundle) { b.First("ServiceRequest").At("identifier.0").Set("value", fhir.String("ny")) }, []string{"ServReq[1]/Id[1] = ny"}},
		{"a result", "1.1", func(b *fhir.Bundle) {
			find(t, b, "Observation", "valueQuantity.unit", "ng/L").Get("valueQuantity").Set("value", fhir.Number("900"))
		}, []string{"NumResultValue[1]/@V = 900"}},
		{"an allergy", "1.1", func(b *fhir.Bundle) {
			b.First("AllergyIntolerance").Get("code").Set("text", fhir.String("Amoxicillin"))
		}, []string{"Description[1] = Amoxicillin"}},
		{"a text result", "1.1", func(b *fhir.Bundle) {
			find(t, b, "Observation", "code.coding.0.code", "EKG").Set("valueString", fhir.String("Atrieflimmer"))
		}, []string{"TextResultValue[1] = Atrieflimmer"}},
		{"a diagnosis", "1.1", func(b *fhir.Bundle) {
			find(t, b, "Condition", "code.coding.0.code", "K77").At("code.coding.0").Set("code", fhir.String("K78"))
		}, []string{"Concept[1]/@V = K78"}},
		{"who gave consent", "1.1", func(b *fhir.Bundle) {
			b.First("Consent").At("performer.0").Set("display", fhir.String("Mia Havn"))
		}, []string{"GivenBy[1] = Mia Havn"}},
		{"a relative", "1.0-child", func(b *fhir.Bundle) { b.First("RelatedPerson").Set("gender", fhir.String("male")) },
			[]string{"Sex[1]/@V = 1", "Sex[1]/@DN = Mann"}},
		{"urgency", "2.0-nytilstand", req("priority", "routine"), []string{"Priority[1]/@V = N", "Priority[1]/@DN = Elektiv/Ordinær (elektiv)"}},
		{"desired day", "2.0-nytilstand", req("occurrenceDateTime", "2026-12-24"), []string{"ReqDate[1] = 2026-12-24"}},
		{"document", "2.0-nytilstand", func(b *fhir.Bundle) { b.First("ServiceRequest").At("identifier.0").Set("value", fhir.String("ny")) },
			[]string{"DocumentId[1] = ny"}},
		{"a deadline", "2.0-videre-change", func(b *fhir.Bundle) {
			x := b.First("ServiceRequest").Extension(extURL("assessment")).At("extension.1.extension.1")
			x.Set("valueDate", fhir.String("2026-12-31"))
		}, []string{"DatoMottakOgVurdering[2]/Dato[1] = 2026-12-31"}},
	}
	for _, c := range cases {
		t.Run(c.file+" "+c.name, func(t *testing.T) {
			checkEdit(t, f, testFile(t, "henvisning/henvisning-"+c.file), c.edit, c.want)
		})
	}
}

// A referral that another receiver gets too: the side that is asked stays, the receiver becomes a copy.
func TestReferralTarget(t *testing.T) {
	f := newFormat(t)
	p := parsed(t, f, "henvisning/henvisning-1.1")
	to := samvirke.Address{Levels: []samvirke.AddressLevel{
		{Kind: "organisation", Name: "Bydal kommune", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "100030")}},
		{Kind: "department", Name: "Tildelingskontoret", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "100031")}},
	}}
	r, err := f.Render(p.Bundle, mapping.Target{NewID: receiptID, To: &to})
	if err != nil {
		t.Fatal(err)
	}
	back, err := f.Parse(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if e := back.Envelope; e.ID != receiptID || len(e.Receivers) != 2 || e.Receivers[0].HER() != "700011" || e.Receivers[1].HER() != "100031" {
		t.Errorf("envelope %+v", e)
	}
}

// A referral of a FHIR system, without any extension of ours, becomes a valid message of each version.
func TestReferralFromPlainFHIR(t *testing.T) {
	f := newFormat(t)
	env := parsed(t, f, "henvisning/henvisning-1.1").Envelope
	for kind, version := range map[string]string{kindReferral: "1.1", kindNewReferral: "2.0"} {
		m := fhir.NewMessage(receiptID, receiptTarget().Now, fhir.Coding{System: fhir.SystemMessageType, Code: kind})
		m.From(env.Sender)
		m.To(env.Receivers[0])
		patient := m.Add(fhir.NewObject("resourceType", "Patient", "name", fhir.NewArray(fhir.NewObject("family", "Havn", "given", fhir.NewArray("Solveig"))),
			"identifier", fhir.NewArray(fhir.NewObject("system", fhir.SystemFNR, "value", "13116900216"))))
		m.Add(fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "order", "priority", "asap",
			"identifier", fhir.NewArray(fhir.NewObject("value", "R-1")), "authoredOn", "2026-10-30T09:00:00+01:00",
			"subject", fhir.NewObject("reference", patient),
			"category", fhir.NewArray(fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.OIDVolven+"8455", "code", "10"))))))
		r, err := f.Render(m.Bundle(), mapping.Target{})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		mappingtest.XMLLint(t, r.Body)
		back, err := f.Parse(r.Body)
		if err != nil || r.Version != version || back.Envelope.Kind != kind || back.Envelope.Patient.Value != "13116900216" || back.Envelope.Op != samvirke.OpNew {
			t.Errorf("%s %s: %v %+v", kind, r.Version, err, back.Envelope)
		}
	}
}
