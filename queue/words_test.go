package queue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/queue"
)

// Words are what both engines index; of too many the first texts count, whatever the others are made of.
func TestWords(t *testing.T) {
	if got, want := queue.Words("Linje 12: elementet <Navn> mangler", "linje\t12"), []string{"12", "elementet", "linje", "mangler", "navn"}; !slices.Equal(got, want) {
		t.Errorf("words %q, want %q", got, want)
	}
	if got := queue.Words("", " -- "); len(got) != 0 {
		t.Errorf("words of nothing: %q", got)
	}
	if got := queue.Words(strings.Repeat("ø", 100)); len(got) != 1 || got[0] != strings.Repeat("ø", 30) {
		t.Errorf("a long word counts as %q", got)
	}
	var many strings.Builder
	for i := range 5 * queue.MaxWords {
		fmt.Fprintf(&many, "%04d ", i)
	}
	got := queue.Words("kommune LOG_INNLAGT", many.String(), "last")
	if len(got) != queue.MaxWords || !slices.IsSorted(got) {
		t.Fatalf("%d words, sorted %v", len(got), slices.IsSorted(got))
	}
	for _, w := range []string{"kommune", "log", "innlagt", "0000"} {
		if !slices.Contains(got, w) {
			t.Errorf("%s was pushed out", w)
		}
	}
	if slices.Contains(got, "last") {
		t.Error("the bound does not count from the front")
	}
}
