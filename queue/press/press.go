// Package press makes stored bodies small when they have aged: zstd with a dictionary of what messages, records and plans of this
// gateway look like, so that a body of a few kilobytes shrinks to a tenth although it is pressed alone. Each body is pressed alone
// because each can be erased alone.
//
// The dictionary is made from our own invented samples (see README.md) and holds nothing of any real person. It never
// changes: what was pressed with it can be read only with it. A better one would be a second file with a number of its own.
//
// It is too slow for the path of a message (about 100 us for 8 KB) and meant for the background.
package press

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

//go:embed dictionary
var dictionary []byte

// dictionaryID is the number under which a pressed body names its dictionary.
const dictionaryID = 0x53560001

// maxBody bounds what a pressed body may become, in bytes: more than any frame of a store holds.
const maxBody = 1 << 30

// ErrDamaged says that bytes are no pressed body.
var ErrDamaged = errors.New("pressed content cannot be read")

// What the first byte of a pressed body says about the rest.
const (
	markPlain = 0 // as it was: it does not get smaller, as what is encrypted
	markZstd  = 1
)

// Press presses and expands. It is safe for concurrent use; Close is not needed.
//
// A pressed body ends with a checksum of the body (four bytes, of zstd's own frame format, RFC 8878 section 3.1.1), which is looked at
// when it is expanded: a changed byte in it could else become another body. Those pressed before it was written have none.
type Press struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// New makes a Press. It takes some megabytes; a store has one.
func New() (*Press, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderDictRaw(dictionaryID, dictionary),
		zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(true), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("make the press: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderDictRaw(dictionaryID, dictionary), zstd.WithDecoderConcurrency(2),
		zstd.WithDecoderMaxMemory(maxBody), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("make the press: %w", err)
	}
	return &Press{enc: enc, dec: dec}, nil
}

// Squeeze appends the pressed form of a body to b. One that would not get smaller is kept as it is behind one byte.
func (p *Press) Squeeze(b, body []byte) []byte {
	start := len(b)
	b = p.enc.EncodeAll(body, append(b, markZstd))
	if len(b)-start > len(body) {
		b = append(append(b[:start], markPlain), body...)
	}
	return b
}

// ExpandSmaller is Expand for what was only kept because it got smaller: it is never as it was, so no changed byte makes it so.
func (p *Press) ExpandSmaller(pressed []byte) ([]byte, error) {
	if len(pressed) > 0 && pressed[0] == markPlain {
		return nil, fmt.Errorf("mark %d: %w", markPlain, ErrDamaged)
	}
	return p.Expand(pressed)
}

// Expand gives the body again; ErrDamaged when it cannot. What is kept as it was has no checksum: who stores it has one.
func (p *Press) Expand(pressed []byte) ([]byte, error) {
	if len(pressed) == 0 {
		return nil, fmt.Errorf("no bytes: %w", ErrDamaged)
	}
	switch pressed[0] {
	case markPlain:
		return pressed[1:], nil
	case markZstd:
		body, err := p.dec.DecodeAll(pressed[1:], nil)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if body == nil {
			body = []byte{}
		}
		return body, nil
	}
	return nil, fmt.Errorf("mark %d: %w", pressed[0], ErrDamaged)
}
