package kith

import (
	"github.com/samvirke/samvirke/fhir"
)

// inline is a group that FHIR does not have: its kids stand where the group stands.
type inline struct{}

func (inline) enter(_ *builder, c cursor) cursor { return c }
func (inline) each(r *reader, c cursor) []cursor { return r.one(c) }
func (inline) describe(at string) string         { return at }

// inlineIf is inline where one of its paths leads somewhere; alternatives need to know.
type inlineIf struct{ test path }

func (inlineIf) enter(_ *builder, c cursor) cursor { return c }
func (p inlineIf) each(r *reader, c cursor) []cursor {
	for _, s := range p.test.slots(r, c) {
		if v, ext := s.get(); v != nil || ext != nil {
			return r.one(c)
		}
	}
	return nil
}
func (inlineIf) describe(at string) string { return at }

// at is a group at a path; init fills what is new there.
type at struct {
	path path
	init filler
	// keep, when set, says which of the things found at the path are meant.
	keep func(*fhir.Node) bool
}

// filler sets in a new object what says what it is.
type filler func(a *fhir.Arena, n *fhir.Node)

func to(p string) at { return at{path: parsePath(p)} }

// with gives a place whose new objects are filled by init.
func (p at) with(init filler) at { p.init = init; return p }

// of gives a place that finds only what keep wants.
func (p at) of(keep func(*fhir.Node) bool) at { p.keep = keep; return p }

func (p at) enter(b *builder, c cursor) cursor {
	c = p.path.enter(b, c)
	if p.init != nil {
		p.init(b.arena, c.obj)
	}
	return c
}

func (p at) each(r *reader, c cursor) []cursor {
	found := p.path.find(r, c)
	if p.keep == nil {
		return found
	}
	kept := found[:0:0]
	for _, f := range found {
		if p.keep(f.obj) {
			kept = append(kept, f)
		}
	}
	return kept
}

func (p at) describe(below string) string { return join(below, p.path.String()) }

func join(below, p string) string {
	switch {
	case p == "":
		return below
	case p[0] == '/':
		return p[1:]
	case below == "":
		return p
	}
	return below + "." + p
}

// section is a section of the report that stands for an element of the source.
// A shared one takes all neighbours of that name; else each has its own.
type section struct {
	name   string
	shared bool
	then   place // below the section; nil = the section itself
}

func sec(name string) section { return section{name: name} }

// entries is a shared section with one resource per occurrence of the element.
func entries(name, typ string, init filler) section {
	return section{name: name, shared: true, then: to("entry[]>" + typ).with(init)}
}

func (p section) enter(b *builder, c cursor) cursor {
	var s *fhir.Node
	if all := c.obj.Get("section").Items(); p.shared && len(all) > 0 && p.is(all[len(all)-1]) {
		s = all[len(all)-1]
	} else {
		s = b.arena.Object(usualKeys)
		s.Set("title", b.arena.String(p.name))
		s.Set("code", markConcept(b.arena, p.name))
		b.arena.Append(c.obj, "section", s)
	}
	in := cursor{res: c.res, obj: s}
	if p.then != nil {
		return p.then.enter(b, in)
	}
	return in
}

func (p section) each(r *reader, c cursor) []cursor {
	var out []cursor
	for i, s := range c.obj.Get("section").Items() {
		if !p.is(s) {
			continue
		}
		in := cursor{res: c.res, obj: s, order: i}
		if p.then == nil {
			out = append(out, in)
			continue
		}
		out = append(out, p.then.each(r, in)...)
	}
	return out
}

func (p section) is(s *fhir.Node) bool {
	for _, c := range s.At("code.coding").Items() {
		if c.Get("code").Text() == p.name && c.Get("system").Text() == fhir.SystemSection {
			return true
		}
	}
	return false
}

func (p section) describe(below string) string {
	s := join(below, "section("+p.name+")")
	if p.then != nil {
		return p.then.describe(s)
	}
	return s
}

// organisation is the outermost organisation of a chain. The reference at path leads to the
// innermost one (or to a person in it), which is who is meant; partOf and organization lead outwards.
type organisation struct{ path path }

func org(p string) organisation { return organisation{parsePath(p)} }

func (p organisation) enter(b *builder, c cursor) cursor { return p.path.enter(b, c) }

func (p organisation) each(r *reader, c cursor) []cursor {
	loose := append(path(nil), p.path...)
	loose[len(loose)-1].typ = ""
	var out []cursor
	for _, f := range (at{path: loose}).each(r, c) {
		chain := outwards(r, f.obj)
		if len(chain) == 0 || chain[0].Get("resourceType").Text() != "Organization" {
			continue
		}
		f.ref, f.res, f.obj, f.chain = f.obj, chain[0], chain[0], chain[1:]
		out = append(out, f)
	}
	return out
}

// outwards lists who a reference means and what they are part of, outermost first.
func outwards(r *reader, ref *fhir.Node) []*fhir.Node {
	var in []*fhir.Node
	for res := r.resolve(ref, ""); res != nil && len(in) < maxOrgLevels; {
		in = append(in, res)
		outer := "partOf"
		if res.Get("resourceType").Text() == "PractitionerRole" {
			outer = "organization"
		}
		ref = res.Get(outer)
		res = r.resolve(ref, "Organization")
	}
	for i, j := 0, len(in)-1; i < j; i, j = i+1, j-1 {
		in[i], in[j] = in[j], in[i]
	}
	return in
}

// maxOrgLevels bounds a chain of organisations, which in a Bundle from elsewhere may be a ring.
const maxOrgLevels = 16

func (p organisation) describe(below string) string { return join(below, p.path.String()) }

// inner is what stands inside an organisation: another one, or a person. The reference that led here
// then means the inner one. An organisation may also have both an inner one and a person
// of its own; that person stands in an extension of it.
type inner struct{ typ string }

// besides is the extension of an organisation for its own person beside an inner organisation.
var besides = to("@person.valueReference>PractitionerRole")

func (p inner) enter(b *builder, c cursor) cursor {
	outerURL := c.ref.Get("reference").Text()
	if b.made.of(outerURL) != c.obj {
		return besides.enter(b, c)
	}
	res, url := b.resource(p.typ)
	res.Set(p.outer(), b.arena.Texts("reference", outerURL))
	c.ref.Set("reference", b.arena.String(url))
	return cursor{res: res, obj: res, ref: c.ref}
}

func (p inner) outer() string {
	if p.typ == "PractitionerRole" {
		return "organization"
	}
	return "partOf"
}

func (p inner) each(r *reader, c cursor) []cursor {
	if p.typ == "PractitionerRole" {
		if own := besides.each(r, c); len(own) > 0 {
			return own
		}
	}
	if len(c.chain) == 0 || c.chain[0].Get("resourceType").Text() != p.typ {
		return nil
	}
	return []cursor{{res: c.chain[0], obj: c.chain[0], ref: c.ref, chain: c.chain[1:]}}
}

func (p inner) describe(string) string { return p.typ }

// others is the receivers after the first.
type others struct{}

var destinations = to("destination[]")

func (others) enter(b *builder, c cursor) cursor { return destinations.enter(b, c) }
func (others) each(r *reader, c cursor) []cursor {
	all := destinations.each(r, c)
	if len(all) < 2 {
		return nil
	}
	return all[1:]
}
func (others) describe(below string) string { return join(below, "destination[1..]") }
