package schema_test

import (
	"os"
	"path/filepath"
	"testing"
	stdutf8 "unicode/utf8"

	"github.com/samvirke/samvirke/mapping/kith/schema"
	"github.com/samvirke/samvirke/mapping/kith/xmltree"
)

// fuzzBytes is the largest document that FuzzAccept looks at: a larger one says no more, and costs the library
// tens of milliseconds.
const fuzzBytes = 4 << 10

// FuzzAccept looks for a document that the quick way accepts and the library does not. Run it with
// -fuzzminimizetime=0x: making one interesting input smaller takes the library a minute, in which the count of
// executions stands still.
func FuzzAccept(f *testing.F) {
	files, err := filepath.Glob("../testdata/*/*/source.xml")
	if err != nil {
		f.Fatal(err)
	}
	seeds := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(raw) <= fuzzBytes {
			seeds++
			f.Add(raw)
		}
	}
	if f.Add([]byte(receipt)); seeds < 10 {
		f.Fatalf("%d messages", seeds)
	}
	s := newSet(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		if len(doc) > fuzzBytes || !stdutf8.Valid(doc) {
			return
		}
		p := &xmltree.Parser{MaxDepth: schema.MaxDepth}
		root, err := p.Parse(string(doc))
		if err != nil || !p.Strict() || !s.Accepts(root, doc) {
			return // the library is asked only where the quick way says yes
		}
		if problems := s.Validate(doc); len(problems) > 0 {
			t.Errorf("accepted, but the library says %v", problems)
		}
	})
}
