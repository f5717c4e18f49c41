package fhir

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
)

// unpack opens compressed bytes. No more than max bytes are made of them, whatever they say about themselves.
//
// Source: code list 1204. "Deflate" is written with the frame of zlib by some and without it by others.
func unpack(b []byte, how string, max int) ([]byte, error) {
	var z io.Reader
	var err error
	switch how {
	case "GZ":
		z, err = gzip.NewReader(bytes.NewReader(b))
	case "DF":
		z, err = inflate(b)
	case "Z":
		if isZlib(b) && !isCompress(b) {
			z, err = inflate(b)
		} else {
			z, err = newUncompress(b)
		}
	default:
		return nil, badFile(CodeAttachmentPacking, "the attachment is compressed in a way that code list 1204 does not have", nil)
	}
	if err != nil {
		return nil, badFile(CodeAttachmentUnpack, "the attachment is not compressed the way it says", err)
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(z, int64(max)+1))
	switch {
	case n > int64(max):
		return nil, badFile(CodeAttachmentTooLarge, "the attachment is larger unpacked than this reader takes", nil)
	case err != nil:
		return nil, badFile(CodeAttachmentUnpack, "the attachment is not compressed the way it says", err)
	}
	return out.Bytes(), nil
}

func inflate(b []byte) (io.Reader, error) {
	if isZlib(b) {
		return zlib.NewReader(bytes.NewReader(b))
	}
	return flate.NewReader(bytes.NewReader(b)), nil
}

// isZlib tells whether bytes begin with the head of zlib (RFC 1950).
func isZlib(b []byte) bool {
	return len(b) > 2 && b[0]&0x0f == 8 && b[0]>>4 <= 7 && (uint(b[0])<<8|uint(b[1]))%31 == 0
}

func isCompress(b []byte) bool { return len(b) > 2 && b[0] == 0x1f && b[1] == 0x9d }

// uncompress reads what the Unix program compress writes: LZW with codes of 9 to 16 bits, the lowest bit first. Codes
// come in groups of eight; a group that a change of width or a clearing cuts short is filled up.
//
// Source: the form is described in the manual of compress, POSIX XCU, and known to every tar and gzip.
type uncompress struct {
	in    *bufio.Reader
	width uint // of the next code, bits
	most  uint // largest width
	block bool // code 256 clears the table
	bits  uint32
	have  uint
	group int // bytes of the group at hand that were read
	next  int // code that the next string gets
	prev  int // code before; -1 after a clearing
	first byte
	codes []lzwEntry
	out   []byte // of the last code, not yet given; in order
	stack []byte
}

type lzwEntry struct {
	prefix uint16
	last   byte
}

const (
	lzwClear    = 256
	lzwLeast    = 9
	lzwMost     = 16
	lzwBlockBit = 0x80
)

var errLZW = errors.New("no compress data")

func newUncompress(b []byte) (*uncompress, error) {
	if !isCompress(b) || b[2]&0x60 != 0 {
		return nil, errLZW
	}
	u := &uncompress{in: bufio.NewReader(bytes.NewReader(b[3:])), width: lzwLeast, most: uint(b[2] & 0x1f), block: b[2]&lzwBlockBit != 0, prev: -1}
	if u.most < lzwLeast || u.most > lzwMost {
		return nil, errLZW
	}
	u.codes = make([]lzwEntry, 1<<u.most)
	u.reset()
	return u, nil
}

func (u *uncompress) reset() {
	u.next = lzwClear
	if u.block {
		u.next++
	}
}

// Read implements io.Reader.
func (u *uncompress) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if err := u.step(); err != nil {
			return 0, err
		}
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// step decodes one code into out.
func (u *uncompress) step() error {
	// A file of 9 bits at most goes on with 10 when its table is full: so the program was written, and so its readers are.
	if u.next >= 1<<u.width && (u.width < u.most || u.width == lzwLeast) {
		u.align()
		u.width++
	}
	code, err := u.code()
	if err != nil {
		return err
	}
	if code == lzwClear && u.block {
		u.align()
		u.width, u.prev = lzwLeast, -1
		u.reset()
		return nil
	}
	return u.emit(code)
}

func (u *uncompress) emit(code int) error {
	at := code
	u.stack = u.stack[:0]
	switch {
	case u.prev < 0:
		if code > 255 {
			return errLZW
		}
	case code == u.next: // the string that this very code makes
		u.stack = append(u.stack, u.first)
		at = u.prev
	case code > u.next:
		return errLZW
	}
	for at > 255 {
		u.stack = append(u.stack, u.codes[at].last)
		at = int(u.codes[at].prefix)
	}
	u.first = byte(at)
	u.out = append(u.out[:0], u.first)
	for i := len(u.stack) - 1; i >= 0; i-- {
		u.out = append(u.out, u.stack[i])
	}
	if u.prev >= 0 && u.next < 1<<u.most {
		u.codes[u.next] = lzwEntry{uint16(u.prev), u.first}
		u.next++
	}
	u.prev = code
	return nil
}

// code reads the next code.
func (u *uncompress) code() (int, error) {
	for u.have < u.width {
		c, err := u.in.ReadByte()
		if err != nil {
			return 0, io.EOF // what is left fills a byte
		}
		u.bits |= uint32(c) << u.have
		u.have += 8
		u.group = (u.group + 1) % int(u.width)
	}
	code := int(u.bits & (1<<u.width - 1))
	u.bits >>= u.width
	u.have -= u.width
	return code, nil
}

// align leaves the rest of a group of eight codes.
func (u *uncompress) align() {
	for u.group != 0 {
		if _, err := u.in.ReadByte(); err != nil {
			break
		}
		u.group = (u.group + 1) % int(u.width)
	}
	u.bits, u.have = 0, 0
}
