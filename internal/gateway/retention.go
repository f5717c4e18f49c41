package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// Retention says how long things are kept. Zero means for ever.
//
// Source: domain/careplan.md section 9.
type Retention struct {
	// Payloads is how long bodies are kept after the last delivery of a message has ended.
	Payloads time.Duration
	// Records is how long a person is kept after death or the end of the last course, where no course is known of the last stay,
	// counted from the last change of the plan too.
	Records time.Duration
	// Audit is how long audit entries are kept.
	Audit time.Duration
	// Traces is how long what says nothing of anybody any more is kept: rows of erased messages, and of those refused that were about
	// nobody, since they were received, and the names under which erased ones are known, since they were erased.
	Traces time.Duration
	// Again is in how long this is done again; 0: nobody knows. What people left in the unused room of files is wiped out of them at the end,
	// unless runs are more frequent than wipeEvery: then it may stay there for as long as that.
	Again time.Duration
}

// Sizes of the steps of retention: one short transaction each.
const (
	retainMessages = 500
	retainAudits   = 2000
	retainNames    = 2000
)

// inHurry is how long a run erases people gently at most; it is less where people are kept for less than so many times as long. A run that
// has more to do then is behind, and what is behind takes room and time from all.
const (
	inHurry   = time.Hour
	keptTimes = 16
)

// othersWait is how long a run that erases people leaves the bodies and rows of those who stay; see beside.
const othersWait = time.Hour

// RetentionJob is the job that drops what has been kept long enough. The gateway is made before its jobs can name
// it, so it is asked for when the job runs. A run that was not done when the next one was due is followed by that at once: the schedule has
// left it out.
func RetentionJob(spec string, r Retention, gateway func() *Gateway) Job {
	when, err := ParseSpec(spec)
	return Job{Name: "retention", Spec: spec, Run: func(ctx context.Context) error {
		if err != nil {
			return gateway().Retain(ctx, r)
		}
		next := time.Now().UTC() // as the clocks of jobs read a line of cron
		for {
			now := time.Now().UTC()
			for !next.After(now) {
				next = when.Next(next)
			}
			r := r
			r.Again = next.Sub(now)
			err := gateway().Retain(ctx, r)
			if ctx.Err() != nil || time.Now().Before(next) {
				return err
			}
			if err != nil { // what went wrong with one person does not make the others wait
				gateway().log.Error("a job failed, it runs again at once", "job", "retention", "err", err)
			}
		}
	}}
}

// beside is what is dropped while people are erased still: bodies and rows that are kept for no less long than people go with most of them, and
// dropped before they would be work twice.
func (r Retention) beside() Retention {
	if r.Payloads >= r.Records {
		r.Payloads = 0
	}
	if r.Traces >= r.Records {
		r.Traces = 0
	}
	return r
}

// Retain drops what has been kept long enough. It may be stopped at any time and by several gateways at once.
func (g *Gateway) Retain(ctx context.Context, r Retention) error {
	keeper, ok := storeAs[queue.Retainer](g.store)
	if !ok {
		return nil
	}
	queue.Reach(queue.PointRetention)
	now := g.now() // one time for all: what goes with a person needs no step of its own before or after
	err := errors.Join(g.recallWipe(ctx), g.eraser().resume(ctx, true))
	// Where there is much to do all kinds get their turn: to erase everybody first would leave their bodies in the files, and all bodies of
	// others, for as long as that takes.
	began := time.Now()
	all := began // when everything had its turn
	for more := true; more && ctx.Err() == nil; {
		more = false
		if r.Records > 0 {
			var e error
			more, e = g.eraseEnded(ctx, r, now, began.Add(min(r.Records/keptTimes, inHurry)))
			if err = errors.Join(err, e); more && !g.ended.dirty() {
				continue // nobody went
			}
		}
		if g.ended.wipeDue() || !more && (r.Again == 0 || r.Again >= wipeEvery) {
			err = errors.Join(err, g.wipe(ctx))
		}
		if more && time.Since(all) < g.ended.others {
			err = errors.Join(err, g.dropOld(ctx, keeper, r.beside(), now))
			continue
		}
		err = errors.Join(err, g.dropOld(ctx, keeper, r, now))
		all = time.Now()
	}
	return err
}

// dropOld drops what has been kept long enough of those who stay.
func (g *Gateway) dropOld(ctx context.Context, keeper queue.Retainer, r Retention, now time.Time) (err error) {
	if r.Payloads > 0 {
		err = g.dropPayloads(ctx, keeper, now.Add(-r.Payloads))
	}
	if r.Audit > 0 {
		err = errors.Join(err, g.dropAudits(ctx, keeper, now.Add(-r.Audit)))
	}
	if r.Traces > 0 {
		err = errors.Join(err, g.dropTraces(ctx, keeper, now.Add(-r.Traces)))
	}
	return err
}

func (g *Gateway) dropPayloads(ctx context.Context, keeper queue.Retainer, before time.Time) error {
	total := 0
	for after := int64(0); ctx.Err() == nil; {
		n, next, err := keeper.DropPayloads(ctx, before, after, retainMessages)
		if err != nil {
			return fmt.Errorf("drop payloads: %w", err)
		}
		queue.Reach(queue.PointRetained)
		total += n
		if after = next; next == 0 {
			break
		}
	}
	if total > 0 {
		g.log.Info("payloads dropped", "messages", total)
	}
	return nil
}

func (g *Gateway) dropAudits(ctx context.Context, keeper queue.Retainer, before time.Time) error {
	total := 0
	for ctx.Err() == nil {
		n, err := keeper.DropAudits(ctx, before, retainAudits)
		if err != nil {
			return fmt.Errorf("drop audit: %w", err)
		}
		if total += n; n < retainAudits {
			break
		}
	}
	if total > 0 {
		g.log.Info("audit entries dropped", "entries", total)
	}
	return nil
}

func (g *Gateway) dropTraces(ctx context.Context, keeper queue.Retainer, before time.Time) error {
	traces, names := 0, 0
	for after := int64(0); ctx.Err() == nil; {
		n, next, err := keeper.DropTraces(ctx, before, after, retainMessages)
		if err != nil {
			return fmt.Errorf("drop traces: %w", err)
		}
		traces += n
		if after = next; next == 0 {
			break
		}
	}
	for ctx.Err() == nil {
		n, err := keeper.DropErased(ctx, before, retainNames)
		if err != nil {
			return fmt.Errorf("drop names of what was erased: %w", err)
		}
		if names += n; n < retainNames {
			break
		}
	}
	if traces > 0 || names > 0 {
		g.log.Info("traces dropped", "messages", traces, "names", names)
	}
	return nil
}
