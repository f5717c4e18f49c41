package gateway

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// maxPlans bounds the plans kept in memory. Unit: patients.
const maxPlans = 640

// planState is a patient's records and the plan they give. It is never changed after it was made.
type planState struct {
	version int64
	records []careplan.Record
	sum     [sha256.Size]byte // of the stored JSON
	shown   [sha256.Size]byte // careplan.Plan.Shown
	// plan is set only while its message is being processed: kept, it would be most of the cache.
	plan *careplan.Plan
}

// planCache keeps the plans worked on last. It is only a shortcut: the transaction checks the plan
// version, and a loser reads again.
type planCache struct {
	mu    sync.Mutex
	byKey map[string]*list.Element
	lru   list.List
}

type cached struct {
	key   string
	state *planState
}

func (c *planCache) get(ctx context.Context, s queue.Store, key string) (*planState, error) {
	c.mu.Lock()
	if e := c.byKey[key]; e != nil {
		c.lru.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(cached).state, nil
	}
	c.mu.Unlock()
	return loadPlan(ctx, s, key)
}

// loadPlan reads a patient's records and folds them.
func loadPlan(ctx context.Context, s queue.Reader, key string) (*planState, error) {
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
	for _, r := range rows {
		rec, err := careplan.ParseRecord(r.Body)
		if err != nil {
			return nil, fmt.Errorf("read record of message %s: %w", r.MessageID, err)
		}
		st.records = append(st.records, rec.Lean())
	}
	if len(st.records) > 0 {
		st.shown = careplan.Fold(st.records).Shown()
	}
	return st, nil
}

func (c *planCache) put(key string, s *planState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil {
		c.byKey = map[string]*list.Element{}
	}
	if e := c.byKey[key]; e != nil {
		e.Value = cached{key, s}
		c.lru.MoveToFront(e)
		return
	}
	c.byKey[key] = c.lru.PushFront(cached{key, s})
	if c.lru.Len() > maxPlans {
		last := c.lru.Back()
		delete(c.byKey, last.Value.(cached).key)
		c.lru.Remove(last)
	}
}

func (c *planCache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		delete(c.byKey, key)
		c.lru.Remove(e)
	}
}
