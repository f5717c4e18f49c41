package reading

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// reference shows what a reference leads to by name: a person with profession and unit, an organisation
// with the one around it, anything else by its title.
func (r *reader) reference(ref *fhir.Node) []Span {
	display := r.take(ref.Get("display"))
	r.use(ref.Get("type"))
	out := texts(display)
	if id := ref.Get("identifier"); id != nil {
		if len(out) > 0 {
			out = append(out, text(" "))
		}
		out = append(out, r.identifier(id)...)
	}
	e, ok := r.resolve(ref)
	if !ok {
		if len(out) == 0 && !strings.HasPrefix(ref.Get("reference").Text(), "urn:") {
			out = texts(r.take(ref.Get("reference")))
		}
		r.use(ref.Get("reference"))
		return out
	}
	r.use(ref.Get("reference"))
	name := r.nameOf(e, 0)
	if len(out) > 0 && len(name) > 0 && same(out[0].Text, name[0].Text) {
		return name
	}
	return append(out, name...)
}

// nameOf says in one line who or what a resource is.
func (r *reader) nameOf(e fhir.Entry, depth int) []Span {
	n := e.Resource
	if depth > 6 {
		return nil
	}
	switch e.Type {
	case "Patient":
		return texts("pasienten")
	case "Organization", "Location", "HealthcareService":
		out := texts(r.take(n.Get("name")))
		up := n.Get("partOf")
		if up == nil {
			up = n.Get("providedBy")
		}
		if o, ok := r.resolve(up); ok {
			if above := r.nameOf(o, depth+1); len(above) > 0 {
				above[0].Class = "soft"
				out = append(out, above...)
			}
		}
		return out
	case "Practitioner", "RelatedPerson", "Person":
		out := r.nameOfPerson(n)
		if q := n.At("qualification.0.code"); q != nil {
			out = append(out, soft(r.concept(q))...)
		}
		return out
	case "PractitionerRole":
		var out []Span
		if p, ok := r.resolve(n.Get("practitioner")); ok {
			out = r.nameOf(p, depth+1)
		}
		for _, c := range n.Get("code").Items() {
			out = append(out, soft(r.concept(c))...)
		}
		if o, ok := r.resolve(n.Get("organization")); ok {
			out = append(out, soft(r.nameOf(o, depth+1))...)
		}
		return out
	}
	if title := r.titleOf(e); len(title) > 0 {
		return append([]Span{{Text: kindWord(e.Type) + ":", Class: "soft"}}, title...)
	}
	return texts(kindWord(e.Type))
}

func (r *reader) nameOfPerson(n *fhir.Node) []Span {
	for _, name := range n.Get("name").Items() {
		if s := r.name(name); len(s) > 0 {
			return s
		}
	}
	return nil
}

func soft(in []Span) []Span {
	for i := range in {
		if in[i].Class == "" {
			in[i].Class = "soft"
		}
	}
	return in
}

// chain shows a sender or receiver level by level, the innermost first, with numbers and telephones.
func (r *reader) chain(ref *fhir.Node) [][]Span {
	var out [][]Span
	e, ok := r.resolve(ref)
	for depth := 0; ok && depth < 6; depth++ {
		n := e.Resource
		r.use(ref.Get("reference"))
		r.shown[n], r.quiet[n] = true, true
		if e.Type == "PractitionerRole" {
			if p, found := r.resolve(n.Get("practitioner")); found {
				r.use(n.Get("practitioner"))
				out = append(out, r.level(p, nil))
				r.shown[p.Resource], r.quiet[p.Resource] = true, true
			}
			for _, c := range n.Get("code").Items() {
				out = append(out, r.concept(c))
			}
			ref = n.Get("organization")
		} else {
			out = append(out, r.level(e, nil))
			ref = n.Get("partOf")
		}
		e, ok = r.resolve(ref)
	}
	return out
}

// level is one line of a chain.
func (r *reader) level(e fhir.Entry, spans []Span) []Span {
	n := e.Resource
	if e.Type == "Organization" {
		spans = append(spans, Span{Text: r.take(n.Get("name")), Class: "strong"})
	} else {
		name := r.nameOfPerson(n)
		for i := range name {
			name[i].Class = "strong"
		}
		spans = append(spans, name...)
	}
	for _, q := range n.Get("qualification").Items() {
		spans = append(spans, soft(r.concept(q.Get("code")))...)
	}
	for _, id := range n.Get("identifier").Items() {
		spans = append(spans, r.identifier(id)...)
	}
	for _, t := range n.Get("telecom").Items() {
		spans = append(spans, r.contact(t)...)
	}
	for _, a := range n.Get("address").Items() {
		spans = append(spans, soft(r.address(a))...)
	}
	return spans
}

// person gathers a role with the person behind it in one card; the unit is named, its details stand in
// the list of units.
func (r *reader) person(e fhir.Entry) Card {
	n := e.Resource
	c := Card{}
	if p, ok := r.resolve(n.Get("practitioner")); ok {
		r.use(n.Get("practitioner"))
		r.shown[p.Resource] = true
		c.Title = r.nameOfPerson(p.Resource)
		c.Facts = append(c.Facts, r.facts(p.Resource, p.Type)...)
	}
	var role factList
	for _, k := range n.Get("code").Items() {
		role.add(one("Rolle", r.concept(k)...))
	}
	if org := n.Get("organization"); org != nil {
		role.add(one("Virksomhet", r.reference(org)...))
	}
	c.Facts = append(append([]Fact(role), c.Facts...), r.facts(n, e.Type)...)
	if len(c.Title) == 0 {
		c.Title = texts("Uten navn")
	}
	return c
}
