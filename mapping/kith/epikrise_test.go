package kith

import (
	"bytes"
	"encoding/json"
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

// testFile reads the source of a synthetic case.
func testFile(t testing.TB, name string) []byte {
	t.Helper()
	return read(t, "testdata/"+name+"/source.xml")
}

// hcpBothWays parses, checks the FHIR form and writes the message back.
func hcpBothWays(t *testing.T, f *Format, raw []byte) (*mapping.Parsed, *mapping.Rendered) {
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

// Every element of the schemas has a home: the full messages hold each of them at least once. The
// minimal one holds as little as its schema allows, in odd shapes.
func TestHCPMessages(t *testing.T) {
	f := testFormat(t)
	for _, name := range []string{"epikrise-full", "epikrise-minimal", "apprec-full"} {
		t.Run(name, func(t *testing.T) {
			raw := testFile(t, name)
			mappingtest.XMLLint(t, raw)
			p, out := hcpBothWays(t, f, raw)
			if len(p.Notes)+len(out.Notes) > 0 {
				t.Errorf("notes %v %v", p.Notes, out.Notes)
			}
			if d := mappingtest.Compare(raw, out.Body); !d.Same() {
				t.Errorf("%s\n%s", d, strings.ReplaceAll(string(out.Body), "><", ">\n<"))
			}
			mappingtest.R4Schema(t).Check(t, p.Bundle.Bytes())
			mappingtest.XMLLint(t, out.Body)
			var canonical bytes.Buffer
			if err := json.Indent(&canonical, p.Bundle.Bytes(), "", "  "); err != nil {
				t.Fatal(err)
			}
			canonical.WriteByte('\n')
			same(t, "testdata/"+name+"/canonical.json", canonical.Bytes())
			again, err := f.Parse(out.Body)
			if err != nil || string(again.Bundle.Bytes()) != string(p.Bundle.Bytes()) {
				t.Errorf("what was written reads differently: %v", err)
			}
		})
	}
}

// The printed mapping names a FHIR home for every row.
func TestHCPTables(t *testing.T) {
	f := testFormat(t)
	for kind, want := range map[string]string{"EPIKRISE": "Message/ServRprt/Patient/Name", "APPREC": "AppRec/OriginalMsgId/IssueDate"} {
		rows := f.Table(kind, "")
		if len(rows) < 50 {
			t.Errorf("%s: %d rows", kind, len(rows))
		}
		found := false
		for _, r := range rows {
			found = found || strings.TrimPrefix(r.XML, "/") == want
			if r.Type != "" && r.FHIR == "" {
				t.Errorf("%s has no home", r.XML)
			}
		}
		if !found {
			t.Errorf("%s: no row %s, first %+v", kind, want, rows[0])
		}
	}
}
