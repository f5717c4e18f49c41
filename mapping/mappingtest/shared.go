package mappingtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared returns the path of a file or folder in the shared facts ("standards/no/README.md").
// It looks in SAMVIRKE_SHARED, else in ../shared beside the repository, and skips the test when
// neither has it: the repository must build and test without the standards at hand.
func Shared(t testing.TB, rel string) string {
	t.Helper()
	p := sharedPath(t, rel)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("shared facts not at hand (set SAMVIRKE_SHARED): no %s", rel)
	}
	return p
}

// HasShared tells whether Shared would find it.
func HasShared(t testing.TB, rel string) bool {
	t.Helper()
	_, err := os.Stat(sharedPath(t, rel))
	return err == nil
}

func sharedPath(t testing.TB, rel string) string {
	t.Helper()
	root := os.Getenv("SAMVIRKE_SHARED")
	if root == "" {
		root = filepath.Join(repoRoot(t), "..", "shared")
	}
	return filepath.Join(root, filepath.FromSlash(rel))
}

// repoRoot walks up from the test's working directory to the folder with go.mod.
func repoRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("working directory: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}
