package rest

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/connectors"
)

// zeros is n bytes that need no memory.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	return int(n), nil
}

func TestFiftyMegabytes(t *testing.T) {
	f := serve(t, func(o *ServerOptions) { o.MaxBody = 1 << 20 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	req, _ := http.NewRequest("POST", f.URL+PathMessages, &zeros{50 << 20})
	req.ContentLength = 50 << 20
	req.Header.Set("Authorization", "Bearer secret-token")
	resp, err := f.Client().Do(req)
	runtime.ReadMemStats(&after)
	if err == nil {
		defer resp.Body.Close()
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 413 || !strings.Contains(string(b), "too-large") {
			t.Errorf("got %d %s", resp.StatusCode, b)
		}
	} // else: the connection was closed while the client was still writing, which is right as well
	got := f.keeper.all()
	if len(got) != 1 || len(got[0].Body) != 1<<20 || got[0].Size != 50<<20 {
		t.Fatalf("handed over %d messages", len(got))
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("allocated %d bytes for a body over the limit of 1 MiB", used)
	}
}

// raw opens a connection and writes text; nothing more follows until it is closed.
func (f *fixture) raw(t *testing.T, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

const rawHead = "POST /messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret-token\r\n"

func TestHalfBody(t *testing.T) {
	t.Parallel()
	f := serve(t, nil)
	c := f.raw(t, rawHead+"Content-Length: 100\r\n\r\n<a>half")
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 400 || !strings.Contains(string(b), "incomplete-body") {
		t.Errorf("got %d %s", resp.StatusCode, b)
	}
	if n := len(f.keeper.all()); n != 0 {
		t.Errorf("half a message was handed over")
	}
}

func TestSlowBody(t *testing.T) {
	t.Parallel()
	f := serve(t, func(o *ServerOptions) { o.ReadTimeout = 100 * time.Millisecond })
	c := f.raw(t, rawHead+"Content-Length: 100\r\n\r\n<a>slow")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 408 || !strings.Contains(string(b), "body-timeout") || !resp.Close {
		t.Errorf("got %d, close %v, %s", resp.StatusCode, resp.Close, b)
	}
	if n := len(f.keeper.all()); n != 0 {
		t.Errorf("half a message was handed over")
	}
}

// slowStore keeps a message after a while, unless its request is cancelled before.
type slowStore time.Duration

func (s slowStore) Receive(ctx context.Context, _ connectors.Incoming) (connectors.Answer, error) {
	select {
	case <-ctx.Done():
		return connectors.Answer{}, ctx.Err()
	case <-time.After(time.Duration(s)):
		return connectors.Answer{MessageID: "m1"}, nil
	}
}

// The time limit of the body must not cut the wait for the sync.
func TestSlowStoreIsNotABodyTimeout(t *testing.T) {
	t.Parallel()
	f := serve(t, func(o *ServerOptions) {
		// So long that the body itself is in time on any machine.
		o.ReadTimeout = 2 * time.Second
		o.Receiver = slowStore(2200 * time.Millisecond)
	})
	for range 2 { // the second request shows that the connection is still good
		if resp, text := f.post(t, PathMessages, strings.NewReader("<a/>")); resp.StatusCode != 202 {
			t.Errorf("got %d %s", resp.StatusCode, text)
		}
	}
}

// TestNoisyParty: one party holds all that it may; it is told to wait, another one is served.
func TestNoisyParty(t *testing.T) {
	t.Parallel()
	parties, err := NewParties([]Credential{{Party: "hospital", TokenSHA256: HashToken("secret-token")}, {Party: "city", TokenSHA256: HashToken("another-token")}})
	if err != nil {
		t.Fatal(err)
	}
	f := serve(t, func(o *ServerOptions) { o.MaxConcurrent, o.Parties, o.ReadTimeout = 4, parties, patience })
	var held []net.Conn
	for range 3 {
		held = append(held, f.raw(t, rawHead+"Content-Length: 100\r\n\r\n<a>"))
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		resp, text := f.post(t, PathMessages, strings.NewReader("<a/>"))
		if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") == "1" && strings.Contains(text, `"party-busy"`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("never told to wait: %d %s", resp.StatusCode, text)
		}
	}
	for range 10 {
		if resp, text := f.post(t, PathMessages, strings.NewReader("<a/>"), "Authorization", "Bearer another-token"); resp.StatusCode != http.StatusAccepted {
			t.Errorf("the other party: %d %s", resp.StatusCode, text)
		}
	}
	for _, c := range held {
		c.Close()
	}
}

// TestShareOfMemory: bodies of one party never take all the memory for bodies.
func TestShareOfMemory(t *testing.T) {
	t.Parallel()
	s := newShares(100, 1000, 10)
	a, b := s.party("a"), s.party("b")
	if s.party("a") != a || !a.take(750) || a.take(1) || !b.take(250) {
		t.Error("the share of memory is not three quarters")
	}
	for range 75 {
		if !a.enter() {
			t.Fatal("less than three quarters of the requests")
		}
	}
	if a.enter() || !b.enter() {
		t.Error("more than three quarters of the requests")
	}
	a.leave(750)
	if !a.enter() || !a.take(750) {
		t.Error("a share is not given back")
	}
	if one := newShares(1, 5, 10); one.slots != 1 || one.held != 11 {
		t.Errorf("the least share is %d requests and %d bytes", one.slots, one.held)
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	f := serve(t, func(o *ServerOptions) { o.MaxConcurrent, o.ReadTimeout = 2, patience })
	// Two requests that never finish their bodies hold both slots.
	var held []net.Conn
	for range 2 {
		held = append(held, f.raw(t, rawHead+"Content-Length: 100\r\n\r\n<a>"))
	}
	deadline := time.Now().Add(patience)
	for {
		resp, text := f.post(t, PathMessages, strings.NewReader("<a/>"))
		if resp.StatusCode == 429 {
			if resp.Header.Get("Retry-After") != "1" || !strings.Contains(text, `"party-busy"`) {
				t.Errorf("got Retry-After %q, %s", resp.Header.Get("Retry-After"), text)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("never full")
		}
	}
	for _, c := range held {
		c.Close()
	}
	for {
		if resp, _ := f.post(t, PathMessages, strings.NewReader("<a/>")); resp.StatusCode == 202 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("slots were not given back")
		}
	}
}

func TestMemoryBudget(t *testing.T) {
	t.Parallel()
	f := serve(t, func(o *ServerOptions) { o.MaxBody = 100 << 10; o.MaxHeld = 100<<10 + 1 })
	h := f.Config.Handler.(*handler)
	h.budget.left.Add(-(90 << 10)) // as if other requests held it
	big := strings.Repeat("x", 60<<10)
	if resp, text := f.post(t, PathMessages, strings.NewReader(big)); resp.StatusCode != 503 || !strings.Contains(text, "busy") {
		t.Errorf("got %d %s", resp.StatusCode, text)
	}
	if resp, _ := f.post(t, PathMessages, strings.NewReader("<a/>")); resp.StatusCode != 202 {
		t.Errorf("a small message was refused: %d", resp.StatusCode)
	}
	h.budget.left.Add(90 << 10)
	if resp, _ := f.post(t, PathMessages, strings.NewReader(big)); resp.StatusCode != 202 {
		t.Errorf("refused with a free budget: %d", resp.StatusCode)
	}
	if left := h.budget.left.Load(); left != 100<<10+1 {
		t.Errorf("budget has %d left, want all %d", left, 100<<10+1)
	}
}

func TestPanicIsAnsweredAndSlotGivenBack(t *testing.T) {
	t.Parallel()
	f := serve(t, func(o *ServerOptions) { o.MaxConcurrent = 1 })
	f.keeper.answer = func(n int, in connectors.Incoming) (connectors.Answer, error) {
		if n == 1 {
			panic("body was " + string(in.Body))
		}
		return connectors.Answer{MessageID: "m1"}, nil
	}
	resp, text := f.post(t, PathMessages, strings.NewReader("<a>private</a>"))
	if resp.StatusCode != 500 || strings.Contains(text+f.log.String(), "private") {
		t.Errorf("got %d %s, log %s", resp.StatusCode, text, f.log)
	}
	if resp, _ := f.post(t, PathMessages, strings.NewReader("<a/>")); resp.StatusCode != 202 {
		t.Errorf("after a panic: %d", resp.StatusCode)
	}
}

// certificate makes a self-signed one for 127.0.0.1.
func certificate(t *testing.T, name string, notAfter time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: notAfter.Add(-2 * time.Hour), NotAfter: notAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func fingerprint(c tls.Certificate) string {
	parts := []string{}
	for _, b := range sha256.Sum256(c.Certificate[0]) {
		parts = append(parts, fmt.Sprintf("%02X", b))
	}
	return strings.Join(parts, ":")
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Hour)
	mine, strange := certificate(t, "mine", soon), certificate(t, "strange", soon)
	old := certificate(t, "old", time.Now().Add(-time.Minute))
	parties, err := NewParties([]Credential{
		{Party: "hospital", CertSHA256: fingerprint(mine)}, {Party: "gp", CertSHA256: fingerprint(old)},
		{Party: "gp", TokenSHA256: HashToken("gp-token")}, {Party: "hospital", TokenSHA256: HashToken("hospital-token")},
	})
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{}
	srv := httptest.NewUnstartedServer(NewHandler(ServerOptions{Receiver: k, Parties: parties}))
	server := certificate(t, "server", soon)
	srv.TLS = ServerTLS(server)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Leaf)
	cases := []struct {
		name   string
		cert   *tls.Certificate
		token  string
		status int
		party  string
	}{
		{"pinned certificate", &mine, "", 202, "hospital"},
		{"unknown certificate", &strange, "", 401, ""},
		{"pinned but expired", &old, "", 401, ""},
		{"no certificate", nil, "", 401, ""},
		{"token beside an unknown certificate", &strange, "gp-token", 202, "gp"},
		{"token and certificate agree", &mine, "hospital-token", 202, "hospital"},
		{"token and certificate differ", &mine, "gp-token", 401, ""},
		{"wrong token beside a good certificate", &mine, "wrong", 401, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := &tls.Config{RootCAs: roots}
			if c.cert != nil {
				cfg.Certificates = []tls.Certificate{*c.cert}
			}
			tr := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true}
			defer tr.CloseIdleConnections()
			req, _ := http.NewRequest("POST", srv.URL+PathMessages, strings.NewReader("<a>"+c.name+"</a>"))
			if c.token != "" {
				req.Header.Set("Authorization", "Bearer "+c.token)
			}
			before := len(k.all())
			resp, err := (&http.Client{Transport: tr}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != c.status || resp.ProtoMajor != 2 {
				t.Errorf("got %d over %s, want %d over HTTP/2", resp.StatusCode, resp.Proto, c.status)
			}
			got := k.all()[before:]
			if c.party == "" && len(got) != 0 || c.party != "" && (len(got) != 1 || got[0].Party != c.party) {
				t.Errorf("handed over %+v, want party %q", got, c.party)
			}
		})
	}
}

func TestOddHeadersAreDropped(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, header, value, want string }{
		{"trace of zeros", "Traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01", ""},
		{"trace in capitals", "Traceparent", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", ""},
		{"trace too short", "Traceparent", "00-0af7651916cd43dd", ""},
		{"trace of another version", "Traceparent", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""},
		{"content type with text", "Content-Type", "not a type at all;;;", ""},
		{"content type too long", "Content-Type", "application/xml; x=" + strings.Repeat("a", 300), ""},
		{"content type of a form", "Content-Type", "application/x-www-form-urlencoded", ""},
		{"content type of an upload", "Content-Type", "multipart/form-data; boundary=x", ""},
		{"content type with charset", "Content-Type", "text/xml; charset=iso-8859-1", "text/xml; charset=iso-8859-1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", PathMessages, nil)
			r.Header.Set(c.header, c.value)
			got := traceParent(r)
			if c.header == "Content-Type" {
				got = contentType(r)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
