package careplan

import (
	"slices"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// How shared fields, proposals and decisions stand in FHIR resources.
const (
	// ExtNextEvaluation is the date of the next evaluation of the plan: CarePlan, valueDateTime.
	ExtNextEvaluation = fhir.ExtBase + "StructureDefinition/next-evaluation"
	// ExtCoordinator is the plan's coordinator: CarePlan, valueReference with identifier and display.
	ExtCoordinator = fhir.ExtBase + "StructureDefinition/coordinator"
	// ExtStates lists which fields a CarePlan states: repeated valueCode with names of shared fields. Without it
	// all that the resource holds is stated; with it only those, and one that is listed and has no value is taken
	// away. FHIR demands a status, so a CarePlan that is only about the next evaluation says so by this.
	ExtStates = fhir.ExtBase + "StructureDefinition/states"
	// ExtConcerns is the element of the plan that a ServiceRequest is about: valueReference. With intent proposal it is
	// a proposal to the element's owner, else the element's new content.
	ExtConcerns = fhir.ExtBase + "StructureDefinition/concerns"
	// ExtField is the one field of that element that it is about: valueCode. ExtWanted is its value.
	ExtField  = fhir.ExtBase + "StructureDefinition/field"
	ExtWanted = fhir.ExtBase + "StructureDefinition/wanted"
	// SystemTask are codes of tasks that are decisions of people.
	SystemTask = fhir.ExtBase + "CodeSystem/task"
	// TaskResolve is the task that resolves a conflict: focus is Flag/<conflict id>, output the value chosen, and
	// optionally outputs of type "basis" with the keys of the records that stated it.
	TaskResolve = "resolve-conflict"

	// extCustodian is the element of R5 for the responsible party, as FHIR carries it in R4.
	extCustodian = "http://hl7.org/fhir/5.0/StructureDefinition/extension-CarePlan.custodian"
)

// masterPlan reads the fields of the shared plan itself. A CarePlan that is part of another, a zone plan, or
// one intervention each (Danish municipal reporting) is none.
func (x extractor) masterPlan(n *fhir.Node, c *content) {
	if !isMaster(n) || n.Get("status").Text() == "entered-in-error" {
		return
	}
	var listed []string
	for _, e := range n.Get("extension").Items() {
		if e.Get("url").Text() == ExtStates {
			listed = append(listed, e.Get("valueCode").Text())
		}
	}
	var out []statedField
	for _, name := range planFields() {
		v := x.planField(n, name)
		switch {
		case listed != nil && !contains(listed, name), listed == nil && v == (coded{}):
		default:
			out = append(out, statedField{Field: name, Value: v, Remove: v == (coded{})})
		}
	}
	if len(out) > 0 {
		s := c.shared()
		s.Statements = append(s.Statements, out...)
	}
}

func isMaster(n *fhir.Node) bool {
	if len(n.Get("partOf").Items()) > 0 || len(n.Get("addresses").Items()) > 0 {
		return false
	}
	for _, a := range n.Get("activity").Items() {
		if a.Get("detail") != nil {
			return false
		}
	}
	for _, cat := range n.Get("category").Items() {
		for _, cd := range cat.Get("coding").Items() {
			if cd.Get("code").Text() == "zone-plan" {
				return false
			}
		}
	}
	return true
}

// planFields are the names of the shared fields of the plan itself, in the order they are shown.
func planFields() []string {
	return []string{FieldStatus, FieldPeriodStart, FieldPeriodEnd, FieldNextEvaluation, FieldCoordinator}
}

// planField reads one shared field of a CarePlan.
func (x extractor) planField(n *fhir.Node, name string) coded {
	switch name {
	case FieldStatus:
		return coded{Text: n.Get("status").Text()}
	case FieldPeriodStart:
		return coded{Text: n.At("period.start").Text()}
	case FieldPeriodEnd:
		return coded{Text: n.At("period.end").Text()}
	case FieldNextEvaluation:
		return x.anyValue(n.Extension(ExtNextEvaluation))
	case FieldCoordinator:
		if e := n.Extension(ExtCoordinator); e != nil {
			return x.anyValue(e)
		}
		return x.anyValue(n.Extension(extCustodian))
	}
	return coded{}
}

// anyValue reads value[x] of an extension or an output.
func (x extractor) anyValue(n *fhir.Node) coded {
	for _, k := range [...]string{"valueString", "valueCode", "valueDateTime", "valueDate", "valueInstant", "valueBoolean", "valueInteger"} {
		if t := n.Get(k).Text(); t != "" {
			return coded{Text: t}
		}
	}
	if v := n.Get("valueCodeableConcept"); v != nil {
		return concept(v)
	}
	if v := n.Get("valueCoding"); v != nil {
		return coded{Text: first(v.Get("display").Text(), v.Get("code").Text()), Code: v.Get("code").Text(), System: v.Get("system").Text()}
	}
	return x.whom(n.Get("valueReference"))
}

// whom reads a reference to a person or organisation: the identifier and the name.
func (x extractor) whom(ref *fhir.Node) coded {
	if ref == nil {
		return coded{}
	}
	id := ref.Get("identifier")
	c := coded{Text: ref.Get("display").Text(), Code: id.Get("value").Text(), System: id.Get("system").Text()}
	if e, ok := x.resolve(ref.Get("reference").Text()); ok {
		c.Text = first(x.named(ref), e.Resource.Get("name").Text(), c.Text)
		for _, n := range []*fhir.Node{e.Resource, x.practitioner(e.Resource)} {
			if i := firstItem(n.Get("identifier")); c.Code == "" && i != nil {
				c.Code, c.System = i.Get("value").Text(), i.Get("system").Text()
			}
		}
	}
	c.Text = first(c.Text, c.Code)
	return c
}

func (x extractor) practitioner(role *fhir.Node) *fhir.Node {
	e, _ := x.resolve(role.At("practitioner.reference").Text())
	return e.Resource
}

// patientGoal notes a goal in the patient's own words that has an identifier: whoever records the same one
// again records the same goal. had is how many goals the content had before this one.
func (x extractor) patientGoal(n *fhir.Node, c *content, had int) {
	id := firstItem(n.Get("identifier"))
	if id.Get("value").Text() == "" || !x.byPatient(n) {
		return
	}
	s := statedField{Field: FieldPatientGoal, Element: id.Get("system").Text() + "|" + id.Get("value").Text(), At: n.Get("statusDate").Text()}
	if len(c.Goals) > had {
		g := c.Goals[had]
		s.Goal, s.Value.Text = had+1, g.Text
		if g.Code != nil {
			s.Value = coded{Text: first(g.Text, g.Code.Text), Code: g.Code.Code, System: g.Code.System}
		}
	} else {
		s.Remove = true
	}
	sh := c.shared()
	sh.Statements = append(sh.Statements, s)
}

// byPatient tells whether a goal is the patient's, or next of kin's on their behalf.
func (x extractor) byPatient(goal *fhir.Node) bool {
	ref := goal.At("expressedBy.reference").Text()
	typ, _, _ := strings.Cut(ref, "/")
	if e, ok := x.resolve(ref); ok {
		typ = e.Type
	}
	return typ == "Patient" || typ == "RelatedPerson"
}

// wishedChange reads a ServiceRequest about an element of the plan; false when it is about none, and is a measure.
func (x extractor) wishedChange(e fhir.Entry, c *content) bool {
	n := e.Resource
	about := n.Extension(ExtConcerns).Get("valueReference")
	if about == nil {
		return false
	}
	switch n.Get("status").Text() {
	case "entered-in-error", "revoked", "draft":
		return true
	}
	w := wishedChange{Ref: about.Get("reference").Text(), ID: about.At("identifier.value").Text(), Edit: n.Get("intent").Text() != "proposal",
		Field: n.Extension(ExtField).Get("valueCode").Text(), Is: measureOf(e)}
	if n.Get("intent").Text() == "option" || w.Ref == "" && w.ID == "" {
		return true
	}
	if v := x.anyValue(n.Extension(ExtWanted)); v != (coded{}) {
		w.Wanted = &v
	}
	if v := n.Extension(fhir.ExtEvaluation); v != nil {
		w.Is.Eval = first(v.Get("valueDate").Text(), v.Get("valueDateTime").Text())
	}
	w.Is.Period = periodText(n)
	s := c.shared()
	s.Wishes = append(s.Wishes, w)
	return true
}

// decided reads resolve-conflict tasks: they are decisions, not answers to proposals.
func (x extractor) decided(n *fhir.Node, c *content) bool {
	if !hasCode(fhir.NewArray(n.Get("code")), SystemTask, TaskResolve) {
		return false
	}
	ref := first(n.At("focus.reference").Text(), n.At("focus.identifier.value").Text())
	r := decidedConflict{Conflict: ref[strings.LastIndexByte(ref, '/')+1:]}
	if r.Conflict == "" || n.Get("status").Text() != "completed" {
		return true
	}
	for _, o := range n.Get("output").Items() {
		if t := concept(o.Get("type")); t.Code == "basis" || t.Text == "basis" {
			r.Basis = append(r.Basis, o.Get("valueString").Text())
		} else if r.Value == (coded{}) {
			r.Value = x.anyValue(o)
		}
	}
	slices.Sort(r.Basis)
	r.Remove = r.Value == (coded{})
	s := c.shared()
	s.Resolutions = append(s.Resolutions, r)
	return true
}

// linkage reads that items of the plan are the same real thing: the first item and each of the others.
func (x extractor) linkage(n *fhir.Node, c *content) {
	items := n.Get("item").Items()
	var refs []string
	for _, i := range items {
		r := i.Get("resource")
		if t := first(r.Get("reference").Text(), r.At("identifier.value").Text()); t != "" {
			refs = append(refs, t)
		}
	}
	for i := 1; i < len(refs); i++ {
		s := c.shared()
		s.Same = append(s.Same, sameFact{A: refs[0], B: refs[i], Not: n.Get("active").Text() == "false"})
	}
}
