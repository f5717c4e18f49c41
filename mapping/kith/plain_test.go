package kith

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// plainAdmission is an admission as another system would write it: FHIR alone, none of our extensions.
const plainAdmission = `{"resourceType":"Bundle","type":"message","timestamp":"2026-11-21T09:00:00Z",
"identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:3d1c9a52-8a44-4f43-a3f5-5f0f6f3b9c10"},"entry":[
{"fullUrl":"urn:uuid:1","resource":{"resourceType":"MessageHeader","eventCoding":{"system":"urn:oid:2.16.578.1.12.4.1.1.8279","code":"LOG_INNLAGT"},
 "sender":{"reference":"Organization/ward"},"source":{"endpoint":"urn:x"},"destination":[{"endpoint":"urn:y","receiver":{"reference":"Organization/home"}}],"focus":[{"reference":"Encounter/stay"}]}},
{"fullUrl":"urn:uuid:2","resource":{"resourceType":"Encounter","id":"stay","status":"in-progress","class":{"code":"IMP"},"subject":{"reference":"Patient/p"},"period":{"start":"2026-11-21T08:30:00Z"}}},
{"fullUrl":"urn:uuid:3","resource":{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"13116900216"}],
 "name":[{"family":"Havn","given":["Solveig","Marie"]}],"gender":"female","birthDate":"1969-11-13","telecom":[{"system":"phone","value":"00000001","use":"mobile"}]}},
{"fullUrl":"urn:uuid:4","resource":{"resourceType":"Organization","id":"hospital","name":"Fjordbyen sykehus","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.2","value":"700001"}]}},
{"fullUrl":"urn:uuid:5","resource":{"resourceType":"Organization","id":"ward","name":"Slagenheten","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.2","value":"700011"}],"partOf":{"reference":"Organization/hospital"}}},
{"fullUrl":"urn:uuid:6","resource":{"resourceType":"Organization","id":"town","name":"Fjordvik kommune","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.2","value":"700100"}]}},
{"fullUrl":"urn:uuid:7","resource":{"resourceType":"Organization","id":"home","name":"Hjemmetjenesten","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.2","value":"700101"}],"partOf":{"reference":"Organization/town"}}}]}`

// TestPlainFHIR writes a message from FHIR that never was XML.
func TestPlainFHIR(t *testing.T) {
	f := newFormat(t)
	for _, version := range []string{"1.5", "1.6"} {
		b, err := fhir.ParseBundle([]byte(plainAdmission))
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Render(b, mapping.Target{Version: version})
		if err != nil {
			t.Fatal(err)
		}
		mappingtest.XMLLint(t, r.Body)
		p, err := f.Parse(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		env := p.Envelope
		if env.Kind != "LOG_INNLAGT" || env.Version != version || env.Op != "N" || env.Sender.HER() != "700011" || env.Sender.Enterprise() != "700001" ||
			env.Receivers[0].HER() != "700101" || env.Patient.Value != "13116900216" || env.Patient.Type != "FNR" {
			t.Errorf("envelope %+v", env)
		}
		if got := p.Bundle.First("Encounter").At("period.start").Text(); got != "2026-11-21T08:30:00Z" {
			t.Errorf("admitted %s", got)
		}
		if got := p.Bundle.First("Patient").Get("gender").Text(); got != "female" {
			t.Errorf("gender %s", got)
		}
		second := false
		for _, n := range r.Notes {
			second = second || strings.HasSuffix(n.Path, "name[0].given[1]")
		}
		if !second {
			t.Errorf("the second given name is neither written nor noted: %v", r.Notes)
		}
	}
}
