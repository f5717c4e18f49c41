package kith

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

// receiptRoles are the roles in a receipt: of who answers and of who is answered. Version 1.0 has the roles of the
// service ordered: whoever got a referral is its provider, whoever got anything else is the requester.
//
// Source: AppRec 1.0 and 1.1, standards/no README sections 1 and 7.1.
func receiptRoles(version, kind string, copied bool) (from, to [2]string) {
	requester, provider := [2]string{"REQ", "Rekvirent"}, [2]string{"SPR", "Tjenesteyter"}
	switch {
	case version == "1.0" && (kind == "H" || kind == "HENVISNING"):
		return provider, requester
	case version == "1.0":
		return requester, provider
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
