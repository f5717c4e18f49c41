package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/samvirke/samvirke/internal/simulate"
)

// benchSoak runs a gateway for long, with faults.
type benchSoak struct {
	Soak       time.Duration `help:"Run at --rate for so long with faults: receivers that are down, slow or refuse, the gateway killed now and then, retention with short times. Tells what was lost, doubled or out of order and whether memory, files and store stay flat." placeholder:"DURATION"`
	Sample     time.Duration `help:"With --soak: how often the gateway is looked at; default 20 seconds, in short soaks a twentieth of them." placeholder:"DURATION"`
	FaultEvery time.Duration `help:"With --soak: how often a receiver gets a fault, in turn down, slow, refusing; it lasts half of that. 0 for none." default:"1m"`
	KillEvery  time.Duration `help:"With --soak: how often the gateway is killed with kill -9 and started again; 0 for never." default:"5m"`
	Keep       time.Duration `help:"With --soak: how long bodies are kept after the last receipt, and people and their traces after the end of their stay." default:"2m"`
}

const (
	// soakSlow is what a slow receiver needs for an answer.
	soakSlow = 300 * time.Millisecond
	// soakDrain is how long is waited for the last receipts, soakPatience how long a sender tries a message.
	soakDrain    = 5 * time.Minute
	soakPatience = 5 * time.Minute
	minSample    = time.Second
	maxSample    = 20 * time.Second // lives of some minutes need some samples each
	// soakTells is from which time on a soak must tell of each figure whether it is flat, soakRate what part of its rate it must
	// reach to say nothing about that.
	soakTells = 20 * time.Minute
	soakRate  = .95
)

// soakReport is what bench --soak prints.
type soakReport struct {
	benchReport
	Kills   int          `json:"kills"`
	Faults  int          `json:"faults"`
	Samples []soakSample `json:"samples"`
	Missed  int          `json:"missed_samples"` // the gateway ought to have answered and did not
	Trends  []trend      `json:"trends"`
	Verdict []string     `json:"verdict"` // what is wrong or cannot be told; empty when all is well
}

func (s *benchSoak) check(rate float64) error {
	switch {
	case s.Soak < 0 || s.Sample < 0 || s.FaultEvery < 0 || s.KillEvery < 0 || s.Keep < 0:
		return fail(exitUsage, "--soak and its times are more than 0")
	case s.Soak == 0 && s.Sample > 0:
		return fail(exitUsage, "--sample goes with --soak")
	case s.Soak == 0:
		return nil
	case rate == 0:
		return fail(exitUsage, "--soak needs --rate: flat out there is always more waiting than before")
	case s.Soak < minSample:
		return fail(exitUsage, "--soak: %s or more", minSample)
	case s.Keep > 0 && s.Keep < time.Second:
		return fail(exitUsage, "--keep: 1s or more, 0 for the times of a gateway that is told nothing")
	}
	if s.Soak >= soakTells && s.KillEvery > 0 && s.KillEvery < 3*warmUp {
		return fail(exitUsage, "--kill-every: %s or more in a soak of %s, for the first minute of each life tells nothing; or 0", 3*warmUp, soakTells)
	}
	if s.Sample == 0 {
		s.Sample = min(maxSample, max(minSample, s.Soak/20))
	}
	return nil
}

func (c *benchCmd) runSoak(a *app) error {
	r := &soakReport{benchReport: benchReport{Rate: c.Rate, Parties: c.Parties, Seed: c.Seed, Cores: cores(), Store: c.engine()}}
	x, err := c.newRig(a, rigOptions{receivers: c.Parties, gateways: 1, fresh: true}, func(s *benchSetting) {
		s.comeBack = true
		s.keep, s.keepEvery = c.Keep, max(time.Second, c.Keep/4)
	})
	if err != nil {
		return err
	}
	defer x.close()
	g := x.gateways[0]
	if err := g.start(a.ctx); err != nil {
		return err
	}
	r.StartMS = ms(g.took)
	o := x.load(c, c.Parties)
	o.Duration, o.Drain, o.Patience, o.Faults = c.Soak, soakDrain, soakPatience, &simulate.Disturbance{}
	k := &soak{c: c, r: r, x: x, faults: o.Faults, began: time.Now()}
	k.born = k.began
	ctx, cancel := context.WithCancelCause(a.ctx)
	stop := k.run(ctx, cancel)
	r.LoadReport, err = simulate.Load(ctx, o)
	stop()
	if cause := context.Cause(ctx); err != nil || cause != nil && a.ctx.Err() == nil {
		return errors.Join(err, cause, x.words())
	}
	g.stop()
	r.MemoryMB = g.peakMB
	if r.Accepted > 0 {
		r.CPUPerMessage = ms(g.cpu) / float64(r.Accepted)
	}
	r.Trends = trends(r.Samples, c.Rate*float64(c.Parties))
	wrong := r.judge(c.Soak)
	if c.JSON {
		err = a.json(r)
	} else {
		err = r.print(a)
	}
	if err != nil {
		return err
	}
	return failIf(r.Lost + r.Duplicated + r.OutOfOrder + r.Changed + r.Unknown + r.Refused + wrong)
}

// soak does harm and looks on, beside the load.
type soak struct {
	c      *benchCmd
	r      *soakReport
	x      *rig
	faults *simulate.Disturbance
	began  time.Time
	// gateway is held by whoever needs the gateway to be there, or to be not.
	gateway sync.Mutex
	born    time.Time // when its life began; under gateway
}

// run starts the three hands; stop heals everything and waits for them. A gateway that does not start again ends the load
// by cancel.
func (k *soak) run(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	hands, end := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { k.harm(hands) })
	wg.Go(func() {
		if err := k.killing(hands, ctx); err != nil {
			cancel(err)
		}
	})
	wg.Go(func() { k.sampling(hands) })
	return func() {
		end()
		wg.Wait()
	}
}

// times gives how often something happens in the soak. The last tenth is without, so that it can be seen whether all
// comes to rest.
func (k *soak) times(every time.Duration) int {
	if every == 0 {
		return 0
	}
	return int((k.c.Soak - k.c.Soak/10) / every)
}

// harm gives one receiver after the other a fault, for half of the time each.
func (k *soak) harm(ctx context.Context) {
	every := k.c.FaultEvery
	for n := range k.times(every) {
		if !wait(ctx, time.Until(k.began.Add(time.Duration(n)*every+every/2))) {
			return
		}
		s := k.x.sinks[1+n%k.c.Parties]
		k.r.Faults++
		heal := func() {}
		switch n % 3 {
		case 0:
			s.Down()
			k.faults.Happened()
			heal = s.Up
		case 1:
			s.Slow(soakSlow)
			heal = func() { s.Slow(0) }
		case 2:
			s.Refuse(true)
			heal = func() { s.Refuse(false) }
		}
		wait(ctx, time.Until(k.began.Add(time.Duration(n+1)*every)))
		heal()
	}
}

// killing kills the gateway again and again and starts it on what it left. ctx ends that; starting is that of the
// gateway, which must be there at the end. A gateway that ends by itself is an error.
func (k *soak) killing(ctx, starting context.Context) error {
	for n := range k.times(k.c.KillEvery) {
		if lives, err := k.lives(ctx, k.began.Add(time.Duration(n+1)*k.c.KillEvery)); err != nil || !lives {
			return err
		}
		if err := k.killOnce(starting); err != nil {
			return fmt.Errorf("start again after kill %d: %w", k.r.Kills, err)
		}
	}
	_, err := k.lives(ctx, k.began.Add(k.c.Soak+soakDrain+soakPatience))
	return err
}

var errEndedByItself = errors.New("the gateway ended by itself")

// lives waits until then, and says whether it came to that.
func (k *soak) lives(ctx context.Context, then time.Time) (bool, error) {
	t := time.NewTimer(time.Until(then))
	defer t.Stop()
	select {
	case <-t.C:
		return true, nil
	case <-ctx.Done():
		return false, nil
	case <-k.x.gateways[0].now.ended:
		return false, errEndedByItself
	}
}

func (k *soak) killOnce(ctx context.Context) error {
	k.gateway.Lock()
	defer k.gateway.Unlock()
	g := k.x.gateways[0]
	g.kill()
	for _, s := range k.x.sinks {
		s.Idle() // what the dead one sent has come, or never will
	}
	k.faults.Happened()
	k.r.Kills++
	if err := g.start(ctx); err != nil {
		return err
	}
	k.born = time.Now()
	k.faults.Happened() // a connection that the dead one had only begun may have been taken up as late as this
	k.r.StartMS = max(k.r.StartMS, ms(g.took))
	return nil
}

func (r *soakReport) print(a *app) error {
	if err := r.benchReport.print(a); err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\nkills %d\tfaults %d\tsent again after them %d\tunknown %d\trefused %d\tsamples missing %d\t\n\n",
		r.Kills, r.Faults, r.SentAgain, r.Unknown, r.Refused, r.Missed)
	if err := w.Flush(); err != nil {
		return err
	}
	w = tabwriter.NewWriter(a.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "s\tlive heap MB\tresident MB\tgoroutines\topen files\tstore MB\tbacklog\taccepted\t\n")
	for i := range r.Samples {
		s := &r.Samples[i]
		fmt.Fprintf(w, "%.0f\t%.1f\t%.1f\t%.0f\t%.0f\t%.1f\t%.0f\t%.0f\t\n", s.AtS, s.LiveMB, s.ResidentMB, s.Goroutines, s.Files, s.StoreMB, s.Backlog, s.Accepted)
	}
	fmt.Fprint(w, "\n\tmean\t% an hour\tgive or take\tverdict\t\n")
	for _, t := range r.Trends {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%s\t\n", t.Figure, t.Mean, t.PercentPerHour, t.Error, t.Verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, words := range r.Verdict {
		fmt.Fprintln(a.out, words)
	}
	return nil
}
