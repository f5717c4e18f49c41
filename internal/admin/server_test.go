package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeActions remembers what was asked.
type fakeActions struct {
	mu   sync.Mutex
	done []string
	err  map[string]error // by id
}

func (f *fakeActions) note(what, who, id, reason string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.err[id]; err != nil {
		return err
	}
	f.done = append(f.done, strings.Join([]string{what, who, id, reason}, " | "))
	return nil
}

func (f *fakeActions) Resend(_ context.Context, who, id, reason string) error {
	return f.note("resend", who, id, reason)
}

func (f *fakeActions) Reprocess(_ context.Context, who, id, reason string) error {
	return f.note("reprocess", who, id, reason)
}

func (f *fakeActions) GiveUp(_ context.Context, who, id, reason string) error {
	return f.note("give-up", who, id, reason)
}

// house is a served Server with a signed-in browser.
type house struct {
	t       *testing.T
	st      *fakeStore
	s       *Server
	url     string
	client  *http.Client
	actions *fakeActions
	now     *testClock
}

// testClock is a clock that a test moves.
type testClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *testClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// open serves a store without signing in.
func open(t *testing.T, st *fakeStore) *house {
	t.Helper()
	h := &house{t: t, st: st, actions: &fakeActions{err: map[string]error{}}, now: &testClock{t: courseNow}}
	var err error
	h.s, err = New(Options{Store: st, Actions: h.actions, Parties: testParties, Now: h.now.Now, Version: "test", Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h.s)
	t.Cleanup(srv.Close)
	t.Cleanup(h.s.Close)
	h.url = srv.URL
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.client = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return h
}

// signedIn serves a store and puts a session into the browser, without paying for the password hash.
func signedIn(t *testing.T, st *fakeStore, roles ...string) *house {
	t.Helper()
	h := open(t, st)
	if len(roles) == 0 {
		roles = allRoles()
	}
	h.letIn(person{credential: credential{User: "kari"}, Roles: roles})
	token, _ := h.s.sessions.start("kari")
	u, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	h.client.Jar.SetCookies(u, []*http.Cookie{{Name: "samvirke_session", Value: token, Path: "/"}})
	return h
}

// seesAll is the session of somebody with every role.
func seesAll() *session {
	x := &session{user: "kari"}
	x.may.Store(&standing{roles: allRoles()})
	return x
}

// letIn makes these the people who may sign in besides the first user.
func (h *house) letIn(list ...person) {
	h.t.Helper()
	text, err := json.Marshal(list)
	if err != nil {
		h.t.Fatal(err)
	}
	h.st.mu.Lock()
	defer h.st.mu.Unlock()
	h.st.settings[settingPeople] = string(text)
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (h *house) do(r *http.Request) answer {
	h.t.Helper()
	resp, err := h.client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	buf := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			break
		}
	}
	return answer{resp.StatusCode, resp.Header, b.String()}
}

func (h *house) get(path string, header ...string) answer {
	h.t.Helper()
	r, err := http.NewRequest(http.MethodGet, h.url+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return h.do(r)
}

func (h *house) post(path string, form url.Values) answer {
	h.t.Helper()
	r, err := http.NewRequest(http.MethodPost, h.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return h.do(r)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// token reads the form token off a page.
func (h *house) token() string {
	h.t.Helper()
	m := csrfField.FindStringSubmatch(h.get("/attention").body)
	if m == nil {
		h.t.Fatal("page has no form token")
	}
	return m[1]
}

// TestServe serves the invented course for looking at it with a browser. It runs only when
// SAMVIRKE_ADMIN_SERVE names an address, for instance 127.0.0.1:8099, and ends after
// SAMVIRKE_ADMIN_SERVE_FOR (default 10m). User "kari", password "kari-kari-kari".
func TestServe(t *testing.T) {
	addr := os.Getenv("SAMVIRKE_ADMIN_SERVE")
	if addr == "" {
		t.Skip("SAMVIRKE_ADMIN_SERVE is not set: nothing to look at")
	}
	last, err := time.ParseDuration(os.Getenv("SAMVIRKE_ADMIN_SERVE_FOR"))
	if err != nil {
		last = 10 * time.Minute
	}
	c := newFullCourse(t)
	if os.Getenv("SAMVIRKE_ADMIN_SERVE_EMPTY") != "" {
		c.st = newFakeStore()
	}
	s, err := New(Options{Store: c.st, Actions: &fakeActions{}, Decider: &fakeDecider{}, Parties: testParties, Now: func() time.Time { return courseNow }, Version: "test", Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetCredential(t.Context(), "kari", "kari-kari-kari"); err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Addr: addr, Handler: s, ReadHeaderTimeout: 5 * time.Second}
	time.AfterFunc(last, func() { s.Close(); srv.Close() })
	if err := srv.ListenAndServe(); err != http.ErrServerClosed {
		t.Fatal(err)
	}
}
