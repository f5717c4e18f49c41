package fhir

// This file is the layout of a canonical message: what every mapping writes and every reader
// (care plan, routing, UI) may rely on. Facts of a source that have no FHIR home stand in
// extensions under ExtBase, each listed in the mapping's element table.
//
// A canonical message is a Bundle of type "message":
//
//	identifier      {system urn:ietf:rfc:3986, value "urn:uuid:<MsgId>"} (a MsgId that is no UUID: system ExtBase+"message-id", value as written)
//	timestamp       GenDate as instant
//	entry[0]        MessageHeader: eventCoding {SystemMessageType, kind}; source; sender; destination;
//	                extensions Op, Parent, Conversation, MessageVersion; focus = Composition or Encounter (then Patient);
//	                response {identifier, code} only for receipts
//	entry[*]        fullUrl "urn:uuid:..." deterministic from MsgId and position, so that the same
//	                message gives the same bytes; references use fullUrl
//
// Where things stand (one home per value; no value stands twice):
//
//	patient          Patient (identifier, name, birthDate, gender, address, telecom, deceasedDateTime = event 13)
//	stay             Encounter class IMP: period.start = event 1, period.end = event 2; every other event
//	                 (3, 4, 5, unknown or uncoded ones, a second event 1 or 2) in extension ExtEvent on Encounter, see Event.
//	                 Details of the two period events (display, estimate, note, place) in extensions on _start/_end.
//	                 status: in-progress, for LOG_UTSKREVET finished. serviceProvider = sending enterprise.
//	                 hospitalization.dischargeDisposition = UtTil (8408) and Uttilstand (8431)
//	report           Composition (type = kind); one section per block of the source, in its order;
//	                 section.code = SystemSection + block name or heading code; text in section.text.div;
//	                 resources of the block in section.entry
//	function         Observation per KartlagtFunksjon: category functional-status (SystemFunctionCategory), code 9111 or 9115,
//	                 valueInteger = score; 9 = valueCodeableConcept {SystemFunctionScore, "9", "Ikke relevant"};
//	                 note = Merknad; effectiveDateTime = date of assessment, a copy of the panel's; a panel Observation
//	                 (code SystemSection|InfoKartleggingFunksjonsniva) hasMember all of them; the panel is the home of the date:
//	                 effectiveDateTime from Ansvarlig/TidspunktForHendelse, else from the remark's text with
//	                 extension ExtDateSource = "remark" on _effectiveDateTime (then nothing is rendered back for it)
//	goal             Goal: description.text, lifecycleStatus active, target.dueDate = ForventesOppnaadd, startDate = FraDato, code = MaalForventetResultat in description.coding
//	measure done     Procedure (IverksatteTiltak finished) or ServiceRequest intent=order status active (IverksatteTiltak ongoing)
//	measure wanted   ServiceRequest intent=proposal status=active (AnbefaltVidereTiltak, TjenesteBehov);
//	                 code.text or code.coding = the measure; EvalueringTidspunkt in extension ExtEvaluation; category {SystemSection, block name}
//	service received ServiceRequest intent=order status=active or completed, category {SystemSection, EksisterendeTjeneste}, code 9151,
//	                 occurrencePeriod start/end, performer display = TjenestenLevertAv
//	diagnosis        Condition code (ICD-10, ICPC-2), category encounter-diagnosis, ExtMainDiagnosis boolean
//	check-up         Appointment: status booked (BestiltKontrolltime) or proposed; start; minutesDuration
//	aid              DeviceRequest
//	medicine         MedicationStatement and the Medication that it refers to (read and carried, never part of the plan)
//	allergy, CAVE    AllergyIntolerance, Flag. The reaction that no-basis demands is the anaphylactic one when the message tells
//	                 of that; else reaction, code and display are absent with data-absent-reason unknown
//	next of kin      RelatedPerson;  contact: PractitionerRole + Practitioner;  unit: Organization (partOf for the inner level)
//	no forwarding    Consent: status active, scope patient-privacy, provision.type deny, category {SystemSection, ForbeholdOmVideresending}
//	epicrisis        Composition (title, status, date as in the report); a section "Event" per Event, its first entry the
//	                 Encounter (partOf the outer one for an event inside an event); in it a section "InfItem" with one resource per
//	                 item (Condition, AllergyIntolerance, Flag, MedicationStatement, Observation) and one section per Comment (code 8311,
//	                 text.div). Conversation = ServProvId. A section "ServReq" per referral with its ServiceRequest. The patient's
//	                 other providers are participants of a CareTeam (role 7319). attachments: section "RefDoc"
//	receipt          MessageHeader.response.code ok | fatal-error, details -> OperationOutcome: issue.details.coding {SystemAppRecError}, diagnostics = OT
//
//	attachment       DocumentReference, further items of MessageHeader.focus. content.attachment.data = the bytes as the sender packed
//	                 them (extension compression says how, code list 1204), size and hash are derived from it; url = a file that
//	                 lies elsewhere and is never fetched; extension further-content = a second content. Attachments opens them
//	administered     MedicationAdministration, category {SystemSection, element name}
//	notice           HELSEOPPL_SOKNAD: Composition.category = its type (9140); the stay in Encounter as above, the need in TjenesteBehov
//	own application  extension of the section OpplysningerTilSoknad
//	period of illness Condition problem-list-item with onset and abatement (InfoIPLOSrelevantInformasjon); an event there is an
//	                 extension of the section, not an Encounter: the sender does not tell of a stay of its own
//	doctor absent    Communication {SystemSection, Fraversassistent}: recipient = who has the message now, extension absence = period
//	enquiry          CommunicationRequest (section Foresporsel): category = TypeForesp, payload.contentString or, for markup, text.div =
//	                 Sporsmal, reasonCode = Formål, requester and recipient from the header
//	note             Communication (section Notat): topic = TemaKodet with Tema as text, payload or text as above, basedOn = the enquiry that
//	                 it answers, inResponseTo = RefToParent; others who are named: extension participant on either
//	extract          EPJ-EKSTRAKT: one DocumentReference per component, content.format {xml-document, namespace#root}; Cave, Notater and
//	                 Legemidler are sections with extension document, Node and tilleggsinfo extensions of the DocumentReference
//	foreign XML      DocumentReference marked the same way, the XML as it came in content.attachment.data
//	assessment text  ClinicalImpression (InfoVurderinger); information given: Communication; reservation: Consent {SystemSection, ReservasjonOnske}
//
// Elements of the source without a home in FHIR are extensions ExtBase+"StructureDefinition/<name>"; samvirke
// mapping show KIND lists every one with its path. ExtEvent on period._start, period._end and Patient._deceasedDateTime
// has the details of those events; its sub-extension index (integer) is the position among the events where
// it is not the usual one. References to a sender, receiver or unit lead to the innermost level; partOf and
// PractitionerRole.organization lead outwards.
//
// Profiles: every resource keeps the rules of the Norwegian base profile (no-basis) of its type, and a test
// holds it to them. meta.profile does not say so: a receiver can check without being told, the claim would outlive an edit
// that breaks it, and a system that does not know the profiles may refuse a message for naming them.
//
// Times: FHIR demands a zone; a source time without one is Norwegian local time. What the
// text looked like stands in extension ExtLexical on the "_" field ("local", "local-minutes",
// "minutes", "utc" is not noted: Z stays Z; "zone:+01:00" of a date; "empty" of an empty element), so
// that the way back writes the same form.

// ExtBase is the root of all extension and code system URLs of our own.
const ExtBase = "https://samvirke.github.io/fhir/"

// Code systems.
const (
	OIDPrefix              = "urn:oid:"
	OIDVolven              = "urn:oid:2.16.578.1.12.4.1.1." // + number of the national code list
	SystemMessageType      = OIDVolven + "8279"
	SystemOp               = OIDVolven + "7309"
	SystemEvent            = OIDVolven + "9121"
	SystemFunction         = OIDVolven + "9111"
	SystemGAF              = OIDVolven + "9115"
	SystemService          = OIDVolven + "9151"
	SystemRole             = OIDVolven + "9034"
	SystemMunicipality     = OIDVolven + "3402"
	SystemAppRecStatus     = OIDVolven + "8258"
	SystemAppRecError      = OIDVolven + "8221"
	SystemICD10            = OIDVolven + "7110"
	SystemICPC2            = OIDVolven + "7170"
	SystemSection          = ExtBase + "CodeSystem/section"
	SystemFunctionScore    = ExtBase + "CodeSystem/function-score"
	SystemNativeMessage    = ExtBase + "CodeSystem/message" // kinds of FHIR-native messages: assessment, task-answer, plan-update
	SystemFunctionCategory = ExtBase + "CodeSystem/observation-category"
)

// Identifier systems. Source: standards/no README section 10.
const (
	SystemFNR = "urn:oid:2.16.578.1.12.4.1.4.1"
	SystemDNR = "urn:oid:2.16.578.1.12.4.1.4.2"
	SystemFHN = "urn:oid:2.16.578.1.12.4.1.4.3"
	SystemHPR = "urn:oid:2.16.578.1.12.4.1.4.4"
	SystemDUF = "urn:oid:2.16.578.1.12.4.1.4.5"
	SystemENH = "urn:oid:2.16.578.1.12.4.1.4.101"
	SystemRSH = "urn:oid:2.16.578.1.12.4.1.4.102"
	SystemHER = "urn:oid:2.16.578.1.12.4.1.2"
	SystemURI = "urn:ietf:rfc:3986"
)

// Extensions.
const (
	ExtOp             = ExtBase + "StructureDefinition/op"              // MessageHeader, valueCoding {SystemOp, N|M|A|C, display}
	ExtParent         = ExtBase + "StructureDefinition/parent"          // MessageHeader, valueString
	ExtConversation   = ExtBase + "StructureDefinition/conversation"    // MessageHeader, valueString
	ExtMessageVersion = ExtBase + "StructureDefinition/message-version" // MessageHeader, valueString, "1.6"
	ExtEvent          = ExtBase + "StructureDefinition/event"           // Encounter: sub-extensions code (Coding), text, time (dateTime), estimate (boolean), note, place
	ExtDateSource     = ExtBase + "StructureDefinition/date-source"     // valueCode "responsible" | "remark"
	ExtEvaluation     = ExtBase + "StructureDefinition/evaluation"      // ServiceRequest, valueDate
	ExtMainDiagnosis  = ExtBase + "StructureDefinition/main-diagnosis"  // Condition, valueBoolean
	ExtLexical        = ExtBase + "StructureDefinition/lexical-form"    // valueCode
	ExtPlanVersion    = ExtBase + "StructureDefinition/plan-version"    // MessageHeader of an answer: the plan version the author had seen
	ExtAsWritten      = ExtBase + "StructureDefinition/as-written"      // on a "_" field whose primitive cannot carry the source's text: valueString
	ExtSourceCoding   = ExtBase + "StructureDefinition/source-coding"   // on the "_" field of a FHIR code: valueCoding, the source's code it was mapped from
	ExtOriginalText   = ExtBase + "StructureDefinition/original-text"   // Coding, valueString: CV/@OT where CodeableConcept.text has another use
	ExtDisplay        = ExtBase + "StructureDefinition/display"         // on the "_" field of a bare code, valueString
	ExtRemark         = ExtBase + "StructureDefinition/remark"          // Merknad where FHIR has no note, valueString
	ExtDocument       = ExtBase + "StructureDefinition/document"        // MessageHeader: what the header says about the payload's document
)
