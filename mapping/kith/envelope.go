package kith

import (
	"iter"
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// rootKind is which of the three shapes of message a root element begins.
type rootKind uint8

const (
	kindUnknown rootKind = iota
	kindMsgHead
	kindHCP
	kindAppRec
)

// rootOf tells the shape by the root's name and namespace.
func rootOf(root *etree.Element) (rootKind, error) {
	uri, _ := (*scope)(nil).at(root).uriOf(root.Space)
	switch {
	case uri == nsMsgHead && root.Tag == "MsgHead":
		return kindMsgHead, nil
	case root.Tag == "Message" && hcpKind(uri) != "" && versions[uri] != "":
		return kindHCP, nil
	case root.Tag == "AppRec" && (uri == kithNS+"/apprec/2004-11-21" || uri == kithNS+"/apprec/2012-02-15"):
		return kindAppRec, nil
	}
	return kindUnknown, faultKind("unknown-format", "the kind of message is not known here")
}

func faultKind(code, safe string) *samvirke.Fault {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: safe, Receipt: "T10"}
}

// envelopeMsgHead reads the header leniently: a message that fails its schema still shall be
// answered, when its sender can be read.
func envelopeMsgHead(root *etree.Element) samvirke.Envelope {
	info := childNamed(root, "MsgInfo")
	env := samvirke.Envelope{Format: Name, ID: strings.TrimSpace(textOfNamed(info, "MsgId"))}
	if t := childNamed(info, "Type"); t != nil {
		env.Kind = strings.TrimSpace(t.SelectAttrValue("V", ""))
		env.KindDisplay = t.SelectAttrValue("DN", "")
	}
	env.GeneratedRaw = strings.TrimSpace(textOfNamed(info, "GenDate"))
	env.GeneratedAt, _ = timeOf(env.GeneratedRaw)
	if c := childNamed(info, "ConversationRef"); c != nil {
		env.Parent = strings.TrimSpace(textOfNamed(c, "RefToParent"))
		env.Conversation = strings.TrimSpace(textOfNamed(c, "RefToConversation"))
	}
	env.Sender = headAddress(childNamed(info, "Sender"))
	if r := childNamed(info, "Receiver"); r != nil {
		a := headAddress(r)
		a.Role = "primary"
		env.Receivers = append(env.Receivers, a)
	}
	if info != nil {
		for o := range kidsNamed(info, "OtherReceiver") {
			a := headAddress(o)
			a.Role = "copy"
			if r := childNamed(o, "RoleReceiver"); r != nil { // the schema demands it, but is asked later
				a.RoleCode = r.SelectAttrValue("V", "")
			}
			env.Receivers = append(env.Receivers, a)
		}
	}
	env.Patient = patientRef(childNamed(info, "Patient"))
	if p := payloadOf(root); p != nil {
		scope := scopeOf(p)
		uri, _ := scope.uriOf(p.Space)
		env.Version = versions[uri]
		if i := childNamed(p, "InformasjonOmForsendelsen"); i != nil {
			if s := childNamed(i, "Forsendelsesstatus"); s != nil {
				env.Op = samvirke.Op(strings.TrimSpace(s.SelectAttrValue("V", "")))
			}
			switch strings.TrimSpace(textOfNamed(i, "ForbeholdOmVideresending")) {
			case "true", "1":
				env.NoForwarding = true
			}
		}
	}
	return env
}

// scopeOf gives the declarations in force at an element.
func scopeOf(e *etree.Element) *scope {
	if e == nil {
		return nil
	}
	return scopeOf(e.Parent()).at(e)
}

func textOfNamed(e *etree.Element, name string) string {
	if k := childNamed(e, name); k != nil {
		return textOf(k)
	}
	return ""
}

// payloadOf is the professional message inside the first Document.
func payloadOf(root *etree.Element) *etree.Element {
	content := childNamed(childNamed(childNamed(root, "Document"), "RefDoc"), "Content")
	if content == nil {
		return nil
	}
	for _, t := range content.Child {
		if k, ok := t.(*etree.Element); ok {
			return k
		}
	}
	return nil
}

// kidsNamed goes through the elements of a name inside another.
func kidsNamed(e *etree.Element, name string) iter.Seq[*etree.Element] {
	return func(yield func(*etree.Element) bool) {
		for _, t := range e.Child {
			if k, ok := t.(*etree.Element); ok && k.Tag == name && !yield(k) {
				return
			}
		}
	}
}

// headAddress reads the levels of a Sender, Receiver or OtherReceiver.
func headAddress(e *etree.Element) samvirke.Address {
	var a samvirke.Address
	if e == nil {
		return a
	}
	kind := "organisation"
	for o := childNamed(e, "Organisation"); o != nil; o = childNamed(o, "Organisation") {
		a.Levels = append(a.Levels, samvirke.AddressLevel{Kind: kind, Name: textOfNamed(o, "OrganisationName"), IDs: idents(o)})
		kind = "department"
		if p := childNamed(o, "HealthcareProfessional"); p != nil {
			a.Levels = append(a.Levels, personLevel(p))
		}
	}
	for _, name := range []string{"HealthcareProfessional", "Person", "Patient"} {
		if p := childNamed(e, name); p != nil {
			a.Levels = append(a.Levels, personLevel(p))
		}
	}
	return a
}

func personLevel(p *etree.Element) samvirke.AddressLevel {
	l := samvirke.AddressLevel{
		Kind: "person", FamilyName: textOfNamed(p, "FamilyName"), GivenName: textOfNamed(p, "GivenName"),
		MiddleName: textOfNamed(p, "MiddleName"), IDs: idents(p),
	}
	l.Name = strings.Join(strings.Fields(l.GivenName+" "+l.MiddleName+" "+l.FamilyName), " ")
	return l
}

func idents(e *etree.Element) []samvirke.Identifier {
	var out []samvirke.Identifier
	for i := range kidsNamed(e, "Ident") {
		typ := ""
		if t := childNamed(i, "TypeId"); t != nil {
			typ = strings.TrimSpace(t.SelectAttrValue("V", ""))
		}
		if v := strings.TrimSpace(textOfNamed(i, "Id")); v != "" {
			out = append(out, fhir.NewIdentifier(typ, v))
		}
	}
	return out
}

// patientRef picks the identifier that names the patient best: FNR, DNR, FHN, then any other.
func patientRef(p *etree.Element) samvirke.PatientRef {
	var ref samvirke.PatientRef
	if p == nil {
		return ref
	}
	ref.HasName = strings.TrimSpace(textOfNamed(p, "FamilyName")+textOfNamed(p, "GivenName")) != ""
	ref.HasBirthDate = strings.TrimSpace(textOfNamed(p, "DateOfBirth")) != ""
	if s := childNamed(p, "Sex"); s != nil {
		ref.HasSex = strings.TrimSpace(s.SelectAttrValue("V", "")) != ""
	}
	if c := childNamed(childNamed(p, "Address"), "County"); c != nil {
		ref.Municipality = strings.TrimSpace(c.SelectAttrValue("V", ""))
	}
	best := len(patientTypes) + 1
	for _, id := range idents(p) {
		rank := rankOf(id.Type)
		if rank < best {
			best = rank
			id.Value = fhir.NormalizePerson(id.Value)
			ref.Identifier = id
		}
	}
	return ref
}

var patientTypes = [...]string{fhir.TypeFNR, fhir.TypeDNR, fhir.TypeFHN}

func rankOf(typ string) int {
	for i, t := range patientTypes {
		if t == typ {
			return i
		}
	}
	return len(patientTypes)
}
