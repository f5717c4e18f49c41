package sqlite

import (
	"sync"

	"github.com/samvirke/samvirke"
)

// touched names what the waiting changes are about, so that a reader knows whether it must wait for them, and for which
// generation of them. It holds what is asked for moments after it was written, too.
type touched struct {
	mu sync.Mutex
	// keys tell which generation was the last that was about them.
	keys map[string]uint64
	// rows are deliveries by number; the others list numbers of new ones.
	rows                  map[int64]*shadow
	byMessage, byExternal map[string][]int64
	// messages are new ones that nothing was done with since.
	messages map[string]*newMessage
	// last is the newest generation that is about anything, there the newest that is in the tables.
	last, there uint64
	// epoch counts how often waiting changes went into the tables.
	epoch uint64
}

// newMessage is a message as it was accepted, without its body.
type newMessage struct {
	m    samvirke.Message
	kept kept
	gen  uint64
}

// add takes up what a group of a generation is about.
func (t *touched) add(gen uint64, keys []string, deliveries []*shadow, messages []*newMessage, changed []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = gen
	if t.keys == nil {
		t.reset()
	}
	for _, k := range keys {
		t.keys[k] = gen
	}
	t.addShadows(gen, deliveries)
	for _, m := range messages {
		m.gen = gen
		t.messages[m.m.ID] = m
	}
	for _, id := range changed {
		delete(t.messages, id)
	}
}

func (t *touched) message(id string) *newMessage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.messages[id]
}

// clear forgets what a generation was about that is in the tables now, and those before it.
func (t *touched) clear(gen uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.there = max(t.there, gen)
	t.epoch++
	if t.last <= t.there {
		t.reset()
		return
	}
	for k, last := range t.keys {
		if last <= t.there {
			delete(t.keys, k)
		}
	}
	for id, m := range t.messages {
		if m.gen <= t.there {
			delete(t.messages, id)
		}
	}
	for seq, s := range t.rows {
		switch {
		case s.gen <= t.there:
			delete(t.rows, seq)
		case s.made <= t.there:
			s.whole = false // the row stands in the tables, with newer ones beside it: only the step is known better here
		}
	}
	t.unlist(t.byMessage)
	t.unlist(t.byExternal)
}

// unlist takes the deliveries out of lists that stand in the tables.
func (t *touched) unlist(lists map[string][]int64) {
	for key, list := range lists {
		kept := 0
		for _, seq := range list {
			if s := t.rows[seq]; s != nil && s.whole {
				list[kept] = seq
				kept++
			}
		}
		if kept == 0 {
			delete(lists, key)
			continue
		}
		lists[key] = list[:kept]
	}
}

func (t *touched) reset() {
	t.keys, t.rows = emptied(t.keys), emptied(t.rows)
	t.byMessage, t.byExternal, t.messages = emptied(t.byMessage), emptied(t.byExternal), emptied(t.messages)
}

// by gives the newest generation that is about one of the keys, without keys the newest of all; 0 when none waits.
func (t *touched) by(keys ...string) (gen uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last <= t.there {
		return 0
	}
	if len(keys) == 0 {
		return t.last
	}
	for _, k := range keys {
		gen = max(gen, t.keys[k])
	}
	return t.waits(gen)
}

// byDelivery gives the newest generation that is about one of these deliveries; 0 when none waits.
func (t *touched) byDelivery(set map[int64]bool) (gen uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for seq := range set {
		if s := t.rows[seq]; s != nil {
			gen = max(gen, s.gen)
		}
	}
	return t.waits(gen)
}

// waits gives a generation that is not in the tables, else 0; the lock is held.
func (t *touched) waits(gen uint64) uint64 {
	if gen <= t.there {
		return 0
	}
	return gen
}

// arrived says whether a generation is in the tables.
func (t *touched) arrived(gen uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return gen <= t.there
}
