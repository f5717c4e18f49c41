package fhir_test

import (
	"os"
	"path/filepath"
	"testing"

	r4 "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"github.com/samvirke/samvirke/fhir"
)

// largest reads the largest example message of a folder.
func largest(b *testing.B, pattern string) []byte {
	b.Helper()
	files, _ := filepath.Glob(filepath.Join(sharedRoot(b), pattern))
	var out []byte
	for _, f := range files {
		if raw, err := os.ReadFile(f); err == nil && len(raw) > len(out) && len(raw) < 60_000 {
			out = raw
		}
	}
	if out == nil {
		b.Skip("no example found")
	}
	return out
}

func BenchmarkNode(b *testing.B) {
	raw := largest(b, "fhir/examples/*/*.json")
	n, err := fhir.ParseNode(raw)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := fhir.ParseNode(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			n.Bytes()
		}
	})
	b.Run("view", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v, err := fhir.ViewOf[r4.Bundle](n)
			if err != nil {
				b.Fatal(err)
			}
			if err := v.Apply(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
