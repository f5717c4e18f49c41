package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/admin"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// decide does what the UI does when a person of the coordinating unit settles a conflict: the choice is audited, and
// becomes a message and a record like any other. It gives the gateway's id of that message.
func (s *stage) decide(ctx context.Context, d *simulate.Decision) (string, error) {
	p, err := s.house.gateway.Plan(ctx, s.course.Patient)
	if err != nil {
		return "", fmt.Errorf("read the plan to decide about: %w", err)
	}
	c, chosen := openConflict(p, d)
	if chosen == nil {
		return "", fmt.Errorf("no open conflict about %s has the value %s", d.Field, d.Value)
	}
	w := gateway.Write{Person: d.Person, Roles: []string{samvirke.RoleCoordinator}, Resources: []*fhir.Node{admin.Resolution(c, chosen, d.Reason)}}
	w.Patient.System, w.Patient.Value, _ = strings.Cut(s.course.Patient, "|")
	for _, cp := range s.course.Parties {
		if slices.Contains(cp.Roles, samvirke.RoleCoordinator) {
			w.Party = cp.ID
		}
	}
	if w.Seen, err = s.house.gateway.SeenIn(ctx, s.course.Patient, 0); err != nil {
		return "", fmt.Errorf("read what was seen: %w", err)
	}
	now := s.clock.now().UTC()
	entry := samvirke.Audit{At: now, Who: d.Person, Action: "resolve-conflict", Object: d.Field, Patient: s.course.Patient, Reason: d.Reason}
	if _, err = s.house.store.Commit(ctx, &queue.Unit{Now: now, Audit: []samvirke.Audit{entry}}); err != nil {
		return "", fmt.Errorf("audit a decision: %w", err)
	}
	res, err := s.house.gateway.Submit(ctx, w)
	if err == nil && res.Fault != nil {
		err = res.Fault
	}
	return res.MessageID, err
}

// openConflict finds the open conflict that a decision is about, and the candidate that it chooses.
func openConflict(p *careplan.Plan, d *simulate.Decision) (*careplan.Conflict, *careplan.Candidate) {
	if p == nil || p.Shared == nil {
		return nil, nil
	}
	for i := range p.Shared.Conflicts {
		c := &p.Shared.Conflicts[i]
		if c.Field != d.Field || c.Status == "resolved" {
			continue
		}
		for j := range c.Candidates {
			if c.Candidates[j].Text == d.Value {
				return c, &c.Candidates[j]
			}
		}
	}
	return nil, nil
}
