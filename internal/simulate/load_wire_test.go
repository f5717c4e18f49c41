package simulate

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSinkUnderstandsOtherClients: a gateway that is not ours may send its body in other ways.
func TestSinkUnderstandsOtherClients(t *testing.T) {
	t.Parallel()
	s, err := NewSink(0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	message := `<MsgHead><Type V="LOG_INNLAGT"/><GenDate>2026-01-10T22:40:00</GenDate><MsgId>5F3C1A2E-0001-4000-8000-000000000001</MsgId>` + strings.Repeat("<a/>", 9000) + `</MsgHead>`
	cases := map[string]func(*http.Request){
		"plain":            func(*http.Request) {},
		"chunked":          func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(message)), -1 },
		"chunked, trailer": func(r *http.Request) { r.ContentLength, r.Trailer = -1, http.Header{"X-Sum": {"1"}} },
		"waits for a word": func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
		"closes":           func(r *http.Request) { r.Close = true },
	}
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	for name, change := range cases {
		for range 2 { // the second one on the same connection
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/in", strings.NewReader(message))
			if err != nil {
				t.Fatal(err)
			}
			change(req)
			resp, err := client.Do(req)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			answer, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != 200 || !bytes.Contains(answer, []byte("<Id>5F3C1A2E-0001-4000-8000-000000000001</Id></OriginalMsgId></AppRec>")) {
				t.Errorf("%s: %d %s, %v", name, resp.StatusCode, answer, err)
			}
		}
	}
}

func TestPosterUnderstandsAnswers(t *testing.T) {
	t.Parallel()
	answers := map[string]struct {
		serve  http.HandlerFunc
		status int
		text   string
	}{
		"of known length": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202); _, _ = io.WriteString(w, "taken") }, 202, "taken"},
		"in chunks": {func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				_, _ = io.WriteString(w, strings.Repeat("x", 3000))
				w.(http.Flusher).Flush()
			}
		}, 200, strings.Repeat("x", 9000)},
		"without a body": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, ""},
		"after a first word": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(503)
			_, _ = io.WriteString(w, "busy")
		}, 503, "busy"},
		"and closes": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.WriteHeader(401)
		}, 401, ""},
	}
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, err := io.ReadAll(r.Body)
				if err != nil || string(got) != "<a/>" || r.URL.Path != "/gw/messages" || r.Header.Get("Authorization") != "Bearer t" {
					t.Errorf("%s %v %q %v", r.URL, r.Header, got, err)
				}
				c.serve(w, r)
			}))
			defer srv.Close()
			wire, err := newGatewayWire(srv.URL+"/gw/", "t")
			if err != nil {
				t.Fatal(err)
			}
			p := &poster{wire: wire}
			defer p.close()
			for range 3 {
				status, text, err := p.post(t.Context(), []byte("<a/>"))
				if err != nil || status != c.status || string(text) != c.text {
					t.Errorf("got %d %q, %v; want %d %q", status, text, err, c.status, c.text)
				}
			}
		})
	}
}

func TestPosterEndsWithItsContext(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	wire, err := newGatewayWire(srv.URL, "t")
	if err != nil {
		t.Fatal(err)
	}
	p := &poster{wire: wire}
	defer p.close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, _, err := p.post(ctx, []byte("<a/>")); err == nil || time.Since(start) > time.Minute {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

// FuzzReadHead: what no party of ours would send must end with an error, not in a panic or an odd length;
// what net/http reads as an answer we read as the same.
func FuzzReadHead(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", "HTTP/1.0 503 x\r\nConnection: close\r\n\r\n", "POST /in HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		"HTTP/1.1 2x0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "GET / HTTP/2\r\n\r\n", "\r\n", "HTTP/1.1 200\r\ncontent-length:0\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := bufio.NewReader(bytes.NewReader(text))
		h, err := readHead(r)
		if err != nil {
			return
		}
		if h.length < -1 || h.status < -99 || h.status > 999 {
			t.Fatalf("head %+v", h)
		}
		body, err := readBody(r, h, nil, 1000)
		if len(body) > 1000 {
			t.Fatalf("body of %d bytes", len(body))
		}
		resp, herr := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
		if h.status < 200 || herr != nil || err != nil {
			return
		}
		want, herr := io.ReadAll(io.LimitReader(resp.Body, 1000))
		if herr == nil && (resp.StatusCode != h.status || !bytes.Equal(want, body)) {
			t.Errorf("got %d %q, net/http reads %d %q", h.status, body, resp.StatusCode, want)
		}
	})
}

// TestHistogramKeepsItsPromise: never below the true time, at most 1/128 above.
func TestHistogramKeepsItsPromise(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable
	for _, n := range []int{1, 2, 10, 99, 100, 101, 5000} {
		var h histogram
		var all []int64
		for range n {
			us := random.Int64N(1 << random.IntN(36))
			all = append(all, us)
			h.add(time.Duration(us) * time.Microsecond)
		}
		slices.Sort(all)
		for _, q := range []float64{.5, .9, .99, .999, 1} {
			rank := max(1, int(q*float64(n)+.999999))
			want := float64(all[rank-1]) / 1000
			if got := h.quantile(q); got < want || got > want*(1+1./128)+.001 {
				t.Errorf("%d times, q %v: got %v ms, want %v", n, q, got, want)
			}
		}
	}
	if (&histogram{}).quantile(.99) != 0 {
		t.Error("a time out of nothing")
	}
}
