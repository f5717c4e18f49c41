package kith

import (
	"math/rand/v2"
	"testing"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// TestWrittenTreeIsItsText: what is written is checked as a tree and not as the text it becomes, so nothing may
// pass that the text would not. Values of our own messages become such as need escapes, or that XML does not have.
func TestWrittenTreeIsItsText(t *testing.T) {
	t.Parallel()
	const seed = 61122
	rnd := rand.New(rand.NewPCG(seed, 2))
	values := []string{
		"&", "<a>", "]]>", "\"", "'", "\r\n", "\t x", "\x00", "\x1f\x7f", "\ufffe", "\uffff", "\u0085", "Æ\U0001F600", " ", "\n", "x  y",
		"&amp;", "&#1;", "<!--", "-->", "2026-02-30", "2026-01-02", "1", "true", "urn:oid:1.2", "1.2.3",
	}
	f := newFormat(t)
	written, refused := 0, 0
	for _, file := range cases(t, "source.xml") {
		p, err := f.Parse(read(t, file))
		if p == nil || p.Bundle == nil {
			t.Fatal(file, err)
		}
		for range 40 {
			b, err := fhir.BundleOf(p.Bundle.Root.Clone())
			if err != nil {
				t.Fatal(err)
			}
			for range 1 + rnd.IntN(3) {
				spoil(b.Root, rnd, values)
			}
			r, err := f.Render(b, mapping.Target{Version: p.Envelope.Version})
			if err != nil {
				refused++
				continue
			}
			written++
			if problems := f.problems(r.Body); len(problems) > 0 && len(f.problemsBut(r.Body, problems)) > 0 {
				t.Errorf("seed %d, %s: written, but the text says %v\n%s", seed, file, problems, r.Body)
			}
		}
	}
	t.Logf("%d written, %d refused", written, refused)
	if written < 200 {
		t.Errorf("%d written: that says little", written)
	}
}

// spoil gives one text below n, found by chance, another value.
func spoil(n *fhir.Node, rnd *rand.Rand, values []string) {
	for {
		var kids []*fhir.Node
		var keys []string
		for key, v := range n.Fields() {
			kids, keys = append(kids, v), append(keys, key)
		}
		kids = append(kids, n.Items()...)
		if len(kids) == 0 {
			return
		}
		i := rnd.IntN(len(kids))
		if k := kids[i]; k.IsObject() || k.IsArray() {
			n = k
			continue
		}
		if i < len(keys) && keys[i] != "resourceType" && keys[i] != "reference" && keys[i] != "fullUrl" {
			n.Set(keys[i], fhir.String(values[rnd.IntN(len(values))]))
		}
		return
	}
}

// TestDistinctAttributes: etree writes an attribute as often as the tree has it.
func TestDistinctAttributes(t *testing.T) {
	t.Parallel()
	e := etree.NewElement("a")
	k := e.CreateElement("b")
	k.Attr = []etree.Attr{{Key: "V"}, {Key: "DN"}, {Space: "m1", Key: "V"}}
	if !distinctAttributes(e) {
		t.Error("different attributes count as the same")
	}
	k.Attr = append(k.Attr, etree.Attr{Key: "DN"})
	if distinctAttributes(e) {
		t.Error("an attribute that stands twice is not seen")
	}
}
