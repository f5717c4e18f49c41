package native

import (
	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// patientOf finds whom the message is about: the Patient that the focus is or names as its subject,
// else the first Patient of the message.
func patientOf(b *fhir.Bundle, h fhir.Header) *fhir.Node {
	for _, ref := range h.Focus {
		e, ok := b.Resolve(ref)
		if !ok {
			continue
		}
		if e.Type == "Patient" {
			return e.Resource
		}
		for _, key := range []string{"subject", "patient", "for"} {
			s := e.Resource.Get(key)
			if p, ok := b.Resolve(s.Get("reference").Text()); ok && p.Type == "Patient" {
				return p.Resource
			}
			if id := fhir.IdentifierOf(s.Get("identifier")); id.Value != "" {
				return fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.IdentifierNode(id)))
			}
		}
	}
	return b.First("Patient")
}

// personIdentifier picks the identifier that names the patient everywhere: the national number before
// the replacement numbers, and any other only when there is none of these.
func personIdentifier(p *fhir.Node) samvirke.Identifier {
	best, rank := samvirke.Identifier{}, len(personOrder)+1
	for _, n := range p.Get("identifier").Items() {
		id := fhir.IdentifierOf(n)
		if id.Value == "" || n.Get("use").Text() == "old" {
			continue
		}
		r := len(personOrder)
		for i, typ := range personOrder {
			if typ == id.Type {
				r = i
			}
		}
		if r < rank {
			best, rank = id, r
		}
	}
	if best.Type == fhir.TypeFNR || best.Type == fhir.TypeDNR || best.Type == fhir.TypeFHN {
		best.Value = fhir.NormalizePerson(best.Value)
	}
	return best
}

// personOrder is an array so that it cannot change.
var personOrder = [...]string{fhir.TypeFNR, fhir.TypeDNR, fhir.TypeFHN, fhir.TypeDUF, fhir.TypeDKF, fhir.TypeHNR}

func patientRef(p *fhir.Node) samvirke.PatientRef {
	name := p.At("name.0")
	ref := samvirke.PatientRef{
		Identifier: personIdentifier(p),
		HasName:    name.Get("family").Text() != "" || name.Get("text").Text() != "",
	}
	ref.HasBirthDate = p.Get("birthDate").Text() != ""
	ref.HasSex = p.Get("gender").Text() != ""
	for _, a := range p.Get("address").Items() {
		// no-basis-Address: the municipality's number stands in an extension on the district.
		for _, e := range a.At("_district.extension").Items() {
			if c := fhir.CodingOf(e.Get("valueCoding")); c.System == fhir.SystemMunicipality {
				ref.Municipality = c.Code
			}
		}
	}
	return ref
}

// noForwarding tells whether the patient objects to forwarding (canonical.go, "no forwarding").
func noForwarding(b *fhir.Bundle) bool {
	for _, c := range b.All("Consent") {
		if c.Get("status").Text() != "active" || c.At("provision.type").Text() != "deny" {
			continue
		}
		for _, cat := range c.Get("category").Items() {
			for _, n := range cat.Get("coding").Items() {
				if n.Get("system").Text() == fhir.SystemSection && n.Get("code").Text() == "ForbeholdOmVideresending" {
					return true
				}
			}
		}
	}
	return false
}
