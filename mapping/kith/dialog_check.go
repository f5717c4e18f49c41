package kith

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
)

// Rules of the dialogue messages beyond their schema. All of them warn: the content of a message is no reason to
// refuse it.

// patientDemanded tells whether the profile of a kind wants a patient. An error report about a message must never be
// refused for want of one, since nothing else takes a positive receipt back; tests and questions about who
// is a digital citizen are about nobody.
func patientDemanded(kind string) bool {
	switch kind {
	case "DIALOG_AVVIK", citizenPrefix + "TEST", citizenPrefix + "DIGITALBRUKER":
		return false
	}
	return true
}

// dialogContent is the element that a kind consists of and the code list of its topics.
//
// Source: standards/no README section 5.
func dialogContent(kind string) (element, list string) {
	switch kind {
	case "DIALOG_FORESPORSEL":
		return "Foresporsel", ""
	case "DIALOG_SVAR":
		return "Notat", "9069"
	case "DIALOG_NOTAT":
		return "Notat", "7321"
	case "DIALOG_HELSEFAGLIG":
		return "Notat", "7322"
	case "DIALOG_AVVIK":
		return "Notat", "8117"
	case "DIALOG_STATUS_HENVISNING":
		return "Notat", "9148"
	}
	return "", ""
}

// checkDialog warns of what the profiles of the dialogue messages ask for and the schema does not.
func (f *Format) checkDialog(src *source, env *samvirke.Envelope, warn func(code, path, text string)) {
	if !isDialog(env.Kind) {
		return
	}
	p := payloadOf(src.root)
	const at = "/MsgHead/Document/RefDoc/Content/Dialogmelding/"
	element, list := dialogContent(env.Kind)
	if element != "" && childNamed(p, element) == nil {
		warn("dialog-content", at+element, "a message of this type has this element")
	}
	for _, n := range p.SelectElements("Notat") {
		s := strings.TrimSpace(childNamed(n, "TemaKodet").SelectAttrValue("S", ""))
		if list != "" && s != "" && s != volvenOID+list {
			warn("topic-list", at+"Notat/TemaKodet", "the topic is not from the code list of this type of message")
		}
		if env.Kind == "DIALOG_AVVIK" && childNamed(n, "TekstNotatInnhold") == nil {
			warn("deviation-text", at+"Notat/TekstNotatInnhold", "an error report does not say in words what is wrong")
		}
	}
	checkReference(env, p, warn)
	switch env.Kind {
	case "DIALOG_HELSEFAGLIG":
		checkFiles(src.root, warn)
	case kindExtract:
		checkExtract(src.root, warn)
	}
}

// volvenOID begins the national code lists as messages name them.
const volvenOID = "2.16.578.1.12.4.1.1."

// checkReference wants a reference to the earlier message in all but the first message of a dialogue.
func checkReference(env *samvirke.Envelope, p *etree.Element, warn func(code, path, text string)) {
	const at = "/MsgHead/MsgInfo/ConversationRef"
	switch {
	case env.Parent == "" && env.Kind == "DIALOG_AVVIK":
		warn("no-reference", at, "an error report does not say which message it is about")
	case env.Parent == "" && follows(env.Kind, p):
		warn("no-reference", at, "an answer without reference to what it answers")
	case env.Parent != "" && strings.EqualFold(env.Parent, env.ID):
		warn("self-reference", at, "the message refers to itself")
	}
	for _, id := range []string{env.Parent, env.Conversation} {
		if id != "" && !isUUID(id) {
			warn("reference-form", at, "the reference to another message is not a UUID")
			return
		}
	}
}

// follows tells whether a dialogue message cannot be the first of its dialogue.
func follows(kind string, p *etree.Element) bool {
	if kind == "DIALOG_SVAR" || kind == "DIALOG_STATUS_HENVISNING" {
		return true
	}
	for _, n := range p.SelectElements("Notat") {
		switch strings.TrimSpace(childNamed(n, "TemaKodet").SelectAttrValue("S", "")) {
		case volvenOID + "9069", volvenOID + "7602", volvenOID + "7606": // answers, of professionals and to citizens
			return true
		}
		if childNamed(n, "Foresporsel") != nil {
			return true
		}
	}
	return false
}

// checkFiles looks at the media types that clinical dialogue allows.
func checkFiles(root *etree.Element, warn func(code, path, text string)) {
	for _, d := range root.SelectElements("Document") {
		if hasPayload(d) {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(textOfNamed(childNamed(d, "RefDoc"), "MimeType"))) {
		case "application/pdf", "image/jpeg", "image/jpg", "image/png":
		default:
			warn("attachment-type", "/MsgHead/Document/RefDoc/MimeType", "attachments of clinical dialogue are PDF, JPEG or PNG")
		}
	}
}

// checkExtract compares the outline of an extract with the components that are there.
func checkExtract(root *etree.Element, warn func(code, path, text string)) {
	const at = "/MsgHead/Document/RefDoc/Content/"
	x := extractIDs{listed: map[string]bool{}, enclosed: map[string]bool{}, inside: map[string]bool{}, supplements: map[string]bool{}}
	var refs, belongs []string
	for _, d := range root.SelectElements("Document")[1:] {
		for _, c := range childElements(childNamed(childNamed(d, "RefDoc"), "Content")) {
			id := c.SelectAttrValue("komponentID", "")
			switch c.Tag {
			case "Node":
				x.nodes(c, warn)
				continue
			case "tilleggsinfoEPJKomponent":
				x.supplements[id] = true
				belongs = append(belongs, strings.TrimSpace(textOfNamed(c, "tilhorerKomponent")))
				continue
			case "Base64Container":
				continue
			}
			x.enclosed[id] = true
			refs = append(refs, x.components(c)...)
		}
	}
	for id := range x.listed {
		if !x.enclosed[id] && !x.inside[id] {
			warn("component-missing", at+"Node", "the outline names a component that is not enclosed")
		}
	}
	for id := range x.enclosed {
		if len(x.listed) > 0 && !x.listed[id] {
			warn("component-unlisted", at+"Node", "a component is enclosed that the outline does not name")
		}
	}
	for _, id := range belongs {
		if id != "" && !x.enclosed[id] && !x.inside[id] {
			warn("component-unknown", at+"tilleggsinfoEPJKomponent/tilhorerKomponent", "supplementary information belongs to a component that is not enclosed")
		}
	}
	for _, id := range refs {
		if !x.supplements[id] {
			warn("supplement-missing", at+"@referanseViktigTilleggsinfo", "a component refers to supplementary information that is not enclosed")
		}
	}
	checkCodeSystems(root, warn)
}

// extractIDs are the ids of components: named by the outline, enclosed as documents, inside those, and of supplements.
type extractIDs struct{ listed, enclosed, inside, supplements map[string]bool }

// nodes takes the ids below the top of the outline and compares each type with its category.
func (x *extractIDs) nodes(e *etree.Element, warn func(code, path, text string)) {
	for _, n := range e.SelectElements("Node") {
		x.listed[n.SelectAttrValue("komponentID", "")] = true
		want := map[string]string{
			"2.16.578.1.12.4.1.6.14.50001.0": "Cave/allergier", "2.16.578.1.12.4.1.6.14.50301.0": "Andre notater",
			"2.16.578.1.12.4.1.6.14.50302.0": "Legemidler",
		}[n.SelectAttrValue("komponenttype", "")]
		if got := n.SelectAttrValue("informasjonskategori", want); want != "" && got != want {
			warn("component-category", "/MsgHead/Document/RefDoc/Content/Node", "category and type of a component contradict each other")
		}
		x.nodes(n, warn)
	}
}

// components takes the ids inside a component and gives the references to supplements, empty ones too.
func (x *extractIDs) components(e *etree.Element) (refs []string) {
	if a := e.SelectAttr("referanseViktigTilleggsinfo"); a != nil {
		refs = append(refs, a.Value)
	}
	for _, k := range e.ChildElements() {
		if id := k.SelectAttrValue("komponentID", ""); id != "" {
			x.inside[id] = true
		}
		refs = append(refs, x.components(k)...)
	}
	return refs
}

// checkCodeSystems warns once of an identifier whose type does not name its code list: it may mean another one.
func checkCodeSystems(root *etree.Element, warn func(code, path, text string)) {
	for _, t := range root.FindElements("//TypeId") {
		if t.SelectAttr("S") == nil {
			warn("code-system", "TypeId/@S", "a code does not say which code list it is from")
			return
		}
	}
}
