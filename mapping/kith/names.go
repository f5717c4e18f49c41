package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/mapping/kith/xmltree"
)

// scope is the namespace declarations in force at an element, innermost first.
type scope struct {
	prefix, uri string
	outer       *scope
}

// at gives the scope inside e.
func (s *scope) at(e *etree.Element) *scope { return s.in(e, nil) }

// in is at with the memory of a message; nil takes memory of its own.
func (s *scope) in(e *etree.Element, room *xmltree.Arena[scope]) *scope {
	for i := range e.Attr {
		a := &e.Attr[i]
		if a.Space != "xmlns" && (a.Space != "" || a.Key != "xmlns") {
			continue
		}
		outer := s
		if room != nil {
			s = &room.Take(1)[0]
		} else {
			s = new(scope)
		}
		s.uri, s.outer = a.Value, outer
		if a.Space != "" {
			s.prefix = a.Key
		}
	}
	return s
}

func (s *scope) uriOf(prefix string) (string, bool) {
	for ; s != nil; s = s.outer {
		if s.prefix == prefix {
			return s.uri, true
		}
	}
	if prefix == "xml" {
		return "http://www.w3.org/XML/1998/namespace", true
	}
	return "", prefix == ""
}
