package kith

import (
	"bytes"
	"encoding/json"
	"testing"
	"unsafe"

	"github.com/samvirke/samvirke"
)

// TestParsedStaysWhenMemoryIsUsedAgain: what Parse gives away does not change when the memory of its tree
// holds the next message.
func TestParsedStaysWhenMemoryIsUsedAgain(t *testing.T) {
	f := newFormat(t)
	type kept struct {
		bundle, rest []byte
		again        func() ([]byte, []byte)
	}
	var all []kept
	for round := range 3 {
		for i, raw := range ownMessages(t) {
			given := bytes.Clone(raw)
			p, err := f.Parse(raw)
			if p == nil || p.Bundle == nil {
				t.Fatalf("round %d, message %d: %v", round, i, err)
			}
			if !bytes.Equal(raw, given) {
				t.Fatalf("round %d, message %d: its bytes have changed", round, i)
			}
			again := func() ([]byte, []byte) {
				rest, err := json.Marshal([]any{p.Envelope, p.Notes, p.Warnings})
				if err != nil {
					t.Fatal(err)
				}
				return p.Bundle.Bytes(), rest
			}
			bundle, rest := again()
			all = append(all, kept{bytes.Clone(bundle), rest, again})
		}
	}
	n := len(all) / 3
	for i, k := range all {
		bundle, rest := k.again()
		if !bytes.Equal(bundle, k.bundle) || !bytes.Equal(rest, k.rest) {
			t.Errorf("message %d of round %d has changed", i%n, i/n)
		}
		if first := all[i%n]; !bytes.Equal(bundle, first.bundle) || !bytes.Equal(rest, first.rest) {
			t.Errorf("message %d is not the same in round %d", i%n, i/n)
		}
	}
}

// TestDetach: what is remembered of an envelope by itself is no part of the message's text.
func TestDetach(t *testing.T) {
	text := "id kind 1.6 parent conversation system FNR value original type"
	at := func(from, to int) string { return text[from:to] }
	env := samvirke.Envelope{
		ID: at(0, 2), Kind: at(3, 7), Version: at(8, 11), Parent: at(12, 18), Conversation: at(19, 31),
		Patient: samvirke.PatientRef{Identifier: samvirke.Identifier{System: at(32, 38), Type: at(39, 42), Value: at(43, 48)}},
		Receipt: &samvirke.ReceiptContent{OriginalID: at(49, 57), OriginalKind: at(58, 62)},
	}
	before, _ := json.Marshal(env)
	detach(&env)
	if after, _ := json.Marshal(env); !bytes.Equal(before, after) {
		t.Fatalf("%s became %s", before, after)
	}
	start := uintptr(unsafe.Pointer(unsafe.StringData(text)))
	for _, s := range []string{
		env.ID, env.Kind, env.Version, env.Parent, env.Conversation, env.Patient.System, env.Patient.Type, env.Patient.Value,
		env.Receipt.OriginalID, env.Receipt.OriginalKind,
	} {
		if p := uintptr(unsafe.Pointer(unsafe.StringData(s))); p >= start && p < start+uintptr(len(text)) {
			t.Errorf("%q is a part of the text", s)
		}
	}
}
