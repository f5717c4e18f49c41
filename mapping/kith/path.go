package kith

import (
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// path is a way from an object in FHIR to a value in it. Its text form, steps parted by dots:
//
//	name          key of an object
//	name[0]       item of an array
//	name[]        a new item per occurrence; every item on the way back
//	name{9033}    the item whose coding is of that code list; {Block} the item marked with SystemSection|Block
//	@op           extension ExtBase+"StructureDefinition/op"; @op[] one per occurrence
//	@http://...   extension with that URL
//	%code         sub-extension with that plain URL
//	name>Type     a resource of that type, referred to by name
//	$Type         the resource of that type of which a message has one
type path []step

type step struct {
	kind  stepKind
	key   string // key, or URL of an extension
	index int    // for stepIndex
	each  bool   // one per occurrence
	match string // for stepMatch
	typ   string // for a link: resource type
}

type stepKind uint8

// orderSpan is how many items of one array keep their order among alternatives.
const orderSpan = 1 << 16

const (
	stepKey stepKind = iota
	stepIndex
	stepEach
	stepMatch
	stepExt
	stepRoot
)

func extURL(name string) string { return fhir.ExtBase + "StructureDefinition/" + name }

func parsePath(s string) path {
	var p path
	for s != "" {
		var part string
		if strings.HasPrefix(s, "@http") {
			// A URL holds dots; it ends before ".value" or ".extension" or at the end.
			end := strings.Index(s, ".value")
			if end < 0 {
				end = len(s)
			}
			part, s = s[:end], strings.TrimPrefix(s[end:], ".")
		} else {
			part, s, _ = strings.Cut(s, ".")
		}
		p = append(p, parseStep(part))
	}
	return p
}

func parseStep(part string) step {
	st := step{}
	if i := strings.IndexByte(part, '>'); i >= 0 {
		part, st.typ = part[:i], part[i+1:]
	}
	switch {
	case strings.HasSuffix(part, "[]"):
		part, st.each, st.kind = strings.TrimSuffix(part, "[]"), true, stepEach
	case strings.HasSuffix(part, "]"):
		i := strings.IndexByte(part, '[')
		n, err := strconv.Atoi(part[i+1 : len(part)-1])
		if err != nil {
			panic("kith: bad path step " + part) // a mistake in a table, found by every test
		}
		part, st.index, st.kind = part[:i], n, stepIndex
	case strings.HasSuffix(part, "}"):
		i := strings.IndexByte(part, '{')
		part, st.match, st.kind = part[:i], part[i+1:len(part)-1], stepMatch
	}
	switch {
	case strings.HasPrefix(part, "@http"):
		st.kind, part = stepExt, part[1:]
	case strings.HasPrefix(part, "@"):
		st.kind, part = stepExt, extURL(part[1:])
	case strings.HasPrefix(part, "$"):
		st.kind, part = stepRoot, part[1:]
	case strings.HasPrefix(part, "%"):
		st.kind, part = stepExt, part[1:]
	}
	st.key = part
	return st
}

// String gives the text form with short extension names, for Table.
func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.String())
	}
	return b.String()
}

func (s step) String() string {
	out := s.key
	switch s.kind {
	case stepIndex:
		out += "[" + strconv.Itoa(s.index) + "]"
	case stepEach:
		out += "[]"
	case stepMatch:
		out += "{" + s.match + "}"
	case stepRoot:
		out = "/" + s.key
	case stepExt:
		out = "extension(" + strings.TrimPrefix(s.key, fhir.ExtBase+"StructureDefinition/") + ")"
		if s.each {
			out += "[]"
		}
	}
	if s.typ != "" {
		out += "->" + s.typ
	}
	return out
}

// enter goes the whole way, creating what is not there.
func (p path) enter(b *builder, c cursor) cursor {
	for i := range p {
		p[i].enter(b, &c)
	}
	return c
}

// enter makes one step downwards, creating what is not there.
func (s *step) enter(b *builder, c *cursor) {
	var next *fhir.Node
	switch s.kind {
	case stepRoot:
		*c = b.root(s.key)
		return
	case stepKey:
		next = childObject(b.arena, c.obj, s.key, s.room())
	case stepIndex:
		next = arrayItem(b.arena, c.obj, s.key, s.index)
	case stepEach:
		next = b.arena.Object(s.room())
		b.arena.Append(c.obj, s.key, next)
	case stepMatch:
		if next = matching(c.obj, s); next == nil {
			next = b.arena.Object(usualKeys)
			if !isList(s.match) {
				next.Set("code", markConcept(b.arena, s.match))
			}
			b.arena.Append(c.obj, s.key, next)
		}
	case stepExt:
		if !s.each {
			next = c.obj.Extension(s.key)
		}
		if next == nil {
			next = b.arena.Texts("url", s.key)
			b.arena.Append(c.obj, "extension", next)
		}
	}
	c.obj = next
	if s.typ != "" {
		s.link(b, c)
	}
}

// link goes from a reference to its resource, making it when the reference is empty.
func (s *step) link(b *builder, c *cursor) {
	ref := c.obj
	if url := ref.Get("reference").Text(); url != "" {
		if r := b.made.of(url); r != nil {
			*c = cursor{res: r, obj: r, ref: ref}
			return
		}
	}
	r, url := b.resource(s.typ)
	ref.Set("reference", b.arena.String(url))
	*c = cursor{res: r, obj: r, ref: ref}
}

// find lists what a way leads to.
func (p path) find(r *reader, c cursor) []cursor {
	found := r.one(c)
	for i := range p {
		if len(found) == 1 {
			found = p[i].find(r, found[0])
			continue
		}
		var next []cursor
		for _, f := range found {
			next = append(next, p[i].find(r, f)...)
		}
		found = next
	}
	return found
}

// find lists what one step leads to.
func (s *step) find(r *reader, c cursor) []cursor {
	var out []cursor
	order := c.order
	room := func(n int) {
		if n > 0 && s.typ == "" {
			out = r.memory.cursors.Take(n)[:0]
		}
	}
	add := func(n *fhir.Node) {
		if n == nil || n.IsNull() {
			return
		}
		if s.typ == "" {
			out = append(out, cursor{res: c.res, obj: n, order: order, chain: c.chain})
			return
		}
		if res := r.resolve(n, s.typ); res != nil {
			out = append(out, cursor{res: res, obj: res, ref: n, order: order})
		}
	}
	switch s.kind {
	case stepRoot:
		if root := r.root(s.key); root.obj != nil {
			return []cursor{root}
		}
	case stepKey:
		if s.typ == "Medication" {
			return s.findMedication(r, c)
		}
		room(1)
		add(c.obj.Get(s.key))
	case stepIndex:
		items := c.obj.Get(s.key).Items()
		if s.index < len(items) {
			room(1)
			add(items[s.index])
		}
	case stepEach:
		items := c.obj.Get(s.key).Items()
		room(len(items))
		for i, n := range items {
			order = c.order*orderSpan + i
			add(n)
		}
	case stepMatch:
		add(matching(c.obj, s))
	case stepExt:
		for i, n := range c.obj.Get("extension").Items() {
			if n.Get("url").Text() == s.key {
				order = c.order*orderSpan + i
				add(n)
				if !s.each {
					break
				}
			}
		}
	}
	return out
}

// matching finds the item of an array that a stepMatch means.
func matching(obj *fhir.Node, s *step) *fhir.Node {
	for _, n := range obj.Get(s.key).Items() {
		if isList(s.match) {
			if n.At("coding.0.system").Text() == fhir.OIDVolven+s.match {
				return n
			}
			continue
		}
		if n.At("code.coding.0.code").Text() == s.match && n.At("code.coding.0.system").Text() == fhir.SystemSection {
			return n
		}
	}
	return nil
}

func isList(match string) bool { return match[0] >= '0' && match[0] <= '9' }

// usualKeys is the room of a new object that may get any keys.
const usualKeys = 4

// room is that of a new object behind a step: a reference has one key.
func (s *step) room() int {
	if s.typ != "" {
		return 1
	}
	return usualKeys
}

func childObject(a *fhir.Arena, obj *fhir.Node, key string, room int) *fhir.Node {
	n := obj.Get(key)
	if n == nil {
		n = a.Object(room)
		obj.Set(key, n)
	}
	return n
}

func arrayItem(a *fhir.Arena, obj *fhir.Node, key string, index int) *fhir.Node {
	items := obj.Get(key).Items()
	if index < len(items) {
		return items[index]
	}
	n := a.Object(usualKeys)
	a.Append(obj, key, n)
	return n
}

// mark is the coding that names a block or element of the source.
func mark(a *fhir.Arena, name string) *fhir.Node {
	return a.Texts("system", fhir.SystemSection, "code", name)
}

func markConcept(a *fhir.Arena, name string) *fhir.Node { return conceptOf(a, mark(a, name)) }

// conceptOf is a CodeableConcept of one coding.
func conceptOf(a *fhir.Arena, coding *fhir.Node) *fhir.Node {
	n := a.Object(2) // a text may follow
	n.Set("coding", a.Array(coding))
	return n
}
