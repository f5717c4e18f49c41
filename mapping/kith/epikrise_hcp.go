package kith

import (
	"slices"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// Rows of an HCP: a unit or a person of the health service, as the messages without a separate header
// and the application receipts write it. The reference it stands behind leads to the innermost level, as fhir.AddressOf
// reads it: an Organization (partOf the outer one), or a PractitionerRole (organization the outer one).

// hcpForm is which of the standards' variants of an HCP a row is.
type hcpForm uint8

const (
	inReport   hcpForm = iota // epicrisis
	inReceipt                 // application receipt
	inReferral                // referral 1.x
)

// hcp is the element HCP behind the reference at p.
func hcp(p string, form hcpForm) *el {
	specialty := "MedSpeciality"
	if form == inReport {
		specialty = "MedSpecialty"
	}
	unit := group("root", "Inst", "1", org(p+">Organization"), institution(form)...)
	person := group("root", "HCProf", "1", to(p+">PractitionerRole").of(aloneRole), soleProfessional(form)...)
	rows := append([]*el{choice("1", unit, person), leafEl("root", specialty, "?", cv(), p+".@specialty.valueCoding")}, form.partyIDs(p)...)
	return group("root", "HCP", "1", inline{}, append(rows, hcpAddress("root", hcpHome{parsePath(p)}, "address[0]"))...)
}

// partyIDs are the names that the two sides of older versions have for a party among themselves.
func (form hcpForm) partyIDs(p string) []*el {
	if form == inReceipt {
		return nil
	}
	last := map[hcpForm]string{inReport: "1.1", inReferral: "1.0"}[form]
	return []*el{
		leafEl("root", "PartyIdByRequester", "?", text(), p+".@party-id-by-requester.valueString").to(last),
		leafEl("root", "PartyIdByServProv", "?", text(), p+".@party-id-by-provider.valueString").to(last),
	}
}

// aloneRole tells whether a PractitionerRole stands for a person outside any unit.
func aloneRole(role *fhir.Node) bool { return role.Get("organization") == nil }

func institution(form hcpForm) []*el {
	rows := named("name")
	units := group("root", "Dept", "+", departments{},
		append([]*el{leafEl("root", "Type", "?", csFreeConcept(), "type[0]")}, append(named("name"), form.additional(""))...)...)
	people := group("root", "HCPerson", "+", persons{}, append(personNamed(), form.additional(personPath))...)
	further := form.additional("")
	switch form {
	case inReceipt:
		return append(rows, units, further, people)
	case inReferral:
		return append(rows, further, people, units)
	}
	rows = slices.Insert(rows, 1, leafEl("root", "Type", "?", csFreeConcept(), "type[0]").to("1.1"))
	return append(rows, units, people, further)
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

func soleProfessional(form hcpForm) []*el {
	rows := []*el{leafEl("root", "Type", "?", csFreeConcept(), "@professional-type.valueCodeableConcept")}
	if form != inReport {
		return append(append(rows, personNamed()...), form.additional(personPath))
	}
	n := personNamed()
	rows = append(rows, leafEl("root", "Position", "?", cvConcept(), "code[0]"), n[0],
		leafEl("root", "Qual", "*", cvConcept(), personPath+"qualification[].code"),
		n[1], n[2])
	return append(rows, form.additional(personPath))
}

// additional is AdditionalId of a party, which the first epicrisis did not have.
func (form hcpForm) additional(below string) *el {
	row := additional(below)
	if form == inReport {
		row.since = "1.1"
	}
	return row
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

func (departments) enter(b *builder, c cursor) cursor {
	role := b.made.of(c.ref.Get("reference").Text())
	if role.Get("resourceType").Text() != "PractitionerRole" {
		return b.inside(c, "Organization", "partOf")
	}
	// A referral names the people before the units that they work in.
	res, url := b.resource("Organization")
	if outer := role.Get("organization"); outer != nil {
		res.Set("partOf", outer.Clone())
	}
	role.Set("organization", b.arena.Texts("reference", url))
	for _, x := range role.Get("extension").Items() {
		if x.Get("url").Text() == extFurther {
			b.made.of(x.At("valueReference.reference").Text()).Set("organization", b.arena.Texts("reference", url))
		}
	}
	return cursor{res: res, obj: res, ref: c.ref}
}

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
	current := b.made.of(c.ref.Get("reference").Text())
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
	n := b.made.of(ref.Get("reference").Text())
	for range maxOrgLevels {
		outer := n.At("partOf.reference").Text() + n.At("organization.reference").Text()
		if outer == "" {
			break
		}
		n = b.made.of(outer)
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
		leafEl(ns, "CityDistr", "?", csFree(), at+".@urban-district.valueCoding"),
		leafEl(ns, "TeleAddress", "*", telecomCodec{}, "telecom[].value"),
	)
}

// hasChild gives a condition for alternatives: the element has a child of that name.
func hasChild(name string) func(*etree.Element) bool {
	return func(e *etree.Element) bool { return childNamed(e, name) != nil }
}
