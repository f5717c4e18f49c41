package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"

	"github.com/samvirke/samvirke/internal/gateway"
)

type partyCmd struct {
	List   partyListCmd   `cmd:"" help:"Show how every party does."`
	Pause  partyPauseCmd  `cmd:"" help:"Send a party nothing until it is resumed; what is for it waits in order."`
	Drain  partyDrainCmd  `cmd:"" help:"Take a party out of service: what waits is sent, of what it sends only receipts are taken."`
	Resume partyResumeCmd `cmd:"" help:"Let a held party go."`
}

// partyFlags reach the running gateway: a party is held where the work is done.
type partyFlags struct {
	URL      string `help:"Web address of the running gateway." placeholder:"URL" required:""`
	User     string `help:"User name." env:"SAMVIRKE_USER" default:"admin"`
	Password string `help:"Password; from the environment, so that it stays out of the process list." env:"SAMVIRKE_PASSWORD" hidden:""`
}

func (f *partyFlags) client(a *app) (*remote, error) {
	return (&remoteFlags{URL: f.URL, User: f.User, Password: f.Password}).client(a)
}

type partyHoldFlags struct {
	partyFlags
	Party  string `arg:"" help:"Id of the party."`
	Reason string `help:"Why; kept in the audit." required:""`
}

type (
	partyPauseCmd  struct{ partyHoldFlags }
	partyDrainCmd  struct{ partyHoldFlags }
	partyResumeCmd struct{ partyHoldFlags }
)

// Run pauses.
func (c *partyPauseCmd) Run(a *app) error { return c.hold(a, "pause", "paused") }

// Run drains.
func (c *partyDrainCmd) Run(a *app) error { return c.hold(a, "drain", "draining") }

// Run resumes.
func (c *partyResumeCmd) Run(a *app) error { return c.hold(a, "resume", "resumed") }

func (c *partyHoldFlags) hold(a *app, action, done string) error {
	r, err := c.client(a)
	if err != nil {
		return err
	}
	if err := r.do(a.ctx, action, c.Party, c.Reason); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s %s\n", c.Party, done)
	return nil
}

type partyListCmd struct {
	partyFlags
	JSON bool `help:"Print JSON."`
}

// Run lists.
func (c *partyListCmd) Run(a *app) error {
	r, err := c.client(a)
	if err != nil {
		return err
	}
	raw, err := r.get(a.ctx, "/api/v1/parties")
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintln(a.out, string(raw))
		return err
	}
	var list struct {
		Parties []gateway.PartyState `json:"parties"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PARTY\tBREAKER\tHELD\tWAITING\tSTOPPED\tRECEIPTS AWAITED\tLAST FAULT")
	for i := range list.Parties {
		p := &list.Parties[i]
		held := "-"
		if p.Hold.Mode != gateway.HoldNone {
			held = string(p.Hold.Mode) + " by " + p.Hold.By
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", p.ID, p.Breaker, held, p.Waiting, p.Stopped, p.Awaited, p.LastFault)
	}
	return w.Flush()
}

// get reads one answer of the JSON API.
func (r *remote) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+path, nil)
	if err != nil {
		return nil, fail(exitUsage, "--url: %w", err)
	}
	req.SetBasicAuth(r.user, r.password)
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // reading only
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fail(exitFailed, "the gateway answered %s", resp.Status)
	}
	return raw, nil
}
