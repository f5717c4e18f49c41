package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// epikriseTable is the table of a whole epicrisis.
//
// Source: HIS 80226, Epikrise v1.2; the schemas of 1.0 and 1.1.
func epikriseTable() *el {
	t := messageRows(kindEpicrisis, group("root", "ServRprt", "1", to("$Composition"), report()...))
	t.kid("Status").from("1.2")
	return t
}

// report are the rows of ServRprt; the cursor is the Composition.
func report() []*el {
	return []*el{
		leafEl("root", "ServType", "1", cs("7309"), "$MessageHeader.@op.valueCoding"),
		leafEl("root", "IssueDate", "1", ts(), "date"),
		leafEl("root", "ApprDate", "?", ts(), "attester[0].time"),
		leafEl("root", "Status", "1", mapCodec{list: "7306", pairs: [][3]string{
			{"F", "final", "Endelig rapport"}, {"P", "preliminary", "Foreløpig rapport"},
			{"A", "amended", "Tillegg til rapport"}, {"S", "preliminary", "Planlagt"},
		}, other: "final"}, "status"),
		leafEl("root", "Priority", "?", csFree(), "@priority.valueCoding"),
		leafEl("root", "Ack", "?", cs("7304"), "$MessageHeader.@ack.valueCoding"),
		leafEl("root", "MsgDescr", "1", text(), "title"),
		leafEl("root", "ServProvId", "?", text(), "$MessageHeader.@conversation.valueString"),
		group("root", "ServReq", "*", sec("ServReq"), referral()...),
		event(),
		group("root", "Patient", "1", to("$Patient"), epikrisePatient()...),
		group("root", "ServProvider", "1", to("$MessageHeader"), senderRows(inReport)...),
		copyDest(inReport),
		group("root", "Requester", "1", to("$MessageHeader.destination[0]"), receiverRows(inReport)...),
		group("root", "RelServProvider", "*", to("@related-provider[]"), related(cs("7318"))...),
		group("root", "RefDoc", "*", entries("RefDoc", "DocumentReference", initDocument), reference(inReport)...),
	}
}

// A repeated group that may be empty has the cardinality "+": an empty one keeps its place among its likes.

// referral are the rows of ServReq; the cursor is its section.
func referral() []*el {
	const req = "entry[0]>ServiceRequest."
	return []*el{
		leafEl("root", "ServType", "1", cs("7309"), req+"@op.valueCoding"),
		leafEl("root", "IssueDate", "1", ts(), req+"authoredOn"),
		leafEl("root", "ReceiptDate", "?", ts(), req+"@received.valueDateTime"),
		leafEl("root", "ReqComment", "?", text(), req+"note[0].text"),
		leafEl("root", "MsgDescr", "1", referralDescription(), req+"category[0]"),
		leafEl("root", "Id", "1", text(), req+"identifier[0].value"),
		group("root", "ReasonAsText", "+", sec("ReasonAsText"), textBlock()...),
		group("root", "Diagnosis", "+", to(req+"reasonCode[]"), concept("", "@modifier[]")...),
	}
}

// event is an Event: a section whose first entry is the Encounter. Events can stand inside events.
func event() *el {
	const stay = "entry[0]>Encounter."
	e := group("root", "Event", "+", sec("Event")).then(encounterClass)
	e.kids = []*el{
		choice("?",
			group("root", "PlannedEvent", "1", to(stay+"@planned"), planned()...),
			group("root", "ReportedEvent", "1", inlineIf{parsePath(stay + "period")},
				leafEl("root", "StartDateTime", "1", ts(), stay+"period.start"),
				leafEl("root", "EndDateTime", "?", ts(), stay+"period.end"),
			),
		),
		leafEl("root", "ServType", "?", cs("7309"), stay+"@op.valueCoding"),
		leafEl("root", "Recipient", "?", csFree(), stay+"@recipient.valueCoding"),
		leafEl("root", "Priority", "?", csFreeConcept(), stay+"priority"),
		leafEl("root", "AdmOutcome", "?", csConcept("7300"), stay+"hospitalization.dischargeDisposition"),
		leafEl("root", "ExpDuration", "?", quantity(), stay+"@expected-duration.valueDuration"),
		leafEl("root", "Id", "1", scalarCodec{scalar: wholeScalar{}}, stay+"identifier[0].value").to("1.1"),
		e,
		group("root", "Service", "1", inlineIf{parsePath("entry")},
			leafEl("root", "ServId", "?", cvConcept(), stay+"serviceType"),
			leafEl("root", "MedSpecialty", "?", cv(), stay+"@specialty.valueCoding"),
			leafEl("root", "AdmCat", "?", csConcept("8240"), stay+"type[0]"),
		),
		group("root", "RelServProvider", "*", to(stay+"participant[]"),
			leafEl("root", "Relation", "1", csConcept("7318"), "type[0]"),
			leafEl("root", "Role", "?", csFree(), "@role.valueCoding"),
			hcp("individual", inReport),
		),
		group("root", "AssRequest", "*", to(stay+"@associated-request[]"),
			leafEl("root", "IssueDate", "?", ts(), "%issued.valueDateTime"),
			leafEl("root", "MsgType", "1", cs("8279"), "%msg-type.valueCoding"),
			leafEl("root", "Id", "?", text(), "%id.valueString"),
		),
		group("root", "EventLocation", "+", to(stay+"location[]"), location()...),
		infItems(),
		group("root", "Comment", "+", comment{},
			leafEl("root", "Heading", "?", csConcept("8311"), "code"),
			leafEl("root", "TextResultValue", "?", reportText{}, "text"),
			leafEl("root", "TextCode", "*", cv(), "@text-code[].valueCoding"),
		),
		group("root", "CodedComment", "*", to(stay+"@coded-comment[]"), concept("%concept.valueCodeableConcept", "%modifier[]")...),
	}
	return e
}

func planned() []*el {
	return []*el{
		leafEl("root", "PlanningStage", "?", csFree(), "%planning-stage.valueCoding"),
		leafEl("root", "StatusOfPlan", "?", csFree(), "%status.valueCoding"),
		leafEl("root", "PlanComment", "?", text(), "%remark.valueString"),
		leafEl("root", "PlanningDate", "?", ts(), "%planned-at.valueDateTime"),
		leafEl("root", "ScheduledDate", "?", ts(), "%scheduled.valueDateTime"),
		leafEl("root", "AdviceSentTo", "?", csFree(), "%advice-sent-to.valueCoding"),
		leafEl("root", "ExpectedDelay", "?", quantity(), "%expected-delay.valueDuration"),
		leafEl("root", "CommentExpDuration", "?", text(), "%duration-remark.valueString"),
		leafEl("root", "Preparation", "?", text(), "%preparation.valueString"),
		leafEl("root", "Advice", "?", text(), "%advice.valueString"),
		group("root", "TransportArr", "?", to("%transport"),
			leafEl("root", "Responsibility", "?", csFree(), "%responsibility.valueCoding"),
			leafEl("root", "Status", "?", csFree(), "%status.valueCoding"),
			leafEl("root", "TransportRequirement", "?", cv(), "%requirement.valueCoding"),
			leafEl("root", "EscortRequired", "?", csFree(), "%escort.valueCoding"),
			leafEl("root", "Comment", "?", text(), "%remark.valueString"),
		),
	}
}

func location() []*el {
	return []*el{
		leafEl("root", "Role", "?", csFree(), "@role.valueCoding"),
		leafEl("root", "StartDateTime", "?", ts(), "period.start"),
		leafEl("root", "EndDateTime", "?", ts(), "period.end"),
		group("root", "Location", "1", to("location>Location"),
			leafEl("root", "Type", "?", csFreeConcept(), "type[0]"),
			leafEl("root", "Description", "?", text(), "description"),
			group("root", "Inst", "?", org("managingOrganization>Organization"), institution(inReport)...),
			hcpAddress("root", inlineIf{parsePath("address")}, "address"),
			group("root", "SubLocation", "*", to("@sub-location[]"),
				leafEl("root", "Type", "1", csFree(), "%type.valueCoding"),
				leafEl("root", "Place", "1", text(), "%place.valueString"),
			),
		),
	}
}

func epikrisePatient() []*el {
	return []*el{
		leafEl("root", "Sex", "?", sex(), "gender"),
		leafEl("root", "DateOfBirth", "?", scalarCodec{scalar: timeScalar{levelDate}, inV: true}, "birthDate"),
		leafEl("root", "DateOfDeath", "?", ts(), "deceasedDateTime"),
		leafEl("root", "Name", "?", wholeNameCodec{}, "name[0]"),
		leafEl("root", "IdByServProvider", "?", text(), "@id-by-provider.valueString"),
		leafEl("root", "IdByRequester", "?", text(), "@id-by-requester.valueString"),
		leafEl("root", "OffId", "?", mainOnly{text()}, "identifier[0].value"),
		leafEl("root", "TypeOffId", "?", mainOnly{idTypeCodec{}}, "identifier[0].type"),
		group("root", "PatientPrecaution", "*", through{parsePath("$Composition"), entries("PatientPrecaution", "Flag", initFlag)},
			leafEl("root", "Precaution", "1", text(), "code.text"),
			leafEl("root", "StartDateTime", "?", ts(), "period.start"),
			leafEl("root", "EndDateTime", "?", ts(), "period.end"),
		),
		group("root", "PatientRelParty", "*", through{parsePath("$Composition"), entries("PatientRelParty", "RelatedPerson", nil)},
			leafEl("root", "Relation", "1", csConcept("9033"), "relationship[0]"),
			leafEl("root", "Name", "?", wholeNameCodec{}, "name[0]"),
			leafEl("root", "RelPartyOffId", "?", text(), "identifier[0].value"),
			hcpAddress("root", inlineIf{parsePath("address")}, "address[0]"),
		),
		relatedHCP(inReport),
		additional(""),
		hcpAddress("root", inlineIf{parsePath("address")}, "address[0]"),
	}
}

// encounterClass derives class and status of an Encounter, which FHIR demands, from what the event says.
func encounterClass(b *builder, c cursor, e *etree.Element) {
	if len(e.ChildElements()) == 0 {
		return
	}
	stay := firstStay.enter(b, c).res
	status, class := "finished", [2]string{"IMP", "inpatient encounter"}
	switch {
	case childNamed(e, "PlannedEvent") != nil:
		status = "planned"
	case stay.At("period.end") == nil:
		status = "in-progress"
	}
	if v, _ := childV(childNamed(e, "Service"), "AdmCat"); v != "" && v != "1" {
		class = [2]string{"AMB", "ambulatory"}
	}
	stay.Set("status", b.arena.String(status))
	stay.Set("class", b.arena.Texts("system", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code", class[0], "display", class[1]))
}

// firstStay is the Encounter of an event's section.
var firstStay = to("entry[0]>Encounter")

// comment is a section of an event that stands for no element but a text under a heading.
type comment struct{}

var sections = to("section[]")

func (comment) enter(b *builder, c cursor) cursor { return sections.enter(b, c) }

func (comment) each(r *reader, c cursor) []cursor {
	return sections.of(func(n *fhir.Node) bool {
		for _, k := range n.At("code.coding").Items() {
			if k.Get("system").Text() == fhir.SystemSection {
				return false
			}
		}
		return true
	}).each(r, c)
}

func (comment) describe(below string) string { return join(below, "section[] (code 8311)") }
