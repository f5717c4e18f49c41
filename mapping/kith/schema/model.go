package schema

// The compiled schemas in our own form: what the embedded files say, as far as acceptance can be
// decided without looking twice. See accept.go for what is left to the library.

// space is a namespace by number: 0 is none, unknown one that no schema has.
type space int32

const (
	none    space = 0
	unknown space = -1
)

const (
	nsSchema   = "http://www.w3.org/2001/XMLSchema"
	nsInstance = "http://www.w3.org/2001/XMLSchema-instance"
)

// name is that of an element or attribute.
type name struct {
	space space
	local string
}

// model is all schemas. It is not changed after it is built.
type model struct {
	spaces   map[string]space
	instance space // number of nsInstance
	elements map[name]*element
	// attributes are the global ones, which lax wildcards look at.
	attributes map[name]*attribute
}

// element is a declaration.
type element struct {
	name     string
	typ      *complexType
	fixed    string
	hasFixed bool
	// hasDefault: an element without text is as good as one with the default.
	hasDefault bool
	// keyed is a child that must have a unique key, which only the library checks; "" for none.
	keyed name
}

// content is what may stand inside an element.
type content uint8

const (
	empty    content = iota // nothing, not even white space
	value                   // text of a simple type
	elements                // elements with white space between them
	mixed                   // elements and text
	anything                // anyType
)

// complexType is what an element may hold; one of a simple type is a complexType of content value.
type complexType struct {
	content content
	value   *simple
	attrs   []attribute
	// required is how many of attrs must be there.
	required int
	// states are the content model as a deterministic automaton; the first one is where it begins.
	states []state
	// partial: the automaton leaves out what only the library checks, so that not fitting says nothing.
	partial  bool
	abstract bool
}

// attribute is one that an element may have.
type attribute struct {
	name     name
	typ      *simple
	required bool
	fixed    string
	hasFixed bool
}

// state is where the content model stands between two children.
type state struct {
	edges []edge
	final bool
}

// edge is a child that may come next.
type edge struct {
	name name
	to   int32
	el   *element // nil for a wildcard
}

// attribute finds what a type says of an attribute.
func (t *complexType) attribute(s space, local string) *attribute {
	for i := range t.attrs {
		if a := &t.attrs[i]; a.name.space == s && a.name.local == local {
			return a
		}
	}
	return nil
}

// next finds the edge of a child: by name, else by wildcard.
func (s *state) next(at space, local string) *edge {
	for i := range s.edges {
		if e := &s.edges[i]; e.el == nil || e.name.space == at && e.name.local == local {
			return e
		}
	}
	return nil
}
