package reading

import (
	"strconv"
	"strings"
	"unicode"
)

// sectionTitle is the Norwegian heading of a block of the source, which names it as its element.
func sectionTitle(name string) string {
	if t := sectionTitles[name]; t != "" {
		return t
	}
	return humanize(name)
}

var sectionTitles = map[string]string{
	"Diagnosis":                           "Diagnoser",
	"Comment":                             "Kommentar",
	"Legemiddelgjennomgang":               "Legemiddelgjennomgang",
	"NeedTranslator":                      "Behov for tolk",
	"OpplysningerOmIndividuellPlan":       "Individuell plan",
	"PatRelInst":                          "Institusjoner",
	"PatRelperson":                        "Personer knyttet til pasienten",
	"PatientPrecaution":                   "Forsiktighetsregler",
	"PatientRelParty":                     "Personer knyttet til pasienten",
	"StatusHjelpemiddel":                  "Status for hjelpemidler",
	"KontrolltimeBestill":                 "Kontrolltime som skal bestilles",
	"AdministrertLegemiddel":              "Gitt legemiddel",
	"NeedInterpreter":                     "Behov for tolk",
	"ParorendeForesatt":                   "Pårørende og foresatte",
	"TilknyttetEnhet":                     "Tilknyttet enhet",
	"KontaktpersonHelsepersonell":         "Kontaktpersoner, helsepersonell",
	"InfoMedisinskDiagnose":               "Diagnoser",
	"MedisinskfagligeOpplysninger":        "Medisinskfaglige opplysninger",
	"GenereltJournalnotat":                "Journalnotat",
	"Journaltekst":                        "Journaltekst",
	"Cave":                                "Cave og kritisk informasjon",
	"SakshodeCave":                        "Cave og kritisk informasjon",
	"Notater":                             "Notater",
	"NotatEPJ":                            "Notater",
	"Legemidler":                          "Legemidler",
	"Legemiddelinfo":                      "Legemidler",
	"SendtDokument":                       "Sendte dokumenter",
	"Sykepleierdokumentasjon":             "Sykepleiedokumentasjon",
	"InfoFraSykepleier":                   "Informasjon fra sykepleier",
	"IverksatteTiltak":                    "Iverksatte tiltak",
	"AnbefaltVidereTiltak":                "Anbefalte videre tiltak",
	"InfoKartleggingFunksjonsniva":        "Kartlegging av funksjonsnivå",
	"InfoReservasjon":                     "Reservasjoner",
	"ReservasjonOnske":                    "Reservasjon eller ønske",
	"OpplysningerTilSoknad":               "Opplysninger til søknad",
	"InfoTidligereSykdommer":              "Tidligere sykdommer",
	"InfoInformasjonGitt":                 "Informasjon gitt",
	"TjenesteBehov":                       "Behov for tjenester",
	"EksisterendeTjeneste":                "Tjenester pasienten har",
	"OpplysningerAndreFaggrupper":         "Opplysninger fra andre faggrupper",
	"AndreFagrapporter":                   "Andre fagrapporter",
	"OpplysningerOmHjelpemidler":          "Hjelpemidler",
	"Fraversassistent":                    "Stedfortreder",
	"InfoAndreViktigeOpplysninger":        "Andre viktige opplysninger",
	"LegemidlerAdministrertVedOverforing": "Legemidler gitt før overføring",
	"AdmAvHelsepersonell":                 "Gitt av helsepersonell",
	"Egenadministrering":                  "Tatt av pasienten selv",
	"InfoAvtaleOmLegemiddeladm":           "Avtale om legemiddeladministrering",
	"AvtaleOmAdmLegemidler":               "Avtale om legemidler",
	"InfoVurderinger":                     "Vurderinger",
	"InfoMaalForventetRes":                "Mål og forventet resultat",
	"InfoAssistertKommunikasjon":          "Assistert kommunikasjon",
	"AssistertKommunikasjon":              "Assistert kommunikasjon",
	"InfoKontrolltime":                    "Kontrolltimer",
	"InformasjonOmTime":                   "Kontrolltimer",
	"InfoIPLOSrelevantInformasjon":        "IPLOS-relevant informasjon",
	"ForbeholdOmVideresending":            "Forbehold om videresending",
	"Foresporsel":                         "Forespørsel",
	"Notat":                               "Notat",
	"ServReq":                             "Henvisning",
	"ReasonAsText":                        "Begrunnelse",
	"Event":                               "Opphold",
	"InfItem":                             "Kliniske opplysninger",
	"RefDoc":                              "Referanse til dokument",
	"Pleietyngde":                         "Pleietyngde",
	"VurderingPleietyngde":                "Vurdering av pleietyngde",
}

// silent are blocks that only wrap others in the source.
func silent(name string) bool {
	switch name {
	case "GenereltJournalnotat", "SakshodeCave", "Legemiddelinfo", "InfItem", "AssistertKommunikasjon", "AndreFagrapporter", "InfoFraSykepleier", "Journaltekst":
		return true
	}
	return false
}

// warned are sections that must not be overlooked.
func warned(name, number string) bool {
	return name == "Cave" || name == "SakshodeCave" || number == "9143"
}

// kindWord names a type of resource.
func kindWord(typ string) string {
	if w := kinds[typ]; w != "" {
		return w
	}
	return humanize(typ)
}

var kinds = map[string]string{
	"Condition": "Diagnose", "Flag": "Kritisk informasjon", "AllergyIntolerance": "Allergi eller overfølsomhet", "ServiceRequest": "Tjeneste eller tiltak",
	"Procedure": "Utført tiltak", "Goal": "Mål", "Observation": "Observasjon", "DeviceRequest": "Hjelpemiddel", "Appointment": "Time",
	"Communication": "Melding", "CommunicationRequest": "Forespørsel", "ClinicalImpression": "Vurdering", "Consent": "Reservasjon eller samtykke",
	"MedicationStatement": "Legemiddel", "MedicationAdministration": "Gitt legemiddel", "RelatedPerson": "Pårørende", "PractitionerRole": "Helsepersonell",
	"Practitioner": "Helsepersonell", "Organization": "Virksomhet", "Location": "Sted", "Encounter": "Opphold", "CareTeam": "Pasientens behandlere",
	"OperationOutcome": "Feil", "DocumentReference": "Dokument", "Task": "Oppgave", "CarePlan": "Plan", "QuestionnaireResponse": "Besvart skjema",
	"Patient": "Pasient", "Specimen": "Prøve", "DiagnosticReport": "Svar", "HealthcareService": "Tjeneste", "Provenance": "Opphav", "Parameters": "Parametre",
}

// isKindWord tells whether a word only names a type of resource.
func isKindWord(word string) bool {
	for _, w := range kinds {
		if w == word {
			return true
		}
	}
	return false
}

// nativeKind names the kinds of FHIR-native messages.
func nativeKind(kind string) string {
	switch kind {
	case "assessment":
		return "Funksjonsvurdering"
	case "task-answer":
		return "Svar på foreslått tiltak"
	case "plan-update":
		return "Oppdatert plan"
	case "":
		return "Melding"
	}
	return humanize(kind)
}

// labelOf names a field. Where the same field means different things, the type tells.
func labelOf(path, key string) string {
	typ, _, _ := strings.Cut(path, ".")
	switch typ + "." + key {
	case "Patient.extension", "Patient.address":
		return "Adresse"
	case "Communication.sent":
		return "Dato"
	case "Condition.onsetDateTime", "Condition.onsetPeriod":
		return "Fra"
	case "ServiceRequest.code":
		return "Tjeneste eller tiltak"
	case "ServiceRequest.performer":
		return "Leveres av"
	case "Observation.performer":
		return "Vurdert av"
	case "Encounter.type":
		return "Type opphold"
	case "Encounter.basedOn":
		return "Henvisning"
	case "Encounter.period":
		return "Periode"
	case "MessageHeader.identifier":
		return "Gjelder melding"
	case "OperationOutcome.issue":
		return "Feil"
	}
	return word(key)
}

// word is the Norwegian label of an extension or a field of FHIR.
func word(name string) string {
	if w, ok := labels[name]; ok {
		return w
	}
	return humanize(name)
}

// labels of extensions and fields. A name that is not here is shown as it is, in words.
var labels = map[string]string{
	// fields of FHIR
	"identifier": "Id", "name": "Navn", "telecom": "Telefon", "address": "Adresse", "birthDate": "Født", "gender": "Kjønn", "deceasedDateTime": "Død",
	"deceasedBoolean": "Død", "maritalStatus": "Sivilstand", "communication": "Språk", "language": "Språk", "preferred": "Foretrukket", "contact": "Kontakt",
	"code": "Kode", "coding": "Kode", "text": "Tekst", "note": "Merknad", "status": "Status", "category": "Kategori", "severity": "Alvorlighet",
	"onsetDateTime": "Fra", "onsetPeriod": "Periode", "onsetString": "Fra", "abatementDateTime": "Til", "recordedDate": "Registrert", "recorder": "Registrert av",
	"asserter": "Oppgitt av", "clinicalStatus": "Klinisk status", "verificationStatus": "Sikkerhet", "bodySite": "Sted på kroppen", "reaction": "Reaksjon",
	"manifestation": "Reaksjon", "substance": "Stoff", "criticality": "Alvorlighet", "performer": "Utføres av", "requester": "Bestilt av", "recipient": "Mottaker",
	"sender": "Avsender", "receiver": "Mottaker", "sent": "Sendt", "received": "Mottatt", "topic": "Tema", "payload": "Tekst", "contentString": "Tekst",
	"contentAttachment": "Vedlegg", "contentReference": "Viser til", "about": "Gjelder", "basedOn": "Svar på", "inResponseTo": "Svar på melding", "reasonCode": "Formål",
	"reasonReference": "Årsak", "occurrencePeriod": "Periode", "occurrenceDateTime": "Tidspunkt", "occurrenceTiming": "Tidspunkt", "authoredOn": "Dato",
	"intent": "Hensikt", "priority": "Prioritet", "quantityQuantity": "Mengde", "quantity": "Mengde", "asNeededBoolean": "Ved behov", "period": "Periode", "start": "Start", "end": "Slutt",
	"effectivePeriod": "Periode", "effectiveDateTime": "Dato", "issued": "Utstedt", "valueQuantity": "Verdi", "valueString": "Verdi", "valueInteger": "Verdi",
	"valueCodeableConcept": "Verdi", "valueBoolean": "Verdi", "valueDateTime": "Verdi", "valueCode": "Verdi", "interpretation": "Tolkning", "referenceRange": "Referanseområde",
	"component": "Del", "method": "Metode", "description": "Beskrivelse", "summary": "Sammendrag", "finding": "Funn", "itemCodeableConcept": "Vurdering", "basis": "Vurdering",
	"target": "Mål", "dueDate": "Forventes oppnådd", "detailCodeableConcept": "Forventet grad", "detailString": "Forventet", "startDate": "Fra dato", "lifecycleStatus": "Status",
	"achievementStatus": "Måloppnåelse", "minutesDuration": "Varighet i minutter", "participant": "Deltaker", "actor": "Deltaker", "member": "Behandler", "role": "Rolle",
	"serviceType": "Type tjeneste", "serviceCategory": "Type", "specialty": "Fagområde", "location": "Sted", "hospitalization": "Innleggelse", "dischargeDisposition": "Utskrevet til",
	"admitSource": "Innlagt fra", "serviceProvider": "Sykehus eller enhet", "subject": "Gjelder", "patient": "Pasient", "encounter": "Opphold", "author": "Forfatter", "attester": "Godkjent av",
	"custodian": "Ansvarlig virksomhet", "date": "Dato", "time": "Tidspunkt", "title": "Tittel", "type": "Type", "class": "Type", "dosage": "Dosering", "dose": "Dose", "rateQuantity": "Hastighet", "rateRatio": "Hastighet",
	"doseAndRate": "Dose", "doseQuantity": "Dose", "route": "Administrasjonsvei", "timing": "Tidspunkt", "patientInstruction": "Til pasienten", "additionalInstruction": "Bruksanvisning",
	"medicationCodeableConcept": "Legemiddel", "medicationReference": "Legemiddel", "informationSource": "Opplyst av", "dateAsserted": "Opplyst", "derivedFrom": "Hentet fra",
	"qualification": "Kategori", "practitioner": "Helsepersonell", "organization": "Virksomhet", "partOf": "Del av", "relationship": "Relasjon", "photo": "Bilde", "active": "Aktiv",
	"dateTime": "Dato", "policyRule": "Reservasjon", "provision": "Bestemmelse", "scope": "Område", "codeCodeableConcept": "Hjelpemiddel", "parameter": "Egenskap", "content": "Innhold",
	"attachment": "Fil", "creation": "Dato", "contentType": "Type", "masterIdentifier": "Dokument-id", "relatesTo": "Knyttet til", "context": "Sammenheng", "docStatus": "Dokumentstatus",
	"diagnostics": "Detaljer", "issue": "Feil", "details": "Feil", "response": "Svar", "eventCoding": "Meldingstype", "reason": "Årsak", "definition": "Definisjon",
	"destination": "Mottaker", "source": "Avsender", "endpoint": "Adresse", "responsible": "Ansvarlig", "enterer": "Registrert av", "focus": "Gjelder", "version": "Versjon",
	"country": "Land", "city": "Sted", "postalCode": "Postnummer", "line": "Adresse", "district": "Område", "state": "Fylke", "use": "Bruk", "family": "Etternavn", "given": "Fornavn", "prefix": "Tittel", "suffix": "Tillegg",
	"value": "Verdi", "unit": "Enhet", "low": "Nedre grense", "high": "Øvre grense", "numerator": "Teller", "denominator": "Nevner", "comparator": "Sammenligning", "display": "Navn",
	"completed": "Fullført", "item": "Spørsmål", "answer": "Svar", "linkId": "Nummer", "questionnaire": "Skjema", "authored": "Utfylt", "owner": "Ansvarlig", "for": "Gjelder",
	"input": "Inndata", "output": "Utdata", "businessStatus": "Status", "statusReason": "Begrunnelse", "lastModified": "Sist endret", "hasMember": "Deler", "device": "Utstyr",
	"activity": "Aktivitet", "detail": "Detaljer", "goal": "Mål", "addresses": "Gjelder", "careTeam": "Team", "created": "Opprettet", "replaces": "Erstatter", "onBehalfOf": "På vegne av", "insurance": "Forsikring",
	"requestedPeriod": "Ønsket periode", "cancelationReason": "Årsak til avbestilling", "comment": "Merknad", "mode": "Type", "party": "Person", "recurrence": "Gjentakelse", "onset": "Start", "extension": "Tillegg", "slot": "Time",
	// own extensions
	"op": "Forsendelsesstatus", "parent": "Svar på melding", "conversation": "Samtale", "message-version": "Versjon av standarden", "mig-version": "Formatversjon",
	"document": "Dokument", "enquiry": "Forespørsel", "ack": "Kvittering ønsket", "answer-to-enquiry": "Svar på forespørsel", "remark": "Merknad", "lives-alone": "Bor alene",
	"nationality": "Statsborgerskap", "event": "Hendelse", "com-method": "Kommunikasjonsmåte", "information-period": "Periode for opplysninger", "role-to-patient": "Rolle overfor pasienten",
	"function": "Funksjon", "carried-out": "Utført", "related-provider": "Knyttet helsepersonell", "msg-type": "Type dokument", "compression": "Komprimering", "oid-ref": "OID-referanse",
	"enquiry-ref": "Viser til forespørsel", "document-connection": "Tilknytning", "consent": "Samtykke", "urgency": "Hastegrad", "record-information": "Journalopplysninger", "subject-line": "Emne",
	"coded-information": "Kodede opplysninger", "requested-priority": "Ønsket prioritet", "processing-status": "Behandlingsstatus", "ContentDescription": "Innhold", "Description": "Beskrivelse",
	"IssueDate": "Dokumentets dato", "Consent": "Samtykke", "ContentCategory": "Kategori", "ContentType": "Type innhold", "Annotation": "Merknad", "FromDate": "Fra", "ToDate": "Til", "OidRef": "OID-referanse", "EnquiryRefId": "Viser til forespørsel",
	"DocumentConnection": "Tilknytning", "Compression": "Komprimering", "MimeType": "Filtype", "Id": "Id", "professional-category": "Kategori helsepersonell", "keyword": "Stikkord", "follow-up": "Oppfølging",
	"place": "Sted", "heading": "Overskrift", "estimate": "Forventet", "weekday": "Ukedag", "may-end": "Kan avsluttes", "interval": "Gjentas", "evaluation": "Evalueres", "dosing": "Dosering",
	"urban-district": "Bydel", "no-basis-municipalitycode": "Kommune", "no-basis-urban-district": "Bydel", "postbox": "Postboks", "no-basis-middlename": "Mellomnavn", "modifier": "Presisering", "strength": "Styrke", "relation": "Relasjon", "professional-type": "Type helsepersonell",
	"form": "Form", "pollen-insects": "Pollen eller insekter", "other-substance": "Annet stoff", "not-together": "Skal ikke tas sammen", "informed": "Informert", "generic-name": "Generisk navn",
	"contact-allergy": "Kontaktallergi", "consider-prescribing": "Hensyn ved forskrivning", "consider-food": "Hensyn ved mat", "article-number": "Varenummer", "anaphylaxis": "Anafylaksi", "planned": "Planlagt",
	"fixed-aids": "Faste hjelpemidler", "AdmInstrukser": "Instruks for administrering", "TypeMottaker": "Type mottaker", "TypeJournalinfo": "Type journalopplysning", "TypeForesp": "Type forespørsel", "TilDato": "Til dato",
	"Sporsmal": "Spørsmål", "RefDokIdForesp": "Viser til dokument", "Opplysning": "Opplysning", "NavnMottaker": "Mottaker", "JaNei": "Sendt", "Hastegrad": "Hastegrad", "FraDato": "Fra dato", "Formaal": "Formål",
	"DatoSendt": "Sendt dato", "Begrunnelse": "Begrunnelse", "handed-out": "Utlevert", "birth-year": "Født år", "external": "Ekstern", "function-area": "Funksjonsområde", "main-diagnosis": "Hoveddiagnose",
	"oral": "Muntlig", "Synsvikt": "Synsvikt", "Horselsvikt": "Hørselsvikt", "BehovTolkSprak": "Behov for tolk", "BehovOpphortDato": "Behovet opphørte", "transport": "Transport",
	"responsible-remark": "Merknad fra ansvarlig", "relatives": "Pårørende", "record-link": "Journalkobling", "multidose": "Multidose", "event-type": "Type hendelse", "chronic": "Kronisk", "withdrawn": "Trukket tilbake",
	"end-date": "Til dato", "diagnosis-comment": "Kommentar til diagnose", "content-remark": "Merknad til innholdet", "coded-comment": "Kodet kommentar", "Utleveringsform": "Utleveringsform", "StatusInnleggelse": "Status ved innleggelse",
	"StatusBehandlingsstart": "Status ved behandlingsstart", "SarskilteTiltak": "Særskilte tiltak", "MerknadTilLegemiddeladministrering": "Merknad til legemiddeladministrering", "MerknadTilBandasjemateriell": "Merknad til bandasjemateriell",
	"HjelpLegemiddeladm": "Hjelp til legemiddeladministrering", "ForventetStatusUtskriving": "Forventet status ved utskriving", "EndringFunksjonsnivaa": "Endring i funksjonsnivå", "BehandlingStart": "Behandlingsstart",
	"BandasjemateriellEngangsutstyr": "Bandasjemateriell og engangsutstyr", "AvtaleAdmMultidose": "Avtale om multidose", "AvtaleAdmLegemidler": "Avtale om legemidler", "copy-role": "Rolle for kopi", "associated-request": "Tilknyttet henvisning",
	"valid": "Gyldig", "valid-period": "Gyldig", "text-code": "Tekstkode", "sequence": "Rekkefølge", "Pacemaker": "Pacemaker", "HjelpemiddelHorsel": "Høreapparat", "Briller": "Briller", "tentative-time": "Foreløpig tidspunkt",
	"service-information": "Opplysninger om tjenesten", "recorded": "Registrert", "private": "Privat tjeneste", "ordered-by-patient": "Bestilles av pasienten", "concept": "Begrep", "absence": "Fravær", "EgensoknadSendt": "Egen søknad sendt",
	"specification": "Presisering", "responsibility": "Ansvar", "requirement": "Krav", "requested-method": "Ønsket metode", "receiver-absent": "Mottaker er fraværende", "quantity-supplied": "Utlevert mengde", "preparation": "Forberedelse",
	"planning-stage": "Planleggingsfase", "planned-at": "Planlagt", "original-type": "Gjelder meldingstype", "original-issued": "Gjelder melding sendt", "message-variant": "Variant", "message-status": "Meldingens status", "item-type": "Type opplysning",
	"id-by-requester": "Henviserens id", "id-by-provider": "Tjenesteyterens id", "further-content": "Videre innhold", "forwarded": "Videresendes", "expected-duration": "Forventet varighet", "expected-delay": "Forventet ventetid", "escort": "Ledsager",
	"duration-remark": "Merknad til varighet", "coded": "Kodet", "belongs-to": "Hører til", "advice-sent-to": "Råd sendt til", "advice": "Råd", "actual-method": "Brukt metode", "component-link": "Kobling", "interpreter": "Tolk", "original-text": "Original tekst", "as-written": "Som skrevet",
	"admission-category": "Innleggelseskategori", "care-pathway": "Pakkeforløp", "coordinator": "Koordinator", "free-choice": "Fritt behandlingsvalg", "health-service-basis": "Grunnlag for helsehjelp", "individual-plan": "Individuell plan", "medication-reconciliation": "Samstemming av legemidler", "medication-review": "Legemiddelgjennomgang", "municipal-services": "Kommunale tjenester", "next-of-kin": "Nærmeste pårørende", "outcome": "Utfall", "pathway": "Forløp", "payment-category": "Betalingskategori", "purpose": "Formål", "referanseViktigTilleggsinfo": "Viktig tilleggsinformasjon", "right": "Rettighet", "service-remark": "Merknad til tjenesten", "waiting-end": "Ventetid slutt", "workplace": "Arbeidssted",
	"needs-interpreter": "Behov for tolk for", "supportingInfo": "Støttende opplysninger", "ingredient": "Innhold", "strength-text": "Styrke", "batch": "Batch", "amount": "Mengde", "exposureRoute": "Eksponering",
	"plan-version": "Planversjon", "scheduled": "Planlagt", "to": "Til", "from": "Fra", "id": "Id", "sub-location": "Sted", "informasjonskategori": "Kategori", "source-coding": "Kode fra kilden",
}

// codeWord is the Norwegian word of a code that FHIR itself defines; "" when there is none.
func codeWord(code string) string { return codeWords[code] }

var codeWords = map[string]string{
	"male": "Mann", "female": "Kvinne", "other": "Annet", "unknown": "Ukjent", "phone": "Telefon", "email": "E-post", "fax": "Faks", "sms": "SMS", "pager": "Personsøker", "url": "Nettadresse",
	"home": "Hjem", "work": "Arbeid", "temp": "Midlertidig", "old": "Tidligere", "mobile": "Mobil", "billing": "Faktura", "active": "Aktiv", "completed": "Fullført", "final": "Endelig",
	"preliminary": "Foreløpig", "amended": "Endret", "corrected": "Rettet", "entered-in-error": "Registrert ved en feil", "stopped": "Avsluttet", "on-hold": "På vent", "draft": "Utkast", "revoked": "Trukket tilbake",
	"cancelled": "Avlyst", "booked": "Bestilt", "proposed": "Foreslått", "pending": "Venter", "arrived": "Kommet", "fulfilled": "Gjennomført", "noshow": "Ikke møtt", "waitlist": "Venteliste", "planned": "Planlagt", "in-progress": "Pågår", "finished": "Avsluttet",
	"onleave": "Permisjon", "triaged": "Vurdert", "proposal": "Forslag", "plan": "Plan", "order": "Bestilling", "directive": "Instruks", "accepted": "Akseptert", "declined": "Avslått", "rejected": "Avvist", "requested": "Bedt om", "ready": "Klar", "failed": "Mislyktes",
	"needs-action": "Venter på svar", "tentative": "Foreløpig", "ok": "OK", "transient-error": "Midlertidig feil", "fatal-error": "Avvist", "professional": "Ansvarlig", "official": "Godkjent", "personal": "Personlig", "legal": "Juridisk",
	"routine": "Vanlig", "urgent": "Haster", "asap": "Snarest", "stat": "Øyeblikkelig", "low": "Lav", "high": "Høy", "unable-to-assess": "Kan ikke vurderes", "inactive": "Ikke aktiv", "resolved": "Over", "remission": "Remisjon", "not-taken": "Ikke tatt",
	"intended": "Tiltenkt", "not-done": "Ikke utført", "deny": "Nektes", "permit": "Tillates", "achieved": "Oppnådd", "current": "Gjeldende", "superseded": "Erstattet", "error": "Feil", "warning": "Advarsel", "information": "Informasjon", "fatal": "Alvorlig feil",
	"secondary": "Sekundær", "processing": "Behandling", "vacation": "Permisjon", "required": "Påkrevet", "optional": "Valgfri",
}

// isCodeKey tells whether a field holds a code of FHIR.
func isCodeKey(path string) bool {
	switch path[strings.LastIndexByte(path, '.')+1:] {
	case "status", "gender", "use", "intent", "priority", "code", "criticality", "lifecycleStatus", "mode", "severity", "system", "type", "docStatus", "required", "category":
		return true
	}
	return false
}

// isTimeKey tells whether a field holds a date or time; a text that only looks like a year is left alone.
func isTimeKey(path string) bool {
	key := path[strings.LastIndexByte(path, '.')+1:]
	lower := strings.ToLower(key)
	for _, w := range []string{"date", "time", "start", "end", "authored", "sent", "received", "instant", "issued", "created", "creation", "recorded", "lastmodified", "valuedate"} {
		if strings.HasSuffix(lower, w) || strings.HasPrefix(lower, "value"+w) {
			return true
		}
	}
	return key == "authoredOn" || key == "timestamp"
}

// identifierName is what people call a number.
func identifierName(code string) string {
	return map[string]string{"FNR": "Fødselsnummer", "DNR": "D-nummer", "FHN": "Felles hjelpenummer", "HNR": "H-nummer", "HPR": "HPR-nummer", "HER": "HER-id", "ENH": "Org.nr.", "RSH": "RESH-id", "DUF": "DUF-nummer"}[code]
}

func sizeWord(n int) string {
	switch {
	case n < 1024:
		return strconv.Itoa(n) + " byte"
	case n < 1<<20:
		return strconv.Itoa((n+512)>>10) + " kB"
	}
	return strings.Replace(strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64), ".", ",", 1) + " MB"
}

func typeWord(contentType, declared string) string {
	switch {
	case contentType == "application/pdf":
		return "PDF"
	case contentType == "image/png", contentType == "image/jpeg", contentType == "image/gif":
		return "Bilde"
	case strings.HasPrefix(contentType, "text/plain"):
		return "Tekst"
	case strings.Contains(declared, "xml"):
		return "XML"
	case declared != "":
		return declared
	}
	return "Fil"
}

// humanize makes words of a name: "may-end" and "mayEnd" become "May end".
func humanize(name string) string {
	if strings.ContainsAny(name, " ") {
		return name
	}
	var b strings.Builder
	var before rune
	for i, c := range name {
		switch {
		case c == '-' || c == '_':
			c = ' '
		case i > 0 && unicode.IsUpper(c) && unicode.IsLower(before):
			b.WriteByte(' ')
			c = unicode.ToLower(c)
		case i == 0:
			c = unicode.ToUpper(c)
		}
		b.WriteRune(c)
		before = c
	}
	return b.String()
}
