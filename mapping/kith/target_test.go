package kith

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestOtherVersion writes every message in the other version; what does not fit must be noted.
func TestOtherVersion(t *testing.T) {
	f := newFormat(t)
	out := map[string][]byte{}
	check := func(name string, raw []byte) {
		p, _ := f.Parse(raw)
		kind := p.Envelope.Kind
		others := slices.DeleteFunc(f.Versions(kind), func(v string) bool { return v == p.Envelope.Version })
		if len(others) == 0 {
			return
		}
		version := others[0]
		r, err := f.Render(p.Bundle, mapping.Target{Version: version})
		if kind == "HELSEOPPL_SOKNAD" && version == "1.6" {
			// 1.6 is about a stay, which an application of 1.5 does not have and nobody may invent.
			if samvirke.FaultOf(err).Code != "render-invalid" {
				t.Errorf("%s: %v, want a refusal", name, err)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if r.Version != version {
			t.Errorf("%s: version %s, want %s", name, r.Version, version)
		}
		out[name] = r.Body
		same, to := r.Body, names(t, f.tables[kind], p.Envelope.Version)
		for key, uri := range names(t, f.tables[kind], version) {
			same = bytes.ReplaceAll(same, []byte(uri+`"`), []byte(to[key]+`"`))
		}
		d := mappingtest.Compare(raw, same)
		lost := 0
		for _, l := range append(d.Missing, d.Extra...) {
			if !noted(r.Notes, l.Path) {
				t.Errorf("%s: %s is neither carried nor noted", name, l.Path)
			}
			lost++
		}
		if len(d.Changed) > 0 {
			t.Errorf("%s: %s", name, d)
		}
		if version > p.Envelope.Version && lost > 0 {
			t.Errorf("%s: %s has room for all of %s, lost %d", name, version, p.Envelope.Version, lost)
		}
	}
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return ours(e) && e.SchemaValid }) {
		check(e.File, e.Raw(t))
	}
	for _, kind := range distinct(f) {
		if f.tables[kind].root().name == "MsgHead" {
			for _, version := range f.Versions(kind) {
				for variant := range 3 {
					check(kind+" full "+version, fullMessage(t, f.tables[kind], version, variant))
				}
			}
		}
	}
	for name, problem := range mappingtest.XMLLintAll(t, out) {
		t.Errorf("%s: %s", name, problem)
	}
}

// noted tells whether a note speaks of the path or of something around it. Paths of notes have
// no namespaces.
func noted(notes []mapping.Note, path string) bool {
	plain := path
	for {
		i := strings.IndexByte(plain, '{')
		if i < 0 {
			break
		}
		j := strings.IndexByte(plain[i:], '}')
		plain = plain[:i] + plain[i+j+1:]
	}
	for _, n := range notes {
		if strings.HasPrefix(plain, n.Path) {
			return true
		}
	}
	return false
}

func TestTarget(t *testing.T) {
	f := newFormat(t)
	p, _ := f.Parse(fullMessage(t, f.tables["LOG_UTSKREVET"], "1.6", 0))
	to := samvirke.Address{Levels: []samvirke.AddressLevel{
		{Kind: "organisation", Name: "Fjordvik kommune", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "700100")}},
		{Kind: "department", Name: "Hjemmetjenesten", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "700101")}},
	}}
	const id = "5b6e1f5e-8a40-4b0b-9f0a-2f6f0c8a9d11"
	before, err := f.Render(p.Bundle, mapping.Target{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Render(p.Bundle, mapping.Target{NewID: id, To: &to})
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Parse(r.Body)
	if again == nil {
		t.Fatal(err)
	}
	if r.ExternalID != id || again.Envelope.ID != id {
		t.Errorf("id %q and %q, want %q", r.ExternalID, again.Envelope.ID, id)
	}
	if len(again.Envelope.Receivers) != 1 || again.Envelope.Receivers[0].HER() != "700101" || again.Envelope.Receivers[0].Enterprise() != "700100" {
		t.Errorf("receivers %+v", again.Envelope.Receivers)
	}
	d := mappingtest.Compare(before.Body, r.Body)
	for _, l := range append(d.Missing, d.Extra...) {
		if !strings.Contains(l.Path, "Receiver[") {
			t.Errorf("changed outside the receivers: %s", l.Path)
		}
	}
	for _, c := range d.Changed {
		if !strings.Contains(c.Path, "Receiver[") && !strings.Contains(c.Path, "MsgId") {
			t.Errorf("changed outside the receivers: %s", c.Path)
		}
	}
	if _, err := f.Render(p.Bundle, mapping.Target{Version: "2.0"}); samvirke.FaultOf(err).Code != "unknown-version" {
		t.Errorf("version 2.0: %v", err)
	}
}

// TestForeignValuesAreNoted adds values that the message has no place for.
func TestForeignValuesAreNoted(t *testing.T) {
	f := newFormat(t)
	p, _ := f.Parse(fullMessage(t, f.tables["INNLEGGELSESRAPPORT"], "1.6", 0))
	pat := p.Bundle.First("Patient")
	pat.Append("photo", fhir.NewObject("title", "Bilde"))
	raw := p.Bundle.Root.Clone()
	raw.Append("entry", fhir.NewObject("fullUrl", "urn:uuid:1", "resource", fhir.NewObject("resourceType", "Basic", "code", fhir.NewObject("text", "annet"))))
	b, err := fhir.BundleOf(raw)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Render(b, mapping.Target{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".photo[0].title", "no place for this Basic"} {
		found := false
		for _, n := range r.Notes {
			found = found || strings.HasSuffix(n.Path, want) || strings.Contains(n.Text, want)
		}
		if !found {
			t.Errorf("no note for %s in %v", want, r.Notes)
		}
	}
}
