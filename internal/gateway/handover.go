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
	// some seven times that. It is room for 96 messages of 8 KB, several times what one sync of the disk, or one step of
	// retention, holds up at 500 a second.
	maxHandover = 768 << 10
	// maxHandoverOne is what one party gets of it, so that a flood, whose messages keep their places for as long as they wait
	// for each other, leaves room to all others. A message that is larger waits as the only one of its party.
	maxHandoverOne = maxHandover - maxHandover/4
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

// isReceipt tells whether the message is an application receipt.
func (o *outcome) isReceipt() bool { return o.parsed != nil && o.parsed.Envelope.Receipt != nil }

// handover carries parse outcomes from Receive to processing, so that a message is parsed once.
type handover struct {
	mu      sync.Mutex
	used    int            // bytes of the places given
	own     map[string]int // of those the bytes of each party, which are those of the configuration
	waiting []*waiter      // in the order in which they came
	m       map[string]*list.Element
	order   list.List // of placed, the oldest first
}

// placed is an outcome in its place, of that many bytes.
type placed struct {
	outcome
	id    string
	place room
	at    time.Time
}

// room is a place of that many bytes, given to a party; 0 bytes are none.
type room struct {
	party string
	bytes int
}

type waiter struct {
	place room
	ready chan struct{} // closed when the place is given
}

func newHandover() handover { return handover{m: map[string]*list.Element{}, own: map[string]int{}} }

// reserve waits for a place for a message of that many bytes; it has no bytes when there was none in time. What is reserved
// must be put or freed. Places are given in the order in which they are asked for, so that a large message is not passed by
// small ones for ever; but a party that has its share passes nobody and holds nobody up.
func (h *handover) reserve(ctx context.Context, party string, size int) room {
	w := &waiter{place: room{party, min(max(size, minHandover), maxHandoverOne)}, ready: make(chan struct{})}
	h.mu.Lock()
	h.waiting = append(h.waiting, w)
	h.expire(w.place)
	h.mu.Unlock()
	select {
	case <-w.ready:
		return w.place
	default:
	}
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
	return room{}
}

// expire drops what has been there for too long until there is room for a place more.
func (h *handover) expire(p room) {
	for x := h.order.Front(); x != nil && (h.used+p.bytes > maxHandover || !h.within(p)); x = h.order.Front() {
		if p := x.Value.(placed); time.Since(p.at) < handoverKeep {
			break
		}
		h.drop(x)
	}
	h.give()
}

// within tells whether a place more leaves the party within its share.
func (h *handover) within(p room) bool { return h.own[p.party]+p.bytes <= maxHandoverOne }

// drop takes an outcome out of its place.
func (h *handover) drop(x *list.Element) placed {
	p := h.order.Remove(x).(placed)
	delete(h.m, p.id)
	h.count(p.place, -p.place.bytes)
	return p
}

func (h *handover) count(p room, bytes int) {
	h.used += bytes
	h.own[p.party] += bytes
}

// give gives places to those who wait, as far as there is room.
func (h *handover) give() {
	var over map[string]bool // parties of which one waits for its share: those behind it do not pass it
	for i := 0; i < len(h.waiting); {
		w := h.waiting[i]
		switch {
		case over[w.place.party] || !h.within(w.place):
			if over == nil {
				over = map[string]bool{}
			}
			over[w.place.party] = true
			i++
			continue
		case h.used+w.place.bytes > maxHandover:
			return
		}
		h.waiting = slices.Delete(h.waiting, i, i+1)
		h.count(w.place, w.place.bytes)
		close(w.ready)
	}
}

// free gives a reserved place back; no place is no harm.
func (h *handover) free(p room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count(p, -p.bytes)
	h.give()
}

// put fills a reserved place.
func (h *handover) put(id string, o outcome, p room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.m[id] = h.order.PushBack(placed{o, id, p, time.Now()})
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
