package sqlite

import (
	"slices"
	"testing"
)

func TestWrittenPages(t *testing.T) {
	p := writtenPages{all: true}
	for _, pgno := range []uint32{3, 64, 7} {
		p.mark(pgno)
	}
	for _, want := range [][]int64{{1, 2, 3, 4, 5, 7, 64}, nil} { // 7 and 64 came after the database was measured
		if got := slices.Collect(p.take(5)); !slices.Equal(got, want) {
			t.Errorf("after a start: %v, want %v", got, want)
		}
	}
	for _, pgno := range []uint32{100_000, 1, 63, 64, 1} {
		p.mark(pgno)
	}
	for _, want := range [][]int64{{1, 63, 64, 100_000}, nil} {
		if got := slices.Collect(p.take(1000)); !slices.Equal(got, want) {
			t.Errorf("written: %v, want %v", got, want)
		}
	}
	p.mark(2)
	p.markAll()
	if got := slices.Collect(p.take(3)); !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("after a wipe that failed: %v", got)
	}
}
