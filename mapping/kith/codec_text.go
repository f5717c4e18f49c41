package kith

import (
	"html"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// narrativeCodec is a text as the Narrative of a section. Line breaks become <br/>.
type narrativeCodec struct{}

func (narrativeCodec) describe() (string, string) { return "Narrative", "" }

const (
	divOpen  = `<div xmlns="http://www.w3.org/1999/xhtml">`
	divClose = `</div>`
)

func (narrativeCodec) parse(_ *builder, l *leaf, s slot) {
	n := s.object()
	if l.text == "" {
		n.Set("status", s.arena.String("empty"))
		n.Set("div", s.arena.String(divOpen+divClose))
		return
	}
	n.Set("status", s.arena.String("additional"))
	n.Set("div", s.arena.String(divOpen+toXHTML(l.text)+divClose))
}

func toXHTML(t string) string {
	return xhtmlEscaper.Replace(t)
}

var xhtmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;", "\n", "<br/>")

func (narrativeCodec) render(r *reader, s slot) (leaf, bool) {
	n, _ := s.get()
	if n == nil {
		return leaf{}, false
	}
	r.use(n.Get("status"))
	return leaf{text: fromXHTML(r.text(n.Get("div")))}, true
}

// fromXHTML gives the text of a Narrative: <br> and the ends of blocks are line breaks, other tags fall away.
// What toXHTML wrote comes back exactly.
func fromXHTML(div string) string {
	s := strings.TrimSpace(div)
	if i := strings.IndexByte(s, '>'); strings.HasPrefix(s, "<div") && i > 0 {
		if s[i-1] == '/' {
			return ""
		}
		s = strings.TrimSuffix(s[i+1:], divClose)
	}
	if !strings.ContainsAny(s, "<&") {
		return s
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(html.UnescapeString(s))
			break
		}
		b.WriteString(html.UnescapeString(s[:i]))
		end := strings.IndexByte(s[i:], '>')
		if end < 0 {
			break
		}
		tag := s[i+1 : i+end]
		s = s[i+end+1:]
		if breaks(tag) {
			b.WriteByte('\n')
			// A line break in the source of the markup beside <br/> is formatting only where the text
			// was written by others; ours has none.
			s = strings.TrimPrefix(s, "\n")
		}
	}
	return b.String()
}

func breaks(tag string) bool {
	switch strings.TrimSpace(strings.TrimSuffix(tag, "/")) {
	case "br", "/p", "/li", "/tr", "/div", "/h1", "/h2", "/h3":
		return true
	}
	return false
}

// privacyScope says what kind of Consent one is.
func privacyScope(a *fhir.Arena) *fhir.Node {
	return conceptOf(a, a.Texts("system", "http://terminology.hl7.org/CodeSystem/consentscope", "code", "patient-privacy"))
}

// consentCodec is ForbeholdOmVideresending: a Consent that denies, or permits when it says false.
type consentCodec struct{}

func (consentCodec) describe() (string, string) { return "Consent", "true=deny, false=permit" }

func (consentCodec) parse(_ *builder, l *leaf, s slot) {
	n := s.object()
	v, form, ok := (boolScalar{}).read(l.text)
	c, a := s.res, s.arena
	c.Set("status", a.String("active"))
	c.Set("scope", privacyScope(a))
	c.Set("category", a.Array(markConcept(a, "ForbeholdOmVideresending")))
	typ := s.in(n, "type")
	if !ok {
		putScalar(boolScalar{}, l.text, typ)
		return
	}
	code := "permit"
	if v == "true" {
		code = "deny"
	}
	var ext *fhir.Node
	if form != "" {
		ext = lexical(a, form)
	}
	typ.set(a.String(code), ext)
}

func (consentCodec) render(r *reader, _ slot) (leaf, bool) {
	for _, c := range r.bundle.All("Consent") {
		if c.At("category.0.coding.0.code").Text() != "ForbeholdOmVideresending" {
			continue
		}
		typ := c.At("provision.type")
		switch typ.Text() {
		case "deny", "permit":
			r.use(typ)
			form := lexicalOf(r, c.At("provision._type"))
			return leaf{text: (boolScalar{}).write(map[string]string{"deny": "true", "permit": "false"}[typ.Text()], form)}, true
		}
		return leaf{}, lexicalOf(r, c.At("provision._type")) == formEmpty
	}
	return leaf{}, false
}
