package kith

import (
	"errors"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

var mutateSeed = flag.Uint64("mutate-seed", 1, "seed of TestMutations")

// TestMutations changes good messages at random places and demands what FuzzParse demands.
// Again: go test ./mapping/kith -run TestMutations -mutate-seed=N
func TestMutations(t *testing.T) {
	f := newFormat(t)
	files := cases(t, "source.xml")
	rng := rand.New(rand.NewPCG(*mutateSeed, 7))
	accepted := 0
	for i := range 1500 {
		raw := scramble(rng, read(t, files[i%len(files)]))
		p, err := f.Parse(raw)
		if p == nil || p.Bundle == nil {
			var fault *samvirke.Fault
			if !errors.As(err, &fault) || fault.Code == "" || fault.Class != samvirke.Invalid {
				t.Fatalf("seed %d, round %d: no proper fault: %v\n%s", *mutateSeed, i, err, raw)
			}
			continue
		}
		accepted++
		checkBack(t, f, raw, p)
		if t.Failed() {
			t.Fatalf("seed %d, round %d:\n%s", *mutateSeed, i, raw)
		}
	}
	if accepted < 100 {
		t.Errorf("only %d mutations were still messages", accepted)
	}
}

// checkBack demands that an accepted message can be written and that every leaf is back or noted.
func checkBack(t *testing.T, f *Format, raw []byte, p *mapping.Parsed) {
	t.Helper()
	b, err := fhir.ParseBundle(p.Bundle.Bytes())
	if err != nil {
		t.Fatalf("the bundle cannot be read: %v", err)
	}
	r, err := f.Render(b, mapping.Target{})
	if err != nil {
		t.Errorf("accepted but not writable: %v", err)
		return
	}
	notes := append(p.Notes, r.Notes...)
	d := mappingtest.Compare(raw, r.Body)
	if d.Err != nil {
		return // an encoding that the comparison does not read
	}
	for _, l := range d.Missing {
		if !noted(notes, l.Path) {
			t.Errorf("lost without a note: %s", l)
		}
	}
	for _, c := range d.Changed {
		if !noted(notes, c.Path) {
			t.Errorf("changed without a note: %+v", c)
		}
	}
}

// scramble changes one to three places: mostly values, sometimes anything.
func scramble(rng *rand.Rand, raw []byte) []byte {
	out := append([]byte(nil), raw...)
	values := []string{"", " ", "\n", "&#13;", "&#9;", "9", "-1", "æ  ø", "&lt;b&gt;", "<!-- c -->", "<![CDATA[x]]>", "&amp;", "2026-02-30", "2026-07-01T10:00:00", "1.50", "true", "0", " 7 ", "urn:oid:1.2", "tel:", "1.2.3", "+5"}
	marks := []string{"<x/>", "<", "\"", "\x00", "\xff", "</", "xmlns=\"\""}
	for range 1 + rng.IntN(3) {
		at := rng.IntN(len(out))
		if rng.IntN(12) == 0 {
			out = append(out[:at:at], append([]byte(marks[rng.IntN(len(marks))]), out[at:]...)...)
			continue
		}
		// The next value from here on: after '>' that a text follows, or after '="'.
		for at < len(out)-2 && !(out[at] == '>' && out[at+1] != '<' || out[at] == '"' && out[at-1] == '=') {
			at++
		}
		at++
		end := at
		for end < len(out) && out[end] != '<' && out[end] != '"' {
			end++
		}
		v := values[rng.IntN(len(values))]
		switch rng.IntN(3) {
		case 0:
			v += string(out[at:end])
		case 1:
			v = string(out[at:end]) + v
		}
		out = append(out[:at:at], append([]byte(v), out[end:]...)...)
	}
	return out
}
