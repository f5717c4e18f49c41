package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/connectors/rest"
	"github.com/samvirke/samvirke/internal/admin"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/gateway"
)

// credentials are the secrets by which parties are known.
func credentials(cfg *config.Config) []rest.Credential {
	var out []rest.Credential
	for _, p := range cfg.Parties {
		c := rest.Credential{Party: p.ID, CertSHA256: p.ClientCert}
		if t := p.Token.Reveal(); t != "" {
			c.TokenSHA256 = rest.HashToken(t)
		}
		if c.TokenSHA256 != "" || c.CertSHA256 != "" {
			out = append(out, c)
		}
	}
	return out
}

// restSender opens the HTTP way to a party.
func restSender(c *config.Party, r prometheus.Registerer) (connectors.Sender, error) {
	e := c.Endpoint
	o := rest.ClientOptions{
		Party: c.ID, URL: e.URL, Token: e.Token.Reveal(), Timeout: e.Timeout,
		MaxIdlePerHost: e.MaxInFlight, UserAgent: "samvirke/" + version, Registerer: r,
	}
	var err error
	if o.Certificates, o.CA, err = clientTLS(e.Cert, e.Key, e.CA); err != nil {
		return nil, err
	}
	return rest.NewSender(o)
}

func serverTLS(t *config.TLS) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("server certificate: %w", err)
	}
	c := rest.ServerTLS(pair)
	if t.ClientCA != "" {
		pem, err := os.ReadFile(t.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("client authorities: %w", err)
		}
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", t.ClientCA)
		}
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return c, nil
}

// addPeople puts UI, metrics and health on a mux.
func (h *house) addPeople(ctx context.Context, m *http.ServeMux, addr string) error {
	m.HandleFunc("GET /healthz", h.healthz)
	m.HandleFunc("GET /readyz", h.readyz)
	if h.cfg.Metrics.Enabled {
		m.Handle("GET /metrics", promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{}))
	}
	if !h.cfg.Admin.Enabled {
		return nil
	}
	var err error
	o := admin.Options{
		Store: h.store, Actions: h.gateway, Holder: h.gateway, Decider: h.gateway, Logger: h.log, SessionFor: h.cfg.Admin.Session, Version: version,
		Secure: h.cfg.TLS != nil, Instance: h.cfg.Environment, Canonical: h.canonical, Mappings: h.mappings(),
		Now: h.now(), SignInClock: time.Now,
		Parties: func(ctx context.Context) []gateway.PartyState {
			ps, err := h.gateway.Parties(ctx)
			if err != nil {
				h.log.Error("read state of parties", "err", err)
			}
			return ps
		},
	}
	o.Coordinates, o.Unplaced = h.gateway.Coordinates, h.gateway.Unplaced
	o.RulesOff, o.Priority = h.rules.Off, h.rules.Priority
	o.Erase = func(ctx context.Context, who, patient, reason string) error {
		_, err := erasePerson(ctx, h.gateway.Erase, h.store, patient, who, reason)
		return err
	}
	if h.figures != nil {
		o.Figures = h.figures.Report
	}
	if h.admin, err = admin.New(o); err != nil {
		return fmt.Errorf("prepare UI: %w", err)
	}
	m.Handle("/", h.admin)
	h.adminURL = "http://" + addr + "/"
	if h.cfg.TLS != nil && h.cfg.TLS.Cert != "" {
		h.adminURL = "https://" + addr + "/"
	}
	return nil
}

// healthz says that the process lives; it looks at nothing else.
func (h *house) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintln(w, "ok")
}

// readyz says whether messages are taken: the store must be able to write. A receiver that is down
// does not make the gateway unready.
func (h *house) readyz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	ctx, cancel := context.WithTimeoutCause(r.Context(), 2*time.Second, errors.New("store did not answer in 2 s"))
	defer cancel()
	select {
	case <-h.store.Failed():
		http.Error(w, "store cannot write", http.StatusServiceUnavailable)
		return
	default:
	}
	if _, err := h.store.Stats(ctx); err != nil {
		http.Error(w, "store cannot be read", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
