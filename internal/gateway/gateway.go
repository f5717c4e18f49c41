package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
)

// Party is a configured party with the wire to it and how to treat it.
type Party struct {
	samvirke.Party
	// Sender is the wire to the party; nil when it only sends to us.
	Sender connectors.Sender
	// MaxInFlight is how many deliveries are on the wire at once; 0 means 16. Four times as many may have left it and be noted in the store.
	MaxInFlight int
	// SendTimeout bounds one Send; 0 means 30 s.
	SendTimeout time.Duration
	Retry       Retry
	Breaker     Breaker
	// Pace bounds how much is sent at a time, Expire says what is not sent any more after some time.
	Pace   Pace
	Expire []Expiry
	// Site is how the party differs from the standard.
	Site mapping.Site
	// CancelVersion: a cancellation of this party takes back only the version that it names.
	CancelVersion bool
	// Endpoint is the URL that Sender posts to, "" when it posts nowhere: a party that subscribes may name another path on
	// the same machine.
	Endpoint string
	// FullPayload puts the changed plan into notifications instead of its id alone.
	FullPayload bool
	// PlanChanges says how a party without FHIR is told what changed in a plan; "" means none.
	PlanChanges PlanChanges
	// Events: the party is told of every step of every message, as deliveries of purpose event.
	Events bool
}

// PlanChanges is how a party without FHIR is told of changes of a plan it takes part in.
type PlanChanges string

// The ways.
const (
	PlanChangesNone   PlanChanges = "none"   // not at all: it gets the original messages
	PlanChangesDialog PlanChanges = "dialog" // a dialogue note in one thread per patient, with the text of the change
)

// Options is what a Gateway needs. Store, Formats, Router and Logger are required.
type Options struct {
	Store   queue.Store
	Formats []mapping.Format
	Parties []Party
	Router  *route.Table
	// Patient tells municipality (number) and GP (party id) of a patient key; nil: unknown.
	Patient func(key string) (municipality, gp string)
	// Addresses looks receivers up; the zero value knows no address book.
	Addresses Addresses
	// BaseURL is where systems read plans back, without trailing slash; it stands in notifications.
	BaseURL string
	// Workers bounds messages processed at once; 0 means 64.
	Workers int
	// Memory is the limit of memory in bytes that somebody set for the process; 0: nobody did. With more of it more is kept at hand.
	Memory int64
	// ClockEvery is how often overdue receipts and dues of plans are looked for; 0 means 1 minute.
	ClockEvery time.Duration
	// Subscriptions are how those that parties make are treated.
	Subscriptions SubscriptionOptions
	// Rules are the site's settings for folding plans: only Off and Priority count.
	Rules careplan.Options
	// Jobs are further things done again and again.
	Jobs   []Job
	Logger *slog.Logger
	// Registerer takes the metrics; nil: none.
	Registerer prometheus.Registerer
	// Now and NewID are replaced in tests; nil: the clock, random UUIDs.
	Now   func() time.Time
	NewID func() string
}

// Gateway is the conductor. Create it with New, then Start; Receive may be called after Start.
type Gateway struct {
	Repair
	o        Options
	log      *slog.Logger
	store    queue.Store
	formats  map[string]mapping.Format
	parties  map[string]*lane
	byHER    map[string]string // HER-id -> party id
	order    []string          // party ids as configured
	noticed  []*lane           // those that are told of plan changes
	parsed   handover
	keyed    *keyed // what is being processed, by patient
	late     unfinished
	ended    endedWalk
	erasing  doing
	begun    atomic.Bool // nothing is processed before Start
	plans    planCache
	loader   planLoader
	kin      kinship
	singles  singles
	seats    seats
	holds    holds
	book     book
	m        *metrics
	planKey  []byte
	waits    waits
	stopping chan struct{} // closed when Stop begins
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	stopOnce sync.Once
}

// New checks the options and prepares a Gateway; nothing runs yet.
func New(o Options) (*Gateway, error) {
	if o.Store == nil || o.Router == nil || o.Logger == nil || len(o.Formats) == 0 {
		return nil, errors.New("gateway needs a store, formats, a router and a logger")
	}
	if o.Workers <= 0 {
		o.Workers = 64
	}
	if o.ClockEvery <= 0 {
		o.ClockEvery = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = newID
	}
	if o.Patient == nil {
		o.Patient = func(string) (string, string) { return "", "" }
	}
	o.Subscriptions = o.Subscriptions.withDefaults()
	o.Store = withEventFeeds(&o)
	g := &Gateway{
		Repair: Repair{Store: o.Store, Now: o.Now},
		o:      o, log: o.Logger, store: upright{o.Store}, seats: newSeats(), formats: map[string]mapping.Format{},
		parties: map[string]*lane{}, byHER: map[string]string{}, parsed: newHandover(), keyed: newKeyed(o.Workers), stopping: make(chan struct{}),
		plans: planCache{times: planTimes(o.Memory)}, ended: endedWalk{atOnce: eraseAtOnce, others: othersWait, unwiped: true},
	}
	g.loader = planLoader{store: g.store, id: g.PlanID, rules: careplan.Options{Off: o.Rules.Off, Priority: o.Rules.Priority}}
	g.m = newMetrics(o.Registerer, g)
	for _, f := range o.Formats {
		g.formats[f.Name()] = f
	}
	for _, p := range o.Parties {
		if g.parties[p.ID] != nil {
			return nil, fmt.Errorf("party %s stands twice", p.ID)
		}
		g.parties[p.ID] = newLane(p, g)
		g.order = append(g.order, p.ID)
		if l := g.parties[p.ID]; l.Sender != nil && (l.notices || p.PlanChanges == PlanChangesDialog) {
			g.noticed = append(g.noticed, l)
		}
		for _, h := range p.HER {
			if other := g.byHER[h]; other != "" {
				return nil, fmt.Errorf("parties %s and %s share HER-id %s", other, p.ID, h)
			}
			g.byHER[h] = p.ID
		}
	}
	return g, nil
}

// Start reads what it needs from the store and starts processing, delivering and the clock.
func (g *Gateway) Start(ctx context.Context) error {
	if err := g.loadPlanKey(ctx); err != nil {
		return err
	}
	if err := g.book.load(ctx, g.store); err != nil {
		return err
	}
	if err := g.loadHolds(ctx); err != nil {
		return err
	}
	g.begun.Store(true)
	queue.Reach(queue.PointStarted)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	g.cancel = cancel
	g.wg.Go(func() { g.followHolds(run) })
	g.wg.Go(func() { g.processLoop(run) })
	for _, id := range g.order {
		l := g.parties[id]
		if l.Sender != nil {
			g.wg.Go(func() { l.run(run) })
		}
	}
	stop, err := g.startJobs(run)
	if err != nil {
		cancel()
		g.wg.Wait()
		return err
	}
	g.wg.Go(func() {
		<-run.Done()
		stop()
	})
	return nil
}

// Stop ends all work and waits for it: sends on the wire are awaited, their outcome is stored.
// Calling it twice is harmless.
func (g *Gateway) Stop() {
	g.stopOnce.Do(func() {
		close(g.stopping)
		if g.cancel != nil {
			g.cancel()
		}
		g.wg.Wait()
		queue.Reach(queue.PointStopped)
		for _, l := range g.parties {
			if l.Sender != nil {
				_ = l.Sender.Close() // idle connections only; nothing to lose
			}
		}
	})
}

const planKeySetting = "plan-id-key"

// loadPlanKey reads the key of opaque plan ids, or makes it at the first start.
func (g *Gateway) loadPlanKey(ctx context.Context) (err error) {
	g.planKey, err = queue.Secret(ctx, g.store, planKeySetting, g.now())
	return err
}

// newID gives UUIDs that grow with time: index entries made together stand together on disk.
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.NewString() // panics when there is no randomness at all
	}
	return id.String()
}

func (g *Gateway) now() time.Time { return g.o.Now().UTC() }
