package kith

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// unused notes every value of the Bundle that was not written to the message and does not
// follow from one that was.
func (r *reader) unused() {
	u := leftover{r: r, rule: make([]byte, 0, 64)}
	for i, e := range r.bundle.Entries() {
		u.entry = i
		if !r.visited(e) {
			u.note("the message has no place for this " + e.Type)
			continue
		}
		u.rule = append(u.rule[:0], e.Type...)
		u.walk(e.Resource)
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
	for _, v := range n.Fields() {
		if r.anyUsed(v) {
			return true
		}
	}
	return false
}

// leftover walks resources; texts of paths are only made for notes.
type leftover struct {
	r     *reader
	entry int
	at    []fhirStep
	rule  []byte // resource type and keys without indexes
}

type fhirStep struct {
	key   string
	index int
}

func (u *leftover) note(text string) { u.noteAs("not-carried", text) }

func (u *leftover) noteAs(code, text string) {
	p := "Bundle.entry[" + strconv.Itoa(u.entry) + "].resource"
	for _, s := range u.at {
		if s.key != "" {
			p += "." + s.key
		} else {
			p += "[" + strconv.Itoa(s.index) + "]"
		}
	}
	u.r.notes = append(u.r.notes, mapping.Note{Path: p, Code: code, Text: text})
}

func (u *leftover) walk(n *fhir.Node) {
	switch {
	case n.IsArray():
		for i, k := range n.Items() {
			u.at = append(u.at, fhirStep{index: i})
			u.walk(k)
			u.at = u.at[:len(u.at)-1]
		}
	case n.IsObject():
		u.object(n)
	case n.IsNull():
	default:
		if _, ok := u.r.used[n]; !ok {
			u.note("the message has no place for this value")
		}
	}
}

func (u *leftover) object(n *fhir.Node) {
	if isOurs(n) {
		return
	}
	mark := len(u.rule)
	nested := bytes.HasSuffix(u.rule, []byte(".section"))
	for key, v := range n.Fields() {
		switch key {
		case "reference":
			u.reference(v)
			continue
		case "resourceType", "id", "meta", "url", "language":
			continue
		}
		if key != "section" || !nested { // sections nest; one rule for all of them
			u.rule = append(append(u.rule, '.'), key...)
		}
		u.at = append(u.at, fhirStep{key: key})
		if derived(u.rule, n) {
			u.dangling(v)
		} else {
			u.walk(v)
		}
		u.at = u.at[:len(u.at)-1]
		u.rule = u.rule[:mark]
	}
}

// reference notes a literal reference to an entry that the Bundle does not have: what it means is not in
// the message. One to another server, or into the resource itself, is no promise of an entry.
func (u *leftover) reference(n *fhir.Node) {
	to := n.Text()
	if to == "" || to[0] == '#' || strings.Contains(to, "://") || u.r.byURL[to] != nil {
		return
	}
	if strings.HasPrefix(to, "urn:") && !strings.HasPrefix(to, "urn:uuid:") {
		return
	}
	u.at = append(u.at, fhirStep{key: "reference"})
	u.noteAs("dangling-reference", "the Bundle has no such entry; what the reference stands for is not in the message")
	u.at = u.at[:len(u.at)-1]
}

// dangling looks for references in a field that is not read back.
func (u *leftover) dangling(n *fhir.Node) {
	switch {
	case n.IsArray():
		for i, k := range n.Items() {
			u.at = append(u.at, fhirStep{index: i})
			u.dangling(k)
			u.at = u.at[:len(u.at)-1]
		}
	case n.IsObject():
		for key, v := range n.Fields() {
			if key == "reference" {
				u.reference(v)
				continue
			}
			u.at = append(u.at, fhirStep{key: key})
			u.dangling(v)
			u.at = u.at[:len(u.at)-1]
		}
	}
}

// isOurs are parts that only this package's own layout needs: markers and the version.
func isOurs(n *fhir.Node) bool {
	switch n.Get("url").Text() {
	case fhir.ExtMessageVersion, fhir.ExtDateSource, extAbsent:
		return true
	case extSource: // read when it still agrees with its code
		return true
	}
	return n.Get("system").Text() == fhir.SystemSection
}

// derived tells whether a field follows from others (see finish) and is never read back. n is the
// object that holds it.
func derived(rule []byte, n *fhir.Node) bool {
	i := bytes.IndexByte(rule, '.')
	switch string(rule[i+1:]) {
	case "subject", "patient", "encounter", "category.coding", "intent", "title", "text", "mode", "scope":
		return true
	case "status":
		return n.Get("_status") == nil && string(rule) != "DeviceRequest.status"
	}
	switch string(rule) {
	case "MessageHeader.source", "MessageHeader.destination.endpoint", "MessageHeader.destination.name", "MessageHeader.focus",
		"MessageHeader.author", "MessageHeader.responsible",
		"Composition.date", "Composition._date", "Composition.type", "Composition.author", "Composition.section.title",
		"Composition.attester.mode", "Composition.section.text.status",
		"Encounter.class", "Encounter.serviceProvider",
		"Observation.effectiveDateTime", "Observation._effectiveDateTime", "Observation.category",
		"Goal.lifecycleStatus", "Appointment.participant.status", "Condition.category", "Procedure.category", "Procedure.performedDateTime",
		"OperationOutcome.issue.severity", "OperationOutcome.issue.code":
		return true
	case "DocumentReference.content.attachment.size", "DocumentReference.content.attachment.hash",
		"DocumentReference.content.attachment.extension":
		return true
	case "Condition.clinicalStatus":
		return n.Get("abatementDateTime") != nil
	case "AllergyIntolerance.clinicalStatus", "AllergyIntolerance.reaction":
		return ownAllergy(n)
	case "Appointment.participant.actor":
		return n.Get("actor").Get("reference") != nil
	}
	return false
}
