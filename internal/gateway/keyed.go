package gateway

import "sync"

// keyed runs functions: those of one key one after the other in the order given, those of
// different keys at the same time, at most limit at once. A function of several keys waits for its turn in each.
type keyed struct {
	mu    sync.Mutex
	queue map[string][]*task
	slots chan struct{}
	all   chan struct{} // one for each function not yet done
	wg    sync.WaitGroup
	// turns are those of callers who work on a key themselves, announced counts by key what will come through do.
	turns     map[string]*turn
	announced map[string]int
	closed    bool
}

// task is a function with its keys; waits is in how many of them others stand before it.
type task struct {
	key   string
	more  []string
	waits int
	f     func()
}

// maxKeyed is how many functions wait or run at a time, over all keys.
const maxKeyed = 512

func newKeyed(limit int) *keyed {
	return &keyed{
		queue: map[string][]*task{}, slots: make(chan struct{}, limit), all: make(chan struct{}, max(maxKeyed, limit)),
		turns: map[string]*turn{}, announced: map[string]int{},
	}
}

// do blocks while limit keys are at work or maxKeyed functions are not done, so that what waits stays
// in the store and not here. more are further keys beside key, without it.
func (k *keyed) do(key string, f func(), more ...string) {
	k.all <- struct{}{}
	t := &task{key: key, more: more, f: f}
	k.mu.Lock()
	k.stand(t, key)
	for _, other := range more {
		k.stand(t, other)
	}
	waits := t.waits > 0
	k.mu.Unlock()
	if waits {
		return
	}
	k.slots <- struct{}{}
	k.wg.Go(func() {
		defer func() { <-k.slots }()
		k.drain(t)
	})
}

// stand puts a task into the queue of a key. Who is at work stands there as a nil list.
func (k *keyed) stand(t *task, key string) {
	waiting, busy := k.queue[key]
	if busy {
		t.waits++
		waiting = append(waiting, t)
	}
	k.queue[key] = waiting
}

// drain runs a task and then those whose turn comes with its end: one of them here, the others beside it.
func (k *keyed) drain(t *task) {
	for t != nil {
		t.f()
		<-k.all
		k.mu.Lock()
		next := k.leave(t.key, nil)
		for _, other := range t.more {
			next = k.leave(other, next)
		}
		k.mu.Unlock()
		t = nil
		for i, n := range next {
			if i == 0 {
				t = n
				continue
			}
			k.wg.Go(func() {
				k.slots <- struct{}{}
				defer func() { <-k.slots }()
				k.drain(n)
			})
		}
	}
}

// leave ends a task's work in one key and adds the next one there to ready, when it waits for nothing else.
func (k *keyed) leave(key string, ready []*task) []*task {
	waiting := k.queue[key]
	if len(waiting) == 0 {
		delete(k.queue, key)
		return ready
	}
	n := waiting[0]
	k.queue[key] = waiting[1:]
	if n.waits--; n.waits == 0 {
		ready = append(ready, n)
	}
	return ready
}

// wait waits for all functions and turns; none begins after it, and do must not be called any more.
func (k *keyed) wait() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.wg.Wait()
}
