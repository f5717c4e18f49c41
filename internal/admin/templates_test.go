package admin

import (
	"sync"
	"testing"
)

// TestPagesParse: pages are parsed when they are first shown, so that a mistake in one must be found here.
func TestPagesParse(t *testing.T) {
	t.Parallel()
	p, err := parsePages("")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.byName) == 0 {
		t.Fatal("there are no pages")
	}
	var wg sync.WaitGroup // as requests do
	for name := range p.byName {
		wg.Go(func() {
			first, err := p.page(name)
			if err != nil || first.Lookup("layout.html") == nil {
				t.Errorf("page %s: %v", name, err)
			}
			if again, _ := p.page(name); again != first {
				t.Errorf("page %s is parsed twice", name)
			}
		})
	}
	wg.Wait()
	if _, err := p.page("none"); err == nil {
		t.Error("a page that is not there is given")
	}
}
