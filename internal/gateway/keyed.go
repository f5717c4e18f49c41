package gateway

import "sync"

// keyed runs functions: those of one key one after the other in the order given, those of
// different keys at the same time, at most limit at once.
type keyed struct {
	mu    sync.Mutex
	queue map[string][]func()
	slots chan struct{}
	all   chan struct{} // one for each function not yet done
	wg    sync.WaitGroup
}

// maxKeyed is how many functions wait or run at a time, over all keys.
const maxKeyed = 512

func newKeyed(limit int) *keyed {
	return &keyed{queue: map[string][]func(){}, slots: make(chan struct{}, limit), all: make(chan struct{}, max(maxKeyed, limit))}
}

// do blocks while limit keys are at work or maxKeyed functions are not done, so that what waits stays
// in the store and not here.
func (k *keyed) do(key string, f func()) {
	k.all <- struct{}{}
	k.mu.Lock()
	if waiting, busy := k.queue[key]; busy {
		k.queue[key] = append(waiting, f)
		k.mu.Unlock()
		return
	}
	k.queue[key] = nil
	k.mu.Unlock()
	k.slots <- struct{}{}
	k.wg.Go(func() {
		defer func() { <-k.slots }()
		k.drain(key, f)
	})
}

func (k *keyed) drain(key string, f func()) {
	for {
		f()
		<-k.all
		k.mu.Lock()
		waiting := k.queue[key]
		if len(waiting) == 0 {
			delete(k.queue, key)
			k.mu.Unlock()
			return
		}
		f, k.queue[key] = waiting[0], waiting[1:]
		k.mu.Unlock()
	}
}

func (k *keyed) wait() { k.wg.Wait() }
