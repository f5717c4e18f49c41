package kith

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
)

// TestNorwegian: every fault that a receipt carries has a Norwegian text, and every kind of schema mistake
// one of its own.
func TestNorwegian(t *testing.T) {
	f := newFormat(t)
	good := read(t, filepath.Join("..", "..", "testdata", "s1", lintIn))
	for _, c := range []struct{ name, old, new, want string }{
		{"not well-formed", "</Sender>", "</Sander>", "Meldingen er ikke velformet XML"},
		{"message id", "<MsgId>", "<MsgId>x", "Meldingens identifikator er ikke en UUID"},
		{"version", "Pasientlogistikk/2012-04-01", "Pasientlogistikk/2003-01-01", ""},
		{"time", "<GenDate>", "<GenDate>x", "Meldingen følger ikke XML-skjemaet: et tidspunkt er ugyldig"},
		{"element", "</MsgInfo>", "<Ny/></MsgInfo>", "Meldingen følger ikke XML-skjemaet: et element er ikke kjent på dette stedet"},
	} {
		_, err := f.Parse([]byte(strings.ReplaceAll(string(good), c.old, c.new)))
		if err == nil {
			t.Errorf("%s: taken", c.name)
			continue
		}
		fault := samvirke.FaultOf(err)
		if got := fault.Norwegian(); got == "" || c.want != "" && got != c.want {
			t.Errorf("%s: %q for %v, want %q", c.name, got, fault, c.want)
		}
	}
	list := string(read(t, filepath.Join("schema", "doc.go")))
	_, list, _ = strings.Cut(list, "# Codes")
	if list == "" {
		t.Fatal("the schema package lists no codes")
	}
	general := (&samvirke.Fault{Code: "schema"}).Norwegian()
	seen := 0
	for _, code := range regexp.MustCompile(`\b(?:missing|unexpected|misplaced|repeated|wrong|unknown|bad|fixed|not)-[a-z0-9]+\b`).FindAllString(list, -1) {
		if code == "not-well" {
			continue // a message that gets so far is
		}
		seen++
		if got := (&samvirke.Fault{Code: "schema", Detail: code}).Norwegian(); got == general {
			t.Errorf("no text for %s", code)
		}
	}
	if seen < 20 {
		t.Errorf("only %d codes found", seen)
	}
}
