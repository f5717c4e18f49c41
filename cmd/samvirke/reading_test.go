package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A message becomes the same page whether it comes as XML or as the FHIR made of it.
func TestTranslateToHTML(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pages := 0
	for _, file := range courseFiles(t) {
		page := translate(t, "--to", "html", file)
		if !bytes.HasPrefix(page, []byte("<!doctype html>\n<html lang=\"nb\">")) || !bytes.Contains(page, []byte("Om meldingen")) {
			t.Fatalf("%s: no page: %.80s", file, page)
		}
		if bytes.Contains(page, []byte("<script")) || bytes.Contains(page, []byte("src=\"http")) || !bytes.Contains(page, []byte("default-src &#39;none&#39;")) {
			t.Errorf("%s: the page runs or loads something", file)
		}
		again := filepath.Join(dir, filepath.Base(file)+".json")
		if err := os.WriteFile(again, translate(t, "--to", "fhir", file), 0o600); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(page, translate(t, "--to", "html", again)) {
			t.Errorf("%s: the page of its FHIR form is another", file)
		}
		pages++
	}
	if pages < 8 {
		t.Errorf("%d pages", pages)
	}
}

// Codes outside the national lists and other displays are told by validate, and are no reason to refuse.
func TestCodeNotes(t *testing.T) {
	t.Parallel()
	for _, file := range courseFiles(t) {
		if !strings.Contains(file, "innleggelsesrapport") || strings.Contains(file, "endring") {
			continue
		}
		raw, err := os.ReadFile(file) //nolint:gosec // written by this test
		if err != nil {
			t.Fatal(err)
		}
		old := []byte(`<Funksjonsvariabel V="6" `)
		odd := bytes.Replace(raw, old, []byte(`<Funksjonsvariabel V="66" `), 1)
		if bytes.Equal(odd, raw) {
			t.Fatal("the report has no variable 6 where this test looks for it")
		}
		code, out, words := command(t, odd, "validate", "--json", "-")
		if code != exitOK {
			t.Fatalf("exit %d: %s %s", code, out, words)
		}
		var got []verdict
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, n := range got[0].Notes {
			found = found || n.Code == "unknown-code" && strings.Contains(n.Text, `"66"`) && strings.Contains(n.Text, "9111") && strings.HasPrefix(n.Path, "Observation[")
		}
		if !found {
			t.Errorf("notes %+v", got[0].Notes)
		}
		if back := translateBytes(t, odd); !bytes.Contains(back, []byte(`V="66"`)) {
			t.Error("the unknown code was not carried")
		}
		return
	}
	t.Fatal("the course has no admission report")
}

func translateBytes(t *testing.T, raw []byte) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "in.xml")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return translate(t, "--to", "kith", file)
}
