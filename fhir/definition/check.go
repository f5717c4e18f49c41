package definition

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// Check holds a resource, and every resource inside it, against FHIR R4: element names, cardinalities,
// shapes and texts of primitives, one variant per choice, and codes of required bindings whose
// value set can be listed. It returns nil when all is well, at most MaxIssues otherwise.
// The depth of n must be bounded, as ParseNode does.
func (s *Set) Check(n *fhir.Node) []Issue {
	c := checker{Set: s}
	c.resource(n, nil)
	return c.list
}

// checker is one run of Check.
type checker struct {
	*Set
	issues
}

// resource checks one resource; at is nil for the outermost.
func (c *checker) resource(n *fhir.Node, at *place) {
	name := n.Get("resourceType").Text()
	t := c.ResourceType(name)
	if at == nil {
		at = root("resource")
		if t != nil {
			at = root(name)
		}
	}
	switch {
	case !n.IsObject():
		c.add(at, CodeShape, "a resource must be an object")
	case t == nil:
		c.add(at, CodeUnknownType, "resourceType names no resource of FHIR R4")
	default:
		c.object(t, n, at)
	}
}

// object checks the elements of a resource, data type or backbone.
func (c *checker) object(t *Type, n *fhir.Node, at *place) {
	if !n.IsObject() {
		c.add(at, CodeShape, "must be an object")
		return
	}
	if len(n.Keys()) == 0 {
		c.add(at, CodeEmpty, "must not be empty")
	}
	for _, key := range n.Keys() {
		c.key(t, n, key, at)
	}
	for i := range t.Elements {
		if c.full() {
			return
		}
		c.element(t, &t.Elements[i], n, at)
	}
}

// key refuses names that the type does not have.
func (c *checker) key(t *Type, n *fhir.Node, key string, at *place) {
	if key == "resourceType" && t.Kind == Resource {
		if !n.Get(key).IsString() {
			c.add(at.child(key), CodeShape, "must be a text")
		}
		return
	}
	name, extra := strings.CutPrefix(key, "_")
	f, ok := t.fields[name]
	switch {
	case !ok || extra && (f.Type.Kind != Primitive || f.Type.Name == "xhtml"):
		c.add(at.child(quoteless(key)), CodeUnknownElement, "no such element in "+t.Name)
	case extra && f.Bare:
		c.add(at.child(key), CodeUnknownElement, "it cannot have extensions")
	}
}

// quoteless keeps a name from outside short and harmless in a path.
func quoteless(key string) string {
	for i, r := range key {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
		if !letter || i >= 64 {
			return "?"
		}
	}
	return key
}

// element checks one element under all its names.
func (c *checker) element(t *Type, e *Element, n *fhir.Node, at *place) {
	present := 0
	for _, name := range e.Types {
		key := e.Name
		if e.Choice {
			key += upperFirst(name)
		}
		v, extra := n.Get(key), n.Get("_"+key)
		if t.fields[key].Type.Kind != Primitive {
			extra = nil // told by key
		}
		if v == nil && extra == nil {
			continue
		}
		present++
		c.field(t.fields[key], v, extra, at)
	}
	switch {
	case present > 1:
		c.add(at.child(e.Name+"[x]"), CodeChoice, "only one variant may stand")
	case present == 0 && e.Min > 0:
		c.add(at.child(e.Name), CodeMissing, "must stand")
	}
}

// field checks the values under one key and its "_" sibling.
func (c *checker) field(f Field, v, extra *fhir.Node, at *place) {
	at = at.child(f.Key)
	if !f.Many() {
		if v.IsArray() || extra.IsArray() {
			c.add(at, CodeShape, "must be one value, not an array")
			return
		}
		c.value(f, v, extra, at)
		return
	}
	if v != nil && !v.IsArray() || extra != nil && !extra.IsArray() {
		c.add(at, CodeShape, "must be an array")
		return
	}
	count := max(len(v.Items()), len(extra.Items()))
	switch {
	case count == 0:
		c.add(at, CodeEmpty, "must not be empty")
	case count < f.Min:
		c.add(at, CodeMissing, "too few")
	case f.Max != Unbounded && count > f.Max:
		c.add(at, CodeTooMany, "too many")
	}
	if v != nil && extra != nil && len(v.Items()) != len(extra.Items()) {
		c.add(at, CodeShape, "the array and its _ sibling must be of one length")
	}
	for i := range count {
		if c.full() {
			return
		}
		c.value(f, item(v, i), item(extra, i), at.item(i))
	}
}

func item(n *fhir.Node, i int) *fhir.Node {
	if items := n.Items(); i < len(items) {
		return items[i]
	}
	return nil
}

// value checks one value by its type.
func (c *checker) value(f Field, v, extra *fhir.Node, at *place) {
	switch {
	case f.Type.Kind == Primitive:
		c.primitive(f, v, extra, at)
	case f.Type.HoldsResource():
		c.resource(v, at)
	default:
		c.object(f.Type, v, at)
		c.bound(f.Binding, v, at)
	}
}

func (c *checker) primitive(f Field, v, extra *fhir.Node, at *place) {
	if !extra.IsNull() {
		c.object(c.types["Element"], extra, at)
	}
	if v.IsNull() {
		if extra.IsNull() {
			c.add(at, CodeEmpty, "must not be null")
		}
		return
	}
	right := v.IsString()
	switch {
	case f.Type.Name == "boolean":
		right = v.IsBool()
	case f.Type.wantsNumber():
		right = v.IsNumber()
	}
	switch {
	case !right:
		c.add(at, CodeShape, "must be of type "+f.Type.Name)
	case v.Text() == "":
		c.add(at, CodeEmpty, "must not be empty")
	case !f.Type.Accepts(v.Text()):
		c.add(at, CodeValue, "is no "+f.Type.Name)
	default:
		c.bound(f.Binding, v, at)
	}
}

// Accepts tells whether a text is one of this primitive type by the type's regular expression.
func (t *Type) Accepts(text string) bool {
	switch t.Name {
	case "string", "markdown", "xhtml": // long ones: no walk through an automaton
		return plainText(text)
	case "base64Binary":
		return base64Text(text)
	}
	return t.pattern == nil || t.pattern.MatchString(text)
}

// plainText: [ \r\n\t\S]+, where \S is anything but the white space of ASCII, and none of the characters that XML
// cannot carry: a text with one of them would be lost for whoever reads XML.
//
// Source: FHIR R4, datatypes.html#string: no code points below U+0020 but tab, line feed and carriage return.
func plainText(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}

// base64Text: (\s*([0-9a-zA-Z\+\/=]){4}\s*)+, white space only between groups of four.
func base64Text(s string) bool {
	n := 0
	for i := range len(s) {
		switch b := s[i]; {
		case b >= '0' && b <= '9', b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b == '+', b == '/', b == '=':
			n++
		case b == ' ' || b == '\t' || b == '\n' || b == '\r':
			if n%4 != 0 {
				return false
			}
		default:
			return false
		}
	}
	return n > 0 && n%4 == 0
}
