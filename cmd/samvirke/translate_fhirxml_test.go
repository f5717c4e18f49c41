package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// The way over FHIR in XML gives the same bytes as the way over FHIR in JSON, and XML given twice the same.
func TestTranslateOverFHIRXML(t *testing.T) {
	t.Parallel()
	good := simulate.Admission{ID: uuid.NewString(), Person: 3, Remark: "linje 1\nlinje 2 &lt;&amp;&gt;"}.XML()
	run := func(in string, args ...string) string {
		t.Helper()
		code, out, words := command(t, []byte(in), append(append([]string{"translate"}, args...), "-")...)
		if code != exitOK || words != "" {
			t.Fatalf("%v: exit code %d: %s", args, code, words)
		}
		return out
	}
	asXML := run(string(good), "--to", "fhir+xml")
	if !strings.Contains(asXML, `<Bundle xmlns="http://hl7.org/fhir">`) || !strings.Contains(asXML, "\n  <entry>") {
		t.Errorf("no FHIR XML: %.300s", asXML)
	}
	for _, from := range [][]string{nil, {"--from", "fhir+xml"}} {
		if got := run(asXML, append(from, "--to", "fhir+xml")...); got != asXML {
			t.Errorf("%v: XML to XML differs", from)
		}
	}
	compact := run(asXML, "--to", "fhir+xml", "--compact")
	if strings.Count(compact, "\n") != 1 {
		t.Errorf("compact XML has %d lines", strings.Count(compact, "\n"))
	}
	inJSON := run(string(good), "--to", "fhir")
	if want, got := run(inJSON, "--to", "kith"), run(compact, "--to", "kith"); got != want {
		t.Errorf("over XML\n%s\nover JSON\n%s", got, want)
	}
	if got := run(run(asXML, "--to", "fhir"), "--to", "fhir+xml"); got != asXML {
		t.Error("XML to JSON to XML differs")
	}
}

func TestTranslateFHIRXML(t *testing.T) {
	t.Parallel()
	const patient = `<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>`
	for _, c := range []struct {
		name, stdin string
		args        []string
		want        int
		say         string
	}{
		{"a resource that is no message", patient, []string{"--to", "fhir", "--compact"}, exitOK, `{"resourceType":"Patient","active":true}`},
		{"the same back", `{"resourceType":"Patient","active":true}`, []string{"--to", "fhir+xml", "--compact"}, exitOK, patient},
		{"but not to KITH", patient, []string{"--to", "kith"}, exitBadMessage, ""},
		{"wrong order", `<Patient xmlns="http://hl7.org/fhir"><gender value="male"/><active value="true"/></Patient>`, []string{"--to", "fhir"}, exitBadMessage, "fhir-order at line 1 in Patient/active"},
		{"unknown element", `<Patient xmlns="http://hl7.org/fhir"><nick value="x"/></Patient>`, []string{"--to", "fhir"}, exitBadMessage, "fhir-unknown-element"},
		{"DOCTYPE", `<!DOCTYPE x>` + patient, []string{"--from", "fhir+xml", "--to", "fhir"}, exitBadMessage, "doctype"},
		{"JSON called XML", `{"resourceType":"Patient"}`, []string{"--from", "fhir+xml", "--to", "fhir"}, exitBadMessage, "not-xml"},
		{"no resource of R4", `{"resourceType":"Sykehus"}`, []string{"--to", "fhir+xml"}, exitBadMessage, "fhir-unknown-type"},
		{"unknown format", patient, []string{"--to", "xml"}, exitUsage, "fhir+xml"},
		{"notes", `{"resourceType":"Patient","nick":"x","active":true}`, []string{"--to", "fhir+xml", "--notes", "-"}, exitOK, `"path": "Patient.nick"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, out, words := command(t, []byte(c.stdin), append(append([]string{"translate"}, c.args...), "-")...)
			if code != c.want || !strings.Contains(out+words, c.say) {
				t.Errorf("exit code %d, want %d, with %q in:\n%.600s\n%.600s", code, c.want, c.say, out, words)
			}
		})
	}
}

// Every published Norwegian message that is translated goes over FHIR in XML as it goes over JSON.
func TestTranslateExamplesOverFHIRXML(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, body []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, body, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	count := 0
	for _, e := range mappingtest.Examples(t, inScope) {
		if count++; count%4 != 0 { // each way is a program's start; one in four is enough here
			continue
		}
		asJSON := file("bundle.json", translate(t, "--to", "fhir", file("source.xml", e.Raw(t))))
		asXML := file("bundle.xml", translate(t, "--to", "fhir+xml", asJSON))
		if want, got := string(translate(t, "--to", "kith", asJSON)), string(translate(t, "--to", "kith", asXML)); got != want {
			t.Errorf("%s: the way over XML gives other bytes", e.File)
		}
	}
	if count < 40 {
		t.Errorf("%d messages", count)
	}
}
