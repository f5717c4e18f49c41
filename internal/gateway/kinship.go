package gateway

import (
	"slices"
	"sync"
	"sync/atomic"
)

// maxTied bounds the keys that are remembered as linked. Forgetting costs nothing but that messages of linked
// keys meet in the store, where one of them is done again.
const maxTied = 10000

// kinship remembers which patient keys are linked, so that their messages are processed in order.
type kinship struct {
	any atomic.Bool // ordinary messages look at nothing else
	mu  sync.Mutex
	m   map[string][]string
	// contexts are keys with a record for which it matters who has seen it. They are noted before that is committed:
	// its deliveries may be answered before the plan is in the cache.
	contexts map[string]bool
}

// mark notes that a plan has, or is about to have, something for which it matters who has seen it.
func (k *kinship) mark(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.contexts == nil || len(k.contexts) >= maxTied {
		k.contexts = map[string]bool{}
	}
	k.contexts[key] = true
	k.any.Store(true)
}

// context tells whether a plan was marked.
func (k *kinship) context(key string) bool {
	if !k.any.Load() {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.contexts[key]
}

// tie remembers that keys belong together.
func (k *kinship) tie(keys []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m == nil || len(k.m)+len(keys) > maxTied {
		k.m = map[string][]string{}
	}
	for _, key := range keys {
		others := slices.DeleteFunc(slices.Clone(keys), func(o string) bool { return o == key })
		if !slices.Equal(k.m[key], others) {
			k.m[key] = others
		}
	}
	k.any.Store(true)
}

// of gives the keys that a key is tied to; nil for nearly all.
func (k *kinship) of(key string) []string {
	if !k.any.Load() {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.m[key]
}
