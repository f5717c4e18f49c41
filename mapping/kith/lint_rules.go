package kith

import "github.com/samvirke/samvirke/mapping"

// rule is what one code of Lint means.
type rule struct {
	code     string
	severity mapping.Severity
	en, no   string
}

const (
	lintError   = mapping.SeverityError
	lintWarning = mapping.SeverityWarning
)

// lintTable are all rules of Lint, in the order they are tried. Texts are for people who do not read XML.
var lintTable = [...]rule{
	{"message-id", lintError, "The message's own number is not of the form that the standard asks for (UUID), so no receipt can refer to it safely.",
		"Meldingens egen id har ikke den formen standarden krever (UUID), så en kvittering kan ikke vise sikkert til den."},
	{"type-mismatch", lintError, "The message says that it is of one type, but its content is of another.",
		"Meldingen oppgir én type, men innholdet er av en annen."},
	{"event-missing", lintError, "The message does not tell of the event that it is about.",
		"Meldingen inneholder ikke hendelsen den skal melde om."},
	{"event-admission-missing", lintError, "A notice that the patient is ready for discharge must repeat when the patient was admitted (event 1).",
		"Melding om utskrivningsklar pasient skal også oppgi når pasienten ble innlagt (hendelse 1)."},
	{"event-foreign", lintWarning, "The message tells of an event that belongs to another type of message.",
		"Meldingen inneholder en hendelse som hører til en annen meldingstype."},
	{"event-unknown", lintWarning, "The code of an event is not in the national list; the receiver may not understand it.",
		"Hendelseskoden finnes ikke i den nasjonale listen; mottakeren kan ha vansker med å forstå den."},
	{"event-time", lintError, "A notice of admission must say date and time of day.",
		"Melding om innlagt pasient skal oppgi både dato og klokkeslett."},
	{"event-order", lintWarning, "The events contradict each other in time: something ends before it began.",
		"Tidspunktene motsier hverandre: noe slutter før det har begynt."},
	{"estimate", lintWarning, "Something that has happened is marked as an estimate, or something expected as certain. Some systems read this mark the other way round.",
		"Noe som har skjedd er merket som anslag, eller noe forventet som sikkert. Noen systemer leser dette merket motsatt."},
	{"deciding-clinician", lintError, "The notice does not name who decided that the patient is ready for discharge.",
		"Meldingen navngir ikke hvem som har vurdert at pasienten er utskrivningsklar."},
	{"deciding-clinician-role", lintWarning, "Nobody named as responsible is marked as doctor; that a patient is ready for discharge is a doctor's decision.",
		"Ingen av de ansvarlige er oppgitt som lege; at en pasient er utskrivningsklar, avgjøres av lege."},
	{"discharged-to", lintWarning, "The notice of discharge does not say where the patient went.",
		"Melding om utskrevet pasient oppgir ikke hvor pasienten er utskrevet til."},
	{"address-level", lintError, "An address has one level only. Both the enterprise and the service or person in it must be named.",
		"En adresse har bare ett nivå. Både virksomheten og tjenesten eller personen i den skal oppgis."},
	{"address-her", lintError, "A level of an address has no HER-id (the number in the national address register).",
		"Et nivå i en adresse mangler HER-id (nummeret i Adresseregisteret)."},
	{"address-her-form", lintWarning, "A HER-id is written with dots or spaces; some receivers do not recognise it.",
		"En HER-id er skrevet med punktum eller mellomrom; noen mottakere kjenner den ikke igjen."},
	{"address-her-digits", lintError, "A HER-id holds something else than digits.",
		"En HER-id inneholder noe annet enn sifre."},
	{"address-name", lintError, "A level of an address has no name.",
		"Et nivå i en adresse mangler navn."},
	{"address-same", lintWarning, "Both levels of an address have the same HER-id.",
		"Begge nivåene i en adresse har samme HER-id."},
	{"forwarding-objection", lintWarning, "The patient objects to forwarding, but the message has further receivers of copies.",
		"Pasienten har reservert seg mot videresending, men meldingen har kopimottakere."},
	{"conversation-missing", lintError, "The message continues an earlier one but does not say which (first and previous message).",
		"Meldingen fortsetter en tidligere melding, men viser ikke til den (første og forrige melding)."},
	{"conversation-incomplete", lintError, "The reference to the earlier messages is incomplete: both the first and the previous one must be named.",
		"Henvisningen til tidligere meldinger er ufullstendig: både den første og den forrige skal oppgis."},
	{"conversation-self", lintError, "The message refers to itself as the earlier message.",
		"Meldingen viser til seg selv som tidligere melding."},
	{"conversation-form", lintWarning, "The reference to an earlier message is not a message number of the usual form (UUID).",
		"Henvisningen til en tidligere melding har ikke vanlig form (UUID)."},
	{"conversation-not-latest", lintWarning, "A change or cancellation should point to the latest version, but a later one exists.",
		"En endring eller kansellering bør vise til den siste utgaven, men det finnes en nyere."},
	{"status-unknown", lintWarning, "The status of the message is not one of new, change, addition or cancellation.",
		"Forsendelsesstatus er verken ny, endring, tillegg eller kansellering."},
	{"report-id", lintError, "The epicrisis or referral has no number of its own, so it cannot be changed, cancelled or referred to.",
		"Epikrisen eller henvisningen har ingen egen id, så den kan ikke endres, kanselleres eller vises til."},
	{"referral-missing", lintWarning, "The epicrisis does not say which referral it answers.",
		"Epikrisen viser ikke til henvisningen den svarer på."},
	{"patient-missing", lintError, "The message does not say which patient it is about.",
		"Meldingen sier ikke hvilken pasient den gjelder."},
	{"patient-insufficient", lintError, "The patient is not identified well enough: name with a national number that holds, or name with birth date and sex.",
		"Pasienten er ikke godt nok identifisert: navn og gyldig fødselsnummer, D-nummer eller felles hjelpenummer, eller navn, fødselsdato og kjønn."},
	{"patient-identifier", lintError, "A number given for the patient cannot be right: its length, date or check digits do not hold.",
		"Et nummer oppgitt for pasienten kan ikke være riktig: lengde, dato eller kontrollsifre stemmer ikke."},
	{"patient-other-identifier", lintWarning, "A further number of the patient (local or foreign) does not hold.",
		"Et tilleggsnummer for pasienten (lokalt eller utenlandsk) stemmer ikke."},
	{"patient-test-number", lintError, "The patient has a number of a test register; such a message must not leave a system in production.",
		"Pasienten har et nummer fra et testregister; slike meldinger skal ikke sendes fra et system i drift."},
	{"size", lintWarning, "The message is larger than 10 MB; the health network may not carry it. Tell the user, and send less or otherwise.",
		"Meldingen er større enn 10 MB; helsenettet tar den kanskje ikke. Si fra til brukeren, og send mindre eller på annen måte."},
	{"document-type", lintError, "The first document must be the message itself, and attachments must follow it.",
		"Første dokument skal være selve meldingen; vedlegg skal komme etter."},
	{"attachment-type", lintError, "In the clinical dialogue an attachment must be PDF/A, JPEG or PNG.",
		"I helsefaglig dialog skal vedlegg være PDF/A, JPEG eller PNG."},
	{"attachment-content", lintError, "An attachment is not what it says to be.",
		"Et vedlegg er ikke av den typen det oppgis å være."},
	{"attachment-pdf-a", lintWarning, "A PDF attachment does not say that it is PDF/A, the kind that can be read in many years.",
		"Et PDF-vedlegg er ikke merket som PDF/A, varianten som kan leses om mange år."},
	{"attachment-mime", lintWarning, "An attachment does not say what kind of file it is.",
		"Et vedlegg oppgir ikke hva slags fil det er."},
	{"attachment-empty", lintError, "An attachment is empty or cannot be read.",
		"Et vedlegg er tomt eller kan ikke leses."},
	{"apprec-version", lintWarning, "The receipt is of another version than the message type it answers asks for.",
		"Kvitteringen har en annen versjon enn meldingstypen den svarer på, tilsier."},
	{"apprec-form", lintError, "The version written in the receipt is not that of its form.",
		"Versjonen som står i kvitteringen, er ikke den kvitteringen er bygd etter."},
	{"apprec-status", lintError, "A refusal must say why, and an acceptance must not hold errors.",
		"En avvisning skal ha en begrunnelse, og en godkjenning skal ikke inneholde feil."},
	{"apprec-original", lintError, "The receipt does not say which message it answers.",
		"Kvitteringen sier ikke hvilken melding den svarer på."},
}

func lintRules() []rule { return lintTable[:] }

// lintRule finds a rule; an unknown code is a mistake of ours, kept visible instead of stopping anybody.
func lintRule(code string) rule {
	for _, r := range lintRules() {
		if r.code == code {
			return r
		}
	}
	return rule{code: code, severity: lintWarning}
}

// LintCodes lists the codes that Lint may give, with severity and texts.
func LintCodes() []mapping.Finding {
	var out []mapping.Finding
	for _, r := range lintRules() {
		out = append(out, mapping.Finding{Code: r.code, Severity: r.severity, Text: r.en, TextNO: r.no})
	}
	return out
}
