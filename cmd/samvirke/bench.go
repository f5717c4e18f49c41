package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/samvirke/samvirke/internal/simulate"
)

type benchCmd struct {
	Rate     float64       `help:"Messages per second; 0 sends as fast as the gateway answers." default:"0"`
	Duration time.Duration `help:"How long messages are sent." default:"20s"`
	Parties  int           `help:"How many receivers each message has; all answer with receipts." default:"2"`
	Patients int           `help:"Stays under way at the same time." default:"512"`
	Senders  int           `help:"Requests under way at the same time." default:"64"`
	Seed     uint64        `help:"The same seed gives the same messages." default:"1"`
	Data     string        `help:"Folder for the store, on the disk to be measured; a temporary one when not given." placeholder:"DIR"`
	URL      string        `help:"A running gateway instead of one of our own; see --print-config." placeholder:"URL"`
	Token    string        `help:"Bearer token of the sending party at --url." env:"SAMVIRKE_BENCH_TOKEN"`
	Profile  string        `help:"Write a CPU profile of the gateway to this file." placeholder:"FILE"`
	JSON     bool          `help:"Print one JSON object."`
}

// benchReport is what bench prints: the load's figures and those of the gateway process alone.
type benchReport struct {
	simulate.LoadReport
	// CPUPerMessage is user and system time of the gateway process, its start and stop included, over
	// accepted messages. Unit: ms. Zero when the gateway is not ours.
	CPUPerMessage float64 `json:"cpu_ms_per_message"`
	MemoryMB      float64 `json:"memory_mb"` // peak resident set of the gateway process
	StartMS       float64 `json:"start_ms"`  // from start of the process until it is ready
	Rate          float64 `json:"rate"`
	Parties       int     `json:"parties"`
	Seed          uint64  `json:"seed"`
	Cores         int     `json:"cores"`
}

// maxBenchParties is how many receivers bench starts at most.
const maxBenchParties = 16

// Run measures. Exit code 1 when anything was lost, duplicated or out of order.
func (c *benchCmd) Run(a *app) error {
	if c.Parties < 1 || c.Parties > maxBenchParties {
		return fail(exitUsage, "--parties: 1 to %d", maxBenchParties)
	}
	if c.URL != "" {
		return fail(exitUsage, "--url: measuring a gateway elsewhere needs its receivers to be ours; not in this version")
	}
	debug.SetGCPercent(400) // our own part: it shall leave the processor to the gateway
	r, err := c.measure(a)
	if err != nil {
		return err
	}
	if c.JSON {
		err = a.json(r)
	} else {
		err = r.print(a)
	}
	if err != nil {
		return err
	}
	if r.Lost+r.Duplicated+r.OutOfOrder+r.Changed > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}

func (c *benchCmd) measure(a *app) (r *benchReport, err error) {
	dir := c.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "samvirke-bench-"); err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	sender, err := simulate.NewSink(maxBenchParties)
	if err != nil {
		return nil, err
	}
	defer sender.Close()
	var sinks []*simulate.Sink
	for i := range c.Parties {
		s, err := simulate.NewSink(i)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		sinks = append(sinks, s)
	}
	addr, token := "", secret()
	if addr, err = freePort(); err != nil {
		return nil, err
	}
	cfg, err := writeBenchConfig(dir, addr, token, sender, sinks)
	if err != nil {
		return nil, err
	}
	g, err := startGateway(a.ctx, a, addr, cfg, c.Profile)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	r = &benchReport{StartMS: float64(g.took.Microseconds()) / 1000, Rate: c.Rate, Parties: c.Parties, Seed: c.Seed, Cores: cores()}
	r.LoadReport, err = simulate.Load(a.ctx, simulate.LoadOptions{
		Gateway: "http://" + addr, Token: token, Sinks: sinks, Sender: sender, Rate: c.Rate, Duration: c.Duration,
		Patients: c.Patients, Senders: c.Senders, Seed: c.Seed,
	})
	if err != nil {
		return nil, errors.Join(err, errors.New(g.words()))
	}
	g.stop()
	if r.Accepted > 0 {
		r.CPUPerMessage = float64(g.cpu().Microseconds()) / 1000 / float64(r.Accepted)
	}
	r.MemoryMB = g.peakMB()
	return r, nil
}

// writeBenchConfig writes the configuration of a production gateway with a hospital and its receivers.
func writeBenchConfig(dir, addr, token string, sender *simulate.Sink, sinks []*simulate.Sink) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: %q\ndata_dir: %q\nenvironment: test\nlog: {level: warn}\nparties:\n", addr, filepath.Join(dir, "store"))
	fmt.Fprintf(&b, "  - {id: sender, role: hospital, her: [%q, %q], token: %s, endpoint: {url: %q, max_in_flight: 64}, accepts: [{format: kith}], receipts: none}\n",
		simulate.LoadEnterprise, simulate.LoadUnit, token, sender.URL())
	for i, s := range sinks {
		fmt.Fprintf(&b, "  - {id: sink-%d, role: other, her: [%s], endpoint: {url: %q, max_in_flight: 64}, accepts: [{format: kith}], receipts: apprec}\n",
			i, quoted(s.HER()), s.URL())
	}
	b.WriteString("routes:\n  - {name: addressees, to: [addressees]}\n")
	name := filepath.Join(dir, "samvirke.yaml")
	return name, os.WriteFile(name, []byte(b.String()), 0o600)
}

func (r *benchReport) print(a *app) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	row := func(name, format string, v any) { fmt.Fprintf(w, "%s\t"+format+"\t\n", name, v) }
	row("accepted/s", "%.0f", r.AcceptedPerS)
	row("delivered/s (confirmed by receipt)", "%.0f", r.DeliveredPerS)
	row("p50 ms (request to last receipt)", "%.1f", r.P50)
	row("p99 ms", "%.1f", r.P99)
	row("CPU ms/message (gateway alone)", "%.2f", r.CPUPerMessage)
	row("peak memory MB", "%.0f", r.MemoryMB)
	row("start ms", "%.0f", r.StartMS)
	row("messages", "%d", r.Accepted)
	row("bytes/message", "%d", r.MessageBytes)
	row("lost", "%d", r.Lost)
	row("duplicated", "%d", r.Duplicated)
	row("out of order", "%d", r.OutOfOrder)
	row("changed", "%d", r.Changed)
	return w.Flush()
}

// ready waits until the gateway says that it takes messages.
func ready(ctx context.Context, addr string, ended <-chan struct{}) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ended:
			return errors.New("the gateway ended while starting")
		case <-time.After(2 * time.Millisecond):
		}
	}
}
