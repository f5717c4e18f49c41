package fhirxml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
)

// Bounds of a document; those of the other XML formats. Levels are bounded by fhir.MaxDepth as
// JSON counts them, so that what is read can be written and read as JSON.
const (
	DefaultMaxBytes = 20 << 20
	maxElements     = 200_000 // counted as "<"/2 before anything is parsed
	maxAttributes   = 300_000
	maxInOneTag     = 64 // attributes, namespaces included
)

// Options changes how documents are read.
type Options struct {
	// MaxBytes is the largest document read; 0 means DefaultMaxBytes.
	MaxBytes int
}

// Sniff tells whether raw looks like FHIR in XML: a first element without prefix whose start tag
// declares the namespace of FHIR. It reads the first bytes only and never fails.
func Sniff(raw []byte) bool {
	const window = 4096
	head := string(bytes.TrimPrefix(raw[:min(len(raw), window)], []byte("\xef\xbb\xbf")))
	d := xml.NewDecoder(strings.NewReader(head))
	for {
		tok, err := d.RawToken()
		if err != nil {
			return false
		}
		if start, ok := tok.(xml.StartElement); ok {
			for _, a := range start.Attr {
				declares := a.Name.Space == "" && a.Name.Local == "xmlns" && start.Name.Space == "" ||
					a.Name.Space == "xmlns" && a.Name.Local == start.Name.Space
				if declares {
					return a.Value == nsFHIR
				}
			}
			return false
		}
	}
}

// Parse reads a resource in XML. Elements must be those of R4, in its order; their JSON types come
// from the tables. Errors are *samvirke.Fault of class Invalid with line and path, and never quote a value.
func Parse(raw []byte, o Options) (*fhir.Node, error) {
	set, err := definition.R4()
	if err != nil {
		return nil, fmt.Errorf("parse FHIR XML: %w", err)
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if f := bounds(raw, o.MaxBytes); f != nil {
		return nil, f
	}
	p := &parser{set: set, text: raw, d: xml.NewDecoder(bytes.NewReader(raw))}
	p.d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errEncoding }
	n := p.document()
	if p.err != nil {
		return nil, p.err
	}
	return n, nil
}

var errEncoding = errors.New("declared encoding is not UTF-8")

func bounds(raw []byte, maxBytes int) *samvirke.Fault {
	switch {
	case len(raw) > maxBytes:
		return fault(CodeTooLarge, "the message is larger than this receiver takes")
	case !utf8.Valid(raw):
		return fault(CodeEncoding, "FHIR must be written in UTF-8")
	case !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("<")):
		return fault(CodeNotXML, "the message is not XML")
	case bytes.Count(raw, []byte("<")) > 2*maxElements:
		return fault(CodeTooManyElements, "the message has too many elements")
	case bytes.Count(raw, []byte(`="`))+bytes.Count(raw, []byte(`='`)) > maxAttributes:
		return fault(CodeTooManyAttributes, "the message has too many attributes")
	}
	return nil
}

// parser reads tokens; after the first fault it reads no more.
type parser struct {
	set    *definition.Set
	text   []byte
	d      *xml.Decoder
	path   []string
	scopes []map[string]string // namespaces declared by each open element
	err    *samvirke.Fault
}

func (p *parser) fail(code, safe string) {
	if p.err != nil {
		return
	}
	p.err = fault(code, safe)
	p.err.Line, _ = p.d.InputPos()
	p.err.Path = strings.Join(p.path, "/")
}

// next gives the next token that counts, nil at the end and after a fault. Text between elements must be
// white space; comments and processing instructions say nothing in FHIR.
func (p *parser) next() xml.Token {
	for p.err == nil {
		tok, err := p.d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errEncoding):
			p.fail(CodeEncoding, "FHIR must be written in UTF-8")
			return nil
		case err != nil:
			p.fail(CodeNotWellFormed, "the message is not well-formed XML")
			return nil
		}
		switch tok := tok.(type) {
		case xml.StartElement, xml.EndElement:
			return tok
		case xml.CharData:
			if len(bytes.TrimSpace(tok)) > 0 {
				p.fail(CodeText, "text stands between elements")
			}
		case xml.Directive:
			p.fail(CodeDoctype, "a document type declaration is not allowed")
		}
	}
	return nil
}

func (p *parser) document() *fhir.Node {
	tok := p.next()
	start, ok := tok.(xml.StartElement)
	if !ok {
		p.fail(CodeNotXML, "the message is not XML")
		return nil
	}
	n := p.resource(start, 1)
	if tok := p.next(); tok != nil {
		p.fail(CodeTwoRoots, "the document has more than one root element")
	}
	return n
}

// enter checks what holds for every element and opens it: its namespace, its depth as JSON counts it.
func (p *parser) enter(start xml.StartElement, depth int) bool {
	p.path = append(p.path, plain(start.Name.Local))
	own := map[string]string(nil)
	for _, a := range start.Attr {
		prefix, is := "", a.Name.Space == "" && a.Name.Local == "xmlns"
		if a.Name.Space == "xmlns" {
			prefix, is = a.Name.Local, true
		}
		if is {
			if own == nil {
				own = map[string]string{}
			}
			own[prefix] = a.Value
		}
	}
	p.scopes = append(p.scopes, own)
	switch {
	case start.Name.Space != nsFHIR:
		p.fail(CodeNamespace, "an element stands outside the namespace of FHIR")
	case depth > fhir.MaxDepth:
		p.fail(CodeTooDeep, "the message has too many levels")
	}
	return p.err == nil
}

func (p *parser) leave() {
	p.path, p.scopes = p.path[:len(p.path)-1], p.scopes[:len(p.scopes)-1]
}

// resource reads a resource whose start tag was read. depth is the level of its object in JSON.
func (p *parser) resource(start xml.StartElement, depth int) *fhir.Node {
	if !p.enter(start, depth) {
		return nil
	}
	defer p.leave()
	t := p.set.ResourceType(start.Name.Local)
	if t == nil {
		p.fail(CodeUnknownType, "the resource is of no type that FHIR R4 knows")
		return nil
	}
	n := fhir.NewObject("resourceType", t.Name)
	for range p.attributes(start, true) {
		p.fail(CodeUnknownAttribute, "a resource has no such attribute")
	}
	p.elements(t, n, depth)
	return n
}

// attribute is one that is no namespace declaration.
type attribute struct{ name, value string }

// attributes lists the attributes of a tag as XML defines their values; in a resource's tag
// xsi:schemaLocation is passed over.
func (p *parser) attributes(start xml.StartElement, resource bool) []attribute {
	var out []attribute
	if len(start.Attr) > maxInOneTag {
		p.fail(CodeTooManyAttributes, "an element has too many attributes")
		return nil
	}
	values := p.values(start)
	for i, a := range start.Attr {
		for _, b := range start.Attr[:i] {
			if a.Name == b.Name {
				p.fail(CodeNotWellFormed, "an attribute stands twice")
			}
		}
		switch {
		case a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns":
			continue
		case resource && a.Name.Space == nsXSI && a.Name.Local == "schemaLocation":
			continue
		case a.Name.Space != "":
			p.fail(CodeUnknownAttribute, "an attribute of another namespace")
		}
		if values[i].Value == "" {
			p.fail(CodeEmpty, "an attribute is empty")
		}
		out = append(out, attribute{name: a.Name.Local, value: values[i].Value})
	}
	return out
}

// elements reads what stands inside an element of type t up to its end tag, into n.
func (p *parser) elements(t *definition.Type, n *fhir.Node, depth int) {
	at := -1 // position in t.Elements of the element read last
	var list *repeated
	before := p.d.InputOffset()
	for tok := p.next(); tok != nil && p.err == nil; tok = p.next() {
		start, ok := tok.(xml.StartElement)
		if !ok {
			list.flush(n)
			return
		}
		f, known := t.Field(start.Name.Local)
		if !known || f.Attr {
			p.path = append(p.path, plain(start.Name.Local))
			p.fail(CodeUnknownElement, "FHIR R4 has no such element in "+t.Name)
			return
		}
		pos := slices.IndexFunc(t.Elements, func(e definition.Element) bool { return e.Name == f.Name })
		switch {
		case pos < at:
			p.path = append(p.path, plain(start.Name.Local))
			p.fail(CodeOrder, "the element stands after one that it must precede")
			return
		case pos == at && !f.Many():
			p.path = append(p.path, plain(start.Name.Local))
			p.fail(CodeRepeated, "the element may stand only once")
			return
		case pos > at:
			list.flush(n)
			list, at = nil, pos
		}
		if f.Many() && list == nil {
			list = &repeated{key: f.Key}
		}
		p.field(f, start, n, list, depth, before)
		before = p.d.InputOffset()
	}
	if p.err == nil {
		p.fail(CodeNotWellFormed, "the message ends in mid-element")
	}
}

// repeated gathers the values of an element that may stand more than once, so that values and
// their "_" siblings stay level.
type repeated struct {
	key           string
	values, extra []*fhir.Node
	anyV, anyX    bool
}

func (r *repeated) add(v, extra *fhir.Node) {
	r.anyV, r.anyX = r.anyV || v != nil, r.anyX || extra != nil
	r.values, r.extra = append(r.values, v), append(r.extra, extra)
}

func (r *repeated) flush(n *fhir.Node) {
	if r == nil {
		return
	}
	put := func(key string, any bool, list []*fhir.Node) {
		if !any {
			return
		}
		a := fhir.NewArray()
		for _, v := range list {
			if v == nil {
				v = fhir.Null()
			}
			a.Add(v)
		}
		n.Set(key, a)
	}
	put(r.key, r.anyV, r.values)
	put("_"+r.key, r.anyX, r.extra)
}

// field reads one element of n. before is where its start tag may begin.
func (p *parser) field(f definition.Field, start xml.StartElement, n *fhir.Node, list *repeated, depth int, before int64) {
	depth++
	if list != nil {
		depth++
	}
	var v, extra *fhir.Node
	switch {
	case f.Type.Name == "xhtml":
		v = p.narrative(start, before)
	case !p.enter(start, depth-1):
		return
	case f.Type.Kind == definition.Primitive:
		v, extra = p.primitive(f, start, depth)
		p.leave()
	case f.Type.HoldsResource():
		v = p.wrapped(start, depth)
		p.leave()
	default:
		v = p.complex(f.Type, start, depth)
		p.leave()
	}
	if p.err != nil {
		return
	}
	if list != nil {
		list.add(v, extra)
		return
	}
	if v != nil {
		n.Set(f.Key, v)
	}
	if extra != nil {
		n.Set("_"+f.Key, extra)
	}
}
