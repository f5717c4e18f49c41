package gateway

import (
	"container/list"
	"fmt"
	"testing"
)

// put puts a plan into the cache as get does.
func (c *planCache) put(key string, st *planState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil {
		c.byKey = map[string]*list.Element{}
	}
	c.byKey[key] = c.lru.PushFront(cached{key, st})
	c.trim()
}

// TestPlainPlans: of whose plan it was seen that it has no context is remembered when the plan is not here any more, until it gets one, changes
// elsewhere, or so many came since that it is forgotten.
func TestPlainPlans(t *testing.T) {
	var c planCache
	with := &planState{rare: &rareState{context: true}}
	fill := func(name string, n int) {
		for i := range n {
			c.put(fmt.Sprint(name, i), &planState{})
		}
	}
	want := func(when, key string, is bool) {
		t.Helper()
		if got := c.hasNone(key); got != is {
			t.Errorf("%s: %s has none: %v", when, key, got)
		}
	}
	old := &planState{}
	c.put("plain", old)
	c.put("with", with)
	want("while it is here", "plain", false)
	fill("a", maxPlans)
	want("when it went", "plain", true)
	want("when it went", "with", false)
	want("nobody had it", "stranger", false)

	c.hasContext([]string{"plain"})
	want("before its commit", "plain", false)

	c.put("late", old)
	fill("b", maxPlans)
	want("when it went", "late", true)
	c.replace("late", old, with)
	want("committed after it went", "late", false)

	c.put("other", old)
	fill("c", maxPlans)
	c.drop("other")
	want("changed elsewhere", "other", false)

	c.put("first", old)
	fill("d", maxPlans)
	fill("e", maxPlain)
	want("behind as many as are remembered", "first", true)
	fill("f", 2*maxPlain)
	want("behind more", "first", false)
	if n := len(c.plain) + len(c.plainer); n > 2*maxPlain {
		t.Errorf("%d are remembered", n)
	}
}
