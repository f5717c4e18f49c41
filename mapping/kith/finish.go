package kith

import (
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// finish adds what FHIR demands and the source does not say in so many words. Nothing of it
// is read on the way back; derived lists it.
func (b *builder) finish(env *samvirke.Envelope) (*fhir.Bundle, error) {
	when := b.bundle.Get("timestamp").Text()
	patient := b.reference("Patient")
	if patient == nil {
		patient = b.arena.Texts("display", "not stated")
	}
	h := b.root("MessageHeader").res
	b.finishHeader(h, env)
	b.finishComposition(h, env, when, patient)
	if isReferral(env.Kind) {
		b.finishReferral(h, env)
	}
	for _, e := range b.made.list {
		b.finishResource(e.res, env, when, patient)
	}
	return b.message()
}

// reference refers to the resource of which there is one; nil when there is none.
func (b *builder) reference(typ string) *fhir.Node {
	e, ok := b.made.root(typ)
	if !ok {
		return nil
	}
	return b.arena.Texts("reference", e.url)
}

func (b *builder) finishHeader(h *fhir.Node, env *samvirke.Envelope) {
	source := childObject(b.arena, h, "source", usualKeys)
	b.arena.SetText(source, "name", outerName(env.Sender))
	source.Set("endpoint", b.arena.String(endpoint(env.Sender)))
	for i, d := range h.Get("destination").Items() {
		var a samvirke.Address
		if i < len(env.Receivers) {
			a = env.Receivers[i]
		}
		b.arena.SetText(d, "name", outerName(a))
		d.Set("endpoint", b.arena.String(endpoint(a)))
	}
	focus := b.arena.Array()
	for _, root := range []string{"Composition", "Patient"} {
		if ref := b.reference(root); ref != nil {
			focus.Add(ref)
		}
	}
	for _, attached := range h.Get("focus").Items() {
		focus.Add(attached)
	}
	h.Set("focus", focus)
}

func outerName(a samvirke.Address) string {
	if len(a.Levels) == 0 {
		return ""
	}
	return strings.TrimSpace(a.Levels[0].Name)
}

// endpoint is the address on the wire: the HER-id of the communication party as an OID.
func endpoint(a samvirke.Address) string {
	her := a.HER()
	if !allDigits(her) {
		return fhir.ExtBase + "endpoint/unknown"
	}
	return fhir.SystemHER + "." + her
}

func (b *builder) finishComposition(h *fhir.Node, env *samvirke.Envelope, when string, patient *fhir.Node) {
	c, a := b.root("Composition").res, b.arena
	status := "final"
	switch env.Op {
	case samvirke.OpChange, samvirke.OpAddition:
		status = "amended"
	case samvirke.OpCancel:
		status = "entered-in-error"
	}
	c.Set("status", a.String(status))
	c.Set("type", conceptOf(a, a.Texts("system", fhir.SystemMessageType, "code", env.Kind)))
	c.Set("subject", patient)
	if e := b.reference("Encounter"); e != nil {
		c.Set("encounter", e)
	}
	a.SetText(c, "date", when)
	author := h.Get("sender")
	if author == nil {
		author = a.Texts("display", "not stated")
	}
	c.Set("author", a.Array(author))
	title := strings.TrimSpace(env.KindDisplay)
	if title == "" {
		title = env.Kind
	}
	c.Set("title", a.String(title))
}

// finishResource sets required fields that are still empty.
func (b *builder) finishResource(n *fhir.Node, env *samvirke.Envelope, when string, patient *fhir.Node) {
	set := func(key string, v *fhir.Node) {
		if n.Get(key) == nil {
			n.Set(key, v)
		}
	}
	a := b.arena
	s := a.String
	switch n.Get("resourceType").Text() {
	case "Encounter":
		b.finishEncounter(n, env, patient)
	case "Observation":
		set("status", s("final"))
		set("subject", patient)
	case "Condition", "MedicationAdministration", "MedicationStatement", "ClinicalImpression", "Procedure", "Flag":
		b.finishStatement(n, set)
		set("subject", patient)
	case "ServiceRequest":
		status := "active"
		if end := n.At("occurrencePeriod.end").Text(); n.Get("intent").Text() == "order" && len(end) >= 10 && len(when) >= 10 && end[:10] < when[:10] {
			status = "completed"
		}
		set("status", s(status))
		set("subject", patient)
	case "DeviceRequest":
		set("status", s("active"))
		set("intent", s("order"))
		set("codeCodeableConcept", markConcept(a, "StatusHjelpemiddel"))
		set("subject", patient)
	case "Goal":
		set("lifecycleStatus", s("active"))
		set("description", markConcept(a, "InnholdMaaldokument"))
		set("subject", patient)
	case "AllergyIntolerance":
		finishAllergy(a, n)
		set("patient", patient)
	case "Consent", "RelatedPerson":
		if n.Get("resourceType").Text() == "Consent" {
			status := "active"
			if n.Extension(extURL("withdrawn")) != nil {
				status = "inactive"
			}
			set("status", s(status))
		}
		set("patient", patient)
	case "Appointment":
		set("status", s("pending"))
		for _, p := range n.Get("participant").Items() {
			p.Set("status", s("accepted"))
		}
		p := a.Object(usualKeys)
		p.Set("actor", patient)
		p.Set("status", s("accepted"))
		a.Append(n, "participant", p)
	case "Communication":
		set("status", s("completed"))
		set("subject", patient)
	case "DocumentReference":
		set("status", s("current"))
		set("subject", patient)
		finishDocument(a, n)
	}
}

func (b *builder) finishStatement(n *fhir.Node, set func(string, *fhir.Node)) {
	a := b.arena
	switch n.Get("resourceType").Text() {
	case "MedicationAdministration":
		set("status", a.String("completed"))
		if n.Get("medicationReference") == nil {
			set("medicationCodeableConcept", markConcept(a, "AdministrertLegemiddel"))
		}
	case "MedicationStatement":
		if n.Get("_status") == nil {
			set("status", a.String("active"))
		}
	case "ClinicalImpression":
		set("status", a.String("completed"))
	case "Procedure":
		set("status", a.String("completed"))
		for _, x := range n.Get("extension").Items() {
			if x.Get("url").Text() == extURL("carried-out") {
				a.SetText(n, "performedDateTime", x.Extension("date").Get("valueDate").Text())
			}
		}
	case "Flag":
		set("status", a.String("active"))
	}
}

func (b *builder) finishEncounter(n *fhir.Node, env *samvirke.Envelope, patient *fhir.Node) {
	status := "in-progress"
	planned := n.At("period._end").Extension(fhir.ExtEvent).Extension("estimate").Get("valueBoolean").Text() == "true"
	if env.Kind == "LOG_UTSKREVET" || n.At("period.end") != nil && !planned {
		status = "finished"
	}
	n.Set("status", b.arena.String(status))
	n.Set("class", b.arena.Texts("system", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code", "IMP"))
	n.Set("subject", patient)
	if strings.HasPrefix(env.Kind, "INNLEGGELSE") {
		return // the municipality sends; the stay is not its own
	}
	for url := b.root("MessageHeader").res.At("sender.reference").Text(); url != ""; {
		res := b.made.of(url)
		if res == nil {
			return
		}
		if res.Get("resourceType").Text() == "Organization" {
			n.Set("serviceProvider", b.arena.Texts("reference", url))
			url = res.At("partOf.reference").Text()
			continue
		}
		url = res.At("organization.reference").Text()
	}
}

// eventTime is when the thing told about happened, by kind.
func eventTime(b *fhir.Bundle, kind string) time.Time {
	enc := b.First("Encounter")
	var text string
	switch kind {
	case "LOG_INNLAGT", "HELSEOPPL_SOKNAD":
		text = enc.At("period.start").Text()
	case "LOG_UTSKREVET", "UTSKRIVNINGSRAPPORT", "FODSELS_EPIKRISE":
		text = enc.At("period.end").Text()
	case "FRAVARSMELDING":
		text = b.First("Communication").Extension(extURL("absence")).At("valuePeriod.start").Text()
	case "LOG_DOD":
		text = b.First("Patient").Get("deceasedDateTime").Text()
	case "LOG_UTSKRIVNINGSKLAR":
		text = eventOf(enc, "3")
	case "LOG_AVMELDING":
		text = eventOf(enc, "4")
	}
	if text == "" && strings.HasPrefix(kind, "LOG_") {
		text = soleEvent(enc)
	}
	t, _ := timeOf(text)
	return t
}

// soleEvent is the time of the only event when that has no code: a logistics message tells of one thing.
func soleEvent(enc *fhir.Node) string {
	var found *fhir.Node
	for _, x := range enc.Get("extension").Items() {
		if x.Get("url").Text() != fhir.ExtEvent {
			continue
		}
		if found != nil {
			return ""
		}
		found = x
	}
	if found == nil || found.Extension("code").Get("valueCoding").Get("code") != nil {
		return ""
	}
	return found.Extension("time").Get("valueDateTime").Text()
}

func eventOf(enc *fhir.Node, code string) string {
	for _, x := range enc.Get("extension").Items() {
		if x.Get("url").Text() == fhir.ExtEvent && x.Extension("code").At("valueCoding.code").Text() == code {
			return x.Extension("time").Get("valueDateTime").Text()
		}
	}
	return ""
}

func noForwarding(b *fhir.Bundle) bool {
	for _, c := range b.All("Consent") {
		if c.At("category.0.coding.0.code").Text() == "ForbeholdOmVideresending" && c.At("provision.type").Text() == "deny" {
			return true
		}
	}
	return false
}
