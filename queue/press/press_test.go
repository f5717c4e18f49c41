package press

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func newPress(tb testing.TB) *Press {
	tb.Helper()
	p, err := New()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// TestRoundTrip presses what is small, large, repeated, random and empty; what does not get smaller takes one byte more.
func TestRoundTrip(t *testing.T) {
	p := newPress(t)
	random := make([]byte, 20_000)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"empty": {}, "one byte": {7}, "random": random, "text": bytes.Repeat([]byte("abc "), 100_000),
		"sample": dictionary[:8000]} {
		pressed := p.Squeeze([]byte("before"), body)
		if !bytes.HasPrefix(pressed, []byte("before")) {
			t.Errorf("%s: what stood before is gone", name)
		}
		pressed = pressed[len("before"):]
		if len(pressed) > len(body)+1 {
			t.Errorf("%s: %d bytes became %d", name, len(body), len(pressed))
		}
		got, err := p.Expand(pressed)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes came back as %d, %v", name, len(body), len(got), err)
		}
	}
}

// TestDamage: no bytes, cut and changed ones are an error, never a panic.
func TestDamage(t *testing.T) {
	p := newPress(t)
	whole := p.Squeeze(nil, []byte(strings.Repeat("a text that gets smaller ", 100)))
	for name, b := range map[string][]byte{"nothing": nil, "unknown mark": {9, 1, 2}, "cut": whole[:len(whole)/2], "mark alone": {markZstd, 1}} {
		if _, err := p.Expand(b); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDictionaryStays: bodies pressed by earlier versions need exactly these bytes.
func TestDictionaryStays(t *testing.T) {
	sum := sha256.Sum256(dictionary)
	if got := hex.EncodeToString(sum[:]); got != dictionarySum {
		t.Errorf("the dictionary has the checksum %s: stored bodies could not be read any more", got)
	}
}

const dictionarySum = "5633922eaa5f29e5d060168da9020333525a62bdc993c09fd0e558c637fc8582"

// TestChangedBit: whichever bit of a pressed body is changed, it is an error or the same body, never another one.
func TestChangedBit(t *testing.T) {
	p := newPress(t)
	body := []byte("<MsgHead>" + strings.Repeat("<Observation><Comment>a value of 17 was seen</Comment></Observation>", 20) + "</MsgHead>")
	whole := p.Squeeze(nil, body)
	if len(whole) >= len(body) {
		t.Fatalf("%d bytes became %d", len(body), len(whole))
	}
	for i := range whole {
		for bit := range 8 {
			hurt := bytes.Clone(whole)
			hurt[i] ^= 1 << bit
			if got, err := p.ExpandSmaller(hurt); err == nil && !bytes.Equal(got, body) {
				t.Errorf("bit %d of byte %d changed gives %d other bytes", bit, i, len(got))
			} else if err != nil && !errors.Is(err, ErrDamaged) {
				t.Errorf("bit %d of byte %d: %v", bit, i, err)
			}
		}
	}
	// What an earlier version pressed without a checksum is read still.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(dictionaryID, dictionary), zstd.WithEncoderCRC(false))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Expand(enc.EncodeAll(body, []byte{markZstd})); err != nil || !bytes.Equal(got, body) {
		t.Errorf("pressed without a checksum: %d bytes, %v", len(got), err)
	}
}

func BenchmarkExpand(b *testing.B) {
	p := newPress(b)
	body := []byte("<MsgHead>" + strings.Repeat("<Observation><Comment>a value of 17 was seen</Comment></Observation>", 160) + "</MsgHead>")
	for name, crc := range map[string]bool{"without sum": false, "with sum": true} {
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderDictRaw(dictionaryID, dictionary), zstd.WithEncoderCRC(crc))
		if err != nil {
			b.Fatal(err)
		}
		pressed := enc.EncodeAll(body, []byte{markZstd})
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := p.Expand(pressed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
