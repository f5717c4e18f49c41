package schema

import "fmt"

// particle is a part of a content model: a child, a wildcard, a sequence or a choice.
type particle struct {
	kind     particleKind
	optional bool // minOccurs 0
	many     bool // maxOccurs unbounded
	kids     []*particle
	name     name
	el       *element
}

type particleKind uint8

const (
	child    particleKind = iota
	wildcard              // any element that is declared
	sequence
	choice
)

// automaton turns a content model into states, one for the start and one behind each child that is
// named in it (Glushkov). XSD demands that a name alone tells which child is meant, so the result is
// deterministic; where it is not, this is an error.
func automaton(p *particle) ([]state, error) {
	g := &glushkov{states: []state{{}}}
	nullable, first, last := g.add(p)
	g.connect([]int{0}, first)
	g.states[0].final = nullable
	for _, i := range last {
		g.states[i].final = true
	}
	for i := range g.states {
		if err := deterministic(g.states[i].edges); err != nil {
			return nil, err
		}
	}
	return g.states, nil
}

type glushkov struct {
	states []state
	edges  []edge // that lead into state i, at i-1
}

// add makes the states of a particle: whether it may be nothing, and where it can begin and end.
func (g *glushkov) add(p *particle) (nullable bool, first, last []int) {
	switch p.kind {
	case child, wildcard:
		i := len(g.states)
		g.states = append(g.states, state{})
		g.edges = append(g.edges, edge{name: p.name, to: int32(i), el: p.el})
		first, last = []int{i}, []int{i}
	case sequence:
		nullable = true
		for _, k := range p.kids {
			n, f, l := g.add(k)
			g.connect(last, f)
			if nullable {
				first = append(first, f...)
			}
			if n {
				last = append(append([]int(nil), last...), l...)
			} else {
				last = l
			}
			nullable = nullable && n
		}
	case choice:
		for _, k := range p.kids {
			n, f, l := g.add(k)
			nullable = nullable || n
			first, last = append(first, f...), append(last, l...)
		}
	}
	if p.many {
		g.connect(last, first)
	}
	return nullable || p.optional, first, last
}

// connect lets each of to come behind each of from.
func (g *glushkov) connect(from, to []int) {
	for _, i := range from {
		s := &g.states[i]
		for _, j := range to {
			if !leads(s.edges, j) {
				s.edges = append(s.edges, g.edges[j-1])
			}
		}
	}
}

func leads(edges []edge, to int) bool {
	for i := range edges {
		if edges[i].to == int32(to) {
			return true
		}
	}
	return false
}

func deterministic(edges []edge) error {
	for i := range edges {
		if edges[i].el == nil && len(edges) > 1 {
			return fmt.Errorf("a wildcard beside other children")
		}
		for j := range edges[:i] {
			if edges[i].name == edges[j].name {
				return fmt.Errorf("%q twice in one place", edges[i].name.local)
			}
		}
	}
	return nil
}
