package kith

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// Referrals: 1.0 and 1.1 without a separate header (kindReferral), 2.0 inside MsgHead. All of them are one
// ServiceRequest, with what is known of the patient around it.

// Types of referral 2.0: of a new condition, and onwards of a patient who was referred before.
const (
	kindNewReferral    = "HENVISNING_NYTILSTAND"
	kindOnwardReferral = "HENVISNING_VIDERE"
)

// isReferral tells whether a kind is a referral, of any version.
func isReferral(kind string) bool {
	return kind == kindReferral || kind == kindNewReferral || kind == kindOnwardReferral
}

// referralTables are the tables of referral 2.0, by kind.
func referralTables() map[string]*table {
	root := rows(referral20)
	out := map[string]*table{}
	for _, kind := range []string{kindNewReferral, kindOnwardReferral} {
		out[kind] = &table{kind: kind, root: root, payload: "Henvisning", prefixes: [][2]string{{"root", ""}, {"po", "po"}, {"fk1", "fk1"}},
			releases: []release{{"2.0", headNames("http://ehelse.no/xmlstds/henvisning/2017-11-30",
				"po", "http://ehelse.no/xmlstds/po/poKomponent/2017-11-30")}}}
	}
	return out
}

// referralEnvelope completes what a referral 2.0 says about itself: its status stands in the payload, and its
// message id is what an epicrisis names it by.
func referralEnvelope(env *samvirke.Envelope, payload *etree.Element) {
	if env.Kind != kindNewReferral && env.Kind != kindOnwardReferral {
		return
	}
	op, _ := childV(payload, "ServType")
	if env.Op = samvirke.Op(strings.TrimSpace(op)); env.ID == "" {
		return
	}
	env.Referrals = referralIDs(env.ID)
	if first := referralIDs(env.Conversation); first != nil && first[0] != env.Referrals[0] {
		env.Referrals = append(env.Referrals, first...) // an answer may name the first message as well as its change
	}
}

// referralIDs lists an id unless it is empty; UUIDs in lower case, so that they compare.
func referralIDs(id string) []string {
	switch {
	case id == "":
		return nil
	case isUUID(id):
		return []string{strings.ToLower(id)}
	}
	return []string{id}
}

// finishReferral completes the ServiceRequest with what stands elsewhere: who asks whom, and why.
func (b *builder) finishReferral(h *fhir.Node, env *samvirke.Envelope) {
	a := b.arena
	req := b.root("ServiceRequest").res
	status := "active"
	if env.Op == samvirke.OpCancel {
		status = "revoked"
	}
	req.Set("status", a.String(status))
	req.Set("intent", a.String("order"))
	setParty(a, req, "requester", h.Get("sender"))
	addParty(a, req, "performer", h.At("destination.0.receiver"))
	for _, e := range b.made.list {
		typ := e.res.Get("resourceType").Text()
		switch {
		case typ == "Condition" && isReason(e.res):
			a.Append(req, "reasonReference", a.Texts("reference", e.url))
		case typ == "Condition", typ == "AllergyIntolerance", typ == "MedicationStatement", typ == "Observation":
			a.Append(req, "supportingInfo", a.Texts("reference", e.url))
		}
		if typ == "Flag" && e.res.Get("code") == nil {
			e.res.Set("code", markConcept(a, "InfItem")) // a warning without a text
		}
		if typ == "Consent" {
			e.res.Set("scope", consentScope(a))
			if isNo(e.res.At("policyRule.coding.0")) {
				e.res.Set("status", a.String("rejected"))
			}
		}
	}
}

func consentScope(a *fhir.Arena) *fhir.Node {
	return conceptOf(a, a.Texts("system", "http://terminology.hl7.org/CodeSystem/consentscope", "code", "treatment"))
}

// isNo tells whether a code of a consent says that there is none.
//
// Source: code lists 9064 and 3109.
func isNo(coding *fhir.Node) bool {
	no := map[string]string{fhir.OIDVolven + "9064": "4", fhir.OIDVolven + "3109": "2"}[coding.Get("system").Text()]
	return no != "" && no == coding.Get("code").Text()
}

// isReason tells the conditions that a referral is made for from those told beside.
func isReason(n *fhir.Node) bool {
	return n.At("category.0.coding.0.code").Text() == "encounter-diagnosis"
}

// checkReferral warns of a referral that cannot be found again, or that does not say how urgent it is.
func checkReferral(env *samvirke.Envelope, req *etree.Element, warn func(code, path, text string)) {
	const at = "/Message/ServReq/"
	if env.Conversation == "" {
		warn("no-reference", at+"Id", "a referral without an id of its own cannot be changed, cancelled or answered")
	}
	if v, _ := childV(childNamed(req, "ReqServ"), "Priority"); env.Op == samvirke.OpNew && v == "" {
		warn("no-urgency", at+"ReqServ/Priority", "a new referral that does not say how urgent it is")
	}
}
