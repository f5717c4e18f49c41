package kith

// ReceiptCode is one code of list 8221, the errors of a negative application receipt.
type ReceiptCode struct {
	Code    string
	Display string // the list's own Norwegian text, without a full stop
}

// ReceiptCodes gives code list 8221 in full, in its order. There is no E22, E23 or E24.
//
// Source: code list 8221 (Feilkoder for applikasjonskvittering), state of 2018.
func ReceiptCodes() []ReceiptCode {
	return []ReceiptCode{
		{"E10", "Ugyldig meldingsidentifikator"},
		{"E20", "Lege finnes ikke"},
		{"E21", "Mottaker finnes ikke"},
		{"E30", "Pasientens fødselsnummer mangler"},
		{"E31", "Pasientens fødselsnummer er feil"},
		{"E32", "Pasientens navn mangler"},
		{"E33", "Pasientens etternavn mangler"},
		{"E34", "Pasientens fornavn mangler"},
		{"E35", "Pasienten finnes ikke i mottakersystemet"},
		{"E36", "Pasientopplysninger er utilstrekkelige"},
		{"E53", "Pasientens fødselsnummer eller D-nummer finnes ikke registrert i Folkeregisteret"},
		{"E54", "Pasientens fødselsnummer er ikke registrert i mottagersystemet"},
		{"S01", "Feil på signatur"},
		{"S02", "Ugyldig sertifikat"},
		{"S03", "Tilbaketrukket sertifikat"},
		{"S99", "Annen feil på signatur eller sertifikat"},
		{"T01", "Ikke XML / ikke 'well formed' / uleselig"},
		{"T02", "XML validerer ikke"},
		{"T10", "Støtter ikke meldingsformatet"},
		{"T99", "Annen feil på format"},
		{"X99", "Annen feil"},
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

// receiptStatusDisplay gives the text of a verdict.
//
// Source: code list 8258.
func receiptStatusDisplay(status string) string {
	switch status {
	case "1":
		return "OK"
	case "2":
		return "Avvist"
	case "3":
		return "OK, feil i delmelding"
	}
	return ""
}

// receiptRoles are the roles in a receipt: of who answers (by primary or copy) and of who is answered.
//
// Source: AppRec 1.0 and 1.1, standards/no README section 7.1.
func receiptRoles(version string, copied bool) (from, to [2]string) {
	switch {
	case version == "1.0":
		return [2]string{"REQ", "Rekvirent"}, [2]string{"SPR", "Tjenesteyter"}
	case copied:
		return [2]string{"COP", "Kopimottaker"}, [2]string{"AVS", "Avsender"}
	}
	return [2]string{"PRIM", "Primærmottaker"}, [2]string{"AVS", "Avsender"}
}

// idTypeDisplay gives the text for the type of an identifier in a receipt; "" leaves it out.
//
// Source: code lists 8116 (persons) and 9051 (organisations).
func idTypeDisplay(typ string) string {
	switch typ {
	case "HER":
		return "HER-id"
	case "HPR":
		return "HPR-nummer"
	case "FNR":
		return "Fødselsnummer"
	case "DNR":
		return "D-nummer"
	case "ENH":
		return "Organisasjonsnummeret i Enhetsregister"
	case "RSH":
		return "Nasjonalt register over enheter i spesialisthelsetjenesten (RESH-ID)"
	case "AVD":
		return "Off. identifikator for avdelinger"
	case "LAV":
		return "Lokal identifikator for avdelinger"
	case "LIN":
		return "Lokal identifikator for institusjoner"
	case "LOK":
		return "Lokal identifikator uten nærmere angivelse"
	}
	return ""
}
