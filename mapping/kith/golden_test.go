package kith

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

var updateGolden = flag.Bool("update-golden", false, "rewrite canonical.json and notes.json below testdata/plo; review the difference")

// goldenNotes is what a case says beside its content.
type goldenNotes struct {
	Fault    string         `json:"fault,omitempty"`
	Warnings []string       `json:"warnings,omitempty"`
	Parse    []mapping.Note `json:"parse,omitempty"`
	Render   []mapping.Note `json:"render,omitempty"`
}

// TestGolden maps the synthetic messages of testdata: source.xml to canonical.json with
// notes.json, and back to the same leaves.
func TestGolden(t *testing.T) {
	f := newFormat(t)
	dirs := cases(t, "source.xml")
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			raw := read(t, file)
			p, err := f.Parse(raw)
			if p == nil || p.Bundle == nil {
				t.Fatal(err)
			}
			got := goldenNotes{Parse: p.Notes}
			if err != nil {
				got.Fault = samvirke.FaultOf(err).Code
			}
			for _, w := range p.Warnings {
				got.Warnings = append(got.Warnings, w.Code)
			}
			b, err := fhir.ParseBundle(p.Bundle.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.Render(b, mapping.Target{})
			if err != nil {
				t.Fatal(err)
			}
			got.Render = r.Notes
			d := mappingtest.Compare(raw, r.Body)
			for _, l := range d.Missing {
				if !noted(append(got.Parse, got.Render...), l.Path) {
					t.Errorf("lost without a note: %s", l)
				}
			}
			for _, c := range d.Changed {
				if !noted(got.Parse, c.Path) {
					t.Errorf("changed without a note: %+v", c)
				}
			}
			if len(d.Extra) > 0 {
				t.Errorf("%s", d)
			}
			var canonical bytes.Buffer
			if err := json.Indent(&canonical, p.Bundle.Bytes(), "", "  "); err != nil {
				t.Fatal(err)
			}
			canonical.WriteByte('\n')
			notes, err := json.MarshalIndent(got, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			same(t, filepath.Join(dir, "canonical.json"), canonical.Bytes())
			same(t, filepath.Join(dir, "notes.json"), append(notes, '\n'))
		})
	}
}

// cases are the files of that name of all synthetic messages that say in notes.json what becomes of them.
func cases(t testing.TB, name string) []string {
	t.Helper()
	var out []string
	for _, dir := range []string{"plo", "dialog", "epikrise", "henvisning"} {
		files, err := filepath.Glob("testdata/" + dir + "/*/" + name)
		if err != nil || len(files) == 0 {
			t.Fatal("no cases in " + dir)
		}
		out = append(out, files...)
	}
	return out
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func same(t *testing.T, file string, got []byte) {
	t.Helper()
	if *updateGolden {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := read(t, file); !bytes.Equal(got, want) {
		t.Errorf("%s differs; run with -update-golden and review", file)
	}
}

// thereAndBack demands that a message comes back leaf by leaf, through the bytes of its Bundle.
func thereAndBack(t *testing.T, f *Format, raw []byte) {
	t.Helper()
	p, err := f.Parse(raw)
	if p == nil || p.Bundle == nil {
		t.Fatal(err)
	}
	b, err := fhir.ParseBundle(p.Bundle.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Render(b, mapping.Target{})
	if err != nil {
		t.Fatal(err)
	}
	if d := mappingtest.Compare(raw, r.Body); !d.Same() {
		t.Errorf("%s", d)
	}
}
