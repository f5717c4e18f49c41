package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping/mappingtest"
	"github.com/samvirke/samvirke/mapping/native"
)

// org is an address of one level.
func org(her string) samvirke.Address {
	return samvirke.Address{Levels: []samvirke.AddressLevel{{Kind: "organisation", Name: "Organisation " + her, IDs: []samvirke.Identifier{fhir.NewIdentifier(fhir.TypeHER, her)}}}}
}

// document is a native message of a party about a person: what it says stands in a document, not in elements
// that were written one by one.
func (r *rig) document(party, her string, person int, to []string, resources ...*fhir.Node) {
	r.t.Helper()
	m := fhir.NewMessage(uuid.NewString(), time.Now(), fhir.Coding{System: fhir.SystemNativeMessage, Code: native.KindPlanUpdate})
	m.From(org(her))
	for _, h := range to {
		m.To(org(h))
	}
	p := m.Add(fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.NewObject("system", fhir.SystemFNR, "value", simulate.PersonNumber(person))),
		"name", fhir.NewArray(fhir.NewObject("family", "Prøvesen", "given", fhir.NewArray("Torvild"))), "gender", "male", "birthDate", "1946-03-02"))
	m.Focus(p)
	for _, n := range resources {
		n = n.Clone()
		key := "subject"
		switch n.Get("resourceType").Text() {
		case "Task":
			key = "for"
		case "Consent", "EpisodeOfCare":
			key = "patient"
		case "Appointment":
			key = ""
		}
		if key != "" {
			n.Set(key, fhir.NewObject("reference", p))
		}
		m.Add(n)
	}
	r.receive(party, m.Bundle().Bytes())
}

func concept(text string) *fhir.Node { return fhir.NewObject("text", text) }

func goal(text string) *fhir.Node {
	return fhir.NewObject("resourceType", "Goal", "lifecycleStatus", "active", "description", concept(text))
}

func proposal(text string) *fhir.Node {
	return fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "proposal", "code", concept(text))
}

func score(value int, at string) *fhir.Node {
	return fhir.NewObject("resourceType", "Observation", "status", "final",
		"code", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.ExtBase+"CodeSystem/function", "code", "barthel-20")), "text", "Barthel"),
		"effectiveDateTime", at, "valueInteger", value)
}

// story is a plan with something of everything: an admission, and a document of the hospital with goals, wishes, a
// diagnosis, an assessment and a check-up.
func (r *rig) story(person int) {
	r.t.Helper()
	r.admit(simulate.Admission{Person: person})
	r.document("hospital", simulate.AdmissionHospital, person, []string{simulate.AdmissionCity},
		goal("Walks indoors"), goal("Showers alone"), proposal("Walking training"), proposal("Speech therapy"),
		fhir.NewObject("resourceType", "Condition", "code", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", "urn:oid:2.16.578.1.12.4.1.1.7110", "code", "I63.4")), "text", "Stroke")),
		score(6, "2026-01-15"),
		fhir.NewObject("resourceType", "Appointment", "status", "booked", "start", "2026-03-25T10:00:00+01:00",
			"participant", fhir.NewArray(fhir.NewObject("actor", fhir.NewObject("display", "Clinic"), "status", "accepted"))),
		fhir.NewObject("resourceType", "DeviceRequest", "status", "active", "intent", "proposal", "codeCodeableConcept", concept("Walking frame")))
}

// full adds what few plans have: a disagreement, the plans of single organisations, zones, marks, dialogue, limits.
func (r *rig) full(person int) {
	r.t.Helper()
	next := func(day string) *fhir.Node {
		return fhir.NewObject("resourceType", "CarePlan", "status", "active", "intent", "plan", "extension", fhir.NewArray(
			fhir.NewObject("url", careplan.ExtStates, "valueCode", careplan.FieldNextEvaluation), fhir.NewObject("url", careplan.ExtNextEvaluation, "valueDateTime", day)))
	}
	master := fhir.NewArray(fhir.NewObject("reference", "CarePlan/master"))
	r.document("hospital", simulate.AdmissionHospital, person, []string{simulate.AdmissionCity}, next("2026-03-19"))
	r.document("city", simulate.AdmissionCity, person, []string{simulate.AdmissionHospital}, next("2026-03-26"),
		fhir.NewObject("resourceType", "CarePlan", "partOf", master, "status", "active", "intent", "plan", "title", "Home"),
		fhir.NewObject("resourceType", "CarePlan", "partOf", master, "status", "active", "intent", "plan", "extension", fhir.NewArray(fhir.NewObject("url", fhir.ExtBase+"StructureDefinition/zone", "valueCode", "yellow")),
			"category", fhir.NewArray(fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.ExtBase+"CodeSystem/care-plan", "code", "zone-plan")))), "description", "More tired",
			"activity", fhir.NewArray(fhir.NewObject("detail", fhir.NewObject("status", "not-started", "description", "Ring the home care")))),
		fhir.NewObject("resourceType", "EpisodeOfCare", "status", "active", "period", fhir.NewObject("start", "2026-02-25"), "type", fhir.NewArray(concept("Stroke"))),
		fhir.NewObject("resourceType", "Observation", "status", "final", "code", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.ExtBase+"CodeSystem/function", "code", "smiley"))),
			"effectiveDateTime", "2026-03-01T10:00:00Z", "valueInteger", 4),
		fhir.NewObject("resourceType", "Communication", "status", "completed", "sent", "2026-03-01T10:00:00Z", "payload", fhir.NewArray(fhir.NewObject("contentString", "All well"))),
		fhir.NewObject("resourceType", "Consent", "status", "active", "scope", concept("privacy"), "category", fhir.NewArray(concept("block")), "policyRule", concept("wish"),
			"identifier", fhir.NewArray(fhir.NewObject("value", "c-1")), "provision", fhir.NewObject("type", "deny", "actor", fhir.NewArray(fhir.NewObject("role", concept("x"),
				"reference", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemHER, "value", herStranger)))))))
}

// only gives the resource of a search that must have one match.
func (r *rig) only(party, query string) *fhir.Node {
	r.t.Helper()
	resp, n := r.get(party, "/fhir/"+query)
	list := matchesOf(n)
	if resp.StatusCode != 200 || len(list) != 1 {
		r.t.Fatalf("%s asks %s: %d, %d matches: %s", party, query, resp.StatusCode, len(list), n.Bytes())
	}
	return list[0]
}

func matchesOf(bundle *fhir.Node) []*fhir.Node { return ofMode(bundle, "match") }

func ofMode(bundle *fhir.Node, mode string) []*fhir.Node {
	var out []*fhir.Node
	for _, e := range bundle.Get("entry").Items() {
		if e.At("search.mode").Text() == mode {
			out = append(out, e.Get("resource"))
		}
	}
	return out
}

// texts gives what each match is called.
func texts(list []*fhir.Node) string {
	var out []string
	for _, n := range list {
		for _, path := range []string{"description.text", "code.text", "codeCodeableConcept.text"} {
			if t := n.At(path).Text(); t != "" {
				out = append(out, t)
			}
		}
	}
	return fmt.Sprint(out)
}

// TestEverythingIsReadable walks every resource of a plan by every route that leads to it.
func TestEverythingIsReadable(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	r.full(1)
	id := r.planID(1)
	_, all := r.get("city", "/fhir/Patient/"+id+"/$everything")
	t.Run("schema", func(t *testing.T) { mappingtest.R4Schema(t).Check(t, all.Bytes()) })
	types := map[string]int{}
	for _, e := range all.Get("entry").Items() {
		n := e.Get("resource")
		typ, rid, vid := n.Get("resourceType").Text(), n.Get("id").Text(), n.At("meta.versionId").Text()
		types[typ]++
		for _, c := range []struct{ path, accept string }{{"", ""}, {"", "application/fhir+xml"}, {"/_history/" + vid, ""}, {"/_history", ""}} {
			resp, got := r.get("city", "/fhir/"+typ+"/"+rid+c.path, "Accept", c.accept)
			if resp.StatusCode != 200 {
				t.Fatalf("%s/%s%s: %d %s", typ, rid, c.path, resp.StatusCode, got.Bytes())
			}
			if c.path == "/_history" {
				if got.Get("total").Text() == "0" || got.At("entry.0.resource.meta.versionId").Text() != vid {
					t.Errorf("history of %s: %s", typ, got.Bytes())
				}
				continue
			}
			if tag := resp.Header.Get("ETag"); tag != `W/"`+vid+`"` || got.At("meta.lastUpdated").Text() == "" {
				t.Errorf("%s: ETag %s, version %s", typ, tag, vid)
			}
			if c.accept == "" && string(got.Bytes()) != string(n.Bytes()) {
				t.Errorf("%s differs between $everything and %s:\n%s\n%s", typ, c.path, n.Bytes(), got.Bytes())
			}
		}
		if m := r.only("city", typ+"?_id="+rid); string(m.Bytes()) != string(n.Bytes()) {
			t.Errorf("%s differs between $everything and search", typ)
		}
		if resp, _ := r.get("stranger", "/fhir/"+typ+"/"+rid); resp.StatusCode != 404 {
			t.Errorf("a stranger reads %s: %d", typ, resp.StatusCode)
		}
	}
	for _, typ := range []string{"Patient", "CarePlan", "CareTeam", "Encounter", "Goal", "ServiceRequest", "Condition", "Observation", "Appointment", "DeviceRequest", "Task", "Provenance", "EpisodeOfCare", "Communication", "Flag", "Consent"} {
		if types[typ] == 0 {
			t.Errorf("the story has no %s: %v", typ, types)
		}
	}
}
