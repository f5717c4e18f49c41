package kith

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// hcpMessage checks an epicrisis or a referral without a separate header, of any version.
func (l *linter) hcpMessage() {
	report := childNamed(l.root, "ServRprt")
	sender, receiver, id := "ServProvider", "Requester", "ServProvId"
	if report == nil { // a referral: the same parts the other way round
		sender, receiver, id = "Requester", "ServProvider", "Id"
		if report = childNamed(l.root, "ServReq"); report == nil {
			return
		}
	}
	// Only the newest version of each asks for a UUID.
	if now := l.kind == "EPIKRISE" || l.kind == "HENVISNING"; now && !isUUID(childText(l.root, "MsgId")) {
		l.find("message-id", elementOr(childNamed(l.root, "MsgId"), l.root), "")
	}
	if childText(report, id) == "" {
		l.find("report-id", report, id)
	}
	switch samvirke.Op(vOf(report, "ServType")) {
	case samvirke.OpNew:
		if l.kind == "EPIKRISE" && childText(childNamed(report, "ServReq"), "Id") == "" {
			l.find("referral-missing", report, "ServReq/Id")
		}
	case samvirke.OpChange, samvirke.OpCancel, samvirke.OpAddition:
	default:
		l.find("status-unknown", elementOr(childNamed(report, "ServType"), report), "")
	}
	l.hcpAddress(childNamed(report, sender), report, sender)
	l.hcpAddress(childNamed(report, receiver), report, receiver)
	for _, c := range report.SelectElements("CopyDest") {
		l.hcpAddress(c, report, "CopyDest")
	}
	pat := childNamed(report, "Patient")
	if pat == nil {
		l.find("patient-missing", report, "Patient")
	} else {
		p := &mapping.Parsed{}
		p.Envelope.Patient = patientOf(pat)
		err := l.f.checkEpikrisePatient(pat, p, func(code, _, _ string) { l.patientWarning(code, pat) })
		l.patientFault(err, pat, report)
	}
	l.bytes()
	for _, d := range report.SelectElements("RefDoc") {
		l.refDoc(d)
	}
}

// hcpAddress checks the levels of a role with an HCP inside it.
func (l *linter) hcpAddress(e, around *etree.Element, name string) {
	if e == nil {
		l.find("address-level", around, name)
		return
	}
	hcp := childNamed(e, "HCP")
	inst := childNamed(hcp, "Inst")
	var levels []*etree.Element
	if inst != nil {
		levels = append(levels, inst)
		levels = append(levels, inst.SelectElements("Dept")...)
		levels = append(levels, inst.SelectElements("HCPerson")...)
	} else if alone := childNamed(hcp, "HCProf"); alone != nil {
		levels = append(levels, alone)
	}
	if len(levels) < 2 {
		l.find("address-level", elementOr(inst, e), "")
	}
	her := make([]string, len(levels))
	for i, v := range levels {
		her[i] = l.level(v, levelOf(v, ""), "Id", "Name")
	}
	l.addressed(e, her, func(i int) *etree.Element { return levels[i] }, "Id")
}

// appRec checks a receipt.
func (l *linter) appRec() {
	version := versions[l.root.NamespaceURI()]
	if _, mig, ok := appRecNamespace(version); ok {
		if written := childText(l.root, "MIGversion"); written != "" && written != mig {
			l.find("apprec-form", childNamed(l.root, "MIGversion"), "")
		}
	}
	if !isUUID(childText(l.root, "Id")) {
		l.find("message-id", elementOr(childNamed(l.root, "Id"), l.root), "")
	}
	status, errors := vOf(l.root, "Status"), len(l.root.SelectElements("Error"))
	if status == "1" && errors > 0 || (status == "2" || status == "3") && errors == 0 {
		l.find("apprec-status", elementOr(childNamed(l.root, "Status"), l.root), "")
	}
	original := childNamed(l.root, "OriginalMsgId")
	if childText(original, "Id") == "" {
		l.find("apprec-original", elementOr(original, l.root), "")
	}
	if want := receiptVersionFor(vOf(original, "MsgType")); want != "" && version != "" && want != version {
		l.find("apprec-version", l.root, "")
	}
	for _, side := range []string{"Sender", "Receiver"} {
		l.hcpAddress(childNamed(l.root, side), l.root, side)
	}
}

// receiptVersionFor is the receipt version where the type alone tells it, because it exists in one
// version only; "" elsewhere.
//
// Source: standards/no README sections 2.1 and 7.3, rule 9.
func receiptVersionFor(kind string) string {
	switch kind {
	case "E", "H", "FRAVARSMELDING":
		return "1.0"
	case "EPIKRISE", "HENVISNING", "HENVISNING_NYTILSTAND", "HENVISNING_VIDERE", "DIALOG_HELSEFAGLIG", "DIALOG_STATUS_HENVISNING", "FODSELS_EPIKRISE":
		return "1.1"
	}
	if strings.HasPrefix(kind, citizenPrefix) {
		return "1.1"
	}
	return ""
}
