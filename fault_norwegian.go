package samvirke

// Norwegian gives the text for the other party in Norwegian bokmål: what Safe says, without the names of
// elements and the places that only Safe, Path and Line tell. It is "" for faults that no application receipt
// carries. It depends on Code and Detail alone, so it holds nothing of the message.
func (f *Fault) Norwegian() string {
	if f == nil {
		return ""
	}
	if f.Code == "schema" {
		if s := schemaMistake(f.Detail); s != "" {
			return "Meldingen følger ikke XML-skjemaet: " + s
		}
		return "Meldingen følger ikke XML-skjemaet"
	}
	if s := unreadableXML(f.Code); s != "" {
		return s
	}
	switch f.Code {
	case "message-id":
		return "Meldingens identifikator er ikke en UUID"
	case "patient-missing":
		return "Meldingen mangler pasient"
	case "patient-insufficient":
		return "Pasienten er ikke tilstrekkelig identifisert"
	case "type-mismatch":
		return "Meldingens type og innhold stemmer ikke overens"
	case "unknown-format":
		return "Meldingsformatet støttes ikke"
	case "unknown-type":
		return "Denne meldingstypen støttes ikke"
	case "unknown-version":
		return "Denne versjonen av meldingen støttes ikke"
	case "unknown-service":
		return "Mottakeren har ingen slik tjeneste"
	case "unknown-patient":
		return "Pasienten er ikke kjent hos mottakeren"
	case "closed-by-hand":
		return "En person hos mottakeren har lukket meldingen uten å levere den videre"
	}
	return ""
}

// unreadableXML is the text for bytes that are no XML within the bounds of a message.
func unreadableXML(code string) string {
	switch code {
	case "empty":
		return "Meldingen er tom"
	case "not-xml":
		return "Meldingen er ikke XML"
	case "not-well-formed":
		return "Meldingen er ikke velformet XML"
	case "doctype":
		return "Meldingen har en dokumenttypedeklarasjon (DOCTYPE), som ikke er tillatt"
	case "encoding":
		return "Tegnsettet stemmer ikke med det meldingen oppgir, eller er ukjent"
	case "two-roots":
		return "Dokumentet har mer enn ett rotelement"
	case "undeclared-prefix":
		return "Et prefiks er brukt uten at navnerommet er deklarert"
	case "duplicate-attribute":
		return "Et element har samme attributt to ganger"
	case "too-large":
		return "Meldingen er større enn mottakeren tar imot"
	case "too-deep", "too-many-elements", "too-many-attributes":
		return "Meldingen har flere nivåer, elementer eller attributter enn mottakeren tar imot"
	case "too-many-namespaces":
		return "Meldingen deklarerer flere eller lengre navnerom enn mottakeren tar imot"
	}
	return ""
}

// schemaMistake is the text for the kind of a schema mistake. The kinds are listed in package
// mapping/kith/schema.
func schemaMistake(detail string) string {
	switch detail {
	case "missing-element":
		return "et påkrevd element mangler"
	case "unexpected-element":
		return "et element er ikke kjent på dette stedet"
	case "misplaced-element":
		return "et element står på feil sted"
	case "repeated-element":
		return "et element som bare kan stå én gang, er gjentatt"
	case "wrong-namespace":
		return "et element står i feil navnerom"
	case "unknown-content":
		return "innholdet er av en type det ikke finnes skjema for"
	case "unknown-root":
		return "rotelementet er ikke kjent"
	case "missing-attribute":
		return "et påkrevd attributt mangler"
	case "unexpected-attribute":
		return "et attributt er ikke kjent på dette stedet"
	case "bad-attribute":
		return "et attributt har en ugyldig verdi"
	case "bad-date":
		return "en dato er ugyldig"
	case "bad-time":
		return "et tidspunkt er ugyldig"
	case "bad-number":
		return "et tall er ugyldig"
	case "bad-boolean":
		return `en verdi må være "true" eller "false"`
	case "bad-oid":
		return "en OID er ugyldig"
	case "bad-address":
		return "en elektronisk adresse er ugyldig"
	case "bad-base64":
		return "base64-innhold er ugyldig"
	case "bad-value", "invalid":
		return "en verdi er ugyldig"
	case "fixed-value":
		return "en verdi er en annen enn den eneste som er tillatt"
	case "unexpected-text":
		return "det står tekst der bare elementer er tillatt"
	case "not-empty":
		return "et element som skal være tomt, har innhold"
	case "bad-reference":
		return "en intern referanse er ugyldig"
	case "bad-nil":
		return "xsi:nil er brukt der det ikke er tillatt"
	case "bad-namespace":
		return "et navnerom er ugyldig"
	case "bound":
		return "meldingen er større enn det som kan kontrolleres"
	}
	return ""
}
