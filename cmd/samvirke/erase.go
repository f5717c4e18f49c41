package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

type eraseCmd struct {
	storeFlags
	remoteFlags
	JSON    bool   `help:"Print JSON."`
	Reason  string `help:"Why; written to the audit log, so without names." required:""`
	Who     string `help:"Who; written to the audit log when the store is opened directly." default:"command-line"`
	Patient string `arg:"" help:"The person's identifier, for instance a national identity number, or - to read it from standard input, which keeps it out of the process list."`
}

// Run erases a person: on a running gateway with --url, else in the store itself.
func (c *eraseCmd) Run(a *app) error {
	patient := c.Patient
	if patient == "-" {
		line, err := bufio.NewReader(a.in).ReadString('\n')
		if err != nil && line == "" {
			return fail(exitUsage, "standard input holds no identifier")
		}
		patient = strings.TrimSpace(line)
	}
	if c.URL != "" {
		r, err := c.remoteFlags.client(a)
		if err != nil {
			return err
		}
		if err := r.do(a.ctx, "erase", patient, c.Reason); err != nil {
			return err
		}
		return c.print(a, nil)
	}
	s, err := c.openAlone(a.ctx, a)
	if err != nil {
		return err
	}
	out, err := erasePerson(a.ctx, gateway.Forget{Store: s, Now: time.Now}.Erase, s, patient, c.Who, c.Reason)
	if e := s.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return c.print(a, &out)
}

func (c *eraseCmd) print(a *app, out *queue.Erased) error {
	if c.JSON {
		return a.json(map[string]any{"erased": true, "counts": out})
	}
	if out == nil {
		_, err := fmt.Fprintln(a.out, "erased")
		return err
	}
	_, err := fmt.Fprintf(a.out, "erased: %d messages, %d deliveries, %d records, %d plan versions, %d audit entries without the person\n",
		out.Messages, out.Deliveries, out.Records, out.Plans, out.Audits)
	return err
}

// erasePerson erases everything under the keys that a typed identifier may stand for.
func erasePerson(ctx context.Context, erase func(ctx context.Context, patient, who, reason string) (queue.Erased, error),
	r queue.Reader, typed, who, reason string,
) (total queue.Erased, err error) {
	found := false
	for _, key := range patientKeys(typed) {
		known, err := knownPatient(ctx, r, key)
		if err != nil {
			return total, err
		}
		if !known {
			continue
		}
		found = true
		n, err := erase(ctx, key, who, reason)
		if err != nil {
			return total, err
		}
		total = queue.Erased{
			Messages: total.Messages + n.Messages, Deliveries: total.Deliveries + n.Deliveries, Records: total.Records + n.Records,
			Plans: total.Plans + n.Plans, Audits: total.Audits + n.Audits,
		}
	}
	if !found {
		return total, fmt.Errorf("nothing is kept about this person: %w", queue.ErrNotFound)
	}
	return total, nil
}

// knownPatient tells whether anything stands under a patient key.
func knownPatient(ctx context.Context, r queue.Reader, key string) (bool, error) {
	if _, err := r.Plan(ctx, key, 0); err == nil || !errors.Is(err, queue.ErrNotFound) {
		return err == nil, err
	}
	ms, err := r.Messages(ctx, queue.MessageFilter{Patient: key, Limit: 1})
	if err != nil || len(ms) > 0 {
		return err == nil, err
	}
	ds, err := r.Deliveries(ctx, queue.DeliveryFilter{Patient: key, Limit: 1})
	return len(ds) > 0, err
}
