package schema

import (
	"fmt"

	"github.com/beevik/etree"
)

// draft is a complex type while it is read.
type draft struct {
	f       *schemaFile
	content *particle
	mixed   bool
	value   *simple
	attrs   []attribute
	partial bool
}

// complexType reads a type, global or local.
func (r *reader) complexType(f *schemaFile, e *etree.Element) (*complexType, error) {
	if t := r.made[e]; t != nil {
		return t, nil
	}
	t := &complexType{abstract: e.SelectAttrValue("abstract", "") == "true"}
	r.made[e] = t
	d, err := r.draft(f, e)
	if err != nil {
		return nil, fmt.Errorf("type %s: %w", e.SelectAttrValue("name", ""), err)
	}
	t.attrs, t.value, t.partial = d.attrs, d.value, d.partial
	for i := range t.attrs {
		if t.attrs[i].required {
			t.required++
		}
	}
	if d.content == nil {
		d.content = &particle{kind: sequence}
	}
	switch {
	case d.value != nil:
		t.content = value
		return t, nil
	case d.mixed:
		t.content = mixed
	case len(d.content.kids) > 0 || d.partial:
		t.content = elements
	}
	if t.states, err = automaton(d.content); err != nil {
		return nil, fmt.Errorf("type %s: %w", e.SelectAttrValue("name", ""), err)
	}
	return t, nil
}

// draft reads what stands in a complexType, extension or restriction.
func (r *reader) draft(f *schemaFile, e *etree.Element) (*draft, error) {
	d := &draft{f: f, mixed: e.SelectAttrValue("mixed", "") == "true"}
	for _, k := range e.ChildElements() {
		var err error
		switch k.Tag {
		case "sequence", "choice":
			d.content, err = r.particle(d, k)
		case "attribute", "attributeGroup":
			err = r.attrs(d, k)
		case "complexContent", "simpleContent":
			var inner *draft
			if inner, err = r.derived(f, k.ChildElements()[0]); err == nil {
				inner.mixed = inner.mixed || d.mixed || k.SelectAttrValue("mixed", "") == "true"
				d = inner
			}
		default:
			err = fmt.Errorf("%s is not supported", k.Tag)
		}
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// derived reads an extension or a restriction.
func (r *reader) derived(f *schemaFile, e *etree.Element) (*draft, error) {
	own, err := r.draft(f, e)
	if err != nil {
		return nil, err
	}
	q := e.SelectAttrValue("base", "")
	n, builtin, err := r.resolve(f, q)
	switch {
	case err != nil:
		return nil, err
	case e.Tag == "restriction" && builtin && n.local == "anyType":
		return own, nil
	case e.Tag != "extension":
		return nil, fmt.Errorf("%s of %q is not supported", e.Tag, q)
	}
	base, ok := r.global["complexType"][n]
	if builtin || !ok {
		own.value, err = r.simpleNamed(f, q)
		return own, err
	}
	d, err := r.draft(base.in, base.el)
	if err != nil {
		return nil, err
	}
	d.attrs, d.mixed, d.partial = append(d.attrs, own.attrs...), d.mixed || own.mixed, d.partial || own.partial
	switch {
	case d.content == nil:
		d.content = own.content
	case own.content != nil:
		d.content = &particle{kind: sequence, kids: []*particle{d.content, own.content}}
	}
	return d, nil
}

// particle reads a sequence or a choice.
func (r *reader) particle(d *draft, e *etree.Element) (*particle, error) {
	p := &particle{kind: sequence}
	if e.Tag == "choice" {
		p.kind = choice
	}
	if err := p.occurs(e); err != nil {
		return nil, err
	}
	for _, k := range e.ChildElements() {
		var kid *particle
		var err error
		switch k.Tag {
		case "sequence", "choice":
			kid, err = r.particle(d, k)
		case "element":
			kid, err = r.child(d.f, k)
		case "any":
			kid, err = r.wildcard(d, p, k)
		default:
			err = fmt.Errorf("%s is not supported", k.Tag)
		}
		if err != nil {
			return nil, err
		}
		if kid != nil {
			p.kids = append(p.kids, kid)
		}
	}
	return p, nil
}

// occurs reads how often: the schemas have 0, 1 and unbounded only.
func (p *particle) occurs(e *etree.Element) error {
	low, high := e.SelectAttrValue("minOccurs", "1"), e.SelectAttrValue("maxOccurs", "1")
	p.optional, p.many = low == "0", high == "unbounded"
	if low != "0" && low != "1" || high != "1" && high != "unbounded" {
		return fmt.Errorf("occurs %s to %s is not supported", low, high)
	}
	return nil
}

// child reads a local element or a reference to a global one.
func (r *reader) child(f *schemaFile, e *etree.Element) (*particle, error) {
	p := &particle{kind: child}
	if err := p.occurs(e); err != nil {
		return nil, err
	}
	if ref := e.SelectAttrValue("ref", ""); ref != "" {
		d, n, err := r.find(f, "element", ref)
		if err != nil {
			return nil, err
		}
		p.name = n
		p.el, err = r.element(d.in, d.el)
		return p, err
	}
	p.name.local = e.SelectAttrValue("name", "")
	if f.qualified {
		p.name.space = f.target
	}
	var err error
	p.el, err = r.element(f, e)
	return p, err
}

// wildcard reads xs:any. One that may be left out and takes undeclared elements, as signatures have it, is
// dropped: such content goes to the library.
func (r *reader) wildcard(d *draft, in *particle, e *etree.Element) (*particle, error) {
	p := &particle{kind: wildcard}
	if err := p.occurs(e); err != nil {
		return nil, err
	}
	if space := e.SelectAttrValue("namespace", "##any"); space == "##any" && e.SelectAttrValue("processContents", "strict") == "strict" {
		return p, nil
	}
	d.partial = true
	if !p.optional && in.kind == sequence && !in.optional {
		return nil, fmt.Errorf("a wildcard of this kind is not supported")
	}
	return nil, nil
}

// attrs reads an attribute or the attributes of a group.
func (r *reader) attrs(d *draft, e *etree.Element) error {
	if e.Tag == "attribute" {
		a, err := r.attribute(d.f, e)
		d.attrs = append(d.attrs, a)
		return err
	}
	group, _, err := r.find(d.f, "attributeGroup", e.SelectAttrValue("ref", ""))
	if err != nil {
		return err
	}
	inner, err := r.draft(group.in, group.el)
	if err != nil {
		return err
	}
	d.attrs = append(d.attrs, inner.attrs...)
	return nil
}

// attribute reads a declaration or a reference to a global one.
func (r *reader) attribute(f *schemaFile, e *etree.Element) (a attribute, err error) {
	if ref := e.SelectAttrValue("ref", ""); ref != "" {
		d, n, err := r.find(f, "attribute", ref)
		if err != nil {
			return a, err
		}
		if a, err = r.attribute(d.in, d.el); err != nil {
			return a, err
		}
		a.name = n
	} else {
		a.name.local = e.SelectAttrValue("name", "")
		if inner := e.ChildElements(); len(inner) > 0 {
			a.typ, err = r.simpleType(f, inner[0])
		} else {
			a.typ, err = r.simpleNamed(f, e.SelectAttrValue("type", "string"))
		}
		if err != nil {
			return a, err
		}
		if parent := e.Parent(); parent != nil && parent.Tag == "schema" {
			a.name.space = f.target
		}
	}
	switch use := e.SelectAttrValue("use", "optional"); use {
	case "required":
		a.required = true
	case "optional":
	default:
		return a, fmt.Errorf("use %q is not supported", use)
	}
	if v := e.SelectAttr("fixed"); v != nil {
		a.fixed, a.hasFixed = v.Value, true
	}
	return a, nil
}
