package sqlite

import (
	"container/heap"
	"context"
	"sync"

	"github.com/samvirke/samvirke"
)

// feedChange is what one committed unit means to the feed of received messages.
type feedChange struct {
	seq     int64
	message *samvirke.Message // just accepted
	again   bool              // to be processed again
	gone    bool              // no longer received
	key     laneKey           // of its patient, 0 for none; for the order alone
}

// feed holds the numbers of messages to be processed, and the newest of them whole, so that
// the usual message is processed without being read again.
type feed struct {
	mu     sync.Mutex
	order  seqHeap
	known  map[int64]*samvirke.Message // nil: read it from disk
	bytes  int
	wake   chan struct{}
	loaded chan struct{}
}

func newFeed() *feed {
	return &feed{known: map[int64]*samvirke.Message{}, wake: make(chan struct{}), loaded: make(chan struct{})}
}

// settle applies the changes of a synced group.
func (f *feed) settle(changes []feedChange) {
	if len(changes) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range changes {
		m, there := f.known[c.seq]
		switch {
		case c.gone:
			if there {
				f.bytes -= held(m)
				delete(f.known, c.seq) // its number stays in order and is skipped
			}
			continue
		case there:
			continue
		}
		m = c.message
		if m != nil && (len(m.Raw) > maxHeldOne || f.bytes+held(m) > maxHeldRaw) {
			m = nil
		}
		f.bytes += held(m)
		f.known[c.seq] = m
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

// take gives up to limit messages in order; those that are not held are only numbers.
func (f *feed) take(limit int) (got []samvirke.Message, wake <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(got) < limit && len(f.order) > 0 {
		seq := heap.Pop(&f.order).(int64)
		m, there := f.known[seq]
		if !there {
			continue
		}
		delete(f.known, seq)
		f.bytes -= held(m)
		if m == nil {
			m = &samvirke.Message{Seq: seq}
		}
		got = append(got, *m)
	}
	return got, f.wake
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
