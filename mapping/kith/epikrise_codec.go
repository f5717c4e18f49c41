package kith

import (
	"strings"
	"unicode"

	"github.com/beevik/etree"
)

const nsXHTML = "http://www.w3.org/1999/xhtml"

// Forms of a text whose schema type is anyType, in ExtLexical on the Narrative: "text" is plain text
// without markup, "inside" is markup without one div around it.
const (
	formText   = "text"
	formInside = "inside"
)

// markupCodec is a text of type anyType, plain or XHTML, as a Narrative.
type markupCodec struct{}

func (markupCodec) describe() (string, string) { return "Narrative", "" }

func (markupCodec) parse(b *builder, l *leaf, s slot) {
	e := l.elem
	if len(e.ChildElements()) == 0 {
		narrativeCodec{}.parse(b, l, s)
		if l.text != "" {
			s.arena.Append(s.object(), "extension", lexicalExt(s.arena, formText))
		}
		return
	}
	l.elem = nil // the elements inside are taken here
	n := s.object()
	n.Set("status", s.arena.String("additional"))
	m := markup{note: func(text string) { b.note(b.here, "not-carried", text) }}
	if div := onlyDiv(e); div != nil {
		m.element(div, true)
	} else {
		s.arena.Append(n, "extension", lexicalExt(s.arena, formInside))
		m.out.WriteString(divOpen)
		m.children(e)
		m.out.WriteString(divClose)
	}
	n.Set("div", s.arena.String(m.out.String()))
}

// onlyDiv gives the div that is all there is inside e.
func onlyDiv(e *etree.Element) *etree.Element {
	kids := e.ChildElements()
	if len(kids) != 1 || kids[0].Tag != "div" || strings.TrimSpace(textOf(e)) != "" {
		return nil
	}
	return kids[0]
}

// markup writes XHTML as a Narrative wants it: no prefixes, nothing that acts.
type markup struct {
	out  strings.Builder
	note func(text string)
}

// active are elements that a Narrative must not hold.
//
// Source: FHIR R4, Narrative, rule txt-1.
func active(tag string) bool {
	switch strings.ToLower(tag) {
	case "script", "iframe", "object", "embed", "applet", "form", "input", "button", "link", "meta", "base", "frame", "frameset":
		return true
	}
	return false
}

func (m *markup) element(e *etree.Element, outermost bool) {
	if active(e.Tag) {
		m.note("active content <" + e.Tag + "> is left out")
		return
	}
	m.out.WriteString("<" + e.Tag)
	if outermost {
		m.out.WriteString(` xmlns="` + nsXHTML + `"`)
	}
	for _, a := range e.Attr {
		if a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns" {
			continue
		}
		name := a.Key
		if a.Space == "xml" {
			name = "xml:" + a.Key
		}
		if a.Space != "" && a.Space != "xml" || strings.HasPrefix(strings.ToLower(a.Key), "on") ||
			strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Value)), "javascript:") {
			m.note("attribute of the markup is left out")
			continue
		}
		m.out.WriteString(" " + name + `="` + escapeAttr.Replace(a.Value) + `"`)
	}
	if len(e.Child) == 0 {
		m.out.WriteString("/>")
		return
	}
	m.out.WriteByte('>')
	m.children(e)
	m.out.WriteString("</" + e.Tag + ">")
}

var (
	escapeText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
	escapeAttr = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;", "\n", "&#10;", "\t", "&#9;")
)

func (m *markup) children(e *etree.Element) {
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.Element:
			m.element(t, false)
		case *etree.CharData:
			m.out.WriteString(escapeText.Replace(t.Data))
		}
	}
}

func (markupCodec) render(r *reader, s slot) (leaf, bool) {
	n, _ := s.get()
	if n == nil || n.Get("div") == nil {
		return leaf{}, false
	}
	form := lexicalOf(r, n)
	if form == formText || n.Get("status").Text() == "empty" {
		return narrativeCodec{}.render(r, s)
	}
	r.use(n.Get("status"))
	div, err := readDiv(r.text(n.Get("div")))
	if err != nil {
		r.note(nil, "not-carried", "the markup of a text cannot be read; its text is carried")
		return leaf{text: fromXHTML(n.Get("div").Text())}, true
	}
	if form != formInside {
		return leaf{inside: []etree.Token{div}}, true
	}
	var l leaf
	for _, t := range append([]etree.Token(nil), div.Child...) {
		if e, ok := t.(*etree.Element); ok {
			e.CreateAttr("xmlns", nsXHTML)
		}
		l.inside = append(l.inside, t)
	}
	return l, true
}

// readDiv reads the div of a Narrative, which may come from anywhere.
func readDiv(text string) (*etree.Element, error) {
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{ValidateInput: true, MaxDepth: maxDepth}
	if err := doc.ReadFromString(text); err != nil {
		return nil, err
	}
	root, err := oneRoot(doc)
	if err != nil {
		return nil, err
	}
	if root.SelectAttr("xmlns") == nil {
		root.CreateAttr("xmlns", nsXHTML)
	}
	return root, nil
}

// wholeNameCodec is a person's name in one string. "Family, Given" becomes the parts of a HumanName,
// so that a name reads the same as in other messages; any other form is its text.
type wholeNameCodec struct{}

func (wholeNameCodec) describe() (string, string) {
	return "HumanName.family, given (\"Family, Given\") or text", ""
}

func (wholeNameCodec) parse(_ *builder, l *leaf, s slot) {
	n := s.object()
	family, given, ok := strings.Cut(l.text, ", ")
	if !ok || strings.TrimSpace(family) != family || family == "" || strings.TrimSpace(given) != given || given == "" || strings.Contains(given, ",") {
		putScalar(stringScalar{}, l.text, s.in(n, "text"))
		return
	}
	n.Set("family", s.arena.String(family))
	n.Set("given", s.arena.Array(s.arena.String(given)))
	s.arena.Append(n, "extension", lexicalExt(s.arena, "family-comma-given"))
}

func (wholeNameCodec) render(r *reader, s slot) (leaf, bool) {
	n, _ := s.get()
	if n == nil {
		return leaf{}, false
	}
	if t, ok := getScalar(r, stringScalar{}, slot{obj: n, key: "text", index: -1}); ok {
		return leaf{text: t}, true
	}
	family := r.text(n.Get("family"))
	var given []string
	for _, g := range n.Get("given").Items() {
		given = append(given, r.text(g))
	}
	first := strings.Join(given, " ")
	switch {
	case family == "" && first == "":
		return leaf{}, false
	case family == "" || first == "":
		return leaf{text: family + first}, true
	case lexicalOf(r, n) == "family-comma-given":
		return leaf{text: family + ", " + first}, true
	}
	return leaf{text: first + " " + family}, true
}

// mainOnly writes a value only where its identifier is the main one: FHIR has one list for Id and AdditionalId.
type mainOnly struct{ codec }

func (k mainOnly) render(r *reader, s slot) (leaf, bool) {
	if s.obj.Get("use").Text() == useFurther {
		return leaf{}, false
	}
	return k.codec.render(r, s)
}

// useFurther marks an AdditionalId.
const useFurther = "secondary"

// furtherIDs is the place of AdditionalId.
type furtherIDs struct{}

var identifiers = to("identifier[]")

func (furtherIDs) enter(b *builder, c cursor) cursor {
	c = identifiers.enter(b, c)
	c.obj.Set("use", b.arena.String(useFurther))
	return c
}

func (furtherIDs) each(r *reader, c cursor) []cursor {
	var out []cursor
	for i, f := range identifiers.each(r, c) {
		if i > 0 || f.obj.Get("use").Text() == useFurther {
			r.use(f.obj.Get("use"))
			out = append(out, f)
		}
	}
	return out
}

func (furtherIDs) describe(below string) string { return join(below, "identifier[] (use secondary)") }

// idTypeCodec is the type of an identifier as CS, which names no code list: identTypeCodec without it.
type idTypeCodec struct{ identTypeCodec }

func (k idTypeCodec) render(r *reader, s slot) (leaf, bool) {
	l, ok := k.identTypeCodec.render(r, s)
	l.take("S")
	return l, ok
}

// uriScalar is a URI, which has no white space.
type uriScalar struct{}

func (uriScalar) read(t string) (value, form string, ok bool) {
	if strings.ContainsFunc(t, unicode.IsSpace) {
		return "", "", false
	}
	return t, "", true
}
func (uriScalar) write(v, _ string) string { return v }
func (uriScalar) kind() string             { return "uri" }
