package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke/internal/simulate"
)

type benchCmd struct {
	Rate        float64       `help:"Messages per second; 0 sends as fast as the gateway answers." default:"0"`
	Duration    time.Duration `help:"How long messages are sent." default:"20s"`
	Parties     int           `help:"How many receivers each message has; all answer with receipts." default:"2"`
	Patients    int           `help:"Stays under way at the same time." default:"512"`
	Senders     int           `help:"Requests under way at the same time." default:"64"`
	Seed        uint64        `help:"The same seed gives the same messages." default:"1"`
	Drain       time.Duration `help:"How long to wait for the last receipts after the last message; longer where a killed gateway must be replaced." default:"30s"`
	Data        string        `help:"Folder for the store, on the disk to be measured; a temporary one when not given." placeholder:"DIR"`
	URL         string        `help:"Measure a gateway that runs already, with the configuration of --print-config." placeholder:"URL"`
	Token       string        `help:"Bearer token of the sending party at --url." env:"SAMVIRKE_BENCH_TOKEN" default:"token-for-bench-only"`
	Sinks       string        `help:"First of the addresses on this machine where our receivers listen for --url; the others follow." default:"127.0.0.1:9200"`
	PrintConfig bool          `help:"Print the configuration that a gateway for --url needs, and end."`
	Profile     string        `help:"Write a CPU profile of the gateway to this file." placeholder:"FILE"`
	Heap        string        `help:"Write a heap profile of the gateway, taken when its memory was largest, to this file." placeholder:"FILE"`
	JSON        bool          `help:"Print one JSON object."`
	Database    string        `help:"Gateways on this PostgreSQL instead of a store of their own: postgres://user@host:port/database, password in PGPASSWORD. A schema is made, and dropped at the end; --fill uses samvirke_bench and leaves it." placeholder:"URL"`
	benchFill
	benchBacklog
	benchSoak
	benchGateways
}

// benchReport is what bench prints: the load's figures and those of the gateway process alone.
type benchReport struct {
	simulate.LoadReport
	// CPUPerMessage is user and system time of the gateway process, its start and stop included, over
	// accepted messages. Unit: ms. Zero when the gateway is not ours.
	CPUPerMessage float64 `json:"cpu_ms_per_message"`
	// PartiesCPU is that of bench itself while it sent and received: the sender, the receivers and the check of what they get,
	// which share the machine with the gateway and are no part of CPUPerMessage. Unit: ms; 0 where the system does not tell.
	PartiesCPU float64 `json:"parties_cpu_ms_per_message,omitempty"`
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
	// Store is the engine: sqlite or postgres; "" when the gateway is not ours.
	Store string `json:"store,omitempty"`
	// Gateways are the figures of each, when there are several. Start and memory above are those of the slowest and the
	// largest, CPU is that of all together.
	Gateways []gatewayFigures `json:"gateways,omitempty"`
	// TakeOverLimitS is how long the others may take until they have taken over from one that was killed; more is a failure. 0 when
	// none was to be killed.
	TakeOverLimitS float64 `json:"take_over_limit_s,omitempty"`
}

// maxBenchParties is how many receivers bench starts at most.
const maxBenchParties = 16

// senderSink is the place of the sender's endpoint: behind all receivers, those that are down too.
const senderSink = maxBenchParties + benchDead

// Run measures. Exit code 1 when anything was lost, duplicated or out of order, or was taken over too late.
func (c *benchCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.PrintConfig {
		return c.printConfig(a)
	}
	debug.SetGCPercent(400) // our own part: it shall leave the processor to the gateway
	switch {
	case c.Fill > 0:
		return c.fillAndSearch(a)
	case c.Backlog > 0:
		return c.runBacklog(a)
	case c.Soak > 0:
		return c.runSoak(a)
	}
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
	return failIf(r.Lost + r.Duplicated + r.OutOfOrder + r.Changed + r.late())
}

// failIf ends without a word when something went wrong that must never: the report has said it.
func failIf(wrong int64) error {
	if wrong > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}

// check refuses what does not go together.
func (c *benchCmd) check() error {
	modes := 0
	for _, on := range []bool{c.Fill != 0, c.Backlog != 0, c.Soak != 0, c.Gateways != 1, c.URL != "" || c.PrintConfig} {
		if on {
			modes++
		}
	}
	switch {
	case c.Parties < 1 || c.Parties > maxBenchParties:
		return fail(exitUsage, "--parties: 1 to %d", maxBenchParties)
	case modes > 1:
		return fail(exitUsage, "--fill, --backlog, --soak, --gateways and --url are each a measurement of their own: give one of them")
	case c.Rate < 0 || c.Patients < 1 || c.Senders < 1:
		return fail(exitUsage, "--rate is 0 or more, --patients and --senders are 1 or more")
	case c.Duration <= 0 || c.Drain <= 0:
		return fail(exitUsage, "--duration and --drain: more than 0")
	case c.Database != "" && c.URL != "":
		return fail(exitUsage, "--database is for gateways that bench starts itself, not for --url")
	case c.Fill < 0:
		return fail(exitUsage, "--fill: 1 or more")
	}
	for _, err := range []error{c.benchBacklog.check(), c.benchSoak.check(c.Rate), c.benchGateways.check(c.Database), c.checkURL()} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *benchCmd) measure(a *app) (*benchReport, error) {
	r := &benchReport{Rate: c.Rate, Parties: c.Parties, Seed: c.Seed, Cores: cores(), Store: c.engine()}
	if c.URL == "" {
		return r, c.measureOwn(a, r)
	}
	r.Store = ""
	address, err := portsFrom(c.Sinks)
	if err != nil {
		return nil, err
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
	err = r.load(a, simulate.LoadOptions{
		Gateway: strings.TrimRight(c.URL, "/"), Token: c.Token, Sender: all[0], Sinks: all[1:], Rate: c.Rate, Duration: c.Duration,
		Patients: c.Patients, Senders: c.Senders, Seed: c.Seed, Drain: c.Drain, Today: true,
	})
	return r, err
}

// engine names the store of gateways that bench starts.
func (c *benchCmd) engine() string {
	if c.Database != "" {
		return "postgres"
	}
	return "sqlite"
}

// sinkIndex: the sender's endpoint takes a number that no receiver has.
func sinkIndex(i int) int {
	if i == 0 {
		return senderSink
	}
	return i - 1
}

// measureOwn starts gateways as processes of their own, loads them, and adds what the processes used.
func (c *benchCmd) measureOwn(a *app, r *benchReport) error {
	x, err := c.newRig(a, rigOptions{receivers: c.Parties, gateways: c.Gateways}, c.benchGateways.setting)
	if err != nil {
		return err
	}
	defer x.close()
	for _, g := range x.gateways {
		if err := g.start(a.ctx); err != nil {
			return err
		}
		r.StartMS = max(r.StartMS, ms(g.took))
	}
	o := x.load(c, c.Parties)
	if c.Kill {
		r.TakeOverLimitS = killLimit.Seconds()
	}
	stopKiller := c.killer(a.ctx, x, &o)
	err = r.load(a, o)
	stopKiller()
	if err != nil {
		return errors.Join(err, x.words())
	}
	var cpu time.Duration
	for i, g := range x.gateways {
		killed := g.now == nil
		g.stop()
		cpu += g.cpu
		r.MemoryMB = max(r.MemoryMB, g.peakMB)
		if len(x.gateways) > 1 {
			r.Gateways = append(r.Gateways, g.figures(r.AcceptedBy[i], r.SendSeconds, killed))
		}
	}
	if r.Accepted > 0 {
		r.CPUPerMessage = ms(cpu) / float64(r.Accepted)
	}
	if len(x.gateways) > 1 {
		return nil
	}
	return r.collector(x.gateways[0].stats, cpu)
}

// load sends and receives, and tells what that cost this process.
func (r *benchReport) load(a *app, o simulate.LoadOptions) (err error) {
	before := ownCPU()
	r.LoadReport, err = simulate.Load(a.ctx, o)
	if r.Accepted > 0 {
		r.PartiesCPU = ms(ownCPU()-before) / float64(r.Accepted)
	}
	return err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

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
	_, err = fmt.Fprint(a.out, (&benchSetting{listen: listen, data: "bench-store", token: c.Token, urls: urls}).yaml())
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
