package kith

import (
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith/xmltree"
)

// builder walks a message once and makes the FHIR message.
type builder struct {
	names  namespaces
	spaces spaces // names by number
	made   resources
	bundle *fhir.Node
	notes  []mapping.Note
	noted  map[string]int // how many by code; see maxNotes
	top    *where         // the root
	here   *where         // the element at hand, for notes of codecs
	// State of event.go: events met, which homes are taken, and those whose position may still matter.
	events int
	homes  map[string]bool
	open   []openEvent
	// arena is where the nodes of the message come from; nil makes them one by one.
	arena *fhir.Arena
	// Memory of the element at hand: its leaf and its attributes.
	leaf  leaf
	attrs []attr
	// scopes is memory for namespace declarations.
	scopes xmltree.Arena[scope]
}

// where is a place in the source; its text is only made for notes.
// An element counts its earlier siblings of the same name then.
type where struct {
	outer *where
	name  string
	index int
	e     *etree.Element
	inner *where // see at
}

func (w *where) String() string {
	if w == nil {
		return ""
	}
	s := w.outer.String() + "/"
	if w.e != nil {
		n := 1
		for _, t := range w.e.Parent().Child {
			if t == w.e {
				break
			}
			if k, ok := t.(*etree.Element); ok && k.Tag == w.e.Tag {
				n++
			}
		}
		return s + w.e.Tag + "[" + strconv.Itoa(n) + "]"
	}
	s += w.name
	if w.index > 0 {
		s += "[" + strconv.Itoa(w.index) + "]"
	}
	return s
}

// under is a place below w.
func (w *where) under(name string, index int) *where {
	return &where{outer: w, name: name, index: index}
}

// at is the place of an element below w. It is the same place moved on: a walk is at one element of a level
// at a time.
func (w *where) at(e *etree.Element) *where {
	if w.inner == nil {
		w.inner = &where{outer: w}
	}
	w.inner.e = e
	return w.inner
}

// forget lets go of the elements of w and below it, and of what lies deeper than real messages do.
func (w *where) forget() {
	for depth := 0; w != nil; depth, w = depth+1, w.inner {
		w.e, w.name = nil, ""
		if depth == keptPlaces {
			w.inner = nil
		}
	}
}

// keptPlaces is how many levels of places serve the next message.
const keptPlaces = 32

// newBuilder gives a builder whose nodes are made one by one and may stay.
func newBuilder(n namespaces, seed string) *builder {
	b := &builder{homes: map[string]bool{}, top: &where{}}
	b.begin(n, seed)
	return b
}

func (b *builder) begin(n namespaces, seed string) {
	b.names, b.spaces, b.made.seed = n, n.numbered(), seed
	b.bundle = b.arena.Texts("resourceType", "Bundle", "type", "message")
}

// builder gives a builder whose nodes are taken back by done: what stays of the message is a copy. The
// memory of one message serves the next, and the copy is as small as the message allows.
func (t *table) builder(n namespaces, seed string) *builder {
	b, ok := t.builders.Get().(*builder)
	if !ok {
		b = newBuilder(nil, "")
		b.arena = fhir.NewArena()
	}
	b.begin(n, seed)
	return b
}

// done forgets the message and keeps the builder for the next.
func (t *table) done(b *builder) {
	b.arena.Reset()
	b.made.reset()
	clear(b.homes)
	clear(b.open)
	clear(b.attrs[:cap(b.attrs)])
	b.top.forget()
	*b = builder{
		made: b.made, homes: b.homes, arena: b.arena, top: b.top,
		open: b.open[:0], attrs: b.attrs[:0], scopes: b.scopes.Reset(),
	}
	t.builders.Put(b)
}

// usualFields is the room of a new resource.
const usualFields = 12

// resource makes a resource and gives its fullUrl, which follows from message id and position.
func (b *builder) resource(typ string) (*fhir.Node, string) {
	r := b.arena.Object(usualFields)
	r.Set("resourceType", b.arena.String(typ))
	return r, b.made.add(r)
}

// root gives the resource of which a message has one ("Patient", "Encounter", "Bundle" ...).
func (b *builder) root(typ string) cursor {
	if typ == "Bundle" {
		return cursor{res: b.bundle, obj: b.bundle}
	}
	e, ok := b.made.root(typ)
	if !ok {
		r, url := b.resource(typ)
		e = entry{url, r}
		b.made.roots = append(b.made.roots, rootEntry{typ, e})
	}
	return cursor{res: e.res, obj: e.res}
}

// message ends the building: the Bundle with its entries, in memory of its own.
func (b *builder) message() (*fhir.Bundle, error) {
	entries := b.arena.List(len(b.made.list))
	for _, e := range b.made.list {
		n := b.arena.Texts("fullUrl", e.url)
		n.Set("resource", e.res)
		entries.Add(n)
	}
	b.bundle.Set("entry", entries)
	if b.arena == nil {
		return fhir.BundleOf(b.bundle)
	}
	return fhir.BundleOf(b.bundle.Clone())
}

// walk maps the children of e by the rows kids.
func (b *builder) walk(kids []*el, e *etree.Element, sc *scope, c cursor, w *where) {
	next := 0
	for _, t := range e.Child {
		child, ok := t.(*etree.Element)
		if !ok {
			if cd, ok := t.(*etree.CharData); ok && strings.TrimSpace(cd.Data) != "" {
				b.note(w, "not-carried", "text between elements")
			}
			continue
		}
		cw := w.at(child)
		csc := sc.in(child, &b.scopes)
		uri, _ := csc.uriOf(child.Space)
		row, at := b.match(kids, next, child, uri)
		if row == nil {
			b.note(cw, "not-carried", "no place for this element")
			continue
		}
		if at < next {
			b.note(cw, "order", "element out of order; it comes back in the order of the schema")
		}
		next = at
		b.one(row, child, csc, c, cw)
	}
}

// match finds the row for an element, from position next on, then from the start.
func (b *builder) match(kids []*el, next int, e *etree.Element, uri string) (*el, int) {
	if row, at := b.matchFrom(kids, next, len(kids), e, uri); row != nil {
		return row, at
	}
	return b.matchFrom(kids, 0, next, e, uri)
}

// matchFrom looks at the rows from one position to another. Most have another name, which is seen at once.
func (b *builder) matchFrom(kids []*el, from, to int, e *etree.Element, uri string) (*el, int) {
	for i := from; i < to; i++ {
		if k := kids[i]; len(k.name) != 0 && len(k.name) != len(e.Tag) {
			continue
		}
		if row := b.matchRow(kids[i], e, uri); row != nil {
			return row, i
		}
	}
	return nil, 0
}

func (b *builder) matchRow(k *el, e *etree.Element, uri string) *el {
	if k.name == "" { // alternatives
		for _, a := range k.kids {
			if b.matches(a, e, uri) {
				return a
			}
		}
		return nil
	}
	if b.matches(k, e, uri) {
		return k
	}
	return nil
}

func (b *builder) matches(k *el, e *etree.Element, uri string) bool {
	return k.name == e.Tag && b.spaceOf(k) == uri && (k.only == nil || k.only(e)) && !b.taken(k)
}

// spaceOf gives the namespace of a row.
func (b *builder) spaceOf(k *el) string {
	if k.space > 0 {
		return b.spaces[k.space]
	}
	return b.names[k.ns]
}

// one maps one element by its row.
func (b *builder) one(row *el, e *etree.Element, sc *scope, c cursor, w *where) {
	b.here = w
	if row.codec != nil {
		l := &b.leaf
		*l = leaf{text: textOf(e), attrs: b.attributes(e, sc), elem: e}
		row.codec.parse(b, l, row.path.slot(b, c))
		b.leftovers(e, l, row, w)
		return
	}
	in := c
	if row.place != nil {
		in = row.place.enter(b, c)
	}
	for _, a := range b.attributes(e, sc) {
		if k := attrRow(row.kids, a.name); k != nil {
			b.leaf = leaf{text: a.value}
			k.codec.parse(b, &b.leaf, k.path.slot(b, in))
			continue
		}
		b.note(w.under("@"+a.name, 0), "not-carried", "no place for this attribute")
	}
	b.walk(row.kids, e, sc, in, w)
	if row.after != nil {
		b.here = w
		row.after(b, in, e)
	}
}

func attrRow(kids []*el, name string) *el {
	for _, k := range kids {
		if len(k.name) == len(name)+1 && k.name[0] == '@' && k.name[1:] == name {
			return k
		}
	}
	return nil
}

// leftovers notes what of a leaf its codec did not take.
func (b *builder) leftovers(e *etree.Element, l *leaf, row *el, w *where) {
	for _, a := range l.attrs {
		b.note(w.under("@"+a.name, 0), "not-carried", "no place for this attribute")
	}
	if l.text != "" && !takesText(row.codec) && strings.TrimSpace(l.text) != "" {
		b.note(w, "not-carried", "no place for this text")
	}
	for _, t := range e.Child {
		if k, ok := t.(*etree.Element); ok && l.elem != nil {
			b.note(w.under(k.Tag, 1), "not-carried", "no place for this element")
		}
	}
}

// takesText tells whether a codec reads the text of its element.
func takesText(c codec) bool {
	switch c := c.(type) {
	case scalarCodec:
		return !c.inV
	case codingCodec, conceptCodec, mapCodec, codeTextCodec, quantityCodec, telecomCodec:
		return false
	}
	return true
}

const nsXSI = "http://www.w3.org/2001/XMLSchema-instance"

// attributes lists those of e but declarations and schema locations; one in a namespace of the
// tables gets that namespace's key as prefix. The list is good until the next element.
func (b *builder) attributes(e *etree.Element, sc *scope) []attr {
	b.attrs = b.attrs[:0]
	for i := range e.Attr {
		a := &e.Attr[i]
		if a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns" {
			continue
		}
		name := a.Key
		if a.Space != "" {
			uri, _ := sc.uriOf(a.Space)
			if uri == nsXSI && strings.HasSuffix(strings.ToLower(a.Key), "schemalocation") {
				continue
			}
			if uri == b.names["m1"] {
				name = "m1:" + a.Key
			} else {
				name = a.Space + ":" + a.Key
			}
		}
		b.attrs = append(b.attrs, attr{name, a.Value})
	}
	return b.attrs
}

// taken tells whether the place of a row holds one thing and already holds it.
func (b *builder) taken(k *el) bool {
	p, ok := k.place.(eventPlace)
	return ok && b.homes[p.code]
}
