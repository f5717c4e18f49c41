package kith

import (
	"github.com/samvirke/samvirke/fhir"
)

// Rows that the payloads of the nursing and care messages share, in the order of the schema.

// commonHead is what every payload begins with.
func commonHead() []*el {
	return []*el{
		group("po", "InformasjonOmForsendelsen", "1", to("$MessageHeader"),
			leafEl("po", "Forsendelsesstatus", "1", fallback{cs("7309"), []attr{{"V", "N"}, {"DN", "Ny"}}}, "@op.valueCoding"),
			leafEl("po", "ForbeholdOmVideresending", "?", consentCodec{}, "$Consent.provision"),
			leafEl("po", "SvarPaaForesporsel", "?", boolean(), "@answer-to-enquiry.valueBoolean"),
			group("po", "Foresporsel", "?", to("@enquiry"),
				leafEl("po", "TypeForesp", "1", cv(), "%TypeForesp.valueCoding"),
				leafEl("po", "Formål", "?", cv(), "%Formaal.valueCoding"),
				leafEl("po", "Hastegrad", "?", cs("urgency"), "%Hastegrad.valueCoding"),
				leafEl("po", "TypeJournalinfo", "?", cv(), "%TypeJournalinfo.valueCoding"),
				leafEl("po", "Sporsmal", "?", text(), "%Sporsmal.valueString"),
				leafEl("po", "Begrunnelse", "?", text(), "%Begrunnelse.valueString"),
				leafEl("po", "FraDato", "?", date(), "%FraDato.valueDate"),
				leafEl("po", "TilDato", "?", date(), "%TilDato.valueDate"),
				leafEl("po", "RefDokIdForesp", "?", text(), "%RefDokIdForesp.valueString"),
			),
		),
		group("po", "TilleggsopplysningPasient", "?", to("$Patient"),
			leafEl("po", "SivilStatus", "?", csConcept("8724"), "maritalStatus"),
			leafEl("po", "BorAlene", "?", boolean(), "@lives-alone.valueBoolean"),
			leafEl("po", "Sprak", "?", csConcept("3303"), "communication[0].language"),
		),
		group("po", "ParorendeForesatt", "*", entries("ParorendeForesatt", "RelatedPerson", nil),
			leafEl("po", "Slektskap", "?", csConcept("9033"), "relationship{9033}"),
			leafEl("po", "Omsorgsfunksjon", "?", csConcept("9050"), "relationship{9050}"),
			leafEl("po", "FodselsarMindrearigParorende", "?", date(), "@birth-year.valueDate").in16(),
			group("po", "Referanseperson", "1", inline{}, person("fk1", "")...),
			remarkRow("po", "@remark.valueString"),
		),
		group("po", "TilknyttetEnhet", "*", section{name: "TilknyttetEnhet"},
			unit("po", "Kontaktenhet", "1", "entry[]>Organization"),
			remarkRow("po", "@remark.valueString"),
		),
		group("po", "KontaktpersonHelsepersonell", "*", entries("KontaktpersonHelsepersonell", "PractitionerRole", nil),
			group("po", "Kontaktperson", "1", inline{}, professional("fk1")...),
			remarkRow("po", "@remark.valueString"),
		),
		group("po", "AnsvarForRapport", "*", to("attester[]").with(attested),
			group("po", "AnsvarligRapport", "1", to("party>PractitionerRole"), professional("fk1")...),
			leafEl("po", "GodkjentDato", "?", scalarCodec{scalar: timeScalar{levelDateTime}}, "time"),
			leafEl("po", "TypeRelasjon", "?", cv(), "@relation.valueCoding"),
			remarkRow("po", "@remark.valueString"),
		),
		group("po", "SendtDokument", "*", sec("SendtDokument"),
			leafEl("po", "Opplysning", "1", cv(), "@Opplysning.valueCoding"),
			leafEl("po", "JaNei", "1", boolean(), "@JaNei.valueBoolean"),
			leafEl("po", "DatoSendt", "?", date(), "@DatoSendt.valueDate"),
			leafEl("po", "TypeMottaker", "?", cv(), "@TypeMottaker.valueCoding"),
			leafEl("po", "NavnMottaker", "?", text(), "@NavnMottaker.valueString"),
			remarkRow("po", "@remark.valueString"),
		),
	}
}

func attested(a *fhir.Arena, n *fhir.Node) { n.Set("mode", a.String("professional")) }

// remarkRow is a Merknad.
func remarkRow(ns, at string) *el { return leafEl(ns, "Merknad", "?", text(), at) }

// category gives an init that marks a resource with the block it comes from.
func category(name string, more ...string) filler {
	return func(a *fhir.Arena, n *fhir.Node) {
		n.Set("category", a.Array(markConcept(a, name)))
		for i := 0; i+1 < len(more); i += 2 {
			n.Set(more[i], a.String(more[i+1]))
		}
	}
}

// sectionText is a Journaltekst as a section of its own.
func sectionText(card string) *el {
	return group("epj2", "Journaltekst", card, sec("Journaltekst"),
		leafEl("epj2", "Overskriftskode", "?", cv(), "code.coding[]"),
		leafEl("epj2", "Notat", "1", narrativeCodec{}, "text"),
		remarkRow("epj2", "@remark.valueString"),
	)
}

// noteText is a Journaltekst as an Annotation of a resource.
func noteText(card string) *el {
	return group("epj2", "Journaltekst", card, to("note[]"),
		leafEl("epj2", "Overskriftskode", "?", cv(), "@heading.valueCoding"),
		leafEl("epj2", "Notat", "1", text(), "text"),
		remarkRow("epj2", "@remark.valueString"),
	)
}

// extText is a Journaltekst as an extension, where FHIR has no notes.
func extText(card string) *el {
	return group("epj2", "Journaltekst", card, to("@text"),
		leafEl("epj2", "Overskriftskode", "?", cv(), "%heading.valueCoding"),
		leafEl("epj2", "Notat", "1", text(), "%text.valueString"),
		remarkRow("epj2", "%remark.valueString"),
	)
}

// component are the attributes that components of the record carry; prefix is "@" on resources
// and sections, "%" inside extensions.
func component(kids ...*el) []*el { return append(componentIn("@component.%"), kids...) }

// componentIn are those attributes as extensions that begin so.
func componentIn(below string) []*el {
	return []*el{
		leafEl("", "@m1:basiskomponenttype", "?", text(), below+"basiskomponenttype.valueString"),
		leafEl("", "@m1:komponenttype", "?", text(), below+"komponenttype.valueString"),
		leafEl("", "@m1:informasjonskategori", "?", text(), below+"informasjonskategori.valueString"),
		leafEl("", "@komponentID", "?", text(), below+"komponentID.valueString"),
		leafEl("", "@referanseViktigTilleggsinfo", "?", text(), below+"referanseViktigTilleggsinfo.valueString"),
	}
}

func diagnoses() *el {
	return group("po", "InfoMedisinskDiagnose", "*", sec("InfoMedisinskDiagnose"),
		group("po", "MedisinskDiagnose", "+", to("entry[]>Condition").with(encounterDiagnosis),
			leafEl("po", "Hoveddiagnose", "?", boolean(), "@main-diagnosis.valueBoolean").default15("false"),
			leafEl("po", "Diagnosekode", "?", cv(), "code.coding[]"),
			leafEl("po", "DiagnoseBeskrivelse", "?", text(), "code.text"),
		))
}

func encounterDiagnosis(a *fhir.Arena, n *fhir.Node) {
	n.Set("category", conceptList(a, "http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis"))
}

func problem(a *fhir.Arena, n *fhir.Node) {
	n.Set("category", conceptList(a, "http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item"))
}

func conceptList(a *fhir.Arena, system, code string) *fhir.Node {
	return a.Array(conceptOf(a, a.Texts("system", system, "code", code)))
}

func medicalInformation() *el {
	return group("po", "MedisinskfagligeOpplysninger", "?", sec("MedisinskfagligeOpplysninger"),
		group("po", "RegistrertBlodtype", "?", to("entry[]>Observation").with(coded("RegistrertBlodtype")).of(isCoded("RegistrertBlodtype")),
			leafEl("po", "Blodtype", "1", csConcept("blood-group"), "valueCodeableConcept"),
			leafEl("po", "Rhesusgruppe", "?", csConcept("rhesus"), "component{Rhesusgruppe}.valueCodeableConcept"),
			remarkRow("po", "note[0].text"),
		),
		group("po", "InfoTidligereSykdommer", "*", sec("InfoTidligereSykdommer"),
			group("po", "TidligereSykdomFragment", "?", to("entry[0]>Condition").with(problem),
				leafEl("po", "FunksjonshemmingKroniskSykdom", "1", boolean(), "@chronic.valueBoolean"),
				leafEl("po", "TidligereSykdom", "1", text(), "code.text"),
				leafEl("po", "Diagnosekode", "?", cv(), "code.coding[]"),
			),
			sectionText("?"),
		),
		group("epj1", "Cave", "?", sec("Cave"), component(cave()...)...),
		allergy(),
		journalNote(),
	)
}

// cave are the rows of Cave beside its attributes.
func cave() []*el {
	return []*el{
		group("epj1", "SakshodeCave", "1", sec("SakshodeCave"), component(
			group("epj1", "StikkordCave", "*", to("entry[]>Flag").with(category("Cave")),
				leafEl("epj1", "CaveStikkord", "1", text(), "code.text"),
				extText("?"),
			),
		)...),
		allergy(),
	}
}

// coded gives an init that names an Observation after its element.
func coded(name string) filler {
	return func(a *fhir.Arena, n *fhir.Node) { n.Set("code", markConcept(a, name)) }
}

func isCoded(name string) func(*fhir.Node) bool {
	return func(n *fhir.Node) bool {
		return n.At("code.coding.0.code").Text() == name && n.At("code.coding.0.system").Text() == fhir.SystemSection
	}
}

func allergy() *el {
	return group("epj1", "Allerginotat", "*", to("entry[]>AllergyIntolerance"), component(
		noteText("*"),
		group("epj1", "Allergi", "1", inline{},
			leafEl("epj1", "HensynVedForskrivning", "?", boolean(), "@consider-prescribing.valueBoolean"),
			leafEl("epj1", "HensynMatDrikke", "?", boolean(), "@consider-food.valueBoolean"),
			leafEl("epj1", "Kontaktallergi", "?", boolean(), "@contact-allergy.valueBoolean"),
			leafEl("epj1", "PollenInnsektstikk", "?", boolean(), "@pollen-insects.valueBoolean"),
			leafEl("epj1", "AllergiskMot", "1", text(), "code.text"),
			leafEl("epj1", "VirkestoffLegemiddel", "?", cv(), "code.coding[]"),
			leafEl("epj1", "KodeAnnetStoff", "?", cv(), "@other-substance.valueCoding"),
			leafEl("epj1", "AnafylaktiskeReaksjoner", "?", cs(listAnaphylaxis), "@anaphylaxis.valueCoding"),
		),
	)...)
}

func journalNote() *el {
	return group("epj2", "GenereltJournalnotat", "*", sec("GenereltJournalnotat"), component(sectionText("+"))...)
}

func otherImportant() *el {
	return group("po", "InfoAndreViktigeOpplysninger", "?", sec("InfoAndreViktigeOpplysninger"), journalNote(), allergy())
}

func medicine() *el {
	return group("epj3", "Legemiddelinfo", "*", entries("Legemiddelinfo", "MedicationStatement", nil), component(
		group("epj3", "ForenkletForskrivning", "1", inline{},
			leafEl("epj3", "StatusTilForskrivningen", "?", mapCodec{list: "9104", pairs: [][3]string{
				{"1", "active", "Originalforskrivning"}, {"2", "stopped", "Seponering"}, {"3", "completed", "Utlevert legemiddel"},
			}, other: "unknown", none: "active"}, "status"),
			leafEl("epj3", "InngaarIMultidose", "?", cs("9103"), "@multidose.valueCoding"),
			leafEl("epj3", "ReseptId", "?", text(), "identifier[0].value"),
			remarkRow("epj3", "note[0].text"),
			group("epj3", "Forskriver", "?", to("@prescriber.valueReference>PractitionerRole"), professional("fk1")...),
			group("epj3", "Forskrivningsinfo", "1", inline{}, drug("effectivePeriod.start", "effectivePeriod.end",
				"reasonCode[0].text", "dosage[0].text", "dosage[0].@use.valueCoding")...),
		),
	)...)
}

// drug are the rows of Forskrivningsinfo; the arguments are paths that differ between resources.
func drug(start, end, reason, dose, use string) []*el {
	return []*el{
		leafEl("epj3", "BruksomradeTekst", "?", text(), reason),
		leafEl("epj3", "DosVeiledEnkel", "?", text(), dose),
		leafEl("epj3", "Nr", "?", text(), toMedication+"@article-number.valueString"),
		leafEl("epj3", "Navn", "1", text(), toMedication+"code.text"),
		leafEl("epj3", "GeneriskNavn", "?", text(), toMedication+"@generic-name.valueString"),
		leafEl("epj3", "Atc", "?", cs("7180"), toMedication+"code.coding[]"),
		leafEl("epj3", "Legemiddelform", "?", csConcept("7448"), toMedication+"form"),
		leafEl("epj3", "Styrke", "?", quantity(), toMedication+"@strength.valueQuantity"),
		leafEl("epj3", "Bruk", "?", cs("9101"), use),
		leafEl("epj3", "DoseringStarttidspunkt", "?", ts(), start),
		leafEl("epj3", "DoseringSluttidspunkt", "?", ts(), end),
		leafEl("epj3", "SkalIkkeTasSammenMedAnnetLegemiddel", "?", boolean(), "@not-together.valueBoolean"),
	}
}
