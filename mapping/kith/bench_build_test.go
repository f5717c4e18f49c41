package kith

import (
	"runtime"
	"testing"

	"github.com/samvirke/samvirke/mapping"
)

// largeMessage is a report of some 11 KB as it comes every day.
const largeMessage = "../../testdata/s1/03-innleggelsesrapport.xml"

// BenchmarkBuild is what is left of Parse without reading the XML and checking its schema: envelope, mapping,
// business rules.
func BenchmarkBuild(b *testing.B) {
	f := newFormat(b)
	raw := read(b, largeMessage)
	src, err := readSource(f.tree(), raw, f.opt.MaxBytes)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		p := &mapping.Parsed{}
		if _, err := f.identify(src, p); err != nil {
			b.Fatal(err)
		}
		if err := f.parsePLO(src, p); err != nil {
			b.Fatal(err)
		}
	}
}

// liveBytes is how much memory a parsed message keeps, its text included where strings are parts of it.
func liveBytes(t testing.TB, f *Format, raw []byte) int {
	t.Helper()
	const messages = 100
	kept := make([]*mapping.Parsed, messages)
	var before, after runtime.MemStats
	if _, err := f.Parse(raw); err != nil { // what the first message makes stays with the Format
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range kept {
		p, err := f.Parse(append([]byte(nil), raw...))
		if err != nil {
			t.Fatal(err)
		}
		kept[i] = p
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	return int(after.HeapAlloc-before.HeapAlloc) / messages
}

// BenchmarkLive reports how much memory a parsed message keeps while it waits, as B/message.
func BenchmarkLive(b *testing.B) {
	f := newFormat(b)
	raw := read(b, largeMessage)
	n := liveBytes(b, f, raw)
	for b.Loop() {
	}
	b.ReportMetric(float64(n), "B/message")
}

// TestLiveBytes: a hundred messages wait in the gateway at a time, so what one keeps is bounded here.
func TestLiveBytes(t *testing.T) {
	const most = 64 << 10 // it is 50 KB for this message of 11 KB; other tests may leave something behind
	if n := liveBytes(t, newFormat(t), read(t, largeMessage)); n > most {
		t.Errorf("a parsed message keeps %d bytes, want at most %d", n, most)
	}
}
