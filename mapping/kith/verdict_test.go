package kith

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/mapping/internal/mutation"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestVerdictOfExamples: on every example file, as it lies there, our verdict is xmllint's.
func TestVerdictOfExamples(t *testing.T) {
	f := newFormat(t)
	docs := map[string][]byte{}
	for _, e := range mappingtest.Examples(t, func(mappingtest.Example) bool { return true }) {
		docs[e.File] = e.Raw(t)
	}
	if len(docs) < 214 {
		t.Errorf("%d example files, want 214", len(docs))
	}
	valid := 0
	for file, problem := range lintAll(t, docs) {
		ours := f.CheckSchema(docs[file])
		if (len(ours) == 0) != (problem == "") {
			t.Errorf("%s: ours %v, xmllint %q", file, ours, problem)
		}
		if problem == "" {
			valid++
		}
		for _, p := range ours {
			if p.Code == "" || p.Safe == "" || p.Code == "schema" && p.Detail == "" || p.Line == 0 && p.Code == "schema" {
				t.Errorf("%s: no code, text or line in %v", file, p)
			}
		}
	}
	t.Logf("%d files, %d valid", len(docs), valid)
}

// TestFullMessagesBothWays: messages with every element of their table have the same verdict with and without
// the quick way.
func TestFullMessagesBothWays(t *testing.T) {
	f := newFormat(t)
	valid := 0
	for kind, tab := range f.tables {
		for _, r := range tab.releases {
			if len(tab.unchecked) > 0 {
				continue
			}
			for variant := range 3 {
				text, _, err := toUTF8(fullMessage(t, tab, r.version, variant))
				if err != nil {
					t.Fatal(err)
				}
				quick, slow := f.problems(text), f.schema.Validate(text)
				if (len(quick) > 0) != (len(slow) > 0) {
					t.Errorf("%s %s %d: %v, %v", kind, r.version, variant, quick, slow)
				}
				if len(quick) == 0 {
					valid++
				}
			}
		}
	}
	if valid < 50 { // those with a header of their own are made elsewhere
		t.Errorf("only %d of the messages are valid", valid)
	}
}

// lintAll gives xmllint's first problem of each document, "" for none.
func lintAll(t *testing.T, docs map[string][]byte) map[string]string {
	found := mappingtest.XMLLintAll(t, docs)
	out := make(map[string]string, len(docs))
	for name := range docs {
		out[name] = found[name]
	}
	return out
}

// mutants makes seeded mutations of the example files. Transport documents, which no message schema knows, and
// very large files are left out: they say little and cost much.
func mutants(t *testing.T, n int, seed uint64) map[string][]byte {
	t.Helper()
	var docs []*mutation.Document
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool {
		return e.WellFormed && !strings.HasPrefix(e.File, "ebxml/") && !strings.HasPrefix(e.File, "cpp-cpa/")
	}) {
		raw := e.Raw(t)
		if len(raw) > 120_000 {
			continue
		}
		text, _, err := toUTF8(raw)
		if err != nil {
			t.Fatalf("%s: %v", e.File, err)
		}
		d, err := mutation.New(text)
		if err != nil {
			t.Fatalf("%s: %v", e.File, err)
		}
		docs = append(docs, d)
	}
	r := rand.New(rand.NewPCG(seed, 214))
	out := make(map[string][]byte, n)
	for i := range n {
		text, what := docs[i%len(docs)].Mutate(r, docs)
		out[fmt.Sprintf("%d %s", i, what)] = text
	}
	return out
}

// TestVerdictOfMutations: the verdict is xmllint's on 99.9 % of seeded mutations of the examples. What differs is
// told in the package doc of schema.
func TestVerdictOfMutations(t *testing.T) {
	n := 6000
	if testing.Short() {
		n = 1000
	}
	f := newFormat(t)
	docs := mutants(t, n, 1)
	differ, valid := 0, 0
	for name, problem := range lintAll(t, docs) {
		ours := f.CheckSchema(docs[name])
		if problem == "" {
			valid++
		}
		if (len(ours) == 0) != (problem == "") {
			differ++
			t.Logf("%s: ours %v, xmllint %q", name, ours, problem)
		}
	}
	t.Logf("%d mutations, %d of them valid, %d verdicts differ", n, valid, differ)
	if differ > n/1000 {
		t.Errorf("%d of %d verdicts differ, more than 0.1 %%", differ, n)
	}
	if valid < n/10 || valid > n*9/10 {
		t.Errorf("%d of %d mutations are valid: they say little", valid, n)
	}
}
