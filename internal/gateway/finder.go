package gateway

import (
	"iter"
	"strings"
)

// finder finds out whether a text has one of many marks somewhere in it.
type finder struct {
	few    []string
	bySize map[int]map[string]bool
}

// fewMarks is up to how many marks are looked for one by one.
const fewMarks = 8

func newFinder(marks []string) finder {
	if len(marks) <= fewMarks {
		return finder{few: marks}
	}
	f := finder{bySize: map[int]map[string]bool{}}
	for _, m := range marks {
		if f.bySize[len(m)] == nil {
			f.bySize[len(m)] = map[string]bool{}
		}
		f.bySize[len(m)][m] = true
	}
	return f
}

func (f finder) in(text string) bool {
	for range f.all(text) {
		return true
	}
	return false
}

// all gives the marks that stand in a text; one that stands there twice may come twice.
func (f finder) all(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, m := range f.few {
			if strings.Contains(text, m) && !yield(m) {
				return
			}
		}
		for n, marks := range f.bySize {
			for i := 0; i+n <= len(text); i++ {
				if m := text[i : i+n]; marks[m] && !yield(m) {
					return
				}
			}
		}
	}
}
