package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// Bounds of what waits between Receive and processing.
const (
	// maxHandover is how many parsed messages wait. One of 8 KB takes some 150 KB.
	maxHandover = 96
	// handoverWait is how long Receive holds a sender back when that many wait: without it the gateway
	// would accept faster than it processes, and parse everything twice just when it has no time for it.
	// After that the message is accepted all the same, and parsed again when its turn comes.
	handoverWait = 2 * time.Second
)

// outcome is a message after the mapping looked at it: parsed as far as it went, and the fault if any.
type outcome struct {
	parsed *mapping.Parsed
	fault  *samvirke.Fault
}

// handover carries parse outcomes from Receive to processing, so that a message is parsed once.
type handover struct {
	slots chan struct{}
	mu    sync.Mutex
	m     map[string]outcome
}

func newHandover() handover {
	return handover{slots: make(chan struct{}, maxHandover), m: map[string]outcome{}}
}

// reserve waits for a place; false when there was none in time. What is reserved must be put or freed.
func (h *handover) reserve(ctx context.Context) bool {
	select {
	case h.slots <- struct{}{}:
		return true
	default:
	}
	t := time.NewTimer(handoverWait)
	defer t.Stop()
	select {
	case h.slots <- struct{}{}:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

func (h *handover) free() { <-h.slots }

// put fills a reserved place.
func (h *handover) put(id string, o outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.m[id] = o
}

// take gives what was put under id and frees its place.
func (h *handover) take(id string) (outcome, bool) {
	h.mu.Lock()
	o, ok := h.m[id]
	delete(h.m, id)
	h.mu.Unlock()
	if ok {
		h.free()
	}
	return o, ok
}
