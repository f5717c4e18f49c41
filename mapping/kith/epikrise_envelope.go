package kith

import (
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// childText gives the text of a child element, without white space around it; "" when there is none.
func childText(e *etree.Element, tag string) string {
	return strings.TrimSpace(textOfNamed(e, tag))
}

// childV gives @V and @DN of a child element.
func childV(e *etree.Element, tag string) (v, dn string) {
	c := childNamed(e, tag)
	if c == nil {
		return "", ""
	}
	return c.SelectAttrValue("V", ""), c.SelectAttrValue("DN", "")
}

// envelopeHCP reads who, to whom and about whom from an epicrisis or a referral 1.x. It takes what it finds and
// never fails, so that a message which is refused can be answered.
func envelopeHCP(root *etree.Element) samvirke.Envelope {
	uri, _ := (*scope)(nil).at(root).uriOf(root.Space)
	env := samvirke.Envelope{Format: Name, Version: versions[uri], ID: childText(root, "MsgId")}
	env.Kind, env.KindDisplay = childV(root, "Type")
	env.Kind = kindOf(env.Kind)
	if root.SelectElement("Type") == nil { // the schema leaves it open
		env.Kind = hcpKind(uri)
	}
	env.GeneratedRaw, _ = childV(root, "GenDate")
	env.GeneratedAt, _ = timeOf(env.GeneratedRaw)
	sender, primary, id := "ServProvider", "Requester", "ServProvId"
	content := root.SelectElement("ServRprt")
	if content == nil { // a referral: the same parts the other way round
		sender, primary, id = primary, sender, "Id"
		if content = root.SelectElement("ServReq"); content == nil {
			return env
		}
	}
	op, _ := childV(content, "ServType")
	env.Op = samvirke.Op(op)
	env.Conversation = childText(content, id)
	env.Sender = party(content.SelectElement(sender), "")
	for _, e := range content.SelectElements(primary) {
		env.Receivers = append(env.Receivers, party(e, "primary"))
	}
	for _, e := range content.SelectElements("CopyDest") {
		env.Receivers = append(env.Receivers, party(e, "copy"))
	}
	env.Patient = patientOf(content.SelectElement("Patient"))
	if sender == "Requester" {
		env.Referrals = referralIDs(env.Conversation)
		return env
	}
	for _, r := range content.SelectElements("ServReq") {
		env.Referrals = append(env.Referrals, referralIDs(childText(r, "Id"))...)
	}
	env.EventAt = lastEvent(content)
	return env
}

// lastEvent is when the stay told about ended, or began when its end is not told; of several
// stays the latest counts.
func lastEvent(report *etree.Element) (at time.Time) {
	for _, e := range report.SelectElements("Event") {
		r := e.SelectElement("ReportedEvent")
		for _, tag := range []string{"EndDateTime", "StartDateTime"} {
			v, _ := childV(r, tag)
			if t, ok := timeOf(v); ok {
				if t.After(at) {
					at = t
				}
				break
			}
		}
	}
	return at
}

// party reads a role with an HCP inside it.
func party(e *etree.Element, role string) samvirke.Address {
	if e == nil {
		return samvirke.Address{Role: role}
	}
	a := samvirke.Address{Role: role}
	a.RoleCode, _ = childV(e, "Role")
	hcp := childNamed(e, "HCP")
	if hcp == nil {
		return a
	}
	if p := childNamed(hcp, "HCProf"); p != nil {
		a.Levels = append(a.Levels, levelOf(p, levelPerson))
		return a
	}
	inst := childNamed(hcp, "Inst")
	if inst == nil {
		return a
	}
	a.Levels = append(a.Levels, levelOf(inst, levelOrganisation))
	for d := range kidsNamed(inst, "Dept") {
		a.Levels = append(a.Levels, levelOf(d, levelDepartment))
	}
	for p := range kidsNamed(inst, "HCPerson") {
		a.Levels = append(a.Levels, levelOf(p, levelPerson))
	}
	return a
}

func levelOf(e *etree.Element, kind string) samvirke.AddressLevel {
	l := samvirke.AddressLevel{Kind: kind, Name: childText(e, "Name")}
	if id := childText(e, "Id"); id != "" {
		typ, _ := childV(e, "TypeId")
		l.IDs = append(l.IDs, fhir.NewIdentifier(typ, id))
	}
	for x := range kidsNamed(e, "AdditionalId") {
		if id := childText(x, "Id"); id != "" {
			typ, _ := childV(x, "Type")
			l.IDs = append(l.IDs, fhir.NewIdentifier(typ, id))
		}
	}
	return l
}

// patientOf picks the identifier that names the patient best: FNR, DNR, FHN, then any other.
func patientOf(e *etree.Element) samvirke.PatientRef {
	var p samvirke.PatientRef
	if e == nil {
		return p
	}
	best := len(patientTypes) + 1
	for _, id := range patientIDs(e) {
		if rank := rankOf(id.Type); rank < best {
			best = rank
			id.Value = fhir.NormalizePerson(id.Value)
			p.Identifier = id
		}
	}
	birth, _ := childV(e, "DateOfBirth")
	sex, _ := childV(e, "Sex")
	p.HasName, p.HasBirthDate, p.HasSex = childText(e, "Name") != "", birth != "", sex != ""
	p.Municipality, _ = childV(e.SelectElement("Address"), "County")
	return p
}

// patientIDs lists OffId and the AdditionalIds.
func patientIDs(e *etree.Element) []samvirke.Identifier {
	var out []samvirke.Identifier
	if id := childText(e, "OffId"); id != "" {
		typ, _ := childV(e, "TypeOffId")
		out = append(out, fhir.NewIdentifier(typ, id))
	}
	return append(out, levelOf(e, levelPerson).IDs...)
}

// envelopeAppRec reads a receipt: from whom, to whom, about which message, and the verdict.
func envelopeAppRec(root *etree.Element) samvirke.Envelope {
	env := samvirke.Envelope{
		Format: Name, Version: versions[root.NamespaceURI()], ID: childText(root, "Id"),
		GeneratedRaw: childText(root, "GenDate"),
	}
	env.Kind, env.KindDisplay = childV(root, "MsgType")
	env.GeneratedAt, _ = timeOf(env.GeneratedRaw)
	env.Sender = party(root.SelectElement("Sender"), "")
	if e := root.SelectElement("Receiver"); e != nil {
		env.Receivers = []samvirke.Address{party(e, "primary")}
	}
	status, _ := childV(root, "Status")
	c := &samvirke.ReceiptContent{Status: samvirke.ReceiptStatus(status)}
	for _, e := range root.SelectElements("Error") {
		c.Errors = append(c.Errors, samvirke.ReceiptError{
			Code: e.SelectAttrValue("V", ""), System: e.SelectAttrValue("S", ""),
			Display: e.SelectAttrValue("DN", ""), Detail: e.SelectAttrValue("OT", ""),
		})
	}
	if o := root.SelectElement("OriginalMsgId"); o != nil {
		c.OriginalKind, _ = childV(o, "MsgType")
		c.OriginalIssued = childText(o, "IssueDate")
		c.OriginalID = childText(o, "Id")
	}
	env.Receipt = c
	return env
}
