package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/samvirke/samvirke/internal/loopback"
	"github.com/samvirke/samvirke/internal/simulate"
)

type benchCmd struct {
	Rate        float64       `help:"Messages per second; 0 sends as fast as the gateway answers." default:"0"`
	Duration    time.Duration `help:"How long messages are sent." default:"20s"`
	Parties     int           `help:"How many receivers each message has; all answer with receipts." default:"2"`
	Patients    int           `help:"Stays under way at the same time." default:"512"`
	Senders     int           `help:"Requests under way at the same time." default:"64"`
	Seed        uint64        `help:"The same seed gives the same messages." default:"1"`
	Data        string        `help:"Folder for the store, on the disk to be measured; a temporary one when not given." placeholder:"DIR"`
	URL         string        `help:"Measure a gateway that runs already, with the configuration of --print-config." placeholder:"URL"`
	Token       string        `help:"Bearer token of the sending party at --url." env:"SAMVIRKE_BENCH_TOKEN" default:"token-for-bench-only"`
	Sinks       string        `help:"First of the addresses on this machine where our receivers listen for --url; the others follow." default:"127.0.0.1:9200"`
	PrintConfig bool          `help:"Print the configuration that a gateway for --url needs, and end."`
	Profile     string        `help:"Write a CPU profile of the gateway to this file." placeholder:"FILE"`
	Heap        string        `help:"Write a heap profile of the gateway, taken when its memory was largest, to this file." placeholder:"FILE"`
	JSON        bool          `help:"Print one JSON object."`
	benchFill
}

// benchReport is what bench prints: the load's figures and those of the gateway process alone.
type benchReport struct {
	simulate.LoadReport
	// CPUPerMessage is user and system time of the gateway process, its start and stop included, over
	// accepted messages. Unit: ms. Zero when the gateway is not ours.
	CPUPerMessage float64 `json:"cpu_ms_per_message"`
	// CollectorShare is the garbage collector's part of that time, 0 to 1; AllocatedKB what was taken from
	// the heap per accepted message. Both zero when the gateway is not ours.
	CollectorShare float64 `json:"collector_share"`
	AllocatedKB    float64 `json:"allocated_kb_per_message"`
	MemoryMB       float64 `json:"memory_mb"` // peak resident set of the gateway process
	StartMS        float64 `json:"start_ms"`  // from start of the process until it is ready
	Rate           float64 `json:"rate"`
	Parties        int     `json:"parties"`
	Seed           uint64  `json:"seed"`
	Cores          int     `json:"cores"`
}

// maxBenchParties is how many receivers bench starts at most.
const maxBenchParties = 16

// Run measures. Exit code 1 when anything was lost, duplicated or out of order.
func (c *benchCmd) Run(a *app) error {
	if c.Parties < 1 || c.Parties > maxBenchParties {
		return fail(exitUsage, "--parties: 1 to %d", maxBenchParties)
	}
	if c.PrintConfig {
		return c.printConfig(a)
	}
	if c.benchFill.Fill > 0 {
		return c.fillAndSearch(a)
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

func (c *benchCmd) measure(a *app) (*benchReport, error) {
	address := func(int) string { return "127.0.0.1:0" }
	if c.URL != "" {
		var err error
		if address, err = portsFrom(c.Sinks); err != nil {
			return nil, err
		}
	}
	var all []*simulate.Sink // the sender's own endpoint first
	defer func() {
		for _, s := range all {
			_ = s.Close() // nothing of it is kept
		}
	}()
	for i := range c.Parties + 1 {
		s, err := simulate.NewSinkAt(sinkIndex(i), address(i))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	o := simulate.LoadOptions{
		Gateway: strings.TrimRight(c.URL, "/"), Token: c.Token, Sender: all[0], Sinks: all[1:], Rate: c.Rate, Duration: c.Duration,
		Patients: c.Patients, Senders: c.Senders, Seed: c.Seed,
	}
	r := &benchReport{Rate: c.Rate, Parties: c.Parties, Seed: c.Seed, Cores: cores()}
	if c.URL == "" {
		return r, c.measureOwn(a, r, o)
	}
	var err error
	r.LoadReport, err = simulate.Load(a.ctx, o)
	return r, err
}

// sinkIndex: the sender's endpoint takes a number that no receiver has.
func sinkIndex(i int) int {
	if i == 0 {
		return maxBenchParties
	}
	return i - 1
}

// measureOwn starts a gateway as a process of its own, loads it, and adds what the process used.
func (c *benchCmd) measureOwn(a *app, r *benchReport, o simulate.LoadOptions) (err error) {
	dir := c.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "samvirke-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	addr, err := loopback.Free()
	if err != nil {
		return err
	}
	o.Gateway, o.Token = "http://"+addr, secret()
	urls := []string{o.Sender.URL()}
	for _, s := range o.Sinks {
		urls = append(urls, s.URL())
	}
	name := filepath.Join(dir, "samvirke.yaml")
	if err := os.WriteFile(name, []byte(benchConfig(addr, filepath.Join(dir, "store"), o.Token, urls)), 0o600); err != nil {
		return err
	}
	stats := filepath.Join(dir, "run-stats.json")
	env := []string{statsEnv + "=" + stats}
	if c.Profile != "" {
		env = append(env, profileEnv+"="+c.Profile)
	}
	if c.Heap != "" {
		env = append(env, heapEnv+"="+c.Heap)
	}
	g, err := startGateway(a.ctx, addr, name, env...)
	if err != nil {
		return err
	}
	defer g.stop()
	r.StartMS = float64(g.took.Microseconds()) / 1000
	if r.LoadReport, err = simulate.Load(a.ctx, o); err != nil {
		return errors.Join(err, errors.New(g.words()))
	}
	g.stop()
	if r.Accepted > 0 {
		r.CPUPerMessage = float64(g.cpu().Microseconds()) / 1000 / float64(r.Accepted)
	}
	r.MemoryMB = g.peakMB()
	return r.collector(stats, g.cpu())
}

// collector reads what the gateway told of its garbage collector at its end.
func (r *benchReport) collector(file string, cpu time.Duration) error {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) || r.Accepted == 0 {
		return nil
	}
	var s runStats
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return fmt.Errorf("read what the gateway told of itself: %w", err)
	}
	r.CollectorShare = s.CollectorSeconds / cpu.Seconds()
	r.AllocatedKB = float64(s.Allocated) / 1024 / float64(r.Accepted)
	return nil
}

// printConfig prints what a gateway needs to be measured from outside.
func (c *benchCmd) printConfig(a *app) error {
	address, err := portsFrom(c.Sinks)
	if err != nil {
		return err
	}
	listen := "127.0.0.1:8480"
	if c.URL != "" {
		if listen, err = hostPort(c.URL); err != nil {
			return fail(exitUsage, "--url: %w", err)
		}
	}
	var urls []string
	for i := range c.Parties + 1 {
		urls = append(urls, "http://"+address(i))
	}
	_, err = fmt.Fprint(a.out, benchConfig(listen, "bench-store", c.Token, urls))
	return err
}

// portsFrom gives consecutive addresses.
func portsFrom(first string) (func(i int) string, error) {
	host, port, err := net.SplitHostPort(first)
	n, perr := strconv.Atoi(port)
	if err != nil || perr != nil || n < 1 || n+maxBenchParties > 65535 {
		return nil, fail(exitUsage, "--sinks: want host:port, not %q", first)
	}
	return func(i int) string { return net.JoinHostPort(host, strconv.Itoa(n+i)) }, nil
}

// benchConfig is the configuration of a production gateway with a hospital and its receivers; urls[0] is
// where the hospital takes its receipts.
func benchConfig(listen, data, token string, urls []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: %q\ndata_dir: %q\nenvironment: test\nlog: {level: warn}\nparties:\n", listen, data)
	fmt.Fprintf(&b, "  - {id: sender, role: hospital, her: [%q, %q], token: %s, endpoint: {url: %q, max_in_flight: 64}, accepts: [{format: kith}], receipts: none}\n",
		simulate.LoadEnterprise, simulate.LoadUnit, token, urls[0])
	for i, u := range urls[1:] {
		fmt.Fprintf(&b, "  - {id: sink-%d, role: other, her: [%s], endpoint: {url: %q, max_in_flight: 64}, accepts: [{format: kith}], receipts: apprec}\n",
			i, quoted(simulate.SinkHER(i)), u)
	}
	b.WriteString("routes:\n  - {name: addressees, to: [addressees]}\n")
	return b.String()
}

func (r *benchReport) print(a *app) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	row := func(name, format string, v any) { fmt.Fprintf(w, "%s\t"+format+"\t\n", name, v) }
	row("accepted/s", "%.0f", r.AcceptedPerS)
	row("delivered/s (confirmed by receipt)", "%.0f", r.DeliveredPerS)
	row("p50 ms (due to last receipt)", "%.1f", r.P50)
	row("p99 ms", "%.1f", r.P99)
	row("CPU ms/message (gateway alone)", "%.2f", r.CPUPerMessage)
	row("of which garbage collector %", "%.0f", 100*r.CollectorShare)
	row("allocated KB/message", "%.0f", r.AllocatedKB)
	row("peak memory MB", "%.0f", r.MemoryMB)
	row("start ms", "%.0f", r.StartMS)
	row("messages", "%d", r.Accepted)
	row("bytes/message", "%d", r.MessageBytes)
	row("due but not sent in time", "%d", r.Unsent)
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
