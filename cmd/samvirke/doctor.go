package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/postgres"
	"github.com/samvirke/samvirke/queue/sealed"
)

type doctorCmd struct {
	Config string `help:"Configuration file." required:"" env:"SAMVIRKE_CONFIG" placeholder:"FILE"`
	JSON   bool   `help:"Print JSON."`
}

// finding is one thing the doctor looked at.
type finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Text  string `json:"text"`
}

// Run looks at configuration, disk, store and parties. It changes nothing but a probe file that it
// removes, and sends nothing to anybody. Exit code 1 when something is wrong.
func (c *doctorCmd) Run(a *app) error {
	cfg, err := a.loadConfig(c.Config)
	if err != nil {
		return err
	}
	out := []finding{{"configuration", true, fmt.Sprintf("%d parties, %d rules", len(cfg.Parties), len(rules(cfg)))}}
	if _, errs := routes(cfg); len(errs) > 0 {
		out = append(out, finding{"routes", false, errors.Join(errs...).Error()})
	}
	if cfg.Store.Postgres == nil {
		out = append(out, syncSpeed(cfg.DataDir))
	}
	out = append(out, storeFindings(a, cfg)...)
	for i := range cfg.Parties {
		out = append(out, partyFindings(&cfg.Parties[i])...)
	}
	bad := 0
	for _, f := range out {
		if !f.OK {
			bad++
		}
	}
	if c.JSON {
		if err := a.json(out); err != nil {
			return err
		}
	} else {
		for _, f := range out {
			fmt.Fprintf(a.out, "%-6s %-14s %s\n", map[bool]string{true: "well", false: "WRONG"}[f.OK], f.Check, f.Text)
		}
	}
	if bad > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}

// syncSpeed writes and syncs a small file: a folder that cannot be written, or a disk that takes ages
// to sync, explains most slow gateways.
func syncSpeed(dir string) finding {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return finding{"data folder", false, err.Error()}
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return finding{"data folder", false, err.Error()}
	}
	defer os.Remove(f.Name()) //nolint:errcheck // a probe
	defer f.Close()           //nolint:errcheck // a probe
	const rounds = 20
	start := time.Now()
	for range rounds {
		if _, err := f.WriteString("samvirke"); err != nil {
			return finding{"data folder", false, err.Error()}
		}
		if err := f.Sync(); err != nil {
			return finding{"data folder", false, "sync: " + err.Error()}
		}
	}
	return finding{"data folder", true, fmt.Sprintf("%s, %s a sync", dir, (time.Since(start) / rounds).Round(time.Microsecond))}
}

func storeFindings(a *app, cfg *config.Config) []finding {
	if m, _ := filepath.Glob(filepath.Join(cfg.DataDir, "*.db")); len(m) == 0 && cfg.Store.Postgres == nil {
		return []finding{{"store", true, "not there yet; made at the first start"}}
	}
	keys, err := masterKeys(cfg.Encryption)
	if err != nil {
		return []finding{{"store", false, err.Error()}}
	}
	s, err := openStoreReader(a.ctx, placeOf(cfg), keys)
	if cfg.Store.Postgres != nil && errors.Is(err, queue.ErrNotFound) {
		return []finding{{"store", true, "the database answers; its tables are made at the first start"}}
	}
	if err != nil {
		return []finding{{"store", false, err.Error()}}
	}
	defer s.Close() //nolint:errcheck // reading only
	st, err := s.Stats(a.ctx)
	if err != nil {
		return []finding{{"store", false, err.Error()}}
	}
	var sum int64
	for _, n := range st.Messages {
		sum += n
	}
	out := []finding{
		{"conservation", sum == st.Accepted, fmt.Sprintf("%d accepted, %d accounted for", st.Accepted, sum)},
		{"disk", int64(cfg.DiskBudget) == 0 || st.Bytes-st.Reusable < int64(cfg.DiskBudget),
			fmt.Sprintf("%d of %d bytes, and %d to be used again", st.Bytes-st.Reusable, int64(cfg.DiskBudget), st.Reusable)},
	}
	engine := queue.Reader(s)
	if r, ok := s.(*sealed.Reader); ok {
		engine = r.Below()
	}
	if p, ok := engine.(*postgres.Reader); ok {
		for _, f := range p.Findings(a.ctx) {
			out = append(out, finding(f))
		}
	}
	if p, ok := engine.(checker); ok {
		out = append(out, bodiesFinding(a, p))
	}
	audit := finding{"audit chain", true, "unbroken"}
	if err := s.VerifyAudit(a.ctx); err != nil {
		audit = finding{"audit chain", false, err.Error()}
	}
	overdue, err := s.Deliveries(a.ctx, queue.DeliveryFilter{OverdueAt: time.Now().UTC(), Limit: queue.MaxPage})
	text := fmt.Sprintf("%d receipts overdue, %d messages need attention", len(overdue), st.Messages[samvirke.MessageAttention])
	return append(out, audit, finding{"attention", err == nil && len(overdue) == 0 && st.Messages[samvirke.MessageAttention] == 0, text})
}

// checker is a store whose running gateway reads all bodies in the background.
type checker interface {
	Integrity(ctx context.Context) (queue.Integrity, error)
}

// bodiesFinding tells what the check of stored bodies found, which a running gateway makes in the background.
func bodiesFinding(a *app, r checker) finding {
	i, err := r.Integrity(a.ctx)
	switch {
	case err != nil:
		return finding{"stored bodies", false, err.Error()}
	case len(i.Damaged) > 0:
		return finding{"stored bodies", false, fmt.Sprintf("%d cannot be read, restore them from a backup or ask the senders: %s", len(i.Damaged), strings.Join(i.Damaged, ", "))}
	case i.Ended.IsZero():
		return finding{"stored bodies", true, fmt.Sprintf("%d read without damage, the first round is not at its end", i.Checked)}
	}
	return finding{"stored bodies", true, "all read without damage, last on " + i.Ended.Format(time.RFC3339)}
}

const dialTimeout = 3 * time.Second

func partyFindings(p *config.Party) []finding {
	var hosts []string
	switch {
	case p.Endpoint != nil && p.Endpoint.URL != "":
		hosts = []string{p.Endpoint.URL}
	case p.NATS != nil:
		hosts = p.NATS.Servers
	case p.Kafka != nil:
		hosts = p.Kafka.Brokers
	case p.Folder == nil || p.Folder.Out == "":
		return []finding{{"party " + p.ID, true, "sends only: it gets no receipts"}}
	}
	var out []finding
	for _, address := range hosts {
		f := finding{"party " + p.ID, true, "reachable"}
		if err := reach(address); err != nil {
			f.OK, f.Text = false, err.Error()
		}
		out = append(out, f)
	}
	return out
}

// reach opens a connection to a URL or host:port, and closes it.
func reach(address string) error {
	host := address
	if strings.Contains(address, "://") {
		var err error
		if host, err = hostPort(address); err != nil {
			return err
		}
	}
	c, err := net.DialTimeout("tcp", host, dialTimeout)
	if err != nil {
		return err
	}
	return c.Close()
}
