package gateway

import (
	"fmt"
	"sync"
	"testing"
)

// Functions of one key run in order and never at the same time; different keys do not wait for each other.
func TestKeyedKeepsOrderWithinKey(t *testing.T) {
	t.Parallel()
	k := newKeyed(4)
	var mu sync.Mutex
	got := map[string][]int{}
	busy := map[string]bool{}
	for i := range 400 {
		key := fmt.Sprint("patient ", i%7)
		k.do(key, func() {
			mu.Lock()
			if busy[key] {
				t.Errorf("%s runs twice at once", key)
			}
			busy[key] = true
			mu.Unlock()
			mu.Lock()
			got[key] = append(got[key], i)
			busy[key] = false
			mu.Unlock()
		})
	}
	k.wait()
	for key, order := range got {
		for i := 1; i < len(order); i++ {
			if order[i] < order[i-1] {
				t.Fatalf("%s: %d ran before %d", key, order[i-1], order[i])
			}
		}
	}
	if len(got) != 7 {
		t.Errorf("ran %d keys, want 7", len(got))
	}
}

// A key that waits must not hold back another key.
func TestKeyedDoesNotBlockOtherKeys(t *testing.T) {
	t.Parallel()
	k := newKeyed(2)
	release := make(chan struct{})
	k.do("slow", func() { <-release })
	k.do("slow", func() {})
	done := make(chan struct{})
	k.do("quick", func() { close(done) })
	<-done
	close(release)
	k.wait()
}
