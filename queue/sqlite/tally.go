package sqlite

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// What is tallied.
const (
	tallyAccepted = "accepted"
	tallyMessage  = "message"
	tallyDelivery = "delivery"
	tallyAwaited  = "awaited"
)

type tallyKey struct{ kind, party, state string }

func (t *tx) tally(kind, party, state string, n int64) {
	t.tallies[tallyKey{kind, party, state}] += n
}

func sortedKeys(m map[tallyKey]int64) []tallyKey {
	return slices.SortedFunc(maps.Keys(m), func(a, b tallyKey) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.party, b.party), cmp.Compare(a.state, b.state))
	})
}

// totals are the tallies in memory, always those of the last synced group, so that Stats costs
// nothing.
type totals struct {
	mu sync.Mutex
	n  map[tallyKey]int64
}

func (t *totals) add(delta map[tallyKey]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, n := range delta {
		t.n[k] += n
	}
}

func (t *totals) copy() map[tallyKey]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.n)
}
