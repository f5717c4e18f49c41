package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
)

// TestMetadata walks every statement of the CapabilityStatement against the server, and every interaction that it
// does not claim: what is claimed is there, what is not claimed is not.
func TestMetadata(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	resp, n := r.get("", "/fhir/metadata")
	for path, v := range map[string]string{
		"resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": "4.0.1", "software.version": "test",
		"implementation.url": r.URL + "/fhir", "rest.0.mode": "server",
	} {
		if got := n.At(path).Text(); got != v {
			t.Errorf("%s is %q, want %q", path, got, v)
		}
	}
	if resp.StatusCode != 200 || n.Get("date").Text() == "" || len(n.Get("rest").Items()) != 1 {
		t.Fatalf("got %d", resp.StatusCode)
	}
	served := map[string]*fhir.Node{}
	for _, res := range n.At("rest.0.resource").Items() {
		served[res.Get("type").Text()] = res
	}
	for _, typ := range r.typeNames() {
		r.walk(t, typ, served[typ])
	}
	for _, want := range []string{"CarePlan", "CareTeam", "Goal", "ServiceRequest", "Task", "Encounter", "EpisodeOfCare", "Observation", "Condition", "Communication",
		"Flag", "Provenance", "Patient", "DocumentReference", "AuditEvent", "Appointment", "DeviceRequest", "Consent"} {
		if served[want] == nil {
			t.Errorf("%s is not served", want)
		}
	}
	// The system's own interactions.
	var system []string
	for _, i := range n.At("rest.0.interaction").Items() {
		system = append(system, i.Get("code").Text())
	}
	if fmt.Sprint(system) != "[transaction batch]" {
		t.Errorf("system interactions %v", system)
	}
	for _, typ := range []string{"transaction", "batch"} {
		if resp, n := r.do("POST", "city", "/fhir/", `{"resourceType":"Bundle","type":"`+typ+`"}`); resp.StatusCode == 404 || resp.StatusCode == 405 {
			t.Errorf("%s: %d %s", typ, resp.StatusCode, n.Bytes())
		}
	}
}

// typeNames are all resources of R4 that could be asked for.
func (r *rig) typeNames() []string {
	var out []string
	for _, name := range strings.Fields(`Account AllergyIntolerance Appointment AuditEvent Basic Binary Bundle CapabilityStatement CarePlan CareTeam Communication Composition Condition Consent
		Device DeviceRequest DiagnosticReport DocumentReference Encounter EpisodeOfCare Flag Goal Group Immunization List Location Measure MeasureReport MedicationRequest MessageHeader
		Observation OperationOutcome Organization Parameters Patient Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse RelatedPerson ServiceRequest
		Subscription Task ValueSet`) {
		if r.set.ResourceType(name) == nil {
			r.t.Errorf("%s is no resource of R4", name)
		}
		out = append(out, name)
	}
	return out
}

// walk holds one type against what is claimed of it; claim is nil for a type that is not named.
func (r *rig) walk(t *testing.T, typ string, claim *fhir.Node) {
	var codes []string
	for _, i := range claim.Get("interaction").Items() {
		codes = append(codes, i.Get("code").Text())
	}
	id := r.planID(1) + "-" + strings.Repeat("0", 24)
	for _, i := range []struct{ code, method, path, body string }{
		{"read", "GET", "/" + id, ""}, {"vread", "GET", "/" + id + "/_history/1", ""}, {"history-instance", "GET", "/" + id + "/_history", ""}, {"search-type", "GET", "?patient=" + r.planID(1), ""},
		{"create", "POST", "", "{}"}, {"update", "PUT", "/" + id, "{}"}, {"delete", "DELETE", "/" + id, ""}, {"patch", "PATCH", "/" + id, "[]"}, {"history-type", "GET", "/_history", ""},
	} {
		resp, n := r.do(i.method, "city", "/fhir/"+typ+i.path, i.body)
		// A route that is not there says so; one that is there finds nothing under this id, or a body that is no resource.
		absent := resp.StatusCode == 405 || resp.StatusCode == 404 && !slices.Contains(codes, i.code)
		if claimed := slices.Contains(codes, i.code); claimed == absent {
			t.Errorf("%s %s: claimed %v, got %d %s", typ, i.code, claimed, resp.StatusCode, code(n))
		}
		if claimed := slices.Contains(codes, i.code); claimed && i.method == "GET" && i.code != "search-type" && i.code != "history-type" && resp.StatusCode != 404 {
			t.Errorf("%s %s of an unknown id: %d", typ, i.code, resp.StatusCode)
		}
	}
	known := map[string]bool{}
	for _, p := range claim.Get("searchParam").Items() {
		name := p.Get("name").Text()
		known[name] = true
		value := map[string]string{"date": "2026-01-01", "reference": "CarePlan/" + r.planID(1), "token": "x", "string": "x", "uri": "https://x"}[p.Get("type").Text()]
		path := "/fhir/" + typ + "?" + name + "=" + value
		if typ == "AuditEvent" {
			path += "&patient=" + r.planID(1)
		}
		want := 200
		if typ == "Patient" && name == "identifier" {
			want = 400 // in the body only
		}
		if resp, n := r.get("city", path, "Prefer", "handling=strict"); resp.StatusCode != want {
			t.Errorf("%s: claimed, got %d %s", path, resp.StatusCode, n.Bytes())
		}
	}
	if len(known) > 0 {
		for _, name := range []string{"_text", "_content", "_has", "_tag", "_profile", "encounter-x"} {
			if resp, _ := r.get("city", "/fhir/"+typ+"?"+name+"=x&patient="+r.planID(1), "Prefer", "handling=strict"); resp.StatusCode != 400 {
				t.Errorf("%s?%s: not claimed, got %d", typ, name, resp.StatusCode)
			}
		}
	}
	for key, parameter := range map[string]string{"searchInclude": "_include", "searchRevInclude": "_revinclude"} {
		for _, v := range claim.Get(key).Items() {
			q := typ + "?_id=" + r.planID(1) + "&" + parameter + "=" + v.Text()
			if resp, n := r.get("city", "/fhir/"+q, "Prefer", "handling=strict"); resp.StatusCode != 200 {
				t.Errorf("%s: claimed, got %d %s", q, resp.StatusCode, n.Bytes())
			}
		}
	}
	if claim.Get("conditionalCreate").Text() == "true" != slices.Contains(codes, "create") {
		t.Errorf("%s: conditional create %s", typ, claim.Get("conditionalCreate").Text())
	}
	for _, op := range claim.Get("operation").Items() {
		r.operation(t, typ, op.Get("name").Text())
	}
}

func (r *rig) operation(t *testing.T, typ, name string) {
	method, path, body := "GET", "/fhir/"+typ+"/"+r.planID(1)+"/$"+name, ""
	party := "city"
	switch {
	case name == "validate":
		method, path, body = "POST", "/fhir/"+typ+"/$validate", `{"resourceType":"`+typ+`"}`
	case typ == "Subscription":
		party, path = "gp", "/fhir/Subscription/"+r.g.SubscriptionID("gp", patient(1))+"/$"+name
	}
	if resp, n := r.do(method, party, path, body); resp.StatusCode != 200 {
		t.Errorf("%s $%s: claimed, got %d %s", typ, name, resp.StatusCode, n.Bytes())
	}
}
