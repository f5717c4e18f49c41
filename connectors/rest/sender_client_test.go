package rest

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestSendsClientCertificate(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Hour)
	server, mine := certificate(t, "server", soon), certificate(t, "mine", soon)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"cn":"`+r.TLS.PeerCertificates[0].Subject.CommonName+`","proto":"`+r.Proto+`"}`)
	}))
	srv.TLS = ServerTLS(server)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Leaf)
	res, err := sender(t, ClientOptions{URL: srv.URL, CA: roots, Certificates: []tls.Certificate{mine}}).Send(t.Context(), delivery)
	if err != nil || string(res.Body) != `{"cn":"mine","proto":"HTTP/2.0"}` {
		t.Errorf("got %s, %v", res.Body, err)
	}
}

func TestNewSenderRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		opt  ClientOptions
		want string
	}{
		{"no URL", ClientOptions{Party: "gp"}, "want http:// or https://"},
		{"no host", ClientOptions{Party: "gp", URL: "http:///x"}, "want http:// or https://"},
		{"other scheme", ClientOptions{Party: "gp", URL: "file:///etc/passwd"}, "want http:// or https://"},
		{"not a URL", ClientOptions{Party: "gp", URL: "http://hidden:secret\x7f@x"}, "not a URL"},
		{"password in the URL", ClientOptions{Party: "gp", URL: "https://u:secret@x/"}, "no user or password"},
		{"no party", ClientOptions{URL: "http://x"}, "without party"},
		{"token with line break", ClientOptions{Party: "gp", URL: "http://x", Token: "secret\n"}, "printable ASCII"},
		{"certificate without TLS", ClientOptions{Party: "gp", URL: "http://x", Certificates: make([]tls.Certificate, 1)}, "needs https"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewSender(c.opt)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestSendersShareARegistry(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	srv := far(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202) })
	for _, party := range []string{"gp", "municipality"} {
		if _, err := sender(t, ClientOptions{Party: party, URL: srv.URL, Registerer: reg}).Send(t.Context(), delivery); err != nil {
			t.Fatal(err)
		}
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 1 || len(families[0].GetMetric()) != 2 {
		t.Errorf("got %v, %v; want one family with two parties", families, err)
	}
}
