package admin

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// signInForm gets the form of the sign-in page and its token.
func (h *house) signInToken() string {
	h.t.Helper()
	m := csrfField.FindStringSubmatch(h.get("/sign-in").body)
	if m == nil {
		h.t.Fatal("sign-in page has no form token")
	}
	return m[1]
}

func TestFirstCredentialIsMadeOnce(t *testing.T) {
	t.Parallel()
	h := open(t, newFakeStore())
	user, password, created, err := h.s.EnsureCredential(t.Context())
	if err != nil || !created || user != AdminUser || len(password) < MinPassword {
		t.Fatalf("first: got %q, %d characters, %v, %v", user, len(password), created, err)
	}
	for name, text := range h.st.settings {
		if strings.Contains(text, password) {
			t.Errorf("setting %s holds the password itself", name)
		}
	}
	user2, password2, created, err := h.s.EnsureCredential(t.Context())
	if err != nil || created || user2 != user || password2 != "" {
		t.Errorf("second: got %q, %q, %v, %v; want the same user and no password", user2, password2, created, err)
	}
	a := h.post("/sign-in", url.Values{"csrf": {h.signInToken()}, "user": {user}, "password": {password}, "next": {"/parties"}})
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/parties" {
		t.Fatalf("sign-in: status %d to %q", a.status, a.header.Get("Location"))
	}
	cookie := strings.Join(a.header.Values("Set-Cookie"), "\n")
	for _, want := range []string{"samvirke_session=", "HttpOnly", "SameSite=Strict"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie lacks %s: %s", want, cookie)
		}
	}
	if a := h.get("/parties"); a.status != http.StatusOK {
		t.Errorf("page after sign-in: status %d", a.status)
	}
	if got := h.st.lastAudit(); got.Action != "sign-in" || got.Who != user {
		t.Errorf("audit of sign-in: %+v", got)
	}
}

func TestSignInRefuses(t *testing.T) {
	t.Parallel()
	h := open(t, newFakeStore())
	if err := h.s.SetCredential(t.Context(), "kari", "a long password"); err != nil {
		t.Fatal(err)
	}
	token := h.signInToken()
	if a := h.post("/sign-in", url.Values{"csrf": {"wrong"}, "user": {"kari"}, "password": {"a long password"}}); a.status != http.StatusForbidden {
		t.Errorf("wrong form token: status %d, want 403", a.status)
	}
	for i := range failuresPerAddress {
		a := h.post("/sign-in", url.Values{"csrf": {token}, "user": {[]string{"kari", "other"}[i%2]}, "password": {"wrong password " + string(rune('a'+i))}})
		if a.status != http.StatusUnauthorized || !strings.Contains(a.body, "do not match") {
			t.Fatalf("wrong password: status %d", a.status)
		}
	}
	right := url.Values{"csrf": {token}, "user": {"kari"}, "password": {"a long password"}}
	if a := h.post("/sign-in", right); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("after %d failures: status %d, want 429 with Retry-After", failuresPerAddress, a.status)
	}
	if n := h.st.auditCount("sign-in-failed"); n != failuresPerAddress {
		t.Errorf("%d failures in the audit, want %d", n, failuresPerAddress)
	}
	h.now.move(failureWindow)
	if a := h.post("/sign-in", right); a.status != http.StatusSeeOther {
		t.Errorf("after the wait: status %d, want 303", a.status)
	}
	if err := h.s.SetCredential(t.Context(), "kari", "short"); err == nil {
		t.Error("a short password was taken")
	}
}

func TestPagesNeedASession(t *testing.T) {
	t.Parallel()
	h := open(t, newCourse(t).st)
	for _, path := range allPages(h) {
		a := h.get(path)
		if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/sign-in") {
			t.Errorf("%s without a session: status %d to %q", path, a.status, a.header.Get("Location"))
		}
		if strings.Contains(a.body, testName) {
			t.Errorf("%s without a session shows the person", path)
		}
	}
	for _, path := range []string{"/messages/search", "/messages/m0001/reprocess", "/deliveries/d0001/resend", "/attention/resend", "/audit/verify", "/plans", "/sign-out"} {
		if a := h.post(path, url.Values{"reason": {"because of it"}}); a.status != http.StatusUnauthorized {
			t.Errorf("POST %s without a session: status %d, want 401", path, a.status)
		}
	}
	if a := h.get("/events/live"); a.status != http.StatusUnauthorized {
		t.Errorf("live stream without a session: status %d", a.status)
	}
	if len(h.actions.done) > 0 {
		t.Errorf("actions ran: %v", h.actions.done)
	}
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newFakeStore())
	token := h.token()
	if a := h.post("/sign-out", url.Values{"csrf": {token}}); a.status != http.StatusSeeOther {
		t.Fatalf("sign-out: status %d", a.status)
	}
	if a := h.get("/overview"); a.status != http.StatusSeeOther {
		t.Errorf("after sign-out: status %d, want 303", a.status)
	}
	h = signedIn(t, newFakeStore())
	h.now.move(12*time.Hour + time.Second)
	if a := h.get("/overview"); a.status != http.StatusSeeOther {
		t.Errorf("after 12 h: status %d, want 303", a.status)
	}
}

func TestPostNeedsTheToken(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	for _, path := range []string{"/messages/search", "/messages/m0014/reprocess", "/messages/m0014/give-up", "/deliveries/d0001/resend", "/deliveries/d0001/give-up",
		"/attention/resend", "/audit/verify", "/plans", "/plans/search", "/sign-out"} {
		for name, form := range map[string]url.Values{"without token": {"reason": {"because of it"}}, "wrong token": {"reason": {"because of it"}, "csrf": {"x"}}} {
			if a := h.post(path, form); a.status != http.StatusForbidden || !strings.Contains(a.body, "csrf-token") {
				t.Errorf("POST %s %s: status %d, want 403", path, name, a.status)
			}
		}
	}
	if len(h.actions.done) > 0 {
		t.Errorf("actions ran: %v", h.actions.done)
	}
	r := httptest.NewRequest(http.MethodPost, h.url+"/audit/verify", strings.NewReader("csrf="+url.QueryEscape(h.token())))
	r.RequestURI = ""
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://elsewhere.example")
	if a := h.do(r); a.status != http.StatusForbidden || !strings.Contains(a.body, "cross-origin") {
		t.Errorf("POST from elsewhere: status %d, want 403", a.status)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newFakeStore())
	for _, path := range []string{"/overview", "/sign-in", "/nowhere", "/api/v1/parties"} {
		a := h.get(path)
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	st := newFakeStore()
	s, err := New(Options{Store: st, Actions: &fakeActions{}, Parties: testParties, Secure: true})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/sign-in", nil))
	if c := w.Header().Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-") || !strings.Contains(c, "Secure") {
		t.Errorf("cookie over TLS: %q", c)
	}
	if w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security over TLS")
	}
}

func TestLocalPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"/plans?x=1#y": "/plans?x=1#y", "": "/overview", "//evil.example": "/overview", "https://evil.example/": "/overview",
		`/\evil.example`: "/overview", "javascript:alert(1)": "/overview", "/a\r\nSet-Cookie: x": "/overview"} {
		if got := localPath(in); got != want {
			t.Errorf("localPath(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestReadsAreAudited goes through every page that shows something about a person.
func TestReadsAreAudited(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	h := signedIn(t, c.st)
	person := h.s.sealer.seal(testPatient)
	for _, tt := range []struct{ path, action, object string }{
		{"/messages/m0001", "read-message", "m0001"},
		{"/messages/m0001/original", "read-original", "m0001"},
		{"/messages/m0001/original/download", "download-original", "m0001"},
		{"/deliveries/d0001", "read-delivery", "d0001"},
		{"/deliveries/d0001/download", "download-delivery", "d0001"},
		{"/plans/" + person, "read-plan", "plan version 10"},
		{"/plans/" + person + "?version=2", "read-plan", "plan version 2"},
		{"/plans/" + person + "/diff?from=1&to=2", "read-plan", "plan versions 1 and 2"},
		{"/messages?person=" + person, "list-messages", "messages"},
		{"/api/v1/messages/m0001", "read-message", "m0001"},
		{"/api/v1/plans/" + person, "read-plan", "plan version 10"},
	} {
		before := len(h.st.audits)
		if a := h.get(tt.path); a.status != http.StatusOK {
			t.Errorf("%s: status %d", tt.path, a.status)
		}
		got := h.st.lastAudit()
		if len(h.st.audits) != before+1 || got.Action != tt.action || got.Object != tt.object || got.Patient != testPatient || got.Who != "kari" {
			t.Errorf("%s: audit %+v, want one %s of %s", tt.path, got, tt.action, tt.object)
		}
	}
	before := len(h.st.audits)
	h.get("/messages/m0001", "X-Samvirke-Live", "1")
	if len(h.st.audits) != before {
		t.Error("the refresh of an open page was audited again")
	}
	h.get("/messages/m0002", "X-Samvirke-Live", "1")
	if len(h.st.audits) != before+1 {
		t.Error("the live header hid the first read of a message from the audit")
	}
	h.post("/plans", url.Values{"csrf": {h.token()}})
	if h.st.auditCount("read-name") != 1 {
		t.Error("showing names is not audited")
	}
}

func TestNothingIsShownWhenTheAuditFails(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	var logged bytes.Buffer
	h := signedIn(t, c.st)
	h.s.log = slog.New(slog.NewTextHandler(&logged, nil))
	c.st.failAudit = errors.New("disk is full")
	person := h.s.sealer.seal(testPatient)
	for _, path := range []string{"/messages/m0001", "/messages/m0001/original", "/messages/m0001/original/download", "/deliveries/d0001", "/plans/" + person,
		"/plans/" + person + "/diff", "/api/v1/plans/" + person} {
		a := h.get(path)
		if a.status != http.StatusInternalServerError || strings.Contains(a.body, "Bakkerud") {
			t.Errorf("%s: status %d, shows the person: %v", path, a.status, strings.Contains(a.body, "Bakkerud"))
		}
	}
	if !strings.Contains(logged.String(), "disk is full") {
		t.Error("the cause is not in the log")
	}
	if strings.Contains(logged.String(), testNumber) || strings.Contains(logged.String(), "Bakkerud") || strings.Contains(logged.String(), person) {
		t.Errorf("the log tells who: %s", logged.String())
	}
}

func TestSearchKeepsTheNumberOutOfAddresses(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	for _, typed := range []string{testNumber, "131169 00216", " " + testNumber + " ", testPatient} {
		a := h.post("/messages/search", url.Values{"csrf": {h.token()}, "patient": {typed}, "kind": {"LOG_INNLAGT"}})
		to := a.header.Get("Location")
		if a.status != http.StatusSeeOther || strings.Contains(to, testNumber) || !strings.Contains(to, "person=") || !strings.Contains(to, "kind=LOG_INNLAGT") {
			t.Fatalf("search for %q: status %d to %q", typed, a.status, to)
		}
		if got := h.st.lastAudit(); got.Action != "search" || got.Patient != testPatient {
			t.Errorf("search for %q: audit %+v", typed, got)
		}
		page := h.get(to)
		if n := strings.Count(page.body, `<th scope="row"`); n != 7 {
			t.Errorf("search for %q: %d rows, want 7", typed, n)
		}
	}
	if a := h.post("/messages/search", url.Values{"csrf": {h.token()}, "patient": {"15076500565"}}); !strings.Contains(h.get(a.header.Get("Location")).body, "No message matches") {
		t.Error("a search without hits does not say so")
	}
	if a := h.post("/plans/search", url.Values{"csrf": {h.token()}, "patient": {testNumber}}); !strings.HasPrefix(a.header.Get("Location"), "/plans/") || strings.Contains(a.header.Get("Location"), testNumber) {
		t.Errorf("plan search goes to %q", a.header.Get("Location"))
	}
	for _, bad := range []string{"/messages?status=nonsense", "/messages?from=yesterday", "/messages?to=x", "/messages?person=AAAA", "/messages?before=-1"} {
		if a := h.get(bad); a.status != http.StatusBadRequest || !strings.Contains(a.body, "bad-filter") {
			t.Errorf("%s: status %d, want 400", bad, a.status)
		}
	}
}
