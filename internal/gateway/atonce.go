package gateway

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// A message is usually accepted and processed in one unit: one transaction and one sync instead of two, nothing is
// written that is changed a moment later, and it goes through no other hands. What stands in the way of that (an earlier
// message of the patient that is not done, here or at another gateway, whatever fails) is no fault: the message is then
// only accepted, and processed after that.
//
// That nobody passes an earlier message of the patient is seen to by the store (queue.ErrOrder). What this gateway knows of
// it only spares it units that would be refused, so it may forget.

// Bounds of what is remembered of messages that were accepted and wait for their processing.
const (
	// maxLate is how many there are at most.
	maxLate = 10_000
	// lateFor is how long one is remembered: another gateway may have it.
	lateFor = 20 * time.Second
)

// unfinished are the messages that were accepted here and wait for their processing.
type unfinished struct {
	mu    sync.Mutex
	ids   map[string]*list.Element
	order list.List // of late, the oldest first
}

// late is one such message with the key that it is announced under, "" for none.
type late struct {
	id, key string
	at      time.Time
}

// add remembers a message and gives the keys of those that it forgets for that.
func (w *unfinished) add(id, key string) (forgotten []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ids == nil {
		w.ids = map[string]*list.Element{}
	}
	now := time.Now()
	for x := w.order.Front(); x != nil; x = w.order.Front() {
		l := x.Value.(late)
		if len(w.ids) < maxLate && now.Sub(l.at) < lateFor {
			break
		}
		w.order.Remove(x)
		delete(w.ids, l.id)
		forgotten = append(forgotten, l.key)
	}
	w.ids[id] = w.order.PushBack(late{id, key, now})
	return forgotten
}

// take forgets a message and gives the key that it is announced under.
func (w *unfinished) take(id string) (key string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x, ok := w.ids[id]
	if !ok {
		return "", false
	}
	delete(w.ids, id)
	return w.order.Remove(x).(late).key, true
}

// errNotApplied tells a unit's subscriptions that nothing of it was stored: the message was there before.
var errNotApplied = errors.New("message was there before")

// atOnce accepts a message and processes it in the same unit. ok is false when that cannot be: then nothing was stored. An
// error says that nothing can be stored at all right now, so that there is no other way to try.
func (g *Gateway) atOnce(ctx context.Context, m *samvirke.Message, out outcome) (done queue.Outcome, ok bool, none error) {
	if !g.begun.Load() {
		return done, false, nil
	}
	t := g.keyed.try(orderKey(m), g.kin.of(m.Patient)...)
	if t == nil {
		return done, false, nil
	}
	defer t.end()
	for range maxRedo {
		done, err := g.commitAtOnce(ctx, m, out)
		switch {
		case err == nil:
			return done, true, nil
		case errors.Is(err, queue.ErrFull) || errors.Is(err, queue.ErrFailed) || errors.Is(err, queue.ErrClosed):
			return done, false, err
		case errors.Is(err, queue.ErrPlanVersion) || errors.Is(err, queue.ErrCounter) || errors.Is(err, queue.ErrState):
			// Another gateway changed the plan, or a receipt moved a delivery. The turn is still ours: once more.
			g.dropAnswered(ctx, m, &out)
			if ctx.Err() == nil {
				continue
			}
		}
		break
	}
	return done, false, nil
}

// commitAtOnce computes and commits the unit of atOnce once.
func (g *Gateway) commitAtOnce(ctx context.Context, m *samvirke.Message, out outcome) (done queue.Outcome, err error) {
	u, after, err := g.computed(ctx, m, out)
	if err != nil {
		return done, err
	}
	accept := *m
	u.Accept, u.Reserve = &accept, out.isReceipt()
	g.eventsAtOnce(u, m)
	settled, err := g.numberHeld(ctx, u)
	if err != nil {
		return done, err
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
		return done, err
	case done.Reused || done.Duplicate:
		settled(errNotApplied)
		return done, nil
	}
	settled(nil)
	var what written
	if after != nil {
		what = after()
	}
	g.m.message(m.Kind, m.Party, string(u.Message.To))
	g.waits.tell(m.ID, what)
	return done, nil
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
	for _, key := range g.late.add(m.ID, m.Patient) {
		g.unannounce(key)
	}
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

// processed ends the announcement of a message: it was processed, or somebody else may have it now.
func (g *Gateway) processed(m *samvirke.Message) {
	if key, ok := g.late.take(m.ID); ok {
		g.unannounce(key)
	}
}

func (g *Gateway) unannounce(key string) {
	if key != "" {
		g.keyed.unannounce(key)
	}
}
