package fhir

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string; the reading point is on its first quote. A text without escapes is a part
// of the document and costs no copy.
func (r *jsonReader) str() string {
	r.i++
	start := r.i
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == '"':
			r.i++
			return r.s[start : r.i-1]
		case c == '\\':
			return r.escaped(start)
		case c < 0x20:
			r.fail(CodeJSONSyntax, "document is not JSON: control character in a text")
			return ""
		}
		r.i++
	}
	r.fail(CodeJSONSyntax, "document is not JSON: a text has no end")
	return ""
}

func (r *jsonReader) escaped(start int) string {
	b := append(make([]byte, 0, r.i-start+64), r.s[start:r.i]...)
	for r.i < len(r.s) {
		c := r.s[r.i]
		r.i++
		switch {
		case c == '"':
			return string(b)
		case c < 0x20:
			r.i--
			r.fail(CodeJSONSyntax, "document is not JSON: control character in a text")
			return ""
		case c != '\\':
			b = append(b, c)
		default:
			b = r.escape(b)
		}
	}
	r.fail(CodeJSONSyntax, "document is not JSON: a text has no end")
	return ""
}

func (r *jsonReader) escape(b []byte) []byte {
	c := r.peek()
	r.i++
	switch c {
	case '"', '\\', '/':
		return append(b, c)
	case 'b':
		return append(b, '\b')
	case 'f':
		return append(b, '\f')
	case 'n':
		return append(b, '\n')
	case 'r':
		return append(b, '\r')
	case 't':
		return append(b, '\t')
	case 'u':
		high, ok := r.hex4()
		if !ok {
			break
		}
		if !utf16.IsSurrogate(high) {
			return utf8.AppendRune(b, high)
		}
		if strings.HasPrefix(r.s[min(r.i, len(r.s)):], `\u`) {
			r.i += 2
			if low, ok := r.hex4(); ok {
				if c := utf16.DecodeRune(high, low); c != utf8.RuneError {
					return utf8.AppendRune(b, c)
				}
			}
		}
		r.fail(CodeJSONEncoding, "half a surrogate pair in a text")
		return b
	}
	r.fail(CodeJSONSyntax, "document is not JSON: unknown escape")
	return b
}

func (r *jsonReader) hex4() (rune, bool) {
	if r.i+4 > len(r.s) {
		return 0, false
	}
	n, err := strconv.ParseUint(r.s[r.i:r.i+4], 16, 16)
	r.i += 4
	return rune(n), err == nil
}
