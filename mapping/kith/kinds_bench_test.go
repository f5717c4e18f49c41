package kith

import (
	"path/filepath"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// BenchmarkKinds measures the four steps for one synthetic message of each kind and version: parse (bytes to
// tree), check (against the schema), map (tree to FHIR, with the business rules) and render (FHIR to bytes, with
// the schema check of what was written). bytes/s is of the XML.
func BenchmarkKinds(b *testing.B) {
	f := newFormat(b)
	if err := f.Prepare(); err != nil {
		b.Fatal(err)
	}
	for _, m := range benchMessages(b, f) {
		b.Run(m.name, func(b *testing.B) { benchSteps(b, f, m.raw) })
	}
}

func benchSteps(b *testing.B, f *Format, raw []byte) {
	src, err := readSource(f.tree(), raw, f.opt.MaxBytes)
	if err != nil {
		b.Fatal(err)
	}
	step := func(name string, do func() bool) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if !do() {
					b.Fatal("failed")
				}
			}
		})
	}
	step("parse", func() bool {
		tree := f.tree()
		defer f.done(tree)
		_, err := readSource(tree, raw, f.opt.MaxBytes)
		return err == nil
	})
	step("check", func() bool { return f.checkSchema(src) == nil })
	var bundle *fhir.Bundle
	step("map", func() bool {
		bundle = mapped(f, src)
		return bundle != nil
	})
	step("render", func() bool {
		_, err := f.Render(bundle, mapping.Target{})
		return err == nil
	})
}

// mapped is what Parse does behind the schema check.
func mapped(f *Format, src *source) *fhir.Bundle {
	p := &mapping.Parsed{}
	kind, err := f.identify(src, p)
	if err != nil {
		return nil
	}
	switch kind { // a business rule may refuse the message and yet it is mapped
	case kindAppRec:
		_ = f.parseAppRec(src, p)
	case kindHCP:
		_ = f.parseHCP(src, p)
	default:
		_ = f.parsePLO(src, p)
	}
	return p.Bundle
}

type benchMessage struct {
	name string
	raw  []byte
}

// benchMessages are one message of each kind and version of testdata, the largest there is; a version without one
// has the message of another version of its kind, written in it.
func benchMessages(b *testing.B, f *Format) []benchMessage {
	files, err := filepath.Glob("testdata/*/source.xml")
	if err != nil {
		b.Fatal(err)
	}
	largest, bundles := map[string][]byte{}, map[string]*fhir.Bundle{}
	for _, file := range append(files, cases(b, "source.xml")...) {
		raw := read(b, file)
		p, err := f.Parse(raw)
		if p == nil || p.Bundle == nil {
			b.Fatal(err)
		}
		if key := p.Envelope.Kind + "-" + p.Envelope.Version; len(raw) > len(largest[key]) {
			largest[key], bundles[p.Envelope.Kind] = raw, p.Bundle
		}
	}
	var out []benchMessage
	for _, kind := range f.Kinds() {
		for _, version := range f.Versions(kind) {
			name := kind + "-" + version
			raw := largest[name]
			if raw == nil && bundles[kind] != nil && kind != kindReceipt {
				if r, err := f.Render(bundles[kind], mapping.Target{Version: version}); err == nil {
					raw = r.Body
				}
			}
			if raw != nil {
				out = append(out, benchMessage{name, raw})
			}
		}
	}
	return out
}

// BenchmarkAdmissionReport8KB is what a gateway does with an admission report of about 8 KB as it comes in: parse,
// schema check and map to FHIR. It is the report of the course in testdata/s1, its eleven KB without indentation.
// The time counts with GOMAXPROCS=1, so that the collector works on the same core.
func BenchmarkAdmissionReport8KB(b *testing.B) {
	f := newFormat(b)
	p, err := f.Parse(read(b, largeMessage))
	if err != nil {
		b.Fatal(err)
	}
	r, err := f.Render(p.Bundle, mapping.Target{})
	if err != nil {
		b.Fatal(err)
	}
	if n := len(r.Body); r.Kind != "INNLEGGELSESRAPPORT" || r.Version != "1.6" || n < 7500 || n > 9000 {
		b.Fatalf("%s %s of %d bytes", r.Kind, r.Version, n)
	}
	b.SetBytes(int64(len(r.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if p, err := f.Parse(r.Body); err != nil || p.Bundle == nil {
			b.Fatal(err)
		}
	}
}
