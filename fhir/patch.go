package fhir

import (
	"encoding/json"
	"reflect"
)

// patch applies the difference between two encodings of a model value (base, now) to a raw tree.
type patch struct {
	fields map[reflect.Type]map[string]int
}

// maxAlign bounds the work of aligning two arrays (product of the lengths that differ); above it
// elements are compared by position.
const maxAlign = 1 << 22

// object changes raw in the keys in which base and now differ.
func (p *patch) object(raw, base, now *Node, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for key := range base.Fields() {
		if now.Get(key) == nil {
			raw.Set(key, nil)
			raw.Set("_"+key, nil)
		}
	}
	for key, value := range now.Fields() {
		if b := base.Get(key); !equal(b, value) {
			p.value(raw, key, b, value, p.typeOf(t, key))
		}
	}
}

func (p *patch) typeOf(t reflect.Type, key string) reflect.Type {
	if t != nil && t.Kind() == reflect.Struct {
		if i, ok := jsonFields(p.fields, t)[key]; ok {
			return t.Field(i).Type
		}
	}
	return reflect.TypeFor[json.RawMessage]()
}

func (p *patch) value(raw *Node, k string, base, now *Node, t reflect.Type) {
	old := raw.Get(k)
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		raw.Set(k, now)
	case now.IsObject() && base.IsObject() && old.IsObject():
		p.object(old, base, now, t)
		if old.n == 0 {
			raw.Set(k, nil)
		}
	case now.IsArray() && base.IsArray() && old.IsArray() && len(old.items()) == len(base.items()):
		p.array(raw, k, base, now, t)
	default:
		raw.Set(k, p.pruned(now, t))
	}
}

// array edits the array under k, and the array of its extensions under "_"+k along with it.
func (p *patch) array(raw *Node, k string, base, now *Node, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	elem := t.Elem()
	old, ext := raw.Get(k), raw.Get("_"+k)
	was, is, before := old.items(), now.items(), base.items()
	kids, exts := []*Node{}, []*Node{}
	keep := func(i int, n *Node) {
		kids = append(kids, n)
		if i >= 0 && i < len(ext.Items()) {
			exts = append(exts, ext.items()[i])
			return
		}
		exts = append(exts, &Node{})
	}
	for _, s := range align(before, is) {
		switch {
		case s.now < 0: // removed
		case s.base < 0: // added
			if n := p.pruned(is[s.now], elem); n != nil {
				keep(-1, n)
			}
		case equal(before[s.base], is[s.now]):
			keep(s.base, was[s.base])
		default:
			box := NewObject("e", was[s.base])
			p.value(box, "e", before[s.base], is[s.now], elem)
			if n := box.Get("e"); n != nil {
				keep(s.base, n)
			}
		}
	}
	setArray(raw, k, old, kids)
	if ext.IsArray() {
		setArray(raw, "_"+k, ext, exts)
	}
}

func setArray(raw *Node, k string, old *Node, kids []*Node) {
	for _, n := range kids {
		if !n.IsNull() {
			old.setItems(kids)
			return
		}
	}
	raw.Set(k, nil)
}

// pruned drops what a model value has only because Go needs some value there: empty texts, empty
// objects and arrays, and codes that nobody set. It gives nil when nothing is left.
func (p *patch) pruned(n *Node, t reflect.Type) *Node {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.IsNull():
		return nil
	case t == reflect.TypeFor[json.RawMessage]():
		return n
	case n.IsObject():
		out := NewObject()
		for key, value := range n.Fields() {
			if kid := p.pruned(value, p.typeOf(t, key)); kid != nil {
				out.Set(key, kid)
			}
		}
		if out.n == 0 {
			return nil
		}
		return out
	case n.IsArray():
		out := NewArray()
		for _, k := range n.items() {
			if kid := p.pruned(k, t.Elem()); kid != nil {
				out.Add(kid)
			}
		}
		if out.n == 0 {
			return nil
		}
		return out
	case n.kind() == nodeString && n.text() == "", isCode(t) && n.Text() == unknownCode:
		return nil
	}
	return n
}

// unknownCode is what the model writes for a code value outside its list.
const unknownCode = "<unknown>"

// equal compares two trees; the order of keys does not matter.
func equal(a, b *Node) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull()
	}
	if a.IsObject() && b.IsObject() {
		return a.n == b.n && contains(a, b)
	}
	if a.kind() != b.kind() || a.n != b.n {
		return false
	}
	if a.IsArray() {
		theirs := b.items()
		for i, k := range a.items() {
			if !equal(k, theirs[i]) {
				return false
			}
		}
		return true
	}
	return a.text() == b.text()
}

// contains tells whether b has every value of a under the same key.
func contains(a, b *Node) bool {
	for key, value := range a.Fields() {
		other := b.Get(key)
		if other == nil || !equal(value, other) {
			return false
		}
	}
	return true
}

// step pairs an element of the base with one of the new array; -1 where there is none.
type step struct{ base, now int }

// align pairs equal elements (longest common sequence). What stands between two pairs is paired by
// position when as many elements were there before, else only where the two share a value: an
// element that was replaced must not inherit what the model could not see of the old one.
func align(a, b []*Node) []step {
	var out []step
	lo := 0
	for lo < len(a) && lo < len(b) && equal(a[lo], b[lo]) {
		out = append(out, step{lo, lo})
		lo++
	}
	ha, hb := len(a), len(b)
	for ha > lo && hb > lo && equal(a[ha-1], b[hb-1]) {
		ha, hb = ha-1, hb-1
	}
	i, j := lo, lo
	for _, s := range common(a[lo:ha], b[lo:hb]) {
		out = gap(out, a, b, i, lo+s.base, j, lo+s.now)
		out = append(out, step{lo + s.base, lo + s.now})
		i, j = lo+s.base+1, lo+s.now+1
	}
	out = gap(out, a, b, i, ha, j, hb)
	for k := range len(a) - ha {
		out = append(out, step{ha + k, hb + k})
	}
	return out
}

func gap(out []step, a, b []*Node, i, iEnd, j, jEnd int) []step {
	same := iEnd-i == jEnd-j
	for i < iEnd || j < jEnd {
		switch {
		case i < iEnd && j < jEnd && (same || shares(a[i], b[j])):
			out = append(out, step{i, j})
			i, j = i+1, j+1
		case i < iEnd && (j == jEnd || iEnd-i > jEnd-j):
			out = append(out, step{i, -1})
			i++
		default:
			out = append(out, step{-1, j})
			j++
		}
	}
	return out
}

// common is the longest common sequence of equal elements.
func common(a, b []*Node) []step {
	if len(a) == 0 || len(b) == 0 || len(a)*len(b) > maxAlign {
		return nil
	}
	w := len(b) + 1
	best := make([]int32, (len(a)+1)*w)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if equal(a[i], b[j]) {
				best[i*w+j] = best[(i+1)*w+j+1] + 1
			} else {
				best[i*w+j] = max(best[(i+1)*w+j], best[i*w+j+1])
			}
		}
	}
	var out []step
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case equal(a[i], b[j]):
			out = append(out, step{i, j})
			i, j = i+1, j+1
		case best[(i+1)*w+j] >= best[i*w+j+1]:
			i++
		default:
			j++
		}
	}
	return out
}

// shares tells whether two elements have a value at the same place in common.
func shares(a, b *Node) bool {
	if !a.IsObject() || !b.IsObject() {
		return false
	}
	for key, value := range a.Fields() {
		other := b.Get(key)
		if other == nil || other.kind() == nodeString && other.text() == "" {
			continue
		}
		if equal(value, other) || shares(value, other) {
			return true
		}
	}
	return false
}
