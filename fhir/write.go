package fhir

import "encoding/binary"

// Bytes encodes n without white space, keys in their order.
func (n *Node) Bytes() []byte { return n.appendTo(make([]byte, 0, n.size()+64)) }

// size is the length of the encoding when no text needs escapes; a bit more when some do.
func (n *Node) size() int {
	total := 4
	switch n.kind() {
	case nodeObject:
		for _, f := range n.fields() {
			total += len(f.key) + 4 + f.node.size()
		}
	case nodeFixed:
		fixed := n.fixed()
		for i := range fixed {
			f := &fixed[i]
			total += len(f.key) + 4
			if k := f.node.kind(); k < nodeArray && k != nodeNull { // most are texts
				total += 4 + int(f.node.n)
			} else {
				total += f.node.size()
			}
		}
	case nodeArray:
		for _, k := range n.items() {
			total += k.size()
		}
	case nodeNull:
	default:
		total += int(n.n)
	}
	return total
}

func (n *Node) appendTo(b []byte) []byte {
	switch n.kind() {
	case nodeNull:
		return append(b, "null"...)
	case nodeString:
		return appendString(b, n.text())
	case nodeArray:
		b = append(b, '[')
		for i, k := range n.items() {
			if i > 0 {
				b = append(b, ',')
			}
			b = k.appendTo(b)
		}
		return append(b, ']')
	case nodeObject:
		b = append(b, '{')
		for i, f := range n.fields() {
			if i > 0 {
				b = append(b, ',')
			}
			b = f.node.appendTo(append(appendString(b, f.key), ':'))
		}
		return append(b, '}')
	case nodeFixed:
		b = append(b, '{')
		fixed := n.fixed()
		for i := range fixed {
			if i > 0 {
				b = append(b, ',')
			}
			b = fixed[i].node.appendTo(append(appendString(b, fixed[i].key), ':'))
		}
		return append(b, '}')
	default:
		return append(b, n.text()...)
	}
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string; only what JSON demands is escaped, so that text stays readable.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := escapeAt(s, 0); i < len(s); i = escapeAt(s, i+1) {
		b = append(b, s[start:i]...)
		start = i + 1
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// Every byte of a word is this.
const (
	eachOne  = 0x0101010101010101
	eachHigh = 0x80 * eachOne
)

// escapeAt finds the first byte from i on that must be escaped, len(s) when there is none. Nearly all texts have
// none, so eight bytes are looked at together.
func escapeAt(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		if !plainWord(s[i : i+8]) {
			break
		}
	}
	if i+8 > len(s) && len(s) >= 8 && plainWord(s[len(s)-8:]) { // the last word overlaps the one before
		return len(s)
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// plainWord tells whether none of eight bytes must be escaped.
func plainWord(s string) bool {
	w := binary.LittleEndian.Uint64([]byte(s)) // no copy is made
	quote, slash := w^'"'*eachOne, w^'\\'*eachOne
	// Of each term the high bit of a byte is set where the byte is below a space, a quote, a backslash; beyond the
	// first such byte it may be set in vain, which does not matter here.
	return ((w-' '*eachOne)&^w|(quote-eachOne)&^quote|(slash-eachOne)&^slash)&eachHigh == 0
}
