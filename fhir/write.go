package fhir

// Bytes encodes n without white space, keys in their order.
func (n *Node) Bytes() []byte { return n.appendTo(make([]byte, 0, n.size()+64)) }

// size is the length of the encoding when no text needs escapes; a bit more when some do.
func (n *Node) size() int {
	total := 4
	switch n.kind() {
	case nodeObject, nodeFixed:
		for key, value := range n.Fields() {
			total += len(key) + 4 + value.size()
		}
	case nodeArray:
		for _, k := range n.items() {
			total += k.size()
		}
	case nodeNull:
	default:
		total += len(n.text())
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
	case nodeObject, nodeFixed:
		mark := byte('{')
		for key, value := range n.Fields() {
			b = appendString(append(b, mark), key)
			b = value.appendTo(append(b, ':'))
			mark = ','
		}
		if mark == '{' {
			b = append(b, '{')
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
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
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
