package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

const (
	// eraseTogether is how many people one erasure of retention takes. More would hold the store up for too long when their plans go; in a
	// hurry it may.
	eraseTogether = 128
	eraseInHurry  = 512
	// eraseAtOnce is how many people are collected for a row of erasures: the settings are looked through once for all of them.
	eraseAtOnce = 4096
	// lookAgain is how often all plans are looked at, and not only those that were changed since: a course may have an end that
	// lay ahead.
	lookAgain = 24 * time.Hour
)

// endedWalk is how far the plans were looked at for their end. A plan that had none then gets one by a change, which makes a newer
// version, or by time.
type endedWalk struct {
	atOnce int           // how many people are looked at before others have their turn
	others time.Duration // othersWait

	mu   sync.Mutex
	upTo int64 // number of a version: all before it were looked at
	full time.Time
	// unwiped: there were erasures since the files were wiped, or may have been in an earlier life.
	unwiped bool
	// wiped is when they were wiped, took how long that took.
	wiped time.Time
	took  time.Duration
}

// While people are erased the files are wiped for no more than a part of the time, for each time all that was written since is looked through,
// but each wipeEvery at least. A run that is not followed by another one as soon as that wipes at its end too.
const (
	wipeEvery = 10 * time.Minute
	wipePart  = 10
)

func (e *endedWalk) wipeDue() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Since(e.wiped) >= min(wipeEvery, wipePart*e.took)
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

func (e *endedWalk) wipeLater() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unwiped = true
}

// dirty says whether the files are to be wiped.
func (e *endedWalk) dirty() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.unwiped
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
	began := time.Now()
	if err := eraser.Wipe(ctx); err != nil {
		return fmt.Errorf("wipe what was erased: %w", err)
	}
	// One that found little to do says nothing of how long the next one takes.
	g.ended.unwiped, g.ended.wiped, g.ended.took = false, time.Now(), max(time.Since(began), g.ended.took/2)
	u := &queue.Unit{Now: g.now(), Settings: map[string]string{wipedSetting: string(mustJSON(wiped{g.ended.wiped.UTC(), g.ended.took}))}}
	if _, err := g.store.Commit(ctx, u); err != nil {
		return fmt.Errorf("note when the files were wiped: %w", err)
	}
	return nil
}

// wipedSetting notes the last wipe: the first one of a life looks through all files, so that it does not come sooner than any other.
const wipedSetting = "wiped"

// wiped is its value.
type wiped struct {
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`
}

// recallWipe takes up what an earlier life noted.
func (g *Gateway) recallWipe(ctx context.Context) error {
	g.ended.mu.Lock()
	defer g.ended.mu.Unlock()
	if !g.ended.wiped.IsZero() {
		return nil
	}
	text, err := g.store.Setting(ctx, wipedSetting)
	if err != nil || text == "" {
		return err
	}
	var w wiped
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return fmt.Errorf("when the files were wiped: %w", err)
	}
	if since := time.Since(w.At); since > 0 { // else the clock was put back, and nobody knows when that was
		g.ended.wiped, g.ended.took = time.Now().Add(-since), w.Took // which no later change of the clock moves
	}
	return nil
}

// silence is how people go of whom nobody hears any more: what their erasures say, and when they begin to hurry.
type silence struct {
	queue.Erasure
	late time.Time
}

func (q *silence) hurry() bool { return time.Now().After(q.late) }

// eraseEnded erases those whose plan came to its end, and was last changed, before the time for it. It stops when it has looked at many
// and says whether there may be more. An error that goes with that is of people who stay because something of them cannot be read.
func (g *Gateway) eraseEnded(ctx context.Context, r Retention, now, late time.Time) (more bool, err error) {
	q := silence{late: late, Erasure: queue.Erasure{Silent: now.Add(-r.Records), Unwiped: true}}
	if r.Traces > 0 {
		q.Traces = now.Add(-r.Traces)
	}
	changed := map[string]queue.PlanChange{} // the newest version seen, by patient
	after, whole := g.ended.from(now), true
	for whole && len(changed) < g.ended.atOnce {
		size := min(queue.MaxPage, g.ended.atOnce)
		page, err := g.store.PlanChanges(ctx, after, size)
		if err != nil {
			return false, fmt.Errorf("read plan changes: %w", err)
		}
		whole = len(page) == size
		for i := range page {
			c := &page[i]
			if !c.At.Before(q.Silent) { // versions have the order of their times: those behind it are for later
				whole = false
				break
			}
			after, changed[c.Patient] = c.Seq, *c
		}
	}
	var stay unread
	if err := g.eraseChanged(ctx, changed, q, &stay); err != nil {
		return false, errors.Join(err, stay.err())
	}
	if ctx.Err() != nil {
		return false, nil // perhaps not all of them
	}
	if stay.n > 0 && stay.n == len(changed) {
		return false, stay.err() // that may be the store, so they are looked at again
	}
	g.ended.reached(after)
	return whole, stay.err()
}

// unread are people who stay because something of them cannot be read: nobody else waits for them.
type unread struct {
	mu    sync.Mutex
	n     int
	first error
}

func (u *unread) add(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n++; u.n == 1 {
		u.first = err
	}
}

func (u *unread) err() error {
	if u.n == 0 {
		return nil
	}
	return fmt.Errorf("%d people stay, because something of them cannot be read, as of the first: %w", u.n, u.first)
}

// eraseChanged erases those whose plan is as it was seen, and has ended.
func (g *Gateway) eraseChanged(ctx context.Context, changed map[string]queue.PlanChange, q silence, stay *unread) error {
	var mu sync.Mutex
	var ended []string
	var two sync.WaitGroup // one reads while the other one computes
	todo := make(chan string)
	for range 2 {
		two.Go(func() {
			for patient := range todo {
				is, err := g.hasEnded(ctx, patient, changed[patient].Version, q.Silent)
				switch {
				case err != nil:
					stay.add(err)
				case is:
					mu.Lock()
					ended = append(ended, patient)
					mu.Unlock()
				}
			}
		})
	}
	for patient := range changed {
		if ctx.Err() != nil {
			break
		}
		todo <- patient
	}
	close(todo)
	two.Wait()
	if ctx.Err() != nil {
		return nil
	}
	// Whose plans were changed one after the other have rows that stand near each other.
	slices.SortFunc(ended, func(a, b string) int { return cmp.Compare(changed[a].Seq, changed[b].Seq) })
	return g.eraseAll(ctx, ended, q, stay)
}

// hasEnded tells whether a version is the newest of a plan that came to its end before a time. Each plan is read once: an older version
// leaves it to the newest one.
func (g *Gateway) hasEnded(ctx context.Context, patient string, version int64, before time.Time) (bool, error) {
	if patient == "" {
		return false, nil // nobody has it
	}
	newest, err := g.store.Plan(ctx, patient, 0)
	switch {
	case errors.Is(err, queue.ErrNotFound) || newest.Version > 0 && newest.Version != version:
		return false, nil
	case errors.Is(err, queue.ErrDamaged):
		p, err := g.Plan(ctx, patient) // it is what its records give
		if err != nil || p == nil {
			return false, err
		}
		newest.Body = p.AppendJSON(nil)
	case err != nil:
		return false, fmt.Errorf("read a plan: %w", err)
	}
	e, err := careplan.ReadEnds(newest.Body)
	return err == nil && e.Before(before), err
}

// eraseAll erases those of these people of whom nothing came since a time, and of whom nothing is open.
func (g *Gateway) eraseAll(ctx context.Context, patients []string, q silence, stay *unread) error {
	eraser, ok := storeAs[queue.Eraser](g.store)
	if !ok || len(patients) == 0 || ctx.Err() != nil {
		return nil
	}
	f := g.eraser()
	all, err := f.collect(ctx, patients, stay)
	if err != nil {
		return err
	}
	for len(all) > 0 {
		n := eraseTogether
		if q.hurry() {
			n = eraseInHurry
		}
		n = min(n, len(all))
		piece := all[:n:n]
		all = all[n:]
		if err := g.erasePiece(ctx, &f, eraser, piece, q); err != nil {
			return err
		}
	}
	return nil
}

// erasePiece erases some people together. Who is heard of in the moment of it makes it begin again without them.
func (g *Gateway) erasePiece(ctx context.Context, f *Forget, eraser queue.Eraser, piece []person, q silence) error {
	for ctx.Err() == nil {
		e := erasure{Who: whoRetention, Reason: whyRetention, Erasure: together(piece)}
		e.Silent, e.Traces, e.Unwiped, e.Hurry = q.Silent, q.Traces, q.Unwiped, q.hurry()
		heard, err := eraser.Heard(ctx, e.Erasure)
		if err != nil {
			return fmt.Errorf("erase people: %w", err)
		}
		if len(heard) > 0 {
			if piece = without(piece, heard); len(piece) > 0 {
				continue
			}
		}
		if len(piece) == 0 {
			return nil
		}
		if err := f.partAll(ctx, piece); err != nil {
			return err
		}
		g.ended.wipeLater()
		if _, err := f.begin(ctx, firstKeys(piece), &e); unlessHeard(err) != nil || err == nil {
			return err
		}
	}
	return nil
}

// without leaves those out of whom one of these keys is.
func without(piece []person, keys []string) []person {
	gone := map[string]bool{}
	for _, k := range keys {
		gone[k] = true
	}
	return slices.DeleteFunc(piece, func(one person) bool {
		return slices.ContainsFunc(one.Patients, func(k string) bool { return gone[k] })
	})
}

const (
	whoRetention = "retention"
	whyRetention = "kept for the configured time after the end"
)

// firstKeys are the people as they were named.
func firstKeys(piece []person) (keys []string) {
	for i := range piece {
		keys = append(keys, piece[i].Patients[0])
	}
	return keys
}

// unlessHeard drops the error that says that somebody stays.
func unlessHeard(err error) error {
	if _, heard := errors.AsType[*queue.HeardError](err); heard {
		return nil
	}
	return err
}
