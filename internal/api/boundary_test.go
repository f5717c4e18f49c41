package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/api"
)

// A coordinating unit looks at, and decides for, the persons of its own municipality only.
func TestTheUnitOfAnotherMunicipality(t *testing.T) {
	for name, c := range map[string]struct {
		home string
		want int
	}{"its own": {"9901", http.StatusOK}, "another one's": {"9902", http.StatusNotFound}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(o *api.Options) {
				o.Coordinates = func(p samvirke.Party, patients ...string) bool {
					return p.HasRole(samvirke.RoleCoordinator) && len(patients) > 0 && c.home == "9901"
				}
			})
			r.story(1)
			id := r.planID(1)
			for _, path := range []string{"CarePlan/" + id, "Patient/" + id + "/$everything", "CarePlan/" + id + "/_history"} {
				if resp, _ := r.get("unit", "/fhir/"+path); resp.StatusCode != c.want {
					t.Errorf("%s: %d, want %d", path, resp.StatusCode, c.want)
				}
			}
			_, n := r.get("unit", "/fhir/AuditEvent?patient="+id)
			if got := len(n.Get("entry").Items()) > 0; got != (c.want == http.StatusOK) {
				t.Errorf("the audit is shown: %v", got)
			}
		})
	}
}

// Somebody else's reading of what the unit does not see is told to it without saying what was read.
func TestTheAuditNamesNothingThatTheReaderDoesNotSee(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	id := r.planID(1)
	_, found := r.get("hospital", "/fhir/Observation?patient="+id)
	if len(found.Get("entry").Items()) == 0 {
		t.Fatal("the story has no finding")
	}
	ref := "Observation/" + found.At("entry.0.resource.id").Text()
	r.get("hospital", "/fhir/"+ref)
	if resp, _ := r.get("unit", "/fhir/"+ref); resp.StatusCode != http.StatusNotFound {
		t.Fatalf("the unit sees the finding: %d", resp.StatusCode)
	}
	_, all := r.get("portal", "/fhir/AuditEvent?_count=200&patient="+id)
	if !strings.Contains(string(all.Bytes()), ref) {
		t.Error("the patient is not told who read what")
	}
	_, list := r.get("unit", "/fhir/AuditEvent?_count=200&patient="+id)
	if len(list.Get("entry").Items()) == 0 || strings.Contains(string(list.Bytes()), "Observation/") {
		t.Errorf("the unit is told: %s", list.Bytes())
	}
}
