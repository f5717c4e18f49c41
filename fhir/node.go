package fhir

import (
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// NewObject returns an empty object; pairs are key, value, key, value, where a value is
// a *Node, string, bool, int, int64 or json.Number. Pairs with an empty string or nil value are left out.
func NewObject(pairs ...any) *Node {
	n := &Node{room: uint32(nodeObject)}
	if len(pairs) > 0 {
		n.setFields(make([]field, 0, len(pairs)/2))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := nodeOf(pairs[i+1]); v != nil {
			n.Set(pairs[i].(string), v)
		}
	}
	return n
}

// NewArray returns an array of the given values (as in NewObject).
func NewArray(values ...any) *Node {
	n := &Node{room: uint32(nodeArray)}
	if len(values) == 0 {
		return n
	}
	kids := make([]*Node, 0, len(values))
	for _, v := range values {
		if k := nodeOf(v); k != nil {
			kids = append(kids, k)
		}
	}
	n.setItems(kids)
	return n
}

// String returns a JSON string node.
func String(s string) *Node { return newLeaf(nodeString, s) }

// Bool returns a JSON boolean node.
func Bool(b bool) *Node { return newLeaf(nodeBool, strconv.FormatBool(b)) }

// Number returns a JSON number node with this literal, kept exactly.
func Number(literal string) *Node { return newLeaf(nodeNumber, literal) }

func newLeaf(k nodeKind, text string) *Node {
	n := &Node{}
	n.leaf(k, text)
	return n
}

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
func (n *Node) IsObject() bool { return n.kind() >= nodeObject }

// IsArray tells whether n is an array.
func (n *Node) IsArray() bool { return n.kind() == nodeArray }

// IsNull tells whether n is nil or JSON null.
func (n *Node) IsNull() bool { return n.kind() == nodeNull }

// Text returns the value of a string, number or boolean as text; "" for all else.
func (n *Node) Text() string {
	switch n.kind() {
	case nodeString, nodeNumber, nodeBool:
		return n.text()
	}
	return ""
}

// Keys returns the keys of an object in order. Where the values are wanted too, Fields is cheaper.
func (n *Node) Keys() []string {
	if !n.IsObject() {
		return nil
	}
	keys := make([]string, 0, n.n)
	for key := range n.Fields() {
		keys = append(keys, key)
	}
	return keys
}

// Fields goes through the keys and values of an object in order; nothing for all else. The object must
// not get or lose keys on the way.
func (n *Node) Fields() iter.Seq2[string, *Node] {
	return func(yield func(string, *Node) bool) {
		for _, f := range n.fields() {
			if !yield(f.key, f.node) {
				return
			}
		}
		fixed := n.fixed()
		for i := range fixed {
			if !yield(fixed[i].key, &fixed[i].node) {
				return
			}
		}
	}
}

// Items returns the elements of an array; the caller must not change them.
func (n *Node) Items() []*Node { return n.items() }

// Get returns the value under key, nil when there is none or n is no object.
func (n *Node) Get(key string) *Node {
	switch n.kind() {
	case nodeFixed:
		fixed := n.fixed()
		for i := range fixed {
			if fixed[i].key == key {
				return &fixed[i].node
			}
		}
	case nodeObject:
		fields := n.fields()
		for i := range fields {
			if fields[i].key == key {
				return fields[i].node
			}
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
			items := n.items()
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(items) {
				return nil
			}
			n = items[i]
			continue
		}
		n = n.Get(step)
	}
	return n
}

// Set puts a value under key of an object, at the end when the key is new. A nil value removes the key.
// What is no object stays as it is.
func (n *Node) Set(key string, v *Node) {
	switch nodeKind(n.room & kindMask) {
	case nodeFixed:
		n.loosen()
	case nodeObject:
	default:
		return
	}
	fields := n.fields()
	for i := range fields {
		if fields[i].key != key {
			continue
		}
		if v == nil {
			// A copy: who goes through the fields just now shall not see them move.
			n.setFields(append(fields[:i:i], fields[i+1:]...))
			return
		}
		fields[i].node = v
		return
	}
	if v == nil {
		return
	}
	if cap(fields) == 0 {
		fields = make([]field, 0, usualFields)
	}
	n.setFields(append(fields, field{key, v}))
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
	a.Add(v)
}

// Add adds a value to the end of an array. What is no array stays as it is.
func (n *Node) Add(v *Node) {
	if nodeKind(n.room&kindMask) == nodeArray {
		n.setItems(append(n.items(), v))
	}
}

// Extension returns the first extension of n with this URL, nil when there is none.
func (n *Node) Extension(url string) *Node {
	for _, e := range n.Get("extension").Items() {
		if e.Get("url").Text() == url {
			return e
		}
	}
	return nil
}
