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
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			s.skip(4, "-->")
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			at := s.pos + 9
			s.skip(9, "]]>")
			return tag{kind: tagText, body: s.src[at:max(at, s.pos-3)]}, true
		case bytes.HasPrefix(rest, []byte("<?")):
			s.skip(2, "?>")
		case bytes.HasPrefix(rest, []byte("<!")):
			s.pos = len(s.src) // a document type: refused later, nothing to be found behind it
		case bytes.HasPrefix(rest, []byte("</")):
			s.skip(2, ">")
			return tag{kind: tagEnd}, true
		default:
			return s.open(rest), true
		}
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
	n := bytes.IndexAny(body, " \t\r\n")
	if n < 0 {
		n = len(body)
	}
	t.local, t.body = body[:n], body[n:]
	if i := bytes.IndexByte(t.local, ':'); i >= 0 {
		t.prefix, t.local = t.local[:i], t.local[i+1:]
	}
	return t
}

// tagLength gives the length of the tag at the start of b; a ">" inside quotes does not end it.
func tagLength(b []byte) int {
	end := bytes.IndexByte(b, '>')
	for i := 1; end >= 0; {
		q := bytes.IndexAny(b[i:end], `"'`)
		if q < 0 {
			return end + 1
		}
		i += q + 1
		closing := bytes.IndexByte(b[i:], b[i-1])
		if closing < 0 {
			break
		}
		i += closing + 1
		if i > end { // looked for again only when the quotes went past it, else many quotes cost their square
			next := bytes.IndexByte(b[i:], '>')
			if next < 0 {
				break
			}
			end = i + next
		}
	}
	return len(b)
}

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
