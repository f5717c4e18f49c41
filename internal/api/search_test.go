package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/simulate"
)

func TestSearch(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	id := r.planID(1)
	p := "patient=" + id
	request := r.only("city", "ServiceRequest?"+p+"&code:text=walking")
	requestID := request.Get("id").Text()
	cases := []struct {
		name, typ, query string
		want             int
	}{
		{"by patient", "Goal", p, 2},
		{"by patient reference", "Goal", "patient=Patient/" + id, 2},
		{"by patient URL", "Goal", "patient=" + url.QueryEscape(r.URL+"/fhir/Patient/"+id), 2},
		{"by subject", "Goal", "subject=Patient/" + id, 2},
		{"by subject with type", "Goal", "subject:Patient=" + id, 2},
		{"by subject of another type", "Goal", "subject:Group=" + id, 0},
		{"by unknown patient", "Goal", "patient=" + strings.Repeat("0", 32), 0},
		{"by what is no id", "Goal", "patient=x", 0},
		{"by status", "Goal", p + "&lifecycle-status=active", 2},
		{"by one of several", "Goal", p + "&lifecycle-status=completed,active", 2},
		{"by another status", "Goal", p + "&lifecycle-status=completed", 0},
		{"not a status", "Goal", p + "&lifecycle-status:not=completed", 2},
		{"missing", "Goal", p + "&target-date:missing=true", 2},
		{"not missing", "Goal", p + "&target-date:missing=false", 0},
		{"code with system", "Condition", p + "&code=urn:oid:2.16.578.1.12.4.1.1.7110|I63.4", 1},
		{"code of any system", "Condition", p + "&code=I63.4", 1},
		{"any code of a system", "Condition", p + "&code=urn:oid:2.16.578.1.12.4.1.1.7110|", 1},
		{"code without system", "Condition", p + "&code=|I63.4", 0},
		{"code of another system", "Condition", p + "&code=urn:x|I63.4", 0},
		{"text of a code", "ServiceRequest", p + "&code:text=SPEECH", 1},
		{"intent", "ServiceRequest", p + "&intent=proposal", 2},
		{"date of the day", "Appointment", p + "&date=2026-03-25", 1},
		{"date before", "Appointment", p + "&date=lt2026-03-25", 0},
		{"date from", "Appointment", p + "&date=ge2026-03", 1},
		{"two dates", "Appointment", p + "&date=ge2026-03-01&date=le2026-03-31", 1},
		{"year", "Appointment", p + "&date=2026", 1},
		{"period of a stay", "Encounter", p + "&date=ge2026-01-10", 1},
		{"updated since", "Goal", p + "&_lastUpdated=gt2020-01-01", 2},
		{"updated before", "Goal", p + "&_lastUpdated=lt2020-01-01", 0},
		{"focus", "Task", "focus=ServiceRequest/" + requestID, 1},
		{"owner by identifier", "Task", p + "&owner:identifier=" + fhir.SystemHER + "|" + simulate.AdmissionCity, 2},
		{"participant", "CareTeam", p + "&participant:identifier=" + fhir.SystemHER + "|" + simulate.AdmissionHospital, 1},
		{"master only", "CarePlan", p + "&part-of:missing=true", 1},
		{"by id", "Goal", "_id=" + r.only("city", "Goal?"+p+"&_count=200&_sort=_id&_id="+idOf(r, "Goal", "Walks indoors")).Get("id").Text(), 1},
		{"by id of another type", "Goal", "_id=" + requestID, 0},
		{"provenance of an element", "Provenance", "target=ServiceRequest/" + requestID, 1},
		{"empty parameter", "Goal", p + "&target-date=", 2},
		{"whole plan by goal", "CarePlan", "goal=Goal/" + idOf(r, "Goal", "Walks indoors"), 1},
		{"no patient", "Goal", "lifecycle-status=active", 2},
	}
	for _, c := range cases {
		resp, n := r.get("city", "/fhir/"+c.typ+"?"+c.query)
		if got := len(matchesOf(n)); resp.StatusCode != 200 || got != c.want || n.Get("type").Text() != "searchset" {
			t.Errorf("%s: got %d with %d matches, want %d: %s", c.name, resp.StatusCode, got, c.want, n.Bytes())
		}
		if total := n.Get("total").Text(); c.name != "no patient" && total != fmt.Sprint(c.want) {
			t.Errorf("%s: total %s, want %d", c.name, total, c.want)
		}
		resp, posted := r.search("city", c.typ, c.query)
		if resp.StatusCode != 200 || string(posted.Bytes()) != string(n.Bytes()) {
			t.Errorf("%s: POST _search differs: %d %s", c.name, resp.StatusCode, posted.Bytes())
		}
	}
}

// idOf finds a resource by what it is called.
func idOf(r *rig, typ, text string) string {
	r.t.Helper()
	_, n := r.get("city", "/fhir/"+typ+"?_count=200")
	for _, m := range matchesOf(n) {
		if m.At("description.text").Text() == text || m.At("code.text").Text() == text {
			return m.Get("id").Text()
		}
	}
	r.t.Fatalf("no %s %q", typ, text)
	return ""
}

func TestSearchByNumber(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	r.admit(simulate.Admission{Person: 2})
	number := simulate.PersonNumber(1)
	full := url.QueryEscape(fhir.SystemFNR + "|" + number)
	for _, c := range []struct {
		typ, form string
		want      int
	}{
		{"Patient", "identifier=" + full, 1}, {"Patient", "identifier=" + number, 1}, {"Patient", "identifier=" + url.QueryEscape("urn:x|"+number), 0},
		{"Goal", "patient.identifier=" + full, 2}, {"Goal", "subject:Patient.identifier=" + full, 2}, {"Goal", "patient:identifier=" + full, 2},
		{"Patient", "identifier=" + simulate.PersonNumber(3), 0}, {"Encounter", "patient.identifier=" + full + "&status=in-progress", 1},
		{"AuditEvent", "patient.identifier=" + full, 0},
	} {
		resp, n := r.search("city", c.typ, c.form)
		if c.typ == "AuditEvent" { // the searches before it
			if resp.StatusCode != 200 || len(matchesOf(n)) == 0 {
				t.Errorf("%s: got %d %s", c.typ, resp.StatusCode, n.Bytes())
			}
			continue
		}
		if got := len(matchesOf(n)); resp.StatusCode != 200 || got != c.want {
			t.Errorf("%s %s: got %d with %d matches, want %d", c.typ, c.form, resp.StatusCode, got, c.want)
		}
		for _, l := range n.Get("link").Items() {
			if strings.Contains(l.Get("url").Text(), number) {
				t.Errorf("%s: a number in the link %s", c.typ, l.Get("url").Text())
			}
		}
		if got := len(matchesOf(n)); got > 0 { // the self link leads to the same with GET
			self, _ := url.Parse(n.At("link.0.url").Text())
			if _, again := r.get("city", self.RequestURI()); len(matchesOf(again)) != c.want {
				t.Errorf("%s: self link %s has %d matches", c.typ, self, len(matchesOf(again)))
			}
		}
		for _, path := range []string{"/fhir/" + c.typ + "?" + c.form, "/fhir/" + c.typ + "?_format=json&" + c.form} {
			resp, n := r.get("city", path)
			if resp.StatusCode != 400 || code(n) != "person-in-url" || strings.Contains(string(n.Bytes()), number) {
				t.Errorf("GET %s: got %d %s", c.typ, resp.StatusCode, n.Bytes())
			}
		}
		if resp, n := r.do("POST", "city", "/fhir/"+c.typ+"/_search?"+c.form, "_count=1", "Content-Type", "application/x-www-form-urlencoded"); resp.StatusCode != 400 || code(n) != "person-in-url" {
			t.Errorf("POST with the number in the URL: got %d", resp.StatusCode)
		}
	}
	// A number where no identifier of a person belongs.
	for _, path := range []string{"/fhir/Patient?_id=" + number, "/fhir/Goal?patient=" + number, "/fhir/Task?identifier=" + number} {
		if resp, _ := r.get("city", path); resp.StatusCode != 400 {
			t.Errorf("%s: got %d", path[:20], resp.StatusCode)
		}
	}
	// Unknown and forbidden look the same.
	_, unknown := r.search("stranger", "Patient", "identifier="+simulate.PersonNumber(77))
	_, forbidden := r.search("stranger", "Patient", "identifier="+number)
	if string(unknown.Bytes()) != string(forbidden.Bytes()) {
		t.Errorf("unknown and forbidden differ:\n%s\n%s", unknown.Bytes(), forbidden.Bytes())
	}
}

func TestPaging(t *testing.T) {
	r := newRig(t, nil)
	for n := 1; n <= 3; n++ {
		r.story(n)
	}
	for _, c := range []struct {
		name, query string
		pages       int
	}{
		{"one patient", "ServiceRequest?_count=1&patient=" + r.planID(1), 2}, {"all patients", "Goal?_count=2", 3}, {"all patients, with total", "Goal?_count=2&_total=accurate", 3},
		{"sorted", "Goal?_count=2&_sort=-_lastUpdated,lifecycle-status", 3}, {"one page", "Goal?_count=200", 1},
	} {
		seen := map[string]bool{}
		path, pages := "/fhir/"+c.query, 0
		for path != "" {
			resp, n := r.get("city", path)
			if resp.StatusCode != 200 {
				t.Fatalf("%s: %d %s", c.name, resp.StatusCode, n.Bytes())
			}
			for _, m := range matchesOf(n) {
				if seen[m.Get("id").Text()] {
					t.Errorf("%s: twice on the pages", c.name)
				}
				seen[m.Get("id").Text()] = true
			}
			if strings.Contains(c.query, "_total") && n.Get("total").Text() != "6" {
				t.Errorf("%s: total %s", c.name, n.Get("total").Text())
			}
			path = ""
			for _, l := range n.Get("link").Items() {
				if u, err := url.Parse(l.Get("url").Text()); err == nil && l.Get("relation").Text() == "next" {
					path = u.RequestURI()
				}
			}
			if pages++; pages > 10 {
				t.Fatalf("%s: no end", c.name)
			}
		}
		want := 6
		if strings.Contains(c.query, "patient=") {
			want = 2
		}
		if pages != c.pages || len(seen) != want {
			t.Errorf("%s: %d pages with %d in all, want %d with %d", c.name, pages, len(seen), c.pages, want)
		}
	}
	for _, c := range []struct{ query, total string }{{"Goal?_summary=count", "6"}, {"Goal?_count=0", "6"}, {"Goal?_summary=count&patient=" + r.planID(2), "2"}} {
		if _, n := r.get("city", "/fhir/"+c.query); n.Get("total").Text() != c.total || n.Get("entry") != nil {
			t.Errorf("%s: %s", c.query, n.Bytes())
		}
	}
	// Each party counts what it sees.
	if _, n := r.get("stranger", "/fhir/Goal?_summary=count"); n.Get("total").Text() != "0" {
		t.Errorf("a stranger counts %s", n.Bytes())
	}
	if _, n := r.get("unit", "/fhir/CarePlan?status=active&_total=accurate"); n.Get("total").Text() != "3" {
		t.Errorf("the coordinating unit counts %s", n.Bytes())
	}
}

func TestInclude(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	p := "patient=" + r.planID(1)
	for _, c := range []struct {
		query string
		want  map[string]int
	}{
		{"CarePlan?" + p + "&_include=CarePlan:goal", map[string]int{"Goal": 2}},
		{"CarePlan?" + p + "&_include=CarePlan:subject&_include=CarePlan:care-team", map[string]int{"Patient": 1, "CareTeam": 1}},
		{"CarePlan?" + p + "&_include=CarePlan:activity-reference:ServiceRequest", map[string]int{"ServiceRequest": 2}},
		{"Task?" + p + "&_include=Task:focus", map[string]int{"ServiceRequest": 2}},
		{"Task?" + p + "&_include=Task:focus&_include:iterate=ServiceRequest:subject", map[string]int{"ServiceRequest": 2, "Patient": 1}},
		{"Patient?_id=" + r.planID(1) + "&_revinclude=Encounter:patient", map[string]int{"Encounter": 1}},
		{"Patient?_id=" + r.planID(1) + "&_revinclude=Goal:subject&_revinclude=CarePlan:*", map[string]int{"Goal": 2, "CarePlan": 1}},
		{"Encounter?" + p + "&_revinclude=Provenance:target", map[string]int{"Provenance": 1}},
		{"Goal?" + p + "&_include=*", map[string]int{"Patient": 1}},
		{"Goal?" + p + "&_include=Task:focus", map[string]int{}},
		{"Goal?" + p + "&_include=Goal:nothing", map[string]int{}},
	} {
		_, n := r.get("city", "/fhir/"+c.query)
		got := map[string]int{}
		for _, e := range ofMode(n, "include") {
			got[e.Get("resourceType").Text()]++
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: included %v, want %v", c.query, got, c.want)
		}
	}
}

func TestShapes(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	id := "CarePlan/" + r.planID(1)
	_, whole := r.get("city", "/fhir/"+id)
	for _, c := range []struct{ query, has, hasNot string }{
		{"_summary=true", "subject status intent", "goal activity careTeam"}, {"_elements=goal", "goal status intent subject", "activity"},
		{"_elements=CarePlan.careTeam", "careTeam status", "goal"}, {"_summary=text", "status intent subject", "goal"}, {"_summary=data", "goal activity", "text"},
		{"_summary=false", "goal activity", "text"}, {"_elements=Goal.target", "goal activity", "text"},
	} {
		resp, n := r.get("city", "/fhir/"+id+"?"+c.query)
		for _, k := range strings.Fields(c.has) {
			if n.Get(k) == nil {
				t.Errorf("%s: no %s: %s", c.query, k, n.Bytes())
			}
		}
		for _, k := range strings.Fields(c.hasNot) {
			if n.Get(k) != nil {
				t.Errorf("%s: has %s", c.query, k)
			}
		}
		part := len(n.Keys()) < len(whole.Keys())
		if marked := strings.Contains(string(n.Bytes()), "SUBSETTED"); resp.StatusCode != 200 || part && !marked {
			t.Errorf("%s: got %d, marked %v", c.query, resp.StatusCode, marked)
		}
	}
	resp, n := r.get("city", "/fhir/"+id+"?_format=xml&_pretty=true")
	if resp.StatusCode != 200 || n.Get("id").Text() != r.planID(1) || resp.Header.Get("Content-Type") != "application/fhir+xml; charset=utf-8" {
		t.Errorf("XML: %d %v", resp.StatusCode, resp.Header)
	}
	for _, accept := range []string{"application/fhir+xml", "text/xml;q=0.9, application/json;q=0.1", "application/xml"} {
		if resp, _ := r.get("city", "/fhir/"+id, "Accept", accept); resp.Header.Get("Content-Type") != "application/fhir+xml; charset=utf-8" {
			t.Errorf("Accept %s: %s", accept, resp.Header.Get("Content-Type"))
		}
	}
}

// What a search says that it cannot do.
func TestSearchIsHonest(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	p := "patient=" + r.planID(1)
	for _, q := range []string{"Goal?" + p + "&nothing=1", "Goal?" + p + "&description=x", "Goal?" + p + "&subject.name=x", "Task?" + p + "&_include=Nothing:x"} {
		resp, n := r.get("city", "/fhir/"+q)
		if o := ofMode(n, "outcome"); resp.StatusCode != 200 || len(o) != 1 || o[0].At("issue.0.severity").Text() != "warning" {
			t.Errorf("%s: got %d %s", q, resp.StatusCode, n.Bytes())
		}
		if strings.Contains(n.At("link.0.url").Text(), "nothing") {
			t.Errorf("the self link has what was ignored: %s", n.At("link.0.url").Text())
		}
		resp, n = r.get("city", "/fhir/"+q, "Prefer", "return=minimal, handling=strict")
		if resp.StatusCode != 400 || code(n) != "unknown-parameter" {
			t.Errorf("%s, strict: got %d %s", q, resp.StatusCode, n.Bytes())
		}
	}
	for _, q := range []string{"Goal?_count=x", "Goal?_count=-1", "Goal?_summary=all", "Goal?_sort=nothing", "Goal?target-date=yesterday", "Goal?target-date:exact=2026",
		"Goal?lifecycle-status:below=x", "Goal?target-date:missing=perhaps", "Goal?_total=many", "Goal?_include=Goal", "Goal?_elements=,", "Goal?_sort=_id&_cursor=zz"} {
		if resp, n := r.get("city", "/fhir/"+q); resp.StatusCode != 400 || code(n) != "bad-parameter" {
			t.Errorf("%s: got %d %s", q, resp.StatusCode, n.Bytes())
		}
	}
	if resp, n := r.get("city", "/fhir/Goal?"+strings.Repeat("lifecycle-status=active&", 50)); resp.StatusCode != 400 || code(n) != "too-many-parameters" {
		t.Errorf("many parameters: %d", resp.StatusCode)
	}
	if resp, n := r.get("city", "/fhir/AuditEvent"); resp.StatusCode != 403 || code(n) != "too-costly" {
		t.Errorf("all audits: %d %s", resp.StatusCode, n.Bytes())
	}
}
