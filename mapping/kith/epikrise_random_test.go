package kith

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

var (
	seed   = flag.Uint64("seed", 1, "seed of the random tests")
	rounds = flag.Int("rounds", 25, "messages of each random test")
)

// mutate changes one place of a message at random: takes an element or attribute away, repeats an
// element, or puts another value.
func mutate(r *rand.Rand, root *etree.Element) {
	var all []*etree.Element
	var list func(e *etree.Element)
	list = func(e *etree.Element) {
		for _, k := range e.ChildElements() {
			if k.NamespaceURI() != nsXHTML {
				all = append(all, k)
				list(k)
			}
		}
	}
	list(root)
	e := all[r.IntN(len(all))]
	switch n := r.IntN(10); {
	case n < 3:
		e.Parent().RemoveChild(e)
	case n < 5:
		e.Parent().InsertChildAt(e.Index()+1, e.Copy())
	case len(e.Attr) > 0 && n < 7:
		a := e.Attr[r.IntN(len(e.Attr))]
		if a.Key != "xmlns" {
			e.RemoveAttr(a.Key)
		}
	case len(e.Attr) > 0:
		if a := e.Attr[r.IntN(len(e.Attr))]; a.Key != "xmlns" {
			e.CreateAttr(a.Key, strange(r))
		}
	case len(e.ChildElements()) == 0:
		e.SetText(strange(r))
	}
}

// strange gives values that a type may or may not allow.
func strange(r *rand.Rand) string {
	all := []string{"", " ", "æ & <ø>", "Å, B", "A,B", "2026", "2026-02", "2026-02-03", "10:11:12", "2026-02-03T10:11:12+02:00",
		"2026-02-03T10:11:12.5", "2026-10-25T02:30:00", "2026-03-29T02:30:00", "1e3", "-0.50", "007", "INF", "tel:", "x y", "a  b", "line\nbreak", "]]>", "\u00a0"}
	return all[r.IntN(len(all))]
}

// Any message that follows the schema comes back: all its values, or a note for each that does not.
func TestHCPRandom(t *testing.T) {
	for _, file := range []string{"epikrise-full", "apprec-full", "epikrise/epikrise-1.0", "epikrise/epikrise-1.1-change",
		"henvisning/henvisning-1.0-child", "henvisning/henvisning-1.1"} {
		t.Run(file, func(t *testing.T) { randomMessages(t, testFile(t, file)) })
	}
}

func randomMessages(t *testing.T, raw []byte) {
	f, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	r4 := mappingtest.R4Schema(t)
	valid, exact := 0, 0
	for i := range *rounds {
		r := rand.New(rand.NewPCG(*seed*1_000_000+uint64(i), 7))
		in := raw
		for range 40 {
			doc := etree.NewDocument()
			if err := doc.ReadFromBytes(in); err != nil {
				t.Fatal(err)
			}
			mutate(r, doc.Root())
			doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}
			next, err := doc.WriteToBytes()
			if err != nil {
				t.Fatal(err)
			}
			if f.schema.Validate(next) == nil {
				in = next
			}
		}
		p, _ := f.Parse(in)
		if p == nil || p.Bundle == nil {
			continue // refused for its type
		}
		valid++
		fail := func(format string, args ...any) {
			t.Errorf("go test -run TestHCPRandom -seed=%d, round %d: "+format, append([]any{*seed, i}, args...)...)
		}
		for _, problem := range r4.Problems(p.Bundle.Bytes()) {
			fail("R4 schema: %s", problem)
		}
		out, err := f.Render(p.Bundle, mapping.Target{})
		if err != nil {
			fail("%v", err)
			continue
		}
		d := mappingtest.Compare(in, out.Body)
		if d.Same() {
			exact++
		} else if len(d.Missing)+len(d.Changed) > len(p.Notes)+len(out.Notes) || len(d.Extra) > 0 {
			fail("%s\nnotes %v %v", d, p.Notes, out.Notes)
		}
		if t.Failed() && valid > 20 {
			break
		}
	}
	t.Logf("%d of %d read, %d came back exactly", valid, *rounds, exact)
	if valid < *rounds/3 {
		t.Errorf("only %d of %d messages were readable: the test proves little", valid, *rounds)
	}
}
