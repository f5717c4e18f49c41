package kith

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/samvirke/samvirke/mapping/internal/mutation"
	"github.com/samvirke/samvirke/mapping/kith/schema"
	"github.com/samvirke/samvirke/mapping/kith/xmltree"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// ownTexts are those of testdata.
func ownTexts(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*/*.xml")
	if err != nil || len(files) < 10 {
		t.Fatalf("own messages: %d, %v", len(files), err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[file] = raw
	}
	return out
}

// sound holds the quick way against the library: what it accepts, the library accepts. It tells whether both do.
func sound(t testing.TB, s *schema.Set, p *xmltree.Parser, doc []byte, what string) (quick, valid bool) {
	t.Helper()
	if !utf8.Valid(doc) { // the caller has seen to that
		return false, false
	}
	root, err := p.Parse(string(doc))
	if err != nil {
		return false, false
	}
	quick = p.Strict() && s.Accepts(root, doc)
	problems := s.Validate(doc)
	if quick && len(problems) > 0 {
		t.Errorf("%s: accepted, but the library says %v\n%.1500s", what, problems, doc)
	}
	return quick, len(problems) == 0
}

// TestQuickWayIsSound: over our own messages and the examples, where they are at hand, and 20,000 seeded
// mutations.
func TestQuickWayIsSound(t *testing.T) {
	t.Run("own", func(t *testing.T) { soundOver(t, ownTexts(t), 4_000) })
	t.Run("examples", func(t *testing.T) {
		texts := map[string][]byte{}
		for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return e.WellFormed && len(e.Raw(t)) < 120_000 }) {
			text, _, err := toUTF8(e.Raw(t))
			if err != nil {
				t.Fatalf("%s: %v", e.File, err)
			}
			texts[e.File] = text
		}
		soundOver(t, texts, 20_000)
	})
}

func soundOver(t *testing.T, texts map[string][]byte, n int) {
	s := newFormat(t).schema
	p := &xmltree.Parser{MaxDepth: schema.MaxDepth}
	var docs []*mutation.Document
	var all, slow int
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		quick, valid := sound(t, s, p, texts[name], name)
		if valid {
			all++
			if !quick {
				slow++
				t.Logf("valid, but not accepted the quick way: %s", name)
			}
		}
		d, err := mutation.New(texts[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		docs = append(docs, d)
	}
	if slow*20 > all {
		t.Errorf("%d of %d valid documents take the slow way", slow, all)
	}
	if testing.Short() {
		n /= 10
	}
	r := rand.New(rand.NewPCG(3, 20_000))
	quicks, valids := 0, 0
	for i := range n {
		doc, what := docs[i%len(docs)].Mutate(r, docs)
		quick, valid := sound(t, s, p, doc, what)
		if quick {
			quicks++
		}
		if valid {
			valids++
		}
	}
	t.Logf("%d documents valid, %d of them slow; %d mutations, %d valid, %d accepted the quick way", all, slow, n, valids, quicks)
	if quicks*5 < valids*4 {
		t.Errorf("only %d of %d valid mutations are accepted the quick way", quicks, valids)
	}
}

// FuzzQuickWay looks for a document that the quick way accepts and the library does not, and for one that makes
// the explanation fail. Run it with -fuzzminimizetime=0x: the library is slow under the fuzzer, and making one
// interesting document smaller takes it the usual minute, in which the count of executions stands still.
func FuzzQuickWay(f *testing.F) {
	for _, raw := range ownTexts(f) {
		if len(raw) < 8<<10 {
			f.Add(raw)
		}
	}
	s := newFormat(f).schema
	f.Fuzz(func(t *testing.T, doc []byte) {
		if len(doc) > 8<<10 {
			return
		}
		p := &xmltree.Parser{MaxDepth: schema.MaxDepth}
		if sound(t, s, p, doc, "fuzz"); t.Failed() {
			return
		}
		if root, err := p.Parse(string(doc)); err == nil {
			for _, problem := range s.Check(root, doc, p.Strict()) {
				if problem.Code == "" || problem.Text == "" {
					t.Errorf("a problem without code or text: %+v", problem)
				}
			}
		}
	})
}
