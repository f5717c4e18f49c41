package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/queue"
)

// DefaultMaxConcurrent is how many requests are answered at a time when Options do not say.
const DefaultMaxConcurrent = 64

// requestTime bounds one request.
const requestTime = 30 * time.Second

// Store is what the API needs of a queue.Store.
type Store interface {
	Plan(ctx context.Context, patient string, version int64) (queue.PlanVersion, error)
	Records(ctx context.Context, patient string) ([]queue.Record, error)
	Deliveries(ctx context.Context, f queue.DeliveryFilter) ([]samvirke.Delivery, error)
	FindDelivery(ctx context.Context, party, externalID string) (samvirke.Delivery, error)
	Counter(ctx context.Context, name string) (int64, error)
	Setting(ctx context.Context, name string) (string, error)
	Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error)
}

// Options are what the API needs. Store, Auth and PlanID are required.
type Options struct {
	Store Store
	// Parties are all configured parties; one that authenticates but is not among them may read nothing.
	Parties []samvirke.Party
	// Auth tells which party sent a request; it must not read the body.
	Auth func(*http.Request) (party string, ok bool)
	// PlanID gives the opaque id of a patient's plan, see gateway.PlanID.
	PlanID func(patient string) string
	// BaseURL is our FHIR address with a slash at the end; "" means that of the request.
	BaseURL string
	// Version of the software, for the CapabilityStatement.
	Version string
	// MaxConcurrent is how many requests are answered at a time, 0 means 64; one more gets 503.
	MaxConcurrent int
	// Logger may be nil: nothing is logged then. Registerer may be nil: no metrics then.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Now is replaced in tests; nil means time.Now.
	Now func() time.Time
}

type api struct {
	o       Options
	parties map[string]samvirke.Party
	slots   chan struct{}
	started time.Time
	metrics *metrics
}

// New returns the handler for everything below /fhir/ that reads.
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
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &api{o: o, parties: map[string]samvirke.Party{}, slots: make(chan struct{}, o.MaxConcurrent),
		started: o.Now().UTC(), metrics: newMetrics(o.Registerer)}
	for _, p := range o.Parties {
		a.parties[p.ID] = p
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/fhir/metadata", a.open("metadata", a.metadata))
	mux.HandleFunc("/fhir/CarePlan/{id}", a.known("plan", a.plan))
	mux.HandleFunc("/fhir/CarePlan/{id}/$everything", a.known("everything", a.everything))
	mux.HandleFunc("/fhir/Subscription/{id}/$status", a.known("status", a.status))
	mux.HandleFunc("/fhir/Subscription/{id}/$events", a.known("events", a.events))
	mux.HandleFunc("/", a.open("other", func(http.ResponseWriter, *http.Request) error { return errNotFound }))
	return mux, nil
}

// open serves what needs no party.
func (a *api) open(name string, h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, name, "", h) }
}

// known serves what needs a party.
func (a *api) known(name string, h func(http.ResponseWriter, *http.Request, samvirke.Party) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, ok := a.o.Auth(r)
		p, configured := a.parties[id]
		if !ok || !configured {
			a.serve(w, r, name, "", func(http.ResponseWriter, *http.Request) error { return errLogin })
			return
		}
		a.serve(w, r, name, p.ID, func(w http.ResponseWriter, r *http.Request) error { return h(w, r, p) })
	}
}

// serve puts bounds, errors, metrics and a net under panics around a request.
func (a *api) serve(to http.ResponseWriter, r *http.Request, name, party string, h func(http.ResponseWriter, *http.Request) error) {
	start := time.Now()
	w := &recorder{ResponseWriter: to, status: http.StatusOK}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	ctx, cancel := context.WithTimeoutCause(r.Context(), requestTime, errSlow)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) // the server's own way to end a connection
			}
			// The value is not logged: it could quote a plan.
			a.fail(w, party, name, errPanic)
		}
		a.metrics.observe(party, name, w.status, time.Since(start))
	}()
	if err := a.admit(w, r.WithContext(ctx), h); err != nil {
		a.fail(w, party, name, err)
	}
}

// admit checks what needs no data, takes a slot and runs h.
func (a *api) admit(w http.ResponseWriter, r *http.Request, h func(http.ResponseWriter, *http.Request) error) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return errMethod
	}
	if !acceptsJSON(r) {
		return errAccept
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	default:
		return errBusy
	}
	return h(w, r)
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

// acceptsJSON tells whether the caller can read JSON, the only form written here.
func acceptsJSON(r *http.Request) bool {
	want := r.Header.Get("Accept")
	if f := r.URL.Query().Get("_format"); f != "" {
		want = f // FHIR: the parameter beats the header
	}
	return want == "" || strings.Contains(want, "json") || strings.Contains(want, "*/*") || strings.Contains(want, "application/*")
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
	now := a.o.Now().UTC()
	_, err := a.o.Store.Commit(ctx, &queue.Unit{Now: now, Audit: []samvirke.Audit{{
		At: now, Who: who, Action: action, Object: object, Patient: patient,
	}}})
	if err != nil {
		return &samvirke.Fault{Class: samvirke.Transient, Code: "not-audited", Safe: "the read could not be recorded, so it is not answered; try again",
			RetryAfter: 5 * time.Second, Err: err}
	}
	return nil
}

// write sends a resource.
func write(w http.ResponseWriter, status int, n *fhir.Node) {
	w.Header().Set("Content-Type", "application/fhir+json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(n.Bytes()) // nobody to tell when the caller has gone
}
