package queue_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// TestEveryPointIsCrashedAt: each point is one at which a test of the fault suite ends a program, and each of those tests is there and
// takes its points from the list that this one looks at. A test that is told to end a program at a point fails when it does not come there.
func TestEveryPointIsCrashedAt(t *testing.T) {
	t.Parallel()
	by := map[queue.Point]int{}
	for _, c := range queuetest.Crashers() {
		for _, p := range c.Points() {
			by[p]++
		}
		if len(c.Points()) == 0 {
			t.Errorf("%s in %s has no points", c.Test, c.Package)
		}
		if !takesPoints(t, c) {
			t.Errorf("%s in %s is not there, or does not take its points from queuetest.CrashPoints", c.Test, c.Package)
		}
	}
	for _, p := range queue.Points() {
		if by[p] == 0 {
			t.Errorf("no test ends a program at %s: name one in queuetest.Crashers", p)
		}
	}
}

// takesPoints looks into the source of a test.
func takesPoints(t *testing.T, c queuetest.Crasher) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", c.Package, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	own := regexp.MustCompile(`(?s)\nfunc ` + c.Test + `\(t \*testing\.T\) \{\n(.*?)\n\}\n`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := own.FindSubmatch(text); m != nil {
			return regexp.MustCompile(`queuetest\.CrashPoints\("` + c.Package + `", "` + c.Test + `"\)`).Match(m[1])
		}
	}
	return false
}
