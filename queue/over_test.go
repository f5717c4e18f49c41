package queue_test

import (
	"testing"

	"github.com/samvirke/samvirke/queue"
)

// TestOver: a store without a budget is never over it, and receipts have a sixteenth more.
func TestOver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		used, budget  int64
		over, overAll bool
	}{
		{0, 0, false, false}, {1 << 60, 0, false, false},
		{1599, 1600, false, false}, {1600, 1600, true, false}, {1699, 1600, true, false}, {1700, 1600, true, true},
		{-1, 1600, false, false},
	} {
		if over, all := queue.Over(c.used, c.budget, false), queue.Over(c.used, c.budget, true); over != c.over || all != c.overAll {
			t.Errorf("%d of %d: over %v, with the reserve %v", c.used, c.budget, over, all)
		}
	}
}
