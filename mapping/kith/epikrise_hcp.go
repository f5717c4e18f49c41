package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// Rows of an HCP: a unit or a person of the health service, as the messages without a separate header
// and the application receipts write it. The reference it stands behind leads to the innermost level, as fhir.AddressOf
// reads it: an Organization (partOf the outer one), or a PractitionerRole (organization the outer one).

// hcp is the element HCP behind the reference at p; receipt tells the application receipt's variant.
func hcp(p string, receipt bool) *el {
	specialty := "MedSpecialty"
	if receipt {
		specialty = "MedSpeciality"
	}
	unit := group("root", "Inst", "1", org(p+">Organization"), institution(receipt)...)
	person := group("root", "HCProf", "1", to(p+">PractitionerRole").of(aloneRole), soleProfessional(receipt)...)
	return group("root", "HCP", "1", inline{},
		choice("1", unit, person),
		leafEl("root", specialty, "?", cv(), p+".@specialty.valueCoding"),
		hcpAddress("root", hcpHome{parsePath(p)}, "address[0]"),
	)
}

// aloneRole tells whether a PractitionerRole stands for a person outside any unit.
func aloneRole(role *fhir.Node) bool { return role.Get("organization") == nil }

func institution(receipt bool) []*el {
	rows := append(named("name"), group("root", "Dept", "+", departments{},
		append([]*el{leafEl("root", "Type", "?", cvConcept(), "type[0]")}, append(named("name"), additional(""))...)...))
	persons := group("root", "HCPerson", "+", persons{}, append(personNamed(), additional(personPath))...)
	if receipt {
		return append(rows, additional(""), persons)
	}
	return append(rows, persons, additional(""))
}

const personPath = "practitioner>Practitioner."

// named are name and main identifier of an Organization.
func named(name string) []*el {
	return []*el{
		leafEl("root", "Name", "?", text(), name),
		leafEl("root", "Id", "?", mainOnly{text()}, "identifier[0].value"),
		leafEl("root", "TypeId", "?", mainOnly{idTypeCodec{}}, "identifier[0].type"),
	}
}

// personNamed are name and main identifier of a person behind a PractitionerRole.
func personNamed() []*el {
	return []*el{
		leafEl("root", "Name", "?", text(), personPath+"name[0].text"),
		leafEl("root", "Id", "?", mainOnly{text()}, personPath+"identifier[0].value"),
		leafEl("root", "TypeId", "?", mainOnly{idTypeCodec{}}, personPath+"identifier[0].type"),
	}
}

func soleProfessional(receipt bool) []*el {
	rows := []*el{leafEl("root", "Type", "?", cvConcept(), "@professional-type.valueCodeableConcept")}
	if receipt {
		return append(append(rows, personNamed()...), additional(personPath))
	}
	n := personNamed()
	rows = append(rows, leafEl("root", "Position", "?", cvConcept(), "code[0]"), n[0],
		leafEl("root", "Qual", "*", cvConcept(), personPath+"qualification[].code"),
		n[1], n[2])
	return append(rows, additional(personPath))
}

// additional is AdditionalId below a path that ends in a resource.
func additional(below string) *el {
	var p place = furtherIDs{}
	if below != "" {
		p = through{parsePath(below[:len(below)-1]), furtherIDs{}}
	}
	return group("root", "AdditionalId", "*", p,
		leafEl("root", "Id", "1", text(), "value"),
		leafEl("root", "Type", "1", idTypeCodec{}, "type"),
	)
}

// through is a place seen from the end of a path.
type through struct {
	path path
	then place
}

func (p through) enter(b *builder, c cursor) cursor {
	return p.then.enter(b, p.path.enter(b, c))
}

func (p through) each(r *reader, c cursor) []cursor {
	var out []cursor
	for _, f := range (at{path: p.path}).each(r, c) {
		out = append(out, p.then.each(r, f)...)
	}
	return out
}

func (p through) describe(below string) string {
	return p.then.describe(join(below, p.path.String()))
}

// departments are the units inside an institution. They are siblings there; in FHIR the
// reference can lead to one only, so each is part of the one before it.
type departments struct{}

func (departments) enter(b *builder, c cursor) cursor { return b.inside(c, "Organization", "partOf") }

// inside makes a resource inside the one that the reference at hand leads to, and leads the reference there.
func (b *builder) inside(c cursor, typ, outer string) cursor {
	res, url := b.resource(typ)
	res.Set(outer, b.arena.Texts("reference", c.ref.Get("reference").Text()))
	c.ref.Set("reference", b.arena.String(url))
	return cursor{res: res, obj: res, ref: c.ref}
}

func (departments) each(_ *reader, c cursor) []cursor {
	var out []cursor
	for _, n := range c.chain {
		if n.Get("resourceType").Text() == "Organization" {
			out = append(out, cursor{res: n, obj: n, ref: c.ref})
		}
	}
	return out
}

func (departments) describe(string) string { return "Organization (partOf the outer one)" }

// persons are the people inside an institution: the reference leads to the first one's role, which
// names the others in an extension.
type persons struct{}

const extFurther = fhir.ExtBase + "StructureDefinition/further-person"

func (persons) enter(b *builder, c cursor) cursor {
	current := b.made[c.ref.Get("reference").Text()]
	if current.Get("resourceType").Text() != "PractitionerRole" {
		return b.inside(c, "PractitionerRole", "organization")
	}
	role, url := b.resource("PractitionerRole")
	if outer := current.Get("organization"); outer != nil {
		role.Set("organization", outer.Clone())
	}
	x := b.arena.Texts("url", extFurther)
	x.Set("valueReference", b.arena.Texts("reference", url))
	b.arena.Append(current, "extension", x)
	return cursor{res: role, obj: role, ref: c.ref}
}

func (persons) each(r *reader, c cursor) []cursor {
	var out []cursor
	for _, n := range c.chain {
		if n.Get("resourceType").Text() != "PractitionerRole" {
			continue
		}
		out = append(out, cursor{res: n, obj: n})
		for _, x := range n.Get("extension").Items() {
			if x.Get("url").Text() != extFurther {
				continue
			}
			if role := r.resolve(x.Get("valueReference"), "PractitionerRole"); role != nil {
				out = append(out, cursor{res: role, obj: role})
			}
		}
	}
	return out
}

func (persons) describe(string) string { return "PractitionerRole (organization the outer one)" }

// hcpHome is the resource that holds the address of an HCP: the outermost unit, or the person
// when there is no unit.
type hcpHome struct{ path path }

var practitioner = to("practitioner>Practitioner")

func (p hcpHome) enter(b *builder, c cursor) cursor {
	ref := p.path.enter(b, c).obj
	n := b.made[ref.Get("reference").Text()]
	for range maxOrgLevels {
		outer := n.At("partOf.reference").Text() + n.At("organization.reference").Text()
		if outer == "" {
			break
		}
		n = b.made[outer]
	}
	if n.Get("resourceType").Text() == "PractitionerRole" {
		return practitioner.enter(b, cursor{res: n, obj: n})
	}
	return cursor{res: n, obj: n}
}

func (p hcpHome) each(r *reader, c cursor) []cursor {
	var out []cursor
	for _, f := range (at{path: p.path}).each(r, c) {
		all := outwards(r, f.obj)
		if len(all) == 0 {
			continue
		}
		n := all[0]
		if n.Get("resourceType").Text() == "PractitionerRole" {
			if n = r.resolve(n.Get("practitioner"), "Practitioner"); n == nil {
				continue
			}
		}
		if n.Get("address") != nil || n.Get("telecom") != nil {
			out = append(out, cursor{res: n, obj: n})
		}
	}
	return out
}

func (p hcpHome) describe(below string) string {
	return join(below, p.path.String()+" (outermost unit, else the person)")
}

// hcpAddress is an Address at a resource; at is the path of the FHIR address in it. The phone
// numbers inside it are the resource's.
func hcpAddress(ns string, p place, at string) *el {
	return group(ns, "Address", "?", p,
		leafEl(ns, "Type", "1", fallback{addressUse(), []attr{{"V", "WP"}, {"DN", "Arbeidsadresse"}}}, at+".use"),
		leafEl(ns, "StreetAdr", "?", text(), at+".line[0]"),
		leafEl(ns, "PostalCode", "?", text(), at+".postalCode"),
		leafEl(ns, "City", "?", text(), at+".city"),
		leafEl(ns, "County", "?", cs("3402"), at+".@"+extMunicipality+".valueCoding"),
		leafEl(ns, "Country", "?", codeTextCodec{}, at+".country"),
		leafEl(ns, "CityDistr", "?", cv(), at+".@urban-district.valueCoding"),
		leafEl(ns, "TeleAddress", "*", telecomCodec{}, "telecom[].value"),
	)
}

// hasChild gives a condition for alternatives: the element has a child of that name.
func hasChild(name string) func(*etree.Element) bool {
	return func(e *etree.Element) bool { return childNamed(e, name) != nil }
}
