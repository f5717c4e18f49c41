package rest

import (
	"context"
	"errors"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
)

// The paths that the handler serves.
const (
	PathMessages = "/messages"
	PathProcess  = "/fhir/$process-message"
)

// Defaults of ServerOptions.
const (
	DefaultMaxBody       = 10 << 20
	DefaultMaxConcurrent = 1024
	DefaultMaxHeld       = 64 << 20
	DefaultReadTimeout   = 30 * time.Second
)

// maxContentType is the longest Content-Type that is kept. Unit: bytes.
const maxContentType = 256

// ServerOptions describe the incoming side. Receiver and Parties are required.
type ServerOptions struct {
	// Receiver takes the messages.
	Receiver connectors.Receiver
	// Parties says who may send.
	Parties *Parties
	// MaxBody is the largest body that is taken, after unpacking. Unit: bytes; 0 means 10 MiB.
	// Of a larger one just the beginning is read and handed over, and the answer is 413.
	MaxBody int64
	// MaxConcurrent is how many requests are served at a time, 0 means 1024; one more is answered 503. One party gets
	// at most three quarters of it, and of MaxHeld; more is answered 429.
	MaxConcurrent int
	// MaxHeld bounds the bytes of all bodies in memory at a time, 0 means 64 MiB (at least MaxBody).
	MaxHeld int64
	// ReadTimeout is how long one body may take to arrive, 0 means 30 s.
	ReadTimeout time.Duration
	// OnRefused, when set, is told of requests that were not let in, for the audit: of at most
	// MaxRefusals a second, so that a flood of them cannot fill the store. It must return at once: it
	// runs before the answer.
	OnRefused func(ctx context.Context, r Refusal)
	// Logger may be nil: nothing is logged then.
	Logger *slog.Logger
	// Registerer may be nil: no metrics then.
	Registerer prometheus.Registerer
}

// Refusal is a request that was not let in.
type Refusal struct {
	At time.Time
	// Remote is the address without port.
	Remote string
	Path   string
	// Why is no-credential, unknown-scheme, unknown-token, unknown-certificate, expired-certificate
	// or token-and-certificate-differ.
	Why string
	// Missed is how many refusals before this one were only counted in the metrics.
	Missed int
}

// MaxRefusals is how many refusals a second are told to ServerOptions.OnRefused.
const MaxRefusals = 20

// refusalGate lets MaxRefusals a second through and counts the rest.
type refusalGate struct {
	mu     sync.Mutex
	second time.Time
	passed int
	missed int
}

// pass tells whether one more may be told, and how many were not since the last one that was.
func (g *refusalGate) pass(now time.Time) (missed int, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.second) >= time.Second {
		g.second, g.passed = now, 0
	}
	if g.passed >= MaxRefusals {
		g.missed++
		return 0, false
	}
	g.passed++
	missed, g.missed = g.missed, 0
	return missed, true
}

type handler struct {
	opt     ServerOptions
	slots   chan struct{}
	budget  budget
	shares  *shares
	gate    refusalGate
	metrics *serverMetrics
}

// NewHandler returns the handler for PathMessages and PathProcess. It panics without Receiver or
// Parties: that is a mistake in the wiring.
func NewHandler(opt ServerOptions) http.Handler {
	if opt.Receiver == nil || opt.Parties == nil {
		panic("rest: NewHandler needs Receiver and Parties")
	}
	opt.MaxBody = orDefault(opt.MaxBody, DefaultMaxBody)
	opt.MaxConcurrent = orDefault(opt.MaxConcurrent, DefaultMaxConcurrent)
	opt.MaxHeld = orDefault(opt.MaxHeld, DefaultMaxHeld)
	opt.ReadTimeout = orDefault(opt.ReadTimeout, DefaultReadTimeout)
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	h := &handler{opt: opt, slots: make(chan struct{}, opt.MaxConcurrent), metrics: newServerMetrics(opt.Registerer)}
	h.budget.left.Store(max(opt.MaxHeld, opt.MaxBody+1))
	h.shares = newShares(opt.MaxConcurrent, opt.MaxHeld, opt.MaxBody)
	return h
}

func orDefault[T int | int64 | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// ServeHTTP serves one request; see the package comment for the promise.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	party, status := "", http.StatusInternalServerError
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) // the server's own way to end a connection
			}
			// The value is not logged: it could quote a body.
			h.opt.Logger.Error("request handler panicked", "party", party, "connector", "rest")
			status = writeFault(w, r, faultInternal, "")
		}
		h.metrics.observe(party, status, time.Since(start))
	}()
	party, status = h.serve(w, r)
}

// serve checks what the head of the request tells, cheapest first, before it reads the body.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) (party string, status int) {
	if r.URL.Path != PathMessages && r.URL.Path != PathProcess {
		return "", writeFault(w, r, faultPath, "")
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return "", writeFault(w, r, faultMethod, "")
	}
	party, why := h.opt.Parties.identify(r)
	if why != "" {
		h.refused(r, why)
		w.Header().Set("WWW-Authenticate", `Bearer realm="samvirke"`)
		return "", writeFault(w, r, faultLogin, "")
	}
	if r.URL.Path == PathProcess && r.URL.Query().Has("response-url") {
		return party, writeFault(w, r, faultRespond, "")
	}
	own := h.shares.party(party)
	if !own.enter() {
		return party, writeFault(w, r, faultPartyBusy, "")
	}
	b := body{own: own}
	defer func() { own.leave(b.held) }()
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return party, writeFault(w, r, faultBusy, "")
	}
	fault := h.readBody(w, r, &b)
	defer func() { h.budget.left.Add(b.held) }()
	if fault != nil {
		// What follows on this connection cannot be told from the rest of the body.
		w.Header().Set("Connection", "close")
		if fault == faultEncoding {
			w.Header().Set("Accept-Encoding", "gzip")
		}
		return party, writeFault(w, r, fault, "")
	}
	return party, h.receive(w, r, party, b)
}

// receive hands the message over and answers after it is kept.
func (h *handler) receive(w http.ResponseWriter, r *http.Request, party string, b body) int {
	cut := b.size > int64(len(b.bytes))
	if cut {
		w.Header().Set("Connection", "close")
	}
	a, err := h.opt.Receiver.Receive(r.Context(), connectors.Incoming{
		Party: party, Body: b.bytes, Size: b.size,
		ContentType: contentType(r), TraceParent: traceParent(r),
	})
	if err != nil {
		h.opt.Logger.Warn("message not kept", "party", party, "connector", "rest", "err", err)
		return writeFault(w, r, notKept(err), "")
	}
	h.metrics.body(party, b.size)
	if a.Fault == nil && cut {
		a.Fault = faultTooLarge
	}
	if a.MessageID != "" {
		w.Header().Set("Location", PathMessages+"/"+url.PathEscape(a.MessageID))
	}
	if a.Fault != nil {
		return writeFault(w, r, a.Fault, a.MessageID)
	}
	if r.URL.Path == PathProcess {
		writeOutcome(w, r, http.StatusAccepted, newOutcome("information", "informational", "", "the message is kept and will be processed", a.MessageID))
		return http.StatusAccepted
	}
	writeJSON(w, "application/json", http.StatusAccepted, struct {
		ID string `json:"id"`
	}{a.MessageID})
	return http.StatusAccepted
}

// notKept is what the sender is told: why, when the receiver says so itself, and when to try again.
func notKept(err error) *samvirke.Fault {
	if f, ok := errors.AsType[*samvirke.Fault](err); ok && f.Class == samvirke.Transient && f.Code != "" && f.Safe != "" {
		return f
	}
	f := *faultStore
	if t := samvirke.FaultOf(err); t.RetryAfter > 0 {
		f.RetryAfter = t.RetryAfter
	}
	return &f
}

func (h *handler) refused(r *http.Request, why string) {
	h.metrics.refuse(why)
	if h.opt.OnRefused == nil {
		return
	}
	now := time.Now().UTC()
	missed, ok := h.gate.pass(now)
	if !ok {
		return
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	h.opt.OnRefused(r.Context(), Refusal{At: now, Remote: host, Path: r.URL.Path, Why: why, Missed: missed})
}

// contentType is the header as sent, with its charset, as far as it can be the type of a message. What
// curl writes when it is not told (a form) is none, and must not travel on to the receivers.
func contentType(r *http.Request) string {
	ct := strings.TrimSpace(r.Header.Get("Content-Type"))
	if len(ct) > maxContentType {
		return ""
	}
	media, _, err := mime.ParseMediaType(ct)
	if err != nil || media == "application/x-www-form-urlencoded" || strings.HasPrefix(media, "multipart/") {
		return ""
	}
	return ct
}

// traceParent is the trace context when it is well formed, else "".
// Source: W3C Trace Context section 3.2, version 00.
func traceParent(r *http.Request) string {
	t := r.Header.Get("Traceparent")
	if len(t) != 55 || t[:3] != "00-" || t[35] != '-' || t[52] != '-' {
		return ""
	}
	for i, c := range []byte(t) {
		if i == 2 || i == 35 || i == 52 {
			continue
		}
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return ""
		}
	}
	if strings.Trim(t[3:35], "0") == "" || strings.Trim(t[36:52], "0") == "" {
		return ""
	}
	return t
}

func wantsXML(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	x := strings.Index(accept, "application/fhir+xml")
	j := strings.Index(accept, "application/fhir+json")
	return x >= 0 && (j < 0 || x < j)
}
