package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"pgregory.net/rapid"
)

func TestSealedIDs(t *testing.T) {
	t.Parallel()
	s, err := newSealer([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	other, err := newSealer([]byte(strings.Repeat("o", 32)))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		patient := rapid.OneOf(rapid.StringN(1, 60, 200), rapid.Just(testPatient), rapid.Just(systemDNR+"|70019950032")).Draw(t, "patient")
		id := s.seal(patient)
		if got, ok := s.open(id); !ok || got != patient {
			t.Fatalf("open(seal(%q)) = %q, %v", patient, got, ok)
		}
		if s.seal(patient) != id {
			t.Fatal("the same person has two ids")
		}
		if url.PathEscape(id) != id {
			t.Fatalf("id %q does not fit into an address", id)
		}
		if _, ok := other.open(id); ok {
			t.Fatal("an id is opened with another key")
		}
		i := rapid.IntRange(0, len(id)-1).Draw(t, "at")
		changed := id[:i] + string("AB"[b2i(id[i] == 'A')]) + id[i+1:]
		if got, ok := s.open(changed); ok && changed != id {
			t.Fatalf("an altered id opens as %q", got)
		}
	})
	for _, bad := range []string{"", "A", strings.Repeat("A", 600), testNumber, "!!!!"} {
		if _, ok := s.open(bad); ok {
			t.Errorf("open(%q) succeeds", bad)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestPatientKeys(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{"13116900216": systemFNR, "70019950032": systemDNR, "80001443511": systemFHN} {
		if got := patientKeys(typed); len(got) != 3 || got[0] != want+"|"+typed {
			t.Errorf("patientKeys(%q) = %v, want %s first", typed, got, want)
		}
	}
	if got := patientKeys("  "); got != nil {
		t.Errorf("patientKeys of nothing = %v", got)
	}
}

func TestActionsAskForAReason(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	token := h.token()
	for _, tt := range []struct{ path, want string }{
		{"/messages/m0014/reprocess", "reprocess | kari | m0014 | the party was added"},
		{"/messages/m0014/give-up", "give-up | kari | m0014 | the party was added"},
		{"/deliveries/d0030/resend", "resend | kari | d0030 | the party was added"},
		{"/deliveries/d0030/give-up", "give-up | kari | d0030 | the party was added"},
	} {
		for _, reason := range []string{"", "  ", "ab", strings.Repeat("x", MaxReason+1)} {
			if a := h.post(tt.path, url.Values{"csrf": {token}, "reason": {reason}}); a.status != http.StatusBadRequest || !strings.Contains(a.body, "reason-needed") {
				t.Errorf("%s with %d characters of reason: status %d, want 400", tt.path, len(reason), a.status)
			}
		}
		a := h.post(tt.path, url.Values{"csrf": {token}, "reason": {" the party\n was added "}, "back": {"/messages/m0014"}})
		if a.status != http.StatusSeeOther || a.header.Get("Location") != "/messages/m0014" {
			t.Errorf("%s: status %d to %q", tt.path, a.status, a.header.Get("Location"))
		}
		if got := h.actions.done[len(h.actions.done)-1]; got != tt.want {
			t.Errorf("%s did %q, want %q", tt.path, got, tt.want)
		}
		if !strings.Contains(h.get("/messages/m0014").body, `role="status"`) {
			t.Errorf("%s: the next page does not say that it is done", tt.path)
		}
	}
	if len(h.actions.done) != 4 {
		t.Errorf("%d actions ran, want 4", len(h.actions.done))
	}
	h.actions.err["d0030"] = fmt.Errorf("resend: %w", queue.ErrState)
	refused := url.Values{"csrf": {token}, "reason": {"once more"}}
	stopped, _ := h.st.Deliveries(t.Context(), queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliveryStopped}})
	h.actions.err[stopped[0].ID] = queue.ErrState
	if a := h.post("/deliveries/"+stopped[0].ID+"/resend", refused); a.status != http.StatusConflict || strings.Contains(a.body, "changed meanwhile") ||
		!strings.Contains(a.body, "refused-by-receiver") || !strings.Contains(a.body, "new message id (MsgId)") {
		t.Errorf("resend of what the receiver refused: status %d, want 409 with what to do instead", a.status)
	}
	if a := h.post("/deliveries/d0030/resend", url.Values{"csrf": {token}, "reason": {"once more"}}); a.status != http.StatusConflict || !strings.Contains(a.body, "changed meanwhile") {
		t.Errorf("resend in a wrong state: status %d, want 409", a.status)
	}
}

func TestBulkResendShowsTheCountFirst(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	h := signedIn(t, c.st)
	token := h.token()
	stopped, _ := c.st.Deliveries(t.Context(), queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliveryStopped}})
	for i := range c.st.deliveries { // what the receiver refused is never offered: let these be stopped on the wire
		c.st.deliveries[i].Fault = "http-status"
	}
	form := url.Values{"csrf": {token}, "delivery": {stopped[0].ID, stopped[1].ID, "d0001", "unknown"}}
	a := h.post("/attention/resend", form)
	if a.status != http.StatusOK || !strings.Contains(a.body, "<h1>Resend 2 deliveries</h1>") || !strings.Contains(a.body, "2 chosen deliveries have") {
		t.Fatalf("first step: status %d, does not show the counts", a.status)
	}
	checkHTML(t, "bulk", a.body)
	if len(h.actions.done) > 0 {
		t.Fatal("the first step already resends")
	}
	form = url.Values{"csrf": {token}, "confirm": {"yes"}, "delivery": {stopped[0].ID, stopped[1].ID}}
	if a := h.post("/attention/resend", form); a.status != http.StatusBadRequest {
		t.Errorf("without a reason: status %d, want 400", a.status)
	}
	form.Set("reason", "their service is back")
	h.actions.err[stopped[1].ID] = queue.ErrState
	if a := h.post("/attention/resend", form); a.status != http.StatusSeeOther || len(h.actions.done) != 1 {
		t.Errorf("second step: status %d, %d resent", a.status, len(h.actions.done))
	}
	if page := h.get("/attention"); !strings.Contains(page.body, "Resent 1 delivery. 1 delivery had changed meanwhile") {
		t.Error("the outcome is not told")
	}
	many := url.Values{"csrf": {token}}
	for i := range MaxBulk + 1 {
		many.Add("delivery", fmt.Sprint(i))
	}
	if a := h.post("/attention/resend", many); a.status != http.StatusBadRequest || !strings.Contains(a.body, "too-many") {
		t.Errorf("over the bound: status %d, want 400", a.status)
	}
}

func TestAPI(t *testing.T) {
	t.Parallel()
	h := open(t, newCourse(t).st)
	if err := h.s.SetCredential(t.Context(), "kari", "a long password"); err != nil {
		t.Fatal(err)
	}
	person := h.s.sealer.seal(testPatient)
	paths := []string{"/api/v1/overview", "/api/v1/messages", "/api/v1/messages/m0001", "/api/v1/plans", "/api/v1/plans/" + person, "/api/v1/plans/" + person + "/versions",
		"/api/v1/attention", "/api/v1/parties", "/api/v1/audit"}
	for _, path := range paths {
		if a := h.get(path); a.status != http.StatusUnauthorized || a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s without credential: status %d, %s", path, a.status, a.header.Get("Content-Type"))
		}
	}
	auth := func(r *http.Request) *http.Request { r.SetBasicAuth("kari", "a long password"); return r }
	for _, path := range append(paths, "/api/v1/messages?person="+person) {
		r, _ := http.NewRequest(http.MethodGet, h.url+path, nil)
		a := h.do(auth(r))
		var v map[string]any
		if a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &v) != nil || len(v) == 0 {
			t.Errorf("%s: status %d, %.80s", path, a.status, a.body)
		}
		if path != "/api/v1/plans/"+person && (strings.Contains(a.body, testNumber) || strings.Contains(a.body, testName)) {
			t.Errorf("%s tells who it is about", path)
		}
	}
	r, _ := http.NewRequest(http.MethodPost, h.url+"/api/v1/messages/search", strings.NewReader(`{"patient":"`+testNumber+`"}`))
	r.Header.Set("Content-Type", "application/json")
	var found struct {
		Messages []struct{ ID, Person string }
	}
	if a := h.do(auth(r)); a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &found) != nil || len(found.Messages) != 18 || found.Messages[0].Person != person {
		t.Errorf("search: status %d, %d messages", a.status, len(found.Messages))
	}
	for name, req := range map[string][2]string{"no JSON type": {"text/plain", `{"patient":"1"}`}, "unknown field": {"application/json", `{"pasient":"1"}`}, "no identifier": {"application/json", `{"patient":" "}`}} {
		r, _ := http.NewRequest(http.MethodPost, h.url+"/api/v1/messages/search", strings.NewReader(req[1]))
		r.Header.Set("Content-Type", req[0])
		if a := h.do(auth(r)); a.status != http.StatusBadRequest {
			t.Errorf("search with %s: status %d, want 400", name, a.status)
		}
	}
	for _, path := range []string{"/api/v1/nothing", "/api/v1/messages/none", "/api/v1/plans/none"} {
		r, _ := http.NewRequest(http.MethodGet, h.url+path, nil)
		if a := h.do(auth(r)); a.status != http.StatusNotFound || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: status %d", path, a.status)
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	lines := func(raw string) (string, bodyPage) {
		p := makeBody([]byte(raw), "")
		var b strings.Builder
		for _, l := range p.Lines {
			for _, r := range l.Runs {
				b.WriteString(r.Text)
			}
			b.WriteString("\n")
		}
		return b.String(), p
	}
	for name, tt := range map[string]struct{ raw, want, odd string }{
		"xml":          {`<?xml version="1.0"?><a x="1 &amp; 2"><b>t &lt; u</b><c/></a>`, "<?xml version=\"1.0\"?>\n<a x=\"1 &amp; 2\">\n  <b>t &lt; u</b>\n  <c></c>\n</a>\n", ""},
		"json":         {`{"a":[1]}`, "{\n  \"a\": [\n    1\n  ]\n}\n", ""},
		"broken xml":   {`<a><b></a>` + "\x00", "<a><b></a>·\n", "XML"},
		"broken json":  {`{"a":`, "{\"a\":\n", "JSON"},
		"text":         {"hei\r\nverden", "hei\nverden\n", "neither"},
		"empty":        {"", "\n", "empty"},
		"old encoding": {"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>Bl\xe5b\xe6r</a>", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<a>Blåbær</a>\n", ""},
	} {
		got, p := lines(tt.raw)
		if got != tt.want || (tt.odd == "") != (p.Odd == "") || !strings.Contains(p.Odd, tt.odd) {
			t.Errorf("%s: got %q, odd %q", name, got, p.Odd)
		}
	}
	if _, p := lines(strings.Repeat("<a>", MaxShown)); !p.Cut {
		t.Error("a large body is shown whole")
	}
}

func FuzzMakeBody(f *testing.F) {
	f.Add([]byte(`<a b="c">d</a>`))
	f.Add([]byte(`{"a":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) { makeBody(raw, "") })
}

func TestDownloadIsNeverRun(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	h := signedIn(t, c.st)
	a := h.get("/messages/m0001/original/download")
	if a.header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") || a.body != string(c.st.messages[0].Raw) {
		t.Errorf("download: %s, %s", a.header.Get("Content-Type"), a.header.Get("Content-Disposition"))
	}
}

func TestEveryWordIsExplained(t *testing.T) {
	t.Parallel()
	for _, s := range statuses {
		if statusWord(s).Mark == "?" {
			t.Errorf("status %s has no words", s)
		}
	}
	for _, s := range []samvirke.DeliveryState{samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliveryWaiting, samvirke.DeliverySent,
		samvirke.DeliveryAcknowledged, samvirke.DeliveryStopped, samvirke.DeliveryGivenUp} {
		if stateWord(s).Mark == "?" {
			t.Errorf("state %s has no words", s)
		}
	}
	offered := kinds()
	for _, k := range samvirke.Kinds() {
		if gloss(k.Code) == "" || !slices.Contains(offered, k.Code) {
			t.Errorf("kind %s has no gloss or is not offered in the filter", k.Code)
		}
	}
	for code := range causes {
		for _, st := range []samvirke.MessageStatus{samvirke.MessageAttention, samvirke.MessageRefused, samvirke.MessageQuarantined} {
			e := explainMessage(samvirke.Message{Status: st, Fault: code})
			if e.What == "" || e.Next == "" || e.Do == "" {
				t.Errorf("code %s, status %s: incomplete explanation %+v", code, st, e)
			}
		}
	}
	if e := explainMessage(samvirke.Message{Status: samvirke.MessageAttention, Fault: "never-seen", FaultText: "something odd"}); e.What != "Something odd" || e.Do == "" {
		t.Errorf("unknown code: %+v", e)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 1, 22, 30, 15, 5e6, time.UTC)
	if got := string(when(at)); !strings.Contains(got, ">2 Jul 2026 00:30 CEST<") || !strings.Contains(got, `title="Thu 2 Jul 2026 00:30:15.005 +02:00 CEST"`) {
		t.Errorf("when = %s", got)
	}
	for d, want := range map[time.Duration]string{0: "0 s", 90 * time.Microsecond: "90 µs", 14 * time.Millisecond: "14 ms", 1900 * time.Millisecond: "1.9 s", 42 * time.Second: "42 s",
		65 * time.Minute: "1 h 5 min", 49 * time.Hour: "2 d 1 h", -time.Second: "–1.0 s"} {
		if got := took(d); got != want {
			t.Errorf("took(%s) = %q, want %q", d.String(), got, want)
		}
	}
	for in, want := range map[string]string{"2026-04-22": "22 Apr 2026", "2026-04": "Apr 2026", "2026-01-10T22:15:00+01:00": "10 Jan 2026 22:15 CET", "<b>soon</b>": "&lt;b&gt;soon"} {
		if got := string(planTime(in)); !strings.Contains(got, want) {
			t.Errorf("planTime(%q) = %q, want %q in it", in, got, want)
		}
	}
	if count(1234567) != "1\u202f234\u202f567" || count(-1000) != "–1\u202f000" || count(999) != "999" {
		t.Error("count groups digits wrong")
	}
}

func TestAuditVerification(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	h := signedIn(t, c.st)
	token := h.token()
	h.post("/audit/verify", url.Values{"csrf": {token}})
	if !strings.Contains(h.get("/audit").body, "chain is whole") {
		t.Error("a whole chain is not told")
	}
	c.st.broken = errors.New("entry 3 does not follow from entry 2")
	h.post("/audit/verify", url.Values{"csrf": {token}})
	if a := h.get("/audit"); !strings.Contains(a.body, "chain is broken") || !strings.Contains(a.body, "entry 3 does not follow") {
		t.Error("a broken chain is not told")
	}
	if h.st.auditCount("verify-audit") != 1 || h.st.auditCount("verify-audit-failed") != 1 {
		t.Error("the checks are not in the audit")
	}
}

func TestOverviewAddsUp(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	h := signedIn(t, c.st)
	p, err := h.s.overviewData(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tt := p.Totals
	if !tt.MessagesAddUp() || tt.Made != tt.Confirmed+tt.Taken+tt.Awaited+tt.Waiting+tt.Stopped+tt.GivenUp || tt.Made != int64(len(c.st.deliveries)) {
		t.Errorf("totals do not add up: %+v", tt)
	}
	if p.Look() != 5 || p.LookText() != "2 messages, 2 stopped deliveries, 1 overdue receipt" {
		t.Errorf("needs a person: %d, %s", p.Look(), p.LookText())
	}
	if got := p.Today.Accepted; got != tt.Accepted-8 {
		t.Errorf("today in = %d, want %d", got, tt.Accepted-8)
	}
	h.now.move(24 * time.Hour)
	if p, err = h.s.overviewData(t.Context()); err != nil || p.Today.Accepted != 0 || p.Today.Day != "2026-01-26" {
		t.Errorf("the next day begins with %d, day %s, %v", p.Today.Accepted, p.Today.Day, err)
	}
}
