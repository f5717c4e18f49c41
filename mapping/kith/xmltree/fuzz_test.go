package xmltree

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// FuzzParse: any text gives one root with bounded depth or an error with a line of the text, the second time in
// memory used before too; what is read from what was written is the same tree.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../testdata/*/*/source.xml")
	if err != nil || len(files) == 0 {
		f.Fatal("no messages", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	for _, s := range []string{"", "<a", "<a b='&#x41;&lt;'/>", "<a><![CDATA[]]]]><b/></a>", "<p:a xmlns:p='u'><p:b/></p:a>", "<a/><!-- c --><?p i?>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || len(text) > 1<<16 {
			return
		}
		const depth = 32
		p := Parser{MaxDepth: depth}
		var trees [2]string
		for i := range trees {
			root, err := p.Parse(text)
			if err != nil {
				if e := (*Error)(nil); !errors.As(err, &e) || e.Line < 0 || e.Line > strings.Count(text, "\n")+1 {
					t.Fatalf("%#v", err)
				}
				trees[i] = err.Error()
				continue
			}
			if d := deepest(root); d > depth {
				t.Fatalf("%d levels", d)
			}
			trees[i] = outline(root)
		}
		if trees[0] != trees[1] {
			t.Errorf("the second time gives %q, the first %q", trees[1], trees[0])
		}
	})
}

func deepest(e *etree.Element) int {
	most := 0
	for _, k := range e.ChildElements() {
		most = max(most, deepest(k))
	}
	return 1 + most
}

func outline(e *etree.Element) string {
	var b strings.Builder
	b.WriteString("<" + e.Space + ":" + e.Tag)
	for _, a := range e.Attr {
		b.WriteString(" " + a.Space + ":" + a.Key + "=" + a.Value)
	}
	b.WriteString(">")
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.Element:
			b.WriteString(outline(t))
		case *etree.CharData:
			b.WriteString(t.Data)
		}
	}
	return b.String() + "</>"
}
