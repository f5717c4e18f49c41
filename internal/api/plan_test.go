package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/api"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// The way of a GP: told that something changed, with ids only, it reads the plan back.
func TestGPReadsBackWhatItWasToldOf(t *testing.T) {
	r := newRig(t, nil)
	r.admit(simulate.Admission{Person: 1, Remark: "falt hjemme"})
	r.gp.mu.Lock()
	notice := string(r.gp.got[0].Body)
	r.gp.mu.Unlock()
	id := r.g.PlanID(patient(1))
	if !strings.Contains(notice, "https://gw.example/fhir/CarePlan/"+id) {
		t.Fatalf("the notice names no plan: %s", notice)
	}
	resp, plan := r.get("gp", "/fhir/CarePlan/"+id)
	if resp.StatusCode != 200 || plan.Get("resourceType").Text() != "CarePlan" || plan.Get("id").Text() != id {
		t.Fatalf("got %d %s", resp.StatusCode, plan.Bytes())
	}
	if tag := resp.Header.Get("ETag"); tag != `W/"`+plan.At("meta.versionId").Text()+`"` || len(tag) < 10 {
		t.Errorf("ETag %q, version %q", tag, plan.At("meta.versionId").Text())
	}
	resp, all := r.get("gp", "/fhir/CarePlan/"+id+"/$everything")
	b, err := fhir.BundleOf(all)
	if err != nil || resp.StatusCode != 200 || all.Get("type").Text() != "searchset" || all.Get("total").Text() != "1" {
		t.Fatalf("got %d, %v", resp.StatusCode, err)
	}
	if p := b.First("Patient"); p.At("identifier.0.value").Text() != simulate.PersonNumber(1) {
		t.Errorf("patient is %s", p.Bytes())
	}
	if e := b.First("Encounter"); e.Get("status").Text() != "in-progress" {
		t.Errorf("stay is %s", e.Bytes())
	}
	checkReferences(t, b)
	for _, e := range b.Entries() {
		if strings.Contains(e.FullURL+e.ID, simulate.PersonNumber(1)) || !strings.HasPrefix(e.FullURL, r.URL+"/fhir/"+e.Type+"/") {
			t.Errorf("fullUrl %s", e.FullURL)
		}
	}
	// An id that anybody could compute from a person's number would tell who it is about.
	if strings.Contains(string(all.Bytes()), `"reference":"Patient/patient-`) {
		t.Error("the patient's id is a hash without a key")
	}
}

// checkReferences holds every literal reference against the entries of the Bundle.
func checkReferences(t *testing.T, b *fhir.Bundle) {
	t.Helper()
	var walk func(n *fhir.Node)
	walk = func(n *fhir.Node) {
		if ref := n.Get("reference"); ref != nil {
			if _, ok := b.Resolve(ref.Text()); !ok {
				t.Errorf("reference %s leads nowhere", ref.Text())
			}
		}
		for _, k := range n.Keys() {
			walk(n.Get(k))
		}
		for _, i := range n.Items() {
			walk(i)
		}
	}
	for _, e := range b.Entries() {
		walk(e.Resource)
	}
}

func TestWhoMayRead(t *testing.T) {
	r := newRig(t, func(o *api.Options) {
		auth := o.Auth
		o.Auth = func(q *http.Request) (string, bool) {
			id, ok := auth(q)
			return id, ok && id != "refused"
		}
	})
	r.admit(simulate.Admission{Person: 1})
	id := r.g.PlanID(patient(1))
	cases := []struct {
		name, party, id string
		status          int
		audit           string
	}{
		{"in the team as sender", "hospital", id, 200, "read-plan"},
		{"in the team as addressee", "city", id, 200, "read-plan"},
		{"was told of it", "gp", id, 200, "read-plan"},
		{"has nothing to do with it", "stranger", id, 404, "read-plan-denied"},
		{"unknown plan", "stranger", r.g.PlanID(patient(2)), 404, "read-unknown"},
		{"unknown plan, asked by a member of another one", "hospital", r.g.PlanID(patient(2)), 404, "read-unknown"},
		{"not an id", "hospital", "1", 404, ""},
		{"a person's number is no id", "hospital", simulate.PersonNumber(1), 404, ""},
		{"a name of another setting", "hospital", "..%2Fplan-id-key", 404, ""},
		{"authenticated but not configured", "somebody", id, 401, ""},
		{"not authenticated", "refused", id, 401, ""},
		{"no credential", "", id, 401, ""},
	}
	var same string
	for _, c := range cases {
		for _, path := range []string{"/fhir/CarePlan/" + c.id, "/fhir/CarePlan/" + c.id + "/$everything"} {
			before := len(r.audits())
			resp, n := r.get(c.party, path)
			if resp.StatusCode != c.status {
				t.Errorf("%s: got %d, want %d", c.name, resp.StatusCode, c.status)
			}
			got := r.audits()
			if c.audit == "" != (len(got) == before) || c.audit != "" && (got[0].Who != c.party || got[0].Action != c.audit || !strings.HasSuffix(got[0].Object, c.id) || (got[0].Patient != patient(1)) != (c.audit == "read-unknown")) {
				t.Errorf("%s: audit %+v, want %q", c.name, got[:len(got)-before], c.audit)
			}
			if c.status == 401 && (resp.Header.Get("WWW-Authenticate") == "" || n.At("issue.0.details.coding.0.code").Text() != "not-authenticated") {
				t.Errorf("%s: %v %s", c.name, resp.Header, n.Bytes())
			}
			if c.status != 404 {
				continue
			}
			resp.Header.Del("Date")
			answer := fmt.Sprint(resp.Header, string(n.Bytes()))
			if same == "" {
				same = answer
			}
			if answer != same {
				t.Errorf("%s: %s differs from other unknown ones: %s", c.name, answer, same)
			}
		}
	}
}

// A setting that is left over from another key leads nowhere.
func TestIDOfAnotherKeyOpensNothing(t *testing.T) {
	r := newRig(t, func(o *api.Options) { o.PlanID = func(string) string { return strings.Repeat("0", 32) } })
	r.admit(simulate.Admission{Person: 1})
	if resp, _ := r.get("gp", "/fhir/CarePlan/"+r.g.PlanID(patient(1))); resp.StatusCode != 404 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

// Being chosen as receiver is not enough: something must have arrived.
func TestAWaitingDeliveryOpensNothing(t *testing.T) {
	r := newRig(t, nil)
	r.admit(simulate.Admission{Person: 1})
	id := r.g.PlanID(patient(1))
	now := time.Now().UTC()
	d := samvirke.Delivery{
		ID: "waiting", Party: "stranger", Purpose: samvirke.PurposeForward, Lane: samvirke.LaneKey("stranger", "x", samvirke.PurposeForward),
		Patient: patient(1), ExternalID: "x", Kind: "LOG_INNLAGT", Format: "kith", ContentType: "application/xml", State: samvirke.DeliveryQueued,
		CreatedAt: now, DueAt: now.Add(time.Hour), Checksum: "00", Body: []byte("<x/>"), Size: 4,
	}
	msgs, err := r.store.Messages(context.Background(), queue.MessageFilter{})
	if err != nil || len(msgs) != 1 {
		t.Fatal(err, len(msgs))
	}
	d.MessageID = msgs[0].ID
	if _, err := r.store.Commit(context.Background(), &queue.Unit{Now: now, Deliveries: []samvirke.Delivery{d}}); err != nil {
		t.Fatal(err)
	}
	if resp, _ := r.get("stranger", "/fhir/CarePlan/"+id); resp.StatusCode != 404 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestConditionalRead(t *testing.T) {
	r := newRig(t, nil)
	r.admit(simulate.Admission{Person: 1, Remark: "first"})
	path := "/fhir/CarePlan/" + r.g.PlanID(patient(1))
	resp, _ := r.get("gp", path)
	tag := resp.Header.Get("ETag")
	for _, have := range []string{tag, strings.TrimPrefix(tag, "W/"), `W/"x", ` + tag, "*"} {
		resp, n := r.get("gp", path, "If-None-Match", have)
		if resp.StatusCode != 304 || n != nil || resp.Header.Get("ETag") != tag {
			t.Errorf("If-None-Match %s: got %d", have, resp.StatusCode)
		}
	}
	if n := len(r.audits()); n != 5 {
		t.Errorf("%d audit entries, want 5: a conditional read is a read", n)
	}
	r.admit(simulate.Admission{Person: 1, EventAt: "2026-02-01T08:00:00"})
	resp, n := r.get("gp", path, "If-None-Match", tag)
	if resp.StatusCode != 200 || resp.Header.Get("ETag") == tag || n.At("meta.versionId").Text() == "" {
		t.Errorf("after a change: got %d, ETag %s", resp.StatusCode, resp.Header.Get("ETag"))
	}
	if resp, _ := r.get("gp", path, "If-None-Match", `W/"x"`); resp.StatusCode != 200 {
		t.Errorf("another version: got %d", resp.StatusCode)
	}
}

// What a reader may not see must not show in a mark either: neither body nor ETag may move
// (careplan.md scenario S7).
func TestWithheldRecordLeavesNoTrace(t *testing.T) {
	r := newRig(t, nil)
	r.admit(simulate.Admission{Person: 1})
	r.admit(simulate.Admission{Person: 2, EventAt: "2026-03-03T03:33:00"})
	path := "/fhir/CarePlan/" + r.g.PlanID(patient(1)) + "/$everything"
	before, wasGP := r.get("gp", path)
	_, wasCity := r.get("city", path)

	stored, err := r.store.Records(context.Background(), patient(2))
	if err != nil || len(stored) != 1 {
		t.Fatal(err, len(stored))
	}
	rec, err := careplan.ParseRecord(stored[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	rec.Subject, rec.NoForwarding, rec.Original = patient(1), true, []string{simulate.AdmissionCity, simulate.AdmissionNursing}
	body, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.Commit(context.Background(), &queue.Unit{Now: time.Now().UTC(), Records: []queue.Record{{
		Key: stored[0].Key, Hash: "restricted", Patient: patient(1), MessageID: stored[0].MessageID, ReceivedAt: stored[0].ReceivedAt, Body: body,
	}}}); err != nil {
		t.Fatal(err)
	}
	after, isGP := r.get("gp", path)
	if string(isGP.Bytes()) != string(wasGP.Bytes()) || before.Header.Get("ETag") != after.Header.Get("ETag") {
		t.Errorf("the GP's view changed:\n%s\n%s", wasGP.Bytes(), isGP.Bytes())
	}
	if _, isCity := r.get("city", path); string(isCity.Bytes()) == string(wasCity.Bytes()) {
		t.Error("the addressee does not see it, so this test shows nothing")
	}
}

func TestNothingIsReadUnaudited(t *testing.T) {
	r := newRig(t, func(o *api.Options) { o.Store = &noAudit{o.Store} })
	r.admit(simulate.Admission{Person: 1})
	id := r.g.PlanID(patient(1))
	for _, path := range []string{"/fhir/CarePlan/" + id, "/fhir/CarePlan/" + id + "/$everything", "/fhir/Patient/" + id + "/$everything",
		"/fhir/CarePlan/" + id + "/_history", "/fhir/CareTeam/" + id, "/fhir/Encounter?patient=" + id, "/fhir/AuditEvent?patient=" + id,
		"/fhir/Subscription/" + r.g.SubscriptionID("gp", patient(1)) + "/$status"} {
		resp, n := r.get("gp", path)
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "5" || resp.Header.Get("ETag") != "" ||
			n.At("issue.0.details.coding.0.code").Text() != "not-audited" {
			t.Errorf("%s: got %d %v %s", path, resp.StatusCode, resp.Header, n.Bytes())
		}
	}
}

// noAudit is a store that can be read but not written.
type noAudit struct{ api.Store }

func (*noAudit) Commit(context.Context, *queue.Unit) (queue.Outcome, error) {
	return queue.Outcome{}, queue.ErrFull
}
