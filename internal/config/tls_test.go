package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair makes a self-signed certificate for 127.0.0.1 and writes both PEM files.
func writePair(t *testing.T, dir, name string) (cert, key string, der []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	if der, err = x509.CreateCertificate(rand.Reader, template, template, k.Public(), k); err != nil {
		t.Fatal(err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	write := func(suffix, kind string, raw []byte) string {
		path := filepath.Join(dir, name+suffix)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write(".pem", "CERTIFICATE", der), write(".key", "PRIVATE KEY", rawKey), der
}

// TestTLS loads a configuration with certificates on both sides; a fingerprint may be written as openssl does.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	_, _, der := writePair(t, dir, "bydal")
	serverCert, _, _ := writePair(t, dir, "server")
	sum := sha256.Sum256(der)
	var colons []string
	for _, b := range sum {
		colons = append(colons, fmt.Sprintf("%02X", b))
	}
	cfg, problems := Parse(filepath.Join(dir, "x.yaml"), []byte(`
listen: 0.0.0.0:0
tls: {cert: server.pem, key: server.key, client_ca: bydal.pem}
parties:
  - {id: bydal, role: other, client_cert: "`+strings.Join(colons, ":")+`", endpoint: {url: "https://127.0.0.1:1/", cert: bydal.pem, key: bydal.key, ca: server.pem}}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got, want := cfg.Parties[0].ClientCert, hex.EncodeToString(sum[:]); got != want {
		t.Errorf("client_cert: got %s, want %s", got, want)
	}
	if cfg.TLS.Cert != serverCert {
		t.Errorf("tls.cert: got %s, want %s", cfg.TLS.Cert, serverCert)
	}
}

// TestTLSPairThatDoesNotMatch: a key of another certificate is found at load time, not at the first call.
func TestTLSPairThatDoesNotMatch(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "a")
	writePair(t, dir, "b")
	_, problems := Parse(filepath.Join(dir, "x.yaml"), []byte("tls: {cert: a.pem, key: b.key}\nparties: [{id: p, role: gp, token: 0123456789abcdef}]\n"))
	if len(problems) != 1 || problems[0].Code != CodeFileRef || problems[0].Key != "tls.cert" {
		t.Errorf("got %v", problems)
	}
}
