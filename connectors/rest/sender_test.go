package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	const trans, perm, unauth = samvirke.Transient, samvirke.Permanent, samvirke.Unauthorized
	cases := []struct {
		status int
		after  string
		class  samvirke.Class
		code   string
		wait   time.Duration
	}{
		{200, "", "", "", 0}, {201, "", "", "", 0}, {202, "120", "", "", 0}, {204, "", "", "", 0}, {299, "", "", "", 0},
		{300, "", perm, "http-300", 0}, {301, "", perm, "http-301", 0}, {302, "5", perm, "http-302", 0}, {304, "", perm, "http-304", 0},
		{307, "", perm, "http-307", 0}, {308, "", perm, "http-308", 0},
		{400, "", perm, "http-400", 0}, {401, "", unauth, "http-401", 0}, {402, "", perm, "http-402", 0}, {403, "", unauth, "http-403", 0},
		{404, "", perm, "http-404", 0}, {405, "", perm, "http-405", 0}, {407, "", perm, "http-407", 0}, {408, "", trans, "http-408", 0},
		{409, "", perm, "http-409", 0}, {410, "", perm, "http-410", 0}, {413, "", perm, "http-413", 0}, {415, "", perm, "http-415", 0},
		{422, "", perm, "http-422", 0}, {425, "", trans, "http-425", 0}, {429, "30", trans, "http-429", 30 * time.Second}, {451, "", perm, "http-451", 0},
		{500, "", trans, "http-500", 0}, {501, "", trans, "http-501", 0}, {502, "", trans, "http-502", 0}, {504, "", trans, "http-504", 0}, {599, "", trans, "http-599", 0},
		{503, "Sat, 21 Nov 2026 10:02:00 GMT", trans, "http-503", 2 * time.Minute},
		{503, "Sat, 21 Nov 2026 09:00:00 GMT", trans, "http-503", 0},
		{503, "999999", trans, "http-503", MaxRetryAfter},
		{503, "-5", trans, "http-503", 0}, {503, "soon", trans, "http-503", 0}, {503, "99999999999999999999", trans, "http-503", 0},
		{600, "", trans, "http-odd", 0}, {102, "", trans, "http-odd", 0}, {0, "", trans, "http-odd", 0},
	}
	for _, c := range cases {
		h := http.Header{}
		if c.after != "" {
			h.Set("Retry-After", c.after)
		}
		f := Classify(c.status, h, now)
		if f == nil {
			f = &samvirke.Fault{}
		}
		if f.Class != c.class || f.Code != c.code || f.RetryAfter != c.wait || (f.Safe == "") != (c.class == "") {
			t.Errorf("%d (Retry-After %q): got %+v, want class %q, code %q, wait %v", c.status, c.after, *f, c.class, c.code, c.wait)
		}
	}
}

var delivery = samvirke.Delivery{
	ID: "d1", Party: "gp", ExternalID: "5f3c1a2e-0001-4000-8000-000000000001", ContentType: "application/xml",
	TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Body: []byte("<a>\xe6</a>"),
}

func sender(t *testing.T, opt ClientOptions) *Sender {
	t.Helper()
	if opt.Party == "" {
		opt.Party = "gp"
	}
	s, err := NewSender(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func far(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func TestSendsBytesAndHeaders(t *testing.T) {
	t.Parallel()
	type seen struct {
		r    *http.Request
		body string
	}
	got := make(chan seen, 1)
	srv := far(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- seen{r, string(b)}
		w.WriteHeader(202)
	})
	s := sender(t, ClientOptions{URL: srv.URL + "/in?x=1", Token: "far-token"})
	res, err := s.Send(t.Context(), delivery)
	if err != nil || res.Answer != "HTTP 202" || res.Body != nil {
		t.Fatalf("got %+v, %v", res, err)
	}
	g := <-got
	want := map[string]string{
		"Content-Type": "application/xml", "Authorization": "Bearer far-token", "X-Request-Id": "d1",
		"Message-Id": delivery.ExternalID, "Traceparent": delivery.TraceParent, "User-Agent": "samvirke", "Accept-Encoding": "",
	}
	for k, v := range want {
		if g.r.Header.Get(k) != v {
			t.Errorf("%s: got %q, want %q", k, g.r.Header.Get(k), v)
		}
	}
	if g.r.Method != "POST" || g.r.URL.String() != "/in?x=1" || g.body != string(delivery.Body) || g.r.ContentLength != int64(len(delivery.Body)) {
		t.Errorf("got %s %s, length %d, body %q", g.r.Method, g.r.URL, g.r.ContentLength, g.body)
	}
	odd := delivery
	odd.ExternalID, odd.TraceParent, odd.ContentType = "id\r\nX-Evil: 1", "", ""
	if _, err := s.Send(t.Context(), odd); err != nil {
		t.Fatal(err)
	}
	g = <-got
	if g.r.Header.Get("Message-Id") != "" || g.r.Header.Get("X-Evil") != "" || g.r.Header.Values("Traceparent") != nil || g.r.Header.Get("Content-Type") != "application/xml" {
		t.Errorf("headers of an odd delivery: %v", g.r.Header)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("<", 2000)
	cases := []struct {
		name, contentType, body string
		status                  int
		answer, wantBody        string
		class                   samvirke.Class
	}{
		{"receipt as XML", "application/xml", "<AppRec/>", 200, "HTTP 200", "<AppRec/>", ""},
		{"receipt with a charset", "text/xml; charset=utf-8", " <AppRec/>", 200, "HTTP 200", " <AppRec/>", ""},
		{"outcome as FHIR JSON", "application/fhir+json", `{"a":1}`, 200, "HTTP 200", `{"a":1}`, ""},
		{"receipt called text", "text/plain", "\xef\xbb\xbf<AppRec/>", 200, "HTTP 200", "\xef\xbb\xbf<AppRec/>", ""},
		{"text", "text/plain", "thank you", 200, "HTTP 200", "", ""},
		{"web page", "text/html", "<html></html>", 200, "HTTP 200", "", ""},
		{"nothing", "application/xml", "", 202, "HTTP 202", "", ""},
		{"blanks", "application/xml", " \n", 202, "HTTP 202", "", ""},
		{"too large, but taken", "application/xml", big, 200, "HTTP 200, answer over the size limit", "", ""},
		{"refused with reasons", "application/fhir+json", `{"b":2}`, 422, "HTTP 422", `{"b":2}`, samvirke.Permanent},
		{"failed with a page", "text/html", "<h1>x</h1>", 500, "HTTP 500", "", samvirke.Transient},
		{"too large and refused", "application/xml", big, 400, "HTTP 400, answer over the size limit", "", samvirke.Permanent},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv := far(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			s := sender(t, ClientOptions{URL: srv.URL, MaxAnswer: 1000})
			res, err := s.Send(t.Context(), delivery)
			if samvirke.ClassOf(err) != c.class || res.Answer != c.answer || string(res.Body) != c.wantBody {
				t.Errorf("got %q body %q class %q, want %q, %q, %q", res.Answer, res.Body, samvirke.ClassOf(err), c.answer, c.wantBody, c.class)
			}
			if (res.Body != nil) != (c.wantBody != "") || res.Body != nil && res.ContentType != c.contentType {
				t.Errorf("body %v with content type %q", res.Body, res.ContentType)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	stranger := far(t, func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := far(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			http.Redirect(w, r, stranger.URL, status)
		})
		res, err := sender(t, ClientOptions{URL: srv.URL}).Send(t.Context(), delivery)
		if samvirke.ClassOf(err) != samvirke.Permanent {
			t.Errorf("%d: got %+v, %v", status, res, err)
		}
	}
	if followed.Load() {
		t.Error("a redirect was followed")
	}
}

func TestNeverRetries(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	srv := far(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(503)
	})
	_, err := sender(t, ClientOptions{URL: srv.URL}).Send(t.Context(), delivery)
	f := samvirke.FaultOf(err)
	if calls.Load() != 1 || f.Class != samvirke.Transient || f.Code != "http-503" || f.RetryAfter != 7*time.Second {
		t.Errorf("%d calls, fault %+v", calls.Load(), f)
	}
}

// brokenServer answers every connection with raw text and then closes it.
func brokenServer(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			_, _ = c.Read(buf)
			_, _ = io.WriteString(c, text)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Hour)
	release := make(chan struct{})
	slow := far(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	t.Cleanup(func() { close(release) }) // runs before the server is closed
	tlsUpTo := func(version uint16, cert tls.Certificate, auth tls.ClientAuthType) string {
		srv := httptest.NewUnstartedServer(http.NotFoundHandler())
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: auth, MaxVersion: version}
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv.URL
	}
	tlsWith := func(cert tls.Certificate) string { return tlsUpTo(0, cert, tls.NoClientCert) }
	good := certificate(t, "good", soon)
	roots := x509.NewCertPool()
	roots.AddCert(good.Leaf)
	expired := certificate(t, "expired", time.Now().Add(-time.Hour))
	roots.AddCert(expired.Leaf)
	cases := []struct {
		name   string
		opt    ClientOptions
		code   string
		answer string
	}{
		// Port 1 is nobody's; one that was just given back may be another test's a moment later. No host can have an empty
		// label in its name, so that nobody is asked for it.
		{"nobody listens", ClientOptions{URL: "http://127.0.0.1:1/"}, "unreachable", "no answer"},
		{"no such host", ClientOptions{URL: "http://no-such..host/"}, "no-such-host", "no answer"},
		{"never answers", ClientOptions{URL: slow.URL, Timeout: 50 * time.Millisecond}, "timeout", "no answer"},
		{"closes at once", ClientOptions{URL: brokenServer(t, "")}, "unreachable", "no answer"},
		{"speaks no HTTP", ClientOptions{URL: brokenServer(t, "220 smtp ready\r\n")}, "unreachable", "no answer"},
		{"certificate of a stranger", ClientOptions{URL: tlsWith(certificate(t, "x", soon)), CA: roots}, "certificate", "no answer"},
		{"certificate expired", ClientOptions{URL: tlsWith(expired), CA: roots}, "certificate", "no answer"},
		{"certificate of another host", ClientOptions{URL: tlsWith(good), CA: roots, ServerName: "other.example"}, "certificate", "no answer"},
		{"wants our certificate", ClientOptions{URL: tlsUpTo(tls.VersionTLS12, good, tls.RequireAnyClientCert), CA: roots}, "tls", "no answer"},
		// This version says so after the handshake, when our request is on its way: what we see first is that, or that it broke.
		{"wants our certificate, late", ClientOptions{URL: tlsUpTo(tls.VersionTLS13, good, tls.RequireAnyClientCert), CA: roots}, "tls unreachable", "no answer"},
		{"plain HTTP where TLS is wanted", ClientOptions{URL: "https" + strings.TrimPrefix(slow.URL, "http")}, "unreachable", "no answer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			res, err := sender(t, c.opt).Send(t.Context(), delivery)
			f, ok := errors.AsType[*samvirke.Fault](err)
			if !ok || f.Class != samvirke.Transient || !slices.Contains(strings.Fields(c.code), f.Code) || res.Answer != c.answer {
				t.Errorf("got %+v, %v; want transient %s", res, err, c.code)
			}
		})
	}
}

// headSeen notes whether the head of an answer came.
type headSeen struct {
	http.RoundTripper
	seen bool
}

func (h *headSeen) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := h.RoundTripper.RoundTrip(req)
	h.seen = err == nil
	return resp, err
}

// Once the status says "taken", nothing that happens to the answer may lead to sending again.
func TestTakenStaysTaken(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	trickle := far(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, "<AppRec>")
		w.(http.Flusher).Flush()
		<-release
	})
	t.Cleanup(func() { close(release) }) // runs before the server is closed
	t.Run("answer breaks off, but it was taken", func(t *testing.T) {
		url := brokenServer(t, "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 50\r\n\r\n<AppRec>")
		res, err := sender(t, ClientOptions{URL: url}).Send(t.Context(), delivery)
		if err != nil || res.Answer != "HTTP 200, answer broke off" || res.Body != nil {
			t.Errorf("got %+v, %v", res, err)
		}
	})
	t.Run("answer trickles past the limit, but it was taken", func(t *testing.T) {
		for limit := time.Second; ; limit *= 2 {
			s := sender(t, ClientOptions{URL: trickle.URL, Timeout: limit})
			head := &headSeen{RoundTripper: s.direct}
			s.client, s.plain = newClient(s.opt, head), nil
			res, err := s.Send(t.Context(), delivery)
			if !head.seen && limit < patience { // so busy a machine that not even the head was in time
				continue
			}
			if err != nil || res.Answer != "HTTP 200, answer broke off" {
				t.Errorf("got %+v, %v", res, err)
			}
			return
		}
	})
	t.Run("the caller's time is up", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, then says nothing
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		_, err = sender(t, ClientOptions{URL: "http://" + silent.Addr().String()}).Send(ctx, delivery)
		if f := samvirke.FaultOf(err); f.Class != samvirke.Transient || f.Code != "timeout" {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("the caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := sender(t, ClientOptions{URL: trickle.URL}).Send(ctx, delivery)
		if f := samvirke.FaultOf(err); f.Class != samvirke.Transient || f.Code != "interrupted" {
			t.Errorf("got %+v", f)
		}
	})
}
