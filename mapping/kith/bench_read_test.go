package kith

import (
	"testing"

	"github.com/samvirke/samvirke/mapping/kith/xmltree"
)

// BenchmarkReadSource reads a message of about 8 KB, as large as those of the load test, up to its tree.
func BenchmarkReadSource(b *testing.B) {
	raw := read(b, "../../internal/simulate/template/report.xml")
	run := func(name string, do func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	var p xmltree.Parser
	run("xmltree", func() error {
		_, err := readSource(&p, raw, DefaultMaxBytes)
		p.Reset()
		return err
	})
	run("encoding-xml", func() error {
		_, err := oldReadSource(raw, DefaultMaxBytes)
		return err
	})
}

// BenchmarkParseReceipt reads an application receipt, as a gateway does (plain) and whole.
func BenchmarkParseReceipt(b *testing.B) {
	raw := read(b, "testdata/apprec-full/source.xml")
	for _, plain := range []bool{true, false} {
		name := map[bool]string{true: "plain", false: "whole"}[plain]
		b.Run(name, func(b *testing.B) {
			f, err := New(Options{PlainReceipts: plain})
			if err != nil || f.Prepare() != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if p, err := f.Parse(raw); err != nil || (p.Bundle == nil) != plain {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRecognises is the first look at a message of about 8 KB.
func BenchmarkRecognises(b *testing.B) {
	f := newFormat(b)
	raw := read(b, "../../internal/simulate/template/report.xml")
	b.ReportAllocs()
	for b.Loop() {
		if !f.Recognises(raw) {
			b.Fatal("not recognised")
		}
	}
}
