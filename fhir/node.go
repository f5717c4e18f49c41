package fhir

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Kind of a Node.
type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeString
	nodeArray
	nodeObject
)

// Node is a JSON value that keeps the order of its keys and the exact text of its numbers
// (a FHIR decimal 2.50 stays 2.50). The zero value and a nil *Node are JSON null.
//
// A Node is not safe for concurrent change; concurrent reading is safe.
type Node struct {
	kind nodeKind
	text string // string value or number literal; "true"/"false"
	keys []string
	kids []*Node
}

// NewObject returns an empty object; pairs are key, value, key, value, where a value is
// a *Node, string, bool, int, int64 or json.Number. Pairs with an empty string or nil value are left out.
func NewObject(pairs ...any) *Node {
	n := &Node{kind: nodeObject}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := nodeOf(pairs[i+1]); v != nil {
			n.Set(pairs[i].(string), v)
		}
	}
	return n
}

// NewArray returns an array of the given values (as in NewObject).
func NewArray(values ...any) *Node {
	n := &Node{kind: nodeArray}
	for _, v := range values {
		if k := nodeOf(v); k != nil {
			n.kids = append(n.kids, k)
		}
	}
	return n
}

// String returns a JSON string node.
func String(s string) *Node { return &Node{kind: nodeString, text: s} }

// Bool returns a JSON boolean node.
func Bool(b bool) *Node { return &Node{kind: nodeBool, text: strconv.FormatBool(b)} }

// Number returns a JSON number node with this literal, kept exactly.
func Number(literal string) *Node { return &Node{kind: nodeNumber, text: literal} }

func nodeOf(v any) *Node {
	switch v := v.(type) {
	case nil:
		return nil
	case *Node:
		return v
	case string:
		if v == "" {
			return nil
		}
		return String(v)
	case bool:
		return Bool(v)
	case int:
		return Number(strconv.Itoa(v))
	case int64:
		return Number(strconv.FormatInt(v, 10))
	case json.Number:
		return Number(string(v))
	default:
		panic(fmt.Sprintf("fhir: no node for %T", v)) // a programmer's mistake, never input
	}
}

// IsObject, IsArray and IsNull tell the kind.
func (n *Node) IsObject() bool { return n != nil && n.kind == nodeObject }

// IsArray tells whether n is an array.
func (n *Node) IsArray() bool { return n != nil && n.kind == nodeArray }

// IsNull tells whether n is nil or JSON null.
func (n *Node) IsNull() bool { return n == nil || n.kind == nodeNull }

// Text returns the value of a string, number or boolean as text; "" for all else.
func (n *Node) Text() string {
	if n == nil || n.kind == nodeArray || n.kind == nodeObject {
		return ""
	}
	return n.text
}

// Keys returns the keys of an object in order; the caller must not change them.
func (n *Node) Keys() []string {
	if !n.IsObject() {
		return nil
	}
	return n.keys
}

// Items returns the elements of an array; the caller must not change them.
func (n *Node) Items() []*Node {
	if !n.IsArray() {
		return nil
	}
	return n.kids
}

// Get returns the value under key, nil when there is none or n is no object.
func (n *Node) Get(key string) *Node {
	if !n.IsObject() {
		return nil
	}
	for i, k := range n.keys {
		if k == key {
			return n.kids[i]
		}
	}
	return nil
}

// At follows a path of keys and array indexes, "name.0.family"; nil when it ends early.
func (n *Node) At(path string) *Node {
	for path != "" && n != nil {
		var step string
		step, path, _ = strings.Cut(path, ".")
		if n.IsArray() {
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(n.kids) {
				return nil
			}
			n = n.kids[i]
			continue
		}
		n = n.Get(step)
	}
	return n
}

// Set puts a value under key, at the end when the key is new. A nil value removes the key.
func (n *Node) Set(key string, v *Node) {
	for i, k := range n.keys {
		if k != key {
			continue
		}
		if v == nil {
			n.keys = append(n.keys[:i:i], n.keys[i+1:]...)
			n.kids = append(n.kids[:i:i], n.kids[i+1:]...)
			return
		}
		n.kids[i] = v
		return
	}
	if v != nil {
		if n.keys == nil { // most objects have two to four keys: one allocation each instead of three
			n.keys, n.kids = make([]string, 0, 4), make([]*Node, 0, 4)
		}
		n.keys = append(n.keys, key)
		n.kids = append(n.kids, v)
	}
}

// SetText puts a string under key unless it is empty.
func (n *Node) SetText(key, s string) {
	if s != "" {
		n.Set(key, String(s))
	}
}

// Append adds a value to the array under key, which it makes when needed.
func (n *Node) Append(key string, v *Node) {
	a := n.Get(key)
	if a == nil {
		a = NewArray()
		n.Set(key, a)
	}
	a.kids = append(a.kids, v)
}

// Add adds a value to the end of an array.
func (n *Node) Add(v *Node) { n.kids = append(n.kids, v) }

// Extension returns the first extension of n with this URL, nil when there is none.
func (n *Node) Extension(url string) *Node {
	for _, e := range n.Get("extension").Items() {
		if e.Get("url").Text() == url {
			return e
		}
	}
	return nil
}

// Clone returns a deep copy.
func (n *Node) Clone() *Node {
	if n == nil {
		return nil
	}
	c := &Node{kind: n.kind, text: n.text, keys: append([]string(nil), n.keys...)}
	for _, k := range n.kids {
		c.kids = append(c.kids, k.Clone())
	}
	return c
}

// Bytes encodes n without white space, keys in their order.
func (n *Node) Bytes() []byte { return n.appendTo(make([]byte, 0, n.size()+64)) }

// size is the length of the encoding when no text needs escapes; a bit more when some do.
func (n *Node) size() int {
	if n == nil {
		return 4
	}
	total := len(n.text) + 4
	for _, k := range n.keys {
		total += len(k) + 4
	}
	for _, k := range n.kids {
		total += k.size()
	}
	return total
}

func (n *Node) appendTo(b []byte) []byte {
	if n == nil || n.kind == nodeNull {
		return append(b, "null"...)
	}
	switch n.kind {
	case nodeString:
		return appendString(b, n.text)
	case nodeArray:
		b = append(b, '[')
		for i, k := range n.kids {
			if i > 0 {
				b = append(b, ',')
			}
			b = k.appendTo(b)
		}
		return append(b, ']')
	case nodeObject:
		b = append(b, '{')
		for i, k := range n.kids {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, n.keys[i])
			b = append(b, ':')
			b = k.appendTo(b)
		}
		return append(b, '}')
	default:
		return append(b, n.text...)
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
