package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/simulate"
)

// A limit on a resource, by the reference that a reader of the API has of it, hides the record that states it; one on
// what the writer does not see is refused, never taken without effect.
func TestALimitOnAResource(t *testing.T) {
	for name, provision := range map[string]string{
		"a rule that denies": `{"type":"deny","actor":[{"role":{"text":"x"},"reference":{"identifier":{"system":%q,"value":%q}}}],"data":[{"meaning":"instance","reference":{"reference":%q}}]}`,
		"an exception inside a rule that permits": `{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"x"},"reference":{"identifier":{"system":%q,"value":%q}}}],
			"data":[{"meaning":"instance","reference":{"reference":%q}}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.story(1)
			r.document("city", simulate.AdmissionCity, 1, []string{simulate.AdmissionHospital}, secret()...)
			_, n := r.get("gp", "/fhir/Condition?patient="+r.planID(1)+"&code=urn:"+canary+"|"+canary)
			ref := "Condition/" + matchesOf(n)[0].Get("id").Text()
			consent := func(about string) string {
				return fmt.Sprintf(`{"resourceType":"Consent","status":"active","scope":{"text":"privacy"},"category":[{"text":"block"}],"policyRule":{"text":"wish"},
					"patient":{"reference":"Patient/%s"},"provision":%s}`, r.planID(1), fmt.Sprintf(provision, fhir.SystemHER, herGP, about))
			}
			for _, about := range []string{"Condition/" + r.planID(1) + "-0000", "Condition/x", "https://elsewhere.example/fhir/Condition/1"} {
				if resp, o := r.do("POST", "portal", "/fhir/Consent", consent(about)); resp.StatusCode != 422 || !strings.Contains(string(o.Bytes()), "unknown-scope") {
					t.Errorf("about %s: %d %s", about, resp.StatusCode, o.Bytes())
				}
			}
			if resp, o := r.do("POST", "portal", "/fhir/Consent", consent(r.URL+"/fhir/"+ref)); resp.StatusCode != 201 {
				t.Fatalf("consent: %d %s", resp.StatusCode, o.Bytes())
			}
			if _, all := r.everything("gp", 1); strings.Contains(all, canary) {
				t.Errorf("still seen: %s", all[max(0, strings.Index(all, canary)-300):][:400])
			}
			if resp, _ := r.get("gp", "/fhir/CarePlan/"+r.planID(1)); resp.StatusCode != 200 {
				t.Errorf("the rest of the plan: %d", resp.StatusCode)
			}
		})
	}
}
