package gateway

// turn is the right of one caller to work on some keys by itself, on its own goroutine. end gives it back.
type turn struct {
	k    *keyed
	key  string
	more []string
	over chan struct{} // closed at the end; made when somebody waits for it
}

// try gives the turn of a key and of more, nil when somebody works on one of them, stands in line or is announced: whoever
// gets it passes nobody.
func (k *keyed) try(key string, more ...string) *turn {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || k.taken(key) {
		return nil
	}
	for _, other := range more {
		if k.taken(other) {
			return nil
		}
	}
	t := &turn{k: k, key: key, more: more}
	k.queue[key], k.turns[key] = nil, t
	for _, other := range more {
		k.queue[other], k.turns[other] = nil, t
	}
	k.wg.Add(1)
	return t
}

func (k *keyed) taken(key string) bool {
	_, busy := k.queue[key]
	return busy || k.announced[key] > 0
}

// announce says that a function of a key will come through do, until unannounce is called as often: till then nobody
// gets the turn of the key. When somebody has it now, over is closed at its end; else it is nil.
func (k *keyed) announce(key string) (over <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.announced[key]++
	t := k.turns[key]
	if t == nil {
		return nil
	}
	if t.over == nil {
		t.over = make(chan struct{})
	}
	return t.over
}

func (k *keyed) unannounce(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.announced[key]--; k.announced[key] <= 0 {
		delete(k.announced, key)
	}
}

// end gives the turn back; those who stood in line behind it run beside the caller.
func (t *turn) end() {
	k := t.k
	k.mu.Lock()
	delete(k.turns, t.key)
	next := k.leave(t.key, nil)
	for _, other := range t.more {
		delete(k.turns, other)
		next = k.leave(other, next)
	}
	if t.over != nil {
		close(t.over)
	}
	k.mu.Unlock()
	for _, n := range next {
		k.wg.Go(func() {
			k.slots <- struct{}{}
			defer func() { <-k.slots }()
			k.drain(n)
		})
	}
	k.wg.Done()
}
