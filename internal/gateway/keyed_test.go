package gateway

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
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

// TestKeyedOfSeveralKeys: what has several keys runs after what stood before it in each of them and before what
// stands behind it, and nothing waits for ever.
func TestKeyedOfSeveralKeys(t *testing.T) {
	t.Parallel()
	const n, keys = 3000, 7
	k := newKeyed(4)
	var mu sync.Mutex
	last := map[string]int{}
	running := map[string]bool{}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		own := []string{}
		for _, at := range random.Perm(keys)[:1+random.IntN(3)] {
			own = append(own, strconv.Itoa(at))
		}
		k.do(own[0], func() {
			mu.Lock()
			for _, key := range own {
				if running[key] {
					t.Errorf("two at work under key %s", key)
				}
				if last[key] > i {
					t.Errorf("%d after %d under key %s", i, last[key], key)
				}
				running[key], last[key] = true, i
			}
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			for _, key := range own {
				running[key] = false
			}
			mu.Unlock()
		}, own[1:]...)
	}
	k.wait()
	if len(k.queue) != 0 || len(k.all) != 0 || len(k.slots) != 0 {
		t.Errorf("left over: %d keys, %d functions, %d slots", len(k.queue), len(k.all), len(k.slots))
	}
}

// TestKinship remembers who is linked, both ways, and forgets rather than grow for ever.
func TestKinship(t *testing.T) {
	t.Parallel()
	var k kinship
	if got := k.of("a"); got != nil {
		t.Errorf("of nobody: %v", got)
	}
	k.tie([]string{"a", "b", "c"})
	if got := fmt.Sprint(k.of("b")); got != "[a c]" {
		t.Errorf("of b: %s", got)
	}
	for i := range maxTied {
		k.tie([]string{fmt.Sprint("x", i), fmt.Sprint("y", i)})
		if len(k.m) > maxTied {
			t.Fatalf("%d keys remembered", len(k.m))
		}
	}
}
