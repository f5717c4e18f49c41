package fhirxml

import (
	"bytes"
	"encoding/xml"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// narrative takes the bytes of a div as they are; its start tag was read and begins at before or,
// when comments or white space precede it, later.
func (p *parser) narrative(start xml.StartElement, before int64) *fhir.Node {
	p.path = append(p.path, plain(start.Name.Local))
	for depth := 1; depth > 0; {
		tok, err := p.d.Token()
		if err != nil {
			p.fail(CodeNotWellFormed, "the message is not well-formed XML")
			return nil
		}
		switch tok.(type) {
		case xml.StartElement:
			if depth++; depth > maxNarrativeDepth {
				p.fail(CodeTooDeep, "the narrative has too many levels")
				return nil
			}
		case xml.EndElement:
			depth--
		}
	}
	raw := lastElement(string(p.text[before:p.d.InputOffset()]))
	div, err := divIn(raw, p.scope())
	if err != nil {
		p.fail(CodeNarrative, err.Error())
		return nil
	}
	p.path = p.path[:len(p.path)-1]
	return fhir.String(div)
}

// lastElement leaves out white space, comments and processing instructions before an element.
func lastElement(s string) string {
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		var end string
		switch {
		case strings.HasPrefix(s, "<!--"):
			end = "-->"
		case strings.HasPrefix(s, "<?"):
			end = "?>"
		case strings.HasPrefix(s, "<![CDATA["): // white space in another coat
			end = "]]>"
		default:
			return s
		}
		_, s, _ = strings.Cut(s, end)
	}
}

// scope is the sum of the namespaces that are declared where the parser is.
func (p *parser) scope() map[string]string {
	sum := map[string]string{}
	for _, own := range p.scopes {
		for prefix, uri := range own {
			sum[prefix] = uri
		}
	}
	return sum
}

// values gives the attributes of the tag just read with their values as XML defines them: a line break or
// tab that stands there as such is a space, one written as &#10; is a line break. The decoder gives
// both alike, so a tag in doubt is read once more.
func (p *parser) values(start xml.StartElement) []xml.Attr {
	doubt := false
	for _, a := range start.Attr {
		doubt = doubt || strings.ContainsAny(a.Value, "\t\n\r")
	}
	end := int(p.d.InputOffset())
	from := bytes.LastIndexByte(p.text[:end], '<') // "<" cannot stand inside a tag
	if !doubt || from < 0 || !bytes.ContainsAny(p.text[from:end], "\t\n\r") {
		return start.Attr
	}
	tag := strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(string(p.text[from:end]))
	tok, err := xml.NewDecoder(strings.NewReader(tag)).RawToken()
	again, ok := tok.(xml.StartElement)
	if err != nil || !ok || len(again.Attr) != len(start.Attr) {
		p.fail(CodeNotWellFormed, "the message is not well-formed XML")
		return start.Attr
	}
	return again.Attr
}
