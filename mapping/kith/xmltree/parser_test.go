package xmltree_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/mapping/kith/xmltree"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// Every tree and every refusal is held against encoding/xml under etree by TestReadingMutations of
// package kith. Here stands what that cannot see.

func TestKinds(t *testing.T) {
	p := xmltree.Parser{MaxDepth: 3, MaxAttributes: 4, MaxSpaces: 3, MaxSpace: 5}
	for _, c := range []struct {
		name, text string
		kind       xmltree.Kind
		line       int
	}{
		{"good", "<a><b><c/></b></a>", 0, 0},
		{"empty", "", xmltree.NoRoot, 0},
		{"a comment alone", "<!-- a -->", xmltree.NoRoot, 0},
		{"four levels", "<a><b><c><d/></c></b></a>", xmltree.TooDeep, 0},
		{"two roots", "<a/>\n<b/>", xmltree.TwoRoots, 0},
		{"text outside", "<a/>\nb", xmltree.TextOutside, 0},
		{"a declaration outside", "<a/><!B>", xmltree.Directive, 0},
		{"prefix of an element", "<a><x:b/></a>", xmltree.ElementPrefix, 0},
		{"prefix of an attribute", "<a><b x:c=''/></a>", xmltree.AttributePrefix, 0},
		{"a prefix out of its scope", "<a><b xmlns:x='u'/><x:c/></a>", xmltree.ElementPrefix, 0},
		{"attribute twice", "<a b='' b=''/>", xmltree.AttributeTwice, 0},
		{"attribute twice under two prefixes", "<a xmlns:x='u' xmlns:y='u' x:b='' y:b=''/>", xmltree.AttributeTwice, 0},
		{"as many attributes as may be", "<a b='' c='' d='' e=''/>", 0, 0},
		{"too many attributes", "<a b='' c='' d='' e='' f=''/>", xmltree.TooManyAttributes, 0},
		{"as many namespaces as may be", "<a xmlns:x='u' xmlns='v'><b xmlns:y='12345'/><b xmlns:y='12345'/></a>", 0, 0},
		{"too many namespaces", "<a xmlns:x='u' xmlns='v'><b xmlns:x='u' xmlns=''/></a>", xmltree.TooManySpaces, 0},
		{"too long a namespace", "<a><b xmlns='123456'/></a>", xmltree.TooManySpaces, 0},
		{"an end that does not match", "<a>\n</b>\n\n", xmltree.Syntax, 2},
		{"broken syntax goes before an end that does not match", "<a>\n</b>\n<", xmltree.Syntax, 3},
		{"cut off", "<a>\n\n", xmltree.Syntax, 3},
		{"names go last", "<x:a/><b/>", xmltree.TwoRoots, 0},
	} {
		root, err := p.Parse(c.text)
		var e *xmltree.Error
		switch {
		case c.kind == 0 && (err != nil || root == nil):
			t.Errorf("%s: %v", c.name, err)
		case c.kind != 0 && (!errors.As(err, &e) || e.Kind != c.kind || e.Line != c.line || root != nil):
			t.Errorf("%s: %#v, want kind %d, line %d", c.name, err, c.kind, c.line)
		case c.kind != 0 && strings.Contains(e.Error(), "unknown"):
			t.Errorf("%s: no text", c.name)
		}
	}
}

// TestMemoryIsUsedAgain: a text read in memory used before is read as in fresh memory, at the cost of
// the odd token that is not in an arena; and the strings of the text before stay as they are.
func TestMemoryIsUsedAgain(t *testing.T) {
	p := xmltree.Parser{MaxDepth: 10}
	big := "<a>" + strings.Repeat("<b c='d' e='&lt;'>f<g/></b>\n", 3000) + "</a>"
	small := "<a b='c'><d>e</d><f/>g</a>"
	root, err := p.Parse("<x y='first'>second</x>")
	if err != nil {
		t.Fatal(err)
	}
	first, second := root.Attr[0].Value, root.Text()
	for _, text := range []string{big, small, "<a", big, small, small} {
		root, err := p.Parse(text)
		if text == "<a" {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		want := etree.NewDocument()
		if err := want.ReadFromString(text); err != nil {
			t.Fatal(err)
		}
		doc := etree.NewDocument()
		doc.SetRoot(root.Copy())
		got, _ := doc.WriteToString()
		if w, _ := want.WriteToString(); got != w {
			t.Errorf("%.40s... reads as %.200s", text, got)
		}
	}
	if first != "first" || second != "second" {
		t.Errorf("strings given away became %q, %q", first, second)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := p.Parse(small); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations for a text in memory used before", n)
	}
}

// TestSiblingsKeepTheirChildren: adding to one element of a tree leaves its neighbours alone, though
// their children lie side by side.
func TestSiblingsKeepTheirChildren(t *testing.T) {
	p := xmltree.Parser{MaxDepth: 10}
	root, err := p.Parse("<a><b c='1'><d/></b><e f='2'><g/></e></a>")
	if err != nil {
		t.Fatal(err)
	}
	b := root.SelectElement("b")
	b.CreateElement("new")
	b.CreateAttr("new", "3")
	e := root.SelectElement("e")
	if len(e.Child) != 1 || e.SelectElement("g") == nil || len(e.Attr) != 1 || e.SelectAttrValue("f", "") != "2" {
		t.Errorf("the neighbour became %+v", e)
	}
}

// TestLargeTextIsNotKept: a short value of a large text is a copy, of a small one a part.
func TestLargeTextIsNotKept(t *testing.T) {
	for _, c := range []struct {
		filling int
		part    bool
	}{{100, true}, {200 << 10, false}} {
		p := xmltree.Parser{MaxDepth: 10}
		text := fmt.Sprintf("<a b='value'>%s<c>text</c><![CDATA[section]]></a>", strings.Repeat("x", c.filling))
		root, err := p.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		start := uintptr(unsafe.Pointer(unsafe.StringData(text)))
		for _, s := range []string{root.Attr[0].Value, root.SelectElement("c").Text(), root.Child[2].(*etree.CharData).Data} {
			at := uintptr(unsafe.Pointer(unsafe.StringData(s)))
			if part := at >= start && at < start+uintptr(len(text)); part != c.part {
				t.Errorf("%d bytes: %q is part of the text: %v", len(text), s, part)
			}
		}
	}
}

// TestManyNamesCostNoSquare reads what took the old way minutes: 100,000 prefixes, and as many names
// that use one or attributes beside each other. A square would run into the time limit of the tests.
func TestManyNamesCostNoSquare(t *testing.T) {
	const n = 100_000
	var text strings.Builder
	text.WriteString("<a")
	for i := range n {
		fmt.Fprintf(&text, " xmlns:p%d='u'", i)
	}
	for i := range n {
		fmt.Fprintf(&text, " x%d=''", i)
	}
	text.WriteString(">")
	for range n {
		text.WriteString("<p0:b/>")
	}
	text.WriteString("</a>")
	p := xmltree.Parser{MaxDepth: 10}
	start := mappingtest.CPU()
	if _, err := p.Parse(text.String()); err != nil {
		t.Fatal(err)
	}
	if took := mappingtest.CPU() - start; took > time.Minute {
		t.Errorf("took %s", took)
	}
}
