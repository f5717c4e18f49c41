package kith

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// ours tells whether an example is a message of the kinds with a MsgHead that this package maps.
func ours(e mappingtest.Example) bool {
	switch e.MessageType {
	case "INNLEGGELSESRAPPORT", "UTSKRIVNINGSRAPPORT", "HELSEOPPL_SOKNAD", "HELSEOPPLYSNINGER_LEGE", "MEDISINSKE_OPPLYSNINGER",
		"ORIENTERING_TJENESTETILBUD", "FRAVARSMELDING", "FODSELS_EPIKRISE":
		return true
	}
	return strings.HasPrefix(e.MessageType, "LOG_") || isDialog(e.MessageType) || strings.HasPrefix(e.MessageType, kindReferral+"_")
}

func newFormat(t testing.TB) *Format {
	t.Helper()
	f, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestExamplesRoundTrip takes every schema-valid published message of our kinds to FHIR and back.
func TestExamplesRoundTrip(t *testing.T) {
	f := newFormat(t)
	r4 := mappingtest.R4Schema(t)
	out := map[string][]byte{}
	sum := map[string]*[3]int{} // kind and version: messages, leaves, leaves back in place
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return ours(e) && e.SchemaValid }) {
		t.Run(e.File, func(t *testing.T) {
			raw := e.Raw(t)
			p, err := f.Parse(raw)
			if p == nil || p.Bundle == nil {
				t.Fatalf("no bundle: %v", err)
			}
			r4.Check(t, p.Bundle.Bytes())
			again, _ := f.Parse(raw)
			if !bytes.Equal(p.Bundle.Bytes(), again.Bundle.Bytes()) {
				t.Error("the same message gave other bytes")
			}
			// The way back sees only the bytes of the Bundle.
			b, err := fhir.ParseBundle(p.Bundle.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.Render(b, mapping.Target{})
			if err != nil {
				t.Fatalf("render: %v", err)
			}
			d := mappingtest.Compare(raw, r.Body)
			key := p.Envelope.Kind + " " + p.Envelope.Version
			if sum[key] == nil {
				sum[key] = new([3]int)
			}
			sum[key][0]++
			sum[key][1] += d.Total
			sum[key][2] += d.Present
			if !d.Same() || d.Share() < 0.98 {
				t.Errorf("%s", d)
			}
			for _, n := range append(p.Notes, r.Notes...) {
				if n.Code != "derived" {
					t.Errorf("note %+v", n)
				}
			}
			out[e.File] = r.Body
			second, _ := f.Parse(r.Body)
			if second == nil || second.Bundle == nil {
				t.Fatal("what we wrote cannot be read")
			}
			r2, err := f.Render(second.Bundle, mapping.Target{})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(r.Body, r2.Body) {
				t.Error("the second round trip gave other bytes")
			}
		})
	}
	for _, key := range slices.Sorted(maps.Keys(sum)) {
		t.Logf("%-26s %2d messages %5d leaves %5d back", key, sum[key][0], sum[key][1], sum[key][2])
	}
	for name, problem := range mappingtest.XMLLintAll(t, out) {
		t.Errorf("%s: %s", name, problem)
	}
}
