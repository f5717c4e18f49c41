package kith

import (
	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// careTables are the nursing and care messages beside the reports and the logistics, by kind.
//
// Source: standards/no README section 2.1 for the namespaces: two kinds have another one in 1.5, and the
// name of their root differs from that of the namespace.
func careTables() map[string]*table {
	return map[string]*table{
		"HELSEOPPL_SOKNAD": {root: rows(notice), payload: "HelseopplysningerVedSoknad", releases: ploReleases("HelseopplysningerVedSoknad")},
		"HELSEOPPLYSNINGER_LEGE": {root: rows(toDoctor), payload: "Konsultasjon", releases: []release{
			ploRelease("1.5", "Konsultasjon", "2009-06-30"), ploRelease("1.6", "HelseopplysningerTilLege", "2012-04-01")}},
		"MEDISINSKE_OPPLYSNINGER": {root: rows(fromDoctor), payload: "OverforingMedisinskeOpplysninger", releases: []release{
			ploRelease("1.5", "OverforingMedisinskeOpplysninger", "2009-06-30"), ploRelease("1.6", "MedisinskeOpplysninger", "2012-04-01")}},
		"ORIENTERING_TJENESTETILBUD": {root: rows(servicesGranted), payload: "OrienteringOmTjenestetilbud", releases: ploReleases("OrienteringOmTjenestetilbud")},
		"FRAVARSMELDING":             {root: rows(absence), payload: "MeldingFravar", releases: ploReleases("MeldingFravar")[:1]},
		"FODSELS_EPIKRISE":           birthTable(),
	}
}

// notice is HELSEOPPL_SOKNAD: the early notice about a patient in hospital and its updates; in 1.5,
// which knows neither type nor stay, health information for an application.
func notice() *el {
	stay := stayInformation().in16()
	for _, form := range stay.kids {
		form.in16()
	}
	content := contentIs("1", leafEl("po", "TypeInnhold", "1", noticeType{cvConcept()}, "category[0]"))
	content.place = from16{inlineIf{parsePath("category[0]")}}
	application := ownApplication("1")
	application.place = until15{sec("OpplysningerTilSoknad")}
	return group("root", "HelseopplysningerVedSoknad", "1", inline{}, append(commonHead(),
		content.in16(), stay, application.remark("1.6 leaves it open"),
		diagnoses(), medicalInformation(), nursing(), otherProfessions("*"), function(),
		assistedCommunication(), informationGiven("*"), serviceNeeds())...)
}

// contentIs is TypeInnholdIMelding around a type whose code list differs from kind to kind.
func contentIs(card string, typ *el) *el {
	return group("po", "TypeInnholdIMelding", card, inline{}, typ, remarkRow("po", "@content-remark.valueString"))
}

// ownApplication is OpplysningerTilSoknad: whether the patient has applied for services.
func ownApplication(card string) *el {
	return group("po", "OpplysningerTilSoknad", card, sec("OpplysningerTilSoknad"),
		leafEl("po", "EgensoknadSendt", "1", boolean(), "@EgensoknadSendt.valueBoolean").default15("false"),
		remarkRow("po", "@remark.valueString"),
	)
}

// from16 is a place of something that 1.6 demands and 1.5 does not have: in 1.6 it is always there.
type from16 struct{ place }

func (p from16) each(r *reader, c cursor) []cursor {
	found := p.place.each(r, c)
	if len(found) == 0 && r.version >= "1.6" {
		return []cursor{c}
	}
	return found
}

// until15 is a place of something that 1.5 demands and 1.6 leaves open: in 1.5 it is always there.
type until15 struct{ place }

func (p until15) each(r *reader, c cursor) []cursor {
	found := p.place.each(r, c)
	if len(found) == 0 && r.version < "1.6" {
		return []cursor{{res: c.res, obj: fhir.NewObject()}}
	}
	return found
}

// noticeType is the type of a notice. A Bundle from elsewhere does not have it: the first message is the
// early notice, each later one an update.
type noticeType struct{ codec }

func (k noticeType) absent(r *reader) leaf {
	h := r.bundle.First("MessageHeader")
	op := h.Extension(fhir.ExtOp).At("valueCoding.code").Text()
	code, display := "1", "Varsel om innlagt pasient"
	if h.Extension(fhir.ExtParent) != nil || op != "" && op != string(samvirke.OpNew) {
		code, display = "2", "Oppdaterte opplysninger"
	}
	return leaf{attrs: []attr{{"V", code}, {"S", "2.16.578.1.12.4.1.1.9140"}, {"DN", display}}}
}
