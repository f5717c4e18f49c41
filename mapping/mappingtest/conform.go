package mappingtest

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// Conform checks the promises of mapping.Format that hold for every format: what the quick look
// tells is what parsing finds; parsing and rendering are functions of their input and leave it alone; what is
// written is read again by the same format; bad bytes give a Fault with code and text, never a panic; all of it
// also when used concurrently. good are messages that Parse takes without a fault; keyed by name.
func Conform(t *testing.T, f mapping.Format, good map[string][]byte) {
	if f.Name() == "" || len(good) == 0 {
		t.Fatal("a format needs a name, and a check needs messages")
	}
	var wg sync.WaitGroup
	for name, raw := range good {
		t.Run("message "+name, func(t *testing.T) { conformGood(t, f, raw) })
		t.Run("cut "+name, func(t *testing.T) { conformCut(t, f, raw) })
		for range 2 {
			wg.Go(func() {
				if p, err := f.Parse(raw); err == nil && p.Bundle != nil {
					_, _ = f.Render(p.Bundle, mapping.Target{}) // the race detector is what looks here
				}
			})
		}
	}
	wg.Wait()
	for name, raw := range map[string][]byte{
		"nothing": nil, "white space": []byte(" \n"), "text": []byte("hello"), "zeros": make([]byte, 1000),
		"open tag": []byte("<"), "open brace": []byte("{"), "array": []byte("[1,2]"), "other XML": []byte("<a/>"), "other JSON": []byte(`{"a":1}`),
		"bytes": {0xff, 0xfe, 0x00, 0xd8, 0x3c, 0x00},
	} {
		t.Run("bad "+name, func(t *testing.T) {
			p, err := f.Parse(raw)
			if err == nil {
				t.Fatalf("taken as a message: %+v", p)
			}
			checkFault(t, err)
			f.Sniff(raw)
		})
	}
}

func conformGood(t *testing.T, f mapping.Format, raw []byte) {
	kept := slices.Clone(raw)
	s, ok := f.Sniff(raw)
	if !ok || s.Format != f.Name() {
		t.Fatalf("not recognised: %+v, %v", s, ok)
	}
	p, err := f.Parse(raw)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	e := p.Envelope
	if s.Kind != e.Kind || s.Version != e.Version || s.ExternalID != e.ID || s.Patient != e.Patient.Key() {
		t.Errorf("the quick look says %+v, the envelope %s %s %s %s", s, e.Kind, e.Version, e.ID, e.Patient.Key())
	}
	if e.Format != f.Name() || e.ID == "" || len(e.Sender.Levels) == 0 {
		t.Errorf("envelope %+v", e)
	}
	if p.Bundle == nil {
		if e.Receipt == nil {
			t.Error("neither Bundle nor receipt")
		}
		return
	}
	canonical := p.Bundle.Bytes()
	again, err := f.Parse(raw)
	if err != nil || !bytes.Equal(again.Bundle.Bytes(), canonical) {
		t.Errorf("the same bytes gave another message (%v)", err)
	}
	out, err := f.Render(p.Bundle, mapping.Target{})
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	if !bytes.Equal(p.Bundle.Bytes(), canonical) {
		t.Error("rendering changed the Bundle")
	}
	twice, err := f.Render(again.Bundle, mapping.Target{})
	if err != nil || !bytes.Equal(twice.Body, out.Body) {
		t.Errorf("the same Bundle gave other bytes (%v)", err)
	}
	if back, ok := f.Sniff(out.Body); !ok || back.ExternalID != out.ExternalID || out.ExternalID != e.ID || back.Kind != out.Kind || out.ContentType == "" {
		t.Errorf("written as %s %s, recognised as %+v, %v", out.Kind, out.ExternalID, back, ok)
	}
	if !bytes.Equal(raw, kept) {
		t.Error("the source was changed")
	}
}

// conformCut: a message that ends early is refused, with whatever could be read.
func conformCut(t *testing.T, f mapping.Format, raw []byte) {
	trimmed := bytes.TrimSpace(raw)
	for i := 1; i < 40; i++ {
		part := trimmed[:len(trimmed)*i/40]
		f.Sniff(part)
		if _, err := f.Parse(part); err == nil {
			t.Fatalf("%d of %d bytes are taken as a message", len(part), len(trimmed))
		} else {
			checkFault(t, err)
		}
	}
}

func checkFault(t *testing.T, err error) {
	t.Helper()
	fault, ok := errors.AsType[*samvirke.Fault](err)
	if !ok || fault.Class != samvirke.Invalid || fault.Code == "" || fault.Safe == "" {
		t.Errorf("no proper fault: %#v", err)
	}
}
