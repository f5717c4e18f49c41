package xmltree

import "github.com/beevik/etree"

// usualChildren and usualAttributes are the room of a new element; more are taken from the heap.
const (
	usualChildren   = 4
	usualAttributes = 4
)

// Builder makes the elements and texts of a tree that is written and then forgotten, in memory that the next
// tree uses again. What it makes is etree's own and may be changed like any other tree until Reset.
//
// The zero value is ready. A Builder belongs to one goroutine.
type Builder struct {
	elements Arena[etree.Element]
	texts    Arena[etree.CharData]
	attrs    Arena[etree.Attr]
	children Arena[etree.Token]
}

// Element adds an empty element to the end of parent. Attributes is how many it will have at least.
func (b *Builder) Element(parent *etree.Element, space, tag string, attributes int) *etree.Element {
	e := &b.elements.Take(1)[0]
	e.Space, e.Tag = space, tag
	if attributes > 0 {
		e.Attr = b.attrs.Take(max(attributes, usualAttributes))[:0]
	}
	b.add(parent, e)
	return e
}

// Text adds a text to the end of parent.
func (b *Builder) Text(parent *etree.Element, s string) {
	t := &b.texts.Take(1)[0]
	t.SetData(s) // notes whether it is white space
	b.add(parent, t)
}

func (b *Builder) add(parent *etree.Element, t etree.Token) {
	if parent.Child == nil {
		parent.Child = b.children.Take(usualChildren)[:0]
	}
	parent.AddChild(t)
}

// Reset takes everything back: the tree must not be used any more.
func (b *Builder) Reset() {
	*b = Builder{elements: b.elements.Reset(), texts: b.texts.Reset(), attrs: b.attrs.Reset(), children: b.children.Reset()}
}
