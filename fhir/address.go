package fhir

import "github.com/samvirke/samvirke"

// maxPartOf bounds the walk from an Organization outwards; deeper or circular chains end there.
const maxPartOf = 8

// AddressOf reads the party a reference names, outermost level first: an Organization with its
// partOf chain, a PractitionerRole (its organisation, then its practitioner), or a Practitioner.
// A reference that points nowhere in the Bundle but has an identifier or display gives one level.
// The zero Address means that nothing is known.
func AddressOf(b *Bundle, ref *Node) samvirke.Address {
	return samvirke.Address{Levels: levelsOf(b, ref, 0)}
}

func levelsOf(b *Bundle, ref *Node, depth int) []samvirke.AddressLevel {
	if ref.IsNull() || depth > maxPartOf {
		return nil
	}
	e, ok := b.Resolve(ref.Get("reference").Text())
	if !ok {
		l := samvirke.AddressLevel{Kind: "organisation", Name: ref.Get("display").Text()}
		if id := IdentifierOf(ref.Get("identifier")); id.Value != "" {
			l.IDs = []samvirke.Identifier{id}
		}
		if l.Name == "" && l.IDs == nil {
			return nil
		}
		return []samvirke.AddressLevel{l}
	}
	r := e.Resource
	switch e.Type {
	case "Organization", "HealthcareService":
		outer := "partOf"
		if e.Type == "HealthcareService" {
			outer = "providedBy"
		}
		levels := levelsOf(b, r.Get(outer), depth+1)
		l := samvirke.AddressLevel{Kind: "organisation", Name: r.Get("name").Text(), IDs: identifiers(r)}
		if len(levels) > 0 {
			l.Kind = "department"
		}
		return append(levels, l)
	case "PractitionerRole":
		return append(levelsOf(b, r.Get("organization"), depth+1), levelsOf(b, r.Get("practitioner"), depth+1)...)
	case "Practitioner", "Patient", "RelatedPerson":
		return []samvirke.AddressLevel{personLevel(r)}
	}
	return nil
}

func personLevel(r *Node) samvirke.AddressLevel {
	l := samvirke.AddressLevel{Kind: "person", IDs: identifiers(r)}
	name := r.At("name.0")
	l.FamilyName = name.Get("family").Text()
	for i, g := range name.Get("given").Items() {
		switch {
		case i == 0:
			l.GivenName = g.Text()
		case l.MiddleName == "":
			l.MiddleName = g.Text()
		default:
			l.MiddleName += " " + g.Text()
		}
	}
	for _, part := range []string{l.GivenName, l.MiddleName, l.FamilyName} {
		if part != "" && l.Name != "" {
			l.Name += " "
		}
		l.Name += part
	}
	if l.Name == "" {
		l.Name = name.Get("text").Text()
	}
	return l
}

func identifiers(r *Node) []samvirke.Identifier {
	var out []samvirke.Identifier
	for _, n := range r.Get("identifier").Items() {
		if id := IdentifierOf(n); id.Value != "" {
			out = append(out, id)
		}
	}
	return out
}

// AddAddress adds the resources of an address to a message and returns the reference to its
// innermost level, nil for an address without levels. An address that stands there already
// (same levels, same identifiers) is reused.
func (m *Message) AddAddress(a samvirke.Address) *Node {
	outer := ""
	for i := 0; i < len(a.Levels); i++ {
		l := a.Levels[i]
		key := outer + "\x1f" + l.Kind + "\x1f" + l.Name
		for _, id := range l.IDs {
			key += "\x1f" + id.System + "|" + id.Type + "|" + id.Value
		}
		url, ok := m.addresses[key]
		if !ok {
			url = m.addLevel(l, outer)
			m.addresses[key] = url
		}
		outer = url
	}
	if outer == "" {
		return nil
	}
	return NewObject("reference", outer)
}

func (m *Message) addLevel(l samvirke.AddressLevel, outer string) string {
	ids := NewArray()
	for _, id := range l.IDs {
		ids.Add(IdentifierNode(id))
	}
	if l.Kind != "person" {
		r := NewObject("resourceType", "Organization")
		setList(r, "identifier", ids)
		r.SetText("name", l.Name)
		if outer != "" {
			r.Set("partOf", NewObject("reference", outer))
		}
		return m.Add(r)
	}
	p := NewObject("resourceType", "Practitioner")
	setList(p, "identifier", ids)
	name := NewObject("family", l.FamilyName)
	for _, g := range []string{l.GivenName, l.MiddleName} {
		if g != "" {
			name.Append("given", String(g))
		}
	}
	if name.n == 0 {
		name.SetText("text", l.Name)
	}
	if name.n > 0 {
		p.Append("name", name)
	}
	role := NewObject("resourceType", "PractitionerRole", "practitioner", NewObject("reference", m.Add(p)))
	if outer != "" {
		role.Set("organization", NewObject("reference", outer))
	}
	return m.Add(role)
}

func setList(n *Node, key string, list *Node) {
	if len(list.items()) > 0 {
		n.Set(key, list)
	}
}
