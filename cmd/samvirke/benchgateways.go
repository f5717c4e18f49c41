package main

import (
	"context"
	"fmt"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/samvirke/samvirke/internal/simulate"
)

// benchGateways measures several gateways on one database.
type benchGateways struct {
	Gateways int  `help:"So many gateways on the PostgreSQL of --database, with the load spread over them." default:"1"`
	Kill     bool `help:"With --gateways: kill -9 one of them in the middle, and tell when the others have taken over. Exit code 1 when that took longer than its leases."`
}

// Bounds of a measurement with several gateways.
const (
	maxBenchGateways = 16
	// killTimeout bounds a send when a gateway is killed: its leases last that long and 30 s more, which is the longest
	// that the others may need to take over what it had on the wire. killAlive is how long it counts as alive, after which
	// they process what it had received; the shortest that a configuration can have.
	killTimeout = 20 * time.Second
	killAlive   = 3 * time.Second
	// killLimit is by when all of that must have been taken over: the time of the leases, and half a minute for a machine that others use too.
	killLimit = killTimeout + 30*time.Second + 30*time.Second
	// lastWords is how long what a killed gateway wrote may lie in a receiver's socket.
	lastWords = time.Second
	// killDrain is how long is waited for that after the last message.
	killDrain = 2 * time.Minute
	// killPatience is how long a message is tried at one gateway after the other.
	killPatience = time.Minute
)

// gatewayFigures are those of one of several gateways.
type gatewayFigures struct {
	Accepted      int64   `json:"accepted"`
	AcceptedPerS  float64 `json:"accepted_per_s"`
	CPUPerMessage float64 `json:"cpu_ms_per_message"` // of those that it accepted itself; whoever is free delivers
	MemoryMB      float64 `json:"memory_mb"`
	StartMS       float64 `json:"start_ms"`
	Killed        bool    `json:"killed,omitempty"`
}

func (g *benchGateways) check(database string) error {
	switch {
	case g.Gateways < 1 || g.Gateways > maxBenchGateways:
		return fail(exitUsage, "--gateways: 1 to %d", maxBenchGateways)
	case g.Gateways > 1 && database == "":
		return fail(exitUsage, "--gateways: several gateways share a PostgreSQL: say which with --database")
	case g.Kill && g.Gateways < 2:
		return fail(exitUsage, "--kill: needs --gateways 2 or more, for who is killed must leave somebody behind; --soak has --kill-every")
	}
	return nil
}

// setting makes what a killed gateway leaves behind come free in seconds.
func (g *benchGateways) setting(s *benchSetting) {
	if g.Kill {
		s.alive, s.timeout = killAlive, killTimeout
	}
}

// late counts a takeover that took too long: 1, or 0 when it did not or nobody was killed.
func (r *benchReport) late() int64 {
	if r.Killed != nil && r.Killed.TakeOverS > r.TakeOverLimitS {
		return 1
	}
	return 0
}

// killer kills the last gateway in the middle of the load, when that is wanted.
func (c *benchCmd) killer(ctx context.Context, r *rig, o *simulate.LoadOptions) (stop func()) {
	if !c.Kill {
		return func() {}
	}
	o.Faults, o.Drain, o.Patience = &simulate.Disturbance{}, max(c.Drain, killDrain), killPatience
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if wait(ctx, c.Duration/2) {
			r.gateways[len(r.gateways)-1].kill()
			o.Faults.Killed()
			// The last words of the dead one may lie in a receiver's socket still. Nobody sends them again before its leases end.
			wait(ctx, lastWords)
			o.Faults.Happened()
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// wait waits; false when ctx ended meanwhile.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (g *rigGateway) figures(accepted int64, seconds float64, killed bool) gatewayFigures {
	f := gatewayFigures{Accepted: accepted, MemoryMB: g.peakMB, StartMS: ms(g.took), Killed: killed}
	if accepted > 0 {
		f.CPUPerMessage = ms(g.cpu) / float64(accepted)
	}
	if seconds > 0 {
		f.AcceptedPerS = float64(accepted) / seconds
	}
	return f
}

func (r *benchReport) printGateways(w *tabwriter.Writer) {
	if k := r.Killed; k != nil {
		fmt.Fprintf(w, "killed after s\t%.1f\t\nunder way at the kill\t%d\t\nlast of them confirmed after s\t%.1f\t\nthat may take s\t%.0f\t\nsent again\t%d\t\n",
			k.AtS, k.UnderWay, k.TakeOverS, r.TakeOverLimitS, r.SentAgain)
	}
	for i, g := range r.Gateways {
		name := fmt.Sprintf("gateway %d", i+1)
		if g.Killed {
			name += " (killed)"
		}
		fmt.Fprintf(w, "%s: accepted/s\t%.0f\t\n%s: CPU ms/message\t%.2f\t\n%s: peak memory MB\t%.0f\t\n", name, g.AcceptedPerS, name, g.CPUPerMessage, name, g.MemoryMB)
	}
}
