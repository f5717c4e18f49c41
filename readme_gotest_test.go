package samvirke_test

import (
	"errors"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goTest is a go test command of a page: where it stands, its packages, its tags and what it runs.
type goTest struct {
	page     string
	packages []string
	tags     []string
	patterns map[string]string // by flag: run, bench
}

// goTests finds the go test commands of the pages.
func goTests(t *testing.T, pages ...string) (found []goTest) {
	t.Helper()
	command := regexp.MustCompile("(?m)(?:^|`)go test ([^`\n]*)")
	word := regexp.MustCompile(`'[^']*'|\S+`)
	for _, page := range pages {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(raw), -1) {
			c := goTest{page: page, patterns: map[string]string{}}
			words := word.FindAllString(strings.ReplaceAll(m[1], `\|`, "|"), -1) // a bar of a table's cell
			for i, w := range words {
				next := ""
				if i+1 < len(words) {
					next = strings.Trim(words[i+1], "'")
				}
				switch {
				case strings.HasPrefix(w, "./"):
					c.packages = append(c.packages, w)
				case w == "-tags":
					c.tags = strings.Split(next, ",")
				case w == "-run" || w == "-bench":
					c.patterns[w[1:]] = next
				}
			}
			found = append(found, c)
		}
	}
	return found
}

// testNames are the functions with a prefix, Test or Benchmark, in the tests of a package: "./queue/sqlite", "./fhir/...".
func testNames(t *testing.T, pkg, prefix string, tags []string) (names []string) {
	t.Helper()
	dirs := []string{filepath.Clean(pkg)}
	if root, all := strings.CutSuffix(pkg, "/..."); all {
		dirs = nil
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() != "testdata" {
				dirs = append(dirs, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	function := regexp.MustCompile(`(?m)^func (` + prefix + `[A-Za-z0-9_]*)\(`)
	from := build.Default
	from.BuildTags = tags
	for _, dir := range dirs {
		p, err := from.ImportDir(dir, 0)
		if _, none := errors.AsType[*build.NoGoError](err); err != nil && !none {
			t.Fatal(err)
		}
		for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			raw, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range function.FindAllStringSubmatch(string(raw), -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// alternatives takes a pattern apart, so that none of them names nothing behind the others' back: "^A(B|C)$" is "^AB$" and "^AC$".
func alternatives(pattern string) (out []string) {
	if m := regexp.MustCompile(`^(.*)\((.*)\)(.*)$`).FindStringSubmatch(pattern); m != nil {
		for one := range strings.SplitSeq(m[2], "|") {
			out = append(out, m[1]+one+m[3])
		}
		return out
	}
	return strings.Split(pattern, "|")
}

// TestReadmeGoTests: every test and benchmark that a go test command of the pages asks for is in the packages it names; go test
// itself is content with none.
func TestReadmeGoTests(t *testing.T) {
	pages, err := filepath.Glob("deploy/*.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := goTests(t, append(pages, "README.md")...)
	if len(commands) < 15 {
		t.Fatalf("found %d commands", len(commands))
	}
	source := goSource(t)
	for _, c := range commands {
		for flag, pattern := range c.patterns {
			if flag == "run" && pattern == "^$" {
				continue // no test, for a benchmark
			}
			pattern, part, _ := strings.Cut(pattern, "/")
			for _, one := range alternatives(pattern) {
				wanted := regexp.MustCompile(one)
				for _, pkg := range c.packages {
					names := testNames(t, pkg, map[string]string{"run": "Test", "bench": "Benchmark"}[flag], c.tags)
					if !slices.ContainsFunc(names, wanted.MatchString) {
						t.Errorf("%s: -%s %s names nothing in %s", c.page, flag, one, pkg)
					}
				}
			}
			if part = strings.Trim(part, "^$"); part != "" && !strings.Contains(source, `"`+part+`"`) {
				t.Errorf("%s: no suite has a part %q", c.page, part)
			}
		}
	}
}
