package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// Job is work that is done again and again, beside the gateway's own clocks. It must be safe to run on several
// gateways at once.
type Job struct {
	Name string
	// Spec is a cron line in UTC (minute, hour, day, month, weekday) or "@every 10m"; "" runs with the clocks.
	Spec string
	// AtStart runs it once when the gateway starts.
	AtStart bool
	Run     func(context.Context) error
}

// every is a schedule without the whole seconds of cron.Every.
type every time.Duration

// Next is the time after t.
func (e every) Next(t time.Time) time.Time { return t.Add(time.Duration(e)) }

// ParseSpec reads the time of a job. A line that is never due is an error, and so is one that the parser panics on.
func ParseSpec(spec string) (s cron.Schedule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the time %q cannot be read", spec)
		}
	}()
	if s, err = cron.ParseStandard(spec); err != nil {
		return nil, err
	}
	if s.Next(time.Now().UTC()).IsZero() {
		return nil, fmt.Errorf("the time %q never comes", spec)
	}
	return s, nil
}

// cronLog tells the log what cron has to say: nothing but what went wrong.
type cronLog struct{ log *slog.Logger }

// Info is not told: a round that was skipped because the last one is still running is no news.
func (l cronLog) Info(string, ...any) {}

// Error tells of a job that panicked; the value is not logged, it could quote a plan.
func (l cronLog) Error(_ error, msg string, _ ...any) { l.log.Error("a job failed", "what", msg) }

// startJobs starts the clocks. The context given ends the jobs; stop waits for those that run.
func (g *Gateway) startJobs(ctx context.Context) (stop func(), err error) {
	log := cronLog{g.log}
	c := cron.New(cron.WithLocation(time.UTC), cron.WithLogger(log), cron.WithChain(cron.SkipIfStillRunning(log), cron.Recover(log)))
	jobs := append([]Job{
		{Name: "overdue receipts", AtStart: true, Run: g.markOverdue},
		{Name: "dues of plans", AtStart: true, Run: g.fireDues},
	}, append(g.subscriptionJobs(), g.o.Jobs...)...)
	var first sync.WaitGroup
	for _, j := range jobs {
		var when cron.Schedule = every(g.o.ClockEvery)
		if j.Spec != "" {
			if when, err = ParseSpec(j.Spec); err != nil {
				return nil, fmt.Errorf("job %s: %w", j.Name, err)
			}
		}
		if j.Run == nil {
			return nil, fmt.Errorf("job %s: nothing to run", j.Name)
		}
		id := c.Schedule(when, cron.FuncJob(func() {
			if j.Spec != "" && !g.leads(ctx, j.Name) {
				return
			}
			if err := j.Run(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
				g.log.Error("a job failed, it runs again at its time", "job", j.Name, "err", err)
			}
		}))
		if j.AtStart {
			first.Go(c.Entry(id).WrappedJob.Run)
		}
	}
	c.Start()
	return func() {
		<-c.Stop().Done()
		first.Wait()
	}, nil
}

// leader is a store that several gateways share: it tells one of them that it leads in a job.
type leader interface {
	Leads(ctx context.Context, job string) (bool, error)
}

// leads says whether this gateway runs a job that is due at a time of day. When nobody can be asked it runs: jobs are safe
// to run on several gateways at once, it is only wasted work.
func (g *Gateway) leads(ctx context.Context, job string) bool {
	l, shared := storeAs[leader](g.store)
	if !shared {
		return true
	}
	ok, err := l.Leads(ctx, job)
	return ok || err != nil
}
