package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/figures"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/reading"
	"github.com/samvirke/samvirke/queue"
)

// Bounds of this room.
const (
	// MaxForm is the largest form or JSON body a person may send. Unit: bytes.
	MaxForm = 64 << 10
	// MaxReason is the longest reason of an action. Unit: characters.
	MaxReason = 500
	// MaxStreams is how many live streams may be open at once; more get 503.
	MaxStreams = 64
	// MaxShown is how much of a body is shown on a page; the rest is in the download. Unit: bytes.
	MaxShown = 512 << 10
	// PageSize is the number of rows on a page of a listing.
	PageSize = 50
	// MaxPlans is the number of plans the list of plans shows.
	MaxPlans = 100
	// MaxBulk is the most deliveries one bulk resend touches.
	MaxBulk = 500
)

// Store is what this room needs of the store: reading, committing audit and settings, and
// hearing of new events.
type Store interface {
	queue.Reader
	queue.Writer
	Subscribe(buffer int) (events <-chan samvirke.Event, cancel func())
}

// Options say what a Server works with. Store, Actions and Parties are required.
type Options struct {
	Store   Store
	Actions gateway.Actions
	// Parties tells how each party does right now; called for most pages, so it must be cheap.
	Parties func(ctx context.Context) []gateway.PartyState
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// SignInClock is the clock of sign-ins and of the pauses after wrong ones; nil means Now. It differs where a
	// simulation puts Now ahead by weeks, which must sign nobody out.
	SignInClock func() time.Time
	// Logger gets failures and sign-ins, never patient data; nil discards.
	Logger *slog.Logger
	// Secure is true when people reach the pages over TLS: cookies are then sent over TLS only.
	Secure bool
	// Version of the program, shown at the foot of each page; "" shows none.
	Version string
	// Instance names this gateway in the page head, for instance "demo" or "test"; "" shows none.
	Instance string
	// Canonical reads bytes of any format into the canonical message; nil leaves out the reading of messages.
	// It answers with a message as far as it could be read, and with the fault beside it.
	Canonical func(raw []byte) (*fhir.Bundle, error)
	// Mappings are the element tables; nil leaves out their pages.
	Mappings Mappings
	// Figures gives the outcome figures as of the last count, nil before the first; a nil func leaves out their pages.
	Figures func() *figures.Report
	// Decider takes what people decide about plans; nil offers no decisions.
	Decider Decider
	// RulesOff and Priority are the gateway's settings for folding plans, see careplan.Options: pages that fold
	// for one viewer or an earlier time go by the same rules as the stored plans.
	RulesOff []string
	Priority map[string][]string
	// Coordinates tells whether a party is the coordinating unit of a person, known by any of the patient keys; nil:
	// the capacity is enough.
	Coordinates func(p samvirke.Party, patients ...string) bool
	// Unplaced tells whether a person, known by any of the patient keys, has no coordinating unit because nobody told where
	// they live; nil lists none.
	Unplaced func(patients ...string) bool
	// Erase erases the person whom a typed identifier stands for; nil offers none. Only the role admin may.
	Erase func(ctx context.Context, who, patient, reason string) error
	// Holder pauses and drains parties; nil offers neither.
	Holder gateway.Holder
	// SessionFor is how long a sign-in lasts; zero means 12 h.
	SessionFor time.Duration
}

// Server serves the pages and the JSON API. It is an http.Handler, meant for "/": it answers
// GET and HEAD for pages and POST only below its own pages (never POST /messages, which is
// the way in for messages).
type Server struct {
	store    Store
	actions  gateway.Actions
	parties  func(ctx context.Context) []gateway.PartyState
	now      func() time.Time
	log      *slog.Logger
	opt      Options
	pages    *pages
	sealer   *sealer
	sessions *sessions
	guard    *guard
	desk     *readingDesk
	handler  http.Handler
	streams  chan struct{} // one token per open live stream

	closeOnce sync.Once
	closed    chan struct{}

	verifyMu sync.Mutex
	verified *verification
}

// New makes a Server. It reads (at the first start: makes) the key for sealed ids in the store,
// so the store must be open.
func New(o Options) (*Server, error) {
	if o.Store == nil || o.Actions == nil || o.Parties == nil {
		return nil, errors.New("admin needs a store, actions and parties")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SignInClock == nil {
		o.SignInClock = o.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SessionFor == 0 {
		o.SessionFor = 12 * time.Hour
	}
	s := &Server{
		store: o.Store, actions: o.Actions, parties: o.Parties, now: o.Now, log: o.Logger, opt: o,
		streams: make(chan struct{}, MaxStreams), closed: make(chan struct{}),
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), 30*time.Second, errors.New("store did not answer in 30 s"))
	defer cancel()
	key, err := s.personKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("key for sealed ids: %w", err)
	}
	if s.sealer, err = newSealer(key); err != nil {
		return nil, fmt.Errorf("key for sealed ids: %w", err)
	}
	s.desk = &readingDesk{canonical: o.Canonical}
	if s.desk.renderer, err = reading.NewRenderer(); err != nil {
		return nil, err
	}
	if s.pages, err = parsePages(s.desk.renderer.Style()); err != nil {
		return nil, fmt.Errorf("parse page templates: %w", err)
	}
	s.sessions = newSessions(o.SignInClock, o.SessionFor)
	s.guard = newGuard(o.SignInClock)
	if _, err := s.dayStart(ctx); err != nil {
		return nil, fmt.Errorf("start of day: %w", err)
	}
	s.handler = s.routes()
	return s, nil
}

// Close ends the live streams, so that the HTTP server can shut down. Calling it twice is harmless.
func (s *Server) Close() { s.closeOnce.Do(func() { close(s.closed) }) }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/overview", http.StatusSeeOther)
	})
	m.HandleFunc("GET /assets/{file}", s.asset)
	m.HandleFunc("GET /sign-in", s.signInForm)
	m.HandleFunc("POST /sign-in", s.signIn)
	m.HandleFunc("GET /events/live", s.live)

	m.Handle("POST /sign-out", s.own(RoleReader, s.signOut))
	m.Handle("GET /overview", s.own(RoleReader, s.start))
	m.Handle("GET /messages", s.page(s.messages))
	m.Handle("POST /messages/search", s.page(s.search))
	m.Handle("GET /messages/{id}", s.page(s.trace))
	m.Handle("GET /messages/{id}/original", s.page(s.original))
	m.Handle("GET /messages/{id}/original/download", s.page(s.downloadOriginal))
	m.Handle("GET /messages/{id}/read", s.page(s.read))
	m.Handle("GET /messages/{id}/read/{n}", s.page(s.openFile))
	m.Handle("POST /messages/{id}/reprocess", s.only(RoleAdmin, s.reprocess))
	m.Handle("POST /messages/{id}/give-up", s.only(RoleAdmin, s.giveUpMessage))
	m.Handle("GET /deliveries/{id}", s.page(s.deliveryBody))
	m.Handle("GET /deliveries/{id}/download", s.page(s.downloadDelivery))
	m.Handle("GET /deliveries/{id}/read", s.page(s.readDelivery))
	m.Handle("GET /deliveries/{id}/read/{n}", s.page(s.openDeliveryFile))
	m.Handle("POST /deliveries/{id}/resend", s.only(RoleAdmin, s.resend))
	m.Handle("POST /deliveries/{id}/give-up", s.only(RoleAdmin, s.giveUpDelivery))
	m.Handle("GET /plans", s.own(RoleReader, s.plans))
	m.Handle("POST /plans", s.own(RoleReader, s.plansNamed))
	m.Handle("POST /plans/search", s.own(RoleReader, s.planSearch))
	m.Handle("GET /plans/{person}", s.own(RoleReader, s.plan))
	m.Handle("GET /plans/{person}/function", s.own(RoleReader, s.functionPage))
	m.Handle("GET /plans/{person}/print", s.own(RoleReader, s.printPlan))
	m.Handle("POST /plans/{person}/resolve", s.own(RoleCoordinator, s.resolve))
	m.Handle("POST /plans/{person}/same", s.only(RoleCoordinator, s.same))
	m.Handle("POST /plans/{person}/hold", s.only(RoleAdmin, s.hold))
	m.Handle("POST /plans/{person}/release", s.only(RoleAdmin, s.release))
	m.Handle("POST /plans/{person}/link", s.only(RoleIdentity, s.link))
	m.Handle("POST /plans/{person}/unlink", s.only(RoleIdentity, s.unlink))
	m.Handle("GET /plans/{person}/then", s.page(s.then))
	m.Handle("GET /plans/{person}/diff", s.page(s.planDiff))
	m.Handle("GET /attention", s.page(s.attention))
	m.Handle("POST /attention/resend", s.only(RoleAdmin, s.bulkResend))
	m.Handle("GET /mapping", s.page(s.mappingKinds))
	m.Handle("GET /mapping/{kind}", s.page(s.mappingTable))
	m.Handle("GET /parties", s.page(s.partyList))
	m.Handle("POST /parties/{id}/{action}", s.only(RoleAdmin, s.partyHold))
	m.Handle("GET /people", s.only(RoleAdmin, s.peopleList))
	m.Handle("POST /people", s.only(RoleAdmin, s.personAdd))
	m.Handle("POST /people/change", s.only(RoleAdmin, s.personChange))
	m.Handle("GET /audit", s.page(s.audit))
	m.Handle("POST /audit/verify", s.page(s.auditVerify))
	if s.opt.Figures != nil {
		m.Handle("GET /figures", s.page(s.figuresPage))
		m.Handle("GET /figures/csv", s.page(s.figuresCSV))
		m.Handle("GET /figures/measure-report/{figure}", s.page(s.measureReport))
		m.Handle("GET /figures/measure", s.page(s.measures))
	}
	s.apiRoutes(m)
	m.Handle("GET /", s.own(RoleReader, func(_ http.ResponseWriter, _ *http.Request, _ *session) error { return errNoPage }))
	return s.secure(m)
}

// start shows the overview, or to those who look as one organisation the plans.
func (s *Server) start(w http.ResponseWriter, r *http.Request, x *session) error {
	if x.may.Load().bound() {
		http.Redirect(w, r, "/plans", http.StatusSeeOther)
		return nil
	}
	return s.overview(w, r, x)
}
