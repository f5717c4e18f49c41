package simulate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// backlogPerson is the first person of a backlog: a load beside it never comes that far.
const backlogPerson = 600_000

// Backlog makes the messages that have gathered for receivers that are down, for whoever puts them into a store, and
// judges what the receivers get when they are up again. Each message is for all of its sinks; the stays are those of Load,
// of other people.
type Backlog struct {
	l     *loader
	sinks []*Sink
	slots []*slot
	next  int
	body  []byte
}

// NewBacklog makes messages for sinks whose places follow each other; of the same seed come the same.
func NewBacklog(sinks []*Sink, seed uint64) (*Backlog, error) {
	if len(sinks) == 0 || len(sinks) > maxSinks {
		return nil, fmt.Errorf("backlog needs 1 to %d sinks", maxSinks)
	}
	first := sinks[0].index
	r := newRun(len(sinks))
	r.all <<= first
	for i, s := range sinks {
		if s.index != first+i || s.index >= maxSinks {
			return nil, errors.New("the places of the sinks of a backlog do not follow each other")
		}
	}
	b := &Backlog{sinks: sinks, l: &loader{run: r, w: newWriter(first, len(sinks)), chain: chain(), next: backlogPerson}}
	for i := range DefaultPatients {
		s := &slot{random: rand.NewPCG(^seed, uint64(i))}
		b.l.admit(s)
		b.slots = append(b.slots, s)
	}
	return b, nil
}

// Next gives the next message, good until the call after it. What it gives with the same stay must be stored in the
// order in which it was given; stay is from 0 to DefaultPatients-1.
func (b *Backlog) Next() (stay int, body []byte) {
	stay = b.next
	s := b.slots[stay]
	b.next = (b.next + 1) % len(b.slots)
	m, body := b.l.message(b.body[:0], s)
	b.body = body
	b.l.run.began(m.id, time.Now(), s.patient, int32(s.pos)+1, body)
	b.l.run.accepted(m.id)
	if s.pos++; s.pos == len(b.l.chain) {
		b.l.admit(s)
	}
	return stay, body
}

// Follow lets the sinks come back and judges what they get from now on. It returns when all messages were confirmed by all
// of them, ctx ends, or nothing has come for patience; Judged tells of what came after that too. Times in the report count
// from now. Messages that did not come are not lost: the store may have them.
func (b *Backlog) Follow(ctx context.Context, patience time.Duration) LoadReport {
	r := b.l.run
	began := time.Since(r.start)
	for _, s := range b.sinks {
		s.run.Store(r)
	}
	for _, s := range b.sinks {
		s.Up()
	}
	if !r.finish(false) {
		b.await(ctx, patience)
	}
	out := b.l.report(time.Since(r.start) - began)
	out.Lost, out.AcceptedPerS = 0, 0
	out.FirstMS = max(0, out.FirstMS-began.Seconds()*1000)
	if out.Complete == out.Accepted {
		out.TotalSeconds = max(time.Duration(r.lastAt.Load())-began, time.Millisecond).Seconds()
	} else {
		out.TotalSeconds = out.SendSeconds
	}
	out.DeliveredPerS, out.CompletePerS = float64(out.Delivered)/out.TotalSeconds, float64(out.Complete)/out.TotalSeconds
	return out
}

// Judged ends what Follow began, when the gateway has stopped. Only the counts of the report are of use.
func (b *Backlog) Judged() LoadReport {
	for _, s := range b.sinks {
		s.run.Store(nil)
	}
	return b.l.report(time.Second)
}

func (b *Backlog) await(ctx context.Context, patience time.Duration) {
	r := b.l.run
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	last, at := int64(-1), time.Now()
	for {
		select {
		case <-r.done:
			return
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if n := r.deliveries.Load(); n != last {
			last, at = n, time.Now()
		}
		if time.Since(at) > patience {
			return
		}
	}
}
