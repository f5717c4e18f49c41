package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// An enquiry (Foresporsel) is a CommunicationRequest, a note (Notat) a Communication. A note that answers an
// enquiry is based on it.

// enquiry are the rows of a Foresporsel.
func enquiry(card string, p place) *el {
	return group("root", "Foresporsel", card, p,
		leafEl("root", "TypeForesp", "1", fallback{cvConcept(), []attr{{"V", "99"}, {"S", "2.16.578.1.12.4.1.1.9152"}, {"DN", "Annen henvendelse"}}}, "category[0]"),
		leafEl("root", "EmneSporsmal", "?", text(), "@subject-line.valueString").in11(),
		leafEl("root", "Sporsmal", "?", saidCodec{markupSince: "1.1"}, "payload"),
		leafEl("root", "Formål", "?", cvConcept(), "reasonCode[0]"),
		leafEl("root", "Begrunnelse", "?", text(), "note[0].text"),
		leafEl("root", "Hastegrad", "?", cs("urgency"), "@urgency.valueCoding"),
		leafEl("root", "FraDato", "?", date(), "@information-period.valuePeriod.start"),
		leafEl("root", "TilDato", "?", date(), "@information-period.valuePeriod.end"),
		repeated("root", "TypeJournalinfo", cv(), "@record-information[].valueCoding").many11(),
		leafEl("root", "KodetOpplysning", "?", cv(), "@coded-information.valueCoding").in11(),
		leafEl("root", "DokIdForesp", "?", text(), "identifier[0].value"),
		participants(),
	)
}

// note are the rows of a Notat.
func note() *el {
	return group("root", "Notat", "*", talk{"Notat", "Communication"},
		leafEl("root", "TemaKodet", "1", topicCodec{cv()}, "topic.coding[]"),
		leafEl("root", "Tema", "?", text(), "topic.text"),
		leafEl("root", "TekstNotatInnhold", "?", saidCodec{}, "payload"),
		remarkRow("root", "note[0].text"),
		leafEl("root", "DokIdNotat", "?", text(), "identifier[0].value"),
		leafEl("root", "DatoNotat", "?", date(), "sent"),
		enquiry("?", to("basedOn[0]>CommunicationRequest")).then(afterAnswered).remark("the enquiry that is answered"),
		participants(),
	).then(afterNote)
}

// topicCodec is the topic of a note. The schema wants one; where FHIR has none it is the one of the kind's list that
// says least, and for a list without such a one nothing but a text.
type topicCodec struct{ codec }

func (topicCodec) absent(r *reader) leaf {
	code := map[string][3]string{
		"DIALOG_SVAR": {"5", "9069", "Svar på forespørsel"}, "DIALOG_NOTAT": {"3", "7321", "Uspesifisert notat"},
		"DIALOG_HELSEFAGLIG": {"6", "7322", "Henvendelse om pasient"}, "DIALOG_AVVIK": {"9", "8117", "Annet"},
	}[kindOfBundle(r.bundle)]
	if code[0] == "" {
		return leaf{attrs: []attr{{"OT", "Ikke oppgitt"}}}
	}
	return leaf{attrs: []attr{{"V", code[0]}, {"S", volvenOID + code[1]}, {"DN", code[2]}}}
}

// participants are those whom a note or enquiry names beside sender and receiver of the message.
func participants() *el {
	return group("root", "RollerRelatertNotat", "*", to("@participant[]"),
		leafEl("root", "RolleNotat", "?", cv(), "%function.valueCoding"),
		leafEl("root", "RoleToPatient", "?", cv(), "%role-to-patient.valueCoding"),
		group("root", "TilknyttetEnhet", "?", to("%unit"),
			unit("root", "Kontaktenhet", "1", "%organisation.valueReference>Organization"),
			remarkRow("root", "%remark.valueString"),
			whoever("%contact.valueReference", false),
		).in11(),
		whoever("%actor.valueReference", true),
	)
}

// whoever is a professional or another person at a reference; demanded says that version 1.0 wants one.
func whoever(ref string, demanded bool) *el {
	const who = "practitioner>Practitioner."
	rows := []*el{
		leafEl("root", "TypeHealthcareProfessional", "?", csConcept("9060"), who+"qualification[0].code"),
		leafEl("root", "RoleToPatient", "?", cvConcept(), "code[0]"),
	}
	rows = append(append(rows, personNames("root", who)...), contactRows(who)...)
	names := personNames("root", "")
	names[0], names[2] = names[2], names[0] // a person begins with the given name
	var place place = to(ref + ">RelatedPerson")
	if demanded {
		place = orNobody{place, to(ref + ">PractitionerRole")}
	}
	return choice("?",
		group("root", "HealthcareProfessional", "1", to(ref+">PractitionerRole"), rows...),
		group("root", "Person", "1", place, append(names, contactRows("")...)...))
}

// contactRows are identifiers, address and telecom, whose insides are in the namespace of the common component.
func contactRows(below string) []*el {
	out := []*el{ident("fk1", "*", below), address("fk1", below), telecom("fk1", below)}
	for _, e := range out {
		e.ns, e.space = "root", spaceNumber("root")
	}
	return out
}

// orNobody is the place of a person; version 1.0 wants an element also where FHIR names nobody.
type orNobody struct {
	place
	other place
}

func (p orNobody) each(r *reader, c cursor) []cursor {
	found := p.place.each(r, c)
	if len(found) > 0 || r.version != "1.0" || len(p.other.each(r, c)) > 0 {
		return found
	}
	return []cursor{{res: c.res, obj: fhir.NewObject()}}
}

// talk is where the notes and enquiries of a message stand: one section of the report, with one resource each. A message from
// elsewhere may do without the report; then they are the resources of that type.
type talk struct{ section, typ string }

func (p talk) in() section { return entries(p.section, p.typ, nil) }

func (p talk) enter(b *builder, c cursor) cursor { return p.in().enter(b, c) }

func (p talk) each(r *reader, c cursor) []cursor {
	out := p.in().each(r, c)
	if len(out) == 0 && len(c.obj.Get("section").Items()) == 0 {
		for i, res := range r.bundle.All(p.typ) {
			if p.typ == "CommunicationRequest" && r.bundle.First("Communication") != nil {
				break // an enquiry that a note is based on
			}
			r.reached[res] = true
			out = append(out, cursor{res: res, obj: res, order: i})
		}
	}
	parent := r.bundle.First("MessageHeader").Extension(extURL("parent")).Get("valueString").Text()
	for _, f := range out {
		// What it responds to follows from the header, see afterNote.
		if id := f.obj.At("inResponseTo.0.identifier"); id.Get("value").Text() == parentID(parent) {
			r.use(id.Get("system"))
			r.use(id.Get("value"))
		}
	}
	return out
}

func (p talk) describe(below string) string { return p.in().describe(below) }

// parentID is the id of an earlier message as a logical reference has it.
func parentID(id string) string {
	if isUUID(id) {
		return "urn:uuid:" + id
	}
	return id
}

// afterNote sets what FHIR readers look for in a Communication and the message says elsewhere.
func afterNote(b *builder, c cursor, _ *etree.Element) {
	h := b.root("MessageHeader").res
	c.obj.Set("status", b.arena.String("completed"))
	setParty(b.arena, c.obj, "sender", h.Get("sender"))
	addParty(b.arena, c.obj, "recipient", h.At("destination.0.receiver"))
	if parent := h.Extension(extURL("parent")).Get("valueString").Text(); parent != "" {
		system := fhir.SystemURI
		if !isUUID(parent) {
			system = SystemMessageID
		}
		ref := b.arena.Object(1)
		ref.Set("identifier", b.arena.Texts("system", system, "value", parentID(parent)))
		c.obj.Set("inResponseTo", b.arena.Array(ref))
	}
}

// afterEnquiry does the same for an enquiry that the message makes.
func afterEnquiry(b *builder, c cursor, _ *etree.Element) {
	h := b.root("MessageHeader").res
	finishEnquiry(b, c.obj, "active", h.Get("sender"), h.At("destination.0.receiver"))
}

// afterAnswered does the same for an enquiry that the message answers: it came from the receiver.
func afterAnswered(b *builder, c cursor, _ *etree.Element) {
	h := b.root("MessageHeader").res
	finishEnquiry(b, c.obj, "completed", h.At("destination.0.receiver"), h.Get("sender"))
}

func finishEnquiry(b *builder, n *fhir.Node, status string, from, to *fhir.Node) {
	n.Set("status", b.arena.String(status))
	if p := b.reference("Patient"); p != nil {
		n.Set("subject", p)
	}
	setParty(b.arena, n, "requester", from)
	addParty(b.arena, n, "recipient", to)
}

func setParty(a *fhir.Arena, n *fhir.Node, key string, ref *fhir.Node) {
	if url := ref.Get("reference").Text(); url != "" {
		n.Set(key, a.Texts("reference", url))
	}
}

func addParty(a *fhir.Arena, n *fhir.Node, key string, ref *fhir.Node) {
	if url := ref.Get("reference").Text(); url != "" {
		n.Set(key, a.Array(a.Texts("reference", url)))
	}
}
