package schema

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/beevik/etree"
)

// reader builds the model from the embedded files. It knows the part of XSD that they use; what else
// stands in a schema is an error, so that a new file cannot be half understood.
type reader struct {
	m       *model
	global  map[string]map[name]declared // by what is declared: "element", "complexType" ...
	made    map[*etree.Element]*complexType
	locals  map[*etree.Element]*element
	simples map[*etree.Element]*simple
}

// declared is a global declaration and the file that it stands in.
type declared struct {
	in *schemaFile
	el *etree.Element
}

// schemaFile is one file.
type schemaFile struct {
	target    space
	qualified bool // local elements are in the target namespace
	prefixes  map[string]string
}

// readModel reads all embedded schemas.
func readModel() (*model, error) {
	names, err := fs.Glob(files, "xsd/*.xsd")
	if err != nil {
		return nil, fmt.Errorf("embedded schemas: %w", err)
	}
	r := &reader{
		m:      &model{spaces: map[string]space{"": none}, elements: map[name]*element{}, attributes: map[name]*attribute{}},
		global: map[string]map[name]declared{}, made: map[*etree.Element]*complexType{}, locals: map[*etree.Element]*element{}, simples: map[*etree.Element]*simple{},
	}
	r.m.instance = r.number(nsInstance)
	for _, n := range names {
		if err := r.declare(n); err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
	}
	for n, d := range r.global["element"] {
		if r.m.elements[n], err = r.element(d.in, d.el); err != nil {
			return nil, fmt.Errorf("element %s: %w", n.local, err)
		}
	}
	for n, d := range r.global["attribute"] {
		a, err := r.attribute(d.in, d.el)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", n.local, err)
		}
		r.m.attributes[n] = &a
	}
	return r.m, nil
}

func (r *reader) number(uri string) space {
	s, ok := r.m.spaces[uri]
	if !ok {
		s = space(len(r.m.spaces))
		r.m.spaces[uri] = s
	}
	return s
}

// declare notes what a file declares.
func (r *reader) declare(file string) error {
	raw, err := files.ReadFile(file)
	if err != nil {
		return err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		return err
	}
	root := doc.Root()
	f := &schemaFile{prefixes: map[string]string{}, qualified: root.SelectAttrValue("elementFormDefault", "") == "qualified"}
	for _, a := range root.Attr {
		switch {
		case a.Space == "xmlns":
			f.prefixes[a.Key] = a.Value
		case a.Key == "xmlns":
			f.prefixes[""] = a.Value
		case a.Key == "targetNamespace":
			f.target = r.number(a.Value)
		case a.Key == "attributeFormDefault" && a.Value != "unqualified":
			return fmt.Errorf("attributeFormDefault is %q", a.Value)
		}
	}
	for _, e := range root.ChildElements() {
		if e.Tag == "import" {
			continue
		}
		if r.global[e.Tag] == nil {
			r.global[e.Tag] = map[name]declared{}
		}
		r.global[e.Tag][name{f.target, e.SelectAttrValue("name", "")}] = declared{f, e}
	}
	return nil
}

// resolve gives the name that a text such as "kith:CV" stands for, and whether it is one of XSD itself.
func (r *reader) resolve(f *schemaFile, q string) (n name, builtin bool, err error) {
	prefix, local, ok := strings.Cut(q, ":")
	if !ok {
		prefix, local = "", q
	}
	uri, ok := f.prefixes[prefix]
	if !ok && prefix != "" {
		return name{}, false, fmt.Errorf("%q: no such prefix", q)
	}
	if uri == nsSchema {
		return name{local: local}, true, nil
	}
	return name{r.number(uri), local}, false, nil
}

// find gives the global declaration that a text names.
func (r *reader) find(f *schemaFile, sort, q string) (declared, name, error) {
	n, _, err := r.resolve(f, q)
	d, ok := r.global[sort][n]
	if err == nil && !ok {
		err = fmt.Errorf("%s %q is not declared", sort, q)
	}
	return d, n, err
}

// element reads a declaration, global or local. Each is made once: types refer to themselves.
func (r *reader) element(f *schemaFile, e *etree.Element) (*element, error) {
	if el := r.locals[e]; el != nil {
		return el, nil
	}
	el := &element{name: e.SelectAttrValue("name", "")}
	r.locals[e] = el
	for _, a := range e.Attr {
		switch a.Key {
		case "fixed":
			el.fixed, el.hasFixed = a.Value, true
		case "default":
			el.hasDefault = true
		case "nillable", "substitutionGroup", "abstract", "block", "form":
			return nil, fmt.Errorf("%s is not supported", a.Key)
		}
	}
	inner := e.ChildElements()
	var err error
	switch q := e.SelectAttrValue("type", ""); {
	case q != "":
		el.typ, err = r.typeNamed(f, q)
	case len(inner) == 0:
		el.typ = anyType
	case inner[0].Tag == "complexType":
		el.typ, err = r.complexType(f, inner[0])
	default:
		err = fmt.Errorf("%s in an element is not supported", inner[0].Tag)
	}
	for _, k := range inner {
		if k.Tag == "key" && err == nil {
			el.keyed, _, err = r.resolve(f, k.SelectElement("selector").SelectAttrValue("xpath", ""))
		}
	}
	return el, err
}

// anyType is the type of what has no declaration.
var anyType = &complexType{content: anything}

func (r *reader) typeNamed(f *schemaFile, q string) (*complexType, error) {
	n, builtin, err := r.resolve(f, q)
	if err != nil {
		return nil, err
	}
	if builtin && n.local == "anyType" {
		return anyType, nil
	}
	if d, ok := r.global["complexType"][n]; ok && !builtin {
		return r.complexType(d.in, d.el)
	}
	s, err := r.simpleNamed(f, q)
	return &complexType{content: value, value: s}, err
}

func (r *reader) simpleNamed(f *schemaFile, q string) (*simple, error) {
	n, builtin, err := r.resolve(f, q)
	if err != nil {
		return nil, err
	}
	if builtin {
		k, ok := builtins[n.local]
		if !ok {
			return nil, fmt.Errorf("type %q is not supported", q)
		}
		return &simple{kind: k}, nil
	}
	d, ok := r.global["simpleType"][n]
	if !ok {
		return nil, fmt.Errorf("type %q is not declared", q)
	}
	return r.simpleType(d.in, d.el)
}

func (r *reader) simpleType(f *schemaFile, e *etree.Element) (*simple, error) {
	if s := r.simples[e]; s != nil {
		return s, nil
	}
	s := &simple{}
	inner := e.ChildElements()[0]
	switch inner.Tag {
	case "union":
		s.kind = union
		for q := range strings.FieldsSeq(inner.SelectAttrValue("memberTypes", "")) {
			m, err := r.simpleNamed(f, q)
			if err != nil {
				return nil, err
			}
			s.members = append(s.members, m)
		}
	case "restriction":
		base, err := r.simpleNamed(f, inner.SelectAttrValue("base", ""))
		if err != nil {
			return nil, err
		}
		*s = *base
		if err := s.restrict(inner.ChildElements()); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%s is not supported", inner.Tag)
	}
	r.simples[e] = s
	return s, nil
}

// restrict takes the facets, of which these schemas have enumerations and two patterns.
func (s *simple) restrict(facets []*etree.Element) error {
	for _, e := range facets {
		v := e.SelectAttrValue("value", "")
		switch {
		case e.Tag == "enumeration":
			s.enum = append(s.enum, v)
		case e.Tag == "pattern" && v == `(\d+\.?)*\d+` && s.kind == token && len(facets) == 1:
			s.kind = oid
		case e.Tag == "pattern" && v == "true|false" && s.kind == boolean && len(facets) == 1:
			s.kind = plainBoolean
		default:
			return fmt.Errorf("%s %q of this type is not supported", e.Tag, v)
		}
	}
	return nil
}
