package schema

import (
	"bytes"
	"strings"

	"github.com/beevik/etree"
)

// The quick way: a walk over the tree that has been read already. It says yes only where the library
// would; what it does not know (xsi:type, keys, ids, signatures with foreign parts, odd XML) is a no,
// and the library then decides. Tests hold both against each other.

const (
	// acceptDepth and acceptAttributes are how far the quick way goes; both lie below MaxDepth and MaxAttributes.
	acceptDepth      = 100
	acceptAttributes = 64
)

// binding is a namespace declaration in force.
type binding struct {
	prefix string
	space  space
}

// walker goes through one document at a time.
type walker struct {
	m     *model
	scope []binding
	depth int
}

// accepts tells whether the document is certainly valid. Text is what root was read from.
func (w *walker) accepts(root *etree.Element, text []byte) bool {
	w.scope, w.depth = w.scope[:0], 0
	if len(text) > MaxText || !plainReferences(text) || !plainOutside(root) {
		return false
	}
	if !w.enter(root) {
		return false
	}
	at, ok := w.spaceOf(root.Space)
	el := w.m.elements[name{at, root.Tag}]
	return ok && el != nil && w.element(root, el)
}

// plainReferences tells whether no character is referred to that may not be in XML: the reader of the tree
// replaces halves of pairs.
func plainReferences(text []byte) bool {
	for {
		i := bytes.Index(text, []byte("&#"))
		if i < 0 {
			return true
		}
		text = text[i+2:]
		n := bytes.IndexByte(text[:min(len(text), 6)], ';')
		if n < 1 || text[0] == 'x' && n > 4 || text[0] != 'x' && n > 4 {
			return false
		}
	}
}

// plainOutside tells whether nothing but comments, white space and an ordinary XML declaration surround the root.
func plainOutside(root *etree.Element) bool {
	doc := root.Parent()
	if doc == nil {
		return false
	}
	for i, t := range doc.Child {
		switch t := t.(type) {
		case *etree.Element, *etree.Comment:
		case *etree.CharData:
			if !t.IsWhitespace() || t.IsCData() {
				return false
			}
		case *etree.ProcInst:
			if i > 0 || t.Target != "xml" || !plainDeclaration(t.Inst) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func plainDeclaration(s string) bool {
	rest, ok := strings.CutPrefix(s, `version="1.0"`)
	if !ok {
		return false
	}
	for _, more := range [...]string{` encoding="UTF-8"`, ` encoding="utf-8"`, ` standalone="yes"`, ` standalone="no"`} {
		rest = strings.TrimPrefix(rest, more)
	}
	return rest == ""
}

// enter takes the namespace declarations of an element. It says no to those that only a namespace
// processor judges.
func (w *walker) enter(e *etree.Element) bool {
	for i := range e.Attr {
		a := &e.Attr[i]
		switch {
		case a.Space == "xmlns":
			if a.Value == "" || a.Key == "xml" || a.Key == "xmlns" {
				return false
			}
			s, ok := w.number(a.Value)
			if !ok {
				return false
			}
			w.scope = append(w.scope, binding{a.Key, s})
		case a.Space == "" && a.Key == "xmlns":
			s, ok := w.number(a.Value)
			if !ok {
				return false
			}
			w.scope = append(w.scope, binding{"", s})
		}
	}
	return true
}

// number gives a namespace by number. Of one that no schema has it takes only plain addresses.
func (w *walker) number(uri string) (space, bool) {
	if s, ok := w.m.spaces[uri]; ok {
		return s, true
	}
	switch uri {
	case "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/":
		return unknown, false
	}
	return unknown, plainSpace(uri)
}

// plainSpace tells whether a namespace is written with the characters of ordinary addresses.
func plainSpace(uri string) bool {
	i := strings.IndexByte(uri, ':')
	if i < 1 || !scheme(uri[:i]) {
		return false
	}
	for ; i < len(uri); i++ {
		if c := uri[i]; classOf(c) == 0 && c != ':' && c != '/' && c != '#' {
			return false
		}
	}
	return true
}

// classOf is 1 for a character of ASCII that may begin a name, 2 for one that may follow, 0 for others.
func classOf(c byte) int {
	switch {
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_':
		return 1
	case c >= '0' && c <= '9' || c == '-' || c == '.':
		return 2
	}
	return 0
}

// spaceOf gives the namespace that an element's prefix stands for.
func (w *walker) spaceOf(prefix string) (space, bool) {
	for i := len(w.scope) - 1; i >= 0; i-- {
		if w.scope[i].prefix == prefix {
			return w.scope[i].space, true
		}
	}
	return none, prefix == ""
}

// element checks an element whose declarations are in scope.
func (w *walker) element(e *etree.Element, el *element) bool {
	t := el.typ
	if t.abstract || w.depth >= acceptDepth || len(e.Attr) > 0 && !w.attributes(e, t) || len(e.Attr) == 0 && t.required > 0 {
		return false
	}
	w.depth++
	ok := false
	switch t.content {
	case empty:
		ok = nothing(e)
	case value:
		ok = plainValue(e, el)
	case anything:
		ok = w.anything(e)
	default:
		ok = w.children(e, el)
	}
	w.depth--
	return ok
}

// attributes checks the attributes of an element.
func (w *walker) attributes(e *etree.Element, t *complexType) bool {
	if len(e.Attr) > acceptAttributes {
		return false
	}
	required := 0
	for i := range e.Attr {
		a := &e.Attr[i]
		if a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns" {
			continue
		}
		at := none
		if a.Space != "" {
			var ok bool
			if at, ok = w.spaceOf(a.Space); !ok {
				return false
			}
			if at == w.m.instance {
				if !plainHint(a) {
					return false
				}
				continue
			}
		}
		if t.content == anything {
			if at != none || strings.IndexByte(a.Key, ':') >= 0 || !plainName(a.Key) {
				return false
			}
			continue
		}
		d := t.attribute(at, a.Key)
		if d == nil || d.hasFixed && a.Value != d.fixed || d.typ.check(a.Value) != good {
			return false
		}
		if d.required {
			required++
		}
	}
	return required == t.required
}

// plainHint tells whether an attribute of xsi is a hint where schemas lie, in pairs of plain addresses.
func plainHint(a *etree.Attr) bool {
	if a.Key != "schemaLocation" {
		return false
	}
	fields, inside := 0, false
	for i := 0; i < len(a.Value); i++ {
		c := a.Value[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			inside = false
			continue
		case classOf(c) == 0 && c != '/' && c != ':' && c != '#':
			return false
		}
		if !inside {
			inside = true
			if fields++; classOf(c) == 0 && c != '/' || strings.HasPrefix(a.Value[i:], "//") {
				return false
			}
			if !plainAddress(a.Value[i:]) {
				return false
			}
		}
	}
	return fields > 0 && fields%2 == 0 && strings.Count(a.Value, "#") <= 1
}

// plainAddress tells whether the address that s begins with has at most one colon, behind a scheme and before more.
func plainAddress(s string) bool {
	if n := strings.IndexAny(s, " \t\n\r"); n >= 0 {
		s = s[:n]
	}
	before, after, ok := strings.Cut(s, ":")
	return !ok || scheme(before) && after != "" && after != "//" && (strings.HasPrefix(before, "urn") || strings.IndexByte(after, ':') < 0)
}

// nothing tells whether an element has no content but comments.
func nothing(e *etree.Element) bool {
	for _, t := range e.Child {
		if _, ok := t.(*etree.Comment); !ok {
			return false
		}
	}
	return true
}

// plainValue checks an element that holds text.
func plainValue(e *etree.Element, el *element) bool {
	s := el.typ.value
	text, parts := "", 0
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.CharData:
			text = t.Data
			parts++
		case *etree.Comment:
		default:
			return false
		}
	}
	switch {
	case el.hasFixed:
		return parts == 1 && text == el.fixed
	case s.kind == anyString && s.enum == nil:
		return true
	case parts > 1 || parts == 0 && el.hasDefault:
		return false
	}
	return s.check(text) == good
}

// children checks an element that holds others.
func (w *walker) children(e *etree.Element, el *element) bool {
	t := el.typ
	at := int32(0)
	for _, c := range e.Child {
		switch c := c.(type) {
		case *etree.Element:
			mark := len(w.scope)
			if len(c.Attr) > 0 && !w.enter(c) {
				return false
			}
			s, ok := w.spaceOf(c.Space)
			if !ok {
				return false
			}
			edge := t.states[at].next(s, c.Tag)
			if edge == nil || el.keyed.local != "" && el.keyed == (name{s, c.Tag}) {
				return false
			}
			at = edge.to
			inner := edge.el
			if inner == nil {
				if inner = w.m.elements[name{s, c.Tag}]; inner == nil {
					return false
				}
			}
			if !w.element(c, inner) {
				return false
			}
			w.scope = w.scope[:mark]
		case *etree.CharData:
			if t.content != mixed && (!c.IsWhitespace() || c.IsCData()) {
				return false
			}
		case *etree.Comment:
		default:
			return false
		}
	}
	return t.states[at].final
}

// anything checks an element of no declared type: what is declared inside must be valid.
func (w *walker) anything(e *etree.Element) bool {
	for _, c := range e.Child {
		switch c := c.(type) {
		case *etree.Element:
			mark := len(w.scope)
			if len(c.Attr) > 0 && !w.enter(c) {
				return false
			}
			s, ok := w.spaceOf(c.Space)
			if !ok || !plainName(c.Tag) {
				return false
			}
			el := w.m.elements[name{s, c.Tag}]
			if el == nil {
				el = undeclared
			}
			if !w.element(c, el) {
				return false
			}
			w.scope = w.scope[:mark]
		case *etree.CharData, *etree.Comment:
		default:
			return false
		}
	}
	return true
}

// undeclared is what a lax wildcard makes of an element that no schema has.
var undeclared = &element{typ: anyType}

// plainName tells whether a name is one beyond doubt.
func plainName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := classOf(s[i]); c == 0 || c == 2 && i == 0 {
			return false
		}
	}
	return s != ""
}
