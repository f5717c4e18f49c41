package gateway

import (
	"fmt"
	"strings"
	"testing"
)

// TestFinder: many marks are found where each by itself is found.
func TestFinder(t *testing.T) {
	t.Parallel()
	var marks []string
	for i := range 40 {
		marks = append(marks, fmt.Sprintf("mark-%d;", i), fmt.Sprintf("%c", 'A'+i%26)+strings.Repeat("æ", i%3+2))
	}
	for _, few := range []int{0, 3, len(marks)} {
		f := newFinder(marks[:few])
		for _, text := range []string{"", "mark-7", "mark-7;", "x mark-39; y", "mark-40;", "Aæ", "Aææ", "xAææ", "Zææææ", "Bææ mark"} {
			want := false
			for _, m := range marks[:few] {
				want = want || strings.Contains(text, m)
			}
			if f.in(text) != want {
				t.Errorf("%d marks, %q: %v", few, text, !want)
			}
		}
	}
}
