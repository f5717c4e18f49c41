package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// evaluation is the shared plan with another next evaluation.
func evaluation(plan *fhir.Node, day string) string {
	n := plan.Clone()
	n.Set("extension", fhir.NewArray(fhir.NewObject("url", careplan.ExtNextEvaluation, "valueDateTime", day)))
	return string(n.Bytes())
}

// There and back: whoever read the plan before somebody changed it and somebody changed it back has not seen that, and
// is told so, though the same stands there as when they read it.
func TestThereAndBackIsAnotherVersion(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	path := "/fhir/CarePlan/" + r.planID(1)
	put := func(party, day, tag string) *http.Response {
		_, n := r.get(party, path)
		resp, o := r.do("PUT", party, path, evaluation(n, day), "If-Match", tag)
		if resp.StatusCode != 200 && resp.StatusCode != 412 {
			t.Fatalf("%s writes %s: %d %s", party, day, resp.StatusCode, o.Bytes())
		}
		return resp
	}
	resp, _ := r.get("city", path)
	first := put("city", "2026-03-19", resp.Header.Get("ETag")).Header.Get("ETag")
	second := put("city", "2026-03-26", first).Header.Get("ETag")
	third := put("city", "2026-03-19", second).Header.Get("ETag")
	if first == second || first == third || second == third {
		t.Fatalf("versions %s %s %s", first, second, third)
	}
	if resp := put("hospital", "2026-04-02", first); resp.StatusCode != 412 || resp.Header.Get("ETag") != third {
		t.Errorf("with the version of the first time: %d, %s stands there", resp.StatusCode, resp.Header.Get("ETag"))
	}
	for _, tag := range []string{first, second, third} {
		vid := strings.TrimSuffix(strings.TrimPrefix(tag, `W/"`), `"`)
		resp, n := r.get("city", path+"/_history/"+vid)
		if resp.StatusCode != 200 || n.At("meta.versionId").Text() != vid || resp.Header.Get("ETag") != tag {
			t.Errorf("version %s: %d %s", vid, resp.StatusCode, n.At("meta").Bytes())
		}
	}
	// An element of one's own, the same.
	resp, n := r.do("POST", "city", "/fhir/Goal", goalJSON(r.planID(1), "Cooks", ""))
	id, one := n.Get("id").Text(), resp.Header.Get("ETag")
	for _, text := range []string{"Cooks dinner", "Cooks"} {
		body := strings.Replace(goalJSON(r.planID(1), text, ""), "{", `{"id":"`+id+`",`, 1)
		if resp, n := r.do("PUT", "city", "/fhir/Goal/"+id, body); resp.StatusCode != 200 {
			t.Fatalf("%d %s", resp.StatusCode, n.Bytes())
		}
	}
	if resp, o := r.do("DELETE", "city", "/fhir/Goal/"+id, "", "If-Match", one); resp.StatusCode != 412 || code(o) != "version-conflict" {
		t.Errorf("withdrawn by the version of the first time: %d", resp.StatusCode)
	}
}

// What a viewer may not see makes no version, also when it comes between two that show the same.
func TestHiddenChangeMakesNoVersion(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	path := "/fhir/CarePlan/" + r.planID(1)
	before, _ := r.get("gp", path)
	ban := fhir.NewObject("resourceType", "Consent", "status", "active", "scope", concept("privacy"),
		"category", fhir.NewArray(fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.SystemSection, "code", "ForbeholdOmVideresending")))),
		"policyRule", concept("objection"), "provision", fhir.NewObject("type", "deny"))
	r.document("hospital", simulate.AdmissionHospital, 1, []string{simulate.AdmissionCity}, goal("hidden"), ban)
	if after, _ := r.get("gp", path); after.Header.Get("ETag") != before.Header.Get("ETag") {
		t.Errorf("%s became %s", before.Header.Get("ETag"), after.Header.Get("ETag"))
	}
}

// RFC 9110: the condition "any version" holds when something stands there.
func TestIfMatchAny(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	_, n := r.do("POST", "city", "/fhir/Goal", goalJSON(r.planID(1), "Cooks", ""))
	id := n.Get("id").Text()
	body := strings.Replace(goalJSON(r.planID(1), "Cooks dinner", ""), "{", `{"id":"`+id+`",`, 1)
	if resp, n := r.do("PUT", "city", "/fhir/Goal/"+id, body, "If-Match", "*"); resp.StatusCode != 200 || n.At("description.text").Text() != "Cooks dinner" {
		t.Errorf("update: %d %s", resp.StatusCode, n.Bytes())
	}
	none := r.planID(1) + "-0000"
	if resp, _ := r.do("PUT", "city", "/fhir/Goal/"+none, strings.Replace(body, id, none, 1), "If-Match", "*"); resp.StatusCode != 404 {
		t.Errorf("of nothing: %d", resp.StatusCode) // what is no 2xx without the condition stays what it is
	}
	for _, c := range []struct {
		tag  string
		want int
	}{{`"`, 400}, {`W/"a" W/"b"`, 400}, {strings.Repeat(`W/"a",`, 60) + `"b"`, 400}, {"*", 204}} {
		if resp, _ := r.do("DELETE", "city", "/fhir/Goal/"+id, "", "If-Match", c.tag); resp.StatusCode != c.want {
			t.Errorf("withdraw with %.20s: %d, want %d", c.tag, resp.StatusCode, c.want)
		}
	}
}

// Each attempt is in the audit, whatever comes of it.
func TestEachAttemptIsAudited(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	_, n := r.do("POST", "city", "/fhir/Goal", goalJSON(r.planID(1), "Cooks", ""))
	goal, none := "/fhir/Goal/"+n.Get("id").Text(), r.planID(1)+"-0000"
	other := "/fhir/Goal/" + idOf(r, "Goal", "Walks indoors")
	for _, c := range []struct {
		method, path, action string
		status               int
		patient              string
	}{
		{"DELETE", goal, "delete-plan", 204, patient(1)},
		{"DELETE", goal, "delete-plan", 204, patient(1)},
		{"DELETE", other, "delete-plan", 403, patient(1)},
		{"DELETE", "/fhir/Goal/" + none, "delete-plan", 404, patient(1)},
		{"PUT", "/fhir/Goal/" + none, "update-plan", 404, patient(1)},
		{"GET", "/fhir/Patient/" + r.planID(7) + "/$everything", "read-unknown", 404, ""},
		{"GET", "/fhir/CarePlan/" + r.planID(1) + "/$everything", "read-plan", 200, patient(1)},
	} {
		before, body := len(r.audits()), ""
		if c.method == "PUT" {
			body = strings.Replace(goalJSON(r.planID(1), "Cooks", ""), "{", `{"id":"`+none+`",`, 1)
		}
		resp, _ := r.do(c.method, "city", c.path, body)
		got := r.audits()
		if resp.StatusCode != c.status || len(got) == before {
			t.Errorf("%s %s: %d, %d entries of audit", c.method, c.path, resp.StatusCode, len(got)-before)
			continue
		}
		found := false
		for _, e := range got[:len(got)-before] {
			found = found || e.Action == c.action && e.Patient == c.patient && e.Who == "city"
		}
		if !found {
			t.Errorf("%s %s is audited as %+v", c.method, c.path, got[:len(got)-before])
		}
	}
}

// Entries of one moment stand in the order in which they were made.
func TestAuditsOfOneMomentHaveAnOrder(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	now := time.Now().UTC()
	u := &queue.Unit{Now: now}
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("read-%02d", i))
		u.Audit = append(u.Audit, samvirke.Audit{At: now, Who: "city", Action: want[i], Object: r.planID(1), Patient: patient(1)})
	}
	if _, err := r.store.Commit(context.Background(), u); err != nil {
		t.Fatal(err)
	}
	for sorted, back := range map[string]bool{"&_sort=date": false, "&_sort=-date": true, "": true} {
		var got []string
		for _, m := range matchesOf(second(r.get("unit", "/fhir/AuditEvent?_count=100&patient="+r.planID(1)+sorted))) {
			if s := m.At("subtype.0.code").Text(); len(s) == len(want[0]) {
				got = append(got, s)
			}
		}
		if len(got) != len(want) || back && !sort.IsSorted(sort.Reverse(sort.StringSlice(got))) || !back && !sort.StringsAreSorted(got) {
			t.Errorf("sorted %q: %v", sorted, got)
		}
	}
}

func second(_ *http.Response, n *fhir.Node) *fhir.Node { return n }

// A withdrawal that the viewer may not see acts, and neither that it was one nor when it came is told; what they knew
// before stands in the history as they knew it.
func TestHiddenWithdrawalIsNotInTheHistory(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	_, n := r.do("POST", "city", "/fhir/Goal", goalJSON(r.planID(1), "Cooks", ""))
	path := "/fhir/Goal/" + n.Get("id").Text()
	stored, err := r.store.Records(context.Background(), patient(1))
	if err != nil {
		t.Fatal(err)
	}
	last := stored[len(stored)-1]
	rec, err := careplan.ParseRecord(last.Body)
	if err != nil {
		t.Fatal(err)
	}
	rec.Chain.Op, rec.Chain.Parent = samvirke.OpCancel, rec.Key.MessageID
	rec.Key.MessageID, rec.Hash = "5b0a3f0e-0000-4000-8000-000000000001", "withdrawal"
	rec.NoForwarding, rec.Original, rec.Content = true, []string{simulate.AdmissionHospital}, []byte("{}")
	rec.Receive = rec.Receive.Add(time.Millisecond)
	body, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.Commit(context.Background(), &queue.Unit{Now: time.Now().UTC(), Records: []queue.Record{{
		Key: rec.Key.String(), Hash: rec.Hash, Patient: patient(1), MessageID: last.MessageID, ReceivedAt: rec.Receive, Body: body,
	}}}); err != nil {
		t.Fatal(err)
	}
	for party, want := range map[string]struct {
		status  int
		methods string
	}{"hospital": {410, "[DELETE POST]"}, "gp": {404, "[POST]"}} {
		resp, o := r.get(party, path)
		if resp.StatusCode != want.status {
			t.Errorf("%s reads: %d %s", party, resp.StatusCode, o.Bytes())
		}
		_, h := r.get(party, path+"/_history")
		var methods []string
		for _, e := range h.Get("entry").Items() {
			methods = append(methods, e.At("request.method").Text())
		}
		if fmt.Sprint(methods) != want.methods {
			t.Errorf("%s finds %v in the history, want %s", party, methods, want.methods)
		}
	}
}
