package kith

import (
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLint: the checks before sending look at anything that is XML, and tell of each thing once, with its place.
func FuzzLint(f *testing.F) {
	for _, c := range lintCases() {
		if c.file == "" && len(c.new) < 1<<16 {
			f.Add([]byte(c.new))
		}
	}
	for _, name := range []string{lintReady, lintEpi, lintMore} {
		f.Add(read(f, filepath.Join("..", "..", "testdata", "s1", name)))
	}
	format, err := New(Options{AllowSynthetic: true})
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range LintCodes() {
		known[c.Code] = true
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		seen := map[string]bool{}
		for _, x := range format.Lint(raw) {
			id := x.Code + " " + x.Path
			if !known[x.Code] || seen[id] || x.Line < 1 || x.Line > strings.Count(string(raw), "\n")+1 || !strings.HasPrefix(x.Path, "/") {
				t.Errorf("%+v", x)
			}
			seen[id] = true
		}
	})
}
