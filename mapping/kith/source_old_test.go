package kith

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/beevik/etree"
)

// This is how a message was read before there was a parser of our own: encoding/xml under etree, with
// the rules of names and of one root behind it. It stays as what xmltree is held against.

func oldReadSource(raw []byte, maxBytes int) (*source, error) {
	if len(raw) > maxBytes {
		return nil, faultForm("too-large", "the message is larger than this receiver takes", nil)
	}
	text, doubtful, err := toUTF8(raw)
	if err != nil {
		return nil, err
	}
	if bytes.Count(text, []byte("<")) > 2*maxElements {
		return nil, faultForm("too-many-elements", "the message has too many elements", nil)
	}
	if bytes.Count(text, []byte(`="`))+bytes.Count(text, []byte(`='`)) > maxAttributes {
		return nil, faultForm("too-many-attributes", "the message has too many attributes", nil)
	}
	if i := doctypeAt(text); i >= 0 {
		f := faultForm("doctype", "a document type declaration is not allowed", nil)
		f.Line = lineAt(text, i)
		return nil, f
	}
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{PreserveCData: true, PreserveDuplicateAttrs: true, MaxDepth: maxDepth}
	if err := doc.ReadFromBytes(text); err != nil {
		return nil, oldFaultRead(text, err)
	}
	root, err := oldOneRoot(doc)
	if err != nil {
		return nil, err
	}
	if err := oldCheckNames(root, nil); err != nil {
		return nil, err
	}
	return &source{utf8: text, root: root, doubtful: doubtful}, nil
}

func oldFaultRead(text []byte, err error) error {
	if errors.Is(err, etree.ErrMaxDepth) {
		return faultForm("too-deep", "the message has too many levels", nil)
	}
	f := faultForm("not-well-formed", "the message is not well-formed XML", nil)
	f.Line = oldSyntaxLine(text)
	return f
}

func oldOneRoot(doc *etree.Document) (*etree.Element, error) {
	var root *etree.Element
	for _, t := range doc.Child {
		switch t := t.(type) {
		case *etree.Element:
			if root != nil {
				return nil, faultForm("two-roots", "the document has more than one root element", nil)
			}
			root = t
		case *etree.CharData:
			if strings.TrimSpace(t.Data) != "" {
				return nil, faultForm("not-well-formed", "there is text outside the root element", nil)
			}
		case *etree.Directive:
			return nil, faultForm("doctype", "a document type declaration is not allowed", nil)
		}
	}
	if root == nil {
		return nil, faultForm("not-xml", "the message is not XML", nil)
	}
	return root, nil
}

func oldCheckNames(e *etree.Element, s *scope) error {
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
			if a.Space == b.Space || oldSameSpace(s, a.Space, b.Space) {
				return faultForm("duplicate-attribute", "an element has the same attribute twice", nil)
			}
		}
	}
	for _, c := range e.Child {
		if c, ok := c.(*etree.Element); ok {
			if err := oldCheckNames(c, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func oldSameSpace(s *scope, a, b string) bool {
	if a == "" || b == "" || a == "xmlns" || b == "xmlns" {
		return false
	}
	ua, _ := s.uriOf(a)
	ub, _ := s.uriOf(b)
	return ua == ub
}

// oldSyntaxLine finds the line of the first syntax error, 0 when a second reading finds none. Unlike it was,
// it does not stumble over an encoding declared further down, which etree did not mind either.
func oldSyntaxLine(text []byte) int {
	newDecoder := func() *xml.Decoder {
		dec := xml.NewDecoder(bytes.NewReader(text))
		dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
		return dec
	}
	var se *xml.SyntaxError
	for dec := newDecoder(); ; {
		if _, err := dec.RawToken(); errors.As(err, &se) {
			return se.Line
		} else if err != nil {
			break
		}
	}
	for dec := newDecoder(); ; {
		if _, err := dec.Token(); errors.As(err, &se) {
			return se.Line
		} else if err != nil {
			return 0
		}
	}
}
