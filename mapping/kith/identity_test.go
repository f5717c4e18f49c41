package kith

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// TestHERWithDotsAndSpaces: both generations of messages name the same party, however a HER-id is written.
func TestHERWithDotsAndSpaces(t *testing.T) {
	t.Parallel()
	f, err := New(Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	for file, ids := range map[string][2]string{lintReady: {"8140101", "8140103"}, lintEpi: {"8140201", "8140202"}} {
		good := string(read(t, filepath.Join("..", "..", "testdata", "s1", file)))
		for _, form := range []string{"814.0%", "814 0%", "8140% ", "81.40.%", "8140\u00a0%"} {
			raw := good
			for _, id := range ids {
				written := strings.Replace(form, "%", id[4:], 1)
				raw = strings.ReplaceAll(raw, "<Id>"+id+"<", "<Id>"+written+"<")
			}
			if raw == good {
				t.Fatalf("%s: nothing changed", file)
			}
			p, err := f.Parse([]byte(raw))
			if err != nil {
				t.Fatalf("%s %q: %v", file, form, err)
			}
			if r := p.Envelope.Receivers[0]; r.Enterprise() != ids[0] || r.HER() != ids[1] {
				t.Errorf("%s %q: %s / %s", file, form, r.Enterprise(), r.HER())
			}
			// As written it goes back, though.
			out, err := f.Render(p.Bundle, mapping.Target{})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Count(string(out.Body), strings.TrimSpace(strings.Replace(form, "%", ids[1][4:], 1))) == 0 {
				t.Errorf("%s %q: not written back as it was", file, form)
			}
		}
	}
}

// TestBirthDateAndNameDecideNothing: they may identify a patient enough for a receipt, together with the
// sex, but never become the key that plans, lanes and look-ups go by.
func TestBirthDateAndNameDecideNothing(t *testing.T) {
	t.Parallel()
	f, err := New(Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	good := string(read(t, filepath.Join("..", "..", "testdata", "s1", lintIn)))
	i, j := strings.Index(good, "<Ident>\n        <Id>11064700342"), strings.Index(good, "<Address>")
	if i < 0 || j < i {
		t.Fatal("no identifier of the patient in the message")
	}
	nameless := good[:i] + good[j:]
	for _, c := range []struct {
		name, old, new, code string
	}{
		{name: "name, birth date and sex"},
		{"name and birth date", `<Sex V="1" DN="Mann"/>`, "", "patient-insufficient"},
		{"name and sex", "<DateOfBirth>1947-06-11</DateOfBirth>", "", "patient-insufficient"},
		{"birth date and sex", "<FamilyName>Solvang</FamilyName>\n      <GivenName>Harald</GivenName>", "", "patient-insufficient"},
	} {
		p, err := f.Parse([]byte(strings.Replace(nameless, c.old, c.new, 1)))
		code := ""
		if err != nil {
			code = samvirke.FaultOf(err).Code
		}
		if code != c.code || p == nil || p.Envelope.Patient.Key() != "" {
			t.Errorf("%s: code %q, want %q; key %q", c.name, code, c.code, p.Envelope.Patient.Key())
		}
	}
	p, err := f.Parse([]byte(good))
	if err != nil || p.Envelope.Patient.Key() == "" {
		t.Errorf("with the number: %v, key %q", err, p.Envelope.Patient.Key())
	}
}
