package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
)

// checker holds a decoded configuration against what one key alone cannot tell.
type checker struct {
	*decoder
	cfg *Config
	// ids are the party ids, roles the roles in use.
	ids, roles []string
	// owners tells whose a value is that only one may have.
	owners map[string]string
}

func (c *checker) check() {
	c.owners = make(map[string]string)
	for i := range c.cfg.Parties {
		p := &c.cfg.Parties[i]
		c.ids = append(c.ids, p.ID)
		c.roles = append(c.roles, p.Role)
	}
	c.listeners()
	c.store()
	if _, there := c.lines["parties"]; there && len(c.cfg.Parties) == 0 && len(c.problems) == 0 {
		c.report("parties", CodeEmpty, "names nobody", "add the systems the gateway talks with")
	}
	for i := range c.cfg.Parties {
		c.party(&c.cfg.Parties[i], fmt.Sprintf("parties[%d]", i))
	}
	if c.cfg.Routes == nil {
		c.cfg.Routes = defaultRoutes()
	}
	for i := range c.cfg.Routes {
		c.route(&c.cfg.Routes[i], i)
	}
	if c.cfg.Patients != "" {
		c.patients()
	}
}

// defaultRoutes send every message to whom it names, and to nobody else.
func defaultRoutes() []Route { return []Route{{Name: "addressees", To: []string{"addressees"}}} }

func (c *checker) listeners() {
	cfg := c.cfg
	c.listener("listen", cfg.Listen)
	if cfg.AdminListen != "" {
		c.listener("admin_listen", cfg.AdminListen)
		if cfg.AdminListen == cfg.Listen && !portIsZero(cfg.Listen) {
			c.report("admin_listen", CodeConflict, "is the same address as listen", "take it out, or name another port")
		}
	}
	if t := cfg.TLS; t != nil {
		switch {
		case t.Elsewhere && t.Cert != "":
			c.report("tls.elsewhere", CodeConflict, "TLS cannot end both here and in a proxy", "take out elsewhere, or cert and key")
		case !t.Elsewhere && t.Cert == "":
			c.report("tls.cert", CodeMissingKey, "is missing", "name the server certificate, or set elsewhere: true when a proxy ends TLS")
		}
		c.keyPair("tls", t.Cert, t.Key)
		c.authorities("tls.client_ca", t.ClientCA)
	}
}

// listener checks one address to listen on.
func (c *checker) listener(key, address string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		c.report(key, CodeValue, fmt.Sprintf("%q is no address", address), "write HOST:PORT, for instance 127.0.0.1:8480")
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		c.report(key, CodeValue, fmt.Sprintf("%q is no port", port), "write a number up to 65535")
	}
	if c.cfg.TLS == nil && !c.cfg.Test() && !isLoopback(host) {
		c.report(key, CodeInsecure, "plain HTTP on an address other machines reach", "add tls with cert and key, or tls.elsewhere: true behind a proxy that ends TLS, or listen on 127.0.0.1")
	}
}

func portIsZero(address string) bool {
	_, port, _ := net.SplitHostPort(address)
	return port == "0"
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// keyPair checks that a certificate and its key are both there and belong together.
func (c *checker) keyPair(block, cert, key string) {
	switch {
	case cert == "" && key == "":
	case cert == "":
		c.report(block+".cert", CodeMissingKey, "is missing beside key", "name the certificate that belongs to the key")
	case key == "":
		c.report(block+".key", CodeMissingKey, "is missing beside cert", "name the key that belongs to the certificate")
	default:
		if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
			c.report(block+".cert", CodeFileRef, "certificate and key cannot be used: "+err.Error(), "name two PEM files that the gateway may read and that belong together")
		}
	}
}

func (c *checker) authorities(key, path string) {
	if path == "" {
		return
	}
	if _, err := readPool(path); err != nil {
		c.report(key, CodeFileRef, "cannot be used: "+err.Error(), "name a PEM file with at least one certificate that the gateway may read")
	}
}

func readPool(path string) (*x509.CertPool, error) {
	raw, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return pool, nil
}

// own notes that a value belongs to one party, and reports a second owner. The value is not shown.
func (c *checker) own(what, value, party, key string) {
	if value == "" {
		return
	}
	owner := what + "\x00" + value
	if first, taken := c.owners[owner]; taken {
		c.report(key, CodeDuplicate, fmt.Sprintf("is the same %s as that of party %s", what, first), "give each party its own")
		return
	}
	c.owners[owner] = party
}

var (
	digitsOnly   = regexp.MustCompile(`^[0-9]{1,12}$`)
	municipality = regexp.MustCompile(`^[0-9]{4}$`)
)

func (c *checker) number(key, value string) {
	if !municipality.MatchString(value) {
		c.report(key, CodeValue, fmt.Sprintf("%q is no municipality number", value), "write its four digits, with a leading zero where it has one")
	}
}
