package rest

import (
	"crypto/tls"
	"net/http"
	"time"
)

// Limits of the HTTP server around the handler.
const (
	HeaderTimeout  = 5 * time.Second // from connect to the end of the request's head
	IdleTimeout    = 2 * time.Minute // between two requests on one connection
	MaxHeaderBytes = 16 << 10
)

// NewServer returns an http.Server with the limits that a handler cannot set for itself. There is
// no write time-out: an answer waits for a sync, and the handlers bound their own time.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: HeaderTimeout, IdleTimeout: IdleTimeout, MaxHeaderBytes: MaxHeaderBytes,
	}
}

// ServerTLS returns the TLS settings of a listener whose callers may show a client certificate.
// The certificate is asked for and its key is proven in the handshake; whether it is one of a party
// is decided by Parties, by fingerprint, so that certificates of any issuer can be pinned.
func ServerTLS(certificates ...tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: certificates,
		MinVersion:   tls.VersionTLS12,
		ClientAuth:   tls.RequestClientCert,
		NextProtos:   []string{"h2", "http/1.1"},
	}
}
