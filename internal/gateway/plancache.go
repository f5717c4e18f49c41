package gateway

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// Bounds of the plans kept in memory.
const (
	maxPlans     = 640     // patients
	maxPlanBytes = 8 << 20 // of their packed records
)

// planState is a patient's records and what is known of the plan they give. It is never changed after
// it was made. The plan itself is not kept: it would be most of the cache.
type planState struct {
	version int64
	records careplan.Packed
	// told are the parties that were sent each record's message, in the order of the records; nil: not known.
	told  [][]string
	sum   [sha256.Size]byte // of the stored JSON
	shown [sha256.Size]byte // careplan.Plan.Shown
}

// workspace is the room in which one message's plan is made.
type workspace struct {
	scratch careplan.Scratch
	content []byte // of the message's record
	buf     []byte // JSON before it is known whether and how long it is kept
}

// planCache keeps the plans worked on last. It is only a shortcut: the transaction checks the plan
// version, and a loser reads again.
type planCache struct {
	mu    sync.Mutex
	byKey map[string]*list.Element
	lru   list.List
	bytes int
	spare sync.Pool // of *workspace
}

type cached struct {
	key   string
	state *planState
}

func (c *planCache) workspace() *workspace {
	if w, ok := c.spare.Get().(*workspace); ok {
		return w
	}
	return &workspace{}
}

// release gives a workspace back: what was unpacked in it is no longer good.
func (c *planCache) release(w *workspace) { c.spare.Put(w) }

// get gives a patient's state, from the store when it is not here; then it is kept, so that replace
// can see whether another one came first.
func (c *planCache) get(ctx context.Context, s queue.Reader, key string, w *workspace) (*planState, error) {
	c.mu.Lock()
	if e := c.byKey[key]; e != nil {
		c.lru.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(cached).state, nil
	}
	c.mu.Unlock()
	st, err := loadPlan(ctx, s, key, w)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		return e.Value.(cached).state, nil
	}
	if c.byKey == nil {
		c.byKey = map[string]*list.Element{}
	}
	c.byKey[key] = c.lru.PushFront(cached{key, st})
	c.bytes += st.records.Size()
	c.trim()
	return st, nil
}

// loadPlan reads a patient's records and folds them.
func loadPlan(ctx context.Context, s queue.Reader, key string, w *workspace) (*planState, error) {
	st := &planState{}
	// The version is read first: a record that is added between the two reads makes the commit lose, not lie.
	v, err := s.Plan(ctx, key, 0)
	if err != nil && !errors.Is(err, queue.ErrNotFound) {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	st.version, st.sum = v.Version, sha256.Sum256(v.Body)
	rows, err := s.Records(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	if len(rows) == 0 {
		return st, nil
	}
	list := make([]careplan.Record, len(rows))
	for i, r := range rows {
		if list[i], err = careplan.ParseRecord(r.Body); err != nil {
			return nil, fmt.Errorf("read record of message %s: %w", r.MessageID, err)
		}
	}
	st.records = careplan.Pack(list, &w.scratch)
	st.told = make([][]string, len(list))
	st.shown = careplan.Fold(list).Shown()
	return st, nil
}

// replace puts what was made of old in its place, after its commit. When another one stands there, two
// messages of the patient were processed at once: neither knows the other's record, so none is kept.
func (c *planCache) replace(key string, old, next *planState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	switch {
	case e == nil:
	case e.Value.(cached).state != old:
		c.remove(e)
	default:
		c.bytes += next.records.Size() - old.records.Size()
		e.Value = cached{key, next}
		c.lru.MoveToFront(e)
		c.trim()
	}
}

func (c *planCache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		c.remove(e)
	}
}

func (c *planCache) trim() {
	for c.lru.Len() > maxPlans || c.bytes > maxPlanBytes && c.lru.Len() > 1 {
		c.remove(c.lru.Back())
	}
}

func (c *planCache) remove(e *list.Element) {
	had := e.Value.(cached)
	c.bytes -= had.state.records.Size()
	delete(c.byKey, had.key)
	c.lru.Remove(e)
}

// forwarded are the parties that a unit forwards its message to.
func forwarded(u *queue.Unit) []string {
	out := []string{}
	for i := range u.Deliveries {
		if d := &u.Deliveries[i]; d.Purpose == samvirke.PurposeForward && !slices.Contains(out, d.Party) {
			out = append(out, d.Party)
		}
	}
	return out
}
