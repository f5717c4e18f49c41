package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
)

type traceCmd struct {
	storeFlags
	JSON bool   `help:"Print JSON."`
	ID   string `arg:"" help:"The gateway's id of a message or delivery, or the sender's message id."`
}

// story is everything known about one message, as the trace page tells it.
type story struct {
	Message    samvirke.Message   `json:"message"`
	Notes      []mapping.Note     `json:"notes,omitempty"`
	Events     []samvirke.Event   `json:"events"`
	Deliveries []deliveryStory    `json:"deliveries"`
	Receipts   []samvirke.Receipt `json:"receipts"`
}

type deliveryStory struct {
	samvirke.Delivery
	AttemptList []samvirke.Attempt `json:"attempt_list"`
}

// Run prints the story of a message.
func (c *traceCmd) Run(a *app) error {
	s, err := c.openReader(a)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // reading only
	id, err := findMessage(a.ctx, s, c.ID)
	if err != nil {
		return err
	}
	st, err := readStory(a.ctx, s, id)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(st)
	}
	return a.printStory(st)
}

// findMessage accepts any id a person may hold in hand.
func findMessage(ctx context.Context, s queue.Reader, id string) (string, error) {
	if _, err := s.Message(ctx, id); err == nil {
		return id, nil
	} else if !errors.Is(err, queue.ErrNotFound) {
		return "", err
	}
	if d, err := s.Delivery(ctx, id); err == nil {
		return d.MessageID, nil
	} else if !errors.Is(err, queue.ErrNotFound) {
		return "", err
	}
	ms, err := s.Messages(ctx, queue.MessageFilter{ExternalID: id, Limit: 2})
	if err != nil {
		return "", err
	}
	switch len(ms) {
	case 0:
		return "", fail(exitFailed, "no message, delivery or sender's message id %q", id)
	case 1:
		return ms[0].ID, nil
	}
	return "", fail(exitFailed, "several messages carry the id %q; use the gateway's own id (queue list)", id)
}

func readStory(ctx context.Context, s queue.Reader, id string) (*story, error) {
	m, err := s.Message(ctx, id)
	if err != nil {
		return nil, err
	}
	st := &story{Message: m.Message}
	if len(m.Notes) > 0 {
		if err := json.Unmarshal(m.Notes, &st.Notes); err != nil {
			return nil, fmt.Errorf("read notes: %w", err)
		}
	}
	if st.Events, err = s.Events(ctx, queue.EventFilter{MessageID: id, Limit: queue.MaxPage}); err != nil {
		return nil, err
	}
	if st.Receipts, err = s.Receipts(ctx, queue.ReceiptFilter{MessageID: id, Limit: queue.MaxPage}); err != nil {
		return nil, err
	}
	ds, err := s.Deliveries(ctx, queue.DeliveryFilter{MessageID: id, Limit: queue.MaxPage})
	if err != nil {
		return nil, err
	}
	for i := len(ds) - 1; i >= 0; i-- {
		as, err := s.Attempts(ctx, ds[i].ID)
		if err != nil {
			return nil, err
		}
		st.Deliveries = append(st.Deliveries, deliveryStory{Delivery: ds[i], AttemptList: as})
	}
	return st, nil
}

const clock = "2006-01-02 15:04:05.000Z07:00"

func (a *app) printStory(st *story) error {
	m := st.Message
	p := func(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }
	p("message   %s", m.ID)
	p("from      %s   kind %s %s   id %s", m.Party, m.Kind, m.Version, m.ExternalID)
	p("received  %s   %d bytes   sha256 %.16s", m.ReceivedAt.Format(clock), m.Size, m.Checksum)
	p("status    %s %s %s", m.Status, m.Fault, m.FaultText)
	for _, e := range st.Events {
		who := "gateway"
		if e.DeliveryID != "" {
			who = "-> " + e.Party
		}
		p("%s  %-16s %-14s %s", e.At.Format(clock), who, e.Name, e.Detail)
	}
	for _, d := range st.Deliveries {
		p("delivery  %s  to %s  %s %s %s  %s  %d bytes  rule %s %s", d.ID, d.Party, d.Purpose, d.Format, d.Version, d.State, d.Size, d.Rule, d.Fault)
		for _, at := range d.AttemptList {
			p("  attempt %d  %s  took %s  %s %s %s", at.Number, at.At.Format(clock), at.Took.Round(time.Microsecond), at.Answer, at.Class, at.Fault)
		}
	}
	for _, r := range st.Receipts {
		p("receipt   %s  %s  %s  status %s %s", r.At.Format(clock), r.Direction, r.Party, r.Status, r.Note)
		for _, e := range r.Errors {
			p("  error %s %s %s", e.Code, e.Display, e.Detail)
		}
	}
	for _, n := range st.Notes {
		p("note      %s  %s  %s", n.Code, n.Path, n.Text)
	}
	return nil
}
