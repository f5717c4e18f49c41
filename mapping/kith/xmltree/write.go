package xmltree

import (
	"bytes"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// settings are those that Append writes with: text that comes back as it is.
var settings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}

// Append writes a document as etree does with canonical text and attribute values, byte for byte; a test holds
// both against each other.
func Append(b []byte, doc *etree.Document) []byte {
	for _, t := range doc.Child {
		b = appendToken(b, t)
	}
	return b
}

func appendToken(b []byte, t etree.Token) []byte {
	switch t := t.(type) {
	case *etree.Element:
		return appendElement(b, t)
	case *etree.CharData:
		if !t.IsCData() {
			return appendEscaped(b, t.Data, stopsWrittenText)
		}
	}
	var rare bytes.Buffer // the XML declaration, comments and their like
	t.WriteTo(&rare, &settings)
	return append(b, rare.Bytes()...)
}

func appendElement(b []byte, e *etree.Element) []byte {
	b = appendName(append(b, '<'), e.Space, e.Tag)
	for i := range e.Attr {
		a := &e.Attr[i]
		b = appendName(append(b, ' '), a.Space, a.Key)
		b = append(appendEscaped(append(b, '=', '"'), a.Value, stopsWrittenValue), '"')
	}
	if len(e.Child) == 0 {
		return append(b, '/', '>')
	}
	b = append(b, '>')
	for _, t := range e.Child {
		b = appendToken(b, t)
	}
	return append(appendName(append(b, '<', '/'), e.Space, e.Tag), '>')
}

func appendName(b []byte, space, local string) []byte {
	if space != "" {
		b = append(append(b, space...), ':')
	}
	return append(b, local...)
}

// appendEscaped writes a text or a value. Stops is the class of what does not stand for itself there.
func appendEscaped(b []byte, s string, stops uint8) []byte {
	from := 0
	for i := 0; i < len(s); {
		if written[s[i]]&stops == 0 {
			i++
			continue
		}
		width, as := 1, ""
		switch c := s[i]; c {
		case '&':
			as = "&amp;"
		case '<':
			as = "&lt;"
		case '>':
			as = "&gt;"
		case '"':
			as = "&quot;"
		case '\t':
			as = "&#x9;"
		case '\n':
			as = "&#xA;"
		case '\r':
			as = "&#xD;"
		default:
			var r rune
			if r, width = utf8.DecodeRuneInString(s[i:]); !isChar(r) || r == utf8.RuneError && width == 1 {
				as = "\uFFFD"
			}
		}
		if as != "" {
			b = append(append(b, s[from:i]...), as...)
			from = i + width
		}
		i += width
	}
	return append(b, s[from:]...)
}

const (
	stopsWrittenText uint8 = 1 << iota
	stopsWrittenValue
)

// written gives what each byte may be when it is written.
var written = func() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		if c < ' ' && c != '\t' && c != '\n' || c == '<' || c == '&' || c >= utf8.RuneSelf {
			t[i] = stopsWrittenText | stopsWrittenValue
		}
	}
	t['>'] = stopsWrittenText
	for _, c := range "\"\t\n" {
		t[c] = stopsWrittenValue
	}
	return t
}()
