package gateway

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// Bounds of what waits between Receive and processing.
const (
	// maxHandover bounds the parsed messages that wait, by the size of their raw bytes: a parsed message takes
	// some seven times that. It is room for 64 messages of 8 KB, several times what one sync of the disk holds
	// up at 500 a second; a message that is larger than all of it waits alone.
	maxHandover = 512 << 10
	// minHandover is what a small message counts for. Unit: bytes.
	minHandover = 4 << 10
	// handoverWait is how long Receive holds a sender back when that much waits: without it the gateway
	// would accept faster than it processes, and parse everything twice just when it has no time for it.
	// After that the message is accepted all the same, and parsed again when its turn comes.
	handoverWait = 2 * time.Second
	// handoverKeep is how long a parsed message keeps its place when others need it: one that nobody has taken by then
	// has most likely gone to another gateway.
	handoverKeep = 30 * time.Second
)

// outcome is a message after the mapping looked at it: parsed as far as it went, and the fault if any.
type outcome struct {
	parsed *mapping.Parsed
	fault  *samvirke.Fault
	// each holds the fault of each receiver, by index, where they differ; nil: fault is that of all.
	each map[int]*samvirke.Fault
}

// handover carries parse outcomes from Receive to processing, so that a message is parsed once.
type handover struct {
	mu      sync.Mutex
	used    int       // bytes of the places given
	waiting []*waiter // in the order in which they came
	m       map[string]*list.Element
	order   list.List // of placed, the oldest first
}

// placed is an outcome in its place, of that many bytes.
type placed struct {
	outcome
	id    string
	place int
	at    time.Time
}

type waiter struct {
	place int
	ready chan struct{} // closed when the place is given
}

func newHandover() handover { return handover{m: map[string]*list.Element{}} }

// reserve waits for a place for a message of that many bytes; it gives the size of the place, 0 when there was
// none in time. What is reserved must be put or freed. Places are given in the order in which they are asked
// for, so that a large message is not passed by small ones for ever.
func (h *handover) reserve(ctx context.Context, size int) int {
	w := &waiter{place: min(max(size, minHandover), maxHandover)}
	h.mu.Lock()
	h.expire(w.place)
	if len(h.waiting) == 0 && h.used+w.place <= maxHandover {
		h.used += w.place
		h.mu.Unlock()
		return w.place
	}
	w.ready = make(chan struct{})
	h.waiting = append(h.waiting, w)
	h.mu.Unlock()
	t := time.NewTimer(handoverWait)
	defer t.Stop()
	select {
	case <-w.ready:
		return w.place
	case <-t.C:
	case <-ctx.Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	at := slices.Index(h.waiting, w)
	if at < 0 {
		return w.place // given in this very moment
	}
	h.waiting = slices.Delete(h.waiting, at, at+1)
	h.give()
	return 0
}

// expire drops what has been there for too long until there is room for size bytes more.
func (h *handover) expire(size int) {
	for x := h.order.Front(); x != nil && h.used+size > maxHandover; x = h.order.Front() {
		if p := x.Value.(placed); time.Since(p.at) < handoverKeep {
			break
		}
		h.drop(x)
	}
	h.give()
}

// drop takes an outcome out of its place.
func (h *handover) drop(x *list.Element) placed {
	p := h.order.Remove(x).(placed)
	delete(h.m, p.id)
	h.used -= p.place
	return p
}

// give gives places to those who wait, as far as there is room.
func (h *handover) give() {
	for len(h.waiting) > 0 && h.used+h.waiting[0].place <= maxHandover {
		w := h.waiting[0]
		h.waiting = slices.Delete(h.waiting, 0, 1)
		h.used += w.place
		close(w.ready)
	}
}

// free gives a reserved place back; no place is no harm.
func (h *handover) free(place int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.used -= place
	h.give()
}

// put fills a reserved place.
func (h *handover) put(id string, o outcome, place int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.m[id] = h.order.PushBack(placed{o, id, place, time.Now()})
}

// take gives what was put under id and frees its place.
func (h *handover) take(id string) (outcome, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x, ok := h.m[id]
	if !ok {
		return outcome{}, false
	}
	p := h.drop(x)
	h.give()
	return p.outcome, true
}
