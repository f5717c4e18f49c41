package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

type queueCmd struct {
	List      queueListCmd      `cmd:"" help:"List messages or deliveries, newest first."`
	Show      traceCmd          `cmd:"" help:"Show one message with all its deliveries (the same as trace)."`
	Resend    queueResendCmd    `cmd:"" help:"Send a stopped delivery again: same bytes, same id."`
	Reprocess queueReprocessCmd `cmd:"" help:"Map a message that needs attention again, from its original."`
	GiveUp    queueGiveUpCmd    `cmd:"" help:"End a stopped delivery or a message that needs attention."`
}

type queueListCmd struct {
	storeFlags
	JSON       bool     `help:"Print JSON."`
	Deliveries bool     `help:"Deliveries instead of messages."`
	Party      string   `help:"Only this party."`
	Kind       string   `help:"Only this kind (messages)."`
	State      []string `help:"Only these statuses (messages) or states (deliveries)."`
	Overdue    bool     `help:"Only deliveries whose receipt is overdue."`
	ID         string   `name:"id" help:"Only messages with this id: the gateway's, the sender's, that of a delivery or of a receipt."`
	Text       string   `help:"Only messages with trouble that has these words: all of them must begin a word of party, kind, format, fault code or fault text."`
	Since      string   `help:"Only messages received at this time or later: RFC 3339, or a day (UTC)." placeholder:"TIME"`
	Until      string   `help:"Only messages received before this time." placeholder:"TIME"`
	Limit      int      `help:"How many, at most 500." default:"50"`
	Before     int64    `help:"Continue a listing: the sequence number of its last line."`
}

// Run lists.
func (c *queueListCmd) Run(a *app) error {
	s, err := c.openReader(a)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // reading only
	if c.Deliveries || c.Overdue {
		if c.ID+c.Text+c.Since+c.Until+c.Kind != "" {
			return fail(exitUsage, "--kind, --id, --text, --since and --until select messages: leave --deliveries and --overdue out")
		}
		return c.deliveries(a, s)
	}
	f := queue.MessageFilter{Party: c.Party, Kind: c.Kind, ID: c.ID, Text: c.Text, Limit: c.Limit, Before: c.Before}
	if f.Since, err = timeOf("since", c.Since); err != nil {
		return err
	}
	if f.Until, err = timeOf("until", c.Until); err != nil {
		return err
	}
	for _, st := range c.State {
		f.Status = append(f.Status, samvirke.MessageStatus(st))
	}
	ms, err := s.Messages(a.ctx, f)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(ms)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SEQ\tRECEIVED\tPARTY\tKIND\tSTATUS\tFAULT\tID")
	for _, m := range ms {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s %s\t%s\t%s\t%s\n", m.Seq, m.ReceivedAt.Format(time.RFC3339), m.Party, m.Kind, m.Version, m.Status, m.Fault, m.ID)
	}
	return w.Flush()
}

// timeOf reads a time or a day; "" is none.
func timeOf(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fail(exitUsage, "--%s: %q is neither a time like 2026-05-01T08:00:00Z nor a day like 2026-05-01", flag, text)
}

func (c *queueListCmd) deliveries(a *app, s queue.Reader) error {
	f := queue.DeliveryFilter{Party: c.Party, Limit: c.Limit, Before: c.Before}
	for _, st := range c.State {
		f.State = append(f.State, samvirke.DeliveryState(st))
	}
	if c.Overdue {
		f.OverdueAt = time.Now().UTC()
	}
	ds, err := s.Deliveries(a.ctx, f)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(ds)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SEQ\tCREATED\tPARTY\tPURPOSE\tKIND\tSTATE\tATTEMPTS\tFAULT\tID")
	for _, d := range ds {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", d.Seq, d.CreatedAt.Format(time.RFC3339), d.Party, d.Purpose, d.Kind, d.State, d.Attempts, d.Fault, d.ID)
	}
	return w.Flush()
}

type (
	queueResendCmd    struct{ queueRepairCmd }
	queueReprocessCmd struct{ queueRepairCmd }
	queueGiveUpCmd    struct{ queueRepairCmd }
)

// Run resends deliveries.
func (c *queueResendCmd) Run(a *app) error { return c.run(a, "resend") }

// Run reprocesses messages.
func (c *queueReprocessCmd) Run(a *app) error { return c.run(a, "reprocess") }

// Run gives deliveries or messages up.
func (c *queueGiveUpCmd) Run(a *app) error { return c.run(a, "give-up") }

// queueRepairCmd holds what the three actions share.
type queueRepairCmd struct {
	storeFlags
	remoteFlags
	JSON   bool     `help:"Print JSON."`
	Reason string   `help:"Why; written to the audit log." required:""`
	Who    string   `help:"Who; written to the audit log when the store is opened directly." default:"command-line"`
	IDs    []string `arg:"" help:"Ids of deliveries (resend, give-up) or messages (reprocess, give-up)."`
}

// repaired is one line of the outcome.
type repaired struct {
	ID    string `json:"id"`
	Done  bool   `json:"done"`
	Error string `json:"error,omitempty"`
}

func (c *queueRepairCmd) run(a *app, action string) error {
	acts, done, err := c.actions(a)
	if err != nil {
		return err
	}
	defer done()
	out := make([]repaired, 0, len(c.IDs))
	failed := 0
	for _, id := range c.IDs {
		var err error
		switch action {
		case "resend":
			err = acts.Resend(a.ctx, c.Who, id, c.Reason)
		case "reprocess":
			err = acts.Reprocess(a.ctx, c.Who, id, c.Reason)
		default:
			err = acts.GiveUp(a.ctx, c.Who, id, c.Reason)
		}
		r := repaired{ID: id, Done: err == nil}
		if err != nil {
			r.Error = err.Error()
			failed++
		}
		out = append(out, r)
		if !c.JSON {
			fmt.Fprintf(a.out, "%s %s: %s\n", action, id, map[bool]string{true: "done", false: r.Error}[r.Done])
		}
	}
	if c.JSON {
		if err := a.json(out); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}

// actions works on a running gateway when --url is given, else on the store itself.
func (c *queueRepairCmd) actions(a *app) (gateway.Actions, func(), error) {
	if c.URL != "" {
		r, err := c.remoteFlags.client(a)
		return r, func() {}, err
	}
	s, err := c.openAlone(a.ctx, a)
	if err != nil {
		return nil, nil, err
	}
	return gateway.Repair{Store: s, Now: time.Now}, func() {
		if err := s.Close(); err != nil {
			fmt.Fprintln(a.errs, "samvirke: close store:", err)
		}
	}, nil
}
