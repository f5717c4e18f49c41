package careplan

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// Names of our own in resources about rights.
const (
	extOperation = fhir.ExtBase + "StructureDefinition/operation" // CareTeam.participant, valueCode add | remove
	extWithdrawn = fhir.ExtBase + "StructureDefinition/withdrawn" // Consent: taken back, by whom and when
	// systemRestriction has the categories of a Consent that limits: block, team-choice.
	systemRestriction = fhir.ExtBase + "CodeSystem/restriction"
	codeHold          = "hold-record"
	codeTeamChoice    = "team-choice"
	// systemConfidentiality and systemActCode are HL7's systems of security labels.
	systemConfidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	systemActCode         = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
)

// rights reads what a resource says about who the person is, who takes part and who may see what.
func (x extractor) rights(e fhir.Entry, c *content) {
	switch e.Type {
	case "Patient":
		x.links(e.Resource, c)
	case "CareTeam":
		x.careTeam(e.Resource, c)
	case "Consent":
		x.consent(e, c)
	case "CarePlan":
		x.master(e.Resource, c)
	}
}

// links reads that other identifiers are the same person's.
func (x extractor) links(n *fhir.Node, c *content) {
	for _, l := range n.Get("link").Items() {
		other := l.Get("other")
		key := patientKey(other.Get("identifier"))
		if e, ok := x.resolve(other.Get("reference").Text()); ok && key == "" && e.Type == "Patient" {
			key = patientKey(firstItem(e.Resource.Get("identifier")))
		}
		if key == "" {
			continue
		}
		r := c.rare().rights()
		r.Links = append(r.Links, linkFact{Other: key, Type: l.Get("type").Text()})
	}
}

// patientKey is system|value, as Record.Subject has it.
func patientKey(id *fhir.Node) string {
	if v := id.Get("value").Text(); v != "" {
		return id.Get("system").Text() + "|" + v
	}
	return ""
}

// careTeam reads who takes part from when to when. The providers that an epicrisis names as the patient's
// are contacts and take part only when a period or an operation is given.
func (x extractor) careTeam(n *fhir.Node, c *content) {
	switch n.Get("status").Text() {
	case "entered-in-error", "proposed":
		return
	}
	for _, p := range n.Get("participant").Items() {
		op, period := p.Extension(extOperation).Get("valueCode").Text(), p.Get("period")
		her, name := x.actor(p.Get("member"))
		if her == "" || op == "" && period == nil {
			continue
		}
		r := c.rare().rights()
		r.Team = append(r.Team, memberFact{HER: her, Name: name, Role: concept(firstItem(p.Get("role"))).Text,
			Start: period.Get("start").Text(), End: period.Get("end").Text(), Remove: op == "remove"})
	}
}

// actor names who a reference is about: a HER-id, or TYPE:value for another identifier.
func (x extractor) actor(ref *fhir.Node) (id, name string) {
	name = ref.Get("display").Text()
	if id = actorID(ref.Get("identifier")); id != "" {
		return id, name
	}
	e, ok := x.resolve(ref.Get("reference").Text())
	if !ok {
		return "", name
	}
	for _, i := range e.Resource.Get("identifier").Items() {
		if her := actorID(i); her != "" && (id == "" || i.Get("system").Text() == fhir.SystemHER) {
			id = her
		}
	}
	if e.Type == "PractitionerRole" && id == "" {
		id, _ = x.actor(first2(e.Resource.Get("practitioner"), e.Resource.Get("organization")))
	}
	return id, first(name, e.Resource.Get("name").Text(), x.named(ref))
}

func first2(a, b *fhir.Node) *fhir.Node {
	if a != nil {
		return a
	}
	return b
}

// actorID is the value of a HER-id alone, of another identifier with its type or system.
func actorID(id *fhir.Node) string {
	v, system := id.Get("value").Text(), id.Get("system").Text()
	switch {
	case v == "":
		return ""
	case system == fhir.SystemHER || system == "":
		return v
	case strings.HasPrefix(system, fhir.ExtBase+"party/"):
		return strings.TrimPrefix(system, fhir.ExtBase+"party/") + ":" + v
	}
	return first(fhir.TypeOf(system), system) + ":" + v
}

// consent reads what limits who may see what. A consent that only allows limits nobody, and lifts nothing
// that another one denies; the exception is the patient's choice of who is in the team.
func (x extractor) consent(e fhir.Entry, c *content) {
	n := e.Resource
	if hasCode(n.Get("category"), fhir.SystemSection, "ForbeholdOmVideresending") {
		return // stands in Record.NoForwarding
	}
	if hasCode(n.Get("category"), fhir.SystemSection, "ReservasjonOnske") {
		if n.Extension(extWithdrawn) == nil && n.Get("status").Text() != "inactive" {
			r := c.rare().rights()
			r.Blocks = append(r.Blocks, blockFact{Kind: "reservation", Reason: n.At("policyRule.text").Text()})
		}
		return
	}
	p := n.Get("provision")
	b := blockFact{Kind: "block", ID: x.consentID(e), Start: p.At("period.start").Text(), End: p.At("period.end").Text(),
		Reason: first(n.At("policyRule.text").Text(), noteText(n))}
	switch n.Get("status").Text() {
	case "inactive", "rejected", "entered-in-error":
		b.Off = true
	case "draft", "proposed":
		return
	}
	typ := p.Get("type").Text()
	switch {
	case hasCode(n.Get("category"), systemRestriction, codeTeamChoice):
		b.Kind, b.Allowed = "team", x.actors(p)
	case typ == "deny":
		b.Denied = x.actors(p)
	case !b.Off:
		x.exceptions(p, &b, c)
		return
	}
	for _, inner := range p.Get("provision").Items() {
		if inner.Get("type").Text() == "permit" {
			b.Allowed = append(b.Allowed, x.actors(inner)...)
		}
	}
	b.Scopes = x.scopes(p)
	r := c.rare().rights()
	r.Blocks = append(r.Blocks, b)
}

// exceptions reads a Consent that permits but for what stands inside: each deny is a limit of its own.
//
// Source: FHIR R4, Consent.provision.provision: exceptions to the rule around them.
func (x extractor) exceptions(p *fhir.Node, rule *blockFact, c *content) {
	for _, inner := range p.Get("provision").Items() {
		if inner.Get("type").Text() != "deny" {
			continue
		}
		b := *rule
		b.Denied, b.Scopes = x.actors(inner), x.scopes(inner)
		b.Start, b.End = first(inner.At("period.start").Text(), b.Start), first(inner.At("period.end").Text(), b.End)
		for _, own := range inner.Get("provision").Items() {
			if own.Get("type").Text() == "permit" {
				b.Allowed = append(b.Allowed, x.actors(own)...)
			}
		}
		r := c.rare().rights()
		r.Blocks = append(r.Blocks, b)
	}
}

// consentID names a Consent in every message about it.
func (x extractor) consentID(e fhir.Entry) string {
	id := firstItem(e.Resource.Get("identifier"))
	if v := id.Get("value").Text(); v != "" {
		return normalID(v)
	}
	return e.ID
}

func (x extractor) actors(provision *fhir.Node) (out []string) {
	for _, a := range provision.Get("actor").Items() {
		if id, _ := x.actor(a.Get("reference")); id != "" && !contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// scopes reads what a provision is about; none when it is about everything.
func (x extractor) scopes(p *fhir.Node) (out []string) {
	add := func(kind, value string) {
		if s := kind + ":" + value; value != "" && !contains(out, s) {
			out = append(out, s)
		}
	}
	for _, d := range p.Get("data").Items() {
		ref := d.Get("reference")
		id := ref.Get("identifier")
		if ref.Get("type").Text() == "Organization" || id.Get("system").Text() == fhir.SystemHER {
			add("organisation", actorID(id))
			continue
		}
		if literal := ref.Get("reference").Text(); id == nil && literal != "" && literal[0] >= 'A' && literal[0] <= 'Z' {
			add("element", literal) // no record bears that name: covers everything, see block.covers
			continue
		}
		add("record", normalKey(first(id.Get("value").Text(), ref.Get("reference").Text())))
	}
	for _, cl := range p.Get("class").Items() {
		add("kind", cl.Get("code").Text())
	}
	for _, cc := range p.Get("code").Items() {
		words := concept(cc)
		add("topic", first(words.Code, words.Text))
	}
	return out
}

// normalKey makes keys of records comparable: sender/message-id, or a message id alone.
func normalKey(s string) string {
	if sender, id, ok := strings.Cut(s, "/"); ok {
		return sender + "/" + normalID(id)
	}
	return normalID(s)
}

// hold reads that a person sets a record aside or lets it take part again; false for any other task.
func (x extractor) hold(n *fhir.Node, c *content) bool {
	if !hasCode(fhir.NewArray(n.Get("code")), SystemTask, codeHold) {
		return false
	}
	h := holdFact{Reason: first(concept(n.Get("statusReason")).Text, noteText(n))}
	switch n.Get("status").Text() {
	case "in-progress", "accepted", "ready", "requested", "received":
	default:
		h.Release = true
	}
	for _, in := range n.Get("input").Items() {
		key := in.Get("valueString").Text()
		if key == "" {
			key = first(in.At("valueIdentifier.value").Text(), in.At("valueReference.identifier.value").Text())
		}
		h.Record = normalKey(key)
		if key != "" {
			r := c.rare().rights()
			r.Holds = append(r.Holds, h)
		}
	}
	return true
}

// master reads how the shared plan itself stands, and which other identifiers' plans it replaces.
func (x extractor) master(n *fhir.Node, c *content) {
	if !isMaster(n) || n.Get("intent").Text() != "plan" {
		return
	}
	m := masterFact{Status: n.Get("status").Text()}
	for _, r := range n.Get("replaces").Items() {
		if k := patientKey(r.Get("identifier")); k != "" {
			m.Replaces = append(m.Replaces, k)
		}
	}
	c.rare().rights().Master = &m
}
