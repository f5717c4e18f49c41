package definition

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/samvirke/samvirke/fhir"
)

// Set is a set of definitions. It is read only and safe for concurrent use.
type Set struct {
	types    map[string]*Type
	values   map[string]*valueSet
	profiles map[string]*Profile
}

// Kind of a Type.
type Kind uint8

// The kinds. An Abstract type (Resource, DomainResource, Element, BackboneElement) stands for
// others: an element of type Resource holds any resource.
const (
	Complex Kind = iota
	Primitive
	Backbone
	Resource
	Abstract
)

// Type is a resource, a data type, or the inside of an element that has no type of its own
// (Backbone, named by its path: "Patient.contact").
type Type struct {
	Name string
	Kind Kind
	// Elements are in the order of the definition, inherited ones included; XML must follow it.
	Elements []Element
	// FromSchema tells that the type was read from the JSON schema: variants of a choice stand as single
	// elements, and required primitives are not known.
	FromSchema bool

	fields  map[string]Field
	pattern *regexp.Regexp // of a primitive's text
}

// Unbounded is the Max of an element that may stand any number of times.
const Unbounded = -1

// Element is one element of a Type.
type Element struct {
	// Name is the name in JSON; of a choice without "[x]".
	Name string
	// Min is how often it must stand at least, Max at most; Unbounded for "*".
	Min, Max int
	// Types are the names of the allowed types; more than one only for a choice.
	Types []string
	// Choice tells that the name is followed by the type: value + Quantity.
	Choice bool
	// Attr tells that XML writes it as an attribute.
	Attr bool
	// Bare tells that it has no id and extensions of its own: attributes, and the id of a resource.
	Bare bool
	// Binding is what codes are allowed; the zero value for none.
	Binding Binding
}

// Binding ties an element to a value set.
type Binding struct {
	Strength string // required, extensible, preferred, example
	ValueSet string // without version
}

// Field is an element under one of its names in JSON.
type Field struct {
	*Element
	Key  string // "valueQuantity"
	Type *Type
}

// valueSet lists codes by system; system "" holds codes whose system is not known.
type valueSet struct{ codes map[string]map[string]bool }

var embedded = sync.OnceValues(func() (*Set, error) { return load(tables()) })

// R4 gives the embedded tables: FHIR R4 and the Norwegian base profiles. They are unpacked at the
// first call (some milliseconds), then shared. An error means a broken build.
func R4() (*Set, error) { return embedded() }

// Type returns a type by name, nil when R4 has none of that name.
func (s *Set) Type(name string) *Type { return s.types[name] }

// ResourceType returns the type of a resource that can stand in a message, nil for any other name.
func (s *Set) ResourceType(name string) *Type {
	if t := s.types[name]; t != nil && t.Kind == Resource {
		return t
	}
	return nil
}

// Field finds the element that stands under a key in JSON (without a leading "_").
func (t *Type) Field(key string) (Field, bool) {
	f, ok := t.fields[key]
	return f, ok
}

// Fields gives the fields of an element: one, or one per type of a choice.
func (t *Type) Fields(e *Element) []Field {
	if !e.Choice {
		return []Field{t.fields[e.Name]}
	}
	out := make([]Field, 0, len(e.Types))
	for _, typ := range e.Types {
		out = append(out, t.fields[e.Name+upperFirst(typ)])
	}
	return out
}

// HoldsResource tells whether a whole resource stands in an element of this type; XML wraps it in an
// element of its own.
func (t *Type) HoldsResource() bool { return t.Kind == Resource || t.Kind == Abstract }

// Many tells whether JSON writes the element as an array.
func (e *Element) Many() bool { return e.Max == Unbounded || e.Max > 1 }

// JSON kinds of primitives: all others are strings.
func (t *Type) wantsNumber() bool {
	switch t.Name {
	case "decimal", "integer", "positiveInt", "unsignedInt":
		return true
	}
	return false
}

// Literal gives the JSON value of a primitive from its text in XML; ok is false when the text is
// not one of this type as far as JSON must know it (true, false, a number). A plus sign before a
// number, which JSON does not have, is left out.
func (t *Type) Literal(text string) (n *fhir.Node, ok bool) {
	switch {
	case t.Name == "boolean":
		return fhir.Bool(text == "true"), text == "true" || text == "false"
	case t.wantsNumber():
		text = strings.TrimPrefix(text, "+")
		return fhir.Number(text), isNumber(text)
	}
	return fhir.String(text), true
}

// isNumber tells whether text is a number as JSON writes it.
func isNumber(text string) bool {
	n, err := fhir.ParseNode([]byte(text))
	return err == nil && n.IsNumber() && n.Text() == text
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// link fills what the tables leave out: fields by key and their types.
func (s *Set) link() error {
	for _, t := range s.types {
		t.fields = make(map[string]Field, len(t.Elements))
		for i := range t.Elements {
			e := &t.Elements[i]
			for _, name := range e.Types {
				of := s.types[name]
				if of == nil {
					return fmt.Errorf("%s.%s: no type %q", t.Name, e.Name, name)
				}
				key := e.Name
				if e.Choice {
					key += upperFirst(name)
				}
				t.fields[key] = Field{Element: e, Key: key, Type: of}
			}
		}
	}
	return nil
}
