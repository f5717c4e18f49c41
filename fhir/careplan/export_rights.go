package careplan

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// identifiers are those of the person, the one the plan is shown under first; the others are links as well.
func (x *export) identifiers(n *fhir.Node) {
	id := &x.p.Person.Identifier
	if id.Text != "" {
		n.Append("identifier", fhir.NewObject("system", id.System, "value", id.Text))
	}
	if x.p.Rights == nil {
		return
	}
	for _, i := range x.p.Rights.Identities {
		system, value, ok := strings.Cut(i.Patient, "|")
		if !ok || i.Patient == x.p.Patient {
			continue
		}
		n.Append("identifier", fhir.NewObject("use", "old", "system", system, "value", value))
		n.Append("link", fhir.NewObject("other", fhir.NewObject("type", "Patient", "identifier",
			fhir.NewObject("system", system, "value", value)), "type", "seealso"))
	}
}

// rightsPart shows the limits on who may see what, and what is set aside, in the shape in which they are stated.
func (x *export) rightsPart() {
	if x.p.Rights == nil {
		return
	}
	for i := range x.p.Rights.Restrictions {
		x.restriction(&x.p.Rights.Restrictions[i])
	}
	for _, h := range x.p.Rights.Held {
		n := fhir.NewObject("resourceType", "Flag", "status", "active",
			"code", conceptNode("A record is set aside", &Value{System: outFlagCodes, Code: stateHeld, Text: "A record is set aside"}),
			"subject", reference(x.subject))
		if by := x.organisation(h.By); by != nil {
			n.Set("author", by)
		}
		n.Append("extension", fhir.NewObject("url", outConcerns, "valueReference", fhir.NewObject("identifier",
			fhir.NewObject("system", fhir.SystemURI, "value", messageURI(h.Key)))))
		x.put(h.By, n, shortID("held", h.Key), h.From)
	}
}

func (x *export) restriction(r *Restriction) {
	category := r.Kind
	if category == kindTeam {
		category = codeTeamChoice
	}
	n := fhir.NewObject("resourceType", "Consent", "status", "active",
		"scope", codeNode("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
		"category", fhir.NewArray(codeNode(systemRestriction, category)),
		"patient", reference(x.subject))
	if by := x.organisation(r.By); by != nil && r.By != rolePatient {
		n.Append("organization", by)
	}
	if r.By == rolePatient {
		n.Append("performer", reference(x.subject))
	}
	policy := codeNode(systemActCode, "OPTIN")
	policy.SetText("text", r.Reason)
	n.Set("policyRule", policy)
	provision := fhir.NewObject("type", "deny", "period", periodNode(formatTime(r.Start), formatTime(r.End)))
	x.actors(provision, r.Denied)
	switch {
	case r.Kind == kindTeam:
		provision.SetText("type", "permit")
		x.actors(provision, r.Allowed)
	case len(r.Allowed) > 0:
		permit := fhir.NewObject("type", "permit")
		x.actors(permit, r.Allowed)
		provision.Append("provision", permit)
	}
	x.scope(provision, r.Scope)
	n.Set("provision", provision)
	x.put(r.By, n, r.ID, r.From)
}

func (x *export) actors(provision *fhir.Node, ids []string) {
	for _, id := range ids {
		provision.Append("actor", fhir.NewObject("role", codeNode("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP"),
			"reference", x.organisation(id)))
	}
}

// scope says what a limit covers; nothing for all.
func (x *export) scope(provision *fhir.Node, scope string) {
	kind, word, _ := strings.Cut(scope, ":")
	switch kind {
	case "record":
		provision.Append("data", fhir.NewObject("meaning", "instance", "reference", fhir.NewObject("identifier",
			fhir.NewObject("system", fhir.ExtBase+"record", "value", word))))
	case "organisation":
		provision.Append("data", fhir.NewObject("meaning", "instance", "reference", x.organisation(word)))
	case "kind":
		provision.Append("class", fhir.NewObject("system", fhir.SystemMessageType, "code", word))
	case "topic":
		provision.Append("code", fhir.NewObject("text", word))
	}
}
