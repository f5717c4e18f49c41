package kith

import (
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// unused notes every value of the Bundle that was not written to the message and does not
// follow from one that was.
func (r *reader) unused() {
	for i, e := range r.bundle.Entries() {
		at := "Bundle.entry[" + strconv.Itoa(i) + "].resource"
		if !r.visited(e) {
			r.notes = append(r.notes, mapping.Note{Path: at, Code: "not-carried", Text: "the message has no place for this " + e.Type})
			continue
		}
		r.unusedIn(e.Resource, e.Type, at, e.Type)
	}
}

// visited tells whether the walk came to a resource: one that a reference led to, of which a value
// was written, or that every message has.
func (r *reader) visited(e fhir.Entry) bool {
	switch e.Type {
	case "MessageHeader", "Composition", "Encounter":
		return true
	}
	return r.reached[e.Resource] || r.anyUsed(e.Resource)
}

func (r *reader) anyUsed(n *fhir.Node) bool {
	if _, ok := r.used[n]; ok {
		return true
	}
	if n.IsArray() {
		for _, k := range n.Items() {
			if r.anyUsed(k) {
				return true
			}
		}
		return false
	}
	for _, key := range n.Keys() {
		if r.anyUsed(n.Get(key)) {
			return true
		}
	}
	return false
}

// unusedIn walks one value. rule is the path without indexes, which derived is asked for.
func (r *reader) unusedIn(n *fhir.Node, typ, at, rule string) {
	switch {
	case n.IsArray():
		for i, k := range n.Items() {
			r.unusedIn(k, typ, at+"["+strconv.Itoa(i)+"]", rule)
		}
	case n.IsObject():
		if isOurs(n) {
			return
		}
		for _, key := range n.Keys() {
			if skipKey(key) || derived(rule+"."+key, n) {
				continue
			}
			below := rule + "." + key
			if key == "section" && strings.HasSuffix(rule, ".section") {
				below = rule // sections nest; one rule for all of them
			}
			r.unusedIn(n.Get(key), typ, at+"."+key, below)
		}
	case n.IsNull():
	default:
		if _, ok := r.used[n]; !ok {
			r.notes = append(r.notes, mapping.Note{Path: at, Code: "not-carried", Text: "the message has no place for this value"})
		}
	}
}

// isOurs are parts that only this package's own layout needs: markers and the version.
func isOurs(n *fhir.Node) bool {
	switch {
	case n.Get("system").Text() == fhir.SystemSection:
		return true
	case n.Get("url").Text() == fhir.ExtMessageVersion, n.Get("url").Text() == fhir.ExtDateSource:
		return true
	case n.Get("url").Text() == extSource: // read when it still agrees with its code
		return true
	}
	return false
}

func skipKey(key string) bool {
	switch key {
	case "resourceType", "id", "meta", "url", "reference", "language":
		return true
	}
	return false
}

// derived tells whether a field follows from others (see finish) and is never read back.
func derived(rule string, n *fhir.Node) bool {
	typ, field, _ := strings.Cut(rule, ".")
	switch field {
	case "subject", "patient", "encounter", "category.coding", "status", "intent", "title", "text", "mode", "scope":
		if field == "status" {
			return n.Get("_status") == nil && typ != "DeviceRequest"
		}
		return true
	}
	switch typ {
	case "MessageHeader":
		return field == "source" || strings.HasPrefix(field, "destination.endpoint") || field == "destination.name" ||
			field == "focus" || field == "author" || field == "responsible"
	case "Composition":
		return field == "date" || field == "_date" || field == "type" || field == "author" || field == "section.title" || field == "attester.mode" ||
			field == "section.text.status"
	case "Encounter":
		return field == "class" || field == "serviceProvider"
	case "Observation":
		return field == "effectiveDateTime" || field == "_effectiveDateTime" || field == "category"
	case "Goal":
		return field == "lifecycleStatus"
	case "Appointment":
		return field == "participant.status" || field == "participant.actor" && n.Get("actor").Get("reference") != nil
	case "Condition", "Procedure":
		return field == "category" || field == "performedDateTime"
	}
	return false
}
