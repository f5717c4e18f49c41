package api_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/fhir/fhirxml"
	"github.com/samvirke/samvirke/internal/api"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
)

// goalJSON is a goal of a patient known by plan id.
func goalJSON(plan, text, more string) string {
	return fmt.Sprintf(`{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":%q},"subject":{"reference":"Patient/%s"}%s}`, text, plan, more)
}

func TestLifeOfAnElement(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	plan := r.planID(1)
	resp, n := r.do("POST", "city", "/fhir/Goal", goalJSON(plan, "Cooks dinner", `,"note":[{"text":"twice a week"}],"priority":{"text":"high"},"target":[{"dueDate":"2026-05-01"}]`))
	if resp.StatusCode != 201 {
		t.Fatalf("create: %d %s", resp.StatusCode, n.Bytes())
	}
	id, first := n.Get("id").Text(), n.At("meta.versionId").Text()
	if want := r.URL + "/fhir/Goal/" + id + "/_history/" + first; resp.Header.Get("Location") != want || resp.Header.Get("ETag") != `W/"`+first+`"` {
		t.Errorf("Location %s ETag %s", resp.Header.Get("Location"), resp.Header.Get("ETag"))
	}
	if n.At("note.0.text").Text() != "twice a week" || n.At("subject.reference").Text() != "Patient/"+plan || n.Get("identifier") != nil {
		t.Errorf("what was written comes back as %s", n.Bytes())
	}
	if _, all := r.get("gp", "/fhir/CarePlan/"+plan+"?_elements=goal"); !strings.Contains(string(all.Bytes()), id) {
		t.Errorf("the plan does not name the goal: %s", all.Bytes())
	}
	// A new version: the same element, whatever it says.
	body := strings.Replace(goalJSON(plan, "Cooks dinner and lunch", ""), "{", `{"id":"`+id+`",`, 1)
	resp, n = r.do("PUT", "city", "/fhir/Goal/"+id, body, "If-Match", `W/"`+first+`"`)
	second := n.At("meta.versionId").Text()
	if resp.StatusCode != 200 || n.Get("id").Text() != id || n.At("description.text").Text() != "Cooks dinner and lunch" || second == first || n.Get("note") != nil {
		t.Fatalf("update: %d %s", resp.StatusCode, n.Bytes())
	}
	resp, n = r.do("PUT", "city", "/fhir/Goal/"+id, body, "If-Match", `W/"`+first+`"`)
	if resp.StatusCode != 412 || resp.Header.Get("ETag") != `W/"`+second+`"` || code(n) != "version-conflict" || !strings.Contains(string(n.Bytes()), `"Goal.description"`) {
		t.Errorf("stale: %d %s %s", resp.StatusCode, resp.Header.Get("ETag"), n.Bytes())
	}
	for _, old := range []string{"Cooks dinner and lunch", "twice a week"} {
		if strings.Contains(string(n.Bytes()), old) {
			t.Error("the refusal quotes the resource")
		}
	}
	if resp, n = r.do("PUT", "city", "/fhir/Goal/"+id, body, "Prefer", "return=minimal"); resp.StatusCode != 200 || n != nil {
		t.Errorf("minimal: %d", resp.StatusCode)
	}
	if resp, n = r.do("PUT", "city", "/fhir/Goal/"+id, body, "Prefer", "return=OperationOutcome"); resp.StatusCode != 200 || n.Get("resourceType").Text() != "OperationOutcome" {
		t.Errorf("outcome: %d", resp.StatusCode)
	}
	resp, n = r.get("gp", "/fhir/Goal/"+id+"/_history/"+first)
	if resp.StatusCode != 200 || n.At("description.text").Text() != "Cooks dinner" || n.At("note.0.text").Text() != "twice a week" {
		t.Errorf("the first version: %d %s", resp.StatusCode, n.Bytes())
	}
	// Withdrawn.
	if resp, _ = r.do("DELETE", "gp", "/fhir/Goal/"+id, ""); resp.StatusCode != 403 {
		t.Errorf("another one withdraws: %d", resp.StatusCode)
	}
	if resp, _ = r.do("DELETE", "city", "/fhir/Goal/"+id, "", "If-Match", `W/"`+first+`"`); resp.StatusCode != 412 {
		t.Errorf("stale withdrawal: %d", resp.StatusCode)
	}
	for range 2 {
		if resp, n = r.do("DELETE", "city", "/fhir/Goal/"+id, ""); resp.StatusCode != 204 || n != nil {
			t.Fatalf("withdraw: %d", resp.StatusCode)
		}
	}
	resp, n = r.get("gp", "/fhir/Goal/"+id)
	if resp.StatusCode != 410 || code(n) != "gone" || !strings.HasPrefix(resp.Header.Get("ETag"), `W/"withdrawn-`) {
		t.Errorf("gone: %d %s", resp.StatusCode, n.Bytes())
	}
	_, n = r.get("gp", "/fhir/Goal/"+id+"/_history")
	var methods []string
	for _, e := range n.Get("entry").Items() {
		methods = append(methods, e.At("request.method").Text())
	}
	if fmt.Sprint(methods) != "[DELETE PUT POST]" || n.Get("total").Text() != "3" {
		t.Errorf("history %v: %s", methods, n.Bytes())
	}
	_, n = r.get("gp", "/fhir/Goal/"+id+"/_history?_count=1")
	if len(n.Get("entry").Items()) != 1 || n.At("link.1.relation").Text() != "next" {
		t.Errorf("first page of the history: %s", n.Bytes())
	}
	if _, n = r.get("gp", "/fhir/Goal?patient="+plan); texts(matchesOf(n)) != "[Walks indoors Showers alone]" && texts(matchesOf(n)) != "[Showers alone Walks indoors]" {
		t.Errorf("left: %s", texts(matchesOf(n)))
	}
	if resp, _ := r.get("stranger", "/fhir/Goal/"+id); resp.StatusCode != 404 {
		t.Errorf("a stranger learns that something is gone: %d", resp.StatusCode)
	}
}

// Every kind of element that can be created keeps its id and what it says.
func TestCreateAll(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	plan := r.planID(1)
	subject := `"subject":{"reference":"Patient/` + plan + `"}`
	patient := `"patient":{"reference":"Patient/` + plan + `"}`
	cases := []struct{ typ, body, path, want, change string }{
		{"ServiceRequest", `{"resourceType":"ServiceRequest","status":"active","intent":"order","code":{"text":"Home training"},"priority":"urgent",` + subject + `}`, "priority", "urgent", "asap"},
		{"Condition", `{"resourceType":"Condition","code":{"text":"Neglect"},"recordedDate":"2026-02-01",` + subject + `}`, "recordedDate", "2026-02-01", "2026-02-02"},
		{"Observation", `{"resourceType":"Observation","status":"final","code":{"text":"Grip strength"},"effectiveDateTime":"2026-02-01","valueQuantity":{"value":21,"unit":"kg"},` + subject + `}`, "valueQuantity.unit", "kg", "lb"},
		{"Observation", `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"https://samvirke.github.io/fhir/CodeSystem/function","code":"traffic-light"}]},"effectiveDateTime":"2026-02-03T08:00:00Z","valueString":"green",` + subject + `}`, "valueString", "green", "red"},
		{"Communication", `{"resourceType":"Communication","status":"completed","payload":[{"contentString":"Please ring"}],"sent":"2026-02-01T10:00:00Z",` + subject + `}`, "payload.0.contentString", "Please ring", "Please write"},
		{"EpisodeOfCare", `{"resourceType":"EpisodeOfCare","status":"active","type":[{"text":"Stroke course"}],"period":{"start":"2026-02-01"},` + patient + `}`, "type.0.text", "Stroke course", "Other course"},
		{"DeviceRequest", `{"resourceType":"DeviceRequest","status":"active","intent":"proposal","codeCodeableConcept":{"text":"Bath board"},"authoredOn":"2026-02-01",` + subject + `}`, "authoredOn", "2026-02-01", "2026-02-02"},
		{"Appointment", `{"resourceType":"Appointment","status":"booked","description":"Control","start":"2026-04-01T09:00:00Z","end":"2026-04-01T10:00:00Z","participant":[{"actor":{"reference":"Patient/` + plan + `"},"status":"accepted"}]}`, "description", "Control", "Check"},
		{"CarePlan", `{"resourceType":"CarePlan","status":"active","intent":"plan","title":"Home rehabilitation","created":"2026-02-25",` + subject + `}`, "title", "Home rehabilitation", "Home training"},
	}
	for _, c := range cases {
		t.Run(c.typ+" "+c.want, func(t *testing.T) {
			resp, n := r.do("POST", "city", "/fhir/"+c.typ, c.body)
			if resp.StatusCode != 201 || n.At(c.path).Text() != c.want {
				t.Fatalf("create: %d %s", resp.StatusCode, n.Bytes())
			}
			id := n.Get("id").Text()
			n.Set("meta", nil)
			changed := strings.Replace(string(n.Bytes()), `"`+c.want+`"`, `"`+c.change+`"`, 1)
			resp, n = r.do("PUT", "city", "/fhir/"+c.typ+"/"+id, changed)
			if resp.StatusCode != 200 || n.Get("id").Text() != id || n.At(c.path).Text() != c.change {
				t.Fatalf("update: %d %s", resp.StatusCode, n.Bytes())
			}
			if resp, n := r.do("DELETE", "city", "/fhir/"+c.typ+"/"+id, ""); resp.StatusCode != 204 {
				t.Fatalf("withdraw: %d %s", resp.StatusCode, n.Bytes())
			}
			if resp, _ := r.get("city", "/fhir/"+c.typ+"/"+id); resp.StatusCode != 410 {
				t.Errorf("after the withdrawal: %d", resp.StatusCode)
			}
		})
	}
}

func TestWriteXML(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	n, err := fhir.ParseNode([]byte(goalJSON(r.planID(1), "Reads the paper", "")))
	if err != nil {
		t.Fatal(err)
	}
	xml, _, err := fhirxml.Render(n, fhirxml.Style{})
	if err != nil {
		t.Fatal(err)
	}
	resp, got := r.do("POST", "city", "/fhir/Goal", string(xml), "Content-Type", "application/fhir+xml", "Accept", "application/fhir+xml")
	if resp.StatusCode != 201 || got.At("description.text").Text() != "Reads the paper" || resp.Header.Get("Content-Type") != "application/fhir+xml; charset=utf-8" {
		t.Errorf("got %d %s", resp.StatusCode, got.Bytes())
	}
}

// The shared plan: If-Match is demanded, a stale one refused, and what was stated is read back.
func TestSharedPlan(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	path := "/fhir/CarePlan/" + r.planID(1)
	resp, n := r.get("city", path)
	tag := resp.Header.Get("ETag")
	n.Set("period", fhir.NewObject("start", "2026-02-25", "end", "2026-04-22"))
	n.Append("extension", fhir.NewObject("url", careplan.ExtNextEvaluation, "valueDateTime", "2026-03-19"))
	body := string(n.Bytes())
	if resp, o := r.do("PUT", "city", path, body); resp.StatusCode != 428 || code(o) != "if-match-required" {
		t.Fatalf("without If-Match: %d %s", resp.StatusCode, o.Bytes())
	}
	for bad, want := range map[string]string{"*": "if-match-required", `W/"a", W/"b"`: "version-conflict", `""`: "bad-if-match", `*, W/"a"`: "bad-if-match"} {
		status := map[string]int{"if-match-required": 428, "version-conflict": 412, "bad-if-match": 400}[want]
		if resp, o := r.do("PUT", "city", path, body, "If-Match", bad); resp.StatusCode != status || code(o) != want {
			t.Errorf("If-Match %s: %d %s", bad, resp.StatusCode, o.Bytes())
		}
	}
	resp, n = r.do("PUT", "city", path, body, "If-Match", `W/"a", `+tag)
	if resp.StatusCode != 200 || n.At("period.end").Text() != "2026-04-22" || n.Extension(careplan.ExtNextEvaluation).Get("valueDateTime").Text() != "2026-03-19" {
		t.Fatalf("update: %d %s", resp.StatusCode, n.Bytes())
	}
	if resp, o := r.do("PUT", "hospital", path, strings.Replace(body, "2026-03-19", "2026-03-26", 1), "If-Match", tag); resp.StatusCode != 412 ||
		!strings.Contains(string(o.Bytes()), `"CarePlan.extension"`) || !strings.Contains(string(o.Bytes()), `"CarePlan.period"`) {
		t.Errorf("stale: %d %s", resp.StatusCode, o.Bytes())
	}
	// What is not the writer's to say.
	n.Set("title", fhir.String("Mine"))
	resp2, o := r.do("PUT", "city", path, string(n.Bytes()), "If-Match", resp.Header.Get("ETag"))
	if resp2.StatusCode != 422 || !strings.Contains(string(o.Bytes()), `"CarePlan.title"`) {
		t.Errorf("title: %d %s", resp2.StatusCode, o.Bytes())
	}
	n.Set("title", nil)
	if resp, _ := r.do("PUT", "city", path, string(n.Bytes()), "If-Match", resp.Header.Get("ETag")); resp.StatusCode != 200 {
		t.Errorf("nothing changed: %d", resp.StatusCode)
	}
	records, err := r.store.Records(context.Background(), patient(1))
	if err != nil || len(records) != 3 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	rec, err := careplan.ParseRecord(records[2].Body)
	if err != nil || len(rec.Seen) != 2 {
		t.Errorf("the write had seen %v, %v", rec.Seen, err)
	}
}

// Two writers with the same version: one wins, one is told.
func TestRace(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	path := "/fhir/CarePlan/" + r.planID(1)
	for round := range 5 {
		resp, n := r.get("city", path)
		tag := resp.Header.Get("ETag")
		var wg sync.WaitGroup
		status := make([]int, 2)
		for i, party := range []string{"city", "hospital"} {
			next := n.Clone()
			next.Set("extension", fhir.NewArray(fhir.NewObject("url", careplan.ExtNextEvaluation, "valueDateTime", fmt.Sprintf("2026-%02d-%02d", round+1, 10+i))))
			wg.Go(func() {
				resp, _ := r.do("PUT", party, path, string(next.Bytes()), "If-Match", tag)
				status[i] = resp.StatusCode
			})
		}
		wg.Wait()
		if status[0]+status[1] != 200+412 {
			t.Fatalf("round %d: %v, want one 200 and one 412", round, status)
		}
	}
}

// Nobody writes another's element.
func TestOthersElements(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	p := "patient=" + r.planID(1)
	goal := r.only("city", "Goal?"+p+"&_id="+idOf(r, "Goal", "Walks indoors"))
	body := strings.Replace(string(goal.Bytes()), "Walks indoors", "Walks outdoors", 1)
	path := "/fhir/Goal/" + goal.Get("id").Text()
	resp, n := r.do("PUT", "city", path, body)
	if resp.StatusCode != 202 || code(n) != "proposed" || !strings.Contains(resp.Header.Get("Location"), "/fhir/ServiceRequest/") {
		t.Fatalf("got %d %s %s", resp.StatusCode, resp.Header.Get("Location"), n.Bytes())
	}
	at := strings.TrimPrefix(resp.Header.Get("Location"), r.URL)
	if _, sr := r.get("hospital", at[:strings.Index(at, "/_history")]); sr.Get("intent").Text() != "proposal" || sr.At("code.text").Text() != "Walks outdoors" ||
		sr.Extension(careplan.ExtConcerns).At("valueReference.reference").Text() != "Goal/"+goal.Get("id").Text() {
		t.Errorf("the proposal is %s", sr.Bytes())
	}
	if _, n := r.get("city", path); string(n.Bytes()) != string(goal.Bytes()) {
		t.Errorf("the goal has changed: %s", n.Bytes())
	}
	// Its owner stated it in a document, and must change it there.
	if resp, n := r.do("PUT", "hospital", path, body); resp.StatusCode != 409 || code(n) != "in-a-document" {
		t.Errorf("its owner: %d %s", resp.StatusCode, n.Bytes())
	}
	if resp, n := r.do("DELETE", "hospital", path, ""); resp.StatusCode != 409 || code(n) != "in-a-document" {
		t.Errorf("its owner withdraws: %d %s", resp.StatusCode, n.Bytes())
	}
	for _, c := range []struct {
		query string
		code  string
	}{{"Observation?" + p + "&code=barthel-20&has-member:missing=true", "not-the-owner"}, {"Encounter?" + p, "method-not-allowed"}} {
		_, list := r.get("city", "/fhir/"+c.query)
		m := matchesOf(list)
		if len(m) == 0 {
			t.Fatalf("%s: nothing", c.query)
		}
		if resp, n := r.do("PUT", "city", "/fhir/"+m[0].Get("resourceType").Text()+"/"+m[0].Get("id").Text(), string(m[0].Bytes())); code(n) != c.code {
			t.Errorf("%s: %d %s", c.query, resp.StatusCode, n.Bytes())
		}
	}
}

// A proposal is answered with the Task that asks.
func TestAnswer(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	for _, c := range []struct{ text, status, reason, want string }{{"Walking training", "accepted", "", "active"}, {"Speech therapy", "rejected", "no capacity", "revoked"}} {
		sr := idOf(r, "ServiceRequest", c.text)
		task := r.only("city", "Task?focus=ServiceRequest/"+sr)
		if task.Get("status").Text() != "requested" {
			t.Fatalf("asks with %s", task.Bytes())
		}
		task.SetText("status", c.status)
		if c.reason != "" {
			task.Set("statusReason", concept(c.reason))
		}
		path := "/fhir/Task/" + task.Get("id").Text()
		if resp, n := r.do("PUT", "gp", path, string(task.Bytes())); resp.StatusCode != 403 {
			t.Errorf("the GP answers for the municipality: %d %s", resp.StatusCode, n.Bytes())
		}
		tag := `W/"` + task.At("meta.versionId").Text() + `"`
		resp, n := r.do("PUT", "city", path, string(task.Bytes()), "If-Match", tag)
		if resp.StatusCode != 200 || n.Get("status").Text() != c.status || n.Get("id").Text() != task.Get("id").Text() {
			t.Fatalf("%s: %d %s", c.text, resp.StatusCode, n.Bytes())
		}
		if _, n := r.get("hospital", "/fhir/ServiceRequest/"+sr); n.Get("status").Text() != c.want || c.status == "accepted" && n.At("performer.0.identifier.value").Text() != simulate.AdmissionCity {
			t.Errorf("%s is %s", c.text, n.Bytes())
		}
		task.SetText("description", "Something else")
		if resp, n := r.do("PUT", "city", path, string(task.Bytes())); resp.StatusCode != 422 {
			t.Errorf("changed question: %d %s", resp.StatusCode, n.Bytes())
		}
	}
}

func TestConditionalCreate(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	body := goalJSON(r.planID(1), "Sings", `,"identifier":[{"system":"urn:example:goal","value":"g-1"}]`)
	cond := "identifier=" + "urn:example:goal|g-1"
	resp, n := r.do("POST", "city", "/fhir/Goal", body, "If-None-Exist", cond)
	if resp.StatusCode != 201 {
		t.Fatalf("got %d %s", resp.StatusCode, n.Bytes())
	}
	id := n.Get("id").Text()
	resp, n = r.do("POST", "city", "/fhir/Goal", body, "If-None-Exist", cond)
	if resp.StatusCode != 200 || n.Get("id").Text() != id || !strings.Contains(resp.Header.Get("Location"), id) {
		t.Errorf("again: %d %s", resp.StatusCode, n.Bytes())
	}
	if resp, n = r.do("POST", "city", "/fhir/Goal", body, "If-None-Exist", "lifecycle-status=active"); resp.StatusCode != 412 || code(n) != "several-matches" {
		t.Errorf("several: %d %s", resp.StatusCode, n.Bytes())
	}
	for _, bad := range []string{"nothing=1", "%zz", "_count=1"} {
		if resp, n = r.do("POST", "city", "/fhir/Goal", body, "If-None-Exist", bad); resp.StatusCode != 400 {
			t.Errorf("%s: %d %s", bad, resp.StatusCode, n.Bytes())
		}
	}
}

// A municipality starts a plan without any message of a hospital (careplan.md S15).
func TestPlanFromNothing(t *testing.T) {
	r := newRig(t, nil)
	body := fmt.Sprintf(`{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"Gets out more"},"subject":{"identifier":{"system":%q,"value":%q}}}`, fhir.SystemFNR, simulate.PersonNumber(9))
	resp, n := r.do("POST", "city", "/fhir/Goal", body)
	if resp.StatusCode != 201 || n.At("subject.reference").Text() != "Patient/"+r.planID(9) || strings.Contains(string(n.Bytes()), simulate.PersonNumber(9)) {
		t.Fatalf("got %d %s", resp.StatusCode, n.Bytes())
	}
	if resp, _ := r.get("city", "/fhir/CarePlan/"+r.planID(9)); resp.StatusCode != 200 {
		t.Errorf("no plan: %d", resp.StatusCode)
	}
}

func TestReadOnly(t *testing.T) {
	r := newRig(t, func(o *api.Options) { o.Submitter = nil })
	r.story(1)
	for _, c := range []struct{ method, path string }{{"POST", "Goal"}, {"PUT", "CarePlan/" + r.planID(1)}, {"DELETE", "CarePlan/" + r.planID(1)}} {
		if resp, n := r.do(c.method, "city", "/fhir/"+c.path, `{"resourceType":"Goal"}`); resp.StatusCode != 405 {
			t.Errorf("%s: %d %s", c.method, resp.StatusCode, n.Bytes())
		}
	}
	if _, n := r.get("", "/fhir/metadata"); strings.Contains(string(n.Bytes()), `"create"`) || strings.Contains(string(n.Bytes()), `"transaction"`) {
		t.Error("a server that only reads claims to write")
	}
}

// slow is a submitter that never gets round to it.
type slow struct{}

func (slow) Submit(context.Context, gateway.Write) (gateway.Result, error) {
	return gateway.Result{MessageID: "m-1", Status: "received"}, nil
}

func TestNotProcessedInTime(t *testing.T) {
	r := newRig(t, func(o *api.Options) { o.Submitter = slow{} })
	r.story(1)
	resp, n := r.do("POST", "city", "/fhir/Goal", goalJSON(r.planID(1), "Waits", ""))
	if resp.StatusCode != 202 || code(n) != "pending" || !strings.Contains(string(n.Bytes()), "m-1") {
		t.Errorf("got %d %s", resp.StatusCode, n.Bytes())
	}
}
