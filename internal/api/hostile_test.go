package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/internal/api"
)

// TestHostileBodies: what is no right resource is refused with a stable code, told where and never quoted.
func TestHostileBodies(t *testing.T) {
	r := newRig(t, func(o *api.Options) { o.MaxBody = 100_000 })
	r.story(1)
	plan := r.planID(1)
	secret := "Torvild-Hemmelig"
	cases := []struct {
		name, typ, body, media string
		status                 int
		code                   string
	}{
		{"empty", "Goal", " ", "", 400, "json-syntax"},
		{"no JSON", "Goal", secret, "", 400, "json-syntax"},
		{"an array", "Goal", "[]", "", 400, "json-syntax"},
		{"cut off", "Goal", `{"resourceType":"Goal","description":{"text":"` + secret, "", 400, "json-syntax"},
		{"text after it", "Goal", `{"resourceType":"Goal"} x`, "", 400, "json-syntax"},
		{"a key twice", "Goal", `{"resourceType":"Goal","resourceType":"Task"}`, "", 400, "json-duplicate-key"},
		{"not UTF-8", "Goal", "{\"resourceType\":\"Goal\xff\"}", "", 400, "json-encoding"},
		{"too deep", "Goal", `{"resourceType":"Goal","extension":` + strings.Repeat(`[{"extension":`, 100) + `1` + strings.Repeat(`}]`, 100) + `}`, "", 400, "json-depth"},
		{"too large", "Goal", `{"resourceType":"Goal","description":{"text":"` + strings.Repeat("a", 200_000) + `"}}`, "", 413, "too-large"},
		{"no type", "Goal", `{"id":"` + secret + `"}`, "", 400, "resource-unknown-type"},
		{"a type of its own", "Goal", `{"resourceType":"` + secret + `"}`, "", 400, "resource-unknown-type"},
		{"another type", "Goal", `{"resourceType":"Basic","code":{"text":"x"}}`, "", 400, "resource-type"},
		{"unknown element", "Goal", goalJSON(plan, "x", `,"`+secret+`":1`), "", 400, "resource-unknown-element"},
		{"missing element", "Goal", `{"resourceType":"Goal","subject":{"reference":"Patient/` + plan + `"}}`, "", 400, "resource-missing"},
		{"unknown code", "Goal", strings.Replace(goalJSON(plan, "x", ""), "active", secret, 1), "", 400, "resource-binding"},
		{"wrong shape", "Goal", goalJSON(plan, "x", `,"note":"`+secret+`"`), "", 400, "resource-shape"},
		{"bad date", "Goal", goalJSON(plan, "x", `,"startDate":"`+secret+`"`), "", 400, "resource-value"},
		{"null", "Goal", goalJSON(plan, "x", `,"startDate":null`), "", 400, "resource-empty"},
		{"no patient", "Goal", `{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"x"},"subject":{"display":"` + secret + `"}}`, "", 422, "needs-patient"},
		{"unknown patient", "Goal", goalJSON(strings.Repeat("0", 32), "x", ""), "", 422, "needs-patient"},
		{"patient elsewhere", "Goal", strings.Replace(goalJSON(plan, "x", ""), "Patient/", "https://elsewhere.example/Patient/", 1), "", 422, "needs-patient"},
		{"number with a wrong check digit", "Goal", `{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"x"},"subject":{"identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"01010112345"}}}`, "", 422, "identifier-syntax check-digit"},
		{"media type", "Goal", goalJSON(plan, "x", ""), "text/turtle", 415, "media-type"},
		{"media type of a form", "Goal", "a=b", "application/x-www-form-urlencoded", 415, "media-type"},
		{"XML with a DOCTYPE", "Goal", `<!DOCTYPE Goal [<!ENTITY x SYSTEM "file:///etc/passwd">]><Goal xmlns="http://hl7.org/fhir">&x;</Goal>`, "application/fhir+xml", 400, "doctype"},
		{"JSON as XML", "Goal", goalJSON(plan, "x", ""), "application/fhir+xml", 400, "not-xml"},
		{"XML as JSON", "Goal", `<Goal xmlns="http://hl7.org/fhir"/>`, "application/fhir+json", 400, "json-syntax"},
	}
	for _, c := range cases {
		headers := []string{}
		if c.media != "" {
			headers = append(headers, "Content-Type", c.media)
		}
		resp, n := r.do("POST", "city", "/fhir/"+c.typ, c.body, headers...)
		if resp.StatusCode != c.status || !strings.Contains(c.code, code(n)) || code(n) == "" {
			t.Errorf("%s: got %d %s, want %d %s: %s", c.name, resp.StatusCode, code(n), c.status, c.code, n.Bytes())
		}
		if strings.Contains(string(n.Bytes())+r.log.String(), secret) {
			t.Errorf("%s: the answer or the log quotes the body: %s", c.name, n.Bytes())
		}
		if n.At("issue.0.severity").Text() != "error" {
			t.Errorf("%s: severity %s", c.name, n.At("issue.0.severity").Text())
		}
	}
	// $validate says the same without taking anything.
	if resp, n := r.do("POST", "city", "/fhir/Goal/$validate", goalJSON(plan, "x", `,"startDate":"x"`)); resp.StatusCode != 200 || n.At("issue.0.expression.0").Text() != "Goal.startDate" {
		t.Errorf("$validate: %d %s", resp.StatusCode, n.Bytes())
	}
	for _, body := range []string{goalJSON(plan, "x", ""), `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":` + goalJSON(plan, "x", "") + `}]}`} {
		if resp, n := r.do("POST", "city", "/fhir/Goal/$validate", body); resp.StatusCode != 200 || n.At("issue.0.severity").Text() != "information" {
			t.Errorf("$validate of what is right: %d %s", resp.StatusCode, n.Bytes())
		}
	}
}

func TestWrongUpdates(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	plan := r.planID(1)
	_, n := r.do("POST", "city", "/fhir/Goal", goalJSON(plan, "Swims", ""))
	id := n.Get("id").Text()
	good := strings.Replace(goalJSON(plan, "Swims", ""), "{", `{"id":"`+id+`",`, 1)
	for _, c := range []struct {
		name, path, body string
		status           int
		code             string
	}{
		{"no id in the body", id, goalJSON(plan, "Swims", ""), 400, "resource-id"},
		{"another id", id, strings.Replace(good, id, "other", 1), 400, "resource-id"},
		{"another type", id, `{"resourceType":"Basic","id":"` + id + `","code":{"text":"x"}}`, 400, "resource-type"},
		{"unknown id", plan + "-" + strings.Repeat("0", 24), strings.Replace(good, id, plan+"-"+strings.Repeat("0", 24), 1), 404, "not-found"},
		{"unknown plan", strings.Repeat("0", 32), strings.Replace(good, id, strings.Repeat("0", 32), 1), 404, "not-found"},
		{"no id of ours", "x", strings.Replace(good, id, "x", 1), 404, "not-found"},
	} {
		if resp, o := r.do("PUT", "city", "/fhir/Goal/"+c.path, c.body); resp.StatusCode != c.status || code(o) != c.code {
			t.Errorf("%s: got %d %s, want %d %s", c.name, resp.StatusCode, code(o), c.status, c.code)
		}
	}
	if resp, o := r.do("PUT", "stranger", "/fhir/Goal/"+id, good); resp.StatusCode != 404 || code(o) != "not-found" {
		t.Errorf("a stranger: %d %s", resp.StatusCode, code(o))
	}
	if resp, o := r.do("DELETE", "stranger", "/fhir/Goal/"+id, ""); resp.StatusCode != 404 || code(o) != "not-found" {
		t.Errorf("a stranger withdraws: %d %s", resp.StatusCode, code(o))
	}
	q, err := http.NewRequest("POST", r.URL+"/fhir/Goal", strings.NewReader(goalJSON(plan, "x", "")))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.Client().Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("nobody writes: %d", resp.StatusCode)
	}
}
