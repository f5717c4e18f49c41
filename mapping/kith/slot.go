package kith

import (
	"github.com/samvirke/samvirke/fhir"
)

// slot is the place of one value: a key of an object, or an item of an array under it.
type slot struct {
	obj   *fhir.Node
	key   string
	index int // -1: no array
	// new is true for a value that repeats: it goes to the end of the array.
	new bool
	res *fhir.Node
	// arena is where new nodes come from; nil makes them one by one.
	arena *fhir.Arena
}

// in is the place of a single value in another object.
func (s slot) in(obj *fhir.Node, key string) slot {
	return slot{obj: obj, key: key, index: -1, arena: s.arena}
}

// slot walks to the parent of the value, creating what is missing.
func (p path) slot(b *builder, c cursor) slot {
	if len(p) == 0 { // the object at the cursor itself
		return slot{obj: c.obj, index: -1, res: c.res, arena: b.arena}
	}
	for i := range p[:len(p)-1] {
		p[i].enter(b, &c)
	}
	last := &p[len(p)-1]
	s := slot{obj: c.obj, key: last.key, index: -1, res: c.res, arena: b.arena}
	switch last.kind {
	case stepIndex:
		s.index = last.index
	case stepEach:
		s.new = true
		s.index = max(len(c.obj.Get(last.key).Items()), len(c.obj.Get("_"+last.key).Items()))
	case stepExt, stepMatch:
		last.enter(b, &c)
		s.obj, s.key = c.obj, ""
	}
	return s
}

// slots finds all places where the value stands.
func (p path) slots(r *reader, c cursor) []slot {
	if len(p) == 0 {
		return []slot{{obj: c.obj, index: -1, res: c.res}}
	}
	at := p[:len(p)-1].find(r, c)
	if len(at) == 0 {
		return nil
	}
	last := &p[len(p)-1]
	out := r.memory.slots.Take(len(at))[:0]
	for _, c := range at {
		switch last.kind {
		case stepKey:
			out = append(out, slot{obj: c.obj, key: last.key, index: -1, res: c.res})
		case stepIndex:
			out = append(out, slot{obj: c.obj, key: last.key, index: last.index, res: c.res})
		case stepEach:
			n := max(len(c.obj.Get(last.key).Items()), len(c.obj.Get("_"+last.key).Items()))
			for i := range n {
				out = append(out, slot{obj: c.obj, key: last.key, index: i, res: c.res})
			}
		default:
			for _, f := range last.find(r, c) {
				out = append(out, slot{obj: f.obj, key: "", index: -1, res: c.res})
			}
		}
	}
	return out
}

// get gives the value and, for a primitive, the object of its extensions.
func (s slot) get() (value, ext *fhir.Node) {
	if s.key == "" {
		return s.obj, nil
	}
	value, ext = s.obj.Get(s.key), s.obj.Get("_"+s.key)
	if s.index < 0 {
		return value, ext
	}
	return itemAt(value, s.index), itemAt(ext, s.index)
}

func itemAt(n *fhir.Node, i int) *fhir.Node {
	if items := n.Items(); i < len(items) && !items[i].IsNull() {
		return items[i]
	}
	return nil
}

// set puts a primitive and its extensions; either may be nil.
func (s slot) set(value, ext *fhir.Node) {
	if s.index < 0 {
		if value != nil {
			s.obj.Set(s.key, value)
		}
		if ext == nil {
			return
		}
		// Details of the same primitive may stand there already.
		have := s.obj.Get("_" + s.key)
		if have == nil {
			s.obj.Set("_"+s.key, ext)
			return
		}
		for _, x := range ext.Get("extension").Items() {
			have.Append("extension", x)
		}
		return
	}
	if value == nil && ext == nil {
		return
	}
	// FHIR keeps repeated primitives in two arrays in step; a missing side is null.
	if ext != nil || s.obj.Get("_"+s.key) != nil {
		fill(s.arena, s.obj, "_"+s.key, s.index)
		if ext == nil {
			ext = &fhir.Node{}
		}
		s.obj.Get("_" + s.key).Add(ext)
	}
	if value == nil {
		if s.obj.Get(s.key) != nil {
			s.arena.Append(s.obj, s.key, &fhir.Node{})
		}
		return
	}
	if s.index > 0 {
		fill(s.arena, s.obj, s.key, s.index)
	}
	s.arena.Append(s.obj, s.key, value)
}

func fill(a *fhir.Arena, obj *fhir.Node, key string, n int) {
	for len(obj.Get(key).Items()) < n {
		a.Append(obj, key, &fhir.Node{})
	}
	if obj.Get(key) == nil {
		obj.Set(key, a.Array())
	}
}

// object makes the object of a complex value (Coding, Quantity ...).
func (s slot) object() *fhir.Node {
	switch {
	case s.key == "":
		return s.obj
	case s.new:
		n := s.arena.Object(usualKeys)
		s.arena.Append(s.obj, s.key, n)
		return n
	case s.index >= 0:
		return arrayItem(s.arena, s.obj, s.key, s.index)
	}
	return childObject(s.arena, s.obj, s.key, codingKeys)
}
