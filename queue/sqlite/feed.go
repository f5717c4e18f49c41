package sqlite

import (
	"container/heap"
	"context"
	"slices"
	"sync"

	"github.com/samvirke/samvirke"
)

// feedChange is what one committed unit means to the feed of received messages.
type feedChange struct {
	seq     int64
	message *samvirke.Message // just accepted
	again   bool              // to be processed again
	gone    bool              // no longer received
	key     laneKey           // of its patient, 0 for none or, where it is given again, for the one it had
}

// feedTogether is how many messages about one patient are in hand at a time. They are processed one after the other, so more
// of them would only keep others from being handed out; fewer would have the next one wait for its way here.
const feedTogether = 32

// feed holds the numbers of messages to be processed, and the newest of them whole, so that
// the usual message is processed without being read again.
type feed struct {
	mu    sync.Mutex
	order seqHeap
	known map[int64]fed
	bytes int
	// hand gives the patient of each message that was handed out and is received still, patients those of which there are some.
	hand     map[int64]laneKey
	patients map[laneKey]*fedPatient
	wake     chan struct{}
	loaded   chan struct{}
}

// fed is a message to be handed out; m is nil when it is to be read from disk.
type fed struct {
	m   *samvirke.Message
	key laneKey
}

// fedPatient is a patient with messages in hand; aside are the numbers of those that wait for that.
type fedPatient struct {
	hand  []int64
	aside seqHeap
}

func newFeed() *feed {
	return &feed{known: map[int64]fed{}, hand: map[int64]laneKey{}, patients: map[laneKey]*fedPatient{},
		wake: make(chan struct{}), loaded: make(chan struct{})}
}

// settle applies the changes of a synced group.
func (f *feed) settle(changes []feedChange) {
	if len(changes) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range changes {
		if key := f.letGo(c.seq); c.key == 0 {
			c.key = key
		}
		x, there := f.known[c.seq]
		switch {
		case c.gone:
			if there {
				f.bytes -= held(x.m)
				delete(f.known, c.seq) // its number stays in order and is skipped
				f.next(x.key)
			}
			continue
		case there:
			continue
		}
		m := c.message
		if m != nil && (len(m.Raw) > maxHeldOne || f.bytes+held(m) > maxHeldRaw) {
			m = nil
		}
		f.bytes += held(m)
		f.known[c.seq] = fed{m, c.key}
		heap.Push(&f.order, c.seq)
	}
	close(f.wake)
	f.wake = make(chan struct{})
}

// held is about what a message costs in memory.
func held(m *samvirke.Message) int {
	if m == nil {
		return 0
	}
	return len(m.Raw) + 512
}

// letGo notes that a message is no longer in hand: it was processed, or is to be handed out again. It gives its patient.
func (f *feed) letGo(seq int64) laneKey {
	key, had := f.hand[seq]
	if !had {
		return 0
	}
	delete(f.hand, seq)
	p := f.patients[key]
	p.hand = slices.DeleteFunc(p.hand, func(other int64) bool { return other == seq })
	f.next(key)
	return key
}

// next lets the first message that waits for its patient be handed out.
func (f *feed) next(key laneKey) {
	p := f.patients[key]
	if p == nil {
		return
	}
	for len(p.aside) > 0 {
		seq := heap.Pop(&p.aside).(int64)
		if _, there := f.known[seq]; there {
			heap.Push(&f.order, seq)
			break
		}
	}
	if len(p.hand) == 0 && len(p.aside) == 0 {
		delete(f.patients, key)
	}
}

// take gives up to limit messages in order; those that are not held are only numbers. It leaves alone what comes after enough
// messages of its patient that are in hand: a flood about one person holds nobody else up.
func (f *feed) take(limit int) (got []samvirke.Message, wake <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(got) < limit && len(f.order) > 0 {
		seq := heap.Pop(&f.order).(int64)
		x, there := f.known[seq]
		if !there || !f.takeUp(seq, x.key) {
			continue
		}
		delete(f.known, seq)
		f.bytes -= held(x.m)
		if x.m == nil {
			x.m = &samvirke.Message{Seq: seq}
		}
		got = append(got, *x.m)
	}
	return got, f.wake
}

// takeUp notes that a message is in hand, or sets it aside. The first of its patient never is: those that are in hand may
// wait for it, when it was put back to received behind them.
func (f *feed) takeUp(seq int64, key laneKey) bool {
	if key == 0 {
		return true
	}
	p := f.patients[key]
	if p == nil {
		p = &fedPatient{}
		f.patients[key] = p
	}
	if len(p.hand) >= feedTogether && slices.Min(p.hand) < seq {
		heap.Push(&p.aside, seq)
		return false
	}
	p.hand, f.hand[seq] = append(p.hand, seq), key
	return true
}

// giveBack puts messages back that could not be handed out.
func (f *feed) giveBack(list []samvirke.Message) {
	changes := make([]feedChange, len(list))
	for i := range list {
		changes[i] = feedChange{seq: list[i].Seq, again: true}
	}
	f.settle(changes)
}

// Received hands out messages to be processed; see queue.Worker.
func (s *Store) Received(ctx context.Context, limit int) ([]samvirke.Message, error) {
	if err := s.ready(ctx, s.feed.loaded); err != nil {
		return nil, err
	}
	limit = min(max(limit, 1), maxLeases)
	for {
		if err := s.usable(); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		got, wake := s.feed.take(limit)
		if len(got) > 0 {
			return s.fillReceived(ctx, got)
		}
		if err := s.await(ctx, wake, s.opts.Now(), never); err != nil {
			return nil, err
		}
	}
}

// seqHeap orders numbers.
type seqHeap []int64

func (h seqHeap) Len() int           { return len(h) }
func (h seqHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h seqHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *seqHeap) Push(x any)        { *h = append(*h, x.(int64)) }
func (h *seqHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
