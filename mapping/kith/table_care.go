package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// Rows of nursing documentation, measures, goals, services and function.

func nursing() *el {
	return group("po", "Sykepleierdokumentasjon", "?", sec("Sykepleierdokumentasjon"),
		group("po", "InfoFraSykepleier", "?", sec("InfoFraSykepleier"),
			group("po", "OpplysningerRelevantOppfolging", "?", to("@follow-up"),
				leafEl("po", "BandasjemateriellEngangsutstyr", "?", boolean(), "%BandasjemateriellEngangsutstyr.valueBoolean"),
				leafEl("po", "HjelpLegemiddeladm", "?", boolean(), "%HjelpLegemiddeladm.valueBoolean"),
				leafEl("po", "EndringFunksjonsnivaa", "?", text(), "%EndringFunksjonsnivaa.valueString"),
				leafEl("po", "MerknadTilBandasjemateriell", "?", text(), "%MerknadTilBandasjemateriell.valueString").in16(),
				leafEl("po", "MerknadTilLegemiddeladministrering", "?", text(), "%MerknadTilLegemiddeladministrering.valueString").in16(),
			),
			sectionText("*"),
		),
		administered(),
		agreement(),
		assessments(),
		measuresDone(),
		measuresWanted(),
		goals(),
		group("po", "Ansvarlig", "*", to("@responsible[]"), responsible("%", "%performer.valueReference>", "%organisation.valueReference>")...),
	)
}

// administered are medicines given before the transfer.
func administered() *el {
	common := func() []*el {
		return []*el{
			leafEl("epj3", "AdmEnkeltdose", "?", quantity(), "dosage.dose"),
			leafEl("epj3", "AdmStart", "1", ts(), "effectivePeriod.start"),
			leafEl("epj3", "AdmSlutt", "?", ts(), "effectivePeriod.end"),
			group("epj3", "AdministrertAv", "?", to("performer[0].actor>PractitionerRole"), professional("fk1")...),
		}
	}
	info := func() *el {
		return group("epj3", "Forskrivningsinfo", "?", inline{}, drug("@dosing.%start.valueDateTime", "@dosing.%end.valueDateTime",
			"@reason.valueString", "dosage.text", "@use.valueCoding")...)
	}
	given := func(name string) at {
		return to("entry[]>MedicationAdministration").with(func(a *fhir.Arena, n *fhir.Node) { n.Set("category", markConcept(a, name)) }).
			of(func(n *fhir.Node) bool { return n.At("category.coding.0.code").Text() == name })
	}
	by := group("epj3", "AdmAvHelsepersonell", "*", given("AdmAvHelsepersonell"), append(common(),
		leafEl("epj3", "AdmStatus", "?", cs("9083"), "@status.valueCoding"),
		group("epj3", "AdministrertLegemiddel", "?", inline{},
			leafEl("epj3", "Kvantum", "?", text(), "@quantity.valueString")),
		info())...)
	self := group("epj3", "Egenadministrering", "*", given("Egenadministrering"), append(common(),
		group("epj3", "UtlevertLegemiddel", "+", to("@handed-out[]"),
			leafEl("epj3", "AntEnkeltdoser", "1", integer(), "valueInteger")),
		info())...)
	return group("epj3", "LegemidlerAdministrertVedOverforing", "?", sec("LegemidlerAdministrertVedOverforing"),
		component(choice("+", by, self))...)
}

func agreement() *el {
	return group("po", "InfoAvtaleOmLegemiddeladm", "?", sec("InfoAvtaleOmLegemiddeladm"),
		group("po", "AvtaleOmAdmLegemidler", "1", inline{},
			leafEl("po", "AvtaleAdmLegemidler", "1", boolean(), "@AvtaleAdmLegemidler.valueBoolean"),
			leafEl("po", "AvtaleAdmMultidose", "1", boolean(), "@AvtaleAdmMultidose.valueBoolean"),
			remarkRow("po", "@remark.valueString"),
			group("po", "AdmInstrukser", "?", to("@AdmInstrukser"),
				leafEl("po", "Utleveringsform", "?", cs("9135"), "%Utleveringsform.valueCoding"),
				repeated("po", "SarskilteTiltak", cs("special-measure"), "%SarskilteTiltak[].valueCoding"),
			),
			measure("*", to("entry[]>ServiceRequest").with(category("AvtaleOmAdmLegemidler", "intent", "order")), nil),
		))
}

// repeated is a leaf that may stand several times.
func repeated(ns, name string, c codec, at string) *el { return leafEl(ns, name, "*", c, at) }

// measure is a Tiltaksbeskrivelse at a place: a ServiceRequest, or a Procedure when it is over.
func measure(card string, p place, only func(*etree.Element) bool) *el {
	row := group("po", "Tiltaksbeskrivelse", card, p,
		repeated("po", "IntervensjonTiltakKode", cv(), "code.coding[]"),
		leafEl("po", "IntervensjonTiltakBeskrivelse", "?", text(), "code.text"),
		leafEl("po", "KategoriHelsepersonell", "?", cs("9060"), "@professional-category.valueCoding"),
		repeated("po", "Stikkord", text(), "@keyword[].valueString"),
		leafEl("po", "EvalueringTidspunkt", "?", date(), "@evaluation.valueDate"),
		remarkRow("po", "note[0].text"),
		group("po", "GjennomforingAvTiltak", "*", to("@carried-out[]"),
			leafEl("po", "UtfortTidspunkt", "1", date(), "%date.valueDate"),
			leafEl("po", "TiltakKanTermineres", "?", boolean(), "%may-end.valueBoolean"),
			remarkRow("po", "%remark.valueString"),
		),
		group("po", "PlanlagtGjennomforingTiltak", "?", inline{},
			leafEl("po", "PlanlagtStart", "1", scalarCodec{scalar: timeScalar{levelDateTime}}, "occurrencePeriod.start"),
			leafEl("po", "PlanlagtSlutt", "?", scalarCodec{scalar: timeScalar{levelDateTime}}, "occurrencePeriod.end"),
			repeated("po", "FasteUkedager", cs("9082"), "@weekday[].valueCoding"),
			leafEl("po", "GjentagelseIntervall", "?", quantity(), "@interval.valueQuantity"),
			leafEl("po", "EtterBehov", "?", boolean(), "asNeededBoolean"),
		),
	)
	row.only = only
	return row
}

// measuresDone is IverksatteTiltak: what is carried out and no longer planned is a Procedure, the rest an order.
func measuresDone() *el {
	wrap := func(typ string, init filler, only func(*etree.Element) bool) *el {
		row := group("po", "IverksatteTiltak", "*", entries("IverksatteTiltak", typ, init), measure("1", inline{}, nil))
		row.only = only
		return row
	}
	return choice("*",
		wrap("Procedure", func(a *fhir.Arena, n *fhir.Node) { n.Set("category", markConcept(a, "IverksatteTiltak")) }, isOver),
		wrap("ServiceRequest", category("IverksatteTiltak", "intent", "order"), nil))
}

// isOver tells whether a started measure is finished: carried out, and nothing of it lies ahead.
func isOver(e *etree.Element) bool {
	t := childNamed(e, "Tiltaksbeskrivelse")
	if t == nil || childNamed(t, "PlanlagtGjennomforingTiltak") != nil {
		return false
	}
	return childNamed(t, "GjennomforingAvTiltak") != nil
}

func measuresWanted() *el {
	return group("po", "AnbefaltVidereTiltak", "*",
		entries("AnbefaltVidereTiltak", "ServiceRequest", category("AnbefaltVidereTiltak", "intent", "proposal")),
		measure("1", inline{}, nil))
}

func assessments() *el {
	return group("po", "InfoVurderinger", "*", sec("InfoVurderinger"),
		group("po", "InnholdVurdering", "1", to("entry[0]>ClinicalImpression"),
			leafEl("po", "VurderingenGjelder", "1", text(), "description"),
			repeated("po", "Stikkord", text(), "@keyword[].valueString"),
			leafEl("po", "FraDato", "?", scalarCodec{scalar: timeScalar{levelDateTime}}, "effectivePeriod.start"),
			leafEl("po", "TilDato", "?", scalarCodec{scalar: timeScalar{levelDateTime}}, "effectivePeriod.end"),
			leafEl("po", "KategoriHelsepersonell", "?", cs("9060"), "@professional-category.valueCoding"),
			group("po", "Enkeltvurdering", "*", to("finding[]"),
				leafEl("po", "Funksjonsområde", "?", cv(), "@function-area.valueCoding"),
				leafEl("po", "KodetVurdering", "?", cvConcept(), "itemCodeableConcept"),
				leafEl("po", "VurderingTekst", "?", text(), "basis"),
			),
		),
		sectionText("*"),
	)
}

func goals() *el {
	return group("po", "InfoMaalForventetRes", "*", sec("InfoMaalForventetRes"),
		group("po", "InnholdMaaldokument", "1", to("entry[0]>Goal"),
			leafEl("po", "MaalForventetResultat", "?", cv(), "description.coding[]"),
			leafEl("po", "ForventetGradMaaloppnaaelse", "?", cvConcept(), "target[0].detailCodeableConcept"),
			leafEl("po", "Beskrivelse", "?", text(), "description.text"),
			leafEl("po", "KategoriHelsepersonell", "?", cs("9060"), "@professional-category.valueCoding"),
			leafEl("po", "ForventesOppnaadd", "?", date(), "target[0].dueDate"),
			leafEl("po", "FraDato", "?", date(), "startDate"),
			leafEl("po", "TilDato", "?", date(), "@end-date.valueDate"),
			repeated("po", "Stikkord", text(), "@keyword[].valueString"),
		),
		sectionText("*"),
	)
}

// responsible are the rows of Ansvarlig inside an extension.
func responsible(below, person, unitRef string) []*el {
	return []*el{
		leafEl("po", "TypeHendelse", "?", cv(), below+"type.valueCoding"),
		leafEl("po", "TidspunktForHendelse", "1", dateTime(), below+"time.valueDateTime"),
		leafEl("po", "Ekstern", "1", boolean(), below+"external.valueBoolean"),
		group("po", "AnsvarligTjenesteyter", "?", to(person+"PractitionerRole"), professional("fk1")...),
		unit("po", "Virksomhet", "?", unitRef+"Organization"),
		remarkRow("po", below+"remark.valueString"),
	}
}

// function is the panel of a mapping of function. Home of its date is the panel.
func function() *el {
	return group("po", "InfoKartleggingFunksjonsniva", "?", section{name: "InfoKartleggingFunksjonsniva", then: to("entry[0]>Observation").with(panel)},
		group("po", "SamletVurderingFunksjonsniva", "?", inline{},
			leafEl("po", "Pleietyngde", "?", decimal(), "component{Pleietyngde}.valueQuantity.value"),
			leafEl("po", "VurderingPleietyngde", "?", text(), "component{VurderingPleietyngde}.valueString"),
			remarkRow("po", "note[0].text").remark("the date of the assessment is read from this text when Ansvarlig does not say it"),
		),
		group("po", "KartlagtFunksjon", "+", to("hasMember[]>Observation"),
			leafEl("po", "Funksjonsvariabel", "?", cvConcept(), "code"),
			leafEl("po", "Vurdering", "?", scoreCodec{}, "valueInteger"),
			remarkRow("po", "note[0].text"),
		),
		group("po", "Ansvarlig", "?", inline{},
			leafEl("po", "TypeHendelse", "?", cv(), "@event-type.valueCoding"),
			leafEl("po", "TidspunktForHendelse", "1", assessedCodec{dateTime()}, "effectiveDateTime"),
			leafEl("po", "Ekstern", "1", boolean(), "@external.valueBoolean"),
			group("po", "AnsvarligTjenesteyter", "?", to("performer[]>PractitionerRole"), professional("fk1")...),
			unit("po", "Virksomhet", "?", "performer[]>Organization"),
			remarkRow("po", "@responsible-remark.valueString"),
		),
	).then(assessed)
}

func panel(a *fhir.Arena, n *fhir.Node) {
	n.Set("code", markConcept(a, "InfoKartleggingFunksjonsniva"))
}

func existingService() *el {
	return group("po", "EksisterendeTjeneste", "*", entries("EksisterendeTjeneste", "ServiceRequest", category("EksisterendeTjeneste", "intent", "order")),
		leafEl("po", "IPLOStjenestetype", "?", cv(), "code.coding[]"),
		leafEl("po", "BetegnelseTjeneste", "?", text(), "code.text"),
		leafEl("po", "PrivatTjeneste", "1", boolean(), "@private.valueBoolean"),
		leafEl("po", "TjenestenLevertAv", "?", text(), "performer[0].display"),
		leafEl("po", "OpplysningerOmTjenesten", "?", text(), "@service-information.valueString"),
		leafEl("po", "AntallEnheter", "?", decimal(), "quantityQuantity.value"),
		leafEl("po", "Enhet", "?", text(), "quantityQuantity.unit"),
		leafEl("po", "Startdato", "?", scalarCodec{scalar: timeScalar{levelDateTime}}, "occurrencePeriod.start"),
		leafEl("po", "Sluttdato", "?", scalarCodec{scalar: timeScalar{levelDateTime}}, "occurrencePeriod.end"),
		remarkRow("po", "note[0].text"),
	)
}

func serviceNeeds() *el {
	return group("po", "TjenesteBehov", "*", entries("TjenesteBehov", "ServiceRequest", category("TjenesteBehov", "intent", "proposal")),
		leafEl("po", "IPLOStjenestetype", "?", cv(), "code.coding[]"),
		leafEl("po", "BetegnelseTjeneste", "?", text(), "code.text"),
		leafEl("po", "VedInstitusjon", "?", text(), "locationCode[0].text"),
		leafEl("po", "BeskrivelseAvTjeneste", "?", text(), "note[0].text"),
		leafEl("po", "AntallEnheterOnsket", "?", decimal(), "quantityQuantity.value"),
		leafEl("po", "Enhet", "?", text(), "quantityQuantity.unit"),
	)
}
