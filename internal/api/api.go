package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// Defaults and bounds.
const (
	// DefaultMaxConcurrent is how many requests are answered at a time when Options do not say.
	DefaultMaxConcurrent = 64
	// MaxWide is how many searches over all patients run at a time: each folds many plans.
	MaxWide = 2
	// DefaultMaxBody is how large the body of a write may be when Options do not say. Unit: bytes.
	DefaultMaxBody = 4 << 20
	// MaxQuery is how long the query of a URL may be. Unit: bytes.
	MaxQuery = 8 << 10
	// requestTime bounds one request, writeTime how long a write waits to be processed before it is
	// answered with 202.
	requestTime = 30 * time.Second
	writeTime   = 20 * time.Second
)

// Store is what the API needs of a queue.Store.
type Store interface {
	Plan(ctx context.Context, patient string, version int64) (queue.PlanVersion, error)
	Patients(ctx context.Context, limit int) ([]queue.PlanVersion, error)
	Records(ctx context.Context, patient string) ([]queue.Record, error)
	Deliveries(ctx context.Context, f queue.DeliveryFilter) ([]samvirke.Delivery, error)
	Setting(ctx context.Context, name string) (string, error)
	Audits(ctx context.Context, before int64, limit int) ([]samvirke.Audit, error)
	Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error)
}

// Submitter takes writes; gateway.Gateway is one. It returns when the write is processed or ctx ends.
type Submitter interface {
	Submit(ctx context.Context, w gateway.Write) (gateway.Result, error)
}

// Options are what the API needs. Store, Auth and PlanID are required.
type Options struct {
	Store Store
	// Submitter takes writes; nil: this server only reads, and says so.
	Submitter Submitter
	// Subscriptions keeps those of parties; nil: there are none here.
	Subscriptions Subscriptions
	// Parties are all configured parties; one that authenticates but is not among them may read nothing.
	Parties []samvirke.Party
	// Auth tells which party sent a request; it must not read the body.
	Auth func(*http.Request) (party string, ok bool)
	// PlanID gives the opaque id of a patient's plan, see gateway.PlanID. It is a keyed hash of any name.
	PlanID func(patient string) string
	// Rules are the site's settings for folding plans: only Off and Priority count.
	Rules careplan.Options
	// Coordinates tells whether a party is the coordinating unit of a person, known by any of the patient keys; nil:
	// the capacity is enough.
	Coordinates func(p samvirke.Party, patients ...string) bool
	// BaseURL is our FHIR address with a slash at the end; "" means that of the request.
	BaseURL string
	// Version of the software, for the CapabilityStatement.
	Version string
	// MaxConcurrent is how many requests are answered at a time, 0 means 64; one more gets 503.
	MaxConcurrent int
	// MaxBody is how large a body may be, 0 means 4 MiB.
	MaxBody int64
	// Logger may be nil: nothing is logged then. Registerer may be nil: no metrics then.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Now is replaced in tests; nil means time.Now.
	Now func() time.Time
}

type api struct {
	o         Options
	parties   map[string]samvirke.Party
	resources map[string]*resource
	routes    []route
	slots     chan struct{}
	wide      chan struct{}
	started   time.Time
	metrics   *metrics
	times     timelines
	writing   [256]sync.Mutex // by the hash of the plan's id: a fixed number, whoever writes about how many
}

// New returns the handler for everything below /fhir/.
func New(o Options) (http.Handler, error) {
	if o.Store == nil || o.Auth == nil || o.PlanID == nil {
		return nil, errors.New("api needs a store, auth and plan ids")
	}
	if o.BaseURL != "" && !strings.HasSuffix(o.BaseURL, "/") {
		return nil, errors.New("api base URL must end with a slash")
	}
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = DefaultMaxConcurrent
	}
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &api{o: o, parties: map[string]samvirke.Party{}, slots: make(chan struct{}, o.MaxConcurrent),
		wide: make(chan struct{}, MaxWide), started: o.Now().UTC(), metrics: newMetrics(o.Registerer)}
	for _, p := range o.Parties {
		a.parties[p.ID] = p
	}
	a.resources = resources(o.Submitter != nil)
	a.routes = routes(o.Submitter != nil, o.Subscriptions != nil)
	if o.Subscriptions == nil {
		delete(a.resources, typeSubscription)
	}
	return a, nil
}

// ServeHTTP finds the route and puts bounds, errors, metrics and a net under panics around it.
func (a *api) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	start := time.Now()
	w := &recorder{ResponseWriter: to, status: http.StatusOK}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	ctx, cancel := context.WithTimeoutCause(r.Context(), requestTime, errSlow)
	defer cancel()
	c := &call{api: a, w: w, r: r.WithContext(ctx), ctx: ctx}
	name := "other"
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) // the server's own way to end a connection
			}
			// The value is not logged: it could quote a plan.
			c.fail(name, errPanic)
		}
		a.metrics.observe(c.party.ID, name, w.status, time.Since(start))
	}()
	known := c.path(r.URL.Path)
	rt, err := a.find(c, known)
	if rt != nil {
		name = rt.name()
	}
	if err == nil {
		err = a.admit(c, rt)
	}
	if err != nil {
		c.fail(name, err)
	}
}

// admit checks who calls and what for, takes a slot and runs the route.
func (a *api) admit(c *call, rt *route) error {
	if err := c.options(); err != nil {
		return err
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	default:
		return errBusy
	}
	return rt.run(c)
}

// identify sets the calling party.
func (a *api) identify(c *call) error {
	id, ok := a.o.Auth(c.r)
	p, configured := a.parties[id]
	if !ok || !configured {
		return errLogin
	}
	c.party = p
	return nil
}

// recorder remembers the status for the metrics.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// base is our FHIR address with a slash at the end.
func (a *api) base(r *http.Request) string {
	if a.o.BaseURL != "" {
		return a.o.BaseURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + "/fhir/"
}

// audit writes who reads what before it is answered; without the entry there is no answer.
func (a *api) audit(ctx context.Context, who, action, object, patient string) error {
	return a.auditAll(ctx, who, action, object, []string{patient})
}

// auditAll writes one entry per patient, all or none.
func (a *api) auditAll(ctx context.Context, who, action, object string, patients []string) error {
	now := a.o.Now().UTC()
	u := &queue.Unit{Now: now}
	for _, p := range patients {
		u.Audit = append(u.Audit, samvirke.Audit{At: now, Who: who, Action: action, Object: object, Patient: p})
	}
	if len(u.Audit) == 0 {
		return nil
	}
	if _, err := a.o.Store.Commit(ctx, u); err != nil {
		return &samvirke.Fault{Class: samvirke.Transient, Code: "not-audited", Safe: "the read could not be recorded, so it is not answered; try again",
			RetryAfter: 5 * time.Second, Err: err}
	}
	return nil
}
