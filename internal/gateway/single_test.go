package gateway

import (
	"strconv"
	"testing"
)

func TestSinglesRememberTheLastAndAreBounded(t *testing.T) {
	var s singles
	if s.has("0") {
		t.Error("an empty memory knows a delivery")
	}
	const n = 5 * maxSingles / 2
	for i := range n {
		s.add(strconv.Itoa(i))
	}
	for i := n - maxSingles; i < n; i++ {
		if !s.has(strconv.Itoa(i)) {
			t.Fatalf("delivery %d of %d is forgotten, the last %d must be known", i, n, maxSingles)
		}
	}
	if s.has("0") || len(s.now)+len(s.old) > 2*maxSingles {
		t.Errorf("%d deliveries are remembered, at most %d", len(s.now)+len(s.old), 2*maxSingles)
	}
}
