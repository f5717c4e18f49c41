package kith

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// TestRenderOfAnything changes canonical messages at random and demands that Render gives a
// valid message or a Fault, never a panic.
func TestRenderOfAnything(t *testing.T) {
	f := newFormat(t)
	files := cases(t, "canonical.json")
	files = append(files, "")
	rng := rand.New(rand.NewPCG(*mutateSeed, 11))
	written := 0
	for i := range 800 {
		raw := []byte(plainAdmission)
		if file := files[i%len(files)]; file != "" {
			raw = read(t, file)
		}
		n, err := fhir.ParseNode(raw)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + rng.IntN(4) {
			disturb(rng, n, n)
		}
		b, err := fhir.BundleOf(n)
		if err != nil {
			continue
		}
		r, err := f.Render(b, mapping.Target{Version: []string{"", "1.5", "1.6"}[rng.IntN(3)]})
		var fault *samvirke.Fault
		switch {
		case err == nil:
			written++
			p := f.schema.Validate(r.Body)
			if len(p) > 0 {
				p = f.problemsBut(r.Body, p)
			}
			if len(p) > 0 {
				t.Fatalf("seed %d, round %d: invalid: %v", *mutateSeed, i, p[0])
			}
		case !errors.As(err, &fault) || fault.Code == "":
			t.Fatalf("seed %d, round %d: no proper fault: %v", *mutateSeed, i, err)
		}
	}
	if written < 200 {
		t.Errorf("only %d disturbed messages could be written", written)
	}
}

// disturb changes one place below n: takes away, doubles, swaps for something else.
func disturb(rng *rand.Rand, n, root *fhir.Node) {
	for depth := 0; depth < 12; depth++ {
		var kids []*fhir.Node
		keys := n.Keys()
		for _, k := range keys {
			kids = append(kids, n.Get(k))
		}
		kids = append(kids, n.Items()...)
		if len(kids) == 0 {
			return
		}
		at := rng.IntN(len(kids))
		if rng.IntN(4) != 0 {
			n = kids[at]
			continue
		}
		if at >= len(keys) {
			n.Add(kids[at].Clone())
			return
		}
		odd := []*fhir.Node{
			nil, fhir.String(""), fhir.String(" "), fhir.String("æ<&>\x01"), fhir.NewObject(), fhir.NewArray(), fhir.Bool(true), fhir.Number("-1e9"),
			fhir.String("2026-13-45"), fhir.String("urn:uuid:1"), root.At("entry.0").Clone(), {},
		}
		n.Set(keys[at], odd[rng.IntN(len(odd))])
		return
	}
}

// TestRingOfOrganisations: references in a ring end.
func TestRingOfOrganisations(t *testing.T) {
	f := newFormat(t)
	ring := strings.Replace(plainAdmission, `"id":"hospital","name"`, `"id":"hospital","partOf":{"reference":"Organization/ward"},"name"`, 1)
	b, err := fhir.ParseBundle([]byte(ring))
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Render(b, mapping.Target{})
	if err == nil && strings.Count(string(r.Body), "<Organisation>") > 3*maxOrgLevels {
		t.Error("the ring was followed without end")
	}
}
