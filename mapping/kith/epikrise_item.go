package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// Rows of InfItem: one piece of clinical information, which becomes one resource in the
// section "InfItem" of its event. What it is decides the resource.

// infItems are the alternatives, the particular before the general.
func infItems() *el {
	const block = "InfItem"
	return choice("*",
		item(hasChild("Medication"), entries(block, "MedicationStatement", initMedication),
			itemPaths{typ: "category", start: "effectivePeriod.start", end: "effectivePeriod.end",
				recorded: "dateAsserted", origin: "informationSource"}, medication()),
		item(hasChild("ResultItem"), entriesOf(block, "Observation", initResult, isResult),
			itemPaths{typ: "category[0]", start: "@valid-period.valuePeriod.start", end: "@valid-period.valuePeriod.end",
				recorded: "@recorded.valueDateTime", origin: "performer[0]"}, resultItem()),
		item(isDiagnosis, entries(block, "Condition", nil),
			itemPaths{typ: "category[0]", start: "onsetDateTime", end: "abatementDateTime",
				recorded: "recordedDate", origin: "asserter"}, observation("code", "note[0].text")).then(mainDiagnosis),
		item(isType("CAVE"), entries(block, "AllergyIntolerance", nil),
			itemPaths{typ: "@item-type.valueCodeableConcept", start: "onsetDateTime", end: "@end.valueDateTime",
				recorded: "recordedDate", origin: "asserter"}, observation("code", "note[0].text")),
		item(isType("SM", "NB"), entries(block, "Flag", initFlag),
			itemPaths{typ: "code", start: "period.start", end: "period.end",
				recorded: "@recorded.valueDateTime", origin: "author"},
			observation("@coded.valueCodeableConcept", "@remark.valueString")),
		item(nil, entriesOf(block, "Observation", initFinding, isFinding),
			itemPaths{typ: "code", start: "effectivePeriod.start", end: "effectivePeriod.end",
				recorded: "issued", origin: "performer[0]"}, observation("valueCodeableConcept", "note[0].text")),
	)
}

// entriesOf is entries where several alternatives share a resource type.
func entriesOf(name, typ string, init filler, keep func(*fhir.Node) bool) section {
	return section{name: name, shared: true, then: to("entry[]>" + typ).with(init).of(keep)}
}

// itemPaths are the homes of what every InfItem has, which differ between resource types.
type itemPaths struct{ typ, start, end, recorded, origin string }

func item(only func(*etree.Element) bool, p place, at itemPaths, content *el) *el {
	recorded := ts()
	if at.recorded == "issued" {
		recorded = scalarCodec{scalar: timeScalar{levelInstant}, inV: true}
	}
	return group("root", "InfItem", "*", p,
		content,
		leafEl("root", "Type", "1", itemType{csConcept("8233")}, at.typ),
		leafEl("root", "StartDateTime", "?", ts(), at.start),
		leafEl("root", "EndDateTime", "?", ts(), at.end),
		leafEl("root", "OrgDate", "?", recorded, at.recorded),
		group("root", "Origin", "?", inlineIf{parsePath(at.origin)},
			leafEl("root", "Role", "?", csFree(), at.origin+".@role.valueCoding"),
			hcp(at.origin, inReport),
		),
		group("root", "RelHCProvider", "*", to("@related-provider[]"), related(csFree())...),
	).when(only)
}

// related are Relation, Role and HCP below an extension with a reference, which carries both codes.
func related(relation codec) []*el {
	return []*el{
		leafEl("root", "Relation", "1", relation, "valueReference.@relation.valueCoding"),
		leafEl("root", "Role", "?", csFree(), "valueReference.@role.valueCoding"),
		hcp("valueReference", inReport),
	}
}

// observation is the element Observation: text, remark and coded description.
func observation(code, note string) *el {
	return group("root", "Observation", "1", inline{},
		leafEl("root", "Description", "?", reportText{}, "text"),
		leafEl("root", "Comment", "?", text(), note),
		group("root", "CodedDescr", "?", inlineIf{parsePath(code)}, concept(code, "@modifier[]")...),
	)
}

// concept are Concept and its modifiers.
func concept(code, modifier string) []*el {
	return []*el{
		leafEl("root", "Concept", "1", cvConcept(), code),
		group("root", "Modifier", "*", to(modifier),
			leafEl("root", "Name", "1", csFree(), "%name.valueCoding"),
			leafEl("root", "Value", "+", cv(), "%value[].valueCoding"),
		),
	}
}

func medication() *el {
	return group("root", "Medication", "1", inline{},
		leafEl("root", "DrugId", "1", cvConcept(), toMedication+"code"),
		leafEl("root", "DosageCoded", "?", cvConcept(), "dosage[0].timing.code"),
		leafEl("root", "Comment", "?", text(), "note[0].text"),
		leafEl("root", "Status", "1", medicationStatus(), "status"),
		leafEl("root", "Form", "?", cvConcept(), toMedication+"form"),
		leafEl("root", "RouteOfAdm", "?", cvConcept(), "dosage[0].route"),
		leafEl("root", "IntendedDuration", "?", quantity(), "dosage[0].timing.repeat.boundsDuration"),
		leafEl("root", "QuantitySupplied", "?", quantity(), "@quantity-supplied.valueQuantity"),
		leafEl("root", "UnitDose", "?", quantity(), "dosage[0].doseAndRate[0].doseQuantity"),
		leafEl("root", "DosageText", "?", text(), "dosage[0].text"),
	)
}

// medicationStatus maps code list 7307.
func medicationStatus() codec {
	return mapCodec{list: "7307", pairs: [][3]string{
		{"6", "active", "Benyttes regelmessig"}, {"5", "active", "Benyttes sporadisk"}, {"1", "completed", "Inntatt"},
		{"2", "intended", "Forskrevet"}, {"3", "intended", "Anbefalt å innta"}, {"4", "stopped", "Anbefalt å slutte å innta"},
		{"10", "not-taken", "Allergisk ovenfor"},
	}, other: "unknown"}
}

func resultItem() *el {
	return group("root", "ResultItem", "1", inline{},
		choice("1",
			group("root", "TextResult", "1", textResult{},
				group("root", "Result", "?", resultText{}, textBlock()...),
			),
			group("root", "Interval", "1", to("valueRange"),
				leafEl("root", "Low", "?", quantity(), "low"),
				leafEl("root", "High", "?", quantity(), "high"),
			),
			group("root", "NumResult", "1", inlineIf{parsePath("valueQuantity")},
				leafEl("root", "ArithmeticComp", "?", comparator(), "valueQuantity.comparator"),
				leafEl("root", "NumResultValue", "1", quantity(), "valueQuantity"),
			),
			group("root", "DateResult", "1", inlineIf{parsePath("valueDateTime")},
				leafEl("root", "DateResultValue", "1", ts(), "valueDateTime"),
			),
		),
		leafEl("root", "ServType", "?", cs("7309"), "@op.valueCoding"),
		leafEl("root", "InvDate", "?", ts(), "effectiveDateTime"),
		leafEl("root", "Comment", "?", text(), "note[0].text"),
		leafEl("root", "DevResultInd", "?", csConcept("8244"), "interpretation[0]"),
		group("root", "ClinInv", "1", inline{},
			leafEl("root", "Id", "1", cvConcept(), "code"),
			leafEl("root", "Spec", "*", cv(), "@specification[].valueCoding"),
		),
		group("root", "DiagComment", "?", to("@diagnosis-comment"), concept("%concept.valueCodeableConcept", "%modifier[]")...),
	)
}

// comparator maps the comparison of a measured value.
func comparator() codec {
	return mapCodec{list: "8239", pairs: [][3]string{{"LT", "<", "<"}, {"LE", "<=", "<="}, {"GE", ">=", ">="}, {"GT", ">", ">"}}}
}

// textBlock are heading, text and codes of a text: the text is the Narrative at the cursor.
func textBlock() []*el {
	return []*el{
		leafEl("root", "Heading", "?", csFree(), "@heading.valueCoding"),
		leafEl("root", "TextResultValue", "?", reportText{}, "text"),
		leafEl("root", "TextCode", "*", cv(), "@text-code[].valueCoding"),
	}
}

// textResult marks an Observation whose result is a text, which stands in its narrative. The mark
// says whether the text is there at all.
type textResult struct{}

var resultMark = to("@text-result")

func (textResult) enter(b *builder, c cursor) cursor {
	resultMark.enter(b, c).obj.Set("valueBoolean", fhir.Bool(false))
	return c
}

func (textResult) each(_ *reader, c cursor) []cursor {
	if c.obj.Extension(extURL("text-result")) == nil {
		return nil
	}
	return []cursor{c}
}

func (textResult) describe(below string) string { return below }

// resultText is the text of a textResult.
type resultText struct{}

func (resultText) enter(b *builder, c cursor) cursor {
	resultMark.enter(b, c).obj.Set("valueBoolean", fhir.Bool(true))
	return c
}

func (resultText) each(r *reader, c cursor) []cursor {
	if r.text(c.obj.Extension(extURL("text-result")).Get("valueBoolean")) != "true" {
		return nil
	}
	return []cursor{c}
}

func (resultText) describe(below string) string { return below }

// What decides which resource an item becomes.

func isType(codes ...string) func(*etree.Element) bool {
	return func(e *etree.Element) bool {
		v, _ := childV(e, "Type")
		for _, c := range codes {
			if v == c {
				return true
			}
		}
		return false
	}
}

// isDiagnosis: a coded observation of a type of diagnosis.
func isDiagnosis(e *etree.Element) bool {
	return isType("H", "B", "D", "HD", "BD")(e) && childNamed(childNamed(e, "Observation"), "CodedDescr") != nil
}

// mainDiagnosis derives the mark of a main diagnosis from the item's type.
func mainDiagnosis(b *builder, c cursor, e *etree.Element) {
	a := b.arena
	a.Append(c.res, "category", conceptOf(a, a.Texts("system", "http://terminology.hl7.org/CodeSystem/condition-category", "code", "encounter-diagnosis")))
	x := a.Texts("url", fhir.ExtMainDiagnosis)
	x.Set("valueBoolean", fhir.Bool(isType("H", "HD")(e)))
	a.Append(c.res, "extension", x)
}

// itemType is the type of an item. For a diagnosis the mark of a main diagnosis goes before it: that is
// what other messages and FHIR systems know.
type itemType struct{ codec }

func (k itemType) render(r *reader, s slot) (leaf, bool) {
	l, ok := k.codec.render(r, s)
	mark := s.res.Extension(fhir.ExtMainDiagnosis).Get("valueBoolean")
	if mark == nil {
		return l, ok
	}
	is := false
	for _, a := range l.attrs {
		is = is || a.name == "V" && (a.value == "H" || a.value == "HD")
	}
	switch main := r.text(mark) == "true"; {
	case main && !is:
		return leaf{attrs: []attr{{"V", "H"}, {"DN", "Hoveddiagnose"}}}, true
	case !main && (is || !ok):
		return leaf{attrs: []attr{{"V", "B"}, {"DN", "Bidiagnose"}}}, true
	}
	return l, ok
}

const observationCategory = "http://terminology.hl7.org/CodeSystem/observation-category"

func initMedication(a *fhir.Arena, n *fhir.Node) { n.Set("status", a.String("unknown")) }

func initFlag(a *fhir.Arena, n *fhir.Node) { n.Set("status", a.String("active")) }

func initResult(a *fhir.Arena, n *fhir.Node) { n.Set("status", a.String("final")) }

func initFinding(a *fhir.Arena, n *fhir.Node) {
	n.Set("status", a.String("final"))
	n.Set("category", conceptList(a, observationCategory, "exam"))
}

func isFinding(n *fhir.Node) bool {
	return n.At("category.0.coding.0.system").Text() == observationCategory
}

func isResult(n *fhir.Node) bool { return !isFinding(n) }
