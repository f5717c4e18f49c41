package schema

import (
	"bytes"
	"strings"

	"github.com/beevik/etree"
)

// Check checks a document that has been read already: root is the tree of text, which is UTF-8. Nil means
// valid. Strict tells that the tree's reader found nothing that it lets pass although XML does not have
// it (xmltree.Parser.Strict); without it the quick way is not taken.
//
// Most valid messages are accepted by a walk over the tree. For the rest the verdict is the library's, and
// that of our own checks where it is known to let something pass; the texts are our own where
// our own walk finds the mistake.
func (s *Set) Check(root *etree.Element, text []byte, strict bool) []Problem {
	m, err := s.model()
	if err != nil {
		return s.Validate(text)
	}
	if strict && s.accepts(m, root, text) {
		return nil
	}
	theirs := s.Validate(text)
	if len(theirs) > 0 {
		if plain, ok := withoutHints(root, text); ok {
			theirs = s.Validate(plain)
		}
	}
	own := explain(m, root)
	if len(theirs) == 0 {
		own = onlyAlone(own)
	}
	if len(own) == 0 || len(theirs) > 0 && isForm(theirs[0].Code) {
		return theirs
	}
	return lines(text, own)
}

// Accepts is the quick way alone: true means that the library accepts the document too, false means nothing. The
// text is well-formed UTF-8 and keeps the rules that Check calls strict.
func (s *Set) Accepts(root *etree.Element, text []byte) bool {
	m, err := s.model()
	return err == nil && s.accepts(m, root, text)
}

func (s *Set) accepts(m *model, root *etree.Element, text []byte) bool {
	w, ok := s.walkers.Get().(*walker)
	if !ok {
		w = &walker{}
	}
	w.m = m
	yes := w.accepts(root, text)
	clear(w.scope[:cap(w.scope)]) // they hold the message
	s.walkers.Put(w)
	return yes
}

// onlyAlone keeps what the library lets pass.
func onlyAlone(found []finding) []finding {
	out := found[:0]
	for _, f := range found {
		if f.alone {
			out = append(out, f)
		}
	}
	return out
}

// isForm tells whether a problem is one of form rather than of content: everything else follows from it.
func isForm(code string) bool {
	switch code {
	case "not-well-formed", "encoding", "doctype", "bound", "internal":
		return true
	}
	return false
}

// withoutHints overwrites the attributes that say where schemas lie with white space. They must not matter, but
// the library refuses those that are not written well. Not ok means that there are none.
func withoutHints(root *etree.Element, text []byte) ([]byte, bool) {
	if !bytes.Contains(text, []byte(nsInstance)) || !bytes.Contains(text, []byte("chemaLocation")) {
		return nil, false
	}
	prefixes := map[string]bool{}
	if !instancePrefixes(root, prefixes) {
		return nil, false
	}
	out := bytes.Clone(text)
	blanked := false
	for i := 0; i < len(out); {
		n := bytes.IndexByte(out[i:], '<')
		if n < 0 {
			break
		}
		i += n
		switch rest := out[i:]; {
		case bytes.HasPrefix(rest, []byte("<!--")):
			i += behind(rest, "-->")
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			i += behind(rest, "]]>")
		case bytes.HasPrefix(rest, []byte("<?")):
			i += behind(rest, "?>")
		default:
			n, did := blankHints(rest, prefixes)
			i += n
			blanked = blanked || did
		}
	}
	return out, blanked
}

func behind(text []byte, end string) int {
	if n := bytes.Index(text, []byte(end)); n >= 0 {
		return n + len(end)
	}
	return len(text)
}

// instancePrefixes collects the prefixes of nsInstance; it says no when one of them also stands for something else.
func instancePrefixes(e *etree.Element, prefixes map[string]bool) bool {
	for i := range e.Attr {
		if a := &e.Attr[i]; a.Space == "xmlns" {
			if is, met := prefixes[a.Key]; met && is != (a.Value == nsInstance) {
				return false
			}
			prefixes[a.Key] = a.Value == nsInstance
		}
	}
	for _, c := range e.Child {
		if c, ok := c.(*etree.Element); ok && !instancePrefixes(c, prefixes) {
			return false
		}
	}
	return true
}

// blankHints overwrites the hints in the tag that tag begins with; n is the length of the tag.
func blankHints(tag []byte, prefixes map[string]bool) (n int, did bool) {
	for i := 1; i < len(tag); i++ {
		switch c := tag[i]; c {
		case '>':
			return i + 1, did
		case '"', '\'':
			end := bytes.IndexByte(tag[i+1:], c)
			if end < 0 {
				return len(tag), did
			}
			end += i + 2
			from, name := attributeBefore(tag[:i])
			if prefix, local, ok := strings.Cut(name, ":"); ok && prefixes[prefix] && (local == "schemaLocation" || local == "noNamespaceSchemaLocation") {
				for j := from; j < end; j++ {
					if tag[j] != '\n' {
						tag[j] = ' '
					}
				}
				did = true
			}
			i = end - 1
		}
	}
	return len(tag), did
}

// attributeBefore gives the name of the attribute whose value begins behind tag, and where it stands.
func attributeBefore(tag []byte) (from int, name string) {
	s := bytes.TrimRight(tag, " \t\r\n")
	s = bytes.TrimRight(bytes.TrimSuffix(s, []byte("=")), " \t\r\n")
	from = bytes.LastIndexAny(s, " \t\r\n\"'") + 1
	return from, string(s[from:])
}
