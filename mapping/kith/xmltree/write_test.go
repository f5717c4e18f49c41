package xmltree

import (
	"math/rand/v2"
	"testing"

	"github.com/beevik/etree"
)

// TestAppend holds what Append writes against etree, over trees with everything that a document can have and
// texts that need every escape, also bytes that are no UTF-8.
func TestAppend(t *testing.T) {
	t.Parallel()
	const seed = 20261122
	rnd := rand.New(rand.NewPCG(seed, 1))
	pieces := []string{
		"a", "Ærlig", "&", "<", ">", "\"", "'", "\t", "\n", "\r", "\r\n", "]]>", "\x00", "\x1f", "\x7f", "\u0085", "\ufffe", "\uffff", "\ufffd",
		"\uefff", "\xef", "\xff", "\xed\xa0\x80", "\U0001F600", "  ", "&amp;",
	}
	text := func() (s string) {
		for range rnd.IntN(5) {
			s += pieces[rnd.IntN(len(pieces))]
		}
		return s
	}
	var b Builder
	var grow func(e *etree.Element, depth int)
	grow = func(e *etree.Element, depth int) {
		for range rnd.IntN(4) {
			switch rnd.IntN(7) {
			case 0, 1:
				b.Text(e, text())
			case 2:
				e.CreateCData(text())
			case 3:
				e.CreateComment(text())
			case 4:
				e.CreateProcInst("p", text())
			default:
				k := b.Element(e, []string{"", "p"}[rnd.IntN(2)], "e", rnd.IntN(3))
				for range rnd.IntN(6) {
					k.Attr = append(k.Attr, etree.Attr{Space: []string{"", "xmlns"}[rnd.IntN(2)], Key: "k", Value: text()})
				}
				if depth > 0 {
					grow(k, depth-1)
				}
			}
		}
	}
	for i := range 3000 {
		doc := etree.NewDocument()
		doc.WriteSettings = settings
		doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
		grow(&doc.Element, 3)
		want, err := doc.WriteToBytes()
		if err != nil {
			t.Fatal(err)
		}
		if got := Append(nil, doc); string(got) != string(want) {
			t.Fatalf("seed %d, tree %d:\n%q\nwant\n%q", seed, i, got, want)
		}
		b.Reset()
	}
}
