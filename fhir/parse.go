package fhir

import (
	"strings"
	"unicode/utf8"

	"github.com/samvirke/samvirke"
)

// Bounds of a JSON document. Size is bounded by who reads the bytes.
const (
	// MaxDepth is how deep a JSON document may nest before it is refused.
	// Unit: levels of objects and arrays.
	MaxDepth = 64
	// MaxKeys is how many keys one object may have. FHIR's largest types have some sixty.
	MaxKeys = 1024
	// MaxValues is how many values (of all kinds) a document may hold.
	MaxValues = 2_000_000
)

// Fault codes of ParseNode; all of class Invalid, receipt code T01.
const (
	CodeJSONSyntax    = "json-syntax"        // not JSON (RFC 8259), or text after the value
	CodeJSONEncoding  = "json-encoding"      // not UTF-8, or half a surrogate pair
	CodeJSONDepth     = "json-depth"         // more than MaxDepth levels
	CodeJSONSize      = "json-size"          // more than MaxKeys keys or MaxValues values
	CodeJSONDuplicate = "json-duplicate-key" // a key stands twice in one object
)

// ParseNode reads one JSON value. It is stricter than encoding/json, because a reader that repairs
// is a reader that loses: duplicate keys, bytes that are no UTF-8, half surrogates, more than
// MaxDepth levels and anything after the value are errors.
//
// The tree keeps the text of the document alive, and each part of the tree the whole of it: who keeps a small
// part of a large document for long keeps copies of its texts.
//
// Errors are *samvirke.Fault with Line set; they never quote the document.
func ParseNode(raw []byte) (*Node, error) {
	if !utf8.Valid(raw) {
		return nil, (&jsonReader{s: string(raw), i: invalidAt(raw)}).fault(CodeJSONEncoding, "document is not UTF-8")
	}
	r := newJSONReader(string(raw))
	r.space()
	n := &Node{}
	*n = r.value(0)
	r.space()
	if r.err == nil && r.i < len(r.s) {
		r.fail(CodeJSONSyntax, "text after the end of the JSON value")
	}
	if r.err != nil {
		return nil, r.err
	}
	return n, nil
}

func invalidAt(raw []byte) int {
	i := 0
	for i < len(raw) {
		c, size := utf8.DecodeRune(raw[i:])
		if c == utf8.RuneError && size == 1 {
			break
		}
		i += size
	}
	return i
}

// jsonReader reads s from i on; after the first fault it does nothing more.
type jsonReader struct {
	s      string
	i      int
	values int
	err    error

	// Fields and items of the objects and arrays that are open, outermost first: only at its end is it known
	// how much room one takes.
	openFields []fixedField
	openItems  []Node
	// Where they lie then.
	fields chunk[fixedField]
	items  chunk[*Node]
	nodes  chunk[Node]
}

// newJSONReader gives a reader that takes memory for the tree in pieces so small that the last one, mostly
// unused, does not weigh.
func newJSONReader(s string) *jsonReader {
	return &jsonReader{
		s:      s,
		fields: chunk[fixedField]{next: len(s)/80 + 8, even: true},
		items:  chunk[*Node]{next: len(s)/256 + 8, even: true},
		nodes:  chunk[Node]{next: len(s)/256 + 8, even: true},
	}
}

func (r *jsonReader) fault(code, text string) error {
	return &samvirke.Fault{
		Class: samvirke.Invalid, Code: code, Safe: text, Receipt: "T01",
		Line: 1 + strings.Count(r.s[:min(r.i, len(r.s))], "\n"),
	}
}

func (r *jsonReader) fail(code, text string) Node {
	if r.err == nil {
		r.err = r.fault(code, text)
	}
	r.i = len(r.s)
	return Node{}
}

func (r *jsonReader) space() {
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return
		}
	}
}

// peek gives the byte at the reading point, 0 at the end.
func (r *jsonReader) peek() byte {
	if r.i < len(r.s) {
		return r.s[r.i]
	}
	return 0
}

func (r *jsonReader) value(depth int) Node {
	if r.values++; r.values > MaxValues {
		return r.fail(CodeJSONSize, "document holds too many values")
	}
	switch c := r.peek(); {
	case c == '{' || c == '[':
		if depth >= MaxDepth {
			return r.fail(CodeJSONDepth, "document nests too deeply")
		}
		r.i++
		if c == '{' {
			return r.object(depth + 1)
		}
		return r.array(depth + 1)
	case c == '"':
		return leafOf(nodeString, r.str())
	case c == 't':
		return r.word("true", nodeBool)
	case c == 'f':
		return r.word("false", nodeBool)
	case c == 'n':
		return r.word("null", nodeNull)
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	return r.fail(CodeJSONSyntax, "document is not JSON")
}

func leafOf(k nodeKind, text string) Node {
	var n Node
	n.leaf(k, text)
	return n
}

func (r *jsonReader) word(w string, k nodeKind) Node {
	if !strings.HasPrefix(r.s[r.i:], w) {
		return r.fail(CodeJSONSyntax, "document is not JSON")
	}
	r.i += len(w)
	if k == nodeNull {
		return Node{}
	}
	return leafOf(k, w)
}

func (r *jsonReader) object(depth int) Node {
	from := len(r.openFields)
	for first := true; r.err == nil; first = false {
		r.space()
		c := r.peek()
		if c == '}' && first {
			r.i++
			return r.closeObject(from)
		}
		if c != '"' {
			return r.fail(CodeJSONSyntax, "document is not JSON: a key is missing")
		}
		key := r.str()
		if has(r.openFields[from:], key) {
			return r.fail(CodeJSONDuplicate, "a key stands twice in one object")
		}
		if len(r.openFields)-from >= MaxKeys {
			return r.fail(CodeJSONSize, "an object holds too many keys")
		}
		r.space()
		if r.peek() != ':' {
			return r.fail(CodeJSONSyntax, "document is not JSON: a colon is missing")
		}
		r.i++
		r.space()
		kid := r.value(depth)
		r.openFields = append(r.openFields, fixedField{key, kid})
		if r.ends('}') {
			return r.closeObject(from)
		}
	}
	return Node{}
}

// closeObject makes the object of the fields read since from.
func (r *jsonReader) closeObject(from int) Node {
	open := r.openFields[from:]
	var n Node
	n.setFixed(append(r.fields.take(len(open)), open...))
	r.openFields = r.openFields[:from]
	return n
}

func (r *jsonReader) array(depth int) Node {
	from := len(r.openItems)
	r.space()
	if r.peek() == ']' {
		r.i++
		return r.closeArray(from)
	}
	for r.err == nil {
		r.space()
		kid := r.value(depth)
		r.openItems = append(r.openItems, kid)
		if r.ends(']') {
			return r.closeArray(from)
		}
	}
	return Node{}
}

// closeArray makes the array of the items read since from.
func (r *jsonReader) closeArray(from int) Node {
	open := r.openItems[from:]
	nodes := append(r.nodes.take(len(open)), open...)
	items := r.items.take(len(open))
	for i := range nodes {
		items = append(items, &nodes[i])
	}
	var n Node
	n.setItems(items)
	r.openItems = r.openItems[:from]
	return n
}

// ends reads a comma (false) or the closing mark (true).
func (r *jsonReader) ends(mark byte) bool {
	r.space()
	switch r.peek() {
	case mark:
		r.i++
		return r.err == nil
	case ',':
		r.i++
	default:
		r.fail(CodeJSONSyntax, "document is not JSON: a comma or closing mark is missing")
	}
	return false
}

func (r *jsonReader) number() Node {
	start := r.i
	if r.peek() == '-' {
		r.i++
	}
	switch c := r.peek(); {
	case c == '0':
		r.i++
	case c >= '1' && c <= '9':
		r.digits()
	default:
		return r.fail(CodeJSONSyntax, "document is not JSON: bad number")
	}
	if r.peek() == '.' {
		r.i++
		if !r.digits() {
			return r.fail(CodeJSONSyntax, "document is not JSON: bad number")
		}
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.i++
		if c := r.peek(); c == '+' || c == '-' {
			r.i++
		}
		if !r.digits() {
			return r.fail(CodeJSONSyntax, "document is not JSON: bad number")
		}
	}
	return leafOf(nodeNumber, r.s[start:r.i])
}

func (r *jsonReader) digits() bool {
	start := r.i
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		r.i++
	}
	return r.i > start
}

func has(fields []fixedField, key string) bool {
	for i := range fields {
		if fields[i].key == key {
			return true
		}
	}
	return false
}
