package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
)

// keeper is a Receiver that keeps what it gets and answers as told.
type keeper struct {
	mu    sync.Mutex
	got   []connectors.Incoming
	byKey map[string]string
	// answer, when set, replaces the usual one.
	answer func(n int, in connectors.Incoming) (connectors.Answer, error)
}

func (k *keeper) Receive(_ context.Context, in connectors.Incoming) (connectors.Answer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got = append(k.got, in)
	if k.answer != nil {
		return k.answer(len(k.got), in)
	}
	if k.byKey == nil {
		k.byKey = map[string]string{}
	}
	key := in.Party + string(in.Body)
	if id, ok := k.byKey[key]; ok {
		return connectors.Answer{MessageID: id, Duplicate: true}, nil
	}
	k.byKey[key] = "m" + strconv.Itoa(len(k.byKey)+1)
	return connectors.Answer{MessageID: k.byKey[key]}, nil
}

func (k *keeper) all() []connectors.Incoming {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]connectors.Incoming(nil), k.got...)
}

type fixture struct {
	*httptest.Server
	keeper *keeper
	log    *logBuffer

	mu       sync.Mutex
	refusals []Refusal
}

func (f *fixture) refused() []Refusal {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Refusal(nil), f.refusals...)
}

// logBuffer is a bytes.Buffer that may be read while the server writes.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func serve(t *testing.T, change func(*ServerOptions)) *fixture {
	t.Helper()
	parties, err := NewParties([]Credential{{Party: "hospital", TokenSHA256: HashToken("secret-token")}})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{keeper: &keeper{}, log: &logBuffer{}}
	opt := ServerOptions{
		Receiver: f.keeper, Parties: parties, MaxBody: 1000, Registerer: prometheus.NewRegistry(),
		Logger: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnRefused: func(_ context.Context, r Refusal) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.refusals = append(f.refusals, r)
		},
	}
	if change != nil {
		change(&opt)
	}
	f.Server = httptest.NewUnstartedServer(nil)
	f.Config = NewServer(NewHandler(opt))
	f.Start()
	t.Cleanup(func() { f.Client().CloseIdleConnections(); f.Close() })
	return f
}

// post sends one request; headers are key, value pairs and replace the usual ones.
func (f *fixture) post(t *testing.T, path string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest("POST", f.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret-token")
	req.Header.Set("Content-Type", "application/xml")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := f.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	const contentType = "application/xml; charset=ISO-8859-1"
	body := "<a>\xe6</a>"
	var first string
	for range 2 { // twice on purpose: the second answer must be the same
		resp, text := f.post(t, PathMessages, strings.NewReader(body), "Content-Type", contentType, "Traceparent", trace)
		if resp.StatusCode != 202 || resp.Header.Get("Location") != "/messages/m1" || text != "{\"id\":\"m1\"}\n" {
			t.Fatalf("got %d, Location %q, %s", resp.StatusCode, resp.Header.Get("Location"), text)
		}
		if first == "" {
			first = text
		} else if text != first {
			t.Errorf("second answer %s differs from the first %s", text, first)
		}
	}
	got := f.keeper.all()
	if len(got) != 2 {
		t.Fatalf("handed over %d times, want 2", len(got))
	}
	in := got[0]
	if in.Party != "hospital" || string(in.Body) != body || in.Size != int64(len(body)) || in.ContentType != contentType || in.TraceParent != trace {
		t.Errorf("handed over %+v", in)
	}
}

func TestNothingIsAnsweredBeforeItIsKept(t *testing.T) {
	t.Parallel()
	kept, goOn := make(chan struct{}), make(chan struct{})
	f := serve(t, nil)
	f.keeper.answer = func(int, connectors.Incoming) (connectors.Answer, error) {
		close(kept)
		<-goOn
		return connectors.Answer{MessageID: "m1"}, nil
	}
	answered := make(chan int, 1)
	go func() {
		resp, _ := f.post(t, PathMessages, strings.NewReader("<a/>"))
		answered <- resp.StatusCode
	}()
	<-kept
	select {
	case <-answered:
		t.Error("answered while Receive was running")
	case <-time.After(50 * time.Millisecond):
	}
	close(goOn)
	if got := <-answered; got != 202 {
		t.Errorf("got %d, want 202", got)
	}
}

func TestReceiverAnswers(t *testing.T) {
	t.Parallel()
	fault := func(class samvirke.Class, code string) connectors.Answer {
		return connectors.Answer{MessageID: "m7", Fault: &samvirke.Fault{Class: class, Code: code, Safe: "safe text",
			Line: 3, Err: errors.New("internal detail")}}
	}
	cases := []struct {
		name   string
		answer connectors.Answer
		err    error
		status int
		issue  string
		code   string
		retry  string
	}{
		{"not well formed", fault(samvirke.Invalid, "not-well-formed"), nil, 400, "structure", "not-well-formed", ""},
		{"too large", fault(samvirke.Invalid, "too-large"), nil, 413, "too-long", "too-large", ""},
		{"unknown format", fault(samvirke.Invalid, "unknown-format"), nil, 415, "not-supported", "unknown-format", ""},
		{"unknown type", fault(samvirke.Invalid, "unknown-type"), nil, 422, "not-supported", "unknown-type", ""},
		{"id reused", fault(samvirke.Duplicate, "message-id-reused"), nil, 409, "conflict", "message-id-reused", ""},
		{"sender is not the party", fault(samvirke.Unauthorized, "sender-mismatch"), nil, 403, "forbidden", "sender-mismatch", ""},
		{"invalid of any other kind", fault(samvirke.Invalid, "something-new"), nil, 422, "processing", "something-new", ""},
		{"unauthorized of any other kind", fault(samvirke.Unauthorized, "something-new"), nil, 403, "forbidden", "something-new", ""},
		{"transient", fault(samvirke.Transient, "something-new"), nil, 503, "transient", "something-new", "1"},
		{"internal", fault(samvirke.Internal, "something-new"), nil, 500, "exception", "something-new", ""},
		{"store failed", connectors.Answer{}, errors.New("disk /dev/sda1 on fire"), 503, "transient", "not-kept", "5"},
		{"store says when", connectors.Answer{}, &samvirke.Fault{Class: samvirke.Transient, Code: "full", RetryAfter: time.Minute}, 503, "transient", "not-kept", "60"},
		{"even an invalid fault as error is not kept", connectors.Answer{}, &samvirke.Fault{Class: samvirke.Invalid, Code: "x"}, 503, "transient", "not-kept", "5"},
	}
	for _, c := range cases {
		for _, path := range []string{PathMessages, PathProcess} {
			t.Run(c.name+path, func(t *testing.T) {
				t.Parallel()
				f := serve(t, nil)
				f.keeper.answer = func(int, connectors.Incoming) (connectors.Answer, error) { return c.answer, c.err }
				resp, text := f.post(t, path, strings.NewReader("<a>body text</a>"))
				if resp.StatusCode != c.status {
					t.Errorf("status %d, want %d", resp.StatusCode, c.status)
				}
				if got := resp.Header.Get("Retry-After"); got != c.retry {
					t.Errorf("Retry-After %q, want %q", got, c.retry)
				}
				for _, secret := range []string{"body text", "internal detail", "on fire"} {
					if strings.Contains(text, secret) {
						t.Errorf("answer holds %q: %s", secret, text)
					}
				}
				id := c.answer.MessageID
				if path == PathProcess {
					checkOutcome(t, resp, text, "error", c.issue, c.code, id)
				} else {
					checkProblem(t, resp, text, c.status, c.code, id)
				}
			})
		}
	}
}

func checkProblem(t *testing.T, resp *http.Response, text string, status int, code, id string) {
	t.Helper()
	var p problem
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	if p.Type != ProblemBase+code || p.Code != code || p.Status != status || p.Title == "" || p.Detail == "" || p.ID != id {
		t.Errorf("problem %+v, want code %s, status %d, id %q", p, code, status, id)
	}
}

func checkOutcome(t *testing.T, resp *http.Response, text, severity, issue, code, id string) {
	t.Helper()
	var o struct {
		ResourceType, ID string
		Issue            []struct {
			Severity, Code, Diagnostics string
			Details                     struct {
				Coding []struct{ System, Code string }
			}
		}
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/fhir+json; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	if o.ResourceType != "OperationOutcome" || o.ID != id || len(o.Issue) != 1 || o.Issue[0].Severity != severity ||
		o.Issue[0].Code != issue || o.Issue[0].Diagnostics == "" {
		t.Errorf("outcome %s, want %s/%s/%s and id %q", text, severity, issue, code, id)
	}
	if code != "" && (len(o.Issue[0].Details.Coding) != 1 || o.Issue[0].Details.Coding[0].Code != code) {
		t.Errorf("outcome %s, want code %s", text, code)
	}
}

func TestProcessMessage(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	for range 2 {
		resp, text := f.post(t, PathProcess, strings.NewReader(`{"resourceType":"Bundle"}`), "Content-Type", "application/fhir+json")
		if resp.StatusCode != 202 || resp.Header.Get("Location") != "/messages/m1" {
			t.Errorf("got %d, Location %q", resp.StatusCode, resp.Header.Get("Location"))
		}
		checkOutcome(t, resp, text, "information", "informational", "", "m1")
	}
	resp, text := f.post(t, PathProcess, strings.NewReader(`<Bundle xmlns="http://hl7.org/fhir"/>`), "Accept", "application/fhir+xml")
	want := `<OperationOutcome xmlns="http://hl7.org/fhir"><id value="m2"></id><issue><severity value="information"></severity><code value="informational"></code><diagnostics value="the message is kept and will be processed"></diagnostics></issue></OperationOutcome>`
	if resp.StatusCode != 202 || resp.Header.Get("Content-Type") != "application/fhir+xml; charset=utf-8" || text != want {
		t.Errorf("got %d %s %s", resp.StatusCode, resp.Header.Get("Content-Type"), text)
	}
	resp, text = f.post(t, PathProcess+"?async=true&response-url=http://127.0.0.1:1/", strings.NewReader(`{}`))
	if resp.StatusCode != 400 {
		t.Errorf("response-url: got %d", resp.StatusCode)
	}
	checkOutcome(t, resp, text, "error", "not-supported", "response-url", "")
	if n := len(f.keeper.all()); n != 3 {
		t.Errorf("handed over %d times, want 3", n)
	}
}

func TestHeadIsRefused(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, method, path, token string
		status                    int
		code, why                 string
	}{
		{"no token", "POST", PathMessages, "", 401, "not-authenticated", "no-credential"},
		{"wrong token", "POST", PathMessages, "Bearer secret-tokem", 401, "not-authenticated", "unknown-token"},
		{"wrong scheme", "POST", PathMessages, "Basic eDp5", 401, "not-authenticated", "unknown-scheme"},
		{"wrong token on the FHIR path", "POST", PathProcess, "Bearer x", 401, "not-authenticated", "unknown-token"},
		{"GET", "GET", PathMessages, "Bearer secret-token", 405, "method-not-allowed", ""},
		{"PUT", "PUT", PathProcess, "Bearer secret-token", 405, "method-not-allowed", ""},
		{"odd method", "FROB", PathMessages, "Bearer secret-token", 405, "method-not-allowed", ""},
		{"other path", "POST", "/elsewhere", "Bearer secret-token", 404, "not-found", ""},
		{"path below", "POST", PathMessages + "/x", "Bearer secret-token", 404, "not-found", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, nil)
			req, _ := http.NewRequest(c.method, f.URL+c.path, strings.NewReader("<a/>"))
			if c.token != "" {
				req.Header.Set("Authorization", c.token)
			}
			resp, err := f.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != c.status || !strings.Contains(string(b), c.code) {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, b, c.status, c.code)
			}
			if got := resp.Header.Get("WWW-Authenticate"); (c.status == 401) != (got == `Bearer realm="samvirke"`) {
				t.Errorf("WWW-Authenticate %q with status %d", got, c.status)
			}
			if got := resp.Header.Get("Allow"); (c.status == 405) != (got == "POST") {
				t.Errorf("Allow %q with status %d", got, c.status)
			}
			if strings.Contains(f.log.String()+string(b), "secret-toke") {
				t.Error("token in log or answer")
			}
			if got := f.refused(); c.why == "" != (len(got) == 0) || c.why != "" && (got[0].Why != c.why || got[0].Remote != "127.0.0.1") {
				t.Errorf("audit got %+v, want why %q", got, c.why)
			}
			if n := len(f.keeper.all()); n != 0 {
				t.Errorf("handed over %d messages", n)
			}
		})
	}
}

func TestMetricsAndLogHoldNoBody(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	f := serve(t, func(o *ServerOptions) { o.Registerer = reg })
	f.post(t, PathMessages, strings.NewReader("<a>Kari Testesen 13116900216</a>"))
	f.keeper.answer = func(int, connectors.Incoming) (connectors.Answer, error) {
		return connectors.Answer{}, errors.New("store closed")
	}
	f.post(t, PathMessages, strings.NewReader("<a>Kari Testesen 13116900216</a>"))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	text := f.log.String() + fmt.Sprint(families)
	for _, secret := range []string{"Testesen", "13116900216", "secret-token"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q in log or metrics", secret)
		}
	}
	for _, want := range []string{"samvirke_rest_request_seconds", "store closed", `party=hospital`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q not in log or metrics:\n%s", want, text)
		}
	}
}
