package kith

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping/kith/xmltree"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// sameReading demands that a text is read as encoding/xml under etree reads it: the same tree, or the
// same fault with the same line.
func sameReading(p *xmltree.Parser, raw []byte) error {
	const max = 4 << 20
	want, wantErr := oldReadSource(raw, max)
	got, gotErr := readSource(p, raw, max)
	if beyondOld(raw, gotErr) {
		return nil
	}
	if (wantErr == nil) != (gotErr == nil) {
		return fmt.Errorf("got %v, want %v", gotErr, wantErr)
	}
	if wantErr != nil {
		g, w := samvirke.FaultOf(gotErr), samvirke.FaultOf(wantErr)
		if g.Code != w.Code || g.Safe != w.Safe || g.Line != w.Line || g.Class != w.Class || g.Receipt != w.Receipt {
			return fmt.Errorf("fault %+v, want %+v", g, w)
		}
		return nil
	}
	if got.doubtful != want.doubtful || !bytes.Equal(got.utf8, want.utf8) {
		return fmt.Errorf("another text or doubt")
	}
	return sameElement(got.root, want.root)
}

// beyondOld tells whether a text is refused by a bound that the old way did not have. Each takes a longer text than it allows.
func beyondOld(raw []byte, err error) bool {
	f := samvirke.FaultOf(err)
	return f != nil && f.Code == "too-many-namespaces" && (bytes.Count(raw, []byte("xmlns")) > maxNamespaces || len(raw) > maxNamespace) ||
		f != nil && f.Code == "too-many-attributes" && bytes.Count(raw, []byte("=")) > maxOnElement
}

func sameElement(got, want *etree.Element) error {
	if got.Space != want.Space || got.Tag != want.Tag || len(got.Attr) != len(want.Attr) || len(got.Child) != len(want.Child) {
		return fmt.Errorf("element %s:%s (%d, %d), want %s:%s (%d, %d)", got.Space, got.Tag, len(got.Attr), len(got.Child),
			want.Space, want.Tag, len(want.Attr), len(want.Child))
	}
	if got.Index() != want.Index() {
		return fmt.Errorf("%s is child %d, want %d", got.Tag, got.Index(), want.Index())
	}
	for i, a := range got.Attr {
		if w := want.Attr[i]; a.Space != w.Space || a.Key != w.Key || a.Value != w.Value {
			return fmt.Errorf("attribute %+v, want %+v", a, w)
		}
	}
	for i, t := range got.Child {
		if t.Parent() != got || t.Index() != i {
			return fmt.Errorf("a child of %s is at %d, not %d, or not its child", got.Tag, t.Index(), i)
		}
		if err := sameToken(t, want.Child[i]); err != nil {
			return err
		}
	}
	return nil
}

func sameToken(got, want etree.Token) error {
	same := false
	switch w := want.(type) {
	case *etree.Element:
		if g, ok := got.(*etree.Element); ok {
			return sameElement(g, w)
		}
	case *etree.CharData:
		g, ok := got.(*etree.CharData)
		// A CDATA section with white space alone counts as text with white space when it stands for itself.
		same = ok && g.Data == w.Data && g.IsCData() == w.IsCData() && g.IsWhitespace() == w.IsWhitespace()
	case *etree.Comment:
		g, ok := got.(*etree.Comment)
		same = ok && g.Data == w.Data
	case *etree.ProcInst:
		g, ok := got.(*etree.ProcInst)
		same = ok && g.Target == w.Target && g.Inst == w.Inst
	case *etree.Directive: // a comment inside is left out of the old one; nobody reads what it says
		_, same = got.(*etree.Directive)
	}
	if !same {
		return fmt.Errorf("%#v, want %#v", got, want)
	}
	return nil
}

// xmlOddities are texts at the edges of what XML allows.
var xmlOddities = []string{
	"<a/>", "<a></a>", "<a ></a >", "<a></ a>", "<a/ >", "< a/>", "<a", "<a/", "<", "</", "</a>", "<a></a", "<a></b>", "<a>\n</b>\n<", "<a></a>\n</a>",
	"<a></b></a>\n<!-", "<a b='c' b='d'/>", "<a b = \"c\"\n\td='e'/>", "<a b/>", "<a b=c/>", "<a b='\n", "<a b='<'/>", "<a b='>' c=\"'\"/>", "<a b='c'd='e'/>", "<a b\n'c'/>", "<a b=\nc/>", "<a /\n>",
	"<:a/>", "<a:/>", "<a:b:c/>", "<::/>", "<:/>", "<:a:/>", "<a :b='1' b:='2'/>", "<-a/>", "<1a/>", "<a.b-c_1/>", "<é/>", "<a·/>", "<·a/>", "<a×/>", "<a\u00a0b/>", "<a é='1'/>", "<日本/>",
	"<x:a/>", "<x:a xmlns:x='u'/>", "<a x:b='1'/>", "<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>", "<a xmlns:x='' xmlns:y='' x:b='1' y:b='2'/>", "<a xml:lang='no'/>", "<xml:a/>", "<xmlns:a/>",
	"<a xmlns:x='u'><x:b/></a>", "<a><b xmlns:x='u'/><x:c/></a>", "<a xmlns='u' xmlns='v'/>", "<a xmlns:x='u' xmlns:x='v'/>", "<a xmlns:xmlns='u'/>", "<a xml:b='1' q:b='2' xmlns:q='http://www.w3.org/XML/1998/namespace'/>",
	"<a>&lt;&gt;&amp;&quot;&apos;</a>", "<a>&#65;&#x41;&#x1F600;&#00000000000000000000000000065;</a>", "<a>&#xD800;&#xFFFD;</a>", "<a>&#0;</a>", "<a>&#1;\n</a>", "<a>&#xFFFE;</a>", "<a>&#x110000;</a>", "<a>&#;</a>", "<a>&#x;</a>", "<a>&#X41;</a>",
	"<a>&#99999999999999999999999;</a>", "<a>&lt</a>", "<a>&</a>", "<a>&\n</a>", "<a>&#\n</a>", "<a>&unknown;</a>", "<a>&lt:;</a>", "<a>& lt;</a>", "<a>&;</a>", "<a>&é;</a>", "<a b='&lt;&#10;&#13;\r\n\r'/>", "<a b='&#0;'/>", "<a>&lt",
	"<a>]]></a>", "<a>]]&gt;</a>", "<a>]&#93;></a>", "<a>]]&amp;></a>", "<a>]]<!-- -->></a>", "<a>\r]]></a>", "<a b=']]>'/>", "<a>]]\r></a>", "<a>&amp;]]></a>", "]]>",
	"<a>\r\n<b/>\r\n</a>\r\n", "<a>\r</a>", "<a>x\r\ry\r\n\nz</a>", "<a>\r\n]]></a>", "<a>\r\n&#13;\n</a>", "<a>\x01</a>", "<a>\n\x01\n</a>", "<a b='\x01'/>", "<a b='\x01", "<a/>\x01", "<a>\uFFFE</a>", "<a>\uFFFF</a>", "<a>\uFFFD\uFEFF</a>", "<a>\x7f\u0085</a>", "<a>\x00</a>",
	"<a><![CDATA[x]]></a>", "<a><![CDATA[]]></a>", "<a><![CDATA[ ]]></a>", "<a><![CDATA[]]]]></a>", "<a><![CDATA[<b>&amp;\r\n\r]]>]]></a>", "<a><![CDATA[\x01]]></a>", "<a><![CDATA[", "<a><![CDAT\n", "<a><![", "<a><![cdata[x]]></a>", "<![CDATA[]]><a/>", "<![CDATA[x]]><a/>", "<![CDATA[\uFFFE]]><a/>",
	"<!----><a/>", "<!--a--><a/>", "<!--a--\n><a/>", "<!--a---><a/>", "<!--\x01--><a/>", "<!-->", "<!--->", "<!- a--><a/>", "<a><!--b</a>", "<a><!--\r\n--></a>", "<!-",
	"<?a?><a/>", "<?a b?c?><a/>", "<?a\r\n?><a/>", "<??><a/>", "<? a?><a/>", "<?a", "<?a??><a/>", "<?a>?><a/>", "<?a:b:c?><a/>", "<?é?><a/>", "<?xml version='1.0'?><a/>", "<?xml version='1.1'?><a/>", "<?xml version=\"1.0\" encoding='utf-8' standalone='no'?><a/>",
	"<a><?xml version='2.0'?></a>", "<a></b><?xml version='2.0'?>", "<a><?xml version=version='2.0'?></a>", "<a><?xml version=?></a>", "<a><?xml version='2?></a>", "<a><?xml encoding='latin1'?></a>", "<a><?xml encoding='latin1'?></b>", "<?xml version='1.0' encoding='UTF-8", "<?xml?><a/>",
	"<a/><!DOCTYPE a>", "<a><!DOCTYPE a></a>", "<a><!></a>", "<a><!>></a>", "<a><!a '>' \"<\" <b <!-- > ' --> > ></a>", "<a><!a <", "<a><!a <!-- -", "<a><!\"></a>", "<a><!a '", "<a><!", "<a><!a <!></a>", "<a><!a <!-></a>>", "<!DOCTYPE a><a/>", "<!-- --><!DOCTYPE a><a/>",
	"", " ", "x", "<a/>x", "<a/>\u00a0", "<a/> <b/>", "<a/><b", " <a/> ", "<!-- -->", "<a/>&#32;", "<a/>&#x20;x", "x<a/>", "<a/><![CDATA[ ]]>",
}

// TestReadingOddities holds the parser against the old way at the edges, each also inside a message.
func TestReadingOddities(t *testing.T) {
	var p xmltree.Parser
	deep := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	many := func(n int, more string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " x%d='%d'", i, i)
		}
		return "<a xmlns:p='u' xmlns:q='u'" + b.String() + more + "/>"
	}
	cases := append([]string{
		deep(maxDepth), deep(maxDepth + 1), strings.Repeat("<a>", maxDepth) + "<b/>" + strings.Repeat("</a>", maxDepth), deep(maxDepth-1) + "x",
		strings.Repeat("<a>", maxDepth) + "<b", strings.Repeat("<a>", maxDepth+5) + "<",
		many(30, ""), many(30, " x7='1'"), many(30, " p:b='1' q:b='2'"), many(30, " r:b='1'"), many(30, " xmlns:q='v'"), many(30, " x7='1' r:b=''"),
		"<a>" + strings.Repeat("long text ", 20000) + "&amp;<b c='d'>short</b><![CDATA[e]]></a>", "\xef\xbb\xbf<a/>", "\xff\xfe<\x00a\x00/\x00>\x00",
	}, xmlOddities...)
	for _, c := range cases {
		for _, text := range []string{c, "<r>\n" + c + "\n</r>", "<?xml version='1.0' encoding='ISO-8859-1'?>\n" + c} {
			if err := sameReading(&p, []byte(text)); err != nil {
				t.Errorf("%.200q: %v", text, err)
			}
		}
	}
}

// TestReadingNamespaces holds prefixes against the old way: hidden, seen again, out of scope, two for
// one namespace; few of them and more than are looked through one by one.
func TestReadingNamespaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(*mutateSeed, 13))
	var p xmltree.Parser
	good := 0
	for round := range 2000 {
		prefixes := 3 + rng.IntN(60)
		var b strings.Builder
		var write func(depth int, known []int)
		write = func(depth int, known []int) {
			name := "e"
			attrs := ""
			declared := map[int]bool{}
			for range rng.IntN(12) {
				if n := rng.IntN(prefixes); !declared[n] {
					declared[n] = true
					known = append(known, n)
					attrs += fmt.Sprintf(" xmlns:p%d='u%d'", n, rng.IntN(400))
				}
			}
			pick := func() int {
				if rng.IntN(400) == 0 {
					return rng.IntN(prefixes)
				}
				return known[rng.IntN(len(known))]
			}
			if len(known) > 0 {
				name = fmt.Sprintf("p%d:e", pick())
				attrs += fmt.Sprintf(" p%d:x='1'", pick())
				if rng.IntN(4) == 0 {
					attrs += fmt.Sprintf(" p%d:y='2' p%d:y='3'", pick(), pick())
				}
			}
			b.WriteString("<" + name + attrs + ">")
			for range rng.IntN(4) {
				if depth < 8 {
					write(depth+1, known[:len(known):len(known)])
				}
			}
			b.WriteString("</" + name + ">")
		}
		write(0, nil)
		raw := []byte(b.String())
		if err := sameReading(&p, raw); err != nil {
			t.Fatalf("seed %d, round %d: %v\n%s", *mutateSeed, round, err, raw)
		}
		if _, err := readSource(&p, raw, len(raw)); err == nil && len(raw) > 500 {
			good++
		}
	}
	if good < 50 {
		t.Errorf("only %d texts of some length were good", good)
	}
}

// ownMessages are the messages written here, read anew.
func ownMessages(t *testing.T) [][]byte {
	t.Helper()
	var all [][]byte
	for _, pattern := range []string{"testdata/*/source.xml", "testdata/*/*/source.xml"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			all = append(all, read(t, f))
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d messages of our own", len(all))
	}
	return all
}

// corpus are our own messages and, where they are at hand, the published ones.
func corpus(t *testing.T) [][]byte {
	t.Helper()
	all := ownMessages(t)
	t.Run("published", func(t *testing.T) { // skips by itself when they are not there
		for _, e := range mappingtest.Examples(t, func(mappingtest.Example) bool { return true }) {
			all = append(all, e.Raw(t))
		}
	})
	return all
}

// TestReadingMutations holds the parser against the old way over messages changed at random places.
// Again: go test ./mapping/kith -run TestReadingMutations -mutate-seed=N
func TestReadingMutations(t *testing.T) {
	all := corpus(t)
	var p xmltree.Parser
	for i, raw := range all {
		if err := sameReading(&p, raw); err != nil {
			t.Fatalf("message %d unchanged: %v", i, err)
		}
	}
	rounds, accepted := 24_000, 0
	if testing.Short() {
		rounds = 4_000
	}
	rng := rand.New(rand.NewPCG(*mutateSeed, 11))
	for i := range rounds {
		raw := garble(rng, window(rng, all[i%len(all)]))
		if err := sameReading(&p, raw); err != nil {
			t.Fatalf("seed %d, round %d: %v\n%q", *mutateSeed, i, err, raw)
		}
		if _, err := readSource(&p, raw, len(raw)); err == nil {
			accepted++
		}
	}
	if accepted < rounds/20 || accepted > rounds*19/20 {
		t.Errorf("%d of %d accepted: not the edge between good and bad", accepted, rounds)
	}
}

// window takes one element out of a large message, so that thousands of rounds do not take minutes.
func window(rng *rand.Rand, raw []byte) []byte {
	if len(raw) < 6000 {
		return raw
	}
	at := bytes.IndexByte(raw[rng.IntN(len(raw)-5000):], '<')
	if at < 0 {
		return raw[:5000]
	}
	return append(append([]byte("<w xmlns:x='u'>"), raw[at:min(len(raw), at+500+rng.IntN(4000))]...), "</w>"...)
}

// garble changes one to three places by what matters to a reader of XML.
func garble(rng *rand.Rand, raw []byte) []byte {
	out := append([]byte(nil), raw...)
	const single = "<>/!?&;\"'=:[]-# \n\r\tax0\x00\x01\x7f"
	for range 1 + rng.IntN(3) {
		if len(out) < 4 {
			break
		}
		at := rng.IntN(len(out))
		var piece []byte
		switch rng.IntN(6) {
		case 0:
			piece = []byte{single[rng.IntN(len(single))]}
		case 1:
			piece = []byte(xmlOddities[rng.IntN(len(xmlOddities))])
			if i := bytes.IndexByte(out[at:], '<'); i >= 0 {
				at += i
			}
		case 2: // another piece of the same message
			from := rng.IntN(len(out))
			piece = append(piece, out[from:min(len(out), from+rng.IntN(40))]...)
		case 3: // a name becomes another
			piece = []byte([]string{"x:", ":", "é", "xmlns:x='u'", " V='1'", "&#10;", "&lt;", "]]>", "\r\n", "-->", "?>", "<!--", "<![CDATA[", "\uFFFE", "\uFEFF", "\xff"}[rng.IntN(16)])
		case 4:
			out[at] = single[rng.IntN(len(single))]
			continue
		default:
			out = append(out[:at:at], out[min(len(out), at+1+rng.IntN(12)):]...)
			continue
		}
		out = append(out[:at:at], append(piece, out[at:]...)...)
	}
	return out
}

// FuzzReading holds the parser against the old way over anything.
func FuzzReading(f *testing.F) {
	for _, c := range xmlOddities {
		f.Add([]byte(c))
	}
	f.Add(read(f, "testdata/plo/log-innlagt-1.6/source.xml"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p xmltree.Parser
		for range 2 { // the second time in memory used before
			if err := sameReading(&p, raw); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestUTF16: a message in UTF-16 is read with and without a byte order mark, also where only the zeros
// tell; in UTF-32 it is refused.
func TestUTF16(t *testing.T) {
	f := newFormat(t)
	good := read(t, filepath.Join("..", "..", "testdata", "s1", lintIn))
	want, err := f.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, declared := range []string{"UTF-16", "UTF-16LE", "UTF-16BE", "UTF-8"} {
		text := string(edited(t, good, `encoding="UTF-8"`, `encoding="`+declared+`"`))
		for _, c := range []struct {
			name  string
			order binary.ByteOrder
			mark  string
		}{
			{"little", binary.LittleEndian, ""}, {"big", binary.BigEndian, ""},
			{"little, marked", binary.LittleEndian, "\ufeff"}, {"big, marked", binary.BigEndian, "\ufeff"},
		} {
			var raw []byte
			for _, u := range utf16.Encode([]rune(c.mark + text)) {
				raw = append(raw, 0, 0)
				c.order.PutUint16(raw[len(raw)-2:], u)
			}
			got, err := f.Parse(raw)
			if err != nil {
				t.Errorf("%s, %s: %v", declared, c.name, err)
				continue
			}
			if !bytes.Equal(got.Bundle.Bytes(), want.Bundle.Bytes()) || len(got.Notes) != len(want.Notes) {
				t.Errorf("%s, %s: another message", declared, c.name)
			}
			if s, ok := f.Sniff(raw); !ok || s.ExternalID != want.Envelope.ID {
				t.Errorf("%s, %s: the quick look finds %+v", declared, c.name, s)
			}
		}
	}
	var wide []byte
	for _, r := range string(good) {
		wide = binary.LittleEndian.AppendUint32(wide, uint32(r))
	}
	if _, err := f.Parse(wide); samvirke.FaultOf(err) == nil || samvirke.FaultOf(err).Receipt != "T01" {
		t.Errorf("UTF-32: %v", err)
	}
}
