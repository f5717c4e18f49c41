package rest

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
)

// TestDirectAsTransport: every answer has the same outcome as by the transport of net/http, and what arrives is the same.
func TestDirectAsTransport(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<AppRec/>", 3000)
	answers := []string{
		taken, "", "\r\n\r\n", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 999 x\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "220 smtp ready\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n" + taken, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + taken,
		strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 3) + "HTTP/1.1 422 Odd\r\nContent-Length: 2\r\nContent-Type: application/fhir+json\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n<AppRec/>", "HTTP/1.0 200 OK\r\nContent-Type: application/xml\r\n\r\n<AppRec/>",
		"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<App\r\n5\r\nRec/>\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<App\r\n5\r\nRe",
		"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n9\r\n<AppRec/>\r\n0\r\nX-T: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 50\r\n\r\n<AppRec>",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n<AppRec/>", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: " + strconv.Itoa(len(long)) + "\r\n\r\n" + long,
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", maxHead) + "\r\n\r\n", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", maxHead/6+1) + "\r\n",
		"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 301 Away\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
	}
	for i, answer := range answers {
		far := newScript(t, func(_ int, c net.Conn, next func() bool) {
			if next() {
				write(c, answer)
			}
		})
		type outcome struct {
			res  connectors.Result
			text string
		}
		opt := ClientOptions{Party: "gp", URL: far.url, Token: "far-token", Timeout: patience}
		send := func(s *Sender) outcome {
			res, err := s.Send(t.Context(), delivery)
			o := outcome{res: res}
			if f, ok := errors.AsType[*samvirke.Fault](err); ok {
				o.text = string(f.Class) + " " + f.Code + " " + f.Safe + " " + f.RetryAfter.String()
			}
			return o
		}
		// The usual way, the client library over direct, and the client library over net/http, which is how it has to be.
		own, middle, other := sender(t, opt), sender(t, opt), sender(t, opt)
		if own.plain == nil {
			t.Fatal("a usual address has no plain posts")
		}
		middle.plain, other.plain = nil, nil
		other.client = newClient(other.opt, other.transport)
		got, between, want := send(own), send(middle), send(other)
		if between.text != want.text || between.res.Answer != want.res.Answer || between.res.ContentType != want.res.ContentType || string(between.res.Body) != string(want.res.Body) {
			t.Errorf("answer %d %.60q: over direct %.300v, want %.300v", i, answer, between, want)
		}
		if got.text != want.text || got.res.Answer != want.res.Answer || got.res.ContentType != want.res.ContentType || string(got.res.Body) != string(want.res.Body) {
			t.Errorf("answer %d %.60q: got %.300v, want %.300v", i, answer, got, want)
		}
		noneInUse(t, own)
		noneInUse(t, middle)
		far.mu.Lock()
		if len(far.seen) != 3 {
			t.Fatalf("answer %d: %d requests", i, len(far.seen))
		}
		b := far.seen[2]
		for k, a := range far.seen[:2] {
			if a.Method != b.Method || a.RequestURI != b.RequestURI || a.Host != b.Host || a.ContentLength != b.ContentLength || far.heard[k] != far.heard[2] {
				t.Errorf("got %+v, want %+v", a, b)
			}
			if len(a.Header) != len(b.Header) {
				t.Errorf("got %v, want %v", a.Header, b.Header)
			}
			for name := range b.Header {
				if strings.Join(a.Header[name], "\n") != strings.Join(b.Header[name], "\n") {
					t.Errorf("%s: got %q, want %q", name, a.Header[name], b.Header[name])
				}
			}
		}
		far.mu.Unlock()
	}
}

// TestUnusualGoesByTransport: what direct does not write itself.
func TestUnusualGoesByTransport(t *testing.T) {
	t.Parallel()
	post := func(change func(*http.Request)) *http.Request {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://far.example/in", strings.NewReader("<a/>"))
		if err != nil {
			t.Fatal(err)
		}
		change(req)
		return req
	}
	if !usual(post(func(*http.Request) {})) {
		t.Fatal("a plain post is not usual")
	}
	for name, change := range map[string]func(*http.Request){
		"method":      func(r *http.Request) { r.Method = "PUT" },
		"scheme":      func(r *http.Request) { r.URL.Scheme = "https" },
		"no body":     func(r *http.Request) { r.Body, r.ContentLength = nil, 0 },
		"no length":   func(r *http.Request) { r.ContentLength = -1 },
		"large":       func(r *http.Request) { r.ContentLength = maxDirect + 1 },
		"chunked":     func(r *http.Request) { r.TransferEncoding = []string{"chunked"} },
		"trailer":     func(r *http.Request) { r.Trailer = http.Header{"X": nil} },
		"close":       func(r *http.Request) { r.Close = true },
		"other host":  func(r *http.Request) { r.Host = "other.example" },
		"name of far": func(r *http.Request) { r.URL.Host = "fær.example"; r.Host = r.URL.Host },
		"expect":      func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
		"upgrade":     func(r *http.Request) { r.Header.Set("Upgrade", "x") },
		"odd name":    func(r *http.Request) { r.Header["A b"] = []string{"x"} },
		"odd value":   func(r *http.Request) { r.Header["X"] = []string{"x\r\nY: z"} },
	} {
		if usual(post(change)) {
			t.Errorf("%s: goes the direct way", name)
		}
	}
}
