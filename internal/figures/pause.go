package figures

import (
	"context"
	"time"
)

// pause keeps a run from taking the processors from messages.
type pause struct {
	began, last time.Time
	done        int
}

func newPause() *pause {
	now := time.Now()
	return &pause{began: now, last: now}
}

// rest waits for a multiple of the time since the last rest, except in the first batch: what is small is done at once. The
// error is that of the context.
func (p *pause) rest(ctx context.Context) error {
	if p.done++; p.done > batch {
		worked := time.Since(p.last)
		if worked < time.Millisecond {
			return ctx.Err() // not worth a timer yet
		}
		select {
		case <-ctx.Done():
		case <-time.After(rests * worked):
		}
	}
	p.last = time.Now()
	return ctx.Err()
}
