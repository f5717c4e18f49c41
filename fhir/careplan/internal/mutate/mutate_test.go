package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(file string) (string, error) {
	raw, err := os.ReadFile(filepath.Join("..", "..", file)) // #nosec G304 -- a name of the table
	return string(raw), err
}

// TestEveryMutationHasItsPlace: the text that each mutation changes occurs once, and what comes out is Go.
func TestEveryMutationHasItsPlace(t *testing.T) {
	t.Parallel()
	table := mutations()
	names := map[string]bool{}
	var pick []int
	for i := range table {
		m := &table[i]
		if names[m.name] || m.name == "" || m.source == "" {
			t.Errorf("mutation %d: name %q and source %q", i+1, m.name, m.source)
		}
		names[m.name] = true
		text, err := read(m.file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.find(text); err != nil {
			t.Errorf("the rule was rewritten: bring its row in the table up to date: %v", err)
			continue
		}
		pick = append(pick, i+1)
	}
	for name, why := range equivalents() {
		if !names[name] || why == "" {
			t.Errorf("no mutation has the name %q, or no reason is given", name)
		}
	}
	list, err := batches(table, pick, read)
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, b := range list {
		held += len(b.held)
	}
	if held != len(table) {
		t.Errorf("%d of %d mutations are in a build", held, len(table))
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, text, want string }{
		{"whole", "b", "abc", "b"}, {"marked", "a«b»c", "ab abc", "b"}, {"not there", "x", "abc", ""}, {"twice", "a", "aa", ""}, {"half a mark", "a«b", "ab", ""},
		{"nothing marked", "a«»b", "ab", ""},
	} {
		m := mutation{name: c.name, old: c.old}
		at, err := m.find(c.text)
		got := ""
		if err == nil {
			got = c.text[at.from:at.to]
		}
		if got != c.want {
			t.Errorf("%s: found %q (%v), want %q", c.name, got, err, c.want)
		}
	}
}

// TestFailing: of a run's words the innermost test that failed first.
func TestFailing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, said, want string }{
		{"nested", "--- FAIL: TestA (0.1s)\n    --- FAIL: TestA/P1_x (0.1s)\n        boom\nFAIL", "TestA/P1_x"},
		{"two", "--- FAIL: TestA (0s)\n--- FAIL: TestB (0s)", "TestA"},
		{"panic", "panic: runtime error\ngoroutine 7", "panic"},
		{"words only", "\nflag provided but not defined", "flag provided but not defined"},
	} {
		if got := failing(c.said, false); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := failing("", true); !strings.HasPrefix(got, "no end") {
		t.Errorf("late: %q", got)
	}
}
