package kith

import (
	"bytes"
	"sync"
	"testing"

	"github.com/samvirke/samvirke/mapping"
)

// TestConcurrent: one Format serves many goroutines, also over one Bundle, with the same bytes.
func TestConcurrent(t *testing.T) {
	f := newFormat(t)
	files := cases(t, "source.xml")
	for _, file := range files {
		raw := read(t, file)
		p, err := f.Parse(raw)
		if p == nil || p.Bundle == nil {
			t.Fatal(err)
		}
		want, err := f.Render(p.Bundle, mapping.Target{})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				r, err := f.Render(p.Bundle, mapping.Target{})
				if err != nil || !bytes.Equal(r.Body, want.Body) {
					t.Errorf("render: %v", err)
				}
				q, err := f.Parse(raw)
				if q == nil || q.Bundle == nil || !bytes.Equal(q.Bundle.Bytes(), p.Bundle.Bytes()) {
					t.Errorf("parse: %v", err)
				}
			})
		}
		wg.Wait()
	}
}
