package kith

import (
	"bytes"
	b64 "encoding/base64"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestBirthExample takes the published birth epicrisis there and back. Its obstetric part has no published
// schema: the schema's verdict stays "not valid", which is no reason to refuse the message.
func TestBirthExample(t *testing.T) {
	f := newFormat(t)
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return e.MessageType == "FODSELS_EPIKRISE" }) {
		raw := e.Raw(t)
		if got := f.CheckSchema(raw); len(got) == 0 || e.SchemaValid {
			t.Errorf("the schema's verdict: %v", got)
		}
		p, err := f.Parse(raw)
		if p == nil || p.Bundle == nil || samvirke.FaultOf(err).Code != "patient-insufficient" { // an H-number without birth date
			t.Fatalf("fault %v", err)
		}
		if !warned(p, "no-schema") || !noted(p.Notes, "/MsgHead[1]/Document[2]/RefDoc[1]/Content[1]/MedisinskeOpplysningerFodselOgBarsel[1]") {
			t.Errorf("what is not read is not named: %v %v", p.Warnings, p.Notes)
		}
		mappingtest.R4Schema(t).Check(t, p.Bundle.Bytes())
		b, err := fhir.ParseBundle(p.Bundle.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Render(b, mapping.Target{})
		if err != nil {
			t.Fatal(err)
		}
		d := mappingtest.Compare(raw, r.Body)
		t.Logf("FODSELS_EPIKRISE 1.6: %d leaves, %d back", d.Total, d.Present)
		if !d.Same() || len(r.Notes) > 0 {
			t.Errorf("%s %v", d, r.Notes)
		}
		second, _ := f.Parse(r.Body)
		again, err := f.Render(second.Bundle, mapping.Target{})
		if err != nil || !bytes.Equal(again.Body, r.Body) {
			t.Errorf("the second round trip gave other bytes: %v", err)
		}
	}
}

func warned(p *mapping.Parsed, code string) bool {
	for _, w := range p.Warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}

// TestBirthIsChecked: only the obstetric part goes unchecked, and what is wrong is found at its line.
func TestBirthIsChecked(t *testing.T) {
	f := newFormat(t)
	good := read(t, "testdata/plo/fodsels-epikrise-1.6/source.xml")
	if _, err := f.Parse(good); err != nil {
		t.Fatal(err)
	}
	for name, pairs := range map[string][]string{
		"the report":                  {"<Anslag>false</Anslag>", "<Anslag>kanskje</Anslag>"},
		"the attachment":              {"<MsgType V=\"A\" DN=\"Vedlegg\"/>", ""},
		"another unknown namespace":   {"xmlns:fb=\"http://www.kith.no/xmlstds/FodselBarsel/2012-11-21\"", "xmlns:fb=\"urn:example\""},
		"text beside what is unknown": {"<fb:MedisinskeOpplysningerFodselOgBarsel", "tekst<fb:MedisinskeOpplysningerFodselOgBarsel"},
	} {
		raw := edited(t, good, pairs...)
		_, err := f.Parse(raw)
		fault := samvirke.FaultOf(err)
		if fault.Code != "schema" || fault.Receipt != "T02" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		all := f.CheckSchema(raw)
		found := false
		for _, p := range all {
			found = found || p.Line == fault.Line && p.Path == fault.Path
		}
		if !found {
			t.Errorf("%s: line %d %s is none of the schema's own", name, fault.Line, fault.Path)
		}
	}
	other := bytes.Replace(read(t, "testdata/plo/utskrivningsrapport-1.6-cancel/source.xml"), []byte("</Document></MsgHead>"),
		[]byte("</Document><Document><RefDoc><MsgType V=\"XML\"/><Content><x xmlns=\""+nsBirth+"2012-11-21\"/></Content></RefDoc></Document></MsgHead>"), 1)
	if _, err := f.Parse(other); samvirke.FaultOf(err).Code != "schema" {
		t.Errorf("another kind with an obstetric part: %v", err)
	}
}

// TestBirthEdits: the report is edited as any other; the carried part is changed as a whole or, when it is no
// XML any more, left out with a note.
func TestBirthEdits(t *testing.T) {
	f := newFormat(t)
	good := read(t, "testdata/plo/fodsels-epikrise-1.6/source.xml")
	before, err := f.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	carried := before.Bundle.First("DocumentReference").At("content.0.attachment")
	raw, err := b64.StdEncoding.DecodeString(carried.Get("data").Text())
	if err != nil || carried.Get("contentType").Text() != "application/xml" || !bytes.Contains(raw, []byte("<!-- vekt i gram -->")) {
		t.Fatalf("carried %s: %s", carried.Get("contentType").Text(), raw)
	}
	for name, c := range map[string]struct{ data, want string }{
		"another weight":  {strings.Replace(string(raw), "3410", "3420", 1), "FodselsVekt[1]"},
		"no XML":          {"vekt 3420", ""},
		"a document type": {"<!DOCTYPE x [<!ENTITY a \"b\">]>" + string(raw), ""},
		"an open element": {"</Content><Content>", ""},
	} {
		b, err := fhir.ParseBundle(before.Bundle.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		b.First("DocumentReference").At("content.0.attachment").Set("data", fhir.String(b64.StdEncoding.EncodeToString([]byte(c.data))))
		r, err := f.Render(b, mapping.Target{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d := mappingtest.Compare(good, r.Body)
		if c.want != "" && (len(d.Changed) != 1 || !strings.Contains(d.Changed[0].Path, c.want) || len(d.Missing)+len(d.Extra) > 0) {
			t.Errorf("%s: %s", name, d)
		}
		if c.want == "" && (len(d.Missing) == 0 || len(d.Changed)+len(d.Extra) > 0 || len(r.Notes) == 0) {
			t.Errorf("%s: %s %v", name, d, r.Notes)
		}
	}
}
