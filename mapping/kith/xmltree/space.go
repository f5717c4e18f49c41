package xmltree

import "github.com/beevik/etree"

// manySpaces is from how many declarations on an index finds the one of a prefix: otherwise a message
// with as many prefixes as attributes are allowed would cost their square.
const manySpaces = 32

// spaces are the namespace declarations in force, outermost first. The zero value is ready.
type spaces struct {
	list []binding
	// innermost is where in list the declaration of a prefix stands; nil until there are many.
	innermost map[string]int
}

// binding is a namespace declaration.
type binding struct {
	prefix, uri string
	outer       int // the declaration of the same prefix that this one hides, -1 for none; when there is an index
}

// declare takes the namespace declarations of an element.
func (s *spaces) declare(e *etree.Element) {
	for i := range e.Attr {
		switch a := &e.Attr[i]; {
		case a.Space == "xmlns":
			s.add(binding{prefix: a.Key, uri: a.Value})
		case a.Space == "" && a.Key == "xmlns":
			s.add(binding{uri: a.Value})
		}
	}
}

func (s *spaces) add(b binding) {
	s.list = append(s.list, b)
	switch {
	case s.innermost != nil:
		s.index(len(s.list) - 1)
	case len(s.list) > manySpaces:
		s.innermost = make(map[string]int, 2*manySpaces)
		for i := range s.list {
			s.index(i)
		}
	}
}

func (s *spaces) index(i int) {
	b := &s.list[i]
	if outer, ok := s.innermost[b.prefix]; ok {
		b.outer = outer
	} else {
		b.outer = -1
	}
	s.innermost[b.prefix] = i
}

// leave forgets all but the n outermost declarations.
func (s *spaces) leave(n int) {
	if s.innermost != nil {
		for i := len(s.list) - 1; i >= n; i-- {
			if b := &s.list[i]; b.outer >= 0 {
				s.innermost[b.prefix] = b.outer
			} else {
				delete(s.innermost, b.prefix)
			}
		}
	}
	s.list = s.list[:n]
}

// uriOf gives the namespace that a prefix stands for.
func (s *spaces) uriOf(prefix string) (string, bool) {
	if s.innermost != nil {
		if i, ok := s.innermost[prefix]; ok {
			return s.list[i].uri, true
		}
	} else {
		for i := len(s.list) - 1; i >= 0; i-- {
			if s.list[i].prefix == prefix {
				return s.list[i].uri, true
			}
		}
	}
	if prefix == "xml" {
		return "http://www.w3.org/XML/1998/namespace", true
	}
	return "", prefix == ""
}
