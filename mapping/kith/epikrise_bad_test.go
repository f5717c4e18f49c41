package kith

import (
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// Every kind of wrong epicrisis has a stable code and the receipt that the standard asks for, and says
// nothing about the patient.
func TestEpikriseBad(t *testing.T) {
	f := testFormat(t)
	good := testFile(t, "epikrise-full")
	noFurther := `<AdditionalId><Id>70019950032</Id><Type V="DNR" DN="D-nummer"/></AdditionalId>`
	cases := []struct {
		name, code, receipt string
		pairs               []string
	}{
		{"message id no UUID", "message-id", "E10", []string{"7f3a5b10-0a01-4c1e-9d10-000000000001", "melding 17"}},
		{"schema: required element missing", "schema", "T02", []string{`<IssueDate V="2026-02-03T14:00:00Z"/>`, ""}},
		{"schema: bad time", "schema", "T02", []string{`<DateOfBirth V="1969-11-13"/>`, `<DateOfBirth V="13.11.69"/>`}},
		{"type of another message", "type-mismatch", "T99", []string{`<Type V="EPIKRISE"`, `<Type V="HENVISNING"`}},
		{"wrong check digit", "check-digit", "E36", []string{"<OffId>13116900216", "<OffId>13116900226", noFurther, ""}},
		{"no person number", "identifier-syntax", "E36", []string{"<OffId>13116900216", "<OffId>F16", noFurther, ""}},
		{"no name", "patient-insufficient", "E36", []string{"<Name>Nordli, Astrid Prøve</Name>", ""}},
		{"name alone", "patient-insufficient", "E36", []string{"<OffId>13116900216</OffId>", "", noFurther, "", `<DateOfBirth V="1969-11-13"/>`, ""}},
		{"H-number alone", "patient-insufficient", "E36", []string{"<OffId>13116900216", "<OffId>13516900290", `TypeOffId V="FNR"`, `TypeOffId V="HNR"`, noFurther, "", `<DateOfBirth V="1969-11-13"/>`, ""}},
		{"unknown version", "unknown-format", "T10", []string{"epikrise/2012-02-15", "epikrise/2004-09-23"}},
		{"not well-formed", "not-well-formed", "T01", []string{"</ServProvider>", "</ServProvide>"}},
		{"DOCTYPE", "doctype", "T01", []string{"<Message ", "<!DOCTYPE Message><Message "}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := f.Parse(edited(t, good, c.pairs...))
			if err == nil {
				t.Fatal("no fault")
			}
			fault := samvirke.FaultOf(err)
			if fault.Code != c.code || fault.Receipt != c.receipt || fault.Class != samvirke.Invalid || fault.Safe == "" {
				t.Errorf("got %+v, want %s %s", fault, c.code, c.receipt)
			}
			for _, secret := range []string{"131169", "Nordli", "Astrid"} {
				if strings.Contains(err.Error(), secret) {
					t.Error("the fault names the patient")
				}
			}
			if c.receipt == "T01" {
				return
			}
			if p == nil || p.Envelope.Sender.HER() != "100002" || len(p.Envelope.Receivers) != 3 {
				t.Fatalf("no envelope for a receipt: %+v", p)
			}
			if out, err := f.RenderReceipt(&p.Envelope, 0, rejected(fault.Receipt, fault.Safe), receiptTarget()); err != nil {
				t.Errorf("no receipt: %v", err)
			} else if p := f.schema.Validate(out.Body); p != nil {
				t.Errorf("receipt: %v", p)
			}
			if c.receipt == "E36" && strings.HasPrefix(c.code, "check") && p.Envelope.Patient.Key() != "" {
				t.Error("a number that does not hold became a key")
			}
		})
	}
}

// What is odd but no reason to refuse warns.
func TestEpikriseWarnings(t *testing.T) {
	f := testFormat(t)
	good := testFile(t, "epikrise-full")
	t.Run("one of two numbers holds", func(t *testing.T) {
		p, err := f.Parse(edited(t, good, "<OffId>13116900216", "<OffId>13116900226"))
		if err != nil || len(p.Warnings) == 0 {
			t.Errorf("%v, warnings %v", err, p)
		}
	})
	t.Run("no referral warns", func(t *testing.T) {
		p, err := f.Parse(edited(t, good, `<ServType V="M" DN="Endring"/>`, `<ServType V="N" DN="Ny"/>`, "<Id>7f3a5b10-0a01-4c1e-9d10-0000000000b1</Id>", "<Id/>"))
		if err != nil || len(p.Warnings) == 0 || p.Warnings[0].Code != "no-referral" {
			t.Errorf("%v, %+v", err, p)
		}
	})
	t.Run("unknown codes do not refuse", func(t *testing.T) {
		p, err := f.Parse(edited(t, good, `<ServType V="M"`, `<ServType V="Q"`, `<Type V="H" DN`, `<Type V="ZZ" DN`))
		if err != nil || len(p.Warnings) == 0 || p.Warnings[0].Code != "unknown-op" {
			t.Errorf("%v, %+v", err, p)
		}
	})
}

func TestAppRecBad(t *testing.T) {
	f := testFormat(t)
	good := testFile(t, "apprec-full")
	cases := []struct {
		name, code string
		pairs      []string
	}{
		{"schema", "schema", []string{`<Status V="2" DN="Avvist"/>`, ""}},
		{"unknown status", "receipt-status", []string{`<Status V="2"`, `<Status V="7"`}},
		{"no status", "receipt-status", []string{`<Status V="2"`, `<Status`}},
		{"no original id", "receipt-original", []string{`<Id>7f3a5b10-0a01-4c1e-9d10-000000000001</Id>`, "<Id> </Id>"}},
		{"another type", "type-mismatch", []string{`<MsgType V="APPREC"`, `<MsgType V="EPIKRISE"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := f.Parse(edited(t, good, c.pairs...))
			if err == nil {
				t.Fatal("no fault")
			}
			if fault := samvirke.FaultOf(err); fault.Code != c.code || fault.Receipt != "" || fault.Class != samvirke.Invalid {
				t.Errorf("got %+v, want %s and no receipt", fault, c.code)
			}
			if p == nil || p.Envelope.Receipt == nil {
				t.Error("the gateway must know that this is a receipt, or it would answer it")
			}
		})
	}
	warn := []struct {
		name, code string
		pairs      []string
	}{
		{"a yes with errors", "receipt-errors", []string{`<Status V="2"`, `<Status V="1"`}},
		{"a no without errors", "receipt-errors", []string{`<Error V="E36" S="2.16.578.1.12.4.1.1.8221" DN="Pasientopplysninger er utilstrekkelige" OT="Navn mangler"/>`, "",
			`<Error V="07" S="2.16.578.1.12.4.1.1.8223" DN="Egen kode"/>`, ""}},
		{"an id that is no UUID", "message-id", []string{"7f3a5b10-0a01-4c1e-9d10-0000000000d1", "kvittering_17"}},
	}
	for _, c := range warn {
		t.Run(c.name, func(t *testing.T) {
			p, err := f.Parse(edited(t, good, c.pairs...))
			if err != nil || len(p.Warnings) != 1 || p.Warnings[0].Code != c.code {
				t.Errorf("%v %+v", err, p)
			}
		})
	}
	t.Run("content", func(t *testing.T) {
		p, err := f.Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		c := p.Envelope.Receipt
		if c.Status != samvirke.ReceiptRejected || len(c.Errors) != 2 || c.Errors[0].Code != "E36" || c.Errors[0].Detail != "Navn mangler" ||
			c.Errors[1].System != "2.16.578.1.12.4.1.1.8223" || c.OriginalID != "7f3a5b10-0a01-4c1e-9d10-000000000001" ||
			c.OriginalKind != "EPIKRISE" || c.OriginalIssued != "2026-02-03T14:05:06" {
			t.Errorf("%+v", c)
		}
	})
}

// A narrative must not act: what could is left out, with a note; all else comes back.
func TestMarkup(t *testing.T) {
	f := testFormat(t)
	good := testFile(t, "epikrise-full")
	const old = "<Observation><Description>MRSA påvist 2024</Description></Observation>"
	cases := []struct {
		name, text string
		notes      int
		gone       string
	}{
		{"plain", "bare tekst", 0, ""},
		{"line breaks", "en\nto\n\nfire", 0, ""},
		{"looks like markup", "&lt;b&gt;x&lt;/b&gt; &amp;amp;", 0, ""},
		{"prefix", `<x:div xmlns:x="http://www.w3.org/1999/xhtml"><x:p x:y="1" class="a">b</x:p></x:div>`, 1, "@{http://www.w3.org/1999/xhtml}y"},
		{"two roots", `<p xmlns="http://www.w3.org/1999/xhtml">a</p><p xmlns="http://www.w3.org/1999/xhtml">b</p>`, 0, ""},
		{"text around", `a <b xmlns="http://www.w3.org/1999/xhtml">b</b> c`, 0, ""},
		{"script", `<div xmlns="http://www.w3.org/1999/xhtml"><script>x()</script><p>b</p></div>`, 1, "script"},
		{"handler", `<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x()">b</p></div>`, 1, "@onclick"},
		{"link that acts", `<div xmlns="http://www.w3.org/1999/xhtml"><a href=" javascript:x()">b</a></div>`, 1, "@href"},
		{"entities in attributes", `<div xmlns="http://www.w3.org/1999/xhtml"><p title="a&#10;&quot;&amp;&lt;">b</p></div>`, 0, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			raw := edited(t, good, old, "<Observation><Description>"+c.text+"</Description></Observation>")
			p, err := f.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			out, err := f.Render(p.Bundle, mapping.Target{})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Notes) != c.notes {
				t.Errorf("notes %v, want %d", p.Notes, c.notes)
			}
			d := mappingtest.Compare(raw, out.Body)
			if len(d.Extra)+len(d.Changed) > 0 || len(d.Missing) != c.notes {
				t.Errorf("%s", d)
			}
			for _, l := range d.Missing {
				if !strings.Contains(l.Path, c.gone) {
					t.Errorf("missing %s", l)
				}
			}
			mappingtest.R4Schema(t).Check(t, p.Bundle.Bytes())
		})
	}
}

// FuzzAppRec: no input makes a panic, and whatever is taken can be written again.
func FuzzAppRec(f *testing.F) {
	format := testFormat(f)
	f.Add(testFile(f, "apprec-full"))
	f.Add(testFile(f, "epikrise-minimal"))
	f.Add([]byte(`<AppRec xmlns="http://www.kith.no/xmlstds/apprec/2004-11-21"/>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := format.Parse(raw)
		if err != nil || p.Bundle == nil {
			return
		}
		out, err := format.Render(p.Bundle, mapping.Target{})
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if d := mappingtest.Compare(raw, out.Body); len(d.Missing)+len(d.Changed) > len(p.Notes)+len(out.Notes) {
			t.Errorf("%s", d)
		}
	})
}

func BenchmarkEpikrise(b *testing.B) {
	f := testFormat(b)
	raw := testFile(b, "epikrise-full")
	p, err := f.Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if _, err := f.Parse(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("render", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.Render(p.Bundle, mapping.Target{Now: time.Unix(0, 0)}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
