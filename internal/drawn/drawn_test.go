package drawn

import (
	"flag"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestCases: the same cases come in every run, as many as are said, and others after that.
func TestCases(t *testing.T) {
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "rapid.checks" || f.Name == "rapid.seed" {
			t.Skipf("asked for others by -%s", f.Name)
		}
	})
	draw := func() (got []int) {
		rapid.Check(t, func(t *rapid.T) { got = append(got, rapid.IntRange(0, 1<<40).Draw(t, "x")) })
		return got
	}
	before := flag.Lookup("rapid.checks").Value.String()
	restore := Cases(50)
	a, b := draw(), draw()
	restore()
	want := 50
	if testing.Short() {
		want /= 5 // by rapid itself
	}
	if len(a) != want || !slices.Equal(a, b) {
		t.Errorf("%d cases, the same again: %t", len(a), slices.Equal(a, b))
	}
	if after := flag.Lookup("rapid.checks").Value.String(); after != before {
		t.Errorf("%s cases afterwards, want %s", after, before)
	}
	if c := draw(); slices.Equal(a[:10], c[:10]) {
		t.Error("what comes afterwards is the same too")
	}
}
