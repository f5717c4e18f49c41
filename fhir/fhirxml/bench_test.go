package fhirxml_test

import (
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/fhirxml"
)

func BenchmarkParse(b *testing.B) {
	raw := readAll(b, "testdata/patient.xml")
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fhirxml.Parse(raw, fhirxml.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	n, err := fhir.ParseNode(readAll(b, "testdata/patient.json"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := fhirxml.Render(n, fhirxml.Style{}); err != nil {
			b.Fatal(err)
		}
	}
}
