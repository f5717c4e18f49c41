package kith

import (
	"os"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

func testFormat(t testing.TB) *Format {
	t.Helper()
	f, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func testFile(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// roundTrip parses, checks the FHIR form and writes the message back.
func roundTrip(t *testing.T, f *Format, raw []byte) (*mapping.Parsed, *mapping.Rendered) {
	t.Helper()
	p, err := f.Parse(raw)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	if len(p.Notes) > 0 {
		t.Logf("notes: %v", p.Notes)
	}
	out, err := f.Render(p.Bundle, mapping.Target{})
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	return p, out
}

func TestEpikriseFull(t *testing.T) {
	f := testFormat(t)
	raw := testFile(t, "epikrise-full.xml")
	p, out := roundTrip(t, f, raw)
	if len(p.Notes)+len(out.Notes) > 0 {
		t.Errorf("notes %v %v", p.Notes, out.Notes)
	}
	if d := mappingtest.Compare(raw, out.Body); !d.Same() {
		t.Errorf("%s\n%s", d, strings.ReplaceAll(string(out.Body), "><", ">\n<"))
	}
	mappingtest.R4Schema(t).Check(t, p.Bundle.Bytes())
	mappingtest.XMLLint(t, out.Body)
}
