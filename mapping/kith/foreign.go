package kith

import (
	b64 "encoding/base64"
	"slices"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/mapping/kith/xmltree"
)

// foreignCodec is XML that no row takes, inside Content: the attachment of a DocumentReference, the one
// place where a piece of the source is carried as it is. It is noted, so that nobody takes it for read.
type foreignCodec struct{}

func (foreignCodec) describe() (string, string) { return "base64Binary", "XML" }

func (foreignCodec) parse(b *builder, l *leaf, s slot) {
	kids := l.elem.ChildElements()
	if len(kids) != 1 {
		return // more than one is refused by the schema; leftovers notes them
	}
	l.elem = nil // taken here
	s.set(s.arena.String(b64.StdEncoding.EncodeToString(alone(kids[0]))), nil)
	b.note(b.here, "carried-unread", "XML that no row takes is carried as it is, as an attachment")
}

// alone writes an element as a document of its own, with the declarations that it had from outside.
func alone(e *etree.Element) []byte {
	root := e.Copy()
	root.Attr = append(outerNames(e), root.Attr...)
	doc := etree.NewDocument()
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}
	doc.AddChild(root)
	out, err := doc.WriteToBytes()
	if err != nil {
		return nil // writing to memory does not fail
	}
	return out
}

// outerNames are the declarations around e that its content needs.
func outerNames(e *etree.Element) []etree.Attr {
	var out []etree.Attr
	seen := map[string]bool{}
	for s := scopeOf(e.Parent()); s != nil; s = s.outer {
		if seen[s.prefix] || declares(e, s.prefix) {
			continue
		}
		seen[s.prefix] = true
		switch {
		case s.prefix == "" && usesDefault(e):
			out = append(out, etree.Attr{Key: "xmlns", Value: s.uri})
		case s.prefix != "" && usesPrefix(e, s.prefix):
			out = append(out, etree.Attr{Space: "xmlns", Key: s.prefix, Value: s.uri})
		}
	}
	return out
}

// declares tells whether e itself declares a prefix.
func declares(e *etree.Element, prefix string) bool {
	return slices.ContainsFunc(e.Attr, func(a etree.Attr) bool {
		return a.Space == "xmlns" && a.Key == prefix || prefix == "" && a.Space == "" && a.Key == "xmlns"
	})
}

// declaresAny tells whether e brings namespace declarations of its own.
func declaresAny(e *etree.Element) bool {
	return slices.ContainsFunc(e.Attr, func(a etree.Attr) bool { return a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns" })
}

// usesDefault tells whether e or an element inside it has no prefix.
func usesDefault(e *etree.Element) bool {
	return e.Space == "" || slices.ContainsFunc(e.ChildElements(), usesDefault)
}

func (foreignCodec) render(r *reader, s slot) (leaf, bool) {
	v, _ := s.get()
	raw, err := b64.StdEncoding.DecodeString(v.Text())
	if err != nil || len(raw) == 0 {
		return leaf{}, false // noted as not carried
	}
	src, err := readSource(&xmltree.Parser{}, raw, DefaultMaxBytes)
	if err != nil {
		return leaf{}, false
	}
	r.use(v)
	if !declares(src.root, "") && usesDefault(src.root) || !declaresAny(src.root) {
		src.root.Attr = append([]etree.Attr{{Key: "xmlns"}}, src.root.Attr...) // of no namespace, and not of the header's
	}
	return leaf{inside: []etree.Token{src.root}}, true
}
