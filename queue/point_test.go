package queue_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/queue"
)

// TestPoints holds the list of points against the constants, and both against the source: a point that is not in the list would
// be crashed at by nobody, and one that stands nowhere would be waited for in vain.
func TestPoints(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "point.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]queue.Point{} // by the name of the constant
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		names[v.Names[0].Name] = queue.Point(text)
		return true
	})
	points := queue.Points()
	if len(points) != len(names) || len(points) < 50 {
		t.Errorf("%d constants, %d points in the list", len(names), len(points))
	}
	used := map[string]int{}
	call := regexp.MustCompile(`queue\.(?:Reach|Fail)\(queue\.(Point\w+)\)`)
	for _, room := range []string{".", "../internal", "../cmd"} {
		err := filepath.WalkDir(room, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range call.FindAllSubmatch(text, -1) {
				used[string(m[1])]++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, p := range names {
		if !slices.Contains(points, p) {
			t.Errorf("%s is not in the list", name)
		}
		if used[name] != 1 {
			t.Errorf("%s stands in %d places of the source, want one", name, used[name])
		}
	}
	slices.Sort(points)
	if len(slices.Compact(points)) != len(names) {
		t.Error("two points have one name")
	}
}
