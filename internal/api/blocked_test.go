package api_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/simulate"
)

// A writer is answered the same whether or not somebody has barred it from the plan: created, changed, withdrawn. What
// it reads is another matter.
func TestABlockedWriterIsAnsweredTheSame(t *testing.T) {
	const party, her = "gp", herGP
	answers := map[bool]string{}
	for _, blocked := range []bool{false, true} {
		r := newRig(t, nil)
		r.story(1)
		if blocked {
			body := fmt.Sprintf(`{"resourceType":"Consent","status":"active","scope":{"text":"privacy"},"category":[{"text":"block"}],"policyRule":{"text":"wish"},
				"patient":{"reference":"Patient/%s"},"provision":{"type":"deny","actor":[{"role":{"text":"x"},"reference":{"identifier":{"system":%q,"value":%q}}}]}}`,
				r.planID(1), fhir.SystemHER, her)
			if resp, o := r.do("POST", "portal", "/fhir/Consent", body); resp.StatusCode != 201 {
				t.Fatalf("block: %d %s", resp.StatusCode, o.Bytes())
			}
		}
		if resp, _ := r.get(party, "/fhir/CarePlan/"+r.planID(1)); (resp.StatusCode == 404) != blocked {
			t.Fatalf("blocked %v, reads with %d: the test shows nothing", blocked, resp.StatusCode)
		}
		var b strings.Builder
		step := func(method, path, body string, headers ...string) *fhir.Node {
			resp, n := r.do(method, party, path, body, headers...)
			fmt.Fprintln(&b, method, resp.StatusCode, resp.Header.Get("ETag") != "", resp.Header.Get("Location") != "", resp.Header.Get("Last-Modified") != "")
			if n != nil {
				fmt.Fprintln(&b, string(n.Bytes()))
			}
			return n
		}
		number := fmt.Sprintf(`{"identifier":{"system":%q,"value":%q}}`, fhir.SystemFNR, simulate.PersonNumber(1))
		byNumber := strings.Replace(goalJSON(r.planID(1), "By number", ""), `{"reference":"Patient/`+r.planID(1)+`"}`, number, 1)
		step("POST", "/fhir/Goal", byNumber)
		id := step("POST", "/fhir/Goal", goalJSON(r.planID(1), "By reference", "")).Get("id").Text()
		step("POST", "/fhir/Goal", goalJSON(r.planID(1), "By reference", `,"identifier":[{"system":"urn:example:goal","value":"g-1"}]`), "If-None-Exist", "identifier=urn:example:goal|g-1")
		step("POST", "/fhir/Goal", goalJSON(r.planID(1), "By reference", ""), "If-None-Exist", "identifier=urn:example:goal|g-1")
		step("POST", "/fhir/", bundle("transaction", entry("POST", "Goal", "urn:uuid:22222222-2222-4222-8222-222222222222", func() *fhir.Node {
			n, _ := fhir.ParseNode([]byte(goalJSON(r.planID(1), "In a transaction", "")))
			return n
		}())))
		step("PUT", "/fhir/Goal/"+id, strings.Replace(goalJSON(r.planID(1), "Changed", ""), "{", `{"id":"`+id+`",`, 1))
		step("PUT", "/fhir/Goal/"+id, strings.Replace(goalJSON(r.planID(1), "Changed", ""), "{", `{"id":"`+id+`",`, 1), "If-Match", `W/"0000000000000000"`)
		step("DELETE", "/fhir/Goal/"+id, "")
		step("DELETE", "/fhir/Goal/"+id, "")
		// Ids hang on a key of the gateway, versions and times on ids and the clock.
		text := regexp.MustCompile(`[0-9a-f]{16,32}(-[0-9a-f]+)*|20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z`).ReplaceAllString(b.String(), "X")
		answers[blocked] = text
	}
	open, barred := strings.Split(answers[false], "\n"), strings.Split(answers[true], "\n")
	for i := range open {
		if i >= len(barred) || open[i] != barred[i] {
			t.Fatalf("answered differently:\n%s\n%s", open[i], strings.Join(barred[min(i, len(barred)):min(i+1, len(barred))], ""))
		}
	}
	if !strings.Contains(answers[true], "POST 201 true true true") || !strings.Contains(answers[true], "PUT 200") || !strings.Contains(answers[true], "DELETE 204") {
		t.Errorf("answers %s", answers[true])
	}
}
