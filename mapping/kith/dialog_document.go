package kith

import (
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// Documents after the first: attachments, components of the record, and XML of other standards (forms of citizen
// dialogue, for instance). Each is a DocumentReference. One that holds XML is marked with the name of its root element
// in content.format; what we know of it stands in FHIR, the rest is its attachment.

// systemXML is the code system of content.format: namespace, "#", local name of a root element.
const systemXML = fhir.ExtBase + "CodeSystem/xml-document"

// knownDocument is a document whose content has rows of its own.
type knownDocument struct {
	format string
	row    *el
}

// isFirst tells whether an element has no earlier sibling of its name.
func isFirst(e *etree.Element) bool { return childNamed(e.Parent(), e.Tag) == e }

// isFirstDocument tells whether a Document holds the professional message: the first one does, and no other.
func isFirstDocument(e *etree.Element) bool { return isFirst(e) && hasPayload(e) }

// furtherDocuments is the position of all documents after the first.
func furtherDocuments(known []knownDocument) *el {
	var formats []string
	for _, k := range known {
		formats = append(formats, k.format)
	}
	file := attachment()
	file.place = documentPlace{func(f string) bool { return f == "" }}
	file.only = func(e *etree.Element) bool { return formatOf(e) == "" }
	var rows []*el
	for _, k := range known {
		rows = append(rows, xmlDocument(group("mh", "Content", "1", inline{}, k.row), func(f string) bool { return f == k.format }))
	}
	other := leafEl("mh", "Content", "1", foreignCodec{}, "content[0].attachment.data").remark("XML that no row takes, as it came")
	rows = append(rows, xmlDocument(other, func(f string) bool { return f != "" && !slices.Contains(formats, f) }))
	return choice("*", append(rows, file)...)
}

// xmlDocument is a Document that holds XML; content is the row of its Content.
func xmlDocument(content *el, is func(format string) bool) *el {
	doc := attachment().when(func(e *etree.Element) bool { return is(formatOf(e)) })
	doc.place = documentPlace{is}
	ref := doc.kid("RefDoc")
	ref.kids = slices.DeleteFunc(ref.kids, func(k *el) bool { return k.name == "FileReference" })
	ref.kid("MsgType").codec = fallback{cs("8114"), []attr{{"V", "XML"}, {"DN", "XML-instans"}}}
	ref.kid("MimeType").codec = impliedType{scalarCodec{scalar: codeScalar{}}}
	ref.kids[len(ref.kids)-1] = content
	return doc.then(func(b *builder, c cursor, e *etree.Element) { markDocument(b.arena, c.obj, formatOf(e)) })
}

// formatOf names what a Document holds; "" for anything but XML.
func formatOf(doc *etree.Element) string {
	inside := childElements(childNamed(childNamed(doc, "RefDoc"), "Content"))
	if len(inside) == 0 || inside[0].Tag == "Base64Container" {
		return ""
	}
	uri, _ := scopeOf(inside[0]).uriOf(inside[0].Space)
	return uri + "#" + inside[0].Tag
}

// formImplied is the ExtLexical code of a media type that the source does not say.
const formImplied = "implied"

// markDocument sets the mark and, where the message does not say one, the media type.
func markDocument(a *fhir.Arena, n *fhir.Node, format string) {
	c := arrayItem(a, n, "content", 0)
	c.Set("format", a.Texts("system", systemXML, "code", format))
	file := childObject(a, c, "attachment", usualKeys)
	if file.Get("contentType") == nil && file.Get("_contentType") == nil {
		file.Set("contentType", a.String(mediaType(format)))
		file.Set("_contentType", lexical(a, formImplied))
	}
}

func mediaType(format string) string {
	if strings.HasPrefix(format, "http://hl7.org/fhir#") {
		return "application/fhir+xml"
	}
	return "application/xml"
}

// impliedType is a media type that is written unless the source did without.
type impliedType struct{ codec }

func (k impliedType) render(r *reader, s slot) (leaf, bool) {
	v, ext := s.get()
	if lexicalOf(r, ext) == formImplied && (v.Text() == "application/xml" || v.Text() == "application/fhir+xml") {
		r.use(v)
		return leaf{}, false
	}
	return k.codec.render(r, s)
}

// documentPlace is the documents of one form.
type documentPlace struct{ is func(format string) bool }

func (documentPlace) enter(b *builder, c cursor) cursor {
	return to("focus[]>DocumentReference").enter(b, c)
}

func (p documentPlace) each(r *reader, c cursor) []cursor {
	var out []cursor
	for _, f := range to("focus[]>DocumentReference").each(r, c) {
		mark, format := f.obj.At("content.0.format"), ""
		if mark.Get("system").Text() == systemXML {
			format = mark.Get("code").Text()
		}
		if !p.is(format) {
			continue
		}
		if format != "" {
			r.use(mark.Get("system"))
			r.use(mark.Get("code"))
		}
		out = append(out, f)
	}
	return out
}

func (documentPlace) describe(below string) string { return join(below, "focus[]->DocumentReference") }

// docSection is the section of the report that holds the content of a document.
type docSection struct{ name string }

func (p docSection) enter(b *builder, c cursor) cursor {
	doc := c.ref.Get("reference").Text()
	in := sec(p.name).enter(b, b.root("Composition"))
	x := b.arena.Texts("url", extURL("document"))
	x.Set("valueReference", b.arena.Texts("reference", doc))
	b.arena.Append(in.obj, "extension", x)
	return in
}

func (p docSection) each(r *reader, c cursor) []cursor {
	for _, f := range sec(p.name).each(r, r.root("Composition")) {
		if r.resolve(f.obj.Extension(extURL("document")).Get("valueReference"), "DocumentReference") == c.res {
			return []cursor{f}
		}
	}
	return nil
}

func (p docSection) describe(string) string { return "Composition.section(" + p.name + ")" }
