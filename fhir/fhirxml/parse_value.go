package fhirxml

import (
	"encoding/xml"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
)

// wrapped reads the one resource inside contained, entry.resource and the like.
func (p *parser) wrapped(outer xml.StartElement, depth int) *fhir.Node {
	for range p.attributes(outer, false) {
		p.fail(CodeUnknownAttribute, "the element has no such attribute")
	}
	start, ok := p.next().(xml.StartElement)
	if !ok {
		p.fail(CodeEmpty, "a resource is missing")
		return nil
	}
	n := p.resource(start, depth)
	if _, ok := p.next().(xml.EndElement); !ok {
		p.fail(CodeRepeated, "more than one resource where one may stand")
	}
	return n
}

func (p *parser) complex(t *definition.Type, start xml.StartElement, depth int) *fhir.Node {
	if depth > fhir.MaxDepth {
		p.fail(CodeTooDeep, "the message has too many levels")
		return nil
	}
	n := fhir.NewObject()
	for _, a := range p.attributes(start, false) {
		if f, ok := t.Field(a.name); !ok || !f.Attr {
			p.fail(CodeUnknownAttribute, "the element has no such attribute")
			return nil
		}
		n.Set(a.name, fhir.String(a.value))
	}
	p.elements(t, n, depth)
	if p.err == nil && len(n.Keys()) == 0 {
		p.fail(CodeEmpty, "the element has neither value nor content")
	}
	return n
}

// primitive reads value, id and extensions.
func (p *parser) primitive(f definition.Field, start xml.StartElement, depth int) (v, extra *fhir.Node) {
	x := fhir.NewObject()
	for _, a := range p.attributes(start, false) {
		switch a.name {
		case "value":
			var ok bool
			if v, ok = f.Type.Literal(a.value); !ok {
				p.fail(CodeValue, "the value is no "+f.Type.Name)
			}
		case "id":
			x.Set("id", fhir.String(a.value))
		default:
			p.fail(CodeUnknownAttribute, "the element has no such attribute")
		}
	}
	p.elements(p.set.Type("Element"), x, depth)
	if len(x.Keys()) > 0 {
		extra = x
		if depth > fhir.MaxDepth {
			p.fail(CodeTooDeep, "the message has too many levels")
		}
	}
	if v == nil && extra == nil {
		p.fail(CodeEmpty, "the element has neither value nor content")
	}
	return v, extra
}
