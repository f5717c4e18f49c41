package config

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
)

// Server makes the TLS settings of the listeners; nil when the gateway speaks plain HTTP itself.
// Clients may show a certificate; who they are is decided by its fingerprint, see Fingerprint.
func (t *TLS) Server() (*tls.Config, error) {
	if t == nil || t.Cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("load server certificate: %w", err)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert}
	if t.ClientCA != "" {
		if cfg.ClientCAs, err = readPool(t.ClientCA); err != nil {
			return nil, fmt.Errorf("load client authorities: %w", err)
		}
		cfg.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return cfg, nil
}

// Client makes the TLS settings towards the endpoint.
func (e *Endpoint) Client() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.Cert != "" {
		pair, err := tls.LoadX509KeyPair(e.Cert, e.Key)
		if err != nil {
			return nil, fmt.Errorf("load client certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	if e.CA != "" {
		pool, err := readPool(e.CA)
		if err != nil {
			return nil, fmt.Errorf("load authorities: %w", err)
		}
		cfg.RootCAs = pool
	}
	return cfg, nil
}

// Fingerprint is the form in which Party.ClientCert names a certificate: lower-case hex SHA-256 of its DER.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}
