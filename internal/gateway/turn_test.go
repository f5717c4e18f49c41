package gateway

import (
	"fmt"
	"sync"
	"testing"
)

func TestTurnPassesNobody(t *testing.T) {
	t.Parallel()
	k := newKeyed(2)
	mine := k.try("a", "b")
	if mine == nil {
		t.Fatal("a free key gives no turn")
	}
	for _, key := range []string{"a", "b"} {
		if k.try(key) != nil || k.try("c", key) != nil {
			t.Fatalf("two have the turn of %s", key)
		}
	}
	over := k.announce("b")
	if over == nil {
		t.Fatal("who announces is not told of the turn that is under way")
	}
	ran := make(chan struct{})
	k.do("b", func() { close(ran) })
	select {
	case <-over:
		t.Fatal("over before the end")
	case <-ran:
		t.Fatal("a function ran beside the turn")
	default:
	}
	mine.end()
	<-over
	<-ran
	if k.try("b") != nil {
		t.Error("somebody passed what is announced")
	}
	k.unannounce("b")
	// The function has run, but its key is free only when its goroutine has left it.
	k.wg.Wait()
	again := k.try("b")
	if again == nil {
		t.Fatal("no turn after all is done")
	}
	again.end()
	k.wait()
	if k.try("b") != nil {
		t.Error("a turn after the end")
	}
	if len(k.queue)+len(k.turns)+len(k.announced) != 0 {
		t.Errorf("left behind: %v %v %v", k.queue, k.turns, k.announced)
	}
}

// Turns and functions of one key never work at the same time, and all get done.
func TestTurnsAndFunctionsExcludeEachOther(t *testing.T) {
	t.Parallel()
	k := newKeyed(4)
	var mu sync.Mutex
	busy, done := map[string]bool{}, 0
	work := func(keys ...string) {
		mu.Lock()
		for _, key := range keys {
			if busy[key] {
				t.Errorf("%s has two at work", key)
			}
			busy[key] = true
		}
		mu.Unlock()
		mu.Lock()
		for _, key := range keys {
			busy[key] = false
		}
		done++
		mu.Unlock()
	}
	const callers, each = 6, 300
	var wg sync.WaitGroup
	var one sync.Mutex // do is called by one at a time
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				key, other := fmt.Sprint((c+i)%5), fmt.Sprint("kin ", i%3)
				if turn := k.try(key, other); turn != nil {
					work(key, other)
					turn.end()
					continue
				}
				if over := k.announce(key); over != nil {
					<-over
				}
				one.Lock()
				k.do(key, func() {
					work(key, other)
					k.unannounce(key)
				}, other)
				one.Unlock()
			}
		})
	}
	wg.Wait()
	k.wait()
	if done != callers*each {
		t.Errorf("%d of %d done", done, callers*each)
	}
}
