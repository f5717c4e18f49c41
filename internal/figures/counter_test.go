package figures

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// rig is a counter over a real store, with plans that the test puts there.
type rig struct {
	t     *testing.T
	store queue.Store
	c     *Counter
	now   time.Time

	mu     sync.Mutex
	plans  map[string]*careplan.Plan
	loaded int
}

func newRig(t *testing.T, smallest int) *rig {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := &rig{t: t, store: s, plans: map[string]*careplan.Plan{}, now: at("2026-01-12T00:00:00Z")}
	r.c = r.counter(smallest)
	return r
}

func (r *rig) counter(smallest int) *Counter {
	r.t.Helper()
	c, err := New(Options{Store: r.store, Smallest: smallest, Zone: oslo,
		Load: func(_ context.Context, patient string) (*careplan.Plan, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.loaded++
			return r.plans[patient], nil
		},
		PlanID:       func(p string) string { return "id-of-" + strings.TrimPrefix(p, "x|") },
		Municipality: func(string) string { return "0301" },
		Serves:       func(string) []string { return []string{"home-care"} },
		Now:          func() time.Time { return r.now }})
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) commit(u queue.Unit) {
	r.t.Helper()
	u.Now = r.now
	if _, err := r.store.Commit(r.t.Context(), &u); err != nil {
		r.t.Fatal(err)
	}
}

// put makes a version of a plan.
func (r *rig) put(patient string, version int64, p *careplan.Plan) {
	r.t.Helper()
	if p != nil {
		p.Patient = patient
	}
	r.mu.Lock()
	r.plans[patient] = p
	r.mu.Unlock()
	r.commit(queue.Unit{Plan: &queue.PlanStep{Patient: patient, Expect: version - 1, Body: []byte("{}")}})
}

func (r *rig) run() {
	r.t.Helper()
	if err := r.c.Run(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) n(f Figure, class string) int64 {
	r.t.Helper()
	for _, x := range r.c.Report().Rows {
		if x.Figure == f && x.Class == class && (x.Month == All || x.Month == "") && x.Municipality == All {
			return x.N
		}
	}
	return 0
}

// metrics gives samvirke_figure_count by figure and class.
func (r *rig) metrics() map[string]float64 {
	r.t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(NewCollector(r.c))
	families, err := reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "samvirke_figure_count" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			out[labels["figure"]+" "+labels["class"]] = m.GetGauge().GetValue()
		}
	}
	return out
}

func admitted() *careplan.Plan {
	return &careplan.Plan{Stays: []careplan.Stay{{ID: "s", Status: "in-progress", Start: value("2026-01-10T22:15:00+01:00", "h/1")}},
		Sources: map[string]careplan.Source{"h/1": {MessageID: "m1"}}}
}

func TestCounter(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	if r.c.Report() != nil {
		t.Error("a report before anything was counted")
	}
	r.run()
	r.commit(queue.Unit{Accept: &samvirke.Message{ID: "m1", Party: "hospital", ExternalID: "e"}, Deliveries: []samvirke.Delivery{
		{ID: "d", MessageID: "m1", Party: "home-care", Purpose: samvirke.PurposeForward, State: samvirke.DeliveryQueued},
		{ID: "g", MessageID: "m1", Party: "gp", Purpose: samvirke.PurposeForward, State: samvirke.DeliveryQueued}}})
	r.put("x|1", 1, admitted())
	r.put("x|2", 1, nil)
	r.run()
	if r.n(AdmissionReached, "not-notified") != 1 {
		t.Errorf("rows %+v", r.c.Report().Rows)
	}
	// The receipt comes without a new version of the plan; another party's does not count.
	r.commit(queue.Unit{Steps: []queue.DeliveryStep{{ID: "g", To: samvirke.DeliveryAcknowledged}}})
	r.run()
	if r.n(AdmissionReached, "not-notified") != 1 {
		t.Error("the GP's receipt counts as the municipality's")
	}
	r.commit(queue.Unit{Steps: []queue.DeliveryStep{{ID: "d", To: samvirke.DeliveryAcknowledged}}})
	r.run()
	if r.n(AdmissionReached, "acknowledged") != 1 || r.n(AdmissionReached, "not-notified") != 0 {
		t.Errorf("after the receipt: %+v", r.c.Report().Rows)
	}
	// Closed: it is not loaded again, and a counter that starts anew knows it.
	before := r.loaded
	r.c = r.counter(1)
	r.run()
	if r.loaded != before || r.n(AdmissionReached, "acknowledged") != 1 {
		t.Errorf("loaded %d more, %+v", r.loaded-before, r.c.Report().Rows)
	}
	if got := r.metrics(); !maps.Equal(got, map[string]float64{"admission-reached acknowledged": 1, "admission-acknowledged weekend": 1, "admission-notified weekend": 1}) {
		t.Errorf("metrics %v", got)
	}
	// Withdrawn: it leaves the figures.
	p := admitted()
	p.Stays[0].Status = "entered-in-error"
	r.put("x|1", 2, p)
	r.run()
	if len(r.c.Report().Rows) != 0 {
		t.Errorf("after the withdrawal: %+v", r.c.Report().Rows)
	}
}

// TestCounterPages: more plans than go into one page or unit are all counted once, whoever counts.
func TestCounterPages(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	other := r.counter(1)
	n := queue.MaxPage + batch + 1
	u := queue.Unit{}
	for i := range n {
		key := fmt.Sprintf("x|%d", i)
		p := admitted()
		p.Patient = key
		r.plans[key] = p
		u.Plans = append(u.Plans, queue.PlanStep{Patient: key, Body: []byte("{}")})
	}
	r.commit(u)
	var wg sync.WaitGroup
	for _, c := range []*Counter{r.c, other} {
		wg.Go(func() {
			if err := c.Run(r.t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r.run()
	if got := r.n(AdmissionReached, "not-notified"); got != int64(n) {
		t.Errorf("counted %d of %d", got, n)
	}
}

// TestLinked: of two identifiers of one person one is counted.
func TestLinked(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	p := admitted()
	r.put("x|2", 1, p)
	r.put("x|1", 1, p)
	p.Patient = "x|1"
	r.run()
	if got := r.n(AdmissionReached, "not-notified"); got != 1 {
		t.Errorf("counted %d times", got)
	}
}

func TestNoPatientInFigures(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	p := admitted()
	p.Stays[0].Status = "entered-in-error"
	p.Goals = []careplan.Goal{{Text: "secret words"}}
	r.put("x|13116900216", 1, p)
	r.run()
	got, err := r.store.Settings(t.Context(), settingPrefix, "", 0)
	if err != nil || len(got) != 1 {
		t.Fatalf("settings %v, %v", got, err)
	}
	if strings.Contains(got[0].Value, "secret") || strings.Contains(got[0].Value, "13116900216") {
		t.Errorf("stored %s", got[0].Value)
	}
}

func TestCounterFails(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("no options, no error")
	}
	r := newRig(t, 1)
	r.put("x|1", 1, admitted())
	broken := errors.New("broken")
	r.c.o.Load = func(context.Context, string) (*careplan.Plan, error) { return nil, broken }
	if err := r.c.Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	r.c = r.counter(1)
	r.run() // nothing was taken as seen
	if got := r.n(AdmissionReached, "not-notified"); got != 1 {
		t.Errorf("after a failure counted %d", got)
	}
	r.commit(queue.Unit{Settings: map[string]string{settingPrefix + "zz": "{"}})
	if err := r.c.Run(t.Context()); err == nil {
		t.Error("broken figures are no error")
	}
}
