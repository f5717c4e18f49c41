package gateway

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestHandoverBounds: what waits is bounded by bytes; the next one gets its place as soon as there is room, in
// the order of asking, and none after the time for waiting.
func TestHandoverBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandover()
		const each = maxHandover / 4
		for n := range 4 {
			place := h.reserve(t.Context(), fmt.Sprint("party ", n%2), each)
			if place.bytes != each {
				t.Fatalf("place %d of %d bytes, want %d", n, place.bytes, each)
			}
			h.put(fmt.Sprint(n), outcome{}, place)
		}
		start := time.Now()
		if place := h.reserve(t.Context(), "party", 1); place.bytes != 0 || time.Since(start) != handoverWait {
			t.Fatalf("a place of %d bytes after %v, want none after %v", place.bytes, time.Since(start), handoverWait)
		}
		var mu sync.Mutex
		var got []int
		ask := func(size int) {
			go func() {
				place := h.reserve(context.Background(), "party", size)
				mu.Lock()
				got = append(got, place.bytes)
				mu.Unlock()
			}()
			synctest.Wait()
		}
		ask(2 * each)
		ask(1) // would fit sooner, must not pass
		if _, ok := h.take("0"); !ok {
			t.Fatal("what was put is not there")
		}
		synctest.Wait()
		if len(got) != 0 {
			t.Fatalf("places %v given, there is no room for the first", got)
		}
		h.take("1")
		synctest.Wait()
		if fmt.Sprint(got) != fmt.Sprint([]int{2 * each}) {
			t.Fatalf("places %v, want the first only", got)
		}
		h.take("2")
		synctest.Wait()
		if fmt.Sprint(got) != fmt.Sprint([]int{2 * each, minHandover}) {
			t.Fatalf("places %v, want both", got)
		}
		for _, place := range got {
			h.free(room{"party", place})
		}
		h.take("3")
		if _, again := h.take("3"); again || h.used != 0 || len(h.m) != 0 || len(h.waiting) != 0 {
			t.Fatalf("%d bytes, %d messages and %d waiters are left", h.used, len(h.m), len(h.waiting))
		}
	})
}

// TestHandoverGivesUpOldPlaces: what nobody takes, because another gateway has it, does not keep the room for ever.
func TestHandoverGivesUpOldPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandover()
		const each = maxHandover / 4
		for n := range 4 {
			h.put(fmt.Sprint(n), outcome{}, h.reserve(t.Context(), fmt.Sprint("party ", n%2), each))
			time.Sleep(time.Second)
		}
		time.Sleep(handoverKeep - 3*time.Second)
		start := time.Now()
		place := h.reserve(t.Context(), "party", 2*each)
		if place.bytes != 2*each || !time.Now().Equal(start) {
			t.Fatalf("a place of %d bytes after %v, want %d at once", place.bytes, time.Since(start), 2*each)
		}
		for n, want := range []bool{false, false, true, true} {
			if _, ok := h.take(fmt.Sprint(n)); ok != want {
				t.Errorf("message %d is there: %t, want %t", n, ok, want)
			}
		}
		h.free(place)
		if h.used != 0 || len(h.m) != 0 || h.order.Len() != 0 {
			t.Fatalf("%d bytes and %d messages are left", h.used, len(h.m))
		}
	})
}

// TestUnfinishedIsBounded: messages that other gateways process are forgotten in time and beyond a number, with their
// announcements.
func TestUnfinishedIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w unfinished
		for n := range maxLate + 2 {
			forgotten := w.add(fmt.Sprint(n), fmt.Sprint("key ", n))
			if over := n - maxLate; over < 0 && len(forgotten) != 0 || over >= 0 && fmt.Sprint(forgotten) != fmt.Sprintf("[key %d]", over) {
				t.Fatalf("message %d: %v forgotten", n, forgotten)
			}
		}
		if key, ok := w.take("5"); key != "key 5" || !ok {
			t.Errorf("took %q, %t", key, ok)
		}
		if _, ok := w.take("5"); ok {
			t.Error("took it twice")
		}
		time.Sleep(lateFor)
		if forgotten := w.add("last", ""); len(forgotten) != maxLate-1 || len(w.ids) != 1 || w.order.Len() != 1 {
			t.Errorf("%d forgotten, %d left", len(forgotten), len(w.ids))
		}
	})
}

// TestHandoverLargeWaitsAlone: a message larger than a party's share gets all of that; a sender that goes away makes
// way for the one behind.
func TestHandoverLargeWaitsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandover()
		small := h.reserve(t.Context(), "party", 10)
		ctx, cancel := context.WithCancel(t.Context())
		places := make(chan room, 2)
		go func() { places <- h.reserve(ctx, "party", 50<<20) }()
		synctest.Wait()
		go func() { places <- h.reserve(t.Context(), "party", 10) }()
		synctest.Wait()
		cancel()
		one, other := <-places, <-places
		if one.bytes+other.bytes != minHandover {
			t.Fatalf("places %d and %d, want one small one", one.bytes, other.bytes)
		}
		h.free(small)
		h.free(one)
		h.free(other)
		large := h.reserve(t.Context(), "party", 50<<20)
		if large.bytes != maxHandoverOne {
			t.Fatalf("place of %d bytes, want %d", large.bytes, maxHandoverOne)
		}
		h.free(large)
		if h.free(room{}); h.used != 0 || h.own["party"] != 0 {
			t.Fatalf("%d bytes are left", h.used)
		}
	})
}

// TestHandoverShares: a party that keeps all the places it may have, however many more it asks for, leaves room to the others,
// and is given its places in the order of asking.
func TestHandoverShares(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandover()
		const each = maxHandover / 8
		for n := range 6 {
			if place := h.reserve(t.Context(), "flood", each); place.bytes != each {
				t.Fatalf("place %d of %d bytes, want %d", n, place.bytes, each)
			} else {
				h.put(fmt.Sprint(n), outcome{}, place)
			}
		}
		got := make(chan room, 20)
		for range 10 {
			go func() { got <- h.reserve(t.Context(), "flood", 2*each) }()
		}
		synctest.Wait()
		go func() { got <- h.reserve(t.Context(), "flood", minHandover) }() // must not pass
		synctest.Wait()
		h.take("0")
		synctest.Wait()
		start := time.Now()
		for n := range 2 {
			if place := h.reserve(t.Context(), "other", each); place.bytes != each || !time.Now().Equal(start) {
				t.Fatalf("place %d of the other party: %d bytes after %v, want %d at once", n, place.bytes, time.Since(start), each)
			} else {
				h.free(place)
			}
		}
		if len(got) != 0 {
			t.Fatalf("a place of %d bytes given beyond the share", (<-got).bytes)
		}
		h.take("1")
		synctest.Wait()
		if len(got) != 1 {
			t.Fatalf("%d places given, want that of the first who waits", len(got))
		} else if place := <-got; place.bytes != 2*each {
			t.Fatalf("a place of %d bytes given, want that of the first who waits", place.bytes)
		}
		time.Sleep(handoverWait)
		synctest.Wait()
	})
}
