package careplan

import (
	"math"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"
)

// encoder appends JSON to b, byte for byte as encoding/json writes our structs and several times cheaper:
// what is stored must not depend on which of the two wrote it. Its methods are named after what becomes of
// empty values: text and list are always written, everything else is left out when empty.
type encoder struct {
	b []byte
	// html escapes <, > and &, as json.Marshal does (records) and Plan.JSON does not.
	html bool
	// bad: a value that encoding/json refuses or that this one does not know how to write.
	bad bool
}

// key writes a comma when one is due, and the name of a field. Names need no escapes.
func (e *encoder) key(name string) {
	b := e.b
	if c := b[len(b)-1]; c != '{' && c != '[' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	e.b = b
}

func (e *encoder) comma() {
	if c := e.b[len(e.b)-1]; c != '{' && c != '[' {
		e.b = append(e.b, ',')
	}
}

func (e *encoder) open()  { e.b = append(e.b, '{') }
func (e *encoder) close() { e.b = append(e.b, '}') }

func (e *encoder) text(name, s string) {
	e.key(name)
	e.quote(s)
}

func (e *encoder) opt(name, s string) {
	if s != "" {
		e.text(name, s)
	}
}

func (e *encoder) flag(name string, v bool) {
	if v {
		e.truth(name, v)
	}
}

// truth writes a boolean also when it is false.
func (e *encoder) truth(name string, v bool) {
	e.key(name)
	e.b = strconv.AppendBool(e.b, v)
}

func (e *encoder) number(name string, v int) {
	e.key(name)
	e.b = strconv.AppendInt(e.b, int64(v), 10)
}

func (e *encoder) null(name string) {
	e.key(name)
	e.b = append(e.b, "null"...)
}

// list writes null for a nil list.
func (e *encoder) list(name string, list []string) {
	if list == nil {
		e.null(name)
		return
	}
	e.key(name)
	e.b = append(e.b, '[')
	for i, s := range list {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.quote(s)
	}
	e.b = append(e.b, ']')
}

func (e *encoder) optList(name string, list []string) {
	if len(list) > 0 {
		e.list(name, list)
	}
}

// time leaves out the zero time.
func (e *encoder) time(name string, t time.Time) {
	if !t.IsZero() {
		e.when(name, t)
	}
}

// when writes a time also when it is zero.
func (e *encoder) when(name string, t time.Time) {
	e.key(name)
	_, offset := t.Zone()
	if y := t.Year(); y < 0 || y > 9999 || offset%60 != 0 || offset <= -24*3600 || offset >= 24*3600 {
		e.bad = true // RFC 3339 cannot say it
	}
	e.b = append(e.b, '"')
	e.b = t.AppendFormat(e.b, time.RFC3339Nano)
	e.b = append(e.b, '"')
}

// float leaves out zero, as omitempty does.
func (e *encoder) float(name string, v float64) {
	if v != 0 {
		e.key(name)
		e.decimal(v)
	}
}

// decimal writes a number like ECMAScript, which is what encoding/json follows.
func (e *encoder) decimal(v float64) {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		e.bad = true
		return
	}
	form := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		form = 'e'
	}
	e.b = strconv.AppendFloat(e.b, v, form, -1, 64)
	if n := len(e.b); form == 'e' && n >= 4 && e.b[n-4] == 'e' && e.b[n-3] == '-' && e.b[n-2] == '0' {
		e.b[n-2] = e.b[n-1] // e-09 is written e-9
		e.b = e.b[:n-1]
	}
}

// each writes a list of objects under a name, nothing for an empty one.
func each[T any](e *encoder, name string, list []T, write func(*encoder, *T)) {
	if len(list) == 0 {
		return
	}
	e.key(name)
	e.b = append(e.b, '[')
	for i := range list {
		e.comma()
		e.open()
		write(e, &list[i])
		e.close()
	}
	e.b = append(e.b, ']')
}

// object writes one object under a name, nothing for nil.
func object[T any](e *encoder, name string, v *T, write func(*encoder, *T)) {
	if v == nil {
		return
	}
	e.key(name)
	e.open()
	write(e, v)
	e.close()
}

const hexDigits = "0123456789abcdef"

// quote writes a string. Bytes that are no UTF-8 become \ufffd, and the two line ends that JavaScript
// would stumble over are escaped, as encoding/json has it.
func (e *encoder) quote(s string) {
	b, start := e.b, 0
	b = append(b, '"')
	for i := 0; i < len(s); {
		if i = plain(s, i, e.html); i == len(s) {
			break
		}
		c := s[i]
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			b = appendEscape(b, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			start = i + 1
		case r == '\u2028' || r == '\u2029':
			b = append(b, s[start:i]...)
			b = append(b, '\\', 'u', '2', '0', '2', hexDigits[r&0xf])
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	b = append(b, '"')
	e.b = b
}

// plain gives where in s, from i on, the first byte stands that is no plain character of ASCII. It looks at eight bytes
// at a time; few words have any.
func plain(s string, i int, html bool) int {
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		odd := w | below(w, 0x20) | among(w, '"') | among(w, '\\')
		if html {
			odd |= among(w, '&') | among(w|each8*0x02, '>') // '<' is '>' without that bit
		}
		if odd &= each8 * 0x80; odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for ; i < len(s); i++ {
		c := s[i]
		if c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' || html && (c == '<' || c == '>' || c == '&') {
			break
		}
	}
	return i
}

// each8 is 1 in each of eight bytes.
const each8 = 0x0101010101010101

// below and among mark, by its highest bit, the lowest of eight bytes that is less than n, or is c. Bytes above it may be
// marked in error.
func below(w, n uint64) uint64      { return (w - each8*n) &^ w }
func among(w uint64, c byte) uint64 { return below(w^each8*uint64(c), 1) }

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
