package kith

import (
	"slices"
	"strings"
)

// Rows of the patient of a referral 1.x. What 1.0 says of a child's situation, its family and an interpreter, 1.1 says in
// the elements of the nursing and care messages.

// patient are the rows of Patient; the cursor is the Patient.
func (v referralForm) patient() []*el {
	rows := []*el{
		leafEl("root", "BasisForHealthServices", "?", csFree(), requested+"@health-service-basis.valueCoding"),
	}
	for _, k := range epikrisePatient() {
		switch k.name {
		case "IdByServProvider", "PatientRelParty": // of an epicrisis only
		case "PatientPrecaution":
			rows = append(rows, v.precautions(), v.infItems())
		case "PatRelHCP":
			rows = append(rows, relatedHCP(inReferral))
			rows = append(rows, v.around()...)
		default:
			rows = append(rows, k)
		}
	}
	return rows
}

// around are who and what is around the patient.
func (v referralForm) around() []*el {
	communication := assistedCommunication().kids[0]
	next := commonHead()[2]
	next.kids = append(next.kids[:2:2], next.kids[3:]...) // without the birth year of a child, which is newer
	next.place = inReportOf(next.place)
	next.setCard("+")
	return []*el{
		group("root", "NeedTranslator", "+", inReportOf(sec("NeedTranslator")),
			leafEl("root", "Person", "?", integer(), "@interpreter-number.valueInteger"),
			leafEl("root", "IsDeaf", "?", scalarCodec{scalar: boolScalar{}, inV: true}, "@Horselsvikt.valueBoolean"),
			leafEl("root", "IsBlind", "?", scalarCodec{scalar: boolScalar{}, inV: true}, "@Synsvikt.valueBoolean"),
			leafEl("root", "Language", "?", cs("3303"), "@BehovTolkSprak.valueCoding"),
			leafEl("root", "PreferredTranslator", "?", integer(), "@preferred-interpreter-number.valueInteger"),
			leafEl("root", "TranslatorEndDate", "?", ts(), "@BehovOpphortDato.valueDateTime"),
			leafEl("root", "Note", "?", text(), "@remark.valueString"),
		).to("1.0"),
		group("root", "CareSituation", "?", to("@care-situation"),
			leafEl("root", "Description", "?", text(), "%description.valueString"),
			leafEl("root", "CustodyType", "1", csFree(), "%custody.valueCoding"),
			leafEl("root", "CustodyOwner", "?", text(), "%custody-owner.valueString"),
			leafEl("root", "CareSituationType", "1", csFree(), "%type.valueCoding"),
			leafEl("root", "NativeLanguage", "?", cs("3303"), "%native-language.valueCoding"),
		).to("1.0"),
		relatedPerson(),
		group("po", "AssistertKommunikasjon", "+", inReportOf(sec("AssistertKommunikasjon")), communication.kids...).from("1.1"),
		next.from("1.1"),
		contactPerson("root", "ContactPerson", "OccupationRole", "WorkingPlace").from("1.1"),
		group("root", "PatRelInst", "+", inReportOf(entries("PatRelInst", "Organization", nil)),
			leafEl("root", "NameInst", "?", text(), "name"),
			leafEl("root", "WorkingTime", "?", text(), "@working-time.valueString").to("1.0"),
			leafEl("root", "RoleInst", "?", text(), "@role.valueString").from("1.1"),
			leafEl("root", "ContactPerson", "?", text(), "contact[0].name.text").remark("1.0 demands it"),
			hcpAddress("root", inlineIf{parsePath("address")}, "address[0]").to("1.0"),
			leafEl("root", "Merknad", "?", text(), "@remark.valueString").from("1.1"),
		),
		consent("?", until{"1.1", ts(), dayText{dateTime()}}),
	}
}

// relatedHCP are units and people of the health service around the patient.
func relatedHCP(form hcpForm) *el {
	row := group("root", "PatRelHCP", "*", to("$CareTeam.participant[]"),
		leafEl("root", "Relation", "1", csConcept("7319"), "role[0]"),
		leafEl("root", "StartDateTime", "?", ts(), "period.start"),
		leafEl("root", "EndDateTime", "?", ts(), "period.end"),
		hcp("member", form),
	)
	if form == inReport {
		row.kids = slices.Insert(row.kids, 3, leafEl("root", "Role", "?", csFree(), "@role.valueCoding").to("1.1"))
	}
	return row
}

// relatedPerson is a person around the patient in 1.0.
func relatedPerson() *el {
	return group("root", "PatRelperson", "*", inReportOf(entries("PatRelperson", "RelatedPerson", nil)),
		leafEl("root", "Description", "?", text(), "@description.valueString"),
		leafEl("root", "DateOfBirth", "?", scalarCodec{scalar: timeScalar{levelDate}, inV: true}, "birthDate"),
		leafEl("root", "Sex", "?", sex(), "gender"),
		leafEl("root", "Occupation", "?", csFree(), "@occupation.valueCoding"),
		leafEl("root", "Role", "?", text(), "@role.valueString"),
		leafEl("root", "EthnicBelonging", "?", csFree(), "@ethnicity.valueCoding"),
		leafEl("root", "Name", "1", wholeNameCodec{}, "name[0]"),
		leafEl("root", "OffId", "?", text(), "identifier[0].value"),
		leafEl("root", "TypeOffId", "?", idTypeCodec{}, "identifier[0].type"),
		group("root", "Relation", "?", inline{},
			leafEl("root", "Guardien", "?", scalarCodec{scalar: boolScalar{}, inV: true}, "@guardian.valueBoolean"),
			leafEl("root", "RelationCode", "?", csConcept("9033"), "relationship[0]"),
			leafEl("root", "Description", "?", text(), "@relation.valueString"),
		),
		hcpAddress("root", inlineIf{parsePath("address")}, "address[0]"),
		group("root", "Consent", "?", to("@consent"),
			leafEl("root", "ConsentStatus", "?", cv(), "%status.valueCoding"),
			leafEl("root", "ConsentDate", "?", ts(), "%date.valueDateTime"),
			leafEl("root", "Merknad", "1", text(), "%remark.valueString"),
		),
	).to("1.0")
}

// contactPerson is somebody outside the health service who knows the patient.
func contactPerson(ns, name, role, workplace string) *el {
	return group(ns, name, "+", inReportOf(entries(name, "RelatedPerson", nil)),
		leafEl(ns, role, "?", text(), "@role.valueString"),
		leafEl(ns, workplace, "?", text(), "@workplace.valueString"),
		group(ns, "Referanseperson", "1", inline{}, person("fk1", "")...),
		remarkRow(ns, "@remark.valueString"),
	)
}

// dayText is a day; of a moment from elsewhere its day.
type dayText struct{ codec }

func (k dayText) render(r *reader, s slot) (leaf, bool) {
	l, ok := k.codec.render(r, s)
	if day, _, moment := strings.Cut(l.text, "T"); moment && isDate(day) {
		r.note(nil, "normalised", "this version has room for the day only")
		l.text = day
	}
	return l, ok
}
