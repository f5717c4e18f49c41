package native

import (
	"strconv"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

func warn(p *mapping.Parsed, code, path, text string) {
	p.Warnings = append(p.Warnings, &samvirke.Fault{Class: samvirke.Invalid, Code: code, Path: path, Safe: text})
}

// checkAssessment wants Observations that say what was assessed; what they found is carried as it is.
//
// Source: domain/function.md section 4.
func checkAssessment(p *mapping.Parsed, b *fhir.Bundle) error {
	found := false
	for i, e := range b.Entries() {
		if e.Type != "Observation" {
			continue
		}
		found = true
		o, path := e.Resource, "Bundle.entry["+strconv.Itoa(i)+"].resource"
		if len(o.At("code.coding").Items()) == 0 && o.At("code.text").Text() == "" {
			return fault(CodeNoObservation, "T02", path+".code", "an Observation does not say what was assessed")
		}
		if !has(o, "effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming") {
			warn(p, "no-assessment-date", path+".effectiveDateTime", "an Observation does not say when the assessment was done")
		}
		if !has(o, "valueQuantity", "valueCodeableConcept", "valueString", "valueBoolean", "valueInteger", "valueRange", "valueRatio",
			"valueSampledData", "valueTime", "valueDateTime", "valuePeriod", "dataAbsentReason", "component", "hasMember") {
			warn(p, "no-assessment-value", path+".valueInteger", "an Observation has no value and no reason for that")
		}
		if o.Get("status").Text() == "" {
			warn(p, "no-status", path+".status", "R4 demands Observation.status")
		}
	}
	if !found {
		return fault(CodeNoObservation, "T02", "Bundle.entry", "an assessment holds no Observation")
	}
	return nil
}

func has(n *fhir.Node, keys ...string) bool {
	for _, k := range keys {
		if !n.Get(k).IsNull() {
			return true
		}
	}
	return false
}

// checkTasks wants Tasks that say what they answer and how.
func checkTasks(p *mapping.Parsed, b *fhir.Bundle) error {
	found := false
	for i, e := range b.Entries() {
		if e.Type != "Task" {
			continue
		}
		found = true
		t, path := e.Resource, "Bundle.entry["+strconv.Itoa(i)+"].resource"
		status := t.Get("status").Text()
		if status == "" {
			return fault(CodeNoTask, "T02", path+".status", "a Task has no status")
		}
		focus := t.Get("focus")
		if !has(focus, "reference", "identifier", "display") && t.Get("description").Text() == "" {
			return fault(CodeNoTaskFocus, "T02", path+".focus", "a Task does not say which proposal it answers")
		}
		if ref := focus.Get("reference").Text(); ref != "" {
			if _, ok := b.Resolve(ref); !ok && !has(focus, "identifier", "display") {
				warn(p, "unresolved-reference", path+".focus", "the proposal is not in the message and has no identifier or text")
			}
		}
		if status == "rejected" && !has(t, "statusReason", "note") {
			warn(p, "no-reason", path+".statusReason", "a proposal is rejected without a reason")
		}
	}
	if !found {
		return fault(CodeNoTask, "T02", "Bundle.entry", "a task answer holds no Task")
	}
	return nil
}

func checkPlan(p *mapping.Parsed, b *fhir.Bundle) {
	for _, e := range b.Entries() {
		switch e.Type {
		case "CarePlan", "CareTeam", "Goal", "ServiceRequest", "Procedure", "Appointment", "DeviceRequest", "Encounter",
			"Observation", "Condition", "Task", "Consent", "Communication":
			return
		}
	}
	warn(p, "no-plan-element", "Bundle.entry", "a plan update holds no element of a plan")
}
