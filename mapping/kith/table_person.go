package kith

// Rows that many messages share: persons, organisations, addresses. ns is "fk1" in payloads and
// "mh" in the header; both have the same elements.

// sex maps code list 3101.
func sex() codec {
	return mapCodec{list: "3101", pairs: [][3]string{
		{"1", "male", "Mann"}, {"2", "female", "Kvinne"}, {"0", "unknown", "Ikke kjent"}, {"9", "other", "Ikke spesifisert"},
	}, other: "unknown"}
}

// telecomUse maps code list 9061.
func telecomUse() codec {
	return mapCodec{list: "9061", pairs: [][3]string{
		{"HP", "home", "Hovedtelefon"}, {"H", "home", "Hjemme eller ukjent"}, {"WP", "work", "Arbeidsplass"},
		{"WC", "work", "Arbeidsplass, sentralbord"}, {"WD", "work", "Arbeidsplass, direktenummer"},
		{"MC", "mobile", "Mobiltelefon"}, {"HV", "temp", "Ferietelefon"},
	}}
}

// addressUse maps code list 3401.
func addressUse() codec {
	return mapCodec{list: "3401", pairs: [][3]string{
		{"H", "home", "Bostedsadresse"}, {"HP", "home", "Folkeregisteradresse"}, {"WP", "work", "Arbeidsadresse"},
		{"TMP", "temp", "Midlertidig adresse"}, {"HV", "temp", "Ferieadresse"}, {"BAD", "old", "Ubrukelig adresse"},
		{"INV", "billing", "Faktureringsadresse"},
	}}
}

// extMunicipality is the municipality of an address. Source: no-basis profiles.
const extMunicipality = "http://hl7.no/fhir/StructureDefinition/no-basis-municipalitycode"

// extMiddleName is a middle name. Source: no-basis profiles.
const extMiddleName = "http://hl7.no/fhir/StructureDefinition/no-basis-middlename"

// personNames are the rows of a person but the identifiers; below is where the person stands.
func personNames(ns, below string) []*el {
	return []*el{
		leafEl(ns, "FamilyName", "?", text(), below+"name[0].family"),
		leafEl(ns, "MiddleName", "?", text(), below+"name[0].@"+extMiddleName+".valueString"),
		leafEl(ns, "GivenName", "?", text(), below+"name[0].given[0]"),
		leafEl(ns, "DateOfBirth", "?", date(), below+"birthDate"),
		leafEl(ns, "Sex", "?", sex(), below+"gender"),
		leafEl(ns, "Nationality", "?", cs("9043"), below+"@nationality.valueCoding"),
	}
}

func person(ns, below string) []*el {
	return append(personNames(ns, below),
		ident(ns, "*", below), address(ns, below), telecom(ns, below))
}

// professional are the rows of a HealthcareProfessional: the role in a PractitionerRole, the rest in its Practitioner.
func professional(ns string) []*el {
	const who = "practitioner>Practitioner."
	rows := []*el{
		leafEl(ns, "TypeHealthcareProfessional", "?", csConcept("9060"), who+"qualification[0].code"),
		leafEl(ns, "RoleToPatient", "?", cvConcept(), "code[0]"),
	}
	rows = append(rows, personNames(ns, who)...)
	return append(rows, ident(ns, "+", who), address(ns, who), telecom(ns, who))
}

func ident(ns, card, below string) *el {
	return group(ns, "Ident", card, to(below+"identifier[]"),
		leafEl(ns, "Id", "1", text(), "value"),
		leafEl(ns, "TypeId", "1", identTypeCodec{}, "type"),
	)
}

func address(ns, below string) *el {
	return group(ns, "Address", "?", to(below+"address[0]"),
		leafEl(ns, "Type", "?", addressUse(), "use"),
		leafEl(ns, "StreetAdr", "?", text(), "line[0]"),
		leafEl(ns, "PostalCode", "?", text(), "postalCode"),
		leafEl(ns, "City", "?", text(), "city"),
		leafEl(ns, "Postbox", "?", text(), "@postbox.valueString"),
		leafEl(ns, "County", "?", cs("3402"), "@"+extMunicipality+".valueCoding"),
		leafEl(ns, "Country", "?", codeTextCodec{}, "country"),
	)
}

func telecom(ns, below string) *el {
	return group(ns, "TeleCom", "*", to(below+"telecom[]"),
		leafEl(ns, "TypeTelecom", "?", telecomUse(), "use"),
		leafEl(ns, "TeleAddress", "1", telecomCodec{}, "value"),
	)
}

// headOrganisation are the rows of an organisation in the header; it may hold another one or a person.
func headOrganisation(card string, p place) *el {
	o := group("mh", "Organisation", card, p,
		leafEl("mh", "OrganisationName", "?", text(), "name"),
		leafEl("mh", "TypeOrganisation", "?", cvConcept(), "type[0]"),
		ident("mh", "*", ""), address("mh", ""), telecom("mh", ""),
	)
	in := &el{name: "Organisation", ns: "mh", space: spaceNumber("mh"), place: inner{"Organization"}, note: "partOf the outer one"}
	in.kids = append(append([]*el(nil), o.kids...), in,
		group("mh", "HealthcareProfessional", "?", inner{"PractitionerRole"}, professional("mh")...).remark("organization = the one around it"))
	o.kids = in.kids
	return o
}

// unit is an organisation in a payload; it may hold another one.
func unit(ns, name, card, p string) *el {
	o := group(ns, name, card, org(p),
		leafEl("fk1", "TypeOrganisation", "?", cvConcept(), "type[0]"),
		leafEl("fk1", "OrganisationName", "1", text(), "name"),
		ident("fk1", "+", ""), address("fk1", ""), telecom("fk1", ""),
	)
	in := &el{name: "Organisation", ns: "fk1", space: spaceNumber("fk1"), place: inner{"Organization"}, note: "partOf the outer one"}
	in.kids = append(append([]*el(nil), o.kids...), in)
	o.kids = in.kids
	return o
}
