package main

import "testing"

// TestMemoryLimit: the usual limit as long as little lives, and always room above what lives, or the collector never rests.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	last := int64(0)
	for live := int64(0); live < 4<<30; live += 8 << 20 {
		got := limitFor(live, 0)
		if live <= 40<<20 && got != memoryLimit {
			t.Errorf("%d MB live: limit %d MB", live>>20, got>>20)
		}
		if got < live+liveRoom || got < last {
			t.Errorf("%d MB live: limit %d MB after %d MB", live>>20, got>>20, last>>20)
		}
		last = got
	}
}
