package gateway

import (
	"sync"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// maxHandover bounds how many parsed messages wait between Receive and processing. A parsed message of
// 8 KB takes some 150 KB, so more would cost more memory than it saves time. Beyond it the message is
// parsed again when its turn comes: slower, never wrong.
const maxHandover = 256

// outcome is a message after the mapping looked at it: parsed as far as it went, and the fault if any.
type outcome struct {
	parsed *mapping.Parsed
	fault  *samvirke.Fault
}

// handover carries parse outcomes from Receive to processing, so that a message is parsed once.
type handover struct {
	mu sync.Mutex
	m  map[string]outcome
}

func (h *handover) put(id string, o outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.m == nil {
		h.m = map[string]outcome{}
	}
	if len(h.m) < maxHandover {
		h.m[id] = o
	}
}

func (h *handover) take(id string) (outcome, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o, ok := h.m[id]
	delete(h.m, id)
	return o, ok
}
