package kith

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/samvirke/samvirke"
)

// FuzzParse feeds anything: Parse must answer with a Fault or a message, never panic; what it
// accepts must be writable again, and then every leaf is back or noted.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*/source.xml")
	more, _ := filepath.Glob("testdata/*/source.xml")
	for _, file := range append(files, more...) {
		f.Add(read(f, file))
	}
	f.Add([]byte("<MsgHead/>"))
	format := newFormat(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := format.Parse(raw)
		if err != nil {
			var fault *samvirke.Fault
			if !errors.As(err, &fault) || fault.Code == "" || fault.Class == samvirke.Internal {
				t.Fatalf("no proper fault: %v", err)
			}
			return
		}
		if p.Bundle == nil {
			if p.Envelope.Receipt == nil {
				t.Fatal("neither a message nor a receipt")
			}
			return
		}
		if p.Envelope.Kind == "EPIKRISE" {
			return // has its own test
		}
		checkBack(t, format, raw, p)
	})
}
