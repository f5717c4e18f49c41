package kith

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// msgHead checks a message with a MsgHead.
func (l *linter) msgHead() {
	info := childNamed(l.root, "MsgInfo")
	if info == nil {
		return
	}
	if id := childNamed(info, "MsgId"); !isUUID(childText(info, "MsgId")) {
		l.find("message-id", elementOr(id, info), "")
	}
	payload := payloadOf(l.root)
	l.events(payload)
	l.responsible(payload)
	l.headAddress(childNamed(info, "Sender"), info, "Sender")
	l.headAddress(childNamed(info, "Receiver"), info, "Receiver")
	others := info.SelectElements("OtherReceiver")
	for _, o := range others {
		if childNamed(o, "Organisation") != nil { // a copy to the patient or a person alone has no address of its own
			l.headAddress(o, info, "")
		}
	}
	sent := childNamed(payload, "InformasjonOmForsendelsen")
	if objection := childNamed(sent, "ForbeholdOmVideresending"); objection != nil && len(others) > 0 {
		if v := strings.TrimSpace(textOf(objection)); v == "true" || v == "1" {
			l.find("forwarding-objection", objection, "")
		}
	}
	l.conversation(info, sent)
	l.headPatient(info)
	l.documents()
}

func elementOr(e, or *etree.Element) *etree.Element {
	if e != nil {
		return e
	}
	return or
}

// vOf is the attribute V of a child.
func vOf(e *etree.Element, child string) string {
	k := childNamed(e, child)
	if k == nil {
		return ""
	}
	return strings.TrimSpace(k.SelectAttrValue("V", ""))
}

// events holds the events of a logistics message against its type.
func (l *linter) events(payload *etree.Element) {
	want := eventOfKind(l.kind)
	t := l.f.tables[l.kind]
	if want == "" || t == nil || payload == nil {
		return
	}
	body := childNamed(payload, t.child)
	if body == nil {
		l.find("type-mismatch", payload, t.child)
		return
	}
	times, coded := map[string]string{}, false
	for _, e := range body.SelectElements("TidsfestetHendelse") {
		code := vOf(e, "Hendelsekode")
		when := vOf(e, "TidspunktForHendelse")
		coded = coded || code != ""
		if _, twice := times[code]; !twice {
			times[code] = when
		}
		l.event(e, code, when)
	}
	_, found := times[want]
	_, admitted := times["1"]
	switch {
	case !found && coded || !found && l.kind == "LOG_UTSKRIVNINGSKLAR":
		l.find("event-missing", body, "TidsfestetHendelse")
	case l.kind == "LOG_UTSKRIVNINGSKLAR" && !admitted:
		l.find("event-admission-missing", body, "TidsfestetHendelse")
	}
	for _, later := range []string{"2", "3"} {
		if before(times[later], times["1"]) {
			l.find("event-order", body, "")
		}
	}
	if l.kind == "LOG_UTSKREVET" && childNamed(body, "UtskrevetTil") == nil {
		l.find("discharged-to", body, "UtskrevetTil")
	}
}

// before tells whether one time certainly lies before another: dates compare with dates, never a day
// with a time inside it.
func before(a, b string) bool {
	a, b = normalTime(a), normalTime(b)
	if len(a) < 10 || len(b) < 10 {
		return false
	}
	if a[:10] != b[:10] || len(a) == 10 || len(b) == 10 {
		return a[:10] < b[:10]
	}
	ta, okA := timeOf(a)
	tb, okB := timeOf(b)
	return okA && okB && ta.Before(tb)
}

// event checks one event. An event without a code is told in words and not judged.
func (l *linter) event(e *etree.Element, code, when string) {
	estimate := strings.TrimSpace(textOfNamed(e, "Anslag"))
	yes, no := estimate == "true" || estimate == "1", estimate == "false" || estimate == "0"
	if (code == "1" || code == "2" || code == "4" || code == "13") && yes || code == "5" && no {
		l.find("estimate", childNamed(e, "Anslag"), "")
	}
	switch code {
	case "", "1", "5":
	case "2", "3", "4", "13":
		if code != eventOfKind(l.kind) && !(code == "3" && (l.kind == "LOG_AVMELDING" || l.kind == "LOG_UTSKREVET")) {
			l.find("event-foreign", childNamed(e, "Hendelsekode"), "")
		}
	default:
		l.find("event-unknown", childNamed(e, "Hendelsekode"), "")
	}
	if l.kind == "LOG_INNLAGT" && (code == "1" || code == "") && len(when) <= len("2026-01-01") {
		l.find("event-time", elementOr(childNamed(e, "TidspunktForHendelse"), e), "")
	}
}

// responsible demands the clinician who decided that the patient is ready for discharge.
func (l *linter) responsible(payload *etree.Element) {
	if l.kind != "LOG_UTSKRIVNINGSKLAR" || payload == nil {
		return
	}
	named, doctor := false, false
	look := func(p *etree.Element) {
		if strings.TrimSpace(textOfNamed(p, "FamilyName")) == "" {
			return
		}
		named = true
		switch role := vOf(p, "RoleToPatient"); {
		case vOf(p, "TypeHealthcareProfessional") == "LE", role == "3":
			doctor = true
		}
	}
	for _, a := range payload.SelectElements("AnsvarForRapport") {
		look(childNamed(a, "AnsvarligRapport"))
	}
	for _, k := range payload.SelectElements("KontaktpersonHelsepersonell") {
		look(childNamed(k, "Kontaktperson"))
	}
	switch {
	case !named:
		l.find("deciding-clinician", payload, "AnsvarForRapport/AnsvarligRapport")
	case !doctor:
		l.find("deciding-clinician-role", payload, "AnsvarForRapport/AnsvarligRapport")
	}
}

// headAddress checks the two levels of a Sender, Receiver or OtherReceiver.
func (l *linter) headAddress(e, info *etree.Element, name string) {
	if e == nil {
		l.find("address-level", info, name)
		return
	}
	type level struct {
		e    *etree.Element
		data samvirke.AddressLevel
	}
	var levels []level
	var last *etree.Element
	for o := childNamed(e, "Organisation"); o != nil; o = childNamed(o, "Organisation") {
		levels = append(levels, level{o, samvirke.AddressLevel{Name: textOfNamed(o, "OrganisationName"), IDs: idents(o)}})
		last = o
	}
	if p := childNamed(elementOr(last, e), "HealthcareProfessional"); p != nil {
		levels = append(levels, level{p, personLevel(p)})
	}
	if len(levels) < 2 {
		l.find("address-level", elementOr(last, e), "")
	}
	her := make([]string, len(levels))
	for i, v := range levels {
		her[i] = l.level(v.e, v.data, "Ident", "OrganisationName")
	}
	l.addressed(e, her, func(i int) *etree.Element { return levels[i].e }, "Ident")
}

// addressed demands a HER-id of the enterprise and of one level inside it, the communication party. A
// person named beside a service needs none.
func (l *linter) addressed(e *etree.Element, her []string, at func(i int) *etree.Element, idName string) {
	if len(her) == 0 {
		return
	}
	inner := len(her) == 1
	for i := 1; i < len(her); i++ {
		inner = inner || her[i] != ""
		if her[i] != "" && her[i] == her[i-1] {
			l.find("address-same", e, "")
		}
	}
	if her[0] == "" {
		l.find("address-her", at(0), idName)
	}
	if !inner {
		l.find("address-her", at(1), idName)
	}
}

// level checks name and form of the HER-id of one level of an address; it gives the HER-id in digits, "" for none.
func (l *linter) level(e *etree.Element, v samvirke.AddressLevel, idName, nameName string) string {
	if strings.TrimSpace(v.Name) == "" {
		l.find("address-name", e, nameName)
	}
	her := ""
	for _, id := range v.IDs {
		if id.Type != fhir.TypeHER {
			continue
		}
		her = fhir.NormalizeHER(id.Value)
		switch {
		case !allDigits(her):
			l.find("address-her-digits", e, idName)
		case her != id.Value:
			l.find("address-her-form", e, idName)
		}
		break
	}
	return her
}

// conversation demands the references from the second message of a dialogue or chain on.
func (l *linter) conversation(info, sent *etree.Element) {
	status := vOf(sent, "Forsendelsesstatus")
	follows := false
	switch samvirke.Op(status) {
	case samvirke.OpChange, samvirke.OpCancel, samvirke.OpAddition:
		follows = true
	case samvirke.OpNew, "":
	default:
		l.find("status-unknown", childNamed(sent, "Forsendelsesstatus"), "")
	}
	switch l.kind {
	case "DIALOG_SVAR", "DIALOG_AVVIK":
		follows = true
	}
	if v := strings.TrimSpace(textOfNamed(sent, "SvarPaaForesporsel")); v == "true" || v == "1" {
		follows = true
	}
	ref := childNamed(info, "ConversationRef")
	if ref == nil {
		if follows {
			l.find("conversation-missing", info, "ConversationRef")
		}
		return
	}
	parent, first := childText(ref, "RefToParent"), childText(ref, "RefToConversation")
	own := childText(info, "MsgId")
	switch {
	case parent == "" || first == "":
		l.find("conversation-incomplete", ref, "")
	case strings.EqualFold(parent, own) || strings.EqualFold(first, own):
		l.find("conversation-self", ref, "")
	case !isUUID(parent) || !isUUID(first):
		l.find("conversation-form", ref, "")
	}
}

// headPatient is rule E36 on what stands in the header.
func (l *linter) headPatient(info *etree.Element) {
	p := &mapping.Parsed{}
	pat := childNamed(info, "Patient")
	p.Envelope.Patient = patientRef(pat)
	if pat == nil && !patientDemanded(l.kind) {
		return
	}
	err := l.f.checkPatient(l.src, p, func(code, _, _ string) { l.patientWarning(code, pat) })
	l.patientFault(err, pat, info)
}

// patientWarning notes what checkPatient found beside the number that holds.
func (l *linter) patientWarning(code string, pat *etree.Element) {
	switch code {
	case "patient-identifier", fhir.CodeIdentifierSyntax, fhir.CodeIdentifierType, fhir.CodeCheckDigit, fhir.CodeSyntheticIdentifier:
		l.find("patient-other-identifier", pat, "")
	}
}

// patientFault notes why rule E36 does not hold.
func (l *linter) patientFault(err error, pat, around *etree.Element) {
	if err == nil {
		return
	}
	switch code := samvirke.FaultOf(err).Code; code {
	case "patient-missing":
		l.find(code, around, "Patient")
	case "patient-insufficient":
		l.find(code, elementOr(pat, around), "")
	case fhir.CodeSyntheticIdentifier:
		l.find("patient-test-number", elementOr(pat, around), "")
	default:
		l.find("patient-identifier", elementOr(pat, around), "")
	}
}
