package fhir

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/samvirke/samvirke"
)

// View is the typed view of one resource or datatype, by golang-fhir-models: T is one of its
// structs. Read and change Value, then call Apply: only what changed in Value is written to the
// raw JSON. What the model does not know (contained resources, "_" fields, elements of later
// versions) stays as it is, and what the model would invent never appears: empty variants of a
// required choice, and a first code where none is given.
//
// A required code that is missing or that the model does not know reads as -1 (Code() gives
// "<unknown>"), never as some other code. In an element that the caller adds, a required code
// has the value that stands in the struct, also when that is the first one.
//
// A View is not safe for concurrent use.
type View[T any] struct {
	Value T
	// Notes tell what the model refused; it is carried raw.
	Notes []ViewNote

	node *Node // the truth
	base *Node // the model's own JSON of Value as it was read
}

// ViewNote says that the model could not take the value at Path (keys and indexes, "name.0.use").
// Code is "unknown-code" or "wrong-type".
type ViewNote struct {
	Path, Code string
}

// Faults of views. The codes are stable.
const CodeResourceType = "resource-type" // the JSON is another resource than asked for

// ReadView reads raw JSON as T. Errors are *samvirke.Fault of class Invalid: those of ParseNode, and
// CodeResourceType when T is a resource and raw is another one (or none).
func ReadView[T any](raw []byte) (*View[T], error) {
	n, err := ParseNode(raw)
	if err != nil {
		return nil, err
	}
	return ViewOf[T](n)
}

// ViewOf takes a tree as T. The tree is not copied: Apply changes it.
func ViewOf[T any](n *Node) (*View[T], error) {
	v := &View[T]{node: n}
	zero, err := encodeModel(v.Value)
	if err != nil {
		return nil, fmt.Errorf("encode empty %T: %w", v.Value, err)
	}
	want, got := zero.Get("resourceType").Text(), n.Get("resourceType").Text()
	if !n.IsObject() || want != got {
		return nil, &samvirke.Fault{
			Class: samvirke.Invalid, Code: CodeResourceType, Path: "resourceType",
			Safe: "expected " + want + ", got another resource type",
		}
	}
	m := modelReader{fields: map[reflect.Type]map[string]int{}}
	typ := reflect.TypeFor[T]()
	if err := json.Unmarshal(m.accepted(typ, n, "").Bytes(), &v.Value); err != nil {
		return nil, &samvirke.Fault{
			Class: samvirke.Invalid, Code: "fhir-syntax", Safe: "resource does not fit the model", Err: fmt.Errorf("decode %T", v.Value),
		}
	}
	m.markUnknown(reflect.ValueOf(&v.Value).Elem(), n)
	v.Notes = m.notes
	v.base, err = encodeModel(v.Value)
	return v, err
}

// Node is the raw tree, with the changes of the last Apply.
func (v *View[T]) Node() *Node { return v.node }

// Bytes encodes the raw tree.
func (v *View[T]) Bytes() []byte { return v.node.Bytes() }

// Apply writes what changed in Value since reading (or the last Apply) to the raw tree.
// An error means that Value holds something that is no JSON; then nothing was changed.
func (v *View[T]) Apply() error {
	now, err := encodeModel(v.Value)
	if err != nil {
		return fmt.Errorf("encode %T: %w", v.Value, err)
	}
	p := patch{fields: map[reflect.Type]map[string]int{}}
	p.object(v.node, v.base, now, reflect.TypeFor[T]())
	v.base = now
	return nil
}

// encodeModel gives the model's own JSON, read back by us: the model writes "<" as an escape that
// it cannot read itself.
func encodeModel(value any) (*Node, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return ParseNode(raw)
}

// modelReader walks a Go type and a tree side by side.
type modelReader struct {
	fields map[reflect.Type]map[string]int
	notes  []ViewNote
}

// coder is what all code types of the model implement.
type coder interface{ Code() string }

func isCode(t reflect.Type) bool {
	return t.Kind() == reflect.Int && t.Implements(reflect.TypeFor[coder]())
}

// jsonFields maps JSON names to field indexes of a struct type.
func jsonFields(cache map[reflect.Type]map[string]int, t reflect.Type) map[string]int {
	if m, ok := cache[t]; ok {
		return m
	}
	m := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		tag := t.Field(i).Tag.Get("json")
		for j := range len(tag) {
			if tag[j] == ',' {
				tag = tag[:j]
				break
			}
		}
		if tag != "" && tag != "-" {
			m[tag] = i
		}
	}
	cache[t] = m
	return m
}

// accepted copies of n what the model can decode. It keeps the length of arrays, so that an
// index means the same element in the tree and in the model.
func (m *modelReader) accepted(t reflect.Type, n *Node, path string) *Node {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return n
	case isCode(t):
		if knownCode(t, n) {
			return n
		}
		m.note(path, "unknown-code")
		return nil
	case t.Kind() == reflect.Struct:
		return m.acceptedObject(t, n, path)
	case t.Kind() == reflect.Slice:
		return m.acceptedArray(t, n, path)
	case scalarFits(t, n):
		return n
	}
	if !n.IsNull() {
		m.note(path, "wrong-type")
	}
	return nil
}

func (m *modelReader) acceptedObject(t reflect.Type, n *Node, path string) *Node {
	if !n.IsObject() {
		if !n.IsNull() {
			m.note(path, "wrong-type")
		}
		return nil
	}
	out := NewObject()
	fields := jsonFields(m.fields, t)
	for key, value := range n.Fields() {
		// Only exact names: encoding/json would also take "Status" for "status".
		if f, ok := fields[key]; ok {
			if kid := m.accepted(t.Field(f).Type, value, join(path, key)); kid != nil {
				out.Set(key, kid)
			}
		}
	}
	return out
}

func (m *modelReader) acceptedArray(t reflect.Type, n *Node, path string) *Node {
	if !n.IsArray() {
		if !n.IsNull() {
			m.note(path, "wrong-type")
		}
		return nil
	}
	out := NewArray()
	for i, k := range n.items() {
		kid := m.accepted(t.Elem(), k, join(path, strconv.Itoa(i)))
		if kid == nil {
			kid = placeholder(t.Elem())
		}
		out.Add(kid)
	}
	return out
}

func (m *modelReader) note(path, code string) {
	m.notes = append(m.notes, ViewNote{Path: path, Code: code})
}

func join(path, step string) string {
	if path == "" {
		return step
	}
	return path + "." + step
}

// placeholder stands in an array for an element that the model refuses.
func placeholder(t reflect.Type) *Node {
	switch {
	case isCode(t):
		return String(reflect.Zero(t).Interface().(coder).Code())
	case t.Kind() == reflect.Struct:
		return NewObject()
	}
	return &Node{}
}

func knownCode(t reflect.Type, n *Node) bool {
	if n.kind() != nodeString {
		return false
	}
	v := reflect.New(t)
	u, ok := v.Interface().(json.Unmarshaler)
	// The model's own readers trim every quote and know no escapes: they take `active"` for "active".
	return ok && u.UnmarshalJSON([]byte(`"`+n.text()+`"`)) == nil && v.Elem().Interface().(coder).Code() == n.text()
}

func scalarFits(t reflect.Type, n *Node) bool {
	if n.IsNull() {
		return false
	}
	switch {
	case t == reflect.TypeFor[json.Number]():
		return n.kind() == nodeNumber
	case t.Kind() == reflect.String:
		return n.kind() == nodeString
	case t.Kind() == reflect.Bool:
		return n.kind() == nodeBool
	case t.Kind() == reflect.Int:
		_, err := strconv.Atoi(n.Text())
		return n.kind() == nodeNumber && err == nil
	}
	return false
}

// markUnknown sets -1 where a required code is missing or refused.
func (m *modelReader) markUnknown(v reflect.Value, n *Node) {
	switch t := v.Type(); {
	case t.Kind() == reflect.Pointer:
		if !v.IsNil() {
			m.markUnknown(v.Elem(), n)
		}
	case isCode(t):
		if !knownCode(t, n) {
			v.SetInt(-1)
		}
	case t.Kind() == reflect.Struct:
		for name, i := range jsonFields(m.fields, t) {
			m.markUnknown(v.Field(i), n.Get(name))
		}
	case t.Kind() == reflect.Slice && t != reflect.TypeFor[json.RawMessage]():
		for i := range v.Len() {
			var kid *Node
			if i < len(n.Items()) {
				kid = n.items()[i]
			}
			m.markUnknown(v.Index(i), kid)
		}
	}
}
