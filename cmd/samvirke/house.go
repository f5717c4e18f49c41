package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/connectors/folder"
	"github.com/samvirke/samvirke/connectors/rest"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/admin"
	"github.com/samvirke/samvirke/internal/api"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/figures"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// house is a whole running gateway: store, conductor, connectors, web. It is started in one order and
// stopped in the reverse one.
type house struct {
	cfg       *config.Config
	log       *slog.Logger
	registry  *prometheus.Registry
	formats   []mapping.Format
	store     queue.Store
	gateway   *gateway.Gateway
	admin     *admin.Server
	figures   *figures.Counter // nil: not counted
	rules     careplan.Options // how plans are folded
	clock     *storyClock      // nil: the machine's
	stopClock func()           // nil: no file is followed
	servers   []*http.Server
	folders   []*folder.Source
	addr      string // where parties reach it, host:port
	adminURL  string
	stopOnce  sync.Once
	failed    chan error
	// started counts serve loops and audit entries on their way; stop waits for them.
	started sync.WaitGroup
}

// openHouse builds and starts everything. What was started is stopped again when a later step fails.
func openHouse(ctx context.Context, cfg *config.Config, log *slog.Logger) (*house, error) {
	return openHouseAt(ctx, cfg, log, func(*house) error { return nil })
}

// openHouseAt does the same in another time: tell gives the house its clock before anything has asked what time it is.
func openHouseAt(ctx context.Context, cfg *config.Config, log *slog.Logger, tell func(*house) error) (h *house, err error) {
	h = &house{cfg: cfg, log: log, registry: prometheus.NewRegistry(), failed: make(chan error, 4)}
	defer func() {
		if err != nil {
			h.stop()
		}
	}()
	if err = tell(h); err != nil {
		return h, err
	}
	h.registry.MustRegister(goCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// The listener comes first: an address in use is found before anything is touched.
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return h, fail(exitFailed, "listen on %s: %w", cfg.Listen, err)
	}
	h.addr = ln.Addr().String()
	adminLn := ln
	if cfg.AdminListen != "" {
		if adminLn, err = net.Listen("tcp", cfg.AdminListen); err != nil {
			return h, errors.Join(fail(exitFailed, "listen on %s: %w", cfg.AdminListen, err), ln.Close())
		}
	}
	if err = h.openCore(ctx); err != nil {
		return h, errors.Join(err, ln.Close())
	}
	if err = h.serve(ctx, ln, adminLn); err != nil {
		return h, err
	}
	return h, h.startFolders(ctx)
}

func (h *house) openCore(ctx context.Context) (err error) {
	cfg := h.cfg
	if h.formats, err = formatsWith(kith.Options{MaxBytes: int(cfg.Limits.MaxBody), AllowSynthetic: cfg.Test(), PlainReceipts: true, AllowH: cfg.HNumber == "accept"}); err != nil {
		return err
	}
	for _, f := range h.formats {
		// A server compiles its schemas before it says that it is ready; a command that reads one
		// message compiles only the one it needs.
		if p, ok := f.(interface{ Prepare() error }); ok {
			if err := p.Prepare(); err != nil {
				return err
			}
		}
	}
	h.store, err = openStore(ctx, h.storeOptions(), cfg.Encryption)
	if errors.Is(err, sqlite.ErrLocked) {
		return fail(exitTryLater, "another gateway is running on %s", cfg.DataDir)
	}
	if err != nil {
		return keyError(fmt.Errorf("open store: %w", err))
	}
	o := gateway.Options{
		Store: h.store, Formats: h.formats, Patient: cfg.Directory.Find, Workers: cfg.Limits.Workers, Memory: memorySet(),
		BaseURL: h.baseURL(), Logger: h.log, Registerer: h.registry, Now: h.now(),
	}
	if h.clock != nil {
		o.ClockEvery = clockLook
	}
	if o.Addresses, err = addresses(cfg, h.log); err != nil {
		return err
	}
	var errs []error
	if o.Router, errs = route.New(cfg.Words(), rules(cfg)); len(errs) > 0 {
		return &exitError{code: exitBadConfig, err: errors.Join(errs...)}
	}
	for i := range cfg.Parties {
		p, err := h.party(&cfg.Parties[i])
		if err != nil {
			return &exitError{code: exitBadConfig, err: err}
		}
		o.Parties = append(o.Parties, p)
	}
	if o.Rules, err = planRules(cfg); err != nil {
		return err
	}
	h.rules = o.Rules
	if cfg.Figures.Enabled {
		job, err := h.figuresJob()
		if err != nil {
			return err
		}
		o.Jobs = append(o.Jobs, job)
	}
	retention, err := h.retentionJob()
	if err != nil {
		return err
	}
	o.Jobs = append(o.Jobs, retention)
	if h.gateway, err = gateway.New(o); err != nil {
		return err
	}
	return h.gateway.Start(ctx)
}

func (h *house) baseURL() string {
	scheme := "http"
	if h.cfg.TLS != nil && h.cfg.TLS.Cert != "" {
		scheme = "https"
	}
	return scheme + "://" + h.addr
}

// rules are the routing rules of the file; without any, every message goes to its addressees, and
// everybody with FHIR in the team is told of plan changes.
func rules(cfg *config.Config) []route.Rule {
	var out []route.Rule
	for _, r := range cfg.Routes {
		out = append(out, route.Rule(r))
	}
	if len(out) == 0 {
		out = []route.Rule{{Name: "addressees", To: []string{"addressees"}}}
	}
	for i := range cfg.Parties {
		if p := &cfg.Parties[i]; len(p.CopyTo) > 0 {
			out = append(out, route.Rule{Name: "copies of what " + p.ID + " sends", From: []string{p.ID}, To: p.CopyTo})
		}
	}
	return out
}

// party opens the wire to one party.
func (h *house) party(c *config.Party) (gateway.Party, error) {
	p := gateway.Party{
		Party: c.Word(), Site: siteOf(c), CancelVersion: c.CancelScope == "version", FullPayload: c.Payload == "full", PlanChanges: gateway.PlanChanges(c.PlanChanges),
		Events: c.Events == "all", Pace: gateway.Pace{PerSecond: float64(c.Rate), RetriesPerMinute: c.Retry.Budget},
		Retry:   gateway.Retry{First: c.Retry.First, Max: c.Retry.Max, MaxAge: c.Retry.Age},
		Breaker: gateway.Breaker{Failures: uint32(c.Breaker.Failures), OpenFor: c.Breaker.OpenFor}, //nolint:gosec // bounded by config
	}
	for _, e := range c.Expire {
		p.Expire = append(p.Expire, gateway.Expiry(e))
	}
	var err error
	switch {
	case c.Endpoint != nil && c.Endpoint.URL != "":
		p.MaxInFlight, p.SendTimeout, p.Endpoint = c.Endpoint.MaxInFlight, c.Endpoint.Timeout, c.Endpoint.URL
		p.Sender, err = restSender(c, h.registry)
	case c.Folder != nil && c.Folder.Out != "":
		p.Sender, err = folder.NewSender(folder.SenderOptions{Party: c.ID, Dir: c.Folder.Out})
	case c.NATS != nil:
		p.MaxInFlight, p.SendTimeout = c.NATS.MaxInFlight, c.NATS.Timeout
		p.Sender, err = natsSender(c)
	case c.Kafka != nil:
		p.MaxInFlight, p.SendTimeout = c.Kafka.MaxInFlight, c.Kafka.Timeout
		p.Sender, err = h.kafkaSender(c)
	}
	if err != nil {
		return p, fmt.Errorf("party %s: %w", c.ID, err)
	}
	return p, nil
}

// startFolders begins to watch the incoming folders.
func (h *house) startFolders(ctx context.Context) error {
	for i := range h.cfg.Parties {
		c := &h.cfg.Parties[i]
		if c.Folder == nil || c.Folder.In == "" {
			continue
		}
		s, err := folder.NewSource(folder.SourceOptions{
			Party: c.ID, Dir: c.Folder.In, Errors: c.Folder.Errors, Receiver: h.gateway,
			MaxBody: int64(h.cfg.Limits.MaxBody), Logger: h.log, Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"folder": c.ID}, h.registry),
		})
		if err != nil {
			return &exitError{code: exitBadConfig, err: fmt.Errorf("party %s: %w", c.ID, err)}
		}
		if err := s.Start(ctx); err != nil {
			return fmt.Errorf("watch folder of %s: %w", c.ID, err)
		}
		h.folders = append(h.folders, s)
	}
	return nil
}

// serve starts the HTTP servers on listeners that are already open.
func (h *house) serve(ctx context.Context, ln, adminLn net.Listener) error {
	parties, err := rest.NewParties(credentials(h.cfg))
	if err != nil {
		return errors.Join(&exitError{code: exitBadConfig, err: err}, ln.Close())
	}
	open := http.NewServeMux()
	in := rest.NewHandler(rest.ServerOptions{
		Receiver: h.gateway, Parties: parties, MaxBody: int64(h.cfg.Limits.MaxBody), MaxConcurrent: h.cfg.Limits.MaxInFlight,
		ReadTimeout: h.cfg.Limits.ReadTimeout, Logger: h.log, Registerer: h.registry, OnRefused: h.auditRefusal,
	})
	// Only POST: the same path shows the list of messages to people.
	open.Handle("POST "+rest.PathMessages, in)
	open.Handle("POST "+rest.PathProcess, in)
	systems, err := api.New(api.Options{
		Store: h.store, Submitter: h.gateway, Subscriptions: h.gateway, Parties: h.cfg.Words(), Auth: parties.Party, PlanID: h.gateway.PlanID, Coordinates: h.gateway.Coordinates, Rules: h.rules, BaseURL: h.baseURL() + "/fhir/",
		Version: version, Logger: h.log, Registerer: h.registry, Now: h.now(),
	})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	for _, method := range api.Methods() {
		open.Handle(method+" /fhir/", systems)
	}
	open.Handle("POST /fhir", systems) // the base itself, where transactions go
	people := open
	if adminLn != ln {
		people = http.NewServeMux()
		open.HandleFunc("GET /healthz", h.healthz)
		open.HandleFunc("GET /readyz", h.readyz)
	}
	if err := h.addPeople(ctx, people, adminLn.Addr().String()); err != nil {
		return errors.Join(err, ln.Close())
	}
	if err := h.listen(ln, open); err != nil {
		return err
	}
	if adminLn != ln {
		return h.listen(adminLn, people)
	}
	return nil
}

func (h *house) listen(ln net.Listener, handler http.Handler) error {
	s := rest.NewServer(handler)
	h.servers = append(h.servers, s)
	if t := h.cfg.TLS; t != nil && t.Cert != "" {
		tlsConfig, err := serverTLS(t)
		if err != nil {
			return errors.Join(&exitError{code: exitBadConfig, err: err}, ln.Close())
		}
		s.TLSConfig = tlsConfig
		h.started.Go(func() { h.report(s.ServeTLS(ln, "", "")) })
		return nil
	}
	h.started.Go(func() { h.report(s.Serve(ln)) })
	return nil
}

func (h *house) report(err error) {
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		select {
		case h.failed <- fmt.Errorf("serve: %w", err):
		default:
		}
	}
}

// wait blocks until ctx ends or the house cannot go on: after a failed sync the process must end
// and recover from disk at the next start.
func (h *house) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-h.failed:
		return err
	case <-h.store.Failed():
		return fmt.Errorf("store: %w", h.store.Err())
	}
}

// stop ends everything in the reverse order of the start: first no new messages, then the work, then the store.
func (h *house) stop() {
	h.stopOnce.Do(func() {
		for _, s := range h.folders {
			s.Stop()
		}
		if h.stopClock != nil {
			h.stopClock()
		}
		limit := h.cfg.Limits.StopTimeout
		if limit <= 0 {
			limit = 20 * time.Second
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if h.admin != nil {
			h.admin.Close()
		}
		for _, s := range slices.Backward(h.servers) {
			if s.Shutdown(ctx) != nil {
				_ = s.Close()
			}
		}
		h.started.Wait() // each has a time limit of its own
		if h.gateway != nil {
			h.gateway.Stop()
		}
		if h.store != nil {
			queue.Reach(queue.PointStoreStopped)
			if err := h.store.Close(); err != nil {
				h.log.Error("close store", "err", err)
			}
		}
	})
}

// refusalLimit bounds how long the entry about a refusal may wait for the disk.
const refusalLimit = 30 * time.Second

// auditRefusal writes who was not let in, of at most rest.MaxRefusals a second. No body and no token, only
// the address.
func (h *house) auditRefusal(_ context.Context, r rest.Refusal) {
	why := r.Why
	if r.Missed > 0 {
		why += fmt.Sprintf(" (and %d more before it)", r.Missed)
	}
	h.started.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), refusalLimit)
		defer cancel()
		_, err := h.store.Commit(ctx, &queue.Unit{Now: r.At.UTC(), Audit: []samvirke.Audit{{
			At: r.At.UTC(), Who: "unknown@" + r.Remote, Action: "refused", Object: r.Path, Reason: why,
		}}})
		if err != nil && !errors.Is(err, queue.ErrClosed) {
			h.log.Error("audit a refused request", "err", err)
		}
	})
}

var _ connectors.Receiver = (*gateway.Gateway)(nil)

// newLogger makes the logger the configuration asks for.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
