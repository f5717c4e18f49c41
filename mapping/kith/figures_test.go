package kith

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// enough is the least part of the leaf values of a kind and version that must be back after a round trip.
const enough = 0.995

// figures are what a kind and version came to.
type figures struct{ examples, leaves, back, noted, extra int }

// TestRoundTripFigures takes every schema-valid published message of every kind to FHIR and back. What was
// written is valid under the schema, ours and the published one; the FHIR form under R4 and the Norwegian
// base profiles; each leaf value is back or noted; a second round trip changes no byte. -v prints the figures.
func TestRoundTripFigures(t *testing.T) {
	f := newFormat(t)
	r4 := mappingtest.R4Schema(t)
	sum, out := map[string]*figures{}, map[string][]byte{}
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return e.SchemaValid && hasTable(e) }) {
		t.Run(e.File, func(t *testing.T) {
			raw := e.Raw(t)
			p, err := f.Parse(raw)
			if p == nil || p.Bundle == nil {
				t.Fatalf("no bundle: %v", err)
			}
			sameAsIndex(t, e, p)
			r4.Check(t, p.Bundle.Bytes())
			keepsProfiles(t, p.Bundle)
			r := backFromBytes(t, f, p.Bundle)
			if problems := f.CheckSchema(r.Body); len(problems) > 0 {
				t.Errorf("what was written is not valid: %v", problems)
			}
			out[e.File] = r.Body
			key := fmt.Sprintf("%-38s %s", p.Envelope.Kind, p.Envelope.Version)
			if sum[key] == nil {
				sum[key] = &figures{}
			}
			notes := append(p.Notes, r.Notes...)
			sum[key].count(t, mappingtest.Compare(raw, r.Body), notes)
			for _, n := range notes {
				if n.Code != "derived" { // none of the examples holds a value that has no place
					t.Errorf("note %+v", n)
				}
			}
			again, _ := f.Parse(raw)
			if !bytes.Equal(p.Bundle.Bytes(), again.Bundle.Bytes()) {
				t.Error("the same message gave another Bundle")
			}
			second, _ := f.Parse(r.Body)
			if second == nil || second.Bundle == nil {
				t.Fatal("what was written cannot be read")
			}
			if r2 := backFromBytes(t, f, second.Bundle); !bytes.Equal(r.Body, r2.Body) {
				t.Error("the second round trip gave other bytes")
			}
		})
	}
	t.Log("\n" + tabled(t, sum))
	for name, problem := range mappingtest.XMLLintAll(t, out) {
		t.Errorf("%s: xmllint: %s", name, problem)
	}
}

// hasTable tells whether an example is a message or receipt. The others are transport: envelopes and agreements.
func hasTable(e mappingtest.Example) bool {
	return e.Root == "MsgHead" || e.Root == "Message" || e.Root == "AppRec"
}

// backFromBytes writes a message that is known from the bytes of its Bundle alone.
func backFromBytes(t *testing.T, f *Format, in *fhir.Bundle) *mapping.Rendered {
	t.Helper()
	b, err := fhir.ParseBundle(in.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Render(b, mapping.Target{})
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	return r
}

// sameAsIndex holds the envelope against the index of the examples.
func sameAsIndex(t *testing.T, e mappingtest.Example, p *mapping.Parsed) {
	t.Helper()
	env := p.Envelope
	if e.MsgID != "" && env.ID != e.MsgID || e.MessageType != "" && env.Kind != kindOf(e.MessageType) {
		t.Errorf("envelope %s %s, want %s %s", env.Kind, env.ID, e.MessageType, e.MsgID)
	}
	if e.Root != "Message" {
		return
	}
	if e.Status != "" && string(env.Op) != e.Status || env.Patient.Key() != "" && env.Patient.Value != fhir.NormalizePerson(e.PatientID) {
		t.Errorf("envelope %+v", env)
	}
}

// count adds one message. Each value that is not back must be noted, each that is new too.
func (s *figures) count(t *testing.T, d mappingtest.Diff, notes []mapping.Note) {
	t.Helper()
	if d.Err != nil {
		t.Fatal(d.Err)
	}
	s.examples++
	s.leaves += d.Total
	s.back += d.Present
	lost := slices.Concat(d.Missing, d.Extra)
	for _, c := range d.Changed {
		lost = append(lost, mappingtest.Leaf{Path: c.Path, Value: c.Want})
	}
	for _, l := range lost {
		if !noted(pathed(notes), l.Path) {
			t.Errorf("%s is neither back nor noted", l)
			continue
		}
		s.noted++
	}
	for range d.Extra {
		s.extra++
		s.noted--
	}
}

// tabled prints the figures and fails the test where too little came back.
func tabled(t *testing.T, sum map[string]*figures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-42s %8s %7s %7s %6s %8s\n", "kind and version", "examples", "leaves", "back", "noted", "share")
	line := func(name string, s figures) {
		fmt.Fprintf(&b, "%-42s %8d %7d %7d %6d %7.2f%%\n", name, s.examples, s.leaves, s.back, s.noted, 100*float64(s.back)/float64(s.leaves))
	}
	var all figures
	for _, key := range slices.Sorted(maps.Keys(sum)) {
		s := *sum[key]
		line(key, s)
		if s.leaves == 0 || float64(s.back) < enough*float64(s.leaves) || s.back+s.noted != s.leaves {
			t.Errorf("%s: %+v", key, s)
		}
		all = figures{all.examples + s.examples, all.leaves + s.leaves, all.back + s.back, all.noted + s.noted, 0}
	}
	line("all", all)
	return b.String()
}
