package samvirke

// ReceiptDuty is what the standard asks where the fault of a receipt code is found.
type ReceiptDuty string

// The duties.
const (
	DutyShall      ReceiptDuty = "SHALL"      // the message must be refused
	DutyMay        ReceiptDuty = "MAY"        // the receiver may choose
	DutyDocumented ReceiptDuty = "DOCUMENTED" // only where the sender's documentation names the code
	DutyNone       ReceiptDuty = ""           // in the list, without a rule of its own
)

// ReceiptCode is one code of list 8221, the errors of a negative application receipt.
type ReceiptCode struct {
	Code    string
	Display string // the list's own Norwegian text, without a full stop
	Duty    ReceiptDuty
	// When says when the gateway sends it, or why it never does.
	When string
	// Sent is false for a code that the gateway reads but never sends.
	Sent bool
}

// ReceiptCodes gives code list 8221 in full, in its order. There is no E22, E23 or E24. All of them are read and
// shown, and so is any other code that a receipt may carry.
//
// Source: code list 8221 (Feilkoder for applikasjonskvittering), state of 2018; duties: standards/no README section 7.2.
func ReceiptCodes() []ReceiptCode {
	return []ReceiptCode{
		{"E10", "Ugyldig meldingsidentifikator", DutyShall, "the message id is no UUID", true},
		{"E20", "Lege finnes ikke", DutyDocumented, "never: no business process here asks for it", false},
		{"E21", "Mottaker finnes ikke", DutyMay, "the enterprise is a party, the service is not, and the party's unknown_service says refuse", true},
		{"E30", "Pasientens fødselsnummer mangler", DutyDocumented, "instead of E36 when only the number is missing and the sender's patient_codes say exact", true},
		{"E31", "Pasientens fødselsnummer er feil", DutyDocumented, "instead of E36 when the number does not hold and the sender's patient_codes say exact", true},
		{"E32", "Pasientens navn mangler", DutyDocumented, "instead of E36 when only the name is missing and the sender's patient_codes say exact", true},
		{"E33", "Pasientens etternavn mangler", DutyNone, "never: one part of the name is enough", false},
		{"E34", "Pasientens fornavn mangler", DutyNone, "never: one part of the name is enough", false},
		{"E35", "Pasienten finnes ikke i mottakersystemet", DutyShall, "an epicrisis about a patient who is neither in the patients file nor in a plan, and the receiver's unknown_patient says refuse", true},
		{"E36", "Pasientopplysninger er utilstrekkelige", DutyShall, "neither name with a number that holds nor name with birth date and sex; not for emergency referrals", true},
		{"E53", "Pasientens fødselsnummer eller D-nummer finnes ikke registrert i Folkeregisteret", DutyDocumented, "never: the population register is not asked", false},
		{"E54", "Pasientens fødselsnummer er ikke registrert i mottagersystemet", DutyDocumented, "never: E35 says it where the standard asks for it", false},
		{"S01", "Feil på signatur", DutyShall, "never: signatures of persons are carried, not checked", false},
		{"S02", "Ugyldig sertifikat", DutyShall, "never: signatures of persons are carried, not checked", false},
		{"S03", "Tilbaketrukket sertifikat", DutyShall, "never: signatures of persons are carried, not checked", false},
		{"S99", "Annen feil på signatur eller sertifikat", DutyNone, "never: signatures of persons are carried, not checked", false},
		{"T01", "Ikke XML / ikke 'well formed' / uleselig", DutyMay, "in the answer of the transport: nothing in the message says who it is from", true},
		{"T02", "XML validerer ikke", DutyMay, "the message does not follow its schema, and its sender can be read", true},
		{"T10", "Støtter ikke meldingsformatet", DutyMay, "a type or version of message that is not supported", true},
		{"T99", "Annen feil på format", DutyNone, "type and content of the message contradict each other", true},
		{"X99", "Annen feil", DutyNone, "a person closed the message before it was answered; the detail says so", true},
	}
}

// ReceiptCodeDisplay gives the text of a code of list 8221, "" for a code that is not in it.
func ReceiptCodeDisplay(code string) string {
	for _, c := range ReceiptCodes() {
		if c.Code == code {
			return c.Display
		}
	}
	return ""
}
