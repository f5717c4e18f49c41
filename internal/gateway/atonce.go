package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// A message is usually accepted and processed in one unit: one transaction and one sync instead of two, nothing is
// written that is changed a moment later, and it goes through no other hands. What stands in the way of that (an earlier
// message of the patient that is not done, a plan that changed meanwhile, whatever fails) is no fault: the message is then
// only accepted, and processed after that.

// unfinished are the messages that were accepted and wait for their processing.
type unfinished struct {
	// behind counts those that were there at the start, -1 before that. Until they are done everything goes the long way,
	// because whose they are is not known before they come up.
	behind atomic.Int64
	mu     sync.Mutex
	keys   map[string]string // by message id the key that it is announced under, "" for none
}

func (w *unfinished) add(id, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys == nil {
		w.keys = map[string]string{}
	}
	w.keys[id] = key
}

// take forgets a message and gives the key that it is announced under.
func (w *unfinished) take(id string) (key string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key, ok = w.keys[id]
	delete(w.keys, id)
	return key, ok
}

// loadUnfinished counts what an earlier run left; it is called before anything is accepted.
func (g *Gateway) loadUnfinished(ctx context.Context) error {
	st, err := g.store.Stats(ctx)
	if err != nil {
		return err
	}
	g.late.behind.Store(st.Messages[samvirke.MessageReceived])
	return nil
}

// errNotApplied tells a unit's subscriptions that nothing of it was stored: the message was there before.
var errNotApplied = errors.New("message was there before")

// atOnce accepts a message and processes it in the same unit. ok is false when that cannot be: then nothing was stored. An
// error says that nothing can be stored at all right now, so that there is no other way to try.
func (g *Gateway) atOnce(ctx context.Context, m *samvirke.Message, out outcome) (done queue.Outcome, ok bool, none error) {
	if g.late.behind.Load() != 0 {
		return done, false, nil
	}
	t := g.keyed.try(orderKey(m), g.kin.of(m.Patient)...)
	if t == nil {
		return done, false, nil
	}
	defer t.end()
	u, after, err := g.unitFor(ctx, m, out)
	if err != nil {
		return done, false, nil
	}
	accept := *m
	u.Accept = &accept
	g.eventsAtOnce(u, m)
	settled, err := g.numberHeld(ctx, u)
	if err != nil {
		return done, false, nil
	}
	defer settled(errNotApplied) // a panic must not keep the subscriptions locked; after the outcome it does nothing
	// A withdrawn unit would leave its subscriptions in doubt, so the outcome is awaited.
	queue.Reach(queue.PointAtOnce)
	done, err = g.store.Commit(context.WithoutCancel(ctx), u)
	queue.Reach(queue.PointAtOnceDone)
	switch {
	case err != nil:
		settled(err)
		g.plans.drop(m.Patient) // it may be what was wrong
		if errors.Is(err, queue.ErrFull) || errors.Is(err, queue.ErrFailed) || errors.Is(err, queue.ErrClosed) {
			return done, false, err
		}
		return done, false, nil
	case done.Reused || done.Duplicate:
		settled(errNotApplied)
		return done, true, nil
	}
	settled(nil)
	var what written
	if after != nil {
		what = after()
	}
	g.m.message(m.Kind, m.Party, string(u.Message.To))
	g.waits.tell(m.ID, what)
	return done, true, nil
}

// eventsAtOnce puts the event of the acceptance before those of the processing, which all happen at the unit's time.
func (g *Gateway) eventsAtOnce(u *queue.Unit, m *samvirke.Message) {
	events := make([]samvirke.Event, 0, len(u.Events)+1)
	events = append(append(events, receivedEvent(m)), u.Events...)
	for i := range events[1:] {
		events[i+1].At = u.Now
	}
	u.Events = events
}

// announce lets nobody pass a message that is about to be accepted and will be processed after that. done must be called when
// it was not accepted; else its processing ends the announcement.
func (g *Gateway) announce(ctx context.Context, m *samvirke.Message) (done func(), err error) {
	var over <-chan struct{}
	if m.Patient != "" {
		over = g.keyed.announce(m.Patient)
	}
	g.late.add(m.ID, m.Patient)
	done = func() { g.processed(m) }
	if over == nil {
		return done, nil
	}
	// The one at work is accepted with the end of its turn: this message must not be accepted before it.
	select {
	case <-over:
		return done, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}

// processed ends the announcement of a message.
func (g *Gateway) processed(m *samvirke.Message) {
	if key, ok := g.late.take(m.ID); ok {
		if key != "" {
			g.keyed.unannounce(key)
		}
		return
	}
	if g.late.behind.Load() > 0 && m.Fault != faultReprocess {
		g.late.behind.Add(-1)
	}
}
