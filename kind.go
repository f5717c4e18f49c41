package samvirke

import (
	"slices"
	"strings"
)

// Kind is a message kind with what people call it.
type Kind struct {
	// Code is the message type as the standard writes it, or the code of a kind of our own.
	Code string
	// Display is the name in Norwegian, Gloss what it is in plain English.
	Display, Gloss string
	// Format is the name of the format that reads it: "kith" or "fhir".
	Format string
}

// The formats that read kinds, by the names of their mappings.
const (
	kindOfKITH = "kith"
	kindOfFHIR = "fhir"
)

const citizenPrefix = "DIALOG_INNBYGGER_"

// kinds is never changed.
var kinds = [...]Kind{
	{"LOG_INNLAGT", "Melding om innlagt pasient", "patient admitted", kindOfKITH},
	{"INNLEGGELSESRAPPORT", "Innleggelsesrapport", "admission report from the municipality", kindOfKITH},
	{"HELSEOPPL_SOKNAD", "Helseopplysninger ved søknad", "early notice, health information", kindOfKITH},
	{"LOG_UTSKRIVNINGSKLAR", "Melding om utskrivningsklar pasient", "ready for discharge", kindOfKITH},
	{"LOG_AVMELDING", "Avmelding av utskrivningsklar pasient", "ready for discharge, withdrawn", kindOfKITH},
	{"LOG_UTSKREVET", "Melding om utskrevet pasient", "patient discharged", kindOfKITH},
	{"UTSKRIVNINGSRAPPORT", "Utskrivningsrapport", "discharge report from the hospital", kindOfKITH},
	{"EPIKRISE", "Epikrise", "epicrisis, medical discharge letter", kindOfKITH},
	{"FODSELS_EPIKRISE", "Fødselsepikrise", "epicrisis of a birth", kindOfKITH},
	{"LOG_DOD", "Orientering om dødsfall", "information on death", kindOfKITH},
	{"ORIENTERING_TJENESTETILBUD", "Orientering om tjenestetilbud", "services granted", kindOfKITH},
	{"HELSEOPPLYSNINGER_LEGE", "Helseopplysninger til lege", "health information to the GP", kindOfKITH},
	{"MEDISINSKE_OPPLYSNINGER", "Medisinske opplysninger", "medical information from the GP", kindOfKITH},
	{"FRAVARSMELDING", "Fraværsmelding", "absence of a doctor", kindOfKITH},
	{"HENVISNING", "Henvisning", "referral", kindOfKITH},
	{"HENVISNING_NYTILSTAND", "Henvisning ny tilstand", "referral of a new condition", kindOfKITH},
	{"HENVISNING_VIDERE", "Viderehenvisning", "referral onwards", kindOfKITH},
	{"DIALOG_STATUS_HENVISNING", "Status på henvisning", "status of a referral", kindOfKITH},
	{"DIALOG_HELSEFAGLIG", "Helsefaglig dialog", "clinical dialogue", kindOfKITH},
	{"DIALOG_FORESPORSEL", "Forespørsel", "enquiry", kindOfKITH},
	{"DIALOG_SVAR", "Svar på forespørsel", "answer to an enquiry", kindOfKITH},
	{"DIALOG_NOTAT", "Notat", "dialogue note", kindOfKITH},
	{"DIALOG_AVVIK", "Tilbakemelding om feil i mottatt melding", "error report about a message", kindOfKITH},
	{"EPJ-EKSTRAKT", "Kommunikasjon av EPJ-innhold", "extract of the record, medication", kindOfKITH},
	{"APPREC", "Applikasjonskvittering", "application receipt", kindOfKITH},
	{"assessment", "Funksjonsvurdering", "functional assessment", kindOfFHIR},
	{"task-answer", "Svar på forslag", "answers to proposals", kindOfFHIR},
	{"plan-update", "Endring av planen", "change of one's own part of the plan", kindOfFHIR},
	{"plan-write", "Registrering i planen", "what was written into the plan here, by a system or a person", kindOfFHIR},
	{citizenPrefix + "EKONTAKT", "Dialog med innbygger – eKontakt", "citizen dialogue: message from or to a citizen", kindOfKITH},
	{citizenPrefix + "EKONSULTASJON", "Dialog med innbygger – eKonsultasjon", "citizen dialogue: consultation in writing", kindOfKITH},
	{citizenPrefix + "OPPGAVE", "Dialog med innbygger – oppgave", "citizen dialogue: form for or from a citizen", kindOfKITH},
	{citizenPrefix + "JOURNAL", "Dialog med innbygger – innsyn i journal", "citizen dialogue: access to the record", kindOfKITH},
	{citizenPrefix + "TIMER", "Dialog med innbygger – timer", "citizen dialogue: appointments", kindOfKITH},
	{citizenPrefix + "TIMEONSKE", "Dialog med innbygger – timeønske", "citizen dialogue: wish for an appointment", kindOfKITH},
	{citizenPrefix + "TIMERESERVASJON", "Dialog med innbygger – timereservasjon", "citizen dialogue: booking of an appointment", kindOfKITH},
	{citizenPrefix + "AVTALEUTSENDING", "Dialog med innbygger – utsending av avtale", "citizen dialogue: sending of an agreement", kindOfKITH},
	{citizenPrefix + "RESEPTFORNYELSE", "Dialog med innbygger – reseptfornyelse", "citizen dialogue: renewal of a prescription", kindOfKITH},
	{citizenPrefix + "SAMTYKKE", "Dialog med innbygger – samtykke", "citizen dialogue: request for consent", kindOfKITH},
	{citizenPrefix + "HELSEPERSONELL", "Dialog med innbygger – helsepersonell", "citizen dialogue: health professionals", kindOfKITH},
	{citizenPrefix + "KOORDINATOR", "Dialog med innbygger – koordinator", "citizen dialogue: coordinator", kindOfKITH},
	{citizenPrefix + "TJENESTEOVERSIKT", "Dialog med innbygger – tjenesteoversikt", "citizen dialogue: list of services", kindOfKITH},
	{citizenPrefix + "MELDINGSFORMIDLING", "Dialog med innbygger – melding eller varsel", "citizen dialogue: message or notice", kindOfKITH},
	{citizenPrefix + "DIGITALBRUKER", "Dialog med innbygger – digital bruker", "citizen dialogue: who is a digital citizen", kindOfKITH},
	{citizenPrefix + "FINN_DOKUMENTER", "Dialog med innbygger – finn dokumenter", "citizen dialogue: search for documents", kindOfKITH},
	{citizenPrefix + "HENT_DOKUMENTER", "Dialog med innbygger – hent dokumenter", "citizen dialogue: fetching of documents", kindOfKITH},
	{citizenPrefix + "HL7_DOKUMENTNOTIFIKASJON", "Dialog med innbygger – dokumentnotifikasjon", "citizen dialogue: notice of a document", kindOfKITH},
	{citizenPrefix + "HENT_BEHANDLER", "Dialog med innbygger – hent behandler", "citizen dialogue: who treats a citizen", kindOfKITH},
	{citizenPrefix + "HELSEREGISTER", "Dialog med innbygger – helseregister", "citizen dialogue: health registers", kindOfKITH},
	{citizenPrefix + "HREG_INNSYN_BRUK", "Dialog med innbygger – innsyn i bruk", "citizen dialogue: access to how a register was used", kindOfKITH},
	{citizenPrefix + "HREG_INNSYN_HELSEOPPLYSNINGER", "Dialog med innbygger – innsyn i helseopplysninger", "citizen dialogue: access to a register", kindOfKITH},
	{citizenPrefix + "HREG_INNSYN_UTLEVERING", "Dialog med innbygger – innsyn i utlevering", "citizen dialogue: access to what a register handed out", kindOfKITH},
	{citizenPrefix + "HREG_MELDE_FEIL", "Dialog med innbygger – melde feil i helseopplysninger", "citizen dialogue: report of an error in a register", kindOfKITH},
	{citizenPrefix + "HREG_OPPFORING", "Dialog med innbygger – informasjon om oppføring", "citizen dialogue: information on an entry in a register", kindOfKITH},
	{citizenPrefix + "HREG_SLETTING_ELLER_SPERRING", "Dialog med innbygger – sletting eller sperring", "citizen dialogue: deleting or blocking in a register", kindOfKITH},
	{citizenPrefix + "TEST", "Dialog med innbygger – test", "citizen dialogue: test", kindOfKITH},
}

// Kinds lists every kind that the gateway reads, those of the care chain first, in the order in which
// a stay meets them. Menus, metrics and the check of a configuration take it from here; a test of each format
// holds the list to what the format reads. The list is the caller's.
//
// Source: code list 8279 (message types); standards/no README section 2.1.
func Kinds() []Kind { return slices.Clone(kinds[:]) }

// KindOf gives a kind by its code, in letters of any size; ok is false for one that the gateway does not read.
func KindOf(code string) (k Kind, ok bool) {
	for i := range kinds {
		if strings.EqualFold(kinds[i].Code, code) {
			return kinds[i], true
		}
	}
	return Kind{}, false
}
