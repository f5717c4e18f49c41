package figures

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// Names of the settings that hold the figures: one for each plan, under its opaque id, and how far plans are counted.
const (
	settingPrefix = "figures/plan/"
	settingSeen   = "figures/seen"
)

const (
	// batch is how many plans are counted in one unit, and in a run before the first rest.
	batch = 200
	// window is how many changes are read ahead, so that a plan that changed often is counted once for all of them.
	window = 32 * queue.MaxPage
	// longest is how long one run counts changes before it looks at what was open and gives the figures so far; what
	// is left is for the next one.
	longest = 20 * time.Minute
	// rests is how long a run rests for the time that it counted: messages go before figures, which need a tenth of a
	// processor at most.
	rests = 9
)

// Store is what the figures need of a queue.Store.
type Store interface {
	Setting(ctx context.Context, name string) (string, error)
	Settings(ctx context.Context, prefix, after string, limit int) ([]queue.Setting, error)
	PlanChanges(ctx context.Context, after int64, limit int) ([]queue.PlanChange, error)
	Deliveries(ctx context.Context, f queue.DeliveryFilter) ([]samvirke.Delivery, error)
	Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error)
}

// Options are what a Counter needs; all but Population, Zone, Smallest and Now are required.
type Options struct {
	Store Store
	// Load gives the plan that sees all of a patient, with sources that name messages; nil without error when
	// there is none any more.
	Load func(ctx context.Context, patient string) (*careplan.Plan, error)
	// PlanID gives the opaque id of a patient's plan.
	PlanID func(patient string) string
	// Municipality gives the number of a patient's municipality, "" when unknown.
	Municipality func(patient string) string
	// Serves lists the parties of a municipality; for "" those of any.
	Serves func(municipality string) []string
	// Population is the number of inhabitants by municipality number, for figures per 1,000.
	Population map[string]int
	// Zone is where months and weekdays are counted; nil: UTC.
	Zone *time.Location
	// Smallest is the least count that is published, 0 means 5: one below it, but not zero, could point at a person.
	Smallest int
	// Now is replaced in tests; nil means time.Now.
	Now func() time.Time
}

// DefaultSmallest is the least count that is published when Options do not say.
const DefaultSmallest = 5

// Counter keeps the figures up to date. Its methods may be called at the same time.
type Counter struct {
	o Options
	// running: one count at a time.
	running sync.Mutex

	mu    sync.Mutex
	total *Report
}

// New checks the options.
func New(o Options) (*Counter, error) {
	if o.Store == nil || o.Load == nil || o.PlanID == nil || o.Municipality == nil || o.Serves == nil {
		return nil, errors.New("figures need a store, plans, plan ids, municipalities and their parties")
	}
	if o.Smallest <= 0 {
		o.Smallest = DefaultSmallest
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Counter{o: o}, nil
}

// Run counts what has changed since it last ran, and what was open. It may be stopped at any time and by several
// gateways at once: what it writes follows from the plans alone.
func (c *Counter) Run(ctx context.Context) error {
	c.running.Lock()
	defer c.running.Unlock()
	p := newPause()
	if err := c.changed(ctx, p); err != nil {
		return err
	}
	return c.again(ctx, p)
}

// changed counts plans that have new versions, until there are none or the run has been long.
func (c *Counter) changed(ctx context.Context, p *pause) error {
	text, err := c.o.Store.Setting(ctx, settingSeen)
	if err != nil {
		return fmt.Errorf("read how far figures are counted: %w", err)
	}
	seen, _ := strconv.ParseInt(text, 10, 64) // "" before the first time
	for {
		list, err := c.ahead(ctx, seen)
		if err != nil {
			return err
		}
		counted := map[string]bool{} // since the list was read, so with all changes in it
		settings := map[string]string{}
		for i := range list {
			if !counted[list[i].patient] {
				counted[list[i].patient] = true
				if err := c.count(ctx, list[i].patient, settings); err != nil {
					return err
				}
				if err := p.rest(ctx); err != nil {
					return err
				}
			}
			seen = list[i].seq
			if len(settings) >= batch || i == len(list)-1 {
				settings[settingSeen] = strconv.FormatInt(seen, 10)
				if err := c.commit(ctx, settings); err != nil {
					return err
				}
				clear(settings)
			}
		}
		if len(list) < window || time.Since(p.began) > longest {
			return nil
		}
	}
}

// change is one new version of a patient's plan, by its number among those of all plans.
type change struct {
	seq     int64
	patient string
}

// ahead lists up to a window of the changes after a number.
func (c *Counter) ahead(ctx context.Context, seen int64) (list []change, err error) {
	for len(list) < window {
		page, err := c.o.Store.PlanChanges(ctx, seen, queue.MaxPage)
		if err != nil {
			return nil, fmt.Errorf("read plan changes: %w", err)
		}
		for i := range page {
			seen = page[i].Seq
			list = append(list, change{seen, page[i].Patient})
		}
		if len(page) < queue.MaxPage {
			break
		}
	}
	return list, nil
}

// stored is a contribution as it is kept. The patient is named so that an open one can be counted again; it is
// dropped with the last open thing.
type stored struct {
	Contribution
	Patient string `json:"p,omitempty"`
}

// count works out one contribution.
func (c *Counter) count(ctx context.Context, patient string, settings map[string]string) error {
	name := settingPrefix + c.o.PlanID(patient)
	plan, err := c.o.Load(ctx, patient)
	if err != nil {
		return fmt.Errorf("load a plan for the figures: %w", err)
	}
	out := stored{}
	if plan != nil && plan.Patient == patient { // of linked identities one counts
		out.Contribution, err = c.contribute(ctx, plan)
		if err != nil {
			return err
		}
	}
	if out.Open {
		out.Patient = patient
	}
	settings[name] = ""
	if len(out.Points) > 0 {
		raw, err := json.Marshal(out)
		if err != nil {
			return fmt.Errorf("write figures: %w", err)
		}
		settings[name] = string(raw)
	}
	return nil
}

func (c *Counter) contribute(ctx context.Context, plan *careplan.Plan) (Contribution, error) {
	municipality := c.o.Municipality(plan.Patient)
	parties := c.o.Serves(municipality)
	var failed error
	told := func(messageID string) []samvirke.Delivery {
		ds, err := c.o.Store.Deliveries(ctx, queue.DeliveryFilter{MessageID: messageID, Purpose: samvirke.PurposeForward, Limit: queue.MaxPage})
		if err != nil {
			failed = err
		}
		return slices.DeleteFunc(ds, func(d samvirke.Delivery) bool { return !slices.Contains(parties, d.Party) })
	}
	k := Contribute(Case{Plan: plan, Municipality: municipality, Told: told, Now: c.o.Now().UTC(), Zone: c.o.Zone})
	if failed != nil {
		return k, fmt.Errorf("read deliveries for the figures: %w", failed)
	}
	return k, nil
}

// again counts what was open, and adds everything up.
func (c *Counter) again(ctx context.Context, p *pause) error {
	t := tally{}
	for after := ""; ; {
		page, err := c.o.Store.Settings(ctx, settingPrefix, after, queue.MaxPage)
		if err != nil {
			return fmt.Errorf("read figures: %w", err)
		}
		settings := map[string]string{}
		for _, s := range page {
			after = s.Name
			k, err := c.reopened(ctx, s, settings)
			if err != nil {
				return err
			}
			if err := p.rest(ctx); err != nil {
				return err
			}
			for _, point := range k.Points {
				t.add(point)
			}
		}
		if len(settings) > 0 {
			if err := c.commit(ctx, settings); err != nil {
				return err
			}
		}
		if len(page) < queue.MaxPage {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total = newReport(t.list(), c.o.Now().UTC(), &c.o)
	return nil
}

// reopened gives a stored contribution; an open one is counted again and put into settings when it differs.
func (c *Counter) reopened(ctx context.Context, s queue.Setting, settings map[string]string) (Contribution, error) {
	var k stored
	if s.Value == "" {
		return k.Contribution, nil
	}
	if err := json.Unmarshal([]byte(s.Value), &k); err != nil {
		return k.Contribution, fmt.Errorf("figures of plan %s cannot be read: %w", s.Name[len(settingPrefix):], err)
	}
	if !k.Open || k.Patient == "" {
		return k.Contribution, nil
	}
	fresh := map[string]string{}
	if err := c.count(ctx, k.Patient, fresh); err != nil {
		return k.Contribution, err
	}
	text := fresh[s.Name]
	if text == s.Value {
		return k.Contribution, nil
	}
	settings[s.Name] = text
	k = stored{}
	if text == "" {
		return k.Contribution, nil
	}
	err := json.Unmarshal([]byte(text), &k)
	return k.Contribution, err
}

func (c *Counter) commit(ctx context.Context, settings map[string]string) error {
	if _, err := c.o.Store.Commit(ctx, &queue.Unit{Now: c.o.Now().UTC(), Settings: settings}); err != nil {
		return fmt.Errorf("store figures: %w", err)
	}
	return nil
}

// Report gives the figures as of the last Run, nil before the first.
func (c *Counter) Report() *Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}
