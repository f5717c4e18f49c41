package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestValidateChecksBeforeSending: a valid message that must not be sent is told from a good one, with
// line, code and both languages; the schema check alone does not ask.
func TestValidateChecksBeforeSending(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(filepath.Join("..", "..", "testdata", "s1", "06-log-utskrivningsklar.xml"))
	if err != nil {
		t.Fatal(err)
	}
	bad := []byte(strings.Replace(string(good), "<fk1:FamilyName>Myhre</fk1:FamilyName>", "", 1))
	code, out, _ := command(t, bad, "validate", "--json", "-")
	var v []verdict
	if err := json.Unmarshal([]byte(out), &v); err != nil || len(v) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	if code != exitBadMessage || !v[0].Valid || v[0].Sendable || len(v[0].Findings) != 1 {
		t.Fatalf("code %d: %s", code, out)
	}
	if f := v[0].Findings[0]; f.Code != "deciding-clinician" || f.Severity != "error" || f.Line == 0 || f.Text == "" || f.TextNO == "" {
		t.Errorf("finding %+v", f)
	}
	code, out, _ = command(t, bad, "validate", "-")
	if code != exitBadMessage || !strings.Contains(out, "must not be sent like this") || !strings.Contains(out, "utskrivningsklar") {
		t.Errorf("code %d: %s", code, out)
	}
	if code, out, _ = command(t, bad, "validate", "--schema-only", "-"); code != exitOK || strings.Contains(out, "deciding") {
		t.Errorf("schema only: code %d: %s", code, out)
	}
}

// TestValidateTellsMistakesInBothLanguages: a schema mistake has its kind and a text in both languages.
func TestValidateTellsMistakesInBothLanguages(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(filepath.Join("..", "..", "testdata", "s1", "06-log-utskrivningsklar.xml"))
	if err != nil {
		t.Fatal(err)
	}
	_, out, _ := command(t, []byte(strings.Replace(string(good), "<GenDate>", "<GenDate>x", 1)), "validate", "--json", "-")
	var v []verdict
	if err := json.Unmarshal([]byte(out), &v); err != nil || len(v) != 1 || len(v[0].Problems) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	if p := v[0].Problems[0]; p.Detail != "bad-time" || p.Text == "" || !strings.HasSuffix(p.TextNO, "et tidspunkt er ugyldig") {
		t.Errorf("problem %+v", p)
	}
}
