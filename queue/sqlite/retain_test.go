package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
)

// TestRetainLooksNoFurther: retention does not go through what is too young, however much there is, and a clock that ran ahead for a while
// does not hide what came after it.
func TestRetainLooksNoFurther(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	hour := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	n := 0
	put := func(count int, at time.Time) {
		t.Helper()
		for range count {
			n++
			u := acceptUnit(fmt.Sprint("m", n), []byte("body"))
			u.Now, u.Accept.ReceivedAt, u.Accept.Status = at, at, samvirke.MessageProcessed
			if _, err := s.Commit(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
	}
	// walk drops and says how many went in how many calls that found something to look at.
	walk := func(before time.Time) (dropped, calls int) {
		t.Helper()
		for after := int64(0); ; calls++ {
			d, next, err := s.DropPayloads(t.Context(), before, after, 5)
			if err != nil {
				t.Fatal(err)
			}
			if dropped += d; next == 0 {
				return dropped, calls
			}
			after = next
		}
	}
	put(10, hour)
	put(10, hour.Add(30*time.Hour)) // the clock ran ahead
	put(10, hour.Add(time.Minute))
	put(100, hour.Add(10*time.Minute))
	if dropped, calls := walk(hour.Add(5 * time.Minute)); dropped != 10 || calls > 4 {
		t.Errorf("in the same hour %d went in %d calls", dropped, calls)
	}
	if dropped, _ := walk(hour.Add(time.Hour + 5*time.Minute)); dropped != 110 {
		t.Errorf("an hour later %d went", dropped)
	}
	if dropped, calls := walk(hour.Add(2 * time.Hour)); dropped != 0 || calls > 3 {
		t.Errorf("with nothing left %d went in %d calls", dropped, calls)
	}
}
