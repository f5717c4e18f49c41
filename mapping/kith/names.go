package kith

import (
	"bytes"
	"encoding/xml"
	"errors"

	"github.com/beevik/etree"
)

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

// checkNames refuses undeclared prefixes and attributes written twice: the parser lets both pass.
func checkNames(e *etree.Element, s *scope, text []byte) error {
	s = s.at(e)
	if _, ok := s.uriOf(e.Space); !ok {
		return faultForm("undeclared-prefix", "an element has a prefix that is not declared", nil)
	}
	for i := range e.Attr {
		a := &e.Attr[i]
		if a.Space != "" && a.Space != "xmlns" {
			if _, ok := s.uriOf(a.Space); !ok {
				return faultForm("undeclared-prefix", "an attribute has a prefix that is not declared", nil)
			}
		}
		for j := range e.Attr[:i] {
			b := &e.Attr[j]
			if a.Key != b.Key {
				continue
			}
			if a.Space == b.Space || sameSpace(s, a.Space, b.Space) {
				return faultForm("duplicate-attribute", "an element has the same attribute twice", nil)
			}
		}
	}
	for _, c := range e.Child {
		if c, ok := c.(*etree.Element); ok {
			if err := checkNames(c, s, text); err != nil {
				return err
			}
		}
	}
	return nil
}

func sameSpace(s *scope, a, b string) bool {
	if a == "" || b == "" || a == "xmlns" || b == "xmlns" {
		return false
	}
	ua, _ := s.uriOf(a)
	ub, _ := s.uriOf(b)
	return ua == ub
}

// syntaxLine finds the line of the first syntax error, 0 when a second reading finds none.
func syntaxLine(text []byte) int {
	dec := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := dec.RawToken(); err != nil {
			var se *xml.SyntaxError
			if errors.As(err, &se) {
				return se.Line
			}
			break
		}
	}
	dec = xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := dec.Token(); err != nil {
			var se *xml.SyntaxError
			if errors.As(err, &se) {
				return se.Line
			}
			return 0
		}
	}
}
