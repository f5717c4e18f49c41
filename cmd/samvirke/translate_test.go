package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// translate runs the command in process and gives what it wrote.
func translate(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{ctx: t.Context(), in: strings.NewReader(""), out: &out, errs: &errs, getenv: os.Getenv}
	if code := a.run(append([]string{"translate"}, args...)); code != exitOK {
		t.Fatalf("translate %v: exit %d: %s", args, code, errs.String())
	}
	return out.Bytes()
}

// inScope tells whether an example is of a kind and version that is translated both ways.
func inScope(e mappingtest.Example) bool {
	plo := []string{"LOG_INNLAGT", "LOG_UTSKRIVNINGSKLAR", "LOG_AVMELDING", "LOG_UTSKREVET", "LOG_DOD", "INNLEGGELSESRAPPORT", "UTSKRIVNINGSRAPPORT"}
	switch {
	case !e.SchemaValid:
		return false
	case slices.Contains(plo, e.MessageType):
		return strings.HasSuffix(e.Namespace, "/2009-06-30") || strings.HasSuffix(e.Namespace, "/2012-04-01")
	}
	return e.Root == "AppRec" || e.MessageType == "EPIKRISE" && strings.HasSuffix(e.Namespace, "/2012-02-15")
}

// Every schema-valid example in scope goes to FHIR and back through files, as a user would do it:
// valid R4, valid XML, at least 98 % of the values in place.
func TestTranslateExamples(t *testing.T) {
	r4 := mappingtest.R4Schema(t)
	dir := t.TempDir()
	type sum struct{ messages, leaves, back int }
	sums := map[string]*sum{}
	docs := map[string][]byte{}
	for _, e := range mappingtest.Examples(t, inScope) {
		raw := e.Raw(t)
		source, bundle, notes := filepath.Join(dir, "source.xml"), filepath.Join(dir, "bundle.json"), filepath.Join(dir, "notes.json")
		if err := os.WriteFile(source, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		inFHIR := translate(t, "--to", "fhir", source)
		for _, p := range r4.Problems(inFHIR) {
			t.Errorf("%s: R4: %s", e.File, p)
		}
		if err := os.WriteFile(bundle, inFHIR, 0o600); err != nil {
			t.Fatal(err)
		}
		back := translate(t, "--to", "kith", "--notes", notes, bundle)
		docs[e.File] = back
		d := mappingtest.Compare(raw, back)
		if d.Share() < 0.98 {
			t.Errorf("%s: %s", e.File, d)
		}
		s := sums[e.MessageType]
		if s == nil {
			s = &sum{}
			sums[e.MessageType] = s
		}
		s.messages, s.leaves, s.back = s.messages+1, s.leaves+d.Total, s.back+d.Present
	}
	for name, problem := range mappingtest.XMLLintAll(t, docs) {
		t.Errorf("%s: xmllint: %s", name, problem)
	}
	var kinds []string
	for k := range sums {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		s := sums[k]
		t.Logf("%-22s %3d messages %6d values %7.2f %% back", k, s.messages, s.leaves, 100*float64(s.back)/float64(s.leaves))
	}
	if len(kinds) != 9 {
		t.Errorf("kinds %v, want the seven with a header, EPIKRISE and APPREC", kinds)
	}
}

// TestTranslateThatFailsKeepsNoOldNotes: the notes file never tells of a message before the one that failed.
func TestTranslateThatFailsKeepsNoOldNotes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, notes := filepath.Join(dir, "broken.xml"), filepath.Join(dir, "notes.json")
	for file, want := range map[string]int{source: exitBadMessage, filepath.Join(dir, "none.xml"): exitUsage} {
		for name, text := range map[string]string{source: "<MsgHead>", notes: `[{"path":"old"}]`} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if code, _, words := command(t, nil, "translate", "--to", "fhir", "--notes", notes, file); code != want {
			t.Errorf("%s: code %d: %s", filepath.Base(file), code, words)
		}
		if left, err := os.ReadFile(notes); err != nil || string(left) != "[]\n" {
			t.Errorf("%s: notes %q, %v", filepath.Base(file), left, err)
		}
	}
}
