package schema

import (
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// The slow way: a walk that goes on behind mistakes and names them. It runs only where the quick way did
// not accept, and stays silent where it is not sure.

// finding is a mistake before its line is known.
type finding struct {
	Problem
	element int // which element of the document it concerns, from 0 in the order of the text
	// alone: our own check alone finds this; the library lets it pass.
	alone bool
}

// explainer walks through one document.
type explainer struct {
	walker
	path  []string
	count int // elements met
	found []finding
}

// explain finds what is wrong with a document.
func explain(m *model, root *etree.Element) []finding {
	x := &explainer{walker: walker{m: m}}
	x.outside(root)
	x.path = append(x.path, root.Tag)
	x.start(root)
	at, _ := x.spaceOf(root.Space)
	if el := m.elements[name{at, root.Tag}]; el != nil {
		x.check(root, el)
	} else {
		x.add("unknown-root", "this root element is not known")
	}
	return x.found
}

func (x *explainer) outside(root *etree.Element) {
	if doc := root.Parent(); doc != nil {
		for _, t := range doc.Child {
			if pi, ok := t.(*etree.ProcInst); ok {
				x.instruction(pi)
			}
		}
	}
}

// start takes the declarations of an element and counts it.
func (x *explainer) start(e *etree.Element) {
	x.count++
	for i := range e.Attr {
		a := &e.Attr[i]
		if a.Space != "xmlns" && (a.Space != "" || a.Key != "xmlns") {
			continue
		}
		prefix := a.Key
		if a.Space == "" {
			prefix = ""
		}
		s, ok := x.m.spaces[a.Value]
		if !ok {
			s = unknown
		}
		x.scope = append(x.scope, binding{prefix, s})
		if strings.ContainsAny(a.Value, " \t\n\r<>\"{}|\\^`") {
			x.alone("bad-namespace", "a namespace is not a valid address")
		}
	}
}

func (x *explainer) add(code, text string) {
	if len(x.found) < MaxProblems {
		x.found = append(x.found, finding{Problem: Problem{Path: pathOf(x.path), Code: code, Text: text}, element: x.count - 1})
	}
}

// alone adds what the library would let pass.
func (x *explainer) alone(code, text string) {
	n := len(x.found)
	if x.add(code, text); len(x.found) > n {
		x.found[n].alone = true
	}
}

func (x *explainer) instruction(pi *etree.ProcInst) {
	if strings.IndexByte(pi.Target, ':') >= 0 {
		x.alone("not-well-formed", "a processing instruction has a colon in its name")
	}
}

// check looks at an element whose declaration is known and at everything in it.
func (x *explainer) check(e *etree.Element, el *element) {
	t := el.typ
	if !x.attributes(e, t) {
		x.skip(e)
		return
	}
	switch t.content {
	case empty:
		x.empty(e)
	case value:
		x.value(e, el)
	case anything:
		x.lax(e)
	default:
		x.children(e, el)
	}
}

// skip counts the elements inside of one that cannot be judged, and says of each what is wrong anyhow.
func (x *explainer) skip(e *etree.Element) {
	for _, c := range e.Child {
		switch c := c.(type) {
		case *etree.Element:
			mark := len(x.scope)
			x.start(c)
			x.skip(c)
			x.scope = x.scope[:mark]
		case *etree.ProcInst:
			x.instruction(c)
		}
	}
}

// attributes looks at the attributes; it says no when one changes what the element is.
func (x *explainer) attributes(e *etree.Element, t *complexType) bool {
	var have []name
	for i := range e.Attr {
		a := &e.Attr[i]
		if a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns" {
			continue
		}
		at := none
		if a.Space != "" {
			at, _ = x.spaceOf(a.Space)
		}
		if at == x.m.instance {
			if a.Key == "type" || a.Key == "nil" {
				return false
			}
			continue
		}
		if t.content == anything {
			continue
		}
		d := t.attribute(at, a.Key)
		if d == nil {
			x.add("unexpected-attribute", "attribute "+quoted(a.Key)+" is not allowed in "+quoted(e.Tag))
			continue
		}
		have = append(have, d.name)
		if d.typ.check(a.Value) == bad {
			code, must := demands(d.typ)
			x.add(code, "attribute "+quoted(a.Key)+" of "+quoted(e.Tag)+isEmpty(a.Value)+must)
		}
	}
	for i := range t.attrs {
		if a := &t.attrs[i]; a.required && !slices.Contains(have, a.name) {
			x.add("missing-attribute", "attribute "+quoted(a.name.local)+" of "+quoted(e.Tag)+" is missing")
		}
	}
	return true
}

// empty looks into an element that must be empty. The library lets white space pass there.
func (x *explainer) empty(e *etree.Element) {
	for _, c := range e.Child {
		if _, ok := c.(*etree.CharData); ok {
			x.alone("not-empty", quoted(e.Tag)+" must be empty: nothing may stand between its start and its end, not even a space or a line break")
			break
		}
	}
	x.noElements(e, quoted(e.Tag)+" must be empty: ")
}

// noElements names the elements in one that may have none.
func (x *explainer) noElements(e *etree.Element, why string) {
	for _, c := range e.Child {
		switch c := c.(type) {
		case *etree.Element:
			mark := len(x.scope)
			x.start(c)
			x.add("unexpected-element", why+quoted(c.Tag)+" is not allowed in it")
			x.skip(c)
			x.scope = x.scope[:mark]
		case *etree.ProcInst:
			x.instruction(c)
		}
	}
}

func (x *explainer) value(e *etree.Element, el *element) {
	var text string
	plain := true
	for _, c := range e.Child {
		switch c := c.(type) {
		case *etree.CharData:
			text += c.Data
		case *etree.Element:
			plain = false
		}
	}
	s := el.typ.value
	switch {
	case !plain:
		x.noElements(e, quoted(e.Tag)+" holds a text: ")
		return
	case text == "" && (el.hasDefault || el.hasFixed):
	case el.hasFixed && trim(text) != trim(el.fixed):
		x.add("fixed-value", quoted(e.Tag)+" must be "+quoted(el.fixed))
	case s.check(text) == bad:
		code, must := demands(s)
		x.add(code, quoted(e.Tag)+isEmpty(text)+must)
	}
	x.noElements(e, "") // the processing instructions
}

// lax looks into an element of any type.
func (x *explainer) lax(e *etree.Element) {
	for _, c := range e.Child {
		switch c := c.(type) {
		case *etree.Element:
			x.child(c, func(at space) *element {
				if el := x.m.elements[name{at, c.Tag}]; el != nil {
					return el
				}
				return undeclared
			})
		case *etree.ProcInst:
			x.instruction(c)
		}
	}
}

// child goes into a child with the declaration that choose gives it; nil to leave it out.
func (x *explainer) child(c *etree.Element, choose func(space) *element) {
	mark := len(x.scope)
	x.start(c)
	at, _ := x.spaceOf(c.Space)
	if el := choose(at); el != nil {
		x.path = append(x.path, c.Tag)
		x.check(c, el)
		x.path = x.path[:len(x.path)-1]
	} else {
		x.skip(c)
	}
	x.scope = x.scope[:mark]
}
