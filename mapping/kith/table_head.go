package kith

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// headTable is the table of a whole message: MsgHead 1.2 around one payload.
func headTable(payload *el) *el {
	return group("mh", "MsgHead", "1", to("$MessageHeader"),
		group("mh", "MsgInfo", "1", inline{},
			leafEl("mh", "Type", "1", cs("8279"), "eventCoding"),
			leafEl("mh", "MIGversion", "1", constCodec{"v1.2 2006-05-24"}, "migversion"),
			leafEl("mh", "GenDate", "1", instant(), "$Bundle.timestamp"),
			leafEl("mh", "MsgId", "1", msgIDCodec{}, "$Bundle.identifier"),
			leafEl("mh", "ProcessingStatus", "?", cs("8113"), "@processing-status.valueCoding"),
			leafEl("mh", "RequestedPriority", "?", cs("8115"), "@requested-priority.valueCoding"),
			leafEl("mh", "Ack", "?", cs("7304"), "@ack.valueCoding"),
			group("mh", "ConversationRef", "?", inline{},
				leafEl("mh", "RefToParent", "1", text(), "@parent.valueString"),
				leafEl("mh", "RefToConversation", "1", text(), "@conversation.valueString"),
			),
			group("mh", "Sender", "1", inline{},
				leafEl("mh", "ComMethod", "?", cs("com-method"), "source.@com-method.valueCoding"),
				headOrganisation("1", org("sender>Organization")),
			),
			group("mh", "Receiver", "1", to("destination[0]"),
				leafEl("mh", "ComMethod", "?", cs("com-method"), "@com-method.valueCoding"),
				headOrganisation("1", org("receiver>Organization")),
			),
			otherReceiver(),
			group("mh", "Patient", "?", to("$Patient"), person("mh", "")...),
		),
		choice("1", payloadDocument(payload)),
		furtherDocuments(nil),
	)
}

func otherReceiver() *el {
	alone := func(role *fhir.Node) bool { return role.Get("organization") == nil }
	return group("mh", "OtherReceiver", "*", others{},
		leafEl("mh", "ComMethod", "?", cs("com-method"), "@com-method.valueCoding"),
		leafEl("mh", "RoleReceiver", "1", cs("8112"), "@role.valueCoding"),
		headOrganisation("?", org("receiver>Organization")),
		group("mh", "Patient", "?", to("@patient.valueReference>RelatedPerson"), person("mh", "")...),
		group("mh", "Person", "?", to("@person.valueReference>RelatedPerson"), person("mh", "")...),
		group("mh", "HealthcareProfessional", "?", to("receiver>PractitionerRole").of(alone), professional("mh")...),
	)
}

// payloadDocument is the first Document, which holds the professional message.
func payloadDocument(payload *el) *el {
	doc := group("mh", "Document", "1", to("@document"),
		leafEl("mh", "DocumentConnection", "?", cs("4702"), "%DocumentConnection.valueCoding"),
		leafEl("mh", "ContentType", "?", cv(), "%ContentType.valueCoding"),
		leafEl("mh", "ContentDescription", "?", text(), "%ContentDescription.valueString"),
		leafEl("mh", "ContentCategory", "?", cv(), "%ContentCategory.valueCoding"),
		leafEl("mh", "Consent", "?", cv(), "%Consent.valueCoding"),
		leafEl("mh", "Annotation", "?", text(), "%Annotation.valueString"),
		leafEl("mh", "FromDate", "?", ts(), "%FromDate.valueDateTime"),
		leafEl("mh", "ToDate", "?", ts(), "%ToDate.valueDateTime"),
		leafEl("mh", "OidRef", "?", text(), "%OidRef.valueString"),
		leafEl("mh", "EnquiryRefId", "?", text(), "%EnquiryRefId.valueString"),
		group("mh", "RefDoc", "1", inline{},
			leafEl("mh", "IssueDate", "?", ts(), "%IssueDate.valueDateTime"),
			leafEl("mh", "MsgType", "1", fallback{cs("8114"), []attr{{"V", "XML"}, {"DN", "XML-instans"}}}, "%MsgType.valueCoding"),
			leafEl("mh", "Id", "?", text(), "%Id.valueString"),
			leafEl("mh", "MimeType", "?", text(), "%MimeType.valueString"),
			leafEl("mh", "Description", "?", text(), "%Description.valueString"),
			leafEl("mh", "Compression", "?", cs("1204"), "%Compression.valueCoding"),
			group("mh", "Content", "1", to("$Composition"), payload),
		),
	)
	doc.only = isFirstDocument
	doc.place = payloadPlace{}
	return doc
}

// payloadPlace is the extension on MessageHeader that holds what the header says about the
// payload's document. A Bundle from elsewhere does not have it; there still is one document.
type payloadPlace struct{}

var aboutPayload = to("@document")

func (payloadPlace) enter(b *builder, c cursor) cursor { return aboutPayload.enter(b, c) }
func (payloadPlace) each(r *reader, c cursor) []cursor {
	if found := aboutPayload.each(r, c); len(found) > 0 {
		return found[:1]
	}
	return []cursor{{res: c.res, obj: fhir.NewObject()}}
}
func (payloadPlace) describe(below string) string { return join(below, "extension(document)") }

func hasPayload(e *etree.Element) bool {
	content := childNamed(childNamed(e, "RefDoc"), "Content")
	if content == nil {
		return false
	}
	for _, k := range content.ChildElements() {
		if k.Tag != "Base64Container" {
			return true
		}
	}
	return false
}

func childNamed(e *etree.Element, name string) *etree.Element {
	if e == nil {
		return nil
	}
	for _, t := range e.Child {
		if k, ok := t.(*etree.Element); ok && k.Tag == name {
			return k
		}
	}
	return nil
}

// constCodec is a text that the standard fixes; another one is noted.
type constCodec struct{ value string }

func (k constCodec) describe() (string, string) { return "fixed", k.value }
func (k constCodec) parse(b *builder, l *leaf, _ slot) {
	if strings.TrimSpace(l.text) != k.value {
		b.note(b.here, "not-carried", "the standard fixes this text")
	}
}
func (k constCodec) render(*reader, slot) (leaf, bool) { return leaf{text: k.value}, true }

// fallback writes fixed attributes where FHIR has nothing and the schema wants something.
type fallback struct {
	codec
	attrs []attr
}

func (k fallback) absent(*reader) leaf { return leaf{attrs: k.attrs} }

// absent: see demanded.

// msgIDCodec is MsgId in Bundle.identifier.
type msgIDCodec struct{}

// SystemMessageID is the identifier system of message ids that are no UUID.
const SystemMessageID = fhir.ExtBase + "message-id"

func (msgIDCodec) describe() (string, string) { return "Identifier", "urn:uuid:" }

func (msgIDCodec) parse(_ *builder, l *leaf, s slot) {
	id := l.text
	n := s.object()
	if isUUID(id) {
		n.Set("system", s.arena.String(fhir.SystemURI))
		n.Set("value", s.arena.String("urn:uuid:"+id))
		return
	}
	n.Set("system", s.arena.String(SystemMessageID))
	putScalar(stringScalar{}, id, s.in(n, "value"))
}

func (msgIDCodec) render(r *reader, s slot) (leaf, bool) {
	n, _ := s.get()
	if n == nil {
		return leaf{}, false
	}
	r.use(n.Get("system"))
	t, ok := getScalar(r, stringScalar{}, slot{obj: n, key: "value", index: -1})
	return leaf{text: strings.TrimPrefix(t, "urn:uuid:")}, ok
}

// isUUID takes the usual form of 36 characters.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
			continue
		}
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}
