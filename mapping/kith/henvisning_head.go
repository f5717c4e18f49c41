package kith

// referral20 is the payload of a referral 2.0; the cursor is the Composition.
//
// Source: the schema Henvisning 2.0 (2017-11-30).
func referral20() *el {
	v := referral2x()
	head := commonHead()
	about, next := head[1], head[2]
	about.kids = append(about.kids,
		leafEl("po", "MottarKommunaleTjenester", "?", boolean(), "@municipal-services.valueBoolean"),
		remarkRow("po", "@remark.valueString"))
	next.kids = append(next.kids[:3:3], append([]*el{
		leafEl("po", "NarmesteParorende", "?", boolean(), "@next-of-kin.valueBoolean")}, next.kids[3:]...)...)
	communication := assistedCommunication()
	communication.kids[0].kid("BehovOpphortDato").codec = dateTime()
	rows := []*el{
		leafEl("root", "ServType", "1", fallback{cs("7309"), []attr{{"V", "N"}, {"DN", "Ny"}}}, "$MessageHeader.@op.valueCoding"),
		leafEl("root", "IssueDate", "1", dateTime(), requested+"authoredOn"),
		leafEl("root", "PaymentCat", "?", csFree(), requested+"@payment-category.valueCoding"),
		leafEl("root", "ReqComment", "?", text(), requested+"note[0].text"),
		leafEl("root", "DocumentId", "1", text(), requested+"identifier[0].value"),
		leafEl("root", "BasisForHealthServices", "?", csFree(), requested+"@health-service-basis.valueCoding"),
		about, next, head[3], head[4], head[5], head[6],
		group("po", "TypeInnholdIMelding", "1", inline{},
			leafEl("po", "TypeInnhold", "1", fallback{cvConcept(), []attr{{"V", "10"}, {"S", volvenOID + "8455"}, {"DN", "Utredning/behandling"}}},
				requested+"category[0]"),
			remarkRow("po", requested+"@content-remark.valueString")),
		communication,
		group("po", "OpplysningerOmIndividuellPlan", "?", sec("OpplysningerOmIndividuellPlan"),
			leafEl("po", "IndividuellPlanForeligger", "?", boolean(), "@individual-plan.valueBoolean"),
			leafEl("po", "KoordinatorOppnevnt", "?", boolean(), "@coordinator.valueBoolean"),
			remarkRow("po", "@remark.valueString")),
		contactPerson("po", "PasientrelatertKontaktperson", "StillingRolle", "Arbeidssted"),
		group("po", "Legemiddelgjennomgang", "?", sec("Legemiddelgjennomgang"),
			leafEl("po", "DatoLegemiddelgjennomgang", "?", date(), "@medication-review.valueDate"),
			leafEl("po", "DatoSamstemming", "?", date(), "@medication-reconciliation.valueDate"),
			remarkRow("po", "@remark.valueString")),
		v.precautions(), v.infItems(),
	}
	rows = append(rows, v.reasons()...)
	return group("root", "Henvisning", "1", inline{}, append(rows,
		group("root", "ReqServ", "1", to("$ServiceRequest"),
			leafEl("root", "ServType", "1", fallback{cs("7309"), []attr{{"V", "N"}, {"DN", "Ny"}}}, "@op.valueCoding"),
			leafEl("root", "ReqDate", "?", dateTime(), "occurrenceDateTime"),
			leafEl("root", "Priority", "1", urgency(), "priority"),
			leafEl("root", "Comment", "?", text(), "@service-remark.valueString")),
		v.comments(),
		assessment(),
		group("root", "Pakkeforlop", "*", to(requested+"@care-pathway[]"),
			leafEl("root", "Pakkeforlopskode", "1", cv(), "%code.valueCoding"),
			remarkRow("root", "%remark.valueString")),
		consent("*", dateTime()),
	)...)
}

// assessment is what a hospital that refers onwards has decided about the patient's rights and waiting time.
func assessment() *el {
	return group("root", "VurderingAvHenvisning", "?", to(requested+"@assessment"),
		group("root", "DatoMottakOgVurdering", "+", to("%date[]"),
			leafEl("root", "TypeDato", "1", cv(), "%type.valueCoding"),
			leafEl("root", "Dato", "1", date(), "%date.valueDate")),
		group("root", "Opplysninger", "?", to("%information"),
			leafEl("root", "FrittSykehusvalg", "?", boolean(), "%free-choice.valueBoolean"),
			leafEl("root", "VentetidSluttkode", "?", cv(), "%waiting-end.valueCoding"),
			leafEl("root", "ForlopsId", "1", text(), "%pathway.valueString"),
			leafEl("root", "RettTilHelsehjelp", "1", boolean(), "%right.valueBoolean"),
			leafEl("root", "UtfallAvVurdering", "1", cv(), "%outcome.valueCoding")),
	)
}
