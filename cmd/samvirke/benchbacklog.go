package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/simulate"
)

// benchBacklog measures a gateway with very much waiting.
type benchBacklog struct {
	Backlog int64         `help:"Put so many deliveries to two receivers that are down into a new store first; then measure the restart, new messages to other receivers, and how fast the two catch up when they come back." placeholder:"N"`
	CatchUp time.Duration `help:"With --backlog: how long is waited for the two to catch up; default --duration. What still waits then is told and no loss." placeholder:"DURATION"`
}

const (
	// benchDead is how many receivers are down, and so how many deliveries each message of the backlog has.
	benchDead = 2
	// maxBacklog is how many deliveries bench makes at most; each message has 5 to 10 KB on disk.
	maxBacklog = 10_000_000
	// readLimit bounds how long the gateway may take to read what waits, before it tries the receivers.
	readLimit = 10 * time.Minute
	// catchUpPatience is how long nothing may come before the catching up counts as stuck.
	catchUpPatience = time.Minute
)

// backlogReport is what bench --backlog prints: the figures of the load of new messages under their usual names, and
// those of what waits.
type backlogReport struct {
	benchReport
	Backlog     int64   `json:"backlog"`      // deliveries that wait, for benchDead receivers
	FillSeconds float64 `json:"fill_seconds"` // time to store them
	// RestartMS is from the start of the process until it is ready, with all that waits; start_ms is that on the empty
	// store. TryingMS is until both receivers that are down were tried, which is when all that waits has been read.
	RestartMS float64 `json:"restart_ms"`
	TryingMS  float64 `json:"trying_ms"`
	// Resident set and what lives in the heap: of the empty gateway, with the backlog before and after the load. The live
	// heap is that of the last collection; 0 before the first.
	EmptyMB     float64 `json:"empty_mb"`
	RestMB      float64 `json:"rest_mb"`
	RestLiveMB  float64 `json:"rest_live_mb"`
	AfterMB     float64 `json:"after_load_mb"`
	AfterLiveMB float64 `json:"after_load_live_mb"`
	StoreMB     float64 `json:"store_mb"`

	CatchUp catchUp `json:"catch_up"`
}

// catchUp is how the receivers that were down got what had waited for them.
type catchUp struct {
	Delivered     int64   `json:"delivered"` // until all was there or --catch-up had passed
	Seconds       float64 `json:"seconds"`
	PerS          float64 `json:"delivered_per_s"`
	CPUPerOne     float64 `json:"cpu_ms_per_delivery"`
	FirstMS       float64 `json:"first_ms"` // until the first message was confirmed by both
	StillWaiting  int64   `json:"still_waiting"`
	Lost          int64   `json:"lost"` // neither acknowledged nor waiting in the store, or acknowledged and never seen
	Duplicated    int64   `json:"duplicated"`
	OutOfOrder    int64   `json:"out_of_order"`
	Changed       int64   `json:"changed"`
	Unknown       int64   `json:"unknown"`
	confirmations int64
}

func (b *benchBacklog) check() error {
	switch {
	case b.Backlog < 0 || b.Backlog > maxBacklog:
		return fail(exitUsage, "--backlog: 1 to %d", maxBacklog)
	case b.CatchUp < 0 || b.CatchUp > 0 && b.Backlog == 0:
		return fail(exitUsage, "--catch-up: more than 0, and with --backlog")
	}
	return nil
}

func (c *benchCmd) runBacklog(a *app) error {
	r := &backlogReport{benchReport: benchReport{Rate: c.Rate, Parties: c.Parties, Seed: c.Seed, Cores: cores(), Store: c.engine()}}
	x, err := c.newRig(a, rigOptions{receivers: c.Parties + benchDead, gateways: 1, fresh: true}, func(s *benchSetting) { s.comeBack = true })
	if err != nil {
		return err
	}
	defer x.close()
	dead := x.sinks[1+c.Parties:]
	for _, s := range dead {
		s.Down()
	}
	b, err := simulate.NewBacklog(dead, c.Seed)
	if err != nil {
		return err
	}
	if err := r.prepare(a, c, x, b); err != nil {
		return errors.Join(err, x.words())
	}
	if err := r.measureWaiting(a.ctx, c, x, b); err != nil {
		return errors.Join(err, x.words())
	}
	x.gateways[0].stop()
	if err := r.account(a.ctx, c, x, b); err != nil {
		return err
	}
	if r.MemoryMB = x.gateways[0].peakMB; c.JSON {
		err = a.json(r)
	} else {
		err = r.print(a)
	}
	if err != nil {
		return err
	}
	k := &r.CatchUp
	return failIf(r.Lost + r.Duplicated + r.OutOfOrder + r.Changed + k.Lost + k.Duplicated + k.OutOfOrder + k.Changed + k.Unknown)
}

// prepare starts the gateway on the empty store, for comparison, stops it and fills the store.
func (r *backlogReport) prepare(a *app, c *benchCmd, x *rig, b *simulate.Backlog) error {
	g := x.gateways[0]
	if err := g.start(a.ctx); err != nil {
		return err
	}
	r.StartMS = ms(g.took)
	f, err := scrape(a.ctx, g.addr)
	if err != nil {
		return err
	}
	r.EmptyMB = f.residentMB()
	g.stop()
	g.peakMB = 0 // of the life that follows
	began := time.Now()
	r.Backlog, err = x.fillBacklog(a, b, c.Backlog, c.Parties)
	r.FillSeconds = time.Since(began).Seconds()
	return err
}

// measureWaiting restarts the gateway, loads it, and lets the receivers come back.
func (r *backlogReport) measureWaiting(ctx context.Context, c *benchCmd, x *rig, b *simulate.Backlog) error {
	g := x.gateways[0]
	began := time.Now()
	if err := g.start(ctx); err != nil {
		return err
	}
	r.RestartMS = ms(g.took)
	if err := awaitTried(ctx, x.sinks[1+c.Parties:], g.now); err != nil {
		return err
	}
	r.TryingMS = ms(time.Since(began))
	before, err := scrape(ctx, g.addr)
	if err != nil {
		return err
	}
	r.RestMB, r.RestLiveMB, r.StoreMB = before.residentMB(), before.liveMB(), before.storeMB()
	if n := waitingFor(before, c.Parties); n != r.Backlog {
		return fmt.Errorf("%d deliveries wait after the restart, %d were stored", n, r.Backlog)
	}
	if r.LoadReport, err = simulate.Load(ctx, x.load(c, c.Parties)); err != nil {
		return err
	}
	after, err := scrape(ctx, g.addr)
	if err != nil {
		return err
	}
	r.AfterMB, r.AfterLiveMB = after.residentMB(), after.liveMB()
	if r.Accepted > 0 {
		r.CPUPerMessage = (after.cpuMS() - before.cpuMS()) / float64(r.Accepted)
	}
	atMost := c.CatchUp
	if atMost == 0 {
		atMost = c.Duration
	}
	limit, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	f := b.Follow(limit, catchUpPatience)
	end, err := scrape(ctx, g.addr)
	if err != nil {
		return err
	}
	k := &r.CatchUp
	k.Delivered, k.Seconds, k.PerS, k.FirstMS = f.Delivered, f.TotalSeconds, f.DeliveredPerS, f.FirstMS
	if f.Delivered > 0 {
		k.CPUPerOne = (end.cpuMS() - after.cpuMS()) / float64(f.Delivered)
	}
	return ctx.Err()
}

// awaitTried waits until the gateway has tried all receivers that are down: then it has read what waits for them.
func awaitTried(ctx context.Context, dead []*simulate.Sink, g *child) error {
	limit := time.After(readLimit)
	for _, s := range dead {
		for s.Tried() == 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-g.ended:
				return errors.New("the gateway ended")
			case <-limit:
				return fmt.Errorf("the gateway tried no delivery within %s", readLimit)
			case <-time.After(2 * time.Millisecond):
			}
		}
	}
	return nil
}

// waitingFor counts what waits for the receivers that are down, which come after the others.
func waitingFor(f figuresOf, others int) (n int64) {
	for i := range benchDead {
		n += int64(f.of("samvirke_deliveries_waiting", "party", sinkID(others+i)))
	}
	return n
}

func sinkID(i int) string { return fmt.Sprintf("sink-%d", i) }

// account holds what the store says at the end against what was put into it and what the receivers saw.
func (r *backlogReport) account(ctx context.Context, c *benchCmd, x *rig, b *simulate.Backlog) error {
	s, err := x.openReader(ctx)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // reading only
	st, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	k, seen := &r.CatchUp, b.Judged()
	k.Duplicated, k.OutOfOrder, k.Changed, k.Unknown = seen.Duplicated, seen.OutOfOrder, seen.Changed, seen.Unknown
	for i := range benchDead {
		for state, n := range st.Deliveries[sinkID(c.Parties+i)] {
			switch state {
			case samvirke.DeliveryAcknowledged:
				k.confirmations += n
			case samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliveryWaiting, samvirke.DeliverySent:
				k.StillWaiting += n
			}
		}
	}
	k.Lost = max(0, r.Backlog-k.confirmations-k.StillWaiting) + max(0, k.confirmations-seen.Delivered)
	return nil
}

func (r *backlogReport) print(a *app) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	row := func(name, format string, v any) { fmt.Fprintf(w, "%s\t"+format+"\t\n", name, v) }
	row("deliveries waiting for receivers that are down", "%d", r.Backlog)
	row("stored in s", "%.1f", r.FillSeconds)
	row("store MB", "%.0f", r.StoreMB)
	row("start ms, empty store", "%.0f", r.StartMS)
	row("restart ms, with the backlog", "%.0f", r.RestartMS)
	row("until both receivers are tried ms", "%.0f", r.TryingMS)
	row("memory MB, empty store", "%.0f", r.EmptyMB)
	row("memory MB, with the backlog", "%.0f", r.RestMB)
	row("of which live heap MB", "%.0f", r.RestLiveMB)
	row("memory MB, after new messages", "%.0f", r.AfterMB)
	row("of which live heap MB", "%.0f", r.AfterLiveMB)
	row("peak memory MB", "%.0f", r.MemoryMB)
	fmt.Fprint(w, "new messages to other receivers\t\t\n")
	row("accepted/s", "%.0f", r.AcceptedPerS)
	row("delivered/s (confirmed by receipt)", "%.0f", r.DeliveredPerS)
	row("p50 ms (due to last receipt)", "%.1f", r.P50)
	row("p99 ms", "%.1f", r.P99)
	row("CPU ms/message", "%.2f", r.CPUPerMessage)
	row("lost, duplicated, out of order, changed", "%v", []int64{r.Lost, r.Duplicated, r.OutOfOrder, r.Changed})
	fmt.Fprint(w, "the receivers are back\t\t\n")
	k := &r.CatchUp
	row("delivered", "%d", k.Delivered)
	row("in s", "%.1f", k.Seconds)
	row("delivered/s", "%.0f", k.PerS)
	row("CPU ms/delivery", "%.2f", k.CPUPerOne)
	row("still waiting", "%d", k.StillWaiting)
	row("lost, duplicated, out of order, changed, unknown", "%v", []int64{k.Lost, k.Duplicated, k.OutOfOrder, k.Changed, k.Unknown})
	return w.Flush()
}
