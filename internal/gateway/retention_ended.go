package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

const (
	// eraseTogether is how many people one erasure of retention takes: what an erasure costs beside its rows (the settings are
	// looked through) is shared by them. More would hold the store up for too long when their plans go.
	eraseTogether = 256
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
	// unwiped: there were erasures since the files were wiped.
	unwiped bool
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

// wipe takes what the erasures of a run left out of the files, for all of them at once. One that fails is made up for by the next run.
func (g *Gateway) wipe(ctx context.Context) error {
	g.ended.mu.Lock()
	defer g.ended.mu.Unlock()
	eraser, ok := storeAs[queue.Eraser](g.store)
	if !ok || !g.ended.unwiped {
		return nil
	}
	if err := eraser.Wipe(ctx); err != nil {
		return fmt.Errorf("wipe what was erased: %w", err)
	}
	g.ended.unwiped = false
	return nil
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

// eraseAll erases those of these people of whom nothing came since a time. Who is heard of meanwhile stays, up to the moment in which the
// plans go; then the others are taken one by one.
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
	err := g.eraseSilent(ctx, silent, before)
	if _, heard := errors.AsType[*queue.HeardError](err); !heard || len(silent) == 1 {
		return unlessHeard(err)
	}
	for _, p := range silent {
		if err := unlessHeard(g.eraseSilent(ctx, []string{p}, before)); err != nil {
			return err
		}
	}
	return nil
}

// unlessHeard drops the error that says that somebody stays.
func unlessHeard(err error) error {
	if _, heard := errors.AsType[*queue.HeardError](err); heard {
		return nil
	}
	return err
}

// eraseSilent gives a queue.HeardError when something came of one of them since a time.
func (g *Gateway) eraseSilent(ctx context.Context, patients []string, before time.Time) error {
	g.ended.mu.Lock()
	g.ended.unwiped = true
	g.ended.mu.Unlock()
	_, err := g.eraser().eraseAll(ctx, patients, erasure{Who: "retention", Reason: "kept for the configured time after the end",
		Erasure: queue.Erasure{Silent: before, Unwiped: true}})
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
