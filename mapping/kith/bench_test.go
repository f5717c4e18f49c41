package kith

import (
	"path/filepath"
	"testing"

	"github.com/samvirke/samvirke/mapping"
)

// BenchmarkParse and BenchmarkRender take the synthetic messages; bytes/s is of the XML.

func benchCases(b *testing.B, run func(b *testing.B, f *Format, raw []byte)) {
	f := newFormat(b)
	files, _ := filepath.Glob("testdata/plo/*/source.xml")
	for _, file := range files {
		raw := read(b, file)
		b.Run(filepath.Base(filepath.Dir(file)), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			run(b, f, raw)
		})
	}
}

func BenchmarkParse(b *testing.B) {
	benchCases(b, func(b *testing.B, f *Format, raw []byte) {
		for b.Loop() {
			if p, err := f.Parse(raw); err != nil || p.Bundle == nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRender(b *testing.B) {
	benchCases(b, func(b *testing.B, f *Format, raw []byte) {
		p, err := f.Parse(raw)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := f.Render(p.Bundle, mapping.Target{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
