package fhir

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestEscapes: each byte at each place of a text of each length is escaped as JSON demands and read back, whatever
// stands beside it.
func TestEscapes(t *testing.T) {
	t.Parallel()
	for c := range 0x80 {
		for length := 1; length < 20; length++ {
			for at := range length {
				for _, beside := range []string{"a", "é", "~", "\x7f"} {
					s := strings.Repeat(beside, at) + string(rune(c)) + strings.Repeat(beside, length-at-1)
					raw := String(s).Bytes()
					var back string
					if err := json.Unmarshal(raw, &back); err != nil || back != s {
						t.Fatalf("%q is written as %s: %v", s, raw, err)
					}
					if plain := c >= ' ' && c != '"' && c != '\\'; plain != (string(raw) == `"`+s+`"`) {
						t.Fatalf("%q is written as %s", s, raw)
					}
				}
			}
		}
	}
}

// TestWriteForms: what is built and what is read is written alike.
func TestWriteForms(t *testing.T) {
	t.Parallel()
	n := NewObject("a", "x", "b", NewArray("y", NewObject(), NewArray(), &Node{}), "c", 1, "d", true, "e\n", NewObject("f", NewObject("g", "h")))
	const want = `{"a":"x","b":["y",{},[],null],"c":1,"d":true,"e\n":{"f":{"g":"h"}}}`
	if got := string(n.Bytes()); got != want {
		t.Errorf("built: %s", got)
	}
	if got := string(n.Clone().Bytes()); got != want {
		t.Errorf("copied: %s", got)
	}
	read, err := ParseNode([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(read.Bytes()); got != want {
		t.Errorf("read: %s", got)
	}
}
