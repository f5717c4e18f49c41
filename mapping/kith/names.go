package kith

import "github.com/beevik/etree"

// scope is the namespace declarations in force at an element, innermost first.
type scope struct {
	prefix, uri string
	outer       *scope
}

// at gives the scope inside e.
func (s *scope) at(e *etree.Element) *scope {
	for i := range e.Attr {
		a := &e.Attr[i]
		switch {
		case a.Space == "xmlns":
			s = &scope{a.Key, a.Value, s}
		case a.Space == "" && a.Key == "xmlns":
			s = &scope{"", a.Value, s}
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
