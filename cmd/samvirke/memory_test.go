package main

import "testing"

// TestMemoryLimit: the usual limit as long as little lives, and always room above what lives, or the collector never rests.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	last := int64(0)
	for live := int64(0); live < 4<<30; live += 8 << 20 {
		got, flat := limitFor(live, live, 0), limitFor(live, live/4, 0)
		if live <= 40<<20 && got != memoryLimit {
			t.Errorf("%d MB live: limit %d MB", live>>20, got>>20)
		}
		if got < live+liveRoom || got < last {
			t.Errorf("%d MB live: limit %d MB after %d MB", live>>20, got>>20, last>>20)
		}
		if flat > got || flat < live+liveRoom {
			t.Errorf("%d MB live, a quarter of it with pointers: limit %d MB, with all %d MB", live>>20, flat>>20, got>>20)
		}
		last = got
	}
}
