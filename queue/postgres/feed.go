package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// feed hands committed events to subscribers in order of their numbers, those of other gateways too. Numbers are
// given under the lock on head, so one that can be seen has all before it in sight.
type feed struct {
	s    *Store
	subs *queue.Subscribers

	mu    sync.Mutex
	at    int64 // the last event that was handed on
	known int64 // the last event that is known to be there
	again chan struct{}
}

func newFeed(ctx context.Context, s *Store) (*feed, error) {
	f := &feed{s: s, subs: queue.NewSubscribers(), again: make(chan struct{}, 1)}
	err := s.reader.pool.QueryRow(ctx, `SELECT event FROM head`).Scan(&f.at)
	f.known = f.at
	return f, err
}

// Subscribe gives committed events in order; see queue.Store. Close of the store closes the channel too.
func (s *Store) Subscribe(buffer int) (<-chan samvirke.Event, func()) { return s.feed.subs.Add(buffer) }

// publish hands on the events of a group of this gateway. When others have written in between, they are read first.
func (f *feed) publish(events []samvirke.Event) {
	if len(events) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	first, last := events[0].Seq, events[len(events)-1].Seq
	f.known = max(f.known, last)
	if f.at+1 == first {
		f.subs.Publish(events)
		f.at = last
		return
	}
	f.poke()
}

// seen notes that there are events up to a number.
func (f *feed) seen(last int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last > f.known {
		f.known = last
		f.poke()
	}
}

func (f *feed) poke() {
	select {
	case f.again <- struct{}{}:
	default:
	}
}

// run reads what other gateways wrote.
func (f *feed) run() {
	poll := time.NewTicker(f.s.opts.Poll)
	defer poll.Stop()
	for {
		ask := false
		select {
		case <-f.again:
		case <-poll.C:
			ask = !f.s.alone.Load()
		case <-f.s.stop:
			return
		}
		ctx, cancel := context.WithTimeoutCause(context.Background(), roundTrip, ErrUnavailable)
		if ask {
			var last int64
			if f.s.reader.pool.QueryRow(ctx, `SELECT event FROM head`).Scan(&last) == nil {
				f.seen(last)
			}
		}
		f.catchUp(ctx)
		cancel()
	}
}

func (f *feed) catchUp(ctx context.Context) {
	for {
		f.mu.Lock()
		at, known := f.at, f.known
		if at >= known || f.subs.None() {
			f.at = max(at, known)
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
		events, err := f.s.Events(ctx, queue.EventFilter{After: at, Limit: queue.MaxPage})
		if err != nil || len(events) == 0 {
			return // the next poll tries again
		}
		f.mu.Lock()
		if f.at == at { // publish did not go on in between
			f.subs.Publish(events)
			f.at = events[len(events)-1].Seq
		}
		f.mu.Unlock()
	}
}

// close ends the subscriptions.
func (f *feed) close() { f.subs.Close() }

// channel is the name by which gateways of one schema call each other.
func (s *Store) channel() string { return "samvirke_" + s.opts.Schema }

// planChannel is that of planNotice. Earlier versions do not know it.
func (s *Store) planChannel() string { return s.channel() + "_plans" }

// leaseChannel is that of leaseNotice. Earlier versions do not know it.
func (s *Store) leaseChannel() string { return s.channel() + "_leases" }

// listen waits for notices on a connection of its own. A lost connection is made again; what was missed meanwhile is found
// by looking.
func (f *feed) listen() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-f.s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for ctx.Err() == nil {
		_ = f.listenOnce(ctx)
		if _, err := f.s.await(ctx, nil, f.s.opts.Poll); err != nil {
			return
		}
	}
}

func (f *feed) listenOnce(ctx context.Context) error {
	c, err := f.s.opts.config(nil)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	for _, name := range []string{f.s.channel(), f.s.planChannel(), f.s.leaseChannel()} {
		if _, err := conn.Exec(ctx, `LISTEN `+pgx.Identifier{name}.Sanitize()); err != nil {
			return err
		}
	}
	f.s.inbox.wake()
	f.s.desks.doubt() // what was said meanwhile is lost
	f.s.desks.wakeAll()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		switch n.Channel {
		case f.s.planChannel():
			f.planNotice(n.Payload)
		case f.s.leaseChannel():
			f.leaseNotice(n.Payload)
		default:
			f.notice(n.Payload)
		}
	}
}

// planNotice reads what group.planNotice wrote.
func (f *feed) planNotice(text string) {
	if words := strings.Split(text, " "); words[0] != f.s.owner {
		f.s.rumours.hear(words[1:])
	}
}

// leaseNotice reads what group.leaseNotice wrote.
func (f *feed) leaseNotice(text string) {
	words := strings.Split(text, " ")
	if words[0] == f.s.owner {
		return
	}
	var list []held
	for _, word := range words[1:] {
		seq, token, _ := strings.Cut(word, ":")
		n, err := strconv.ParseInt(seq, 36, 64)
		t, err2 := strconv.ParseInt(token, 36, 64)
		if err != nil || err2 != nil { // too many to be told, or from a later version
			f.s.desks.doubt()
			return
		}
		list = append(list, held{n, t})
	}
	f.s.desks.drop(list)
}

// notice reads what group.notice wrote.
func (f *feed) notice(text string) {
	words := strings.Split(text, " ")
	if len(words) < 3 || words[0] == f.s.owner {
		return
	}
	f.s.heard.Add(1)
	f.s.alone.Store(false)
	if last, err := strconv.ParseInt(words[1], 10, 64); err == nil {
		f.seen(last)
	}
	if words[2] == "*" {
		f.s.inbox.wake()
	}
	if slices.Contains(words[3:], "*") {
		f.s.desks.wakeAll()
		return
	}
	for _, p := range words[3:] {
		f.s.desks.wake(p)
	}
}
