package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/simulate"
)

func entry(method, url, fullURL string, resource *fhir.Node) *fhir.Node {
	e := fhir.NewObject("fullUrl", fullURL)
	if resource != nil {
		e.Set("resource", resource)
	}
	e.Set("request", fhir.NewObject("method", method, "url", url))
	return e
}

func bundle(typ string, entries ...*fhir.Node) string {
	b := fhir.NewObject("resourceType", "Bundle", "type", typ)
	for _, e := range entries {
		b.Append("entry", e)
	}
	return string(b.Bytes())
}

// A transaction is one message: all of it, or nothing.
func TestTransaction(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	number := simulate.PersonNumber(1)
	person := fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.NewObject("system", fhir.SystemFNR, "value", number)))
	about := func(n *fhir.Node) *fhir.Node {
		n.Set("subject", fhir.NewObject("reference", "urn:uuid:11111111-1111-4111-8111-111111111111"))
		return n
	}
	g, sr := about(goal("Shops alone")), about(proposal("Shopping training"))
	plan := about(fhir.NewObject("resourceType", "CarePlan", "status", "active", "intent", "plan", "title", "Out of the house",
		"goal", fhir.NewArray(fhir.NewObject("reference", "urn:uuid:22222222-2222-4222-8222-222222222222")),
		"activity", fhir.NewArray(fhir.NewObject("reference", fhir.NewObject("reference", "urn:uuid:33333333-3333-4333-8333-333333333333")))))
	body := bundle("transaction", entry("POST", "Patient", "urn:uuid:11111111-1111-4111-8111-111111111111", person),
		entry("POST", "Goal", "urn:uuid:22222222-2222-4222-8222-222222222222", g),
		entry("POST", "ServiceRequest", "urn:uuid:33333333-3333-4333-8333-333333333333", sr), entry("POST", "CarePlan", "urn:uuid:44444444-4444-4444-8444-444444444444", plan))
	before, _ := r.store.Records(context.Background(), patient(1))
	resp, n := r.do("POST", "city", "/fhir/", body, "Prefer", "return=representation")
	if resp.StatusCode != 200 || n.Get("type").Text() != "transaction-response" || len(n.Get("entry").Items()) != 4 || strings.Contains(string(n.Bytes()), "urn:uuid:2222") {
		t.Fatalf("got %d %s", resp.StatusCode, n.Bytes())
	}
	after, _ := r.store.Records(context.Background(), patient(1))
	if len(after) != len(before)+1 {
		t.Errorf("%d messages, want one", len(after)-len(before))
	}
	var refs []string
	for i, want := range []string{"200", "201", "201", "201"} {
		if s := n.At(fmt.Sprintf("entry.%d.response.status", i)).Text(); !strings.HasPrefix(s, want) {
			t.Errorf("entry %d: %s", i, s)
		}
		ref, _, _ := strings.Cut(n.At(fmt.Sprintf("entry.%d.response.location", i)).Text(), "/_history")
		refs = append(refs, ref)
	}
	_, own := r.get("gp", "/fhir/"+refs[3])
	if own.At("goal.0.reference").Text() != refs[1] || own.At("activity.0.reference.reference").Text() != refs[2] || own.At("partOf.0.reference").Text() != "CarePlan/"+r.planID(1) {
		t.Errorf("the plan's references: %s, want %v", own.Bytes(), refs)
	}
	// One element of it is changed and withdrawn; the others stay as they are.
	_, got := r.get("city", "/fhir/"+refs[1])
	got.Set("description", concept("Shops with a friend"))
	if resp, n := r.do("PUT", "city", "/fhir/"+refs[1], string(got.Bytes())); resp.StatusCode != 200 || n.At("description.text").Text() != "Shops with a friend" {
		t.Fatalf("update: %d %s", resp.StatusCode, n.Bytes())
	}
	if resp, n := r.do("DELETE", "city", "/fhir/"+refs[2], ""); resp.StatusCode != 204 {
		t.Fatalf("withdraw: %d %s", resp.StatusCode, n.Bytes())
	}
	for i, want := range []int{200, 200, 410, 200} {
		if resp, _ := r.get("city", "/fhir/"+refs[i]); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", refs[i], resp.StatusCode, want)
		}
	}
}

func TestTransactionRefused(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	r.admit(simulate.Admission{Person: 2})
	about := func(n *fhir.Node, person int) *fhir.Node {
		n.Set("subject", fhir.NewObject("reference", "Patient/"+r.planID(person)))
		return n
	}
	count := func() int {
		list, err := r.store.Records(context.Background(), patient(1))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := count()
	for _, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"one entry is wrong", bundle("transaction", entry("POST", "Goal", "", about(goal("a"), 1)), entry("POST", "Goal", "", fhir.NewObject("resourceType", "Goal"))), 400, "resource-missing"},
		{"two patients", bundle("transaction", entry("POST", "Goal", "", about(goal("a"), 1)), entry("POST", "Goal", "", about(goal("b"), 2))), 422, "several-patients"},
		{"a conditional change", bundle("transaction", entry("PUT", "Goal?identifier=a", "", about(goal("a"), 1))), 422, "transaction-limit"},
		{"a read", bundle("transaction", entry("GET", "Goal", "", about(goal("a"), 1))), 422, "transaction-limit"},
		{"a change of no id of ours", bundle("transaction", entry("PUT", "Goal/1", "", about(goal("a"), 1))), 400, "bad-entry"},
		{"a change of what is not there", bundle("transaction", entry("DELETE", "Goal/"+r.planID(1)+"-0000", "", nil)), 404, "not-found"},
		{"another one's element", bundle("transaction", entry("DELETE", "Goal/"+idOf(r, "Goal", "Walks indoors"), "", nil)), 422, "transaction-limit"},
		{"a plan that is not there", bundle("transaction", entry("DELETE", "Goal/"+r.planID(7)+"-0000", "", nil)), 404, "not-found"},
		{"the shared plan", bundle("transaction", entry("PUT", "CarePlan/"+r.planID(1), "", fhir.NewObject("resourceType", "CarePlan", "id", r.planID(1), "status", "active", "intent", "plan",
			"subject", fhir.NewObject("reference", "Patient/"+r.planID(1))))), 422, "transaction-limit"},
		{"a derived type", bundle("transaction", entry("POST", "Flag", "", about(fhir.NewObject("resourceType", "Flag", "status", "active", "code", concept("x")), 1))), 400, "bad-entry"},
		{"another URL", bundle("transaction", entry("POST", "Condition", "", about(goal("a"), 1))), 400, "bad-entry"},
		{"no patient", bundle("transaction", entry("POST", "Goal", "", about(goal("a"), 5))), 422, "needs-patient"},
		{"empty", bundle("transaction"), 400, "bad-entry"},
		{"a message", bundle("message"), 400, "bundle-expected"},
		{"no Bundle", `{"resourceType":"Goal"}`, 400, "bundle-expected"},
	} {
		if resp, n := r.do("POST", "city", "/fhir", c.body); resp.StatusCode != c.status || code(n) != c.code {
			t.Errorf("%s: got %d %s, want %d %s: %s", c.name, resp.StatusCode, code(n), c.status, c.code, n.Bytes())
		}
	}
	if after := count(); after != before {
		t.Errorf("%d messages of refused transactions", after-before)
	}
}

// A batch is as if each had come alone.
func TestBatch(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	g := goal("Paints")
	g.Set("subject", fhir.NewObject("reference", "Patient/"+r.planID(1)))
	body := bundle("batch", entry("GET", "CarePlan/"+r.planID(1), "", nil), entry("POST", "Goal", "", g), entry("GET", "Patient?identifier="+simulate.PersonNumber(1), "", nil),
		entry("GET", "Goal/unknown", "", nil), entry("PUT", "CarePlan/"+r.planID(1), "", fhir.NewObject("resourceType", "CarePlan", "id", r.planID(1), "status", "active", "intent", "plan", "subject", fhir.NewObject("reference", "Patient/"+r.planID(1)))),
		entry("GET", "metadata", "", nil))
	resp, n := r.do("POST", "city", "/fhir/", body)
	if resp.StatusCode != 200 || n.Get("type").Text() != "batch-response" {
		t.Fatalf("got %d %s", resp.StatusCode, n.Bytes())
	}
	for i, want := range []string{"200", "201", "200", "404", "428", "404"} {
		if s := n.At(fmt.Sprintf("entry.%d.response.status", i)).Text(); !strings.HasPrefix(s, want) {
			t.Errorf("entry %d: %s, want %s", i, s, want)
		}
	}
	if n.At("entry.2.resource.total").Text() != "1" || n.At("entry.3.response.outcome.issue.0.code").Text() != "not-found" {
		t.Errorf("answers: %s", n.Bytes())
	}
	if resp, n := r.do("POST", "stranger", "/fhir/", bundle("batch", entry("GET", "CarePlan/"+r.planID(1), "", nil))); resp.StatusCode != 200 || !strings.HasPrefix(n.At("entry.0.response.status").Text(), "404") {
		t.Errorf("a stranger's batch: %s", n.Bytes())
	}
}
