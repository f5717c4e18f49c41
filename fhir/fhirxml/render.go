package fhirxml

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
)

// Style is how Render writes.
type Style struct {
	// Indent breaks lines between elements, for people. Narrative is never touched.
	Indent bool
}

// Render writes a resource as XML in UTF-8, elements in the order of R4. The notes name everything that
// is not in the XML as it was in the resource; without notes, Parse gives an equal resource.
//
// The error is a *samvirke.Fault with CodeUnknownType when n is no resource of R4.
func Render(n *fhir.Node, style Style) ([]byte, []Note, error) {
	set, err := definition.R4()
	if err != nil {
		return nil, nil, fmt.Errorf("render FHIR XML: %w", err)
	}
	w := &writer{set: set, indent: style.Indent}
	w.WriteString(`<?xml version="1.0" encoding="UTF-8"?>`)
	name := n.Get("resourceType").Text()
	if set.ResourceType(name) == nil {
		return nil, nil, fault(CodeUnknownType, "the resource is of no type that FHIR R4 knows")
	}
	w.resource(n, &place{name: name, index: -1})
	w.WriteByte('\n')
	return w.Bytes(), w.notes, nil
}

// writer is one run of Render.
type writer struct {
	bytes.Buffer
	set    *definition.Set
	indent bool
	level  int
	notes  []Note
}

func (w *writer) note(at *place, code, text string) {
	w.notes = append(w.notes, Note{Path: at.String(), Code: code, Text: text})
}

func (w *writer) lost(at *place, why string) { w.note(at, NoteNotCarried, why) }

// resource writes a resource with its own element; the outermost declares the namespace.
func (w *writer) resource(n *fhir.Node, at *place) bool {
	name := n.Get("resourceType").Text()
	t := w.set.ResourceType(name)
	if t == nil {
		w.lost(at, "the resource is of no type that FHIR R4 knows")
		return false
	}
	w.line()
	w.WriteString("<" + name)
	if at.up == nil {
		w.WriteString(` xmlns="` + nsFHIR + `"`)
	}
	w.inside(name, func() { w.elements(t, n, at) })
	return true
}

// line starts a new line when the style asks for it.
func (w *writer) line() {
	if w.indent {
		w.WriteByte('\n')
		for range w.level {
			w.WriteString("  ")
		}
	}
}

// inside writes what stands in an element whose tag is open but for ">", and ends the element.
func (w *writer) inside(name string, content func()) {
	w.WriteByte('>')
	empty := w.Len()
	w.level++
	content()
	w.level--
	if w.Len() == empty {
		w.Truncate(empty - 1)
		w.WriteString("/>")
		return
	}
	w.line()
	w.WriteString("</" + name + ">")
}

// elements writes everything of a type but attributes, and notes what the type does not have.
func (w *writer) elements(t *definition.Type, n *fhir.Node, at *place) {
	for i := range t.Elements {
		e := &t.Elements[i]
		if e.Attr {
			continue
		}
		var written string
		for _, f := range t.Fields(e) {
			v, extra := n.Get(f.Key), n.Get("_"+f.Key)
			if f.Type.Kind != definition.Primitive {
				extra = nil // told below
			}
			switch {
			case v == nil && extra == nil:
			case written != "":
				w.lost(at.child(f.Key), "another variant of the choice stands beside it")
			default:
				written = f.Key
				w.field(f, v, extra, at.child(f.Key))
			}
		}
	}
	for _, key := range n.Keys() {
		name, extra := strings.CutPrefix(key, "_")
		f, ok := t.Field(name)
		switch {
		case key == "resourceType" && t.Kind == definition.Resource:
		case !ok:
			w.lost(at.child(plain(key)), "FHIR R4 has no such element in "+t.Name)
		case extra && (f.Attr || f.Type.Kind != definition.Primitive || f.Type.Name == "xhtml"):
			w.lost(at.child(key), "XML has no place for extensions here")
		}
	}
}

// field writes all values under one key.
func (w *writer) field(f definition.Field, v, extra *fhir.Node, at *place) {
	if !f.Many() {
		if v.IsArray() || extra.IsArray() {
			w.lost(at, "an array where one value may stand")
			return
		}
		w.value(f, v, extra, at)
		return
	}
	if v != nil && !v.IsArray() || extra != nil && !extra.IsArray() {
		w.lost(at, "one value where an array must stand")
		return
	}
	vs, extras := v.Items(), extra.Items()
	if len(vs) == 0 && len(extras) == 0 {
		w.lost(at, "an empty array")
	}
	if v != nil && extra != nil && len(vs) != len(extras) {
		w.note(at, NoteJSONType, "the array and its _ sibling were not of one length")
	}
	for i := range max(len(vs), len(extras)) {
		w.value(f, item(vs, i), item(extras, i), at.item(i))
	}
}

func item(list []*fhir.Node, i int) *fhir.Node {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func (w *writer) value(f definition.Field, v, extra *fhir.Node, at *place) {
	switch {
	case f.Type.Name == "xhtml":
		w.narrative(v, at)
	case f.Type.Kind == definition.Primitive:
		w.primitive(f, v, extra, at)
	case !v.IsObject():
		w.lost(at, "no object where one must stand")
	case f.Type.HoldsResource():
		w.wrapped(f.Key, v, at)
	default:
		w.complex(f, v, at)
	}
}

// wrapped writes a resource inside an element: contained, entry.resource and the like.
func (w *writer) wrapped(key string, v *fhir.Node, at *place) {
	before := w.Len()
	w.line()
	w.WriteString("<" + key)
	written := false
	w.inside(key, func() { written = w.resource(v, at) })
	if !written {
		w.Truncate(before)
	}
}

func (w *writer) complex(f definition.Field, v *fhir.Node, at *place) {
	before := w.Len()
	w.line()
	w.WriteString("<" + f.Key)
	bare := w.Len()
	w.attributes(f.Type, v, at)
	tag := w.Len()
	w.inside(f.Key, func() { w.elements(f.Type, v, at) })
	if tag == bare && w.Len() == tag+2 {
		w.Truncate(before)
		w.lost(at, "nothing in it that XML can carry")
	}
}

func (w *writer) attributes(t *definition.Type, v *fhir.Node, at *place) {
	for i := range t.Elements {
		if e := &t.Elements[i]; e.Attr {
			if a := v.Get(e.Name); a != nil {
				w.attribute(e.Name, a, at.child(e.Name))
			}
		}
	}
}

func (w *writer) attribute(name string, v *fhir.Node, at *place) bool {
	text := v.Text()
	switch {
	case v.IsObject() || v.IsArray():
		w.lost(at, "no simple value where one must stand")
		return false
	case text == "":
		w.lost(at, "an empty value")
		return false
	case !legal(text):
		w.lost(at, "characters that XML does not allow")
		return false
	}
	if name != "value" && !v.IsString() {
		w.note(at, NoteJSONType, "not a text in JSON")
	}
	w.WriteString(" " + name + `="`)
	escape(&w.Buffer, text)
	w.WriteByte('"')
	return true
}

// primitive writes value, id and extensions of a primitive as one element.
func (w *writer) primitive(f definition.Field, v, extra *fhir.Node, at *place) {
	before := w.Len()
	w.line()
	w.WriteString("<" + f.Key)
	bare := w.Len()
	ext := w.set.Type("Element")
	if extra != nil && !extra.IsNull() && !extra.IsObject() {
		w.lost(at, "no object in the _ sibling")
		extra = nil
	}
	if extra != nil {
		w.attributes(ext, extra, at)
	}
	if w.typed(f.Type, v, at) {
		w.attribute("value", v, at)
	}
	tag := w.Len()
	w.inside(f.Key, func() { w.elements(ext, extra, at) })
	if tag == bare && w.Len() == tag+2 {
		w.Truncate(before)
		if v.IsNull() {
			w.lost(at, "null")
		}
	}
}

// typed tells whether a value can be read back as its type, and notes when it will change its JSON type.
func (w *writer) typed(t *definition.Type, v *fhir.Node, at *place) bool {
	if v.IsNull() {
		return false
	}
	if v.IsObject() || v.IsArray() {
		w.lost(at, "no simple value where one must stand")
		return false
	}
	back, ok := t.Literal(v.Text())
	switch {
	case !ok:
		w.lost(at, "not a "+t.Name)
	case back.IsString() != v.IsString() || back.IsBool() != v.IsBool() || back.IsNumber() != v.IsNumber() || back.Text() != v.Text():
		w.note(at, NoteJSONType, "is a "+t.Name+" and comes back as one")
	}
	return ok
}

func (w *writer) narrative(v *fhir.Node, at *place) {
	if !v.IsString() {
		w.lost(at, "no text where the narrative must stand")
		return
	}
	div, changed, err := divOut(v.Text())
	if err != nil {
		w.lost(at, err.Error())
		return
	}
	if changed != "" {
		w.note(at, NoteNarrative, changed)
	}
	w.line()
	w.WriteString(div)
}

// place is where Render is.
type place struct {
	up    *place
	name  string
	index int // -1 outside arrays
}

func (p *place) child(name string) *place { return &place{up: p, name: name, index: -1} }

func (p *place) item(i int) *place { return &place{up: p.up, name: p.name, index: i} }

// String writes the path: "Patient.name[0].family".
func (p *place) String() string {
	s := p.name
	if p.index >= 0 {
		s += "[" + strconv.Itoa(p.index) + "]"
	}
	if p.up != nil {
		return p.up.String() + "." + s
	}
	return s
}

// plain keeps a name from outside short and harmless in a path.
func plain(key string) string {
	for i, r := range key {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
		if !letter || i >= 64 {
			return "?"
		}
	}
	return key
}

// legal tells whether XML 1.0 allows all characters of a text, escaped or not.
func legal(s string) bool {
	for _, r := range s {
		ok := r >= 0x20 && r <= 0xd7ff || r == '\t' || r == '\n' || r == '\r' || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= 0x10ffff
		if !ok {
			return false
		}
	}
	return true
}

// escape writes an attribute's text so that every reader gets the same text back, line breaks too.
func escape(b *bytes.Buffer, s string) {
	start := 0
	for i := range len(s) {
		var e string
		switch s[i] {
		case '&':
			e = "&amp;"
		case '<':
			e = "&lt;"
		case '>':
			e = "&gt;"
		case '"':
			e = "&quot;"
		case '\t':
			e = "&#9;"
		case '\n':
			e = "&#10;"
		case '\r':
			e = "&#13;"
		default:
			continue
		}
		b.WriteString(s[start:i])
		b.WriteString(e)
		start = i + 1
	}
	b.WriteString(s[start:])
}
