package kith

import (
	"testing"

	"github.com/samvirke/samvirke/mapping"
)

// TestRecognises: the first look says what Sniff's ok says, for our own messages, beginnings of them, and with bytes of
// their heads changed.
func TestRecognises(t *testing.T) {
	t.Parallel()
	f := newFormat(t)
	check := func(what string, raw []byte) {
		t.Helper()
		if _, ok := f.Sniff(raw); mapping.Recognises(f, raw) != ok {
			t.Errorf("%s: Sniff says %v: %.300q", what, ok, raw)
		}
	}
	for name, raw := range ownTexts(t) {
		check(name, raw)
		for n := 0; n < min(len(raw), 600); n += 7 {
			check(name+" cut", raw[:n])
			for _, c := range []byte{0, '<', '>', 'x', '"', 0xFF} {
				was := raw[n]
				raw[n] = c
				check(name+" changed", raw[:min(len(raw), 2000)])
				raw[n] = was
			}
		}
	}
}
