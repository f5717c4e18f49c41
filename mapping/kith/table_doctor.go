package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// Messages between the municipality's services and the general practitioner.

// toDoctor is HELSEOPPLYSNINGER_LEGE, from the nursing service.
func toDoctor() *el {
	return group("root", "Konsultasjon", "1", inline{}, append(commonHead(),
		group("po", "InnholdKonsultasjon", "?", inline{},
			leafEl("po", "TypeInnholdKonsultasjon", "1", fallback{csConcept("9137"), []attr{{"V", "2"}, {"DN", "Statusrapport"}}}, "category[0]"),
			remarkRow("po", "@content-remark.valueString"),
		),
		diagnoses(), medicalInformation(), medicine(), otherImportant(), nursing(), function(),
		informationGiven("*"), assistedCommunication(), reservations())...)
}

// fromDoctor is MEDISINSKE_OPPLYSNINGER, from the general practitioner.
func fromDoctor() *el {
	diagnosis := diagnoses()
	diagnosis.setCard("?")
	return group("root", "OverforingMedisinskeOpplysninger", "1", inline{}, append(commonHead(),
		contentIs("?", leafEl("po", "TypeInnhold", "1", cvConcept(), "category[0]")),
		ownApplication("?"),
		diagnosis, medicalInformation(), medicine(), periods(), otherProfessions("*"), function(),
		assistedCommunication(), informationGiven("*"), serviceNeeds(), otherImportant(), reservations())...)
}

// periods is InfoIPLOSrelevantInformasjon: what the municipality needs for its statistics. Its event is no
// stay of which the sender tells, so it does not stand in an Encounter.
func periods() *el {
	return group("po", "InfoIPLOSrelevantInformasjon", "?", sec("InfoIPLOSrelevantInformasjon"),
		group("po", "TidsperiodeDiagnose", "*", to("entry[]>Condition").with(problem),
			leafEl("po", "StartdatoDiagnose", "1", scalarCodec{scalar: timeScalar{levelDateTime}}, "onsetDateTime"),
			leafEl("po", "SluttdatoDiagnose", "?", scalarCodec{scalar: timeScalar{levelDateTime}}, "abatementDateTime"),
			group("po", "MedisinskDiagnose", "1", inline{}, diagnoses().kids[0].kids...),
		).then(abated),
		group("po", "TidsfestetHendelse", "?", to("@event"), eventRows("%", "%time.valueDateTime", "")...),
	)
}

// abated says that a diagnosis with an end is over.
//
// Source: FHIR R4, Condition, rule con-4.
func abated(_ *builder, c cursor, _ *etree.Element) {
	if c.obj.Get("abatementDateTime") != nil {
		c.obj.Set("clinicalStatus", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject(
			"system", "http://terminology.hl7.org/CodeSystem/condition-clinical", "code", "resolved"))))
	}
}

// servicesGranted is ORIENTERING_TJENESTETILBUD, from the municipality's case handling.
func servicesGranted() *el {
	services := existingService()
	services.setCard("+")
	communication := assistedCommunication().kids[0]
	return group("root", "OrienteringOmTjenestetilbud", "1", inline{}, append(commonHead(), services,
		group("po", "AssistertKommunikasjon", "*", sec("AssistertKommunikasjon"), communication.kids...))...)
}

// absence is FRAVARSMELDING: the doctor is away, and a colleague has what was sent.
func absence() *el {
	return group("root", "MeldingFravar", "1", inline{}, append(commonHead(),
		group("po", "Fraversassistent", "1", section{name: "Fraversassistent", then: to("entry[0]>Communication").with(category("Fraversassistent"))},
			leafEl("po", "MottakerFravarende", "1", boolean(), "@receiver-absent.valueBoolean"),
			leafEl("po", "MeldingVideresendt", "?", boolean(), "@forwarded.valueBoolean"),
			leafEl("po", "FravarendeFraDato", "?", scalarCodec{scalar: timeScalar{levelDateTime}}, "@absence.valuePeriod.start"),
			leafEl("po", "FravarendeTilDato", "?", scalarCodec{scalar: timeScalar{levelDateTime}}, "@absence.valuePeriod.end"),
			group("po", "VideresendtTil", "?", to("recipient[0]>PractitionerRole"), professional("fk1")...),
			remarkRow("po", "note[0].text"),
		).then(forwarded))...)
}

// forwarded gives the Communication to the colleague the status that follows from MeldingVideresendt.
func forwarded(_ *builder, c cursor, _ *etree.Element) {
	status := "unknown"
	switch c.obj.Extension(extURL("forwarded")).Get("valueBoolean").Text() {
	case "true":
		status = "completed"
	case "false":
		status = "not-done"
	}
	c.obj.Set("status", fhir.String(status))
}
