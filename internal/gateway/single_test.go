package gateway

import (
	"fmt"
	"testing"
)

func TestSinglesRememberTheLastAndAreBounded(t *testing.T) {
	var s singles
	id := func(i int) string { return fmt.Sprintf("01900000-0000-7000-8000-%012d", i) }
	s.add("no id of ours")
	if s.has(id(0)) || s.has("no id of ours") {
		t.Error("an empty memory knows a delivery")
	}
	const n = 5 * maxSingles / 2
	for i := range n {
		s.add(id(i))
	}
	for i := n - maxSingles; i < n; i++ {
		if !s.has(id(i)) {
			t.Fatalf("delivery %d of %d is forgotten, the last %d must be known", i, n, maxSingles)
		}
	}
	if s.has(id(0)) || len(s.now)+len(s.old) > 2*maxSingles {
		t.Errorf("%d deliveries are remembered, at most %d", len(s.now)+len(s.old), 2*maxSingles)
	}
}
