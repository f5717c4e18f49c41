package queuetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// received takes messages and fails when they are not those wanted.
func (v *env) received(max int, want ...string) {
	v.t.Helper()
	got := get[[]samvirke.Message](v)(v.s.Received(v.ctx(), max))
	var ids []string
	for _, m := range got {
		ids = append(ids, m.ID)
		if string(m.Raw) != "<message id=\""+m.ID+"\"/>" || m.Seq == 0 || m.Status != samvirke.MessageReceived {
			v.t.Fatalf("message %+v handed out with %q", m, m.Raw)
		}
	}
	if !slices.Equal(ids, want) {
		v.t.Fatalf("received %v, want %v", ids, want)
	}
}

func (v *env) receivedNothing() {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if got, err := v.s.Received(ctx, 10); !errors.Is(err, context.DeadlineExceeded) {
		v.t.Fatalf("received %d messages with error %v, want none and the end of the context", len(got), err)
	}
}

func testReceived(t *testing.T, v *env) {
	for _, id := range []string{"a", "b", "c", "d"} {
		v.accept(id)
	}
	v.received(2, "a", "b")
	v.received(10, "c", "d")
	v.receivedNothing()
	// Given once per life; what is not processed comes again after a restart.
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "b", To: samvirke.MessageProcessed}})
	v.restart()
	v.received(1, "a")
	v.accept("e")
	v.received(10, "c", "d", "e")
	v.receivedNothing()
	// One that is no longer received is not handed out.
	v.accept("f")
	v.accept("g")
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "f", To: samvirke.MessageClosed}})
	v.received(10, "g")
	// One that is accepted with another status never is.
	m := message("h")
	m.Status = samvirke.MessageAttention
	v.commit(queue.Unit{Accept: m})
	v.receivedNothing()
}

// testReceivedBlocks has several takers wait: every message is given to exactly one.
func testReceivedBlocks(t *testing.T, v *env) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var mu sync.Mutex
	seen := map[string]int{}
	all := make(chan struct{})
	var wg sync.WaitGroup
	const n = 50
	for range 4 {
		wg.Go(func() {
			for {
				got, err := v.s.Received(ctx, 3)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, m := range got {
					seen[m.ID]++
				}
				if len(seen) == n {
					select {
					case <-all:
					default:
						close(all)
					}
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		v.accept(fmt.Sprint("w", i))
	}
	select {
	case <-all:
	case <-time.After(limit):
		t.Error("not all messages were handed out")
	}
	cancel()
	wg.Wait()
	for id, k := range seen {
		if k != 1 {
			t.Errorf("%s was handed out %d times", id, k)
		}
	}
}

func testReprocess(t *testing.T, v *env) {
	v.accept("a")
	v.accept("b")
	v.received(10, "a", "b")
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "a", To: samvirke.MessageAttention}})
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "b", To: samvirke.MessageAttention}})
	v.accept("c")
	// Back to received: handed out again, in the old place.
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "b", From: []samvirke.MessageStatus{samvirke.MessageAttention}, To: samvirke.MessageReceived}})
	v.received(10, "b", "c")
	v.receivedNothing()
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "a", To: samvirke.MessageReceived}})
	v.restart()
	v.received(10, "a", "b", "c")
}
