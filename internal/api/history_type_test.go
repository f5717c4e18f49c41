package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// lines are the entries of a history: method, what the resource is called.
func lines(n *fhir.Node) (out []string) {
	for _, e := range n.Get("entry").Items() {
		out = append(out, strings.TrimSpace(e.At("request.method").Text()+" "+e.At("resource.description.text").Text()))
	}
	return out
}

// The history of a type: over all plans, newest first, page by page, only what the caller may see.
func TestHistoryOfAType(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	r.story(2)
	_, n := r.do("POST", "city", "/fhir/Goal", goalJSON(r.planID(1), "Cooks", ""))
	id := n.Get("id").Text()
	r.do("PUT", "city", "/fhir/Goal/"+id, strings.Replace(goalJSON(r.planID(1), "Cooks dinner", ""), "{", `{"id":"`+id+`",`, 1))
	r.do("POST", "city", "/fhir/Goal", goalJSON(r.planID(2), "Reads", ""))
	r.do("DELETE", "city", "/fhir/Goal/"+id, "")
	before := len(r.audits())
	resp, n := r.get("gp", "/fhir/Goal/_history")
	all := lines(n)
	if resp.StatusCode != 200 || n.Get("type").Text() != "history" || n.Get("total") != nil || len(all) != 8 ||
		fmt.Sprint(all[:4]) != "[DELETE POST Reads PUT Cooks dinner POST Cooks]" {
		t.Fatalf("%d %v", resp.StatusCode, all)
	}
	audited := map[string]bool{}
	for _, e := range r.audits()[:len(r.audits())-before] {
		audited[e.Action+" "+e.Patient] = true
	}
	if len(audited) != 2 || !audited["history-plan "+patient(1)] || !audited["history-plan "+patient(2)] {
		t.Errorf("audited as %v", audited)
	}
	var paged []string
	path := "/fhir/Goal/_history?_count=3"
	for range 10 {
		_, n := r.get("gp", path)
		paged = append(paged, lines(n)...)
		if path = ""; n.At("link.1.relation").Text() == "next" {
			path = strings.TrimPrefix(n.At("link.1.url").Text(), r.URL)
		}
		if path == "" {
			break
		}
	}
	if fmt.Sprint(paged) != fmt.Sprint(all) {
		t.Errorf("page by page: %v", paged)
	}
	_, one := r.get("gp", "/fhir/Goal/"+id+"/_history")
	since := one.At("entry.1.response.lastModified").Text() // of the change
	want := 0
	for _, e := range n.Get("entry").Items() {
		if !instant(t, e.At("response.lastModified").Text()).Before(instant(t, since)) { // what came in the same millisecond is not left out
			want++
		}
	}
	if _, n := r.get("gp", "/fhir/Goal/_history?_since="+since); want < 3 || fmt.Sprint(lines(n)) != fmt.Sprint(all[:want]) {
		t.Errorf("since the change: %v", lines(n))
	}
	if _, n := r.get("gp", "/fhir/Goal/_history?_count=0"); len(lines(n)) != 0 {
		t.Errorf("none asked for: %v", lines(n))
	}
	if resp, n := r.get("stranger", "/fhir/Goal/_history"); resp.StatusCode != 200 || len(lines(n)) != 0 {
		t.Errorf("a stranger: %d %v", resp.StatusCode, lines(n))
	}
	for _, bad := range []string{"_count=x", "_since=yesterday"} {
		if resp, n := r.get("gp", "/fhir/Goal/_history?"+bad); resp.StatusCode != 400 || code(n) != "bad-parameter" {
			t.Errorf("%s: %d %s", bad, resp.StatusCode, code(n))
		}
	}
	if resp, _ := r.get("gp", "/fhir/AuditEvent/_history"); resp.StatusCode != 404 {
		t.Errorf("what has no versions: %d", resp.StatusCode)
	}
}

// instant reads a time: written without the zeros at its end it does not sort as text.
func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// What is withheld leaves the history of a type as it was, and an erased person is not in it.
func TestHistoryOfATypeIsFiltered(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	_, before := r.get("gp", "/fhir/Goal/_history")
	ban := fhir.NewObject("resourceType", "Consent", "status", "active", "scope", concept("privacy"),
		"category", fhir.NewArray(fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.SystemSection, "code", "ForbeholdOmVideresending")))),
		"policyRule", concept("objection"), "provision", fhir.NewObject("type", "deny"))
	r.document("hospital", simulate.AdmissionHospital, 1, []string{simulate.AdmissionCity}, goal(canary), ban)
	if _, after := r.get("gp", "/fhir/Goal/_history"); string(after.Bytes()) != string(before.Bytes()) {
		t.Errorf("was %s, is %s", before.Bytes(), after.Bytes())
	}
	if _, n := r.get("city", "/fhir/Goal/_history"); !strings.Contains(string(n.Bytes()), canary) {
		t.Error("the addressee does not see it, so this test shows nothing")
	}
	if _, err := r.g.Erase(t.Context(), patient(1), "kari", "asked for it"); err != nil {
		t.Fatal(err)
	}
	if _, n := r.get("city", "/fhir/Goal/_history"); len(lines(n)) != 0 {
		t.Errorf("an erased person has a history: %s", n.Bytes())
	}
}

// Update and withdrawal inside a transaction: all of it or nothing, one message, with If-Match.
func TestTransactionChanges(t *testing.T) {
	r := newRig(t, nil)
	r.story(1)
	about := func(n *fhir.Node) *fhir.Node {
		n.Set("subject", fhir.NewObject("reference", "Patient/"+r.planID(1)))
		return n
	}
	post := func(body string) (int, *fhir.Node) {
		resp, n := r.do("POST", "city", "/fhir/", body, "Prefer", "return=representation")
		return resp.StatusCode, n
	}
	_, n := post(bundle("transaction", entry("POST", "Goal", "", about(goal("Shops"))), entry("POST", "Goal", "", about(goal("Cooks"))), entry("POST", "Goal", "", about(goal("Sings")))))
	var ids, tags []string
	for i := range 3 {
		ids = append(ids, n.At(fmt.Sprintf("entry.%d.resource.id", i)).Text())
		tags = append(tags, n.At(fmt.Sprintf("entry.%d.response.etag", i)).Text())
	}
	change := func(i int, text, match string) *fhir.Node {
		g := about(goal(text))
		g.SetText("id", ids[i])
		e := entry("PUT", "Goal/"+ids[i], "", g)
		if match != "" {
			e.Get("request").SetText("ifMatch", match)
		}
		return e
	}
	drop := func(i int, match string) *fhir.Node {
		e := entry("DELETE", "Goal/"+ids[i], "", nil)
		e.Set("fullUrl", nil)
		if match != "" {
			e.Get("request").SetText("ifMatch", match)
		}
		return e
	}
	now := func() string {
		_, n := r.get("gp", "/fhir/Goal?patient="+r.planID(1)+"&_count=100")
		var out []string
		for _, want := range []string{"Shops", "Shops daily", "Cooks", "Sings", "Paints"} {
			for _, m := range matchesOf(n) {
				if m.At("description.text").Text() == want {
					out = append(out, want)
				}
			}
		}
		return strings.Join(out, ",")
	}
	// Refused as a whole.
	_, alone := r.do("POST", "city", "/fhir/Goal", goalJSON(r.planID(1), "Paints", ""))
	ids, tags = append(ids, alone.Get("id").Text()), append(tags, "")
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"one is stale":            {bundle("transaction", change(0, "Shops daily", tags[0]), drop(1, `W/"0000000000000000"`)), 412, "version-conflict"},
		"of two messages":         {bundle("transaction", change(0, "Shops daily", ""), drop(3, "")), 422, "transaction-limit"},
		"the same twice":          {bundle("transaction", change(0, "Shops daily", ""), drop(0, "")), 400, "bad-entry"},
		"If-Match that is no tag": {bundle("transaction", change(0, "Shops daily", `"`)), 400, "bad-if-match"},
		"another type":            {bundle("transaction", entry("PUT", "Condition/"+ids[0], "", func() *fhir.Node { g := about(goal("x")); g.SetText("id", ids[0]); return g }())), 400, "bad-entry"},
	} {
		if status, n := post(c.body); status != c.status || code(n) != c.code {
			t.Errorf("%s: %d %s, want %d %s", name, status, n.Bytes(), c.status, c.code)
		}
	}
	if got := now(); got != "Shops,Cooks,Sings,Paints" {
		t.Fatalf("after what was refused: %s", got)
	}
	messages := func() int {
		list, err := r.store.Messages(t.Context(), queue.MessageFilter{Limit: queue.MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before, audits := messages(), len(r.audits())
	status, n := post(bundle("transaction", change(0, "Shops daily", tags[0]), drop(1, tags[1]), entry("POST", "Goal", "", about(goal("Paints")))))
	if status != 200 {
		t.Fatalf("%d %s", status, n.Bytes())
	}
	for i, want := range []string{"200 OK", "204 No Content", "201 Created"} {
		if got := n.At(fmt.Sprintf("entry.%d.response.status", i)).Text(); got != want {
			t.Errorf("entry %d: %s, want %s", i, got, want)
		}
	}
	if n := messages() - before; n != 1 {
		t.Errorf("%d messages, want one", n)
	}
	if got := now(); got != "Shops daily,Sings,Paints,Paints" {
		t.Errorf("after it: %s", got)
	}
	seen := map[string]int{}
	for _, e := range r.audits()[:len(r.audits())-audits] {
		seen[e.Action]++
	}
	if seen["update-plan"] != 1 || seen["delete-plan"] != 1 || seen["create-plan"] != 1 {
		t.Errorf("audited as %v", seen)
	}
	if resp, _ := r.get("gp", "/fhir/Goal/"+ids[1]); resp.StatusCode != 410 {
		t.Errorf("what was withdrawn: %d", resp.StatusCode)
	}
	// All of a message withdrawn is its cancellation.
	if status, n := post(bundle("transaction", drop(3, "*"))); status != 200 {
		t.Fatalf("%d %s", status, n.Bytes())
	}
	list, err := r.store.Messages(t.Context(), queue.MessageFilter{Limit: 1})
	if err != nil || len(list) != 1 {
		t.Fatal(err, len(list))
	}
	if m, err := r.store.Message(t.Context(), list[0].ID); err != nil || !strings.Contains(string(m.Raw), `"code":"`+string(samvirke.OpCancel)+`"`) {
		t.Errorf("the last message is %s, %v", m.Raw, err)
	}
}
