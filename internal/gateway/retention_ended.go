package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

const (
	// eraseTogether is how many people one erasure of retention takes: what an erasure costs beside its rows (the settings are
	// looked through, unused room is overwritten, the log is cut) is shared by them.
	eraseTogether = 64
	// lookAgain is how often all plans are looked at, and not only those that were changed since: a course may have an end that
	// lay ahead.
	lookAgain = 24 * time.Hour
)

// endedWalk is how far the plans were looked at for their end. A plan that had none then gets one by a change, which makes a newer
// version, or by time.
type endedWalk struct {
	mu   sync.Mutex
	upTo int64 // number of a version: all before it were looked at
	full time.Time
}

// from gives where a walk begins.
func (e *endedWalk) from(now time.Time) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if since := now.Sub(e.full); since < 0 || since >= lookAgain {
		e.upTo, e.full = 0, now
	}
	return e.upTo
}

func (e *endedWalk) reached(seq int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upTo = seq
}

// eraseEnded erases those whose plan came to its end, and was last changed, before a time.
func (g *Gateway) eraseEnded(ctx context.Context, before time.Time) error {
	for after := g.ended.from(g.now()); ctx.Err() == nil; {
		page, err := g.store.PlanChanges(ctx, after, queue.MaxPage)
		if err != nil {
			return fmt.Errorf("read plan changes: %w", err)
		}
		whole := len(page) == queue.MaxPage
		var ended []string
		for i := range page {
			c := &page[i]
			if !c.At.Before(before) { // versions have the order of their times: those behind it are for later
				whole = false
				break
			}
			after = c.Seq
			newest, err := g.newestVersion(ctx, c.Patient)
			if err != nil {
				return err
			}
			if newest.Version != c.Version { // the newest one has its own turn, and a plan is read once
				continue
			}
			p, err := g.Plan(ctx, c.Patient)
			if err != nil {
				return err
			}
			if p == nil || !endedBefore(p, before) {
				continue
			}
			if ended = append(ended, c.Patient); len(ended) == eraseTogether {
				if err := g.eraseAll(ctx, ended, before); err != nil {
					return err
				}
				ended = nil
			}
		}
		if err := g.eraseAll(ctx, ended, before); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil // perhaps not all of the page
		}
		if g.ended.reached(after); !whole {
			return nil
		}
	}
	return nil
}

// eraseAll erases those of these people whose plan was last changed before a time. That is looked at here, after all else: who was
// heard of meanwhile stays.
func (g *Gateway) eraseAll(ctx context.Context, patients []string, before time.Time) error {
	var silent []string
	for _, p := range patients {
		v, err := g.newestVersion(ctx, p)
		if err != nil {
			return err
		}
		if v.Version > 0 && v.At.Before(before) {
			silent = append(silent, p)
		}
	}
	if len(silent) == 0 || ctx.Err() != nil {
		return nil
	}
	_, err := g.eraser().EraseAll(ctx, silent, "retention", "kept for the configured time after the end")
	return err
}

// newestVersion gives the newest version of a plan without its body; Version 0: there is none, or nobody has it.
func (g *Gateway) newestVersion(ctx context.Context, patient string) (queue.PlanVersion, error) {
	if patient == "" {
		return queue.PlanVersion{}, nil
	}
	versions, err := g.store.PlanVersions(ctx, patient)
	if err != nil {
		return queue.PlanVersion{}, fmt.Errorf("read versions of a plan: %w", err)
	}
	if len(versions) == 0 {
		return queue.PlanVersion{}, nil
	}
	return versions[0], nil
}

// endedBefore tells whether a person is dead, or every course has ended, since before a time. Where no course is known the stays
// are what could end; a plan without either has no end that could be told.
func endedBefore(p *careplan.Plan, before time.Time) bool {
	if p.Person.Deceased != nil {
		return true // the last change is before that time
	}
	if p.Course == nil || len(p.Course.Courses) == 0 {
		for i := range p.Stays {
			if s := &p.Stays[i]; !closed(s.Status, s.End, before) {
				return false
			}
		}
		return len(p.Stays) > 0
	}
	for i := range p.Course.Courses {
		if c := &p.Course.Courses[i]; !closed(c.Status, c.End, before) {
			return false
		}
	}
	return true
}

// closed tells whether something of this status, with this end, is over since before a time.
func closed(status string, end *careplan.Value, before time.Time) bool {
	if status != "finished" && status != "cancelled" && status != "entered-in-error" {
		return false
	}
	if end == nil {
		return true
	}
	at, err := time.Parse(time.RFC3339, end.Text)
	return err != nil || at.Before(before)
}
