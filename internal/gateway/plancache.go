package gateway

import (
	"container/list"
	"context"
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// Bounds of the plans kept in memory, so many times for each planMemory of Options.Memory.
const (
	maxPlans     = 640     // patients
	maxPlanBytes = 8 << 20 // of their packed records
	planMemory   = 80 << 20
	maxPlanTimes = 16
	// maxPlain is how many patients are remembered at least of whose plans it is only known that they have no context.
	maxPlain = 4096
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
	// dues are those that stand in the store.
	dues []dueMark
	// rare is what only few plans have; nil without any of it.
	rare *rareState
}

// rareState is what a plan has when it is more than one patient key's own messages that everybody may see.
type rareState struct {
	// kin are the other patient keys that a link ever named together with this one, with how their plans stand.
	// Their records are among those of the state. Whether they are the same person now, careplan.Class tells.
	kin []kinPlan
	// context: a record says something for which it matters who has seen it (careplan.Record.Contextual). count is
	// how many records were added since then; a unit that adds one expects it.
	context bool
	count   int64
	// limited: not everybody who takes part sees all.
	limited bool
	// members are the periods of those who take part, as far as they were stated.
	members []careplan.Membership
}

// kinPlan is the plan of another patient key.
type kinPlan struct {
	key        string
	version    int64
	sum, shown [sha256.Size]byte
	context    bool
	count      int64
	dues       []dueMark
}

// keys are all patient keys whose records a state of this key's plan has, its own first.
func (s *planState) keys(own string) []string {
	out := []string{own}
	for _, k := range s.kinPlans() {
		out = append(out, k.key)
	}
	return out
}

func (s *planState) kinPlans() []kinPlan {
	if s.rare == nil {
		return nil
	}
	return s.rare.kin
}

func (s *planState) context() bool { return s.rare != nil && s.rare.context }

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
	times int       // see maxPlans; 0 means 1
	spare sync.Pool // of *workspace
	// plain are patients whose plans were here and had no context; the newer ones, and those before them.
	plain, plainer map[string]struct{}
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

// known gives a patient's state when it is here.
func (c *planCache) known(key string) *planState {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		c.lru.MoveToFront(e)
		return e.Value.(cached).state
	}
	return nil
}

// hasNone tells whether a plan was seen to have no context, and is not here any more. It holds where nobody else changes plans.
func (c *planCache) hasNone(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, is := c.plain[key]; is {
		return true
	}
	_, is := c.plainer[key]
	return is
}

// hasContext is told before that is committed.
func (c *planCache) hasContext(keys []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		c.forgetPlain(key)
	}
}

// forgetPlain is for what may have changed; the lock is held.
func (c *planCache) forgetPlain(key string) {
	delete(c.plain, key)
	delete(c.plainer, key)
}

// get gives a patient's state, from the store when it is not here; then it is kept, so that replace
// can see whether another one came first.
func (c *planCache) get(ctx context.Context, l *planLoader, key string, w *workspace) (*planState, error) {
	if st := c.known(key); st != nil {
		if !l.outdated(key, st.version) {
			return st, nil
		}
		c.drop(key) // another gateway has changed the plan: a unit made from this one would be refused
	}
	st, err := l.load(ctx, w, key)
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

// replace puts what was made of old in its place, after its commit. When another one stands there, two
// messages of the patient were processed at once: neither knows the other's record, so none is kept.
func (c *planCache) replace(key string, old, next *planState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if next.context() {
		c.forgetPlain(key)
	}
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

func (c *planCache) drop(keys ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		if e := c.byKey[key]; e != nil {
			c.remove(e)
		}
		c.forgetPlain(key)
	}
}

// planTimes gives how many times the least bounds of the cache fit a limit of memory in bytes.
func planTimes(limit int64) int {
	return int(min(max(limit/planMemory, 1), maxPlanTimes))
}

func (c *planCache) trim() {
	times := max(c.times, 1)
	for c.lru.Len() > maxPlans*times || c.bytes > maxPlanBytes*times && c.lru.Len() > 1 {
		last := c.lru.Back()
		c.remove(last)
		if had := last.Value.(cached); !had.state.context() {
			if len(c.plain) >= maxPlain || c.plain == nil {
				c.plain, c.plainer = make(map[string]struct{}, maxPlain), c.plain
			}
			c.plain[had.key] = struct{}{}
		}
	}
}

func (c *planCache) remove(e *list.Element) {
	had := e.Value.(cached)
	c.bytes -= had.state.records.Size()
	delete(c.byKey, had.key)
	c.lru.Remove(e)
}

// noticeMark stands before a party that was told by a notice and did not get the message itself.
const noticeMark = "*"

// toldBy are the parties that a unit sends its message to, and those it tells by a notice.
func toldBy(u *queue.Unit) []string {
	out := []string{}
	for i := range u.Deliveries {
		if name := toldName(&u.Deliveries[i]); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func toldName(d *samvirke.Delivery) string {
	switch d.Purpose {
	case samvirke.PurposeForward:
		return d.Party
	case samvirke.PurposeNotice:
		return noticeMark + d.Party
	}
	return ""
}
