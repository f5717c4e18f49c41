package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/simulate"
)

const canary = "CANARYBIRD"

// routes are requests that lead to everything a party could see of a plan. What changes with each call (the audit)
// is looked at for the canary only.
func (r *rig) routes(person int) (same, changing []string) {
	id := r.planID(person)
	p := "patient=" + id
	same = []string{"CarePlan/" + id, "CarePlan/" + id + "/$everything", "Patient/" + id + "/$everything", "Patient/" + id, "CareTeam/" + id,
		"CarePlan/" + id + "/_history", "CareTeam/" + id + "/_history", "Patient/" + id + "/_history", "Goal?_summary=count", "Goal?_total=accurate", "Condition?_sort=-_lastUpdated"}
	for _, typ := range []string{"CarePlan", "CareTeam", "Goal", "ServiceRequest", "Task", "Encounter", "EpisodeOfCare", "Observation", "Condition", "Communication", "Flag", "Provenance",
		"DocumentReference", "Appointment", "DeviceRequest", "Consent"} {
		same = append(same, typ+"?"+p, typ+"?"+p+"&_summary=count", typ+"?"+p+"&_include=*&_revinclude=*", typ+"?"+p+"&_summary=true", typ+"?"+p+"&_format=xml")
	}
	return same, []string{"AuditEvent?" + p}
}

// everything is all that a party gets, headers included.
func (r *rig) everything(party string, person int) (same, all string) {
	r.t.Helper()
	s, changing := r.routes(person)
	var b strings.Builder
	take := func(path string) {
		resp, n := r.get(party, "/fhir/"+path)
		resp.Header.Del("Date")
		fmt.Fprintln(&b, path, resp.StatusCode, resp.Header, string(n.Bytes()))
	}
	for _, path := range s {
		take(path)
	}
	same = b.String()
	for _, path := range changing {
		take(path)
	}
	return same, b.String()
}

// secret is a document full of words that only its addressees may see.
func secret(more ...*fhir.Node) []*fhir.Node {
	note := fhir.NewArray(fhir.NewObject("text", canary+" note"))
	g := goal(canary + " goal")
	g.Set("note", note)
	s := score(7, "2026-01-24")
	s.Set("note", note)
	return append([]*fhir.Node{g, s, proposal(canary + " measure"),
		fhir.NewObject("resourceType", "Condition", "code", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", "urn:"+canary, "code", canary)), "text", canary)),
		fhir.NewObject("resourceType", "Appointment", "status", "booked", "comment", canary, "start", "2026-05-05T10:00:00Z",
			"participant", fhir.NewArray(fhir.NewObject("actor", fhir.NewObject("display", canary), "status", "accepted"))),
		fhir.NewObject("resourceType", "DeviceRequest", "status", "active", "intent", "proposal", "codeCodeableConcept", concept(canary)),
		fhir.NewObject("resourceType", "Communication", "status", "completed", "payload", fhir.NewArray(fhir.NewObject("contentString", canary))),
		fhir.NewObject("resourceType", "EpisodeOfCare", "status", "active", "type", fhir.NewArray(concept(canary)))}, more...)
}

// TestCanary: a document with a forwarding objection leaves the view of whoever was not addressed as it was,
// to the byte, by every route; whoever was addressed sees it.
func TestCanary(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	before, _ := r.everything("gp", 1)
	ban := fhir.NewObject("resourceType", "Consent", "status", "active", "scope", concept("privacy"),
		"category", fhir.NewArray(fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.SystemSection, "code", "ForbeholdOmVideresending")))),
		"policyRule", concept("objection"), "provision", fhir.NewObject("type", "deny"))
	r.document("hospital", simulate.AdmissionHospital, 1, []string{simulate.AdmissionCity}, secret(ban)...)
	after, all := r.everything("gp", 1)
	if strings.Contains(all, canary) {
		t.Errorf("the canary sings: %s", all[max(0, strings.Index(all, canary)-300):][:400])
	}
	if before != after {
		b, a := strings.Split(before, "\n"), strings.Split(after, "\n")
		for i := range b {
			if i < len(a) && a[i] != b[i] {
				t.Errorf("the view changed:\n%s\n%s", b[i], a[i])
				break
			}
		}
	}
	if _, city := r.everything("city", 1); strings.Count(city, canary) < 8 {
		t.Error("the addressee does not see it, so this test shows nothing")
	}
	// What the addressee knows the id of is not there for the other.
	for _, typ := range []string{"Goal", "ServiceRequest", "Condition", "Observation", "Appointment", "DeviceRequest", "Provenance", "Communication", "EpisodeOfCare"} {
		_, n := r.get("city", "/fhir/"+typ+"?patient="+r.planID(1)+"&_count=200")
		for _, m := range matchesOf(n) {
			path := "/fhir/" + typ + "/" + m.Get("id").Text()
			if !strings.Contains(string(m.Bytes()), canary) {
				continue
			}
			var first string
			for _, p := range []string{path, path + "/_history", path + "/_history/" + m.At("meta.versionId").Text(), path[:len(path)-4] + "0000"} {
				resp, n := r.get("gp", p)
				resp.Header.Del("Date")
				answer := fmt.Sprint(resp.StatusCode, resp.Header, string(n.Bytes()))
				if first == "" {
					first = answer
				}
				if resp.StatusCode != 404 || answer != first {
					t.Errorf("%s: %s, an unknown one %s", p, answer, first)
				}
			}
			for method, body := range map[string]string{"PUT": string(m.Bytes()), "DELETE": ""} {
				if resp, n := r.do(method, "gp", path, body); resp.StatusCode != 404 && resp.StatusCode != 405 {
					t.Errorf("%s %s: %d %s", method, path, resp.StatusCode, n.Bytes())
				}
			}
		}
	}
	if strings.Contains(r.log.String(), canary) {
		t.Error("the canary sings in the log")
	}
}

// A restriction that comes later stops what was seen before: today, and in the past.
func TestLaterLimit(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	r.document("city", simulate.AdmissionCity, 1, []string{simulate.AdmissionHospital}, secret()...)
	if _, all := r.everything("gp", 1); !strings.Contains(all, canary) {
		t.Fatal("not seen before the limit")
	}
	_, n := r.get("gp", "/fhir/Condition?patient="+r.planID(1)+"&code=urn:"+canary+"|"+canary)
	secretID := matchesOf(n)[0].Get("id").Text()
	body := fmt.Sprintf(`{"resourceType":"Consent","status":"active","scope":{"text":"privacy"},"category":[{"text":"block"}],"policyRule":{"text":"wish"},
		"patient":{"reference":"Patient/%s"},"provision":{"type":"deny","actor":[{"role":{"text":"x"},"reference":{"identifier":{"system":%q,"value":%q}}}],
		"data":[{"meaning":"instance","reference":{"identifier":{"system":%q,"value":%q},"type":"Organization"}}]}}`, r.planID(1), fhir.SystemHER, herGP, fhir.SystemHER, simulate.AdmissionCity)
	resp, o := r.do("POST", "portal", "/fhir/Consent", body)
	if resp.StatusCode != 201 && resp.StatusCode != 202 {
		t.Fatalf("consent: %d %s", resp.StatusCode, o.Bytes())
	}
	_, all := r.everything("gp", 1)
	if strings.Contains(all, canary) {
		t.Errorf("still seen: %s", all[max(0, strings.Index(all, canary)-300):][:400])
	}
	for _, path := range []string{"", "/_history"} {
		if resp, n := r.get("gp", "/fhir/Condition/"+secretID+path); resp.StatusCode != 404 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, n.Bytes())
		}
	}
	if _, all := r.everything("city", 1); !strings.Contains(all, canary) {
		t.Error("the author no longer sees it")
	}
}

// Membership: before the period nothing, in it all, after it nothing, again in a new one (S8).
func TestMembershipPeriod(t *testing.T) {
	now := time.Now().UTC()
	clock := &now
	r := newRig(t, nil)
	r.story(1)
	day := 24 * time.Hour
	team := func(op string, start, end time.Time) *fhir.Node {
		period := fhir.NewObject("start", start.Format(time.RFC3339))
		if !end.IsZero() {
			period.SetText("end", end.Format(time.RFC3339))
		}
		return fhir.NewObject("resourceType", "CareTeam", "status", "active", "participant", fhir.NewArray(fhir.NewObject(
			"extension", fhir.NewArray(fhir.NewObject("url", fhir.ExtBase+"StructureDefinition/operation", "valueCode", op)),
			"member", fhir.NewObject("type", "Organization", "identifier", fhir.NewObject("system", fhir.SystemHER, "value", herStranger)), "period", period)))
	}
	path := "/fhir/CarePlan/" + r.planID(1)
	status := func() int {
		resp, _ := r.get("stranger", path)
		return resp.StatusCode
	}
	if status() != 404 {
		t.Error("a stranger reads")
	}
	r.document("unit", herUnit, 1, []string{simulate.AdmissionCity}, team("add", clock.Add(-2*day), clock.Add(-day)))
	if status() != 404 {
		t.Error("reads after the period")
	}
	if _, n := r.get("stranger", "/fhir/Goal?_total=accurate"); n.Get("total").Text() != "0" {
		t.Error("finds after the period")
	}
	r.document("unit", herUnit, 1, []string{simulate.AdmissionCity}, team("add", clock.Add(-time.Hour), clock.Add(day)))
	if status() != 200 {
		t.Error("does not read in the new period")
	}
	r.document("unit", herUnit, 1, []string{simulate.AdmissionCity}, fhir.NewObject("resourceType", "CareTeam", "status", "active", "participant", fhir.NewArray(fhir.NewObject(
		"member", fhir.NewObject("type", "Organization", "identifier", fhir.NewObject("system", fhir.SystemHER, "value", herPhysio)), "period", fhir.NewObject("start", clock.Add(day).Format(time.RFC3339))))))
	if resp, _ := r.get("physio", path); resp.StatusCode != 404 {
		t.Errorf("reads before the period: %d", resp.StatusCode)
	}
}

// TestTeam: each organisation writes its own membership, with If-Match, and reads it back.
func TestTeam(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	path := "/fhir/CareTeam/" + r.planID(1)
	resp, n := r.get("city", path)
	n.Append("participant", fhir.NewObject("role", fhir.NewArray(concept("home care")), "member", fhir.NewObject("type", "Organization", "identifier",
		fhir.NewObject("system", fhir.SystemHER, "value", simulate.AdmissionNursing)), "period", fhir.NewObject("start", "2026-02-01T00:00:00Z")))
	if resp, o := r.do("PUT", "city", path, string(n.Bytes())); resp.StatusCode != 428 {
		t.Errorf("without If-Match: %d %s", resp.StatusCode, o.Bytes())
	}
	tag := resp.Header.Get("ETag")
	if resp, o := r.do("PUT", "hospital", path, string(n.Bytes()), "If-Match", tag); resp.StatusCode != 202 || code(o) != "proposed" {
		t.Errorf("another one's membership: %d %s", resp.StatusCode, o.Bytes())
	}
	resp, n = r.get("city", path)
	if tag = resp.Header.Get("ETag"); strings.Contains(string(n.Bytes()), "2026-02-01") {
		t.Errorf("a proposal counts: %s", n.Bytes())
	}
	n.Append("participant", fhir.NewObject("member", fhir.NewObject("type", "Organization", "identifier",
		fhir.NewObject("system", fhir.SystemHER, "value", simulate.AdmissionNursing)), "period", fhir.NewObject("start", "2026-02-01T00:00:00Z")))
	resp, o := r.do("PUT", "unit", path, string(n.Bytes()), "If-Match", tag)
	if resp.StatusCode != 200 || !strings.Contains(string(o.Bytes()), `"2026-02-01T00:00:00Z"`) {
		t.Errorf("join: %d %s", resp.StatusCode, o.Bytes())
	}
	n.Set("status", fhir.String("inactive"))
	if resp, o := r.do("PUT", "city", path, string(n.Bytes()), "If-Match", tag); resp.StatusCode != 412 {
		t.Errorf("stale: %d %s", resp.StatusCode, o.Bytes())
	}
}

// The patient sees the whole plan, and a private provider its own part only.
func TestViews(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	if resp, n := r.get("portal", "/fhir/Patient/"+r.planID(1)+"/$everything"); resp.StatusCode != 200 || !strings.Contains(string(n.Bytes()), "Walks indoors") {
		t.Errorf("the patient: %d", resp.StatusCode)
	}
	r.document("physio", herPhysio, 1, []string{simulate.AdmissionCity}, proposal("Muscle training"))
	_, n := r.get("physio", "/fhir/ServiceRequest?patient="+r.planID(1))
	if got := texts(matchesOf(n)); got != "[Muscle training]" {
		t.Errorf("a private provider sees %s", got)
	}
	if _, n := r.get("physio", "/fhir/Condition?patient="+r.planID(1)); len(matchesOf(n)) != 0 {
		t.Errorf("a private provider sees diagnoses: %s", n.Bytes())
	}
}

// Who read what can be read: all by the coordinating unit and the patient, its own by any other party.
func TestAuditEvents(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	r.admit(simulate.Admission{Person: 2})
	for _, c := range []struct{ party, path string }{{"city", "CarePlan/" + r.planID(1)}, {"gp", "Goal?patient=" + r.planID(1)}, {"stranger", "CarePlan/" + r.planID(1)}, {"city", "CarePlan/" + r.planID(2)}} {
		r.get(c.party, "/fhir/"+c.path)
	}
	who := func(party string) string {
		_, n := r.get(party, "/fhir/AuditEvent?patient="+r.planID(1)+"&_sort=date")
		var out []string
		for _, m := range matchesOf(n) {
			out = append(out, m.At("agent.0.who.identifier.value").Text()+" "+m.At("subtype.0.code").Text()+" "+m.Get("outcome").Text())
		}
		return strings.Join(out, ", ")
	}
	if got := who("unit"); got != "city read-plan 0, gp search-plan 0, stranger read-plan-denied 4" {
		t.Errorf("the coordinating unit reads %s", got)
	}
	if got := who("portal"); !strings.HasPrefix(got, "city read-plan 0, gp search-plan 0, stranger read-plan-denied 4, unit search-plan 0") {
		t.Errorf("the patient reads %s", got)
	}
	if got := who("gp"); got != "gp search-plan 0" {
		t.Errorf("the GP reads %s", got)
	}
	_, n := r.get("unit", "/fhir/AuditEvent?patient="+r.planID(1)+"&subtype=read-plan")
	m := matchesOf(n)[0]
	if resp, one := r.get("unit", "/fhir/AuditEvent/"+m.Get("id").Text()); resp.StatusCode != 200 || string(one.Bytes()) != string(m.Bytes()) {
		t.Errorf("read: %d %s", resp.StatusCode, one.Bytes())
	}
	if resp, _ := r.get("gp", "/fhir/AuditEvent/"+m.Get("id").Text()); resp.StatusCode != 404 {
		t.Errorf("the GP reads another's entry: %d", resp.StatusCode)
	}
}

// A search over all patients audits those whose data it shows, and no other.
func TestWideSearchIsAudited(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	r.admit(simulate.Admission{Person: 2})
	r.get("city", "/fhir/Goal")
	list := r.audits()
	if len(list) != 1 || list[0].Patient != patient(1) || list[0].Action != "search-plan" || list[0].Who != "city" || list[0].Object != "Goal" {
		t.Errorf("audit %+v", list)
	}
}

// If-Modified-Since counts when there is no If-None-Match.
func TestModifiedSince(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	path := "/fhir/CareTeam/" + r.planID(1)
	resp, _ := r.get("city", path)
	last := resp.Header.Get("Last-Modified")
	for _, c := range []struct {
		since, tag string
		want       int
	}{{last, "", 304}, {"Mon, 02 Jan 2006 15:04:05 GMT", "", 200}, {last, `W/"x"`, 200}, {"never", "", 200}} {
		headers := []string{"If-Modified-Since", c.since}
		if c.tag != "" {
			headers = append(headers, "If-None-Match", c.tag)
		}
		if resp, _ := r.get("city", path, headers...); resp.StatusCode != c.want {
			t.Errorf("since %s: %d, want %d", c.since, resp.StatusCode, c.want)
		}
	}
	if _, err := http.ParseTime(last); err != nil {
		t.Error(err)
	}
}
