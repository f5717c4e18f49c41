package kith

import (
	"bytes"
	"encoding/xml"
	"testing"

	"github.com/samvirke/samvirke"
)

// FuzzText holds our escaping against that of encoding/xml: the same bytes for any text.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"", "plain", "<a b=\"c\" d='e'>&amp;</a>", "tab\tline\nreturn\r", "\x00\x01\x1f\x7f", "æøå ÆØÅ 你好 🙂",
		"\xff", "a\xc3", "\xed\xa0\x80", "\ufffd", "\ufffe\uffff", "\U0010ffff", "\u0085\u2028", "]]>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want bytes.Buffer
		if err := xml.EscapeText(&want, []byte(s)); err != nil {
			t.Fatal(err) // a buffer takes everything
		}
		if got := string(xmlText("before ").text(s)); got != "before "+want.String() {
			t.Errorf("%q: got %q, want %q", s, got, want.String())
		}
	})
}

// TestReceiptFitsItsMemory: receipts lie in memory until they are delivered.
func TestReceiptFitsItsMemory(t *testing.T) {
	t.Parallel()
	f, err := New(Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	long := envelopeForTest()
	long.KindDisplay = string(bytes.Repeat([]byte("<"), renderRoom))
	for name, env := range map[string]*samvirke.Envelope{"usual": envelopeForTest(), "over the room": long} {
		out, err := f.RenderReceipt(env, 0, accepted(), receiptTarget())
		if err != nil {
			t.Fatal(err)
		}
		if cap(out.Body) != len(out.Body) {
			t.Errorf("%s: %d bytes in %d of memory", name, len(out.Body), cap(out.Body))
		}
	}
}
