package schema

import (
	"slices"

	"github.com/beevik/etree"
)

// children looks at an element that holds others: at their order, then into each.
func (x *explainer) children(e *etree.Element, el *element) {
	t := el.typ
	at, lost, told := int32(0), t.partial, false
	own := x.count - 1
	last := name{space: unknown}
	for i, c := range e.Child {
		switch c := c.(type) {
		case *etree.Element:
			x.child(c, func(s space) *element {
				n := name{s, c.Tag}
				defer func() { last = n }()
				if edge := t.states[at].next(s, c.Tag); edge != nil {
					at = edge.to
					return x.declared(edge, n)
				}
				if lost {
					return nil
				}
				if missing, edge := t.between(at, n); edge != nil && !follows(e.Child[i+1:], missing) {
					x.add("missing-element", isMissing(missing)+" before "+quoted(c.Tag))
					at = edge.to
					return edge.el
				}
				x.unexpected(t, at, n, last)
				return nil
			})
		case *etree.CharData:
			if t.content != mixed && !told && (c.IsCData() || !c.IsWhitespace()) {
				told = true
				x.textAt(own, quoted(e.Tag)+" holds elements: no text may stand between them", c.IsCData())
			}
		case *etree.ProcInst:
			x.instruction(c)
		}
	}
	if missing := t.toEnd(at); !lost && len(missing) > 0 {
		n := len(x.found)
		if x.add("missing-element", isMissing(missing)+" in "+quoted(e.Tag)); len(x.found) > n {
			x.found[n].element = own
		}
	}
}

// follows tells whether one of the names comes later: then it is not missing, but something stands before it.
func follows(rest []etree.Token, names []string) bool {
	for _, c := range rest {
		if c, ok := c.(*etree.Element); ok && slices.Contains(names, c.Tag) {
			return true
		}
	}
	return false
}

// textAt adds text that is where only elements may stand. CDATA that is white space passes the library.
func (x *explainer) textAt(own int, text string, cdata bool) {
	n := len(x.found)
	if x.add("unexpected-text", text); len(x.found) > n {
		x.found[n].element, x.found[n].alone = own, cdata
	}
}

// declared gives the declaration that an edge leads to.
func (x *explainer) declared(e *edge, n name) *element {
	if e.el != nil {
		return e.el
	}
	el := x.m.elements[n]
	if el == nil {
		x.add("unknown-content", "there is no schema for "+quoted(n.local))
	}
	return el
}

// unexpected says of a child why it may not stand where it does.
func (x *explainer) unexpected(t *complexType, at int32, n, last name) {
	expected := t.states[at].names()
	known, other := false, false
	for i := range t.states {
		for _, e := range t.states[i].edges {
			known = known || e.name == n
			other = other || e.name.local == n.local
		}
	}
	switch {
	case known && last == n:
		x.add("repeated-element", quoted(n.local)+" may stand here only once")
	case known:
		x.add("misplaced-element", quoted(n.local)+" stands in the wrong place"+allowedHere(expected))
	case other:
		x.add("wrong-namespace", quoted(n.local)+" is in another namespace than the schema says")
	default:
		x.add("unexpected-element", quoted(n.local)+" is not known here"+allowedHere(expected))
	}
}

// names are the children that may come next.
func (s *state) names() []string {
	var out []string
	for i := range s.edges {
		if s.edges[i].el != nil {
			out = append(out, s.edges[i].name.local)
		}
	}
	return out
}

// between finds the children that must come first for n to be allowed: the shortest way there. Of the first
// of them all alternatives are given. Edge is that of n; nil when n is not allowed later either.
func (t *complexType) between(at int32, n name) (missing []string, found *edge) {
	return t.search(at, func(s *state) *edge {
		for i := range s.edges {
			if e := &s.edges[i]; e.el != nil && e.name == n {
				return e
			}
		}
		return nil
	})
}

// toEnd gives the children that must come for the element to end; none when it may end here.
func (t *complexType) toEnd(at int32) []string {
	if t.states[at].final {
		return nil
	}
	missing, _ := t.search(at, func(s *state) *edge {
		if s.final {
			return &edge{}
		}
		return nil
	})
	return missing
}

// search goes breadth first to the nearest state that goal knows, and gives the alternatives of the first step.
func (t *complexType) search(at int32, goal func(*state) *edge) (first []string, found *edge) {
	depth := map[int32]int{at: 0}
	from := map[int32][]int32{} // the first steps that lead to a state the shortest way
	queue := []int32{at}
	best := -1
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if best >= 0 && depth[s] > best {
			break
		}
		if e := goal(&t.states[s]); e != nil && s != at {
			if best < 0 {
				best, found = depth[s], e
			}
			for _, step := range from[s] {
				first = appendNew(first, t.labelOf(at, step))
			}
			continue
		}
		for _, e := range t.states[s].edges {
			steps := from[s]
			if s == at {
				steps = []int32{e.to}
			}
			if d, seen := depth[e.to]; !seen {
				depth[e.to], from[e.to] = depth[s]+1, steps
				queue = append(queue, e.to)
			} else if d == depth[s]+1 {
				from[e.to] = append(append([]int32(nil), from[e.to]...), steps...)
			}
		}
	}
	return first, found
}

func (t *complexType) labelOf(at, to int32) string {
	for _, e := range t.states[at].edges {
		if e.to == to {
			return e.name.local
		}
	}
	return ""
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
