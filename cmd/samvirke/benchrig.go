package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/samvirke/samvirke/internal/loopback"
	"github.com/samvirke/samvirke/internal/simulate"
)

// rig is what a measurement of gateways of our own needs: simulated receivers, a store, and the gateways, each as a
// process of its own. close takes all of it away.
type rig struct {
	setting  benchSetting
	dir      string
	remove   []string         // what close removes
	sinks    []*simulate.Sink // the sender's own endpoint first
	gateways []*rigGateway
	database *benchDatabase
	errs     io.Writer
}

// rigGateway is one gateway, which may be killed and started again.
type rigGateway struct {
	addr, config, stats string
	env                 []string
	now                 *child        // nil while it is not running
	took                time.Duration // of the last start
	cpu                 time.Duration // of all lives that have ended
	peakMB              float64
	starts              int
}

// rigOptions say how many of each are made.
type rigOptions struct {
	receivers, gateways int
	// fresh: the store must be a new one, and is removed at the end.
	fresh bool
}

// newRig starts the receivers and writes a configuration for each gateway; no gateway runs yet.
func (c *benchCmd) newRig(a *app, o rigOptions, change func(*benchSetting)) (_ *rig, err error) {
	r := &rig{errs: a.errs}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if err := r.place(c, o.fresh); err != nil {
		return nil, err
	}
	s := benchSetting{data: filepath.Join(r.dir, "store"), token: secret()}
	for i := range o.receivers + 1 {
		sink, err := simulate.NewSink(sinkIndex(i))
		if err != nil {
			return nil, err
		}
		r.sinks = append(r.sinks, sink)
		s.urls = append(s.urls, sink.URL())
	}
	if c.Database != "" {
		if r.database, err = newBenchDatabase(a.ctx, c.Database); err != nil {
			return nil, err
		}
		s.database, s.schema = r.database.url, r.database.schema
	}
	if change != nil {
		change(&s)
	}
	r.setting = s
	for i := range o.gateways {
		if err := r.addGateway(c, i); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// place finds the folder. What is measured without a store of its own stays in --data, as the user may want to look at it.
func (r *rig) place(c *benchCmd, fresh bool) (err error) {
	if r.dir = c.Data; r.dir == "" {
		if r.dir, err = os.MkdirTemp("", "samvirke-bench-"); err == nil {
			r.remove = append(r.remove, r.dir)
		}
		return err
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil || !fresh {
		return err
	}
	store := filepath.Join(r.dir, "store")
	if _, err := os.Stat(store); !errors.Is(err, os.ErrNotExist) {
		return fail(exitUsage, "--data: %s is there already; this measurement needs a store of its own and removes it at the end", store)
	}
	r.remove = append(r.remove, store)
	return nil
}

func (r *rig) addGateway(c *benchCmd, i int) error {
	addr, err := loopback.Free()
	if err != nil {
		return err
	}
	s := r.setting
	s.listen = addr
	name := "samvirke"
	if i > 0 {
		name = fmt.Sprintf("samvirke-%d", i+1)
	}
	g := &rigGateway{addr: addr, config: filepath.Join(r.dir, name+".yaml"), stats: filepath.Join(r.dir, name+"-stats.json")}
	if c.Data != "" {
		r.remove = append(r.remove, g.config, g.stats)
	}
	if err := os.WriteFile(g.config, []byte(s.yaml()), 0o600); err != nil {
		return err
	}
	g.env = []string{statsEnv + "=" + g.stats}
	if c.Profile != "" && i == 0 {
		g.env = append(g.env, profileEnv+"="+c.Profile)
	}
	if c.Heap != "" && i == 0 {
		g.env = append(g.env, heapEnv+"="+c.Heap)
	}
	r.gateways = append(r.gateways, g)
	return nil
}

// close stops what runs and removes what was made. Calling it twice is harmless.
func (r *rig) close() {
	for _, g := range r.gateways {
		g.stop()
	}
	for _, s := range r.sinks {
		_ = s.Close() // nothing of it is kept
	}
	if r.database != nil {
		if err := r.database.close(); err != nil {
			fmt.Fprintf(r.errs, "samvirke: the schema %s is left in the database: %v\n", r.database.schema, err)
		}
	}
	for _, name := range r.remove {
		_ = os.RemoveAll(name) // a temporary folder, or files of ours
	}
}

// load is what a load of the first n receivers needs.
func (r *rig) load(c *benchCmd, n int) simulate.LoadOptions {
	o := simulate.LoadOptions{
		Gateway: "http://" + r.gateways[0].addr, Token: r.setting.token, Sender: r.sinks[0], Sinks: r.sinks[1 : n+1], Rate: c.Rate, Duration: c.Duration,
		Patients: c.Patients, Senders: c.Senders, Seed: c.Seed, Drain: c.Drain, Today: true,
	}
	for _, g := range r.gateways[1:] {
		o.Others = append(o.Others, "http://"+g.addr)
	}
	return o
}

// words are the last ones of all gateways, for when something went wrong.
func (r *rig) words() error {
	var all []string
	for _, g := range r.gateways {
		if g.now != nil {
			all = append(all, g.now.words())
		}
	}
	return errors.New(strings.TrimSpace(strings.Join(all, "\n")))
}

// start starts the gateway and waits until it is ready.
func (g *rigGateway) start(ctx context.Context) (err error) {
	if g.now, err = startGateway(ctx, g.addr, g.config, g.env...); err == nil {
		g.took = g.now.took
		g.starts++
	}
	return err
}

// stop ends the gateway in good order, kill at once. Both wait until it is gone.
func (g *rigGateway) stop() {
	if g.now != nil {
		g.now.stop()
		g.count()
	}
}

func (g *rigGateway) kill() {
	if g.now != nil {
		g.now.kill()
		g.count()
	}
}

// count adds what the process used that has ended.
func (g *rigGateway) count() {
	g.cpu += g.now.cpu()
	g.peakMB = max(g.peakMB, g.now.peakMB())
	g.now = nil
}
