package kith

import (
	"bytes"
	"iter"
)

// tagScan finds the tags of XML text in one pass. It checks nothing and never fails: what is no tag
// is skipped. Each step moves forward, so it ends after at most len(src) steps.
type tagScan struct {
	src []byte
	pos int
}

type tagKind uint8

const (
	tagText tagKind = iota // body = the text up to the next tag, or the inside of a CDATA section
	tagStart
	tagEnd
)

// tag is one step of a tagScan. The slices point into the source.
type tag struct {
	kind          tagKind
	prefix, local []byte
	// body is the text, or what follows the name of a start tag.
	body  []byte
	empty bool // <a/>
}

func (s *tagScan) next() (tag, bool) {
	for s.pos < len(s.src) {
		rest := s.src[s.pos:]
		if rest[0] != '<' {
			end := bytes.IndexByte(rest, '<')
			if end < 0 {
				end = len(rest)
			}
			s.pos += end
			if t := bytes.TrimSpace(rest[:end]); len(t) > 0 {
				return tag{kind: tagText, body: t}, true
			}
			continue
		}
		second := byte(0)
		if len(rest) > 1 {
			second = rest[1]
		}
		switch second {
		case '/':
			s.skip(2, ">")
			return tag{kind: tagEnd}, true
		case '?':
			s.skip(2, "?>")
		case '!':
			if t, ok := s.declaration(rest); ok {
				return t, true
			}
		default:
			return s.open(rest), true
		}
	}
	return tag{}, false
}

// declaration reads what begins with "<!"; only a CDATA section is something to return.
func (s *tagScan) declaration(rest []byte) (tag, bool) {
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		s.skip(4, "-->")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		at := s.pos + 9
		s.skip(9, "]]>")
		return tag{kind: tagText, body: s.src[at:max(at, s.pos-3)]}, true
	default:
		s.pos = len(s.src) // a document type: refused later, nothing to be found behind it
	}
	return tag{}, false
}

// skip moves behind the next end, looked for from n bytes on; to the end of the source when there is none.
func (s *tagScan) skip(n int, end string) {
	from := min(s.pos+n, len(s.src))
	i := bytes.Index(s.src[from:], []byte(end))
	if i < 0 {
		s.pos = len(s.src)
		return
	}
	s.pos = from + i + len(end)
}

func (s *tagScan) open(rest []byte) tag {
	end := tagLength(rest)
	s.pos += end
	body := bytes.TrimSuffix(rest[1:end], []byte(">"))
	t := tag{kind: tagStart}
	if len(body) > 0 && body[len(body)-1] == '/' {
		t.empty = true
		body = body[:len(body)-1]
	}
	n := 0
	for n < len(body) && !blank(body[n]) {
		n++
	}
	t.local, t.body = body[:n], body[n:]
	if i := bytes.IndexByte(t.local, ':'); i >= 0 {
		t.prefix, t.local = t.local[:i], t.local[i+1:]
	}
	return t
}

// tagLength gives the length of the tag at the start of b; a ">" inside quotes does not end it.
func tagLength(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch c := b[i]; c {
		case '>':
			return i + 1
		case '"', '\'':
			closing := bytes.IndexByte(b[i+1:], c)
			if closing < 0 {
				return len(b)
			}
			i += closing + 1
		}
	}
	return len(b)
}

// blank tells whether a byte is white space of XML.
func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// attributes lists name and raw value of the attributes in the body of a start tag.
func attributes(b []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for {
			b = bytes.TrimLeft(b, " \t\r\n")
			eq := bytes.IndexByte(b, '=')
			if eq < 0 {
				return
			}
			name := bytes.TrimRight(b[:eq], " \t\r\n")
			b = bytes.TrimLeft(b[eq+1:], " \t\r\n")
			if len(b) == 0 || b[0] != '"' && b[0] != '\'' {
				return
			}
			end := bytes.IndexByte(b[1:], b[0])
			if end < 0 {
				return
			}
			if !yield(name, b[1:end+1]) {
				return
			}
			b = b[end+2:]
		}
	}
}
