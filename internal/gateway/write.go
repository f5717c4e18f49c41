package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// Extensions of the MessageHeader of a write. They count only in a message that came through Submit.
const (
	extSeen  = fhir.ExtBase + "StructureDefinition/seen"  // repeated valueString: record keys
	extRoles = fhir.ExtBase + "StructureDefinition/roles" // repeated valueString: capacities of the author
)

// KindPlanWrite is the kind of the messages that Submit makes.
const KindPlanWrite = "plan-write"

// MaxSeen bounds the records that a write may say it had seen, MaxResources what it may hold.
const (
	MaxSeen      = 10000
	MaxResources = 500
)

// Write is what a party or a person wants to state about a patient's plan: over FHIR REST, or with a click in
// the UI. It becomes a native FHIR message that is received like any other; nothing changes the plan beside it.
type Write struct {
	// Party is the configured party that writes. HER is the one of its HER-ids it writes as; "" means its own address.
	Party, HER string
	// Person is the human who decides; "" when it is a system that writes. With a name the record has the role
	// "person".
	Person string
	// Roles are capacities of the person beside those that the configuration gives the party: "coordinator",
	// "identity-authority", "patient". They come from the login, never from what the other side says.
	Roles []string
	// Patient is whose plan it is.
	Patient samvirke.Identifier
	// Resources state the facts, as the brief of fhir/careplan says. A Patient among them is the one that it is
	// about (an identity link); else one is made. References among them are "Type/id" or fullUrls.
	Resources []*fhir.Node
	// Seen are the keys of the records that the author had seen, see Gateway.SeenIn.
	Seen []string
	// Op is what the write does to its conversation; "" means N. Parent is the message id of the write that is
	// changed, added to or cancelled, Conversation that of the first.
	Op                   samvirke.Op
	Parent, Conversation string
	// ID is the message id; "" gets a new one. Whoever gives one gives At too: the same write again is then a
	// duplicate and has no second effect, another one with that id is refused.
	ID string
	// At is when it was written; zero means now.
	At time.Time
	// To are the receivers named in the message, beside those that rules and the plan's team give.
	To []samvirke.Address
}

// ErrWrite is wrapped by what is wrong with a Write itself; the errors are *samvirke.Fault of class Invalid.
var ErrWrite = errors.New("write cannot be sent")

func badWrite(code, safe string) error {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: safe, Err: ErrWrite}
}

// check holds a write against its bounds.
func (w *Write) check() error {
	switch {
	case w.Patient.Value == "":
		return badWrite("no-patient", "the write names no patient")
	case len(w.Resources) == 0 && w.Op != samvirke.OpCancel:
		return badWrite("no-content", "the write states nothing")
	case len(w.Resources) > MaxResources:
		return badWrite("too-many-entries", fmt.Sprintf("a write holds at most %d resources", MaxResources))
	case len(w.Seen) > MaxSeen:
		return badWrite("too-many-seen", fmt.Sprintf("a write names at most %d records", MaxSeen))
	case w.ID != "" && w.At.IsZero():
		return badWrite("no-time", "a write with an id of its own needs its time")
	case w.Op != "" && w.Op != samvirke.OpNew && w.Parent == "":
		return badWrite("no-parent", "a change, addition or cancellation does not say of what")
	}
	switch w.Op {
	case "", samvirke.OpNew, samvirke.OpChange, samvirke.OpAddition, samvirke.OpCancel:
	default:
		return badWrite("unknown-op", "what the write does to earlier ones is unknown")
	}
	for _, r := range w.Resources {
		if r == nil || r.Get("resourceType").Text() == "" {
			return badWrite("bad-entry", "a resource has no type")
		}
	}
	return nil
}

// NewWrite makes the message of a write: a Bundle of type message whose sender is the writing organisation and
// whose responsible is the person. The same write with the same ID and At gives the same bytes. w is not changed.
func NewWrite(w Write, from samvirke.Address) (*fhir.Bundle, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	m := fhir.NewMessage(w.ID, w.At, fhir.Coding{System: fhir.SystemNativeMessage, Code: KindPlanWrite})
	m.From(from)
	for _, a := range w.To {
		m.To(a)
	}
	op := w.Op
	if op == "" {
		op = samvirke.OpNew
	}
	m.Chain(op, w.Parent, w.Conversation)
	if w.Person != "" {
		who := fhir.NewObject("resourceType", "Practitioner", "name", fhir.NewArray(fhir.NewObject("text", w.Person)))
		m.Header().Set("responsible", fhir.NewObject("reference", m.Add(who), "display", w.Person))
	}
	for _, key := range w.Seen {
		m.Header().Append("extension", fhir.NewObject("url", extSeen, "valueString", key))
	}
	for _, role := range w.roles() {
		m.Header().Append("extension", fhir.NewObject("url", extRoles, "valueString", role))
	}
	patient := fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.IdentifierNode(w.Patient)))
	rest := make([]*fhir.Node, 0, len(w.Resources))
	for _, r := range w.Resources {
		r = r.Clone()
		if r.Get("resourceType").Text() == "Patient" && names(r, w.Patient) {
			patient = r
			continue
		}
		rest = append(rest, r)
	}
	about := m.Add(patient)
	m.Focus(about)
	for _, r := range rest {
		if key := subjectField(r.Get("resourceType").Text()); key != "" && r.Get(key).IsNull() {
			r.Set(key, fhir.NewObject("reference", about))
		}
		m.Add(r)
	}
	return m.Bundle(), nil
}

// roles are those that the message carries.
func (w *Write) roles() []string {
	var out []string
	for _, r := range w.Roles {
		if (r == samvirke.RoleCoordinator || r == samvirke.RoleIdentityAuthority || r == samvirke.RolePatient) && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	if w.Person != "" {
		out = append(out, samvirke.RolePerson)
	}
	return out
}

// names tells whether a Patient bears an identifier.
func names(p *fhir.Node, id samvirke.Identifier) bool {
	for _, n := range p.Get("identifier").Items() {
		if got := fhir.IdentifierOf(n); got.Value == id.Value && (got.System == id.System || id.System == "" && got.Type == id.Type) {
			return true
		}
	}
	return false
}

// subjectField is the element that says whom a resource is about; "" for those that have none or several.
func subjectField(resourceType string) string {
	switch resourceType {
	case "CarePlan", "CareTeam", "Goal", "ServiceRequest", "Procedure", "Condition", "Observation", "Flag", "Encounter",
		"DeviceRequest", "Communication", "QuestionnaireResponse":
		return "subject"
	case "EpisodeOfCare", "Consent":
		return "patient"
	case "Task":
		return "for"
	}
	return ""
}

// contentWrite marks a stored message that came through Submit. Receive takes the mark off what parties send, so
// it is as good as a column of its own: it is there after a crash, and nobody can put it on from outside.
const contentWrite = "application/fhir+json; samvirke-write=1"

// submitted tells whether a message came through Submit.
func submitted(contentType string) bool { return contentType == contentWrite }

// plainType takes the mark off.
func plainType(contentType string) string {
	if strings.Contains(contentType, "samvirke-write") {
		return "application/fhir+json"
	}
	return contentType
}

// dropClaims takes out of an ordinary message what only this gateway may say about its sender.
func dropClaims(b *fhir.Bundle) {
	h := b.First("MessageHeader")
	list := h.Get("extension")
	if list.IsNull() {
		return
	}
	kept := fhir.NewArray()
	for _, e := range list.Items() {
		if url := e.Get("url").Text(); url != extSeen && url != extRoles {
			kept.Add(e)
		}
	}
	if len(kept.Items()) == len(list.Items()) {
		return
	}
	if len(kept.Items()) == 0 {
		h.Set("extension", nil)
		return
	}
	h.Set("extension", kept)
}

// claims gives what the sender of a message had seen and the capacities in which it acts.
func (g *Gateway) claims(m *samvirke.Message, b *fhir.Bundle) (seen, roles []string) {
	if l := g.parties[m.Party]; l != nil {
		roles = l.roles
		if slices.Contains(roles, samvirke.RoleCoordinator) && !g.Coordinates(l.Party.Party, m.Patient) {
			roles = slices.DeleteFunc(slices.Clone(roles), func(r string) bool { return r == samvirke.RoleCoordinator })
		}
	}
	if !submitted(m.ContentType) {
		return nil, roles
	}
	return claimed(b, roles)
}

// Coordinates tells whether a party is the coordinating unit of a person, who may be known by several patient keys: it
// has the capacity, and the person lives in its municipality. A person whose municipality nobody told has none, not
// all of them: everybody's overview would be nobody's duty. Those persons are listed, see Unplaced.
func (g *Gateway) Coordinates(p samvirke.Party, patients ...string) bool {
	return coordinates(g.o.Patient, p, patients...)
}

// Unplaced tells whether a person waits for somebody to say where they live: there are coordinating units here, and
// which of them is theirs cannot be told.
func (g *Gateway) Unplaced(patients ...string) bool {
	units := slices.ContainsFunc(g.order, func(id string) bool { return g.parties[id].HasRole(samvirke.RoleCoordinator) })
	return units && !slices.ContainsFunc(patients, func(key string) bool {
		m, _ := g.o.Patient(key)
		return m != ""
	})
}

// recordRoles are the capacities of a party that its records have.
func recordRoles(p samvirke.Party) []string {
	var out []string
	for _, r := range p.Roles {
		switch r {
		case samvirke.RoleCoordinator, samvirke.RoleIdentityAuthority:
			out = append(out, r)
		case samvirke.RolePatientPortal:
			out = append(out, samvirke.RolePatient)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
