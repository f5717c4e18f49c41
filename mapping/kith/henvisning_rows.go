package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// Rows that the referrals 1.x and 2.0 share.

// referralForm is what differs between 1.x and 2.0 in the rows that both have: 1.x writes times and days as TS,
// 2.0 as the text of the element; codes of 2.0 name their system.
type referralForm struct {
	time, instant, day   codec
	item, heading, topic codec
	dose                 codec // Medication/Status
}

// referral1x are 1.0 and 1.1.
func referral1x() referralForm {
	return referralForm{
		time: ts(), instant: scalarCodec{scalar: timeScalar{levelInstant}, inV: true}, day: ts(),
		item: csConcept("8233"), heading: cs("8231"), topic: cs("8311"), dose: medicationStatus(),
	}
}

// referral2x is 2.0, whose status of a medicine is how it is used.
func referral2x() referralForm {
	return referralForm{
		time: dateTime(), instant: instant(), day: dateTime(), item: cvConcept(), heading: cv(), topic: cv(),
		dose: mapCodec{list: "9101", pairs: [][3]string{
			{"1", "active", "Fast"}, {"2", "active", "Kur"}, {"3", "active", "Ved behov"}, {"4", "completed", "Vaksine"},
			{"5", "active", "Næringsmiddel/vitaminer"},
		}, other: "unknown"},
	}
}

// requested is the path of the ServiceRequest.
const requested = "$ServiceRequest."

// precautions are warnings to whoever meets the patient.
func (v referralForm) precautions() *el {
	return group("root", "PatientPrecaution", "*", inReportOf(entries("PatientPrecaution", "Flag", initFlag)),
		leafEl("root", "Precaution", "1", text(), "code.text"),
		leafEl("root", "StartDateTime", "?", v.time, "period.start"),
		leafEl("root", "EndDateTime", "?", v.time, "period.end"),
	)
}

// inReportOf is a place of the Composition, wherever the cursor is.
func inReportOf(p place) place { return through{parsePath("$Composition"), p} }

// infItems are the alternatives of InfItem, the particular before the general.
func (v referralForm) infItems() *el {
	const block = "InfItem"
	return choice("*",
		v.infItem(hasChild("Medication"), entries(block, "MedicationStatement", initMedication),
			itemPaths{typ: "category", start: "effectivePeriod.start", end: "effectivePeriod.end", recorded: "dateAsserted"}, v.medication()),
		v.infItem(hasChild("ResultItem"), entriesOf(block, "Observation", initResult, isResult),
			itemPaths{typ: "category[0]", start: "@valid-period.valuePeriod.start", end: "@valid-period.valuePeriod.end",
				recorded: "@recorded.valueDateTime"}, v.result()),
		v.infItem(isType("CAVE"), entries(block, "AllergyIntolerance", nil),
			itemPaths{typ: "@item-type.valueCodeableConcept", start: "onsetDateTime", end: "@end.valueDateTime",
				recorded: "recordedDate"}, told("code.text", "note[0].text")),
		v.infItem(isType("ART", "DIAG", "TS"), entries(block, "Condition", nil),
			itemPaths{typ: "category[0]", start: "onsetDateTime", end: "abatementDateTime",
				recorded: "recordedDate"}, told("code.text", "note[0].text")).then(abated),
		v.infItem(isType("SM", "NB"), entries(block, "Flag", initFlag),
			itemPaths{typ: "category[0]", start: "period.start", end: "period.end",
				recorded: "@recorded.valueDateTime"}, told("code.text", "@remark.valueString")),
		v.infItem(nil, entriesOf(block, "Observation", initFinding, isFinding),
			itemPaths{typ: "code", start: "effectivePeriod.start", end: "effectivePeriod.end",
				recorded: "issued"}, told("valueString", "note[0].text")),
	)
}

func (v referralForm) infItem(only func(*etree.Element) bool, p place, at itemPaths, content *el) *el {
	recorded := v.time
	if at.recorded == "issued" {
		recorded = v.instant
	}
	return group("root", "InfItem", "*", inReportOf(p),
		content,
		leafEl("root", "Type", "1", v.item, at.typ),
		leafEl("root", "StartDateTime", "?", v.time, at.start),
		leafEl("root", "EndDateTime", "?", v.time, at.end),
		leafEl("root", "OrgDate", "?", recorded, at.recorded),
	).when(only)
}

// told is the element Observation of a referral: a text and a remark.
func told(at, note string) *el {
	return group("root", "Observation", "1", inline{},
		leafEl("root", "Description", "?", text(), at),
		leafEl("root", "Comment", "?", text(), note),
	)
}

func (v referralForm) medication() *el {
	return group("root", "Medication", "1", inline{},
		leafEl("root", "DrugId", "1", cvConcept(), toMedication+"code"),
		leafEl("root", "Comment", "?", text(), "note[0].text"),
		leafEl("root", "Status", "1", v.dose, "status"),
		leafEl("root", "IntendedDuration", "?", quantity(), "dosage[0].timing.repeat.boundsDuration"),
		leafEl("root", "QuantitySupplied", "?", quantity(), "@quantity-supplied.valueQuantity"),
		leafEl("root", "UnitDose", "?", quantity(), "dosage[0].doseAndRate[0].doseQuantity"),
		leafEl("root", "DosageText", "?", text(), "dosage[0].text"),
	)
}

func (v referralForm) result() *el {
	return group("root", "ResultItem", "1", inline{},
		choice("1",
			group("root", "TextResult", "1", saidResult{},
				group("root", "Result", "?", saidResult{inner: true},
					leafEl("root", "Heading", "?", cs("8311"), "@heading.valueCoding"),
					leafEl("root", "TextResultValue", "?", text(), "valueString"),
					leafEl("root", "TextCode", "?", cv(), "@text-code.valueCoding"),
				),
			),
			group("root", "Interval", "1", to("valueRange"),
				leafEl("root", "Low", "?", quantity(), "low"),
				leafEl("root", "High", "?", quantity(), "high"),
			),
			group("root", "DateResult", "1", inlineIf{parsePath("valueDateTime")},
				leafEl("root", "DateResultValue", "1", v.day, "valueDateTime"),
			),
			group("root", "NumResult", "1", inlineIf{parsePath("valueQuantity")},
				leafEl("root", "ArithmeticComp", "?", comparator(), "valueQuantity.comparator"),
				leafEl("root", "NumResultValue", "1", quantity(), "valueQuantity"),
			),
		),
		leafEl("root", "ServType", "?", cs("7309"), "@op.valueCoding"),
		leafEl("root", "InvDate", "?", v.time, "effectiveDateTime"),
		leafEl("root", "Comment", "?", text(), "note[0].text"),
		leafEl("root", "DevResultInd", "?", csConcept("8244"), "interpretation[0]"),
		group("root", "ClinInv", "1", inline{},
			leafEl("root", "Id", "1", cvConcept(), "code"),
			leafEl("root", "Spec", "*", cv(), "@specification[].valueCoding"),
		),
	)
}

// saidResult marks an Observation whose result is a text, here its valueString. The mark says whether
// the text is there at all; one from elsewhere has none.
type saidResult struct{ inner bool }

func (p saidResult) enter(b *builder, c cursor) cursor {
	if p.inner {
		return resultText{}.enter(b, c)
	}
	return textResult{}.enter(b, c)
}

func (p saidResult) each(r *reader, c cursor) []cursor {
	if c.obj.Get("valueString") != nil {
		r.use(c.obj.Extension(extURL("text-result")).Get("valueBoolean"))
		return []cursor{c}
	}
	if p.inner {
		return resultText{}.each(r, c)
	}
	return textResult{}.each(r, c)
}

func (saidResult) describe(below string) string { return below }

// reasons are ReasonAsText and Diagnosis.
func (v referralForm) reasons() []*el {
	return []*el{
		group("root", "ReasonAsText", "+", inReportOf(sec("ReasonAsText")),
			leafEl("root", "Heading", "?", v.heading, "code.coding[]"),
			leafEl("root", "TextResultValue", "?", narrativeCodec{}, "text"),
			leafEl("root", "TextCode", "*", cv(), "@text-code[].valueCoding"),
		),
		group("root", "Diagnosis", "+", inReportOf(entries("Diagnosis", "Condition", encounterDiagnosis)), concept("code", "@modifier[]")...),
	}
}

// comments are Comment: texts under a heading of their own code list.
func (v referralForm) comments() *el {
	return group("root", "Comment", "+", inReportOf(sec("Comment")),
		leafEl("root", "Heading", "1", v.topic, "code.coding[]"),
		leafEl("root", "TextResultValue", "1", narrativeCodec{}, "text"),
		leafEl("root", "CodedComment", "*", cv(), "@coded-comment[].valueCoding"),
	)
}

// urgency maps code list 8304, and 8306 which is a part of it.
func urgency() codec {
	return mapCodec{list: "8304", pairs: [][3]string{
		{"0", "stat", "Øyeblikkelig hjelp"}, {"1", "asap", "Innen tjuefire timer"}, {"3", "urgent", "Haster (elektiv)"},
		{"N", "routine", "Elektiv/Ordinær (elektiv)"}, {"PK", "urgent", "Pakkeforløp for kreft (elektiv)"},
		{"1H", "asap", "Innen en time"}, {"2H", "asap", "Innen to timer"}, {"4H", "asap", "Innen fire timer"},
		{"8H", "asap", "Innen åtte timer"}, {"2", "urgent", "Innen to døgn"}, {"7", "urgent", "Innen en uke"},
		{"14", "urgent", "Innen to uker"}, {"21", "routine", "Innen tre uker"}, {"30", "routine", "Innen en måned"},
		{"90", "routine", "Innen tre måneder"}, {"180", "routine", "Innen seks måneder"}, {"360", "routine", "Innen tolv måneder"},
	}, other: "routine"}
}

// consent is a Consent of the patient, as a resource in a section of its own. day is ConsentDate.
func consent(card string, day codec) *el {
	return group("root", "Consent", card, inReportOf(entries("Consent", "Consent", initConsent)),
		leafEl("root", "ConsentStatus", "?", cvConcept(), "policyRule"),
		leafEl("root", "ConsentDate", "?", day, "dateTime"),
		leafEl("root", "Merknad", "?", text(), "@remark.valueString"),
		leafEl("root", "GivenBy", "?", text(), "performer[0].display").from("1.1"),
	)
}

func initConsent(a *fhir.Arena, n *fhir.Node) { n.Set("category", a.Array(markConcept(a, "Consent"))) }
