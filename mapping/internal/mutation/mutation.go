package mutation

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Document is a well-formed text whose elements are known by their place.
type Document struct {
	text []byte
	els  []span
}

// span is where an element stands: "<" .. behind the start tag .. "</" .. behind the end tag. In an
// empty tag the last three are the same.
type span struct{ from, open, close, end int }

// New reads a document in UTF-8.
func New(text []byte) (*Document, error) {
	d := &Document{text: text}
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.CharsetReader = nil
	var open []int
	for {
		at := int(dec.InputOffset())
		tok, err := dec.Token()
		if tok == nil && len(open) == 0 && len(d.els) > 0 {
			return d, nil
		}
		if err != nil {
			return nil, fmt.Errorf("index document: %w", err)
		}
		switch tok.(type) {
		case xml.StartElement:
			open = append(open, len(d.els))
			d.els = append(d.els, span{from: at, open: int(dec.InputOffset())})
		case xml.EndElement:
			e := &d.els[open[len(open)-1]]
			open = open[:len(open)-1]
			e.close, e.end = at, int(dec.InputOffset())
		}
	}
}

// Text is the document as it was.
func (d *Document) Text() []byte { return d.text }

// Mutate makes one change, sometimes two, and says which. It never changes the document itself. Other
// documents lend their elements.
func (d *Document) Mutate(r *rand.Rand, others []*Document) (text []byte, what string) {
	for range 20 {
		i := r.IntN(len(kinds))
		out, ok := kinds[i].change(&change{Document: d, r: r, others: others})
		if !ok || bytes.Equal(out, d.text) {
			continue
		}
		if r.IntN(8) > 0 {
			return out, kinds[i].name
		}
		if next, err := New(out); err == nil { // else the first one broke the document
			j := r.IntN(len(kinds))
			if two, ok := kinds[j].change(&change{Document: next, r: r, others: others}); ok {
				return two, kinds[i].name + ", " + kinds[j].name
			}
		}
		return out, kinds[i].name
	}
	return append([]byte(" "), d.text...), "space before all"
}

type change struct {
	*Document
	r      *rand.Rand
	others []*Document
}

type kind struct {
	name   string
	change func(*change) ([]byte, bool)
}

var kinds = [...]kind{
	{"element dropped", (*change).drop},
	{"element doubled", (*change).double},
	{"element moved", (*change).move},
	{"element of another document", (*change).borrow},
	{"element swapped with the next", (*change).swap},
	{"element renamed", (*change).rename},
	{"element emptied", (*change).empty},
	{"attribute value", (*change).attrValue},
	{"attribute value", (*change).attrValue},
	{"attribute dropped", (*change).attrDrop},
	{"attribute added", (*change).attrAdd},
	{"text", (*change).content},
	{"text", (*change).content},
	{"namespace", (*change).namespace},
	{"no namespace", (*change).noNamespace},
	{"something put in", (*change).insert},
	{"something put in", (*change).insert},
	{"byte", (*change).oneByte},
}

// splice gives the text with from..to replaced.
func (c *change) splice(from, to int, with ...string) []byte {
	out := append([]byte(nil), c.text[:from]...)
	for _, s := range with {
		out = append(out, s...)
	}
	return append(out, c.text[to:]...)
}

func (c *change) any() span         { return c.els[c.r.IntN(len(c.els))] }
func (c *change) str(e span) string { return string(c.text[e.from:e.end]) }
func (c *change) pick(list []string) string {
	return list[c.r.IntN(len(list))]
}

// below gives an element that is not the root.
func (c *change) below() (span, bool) {
	if len(c.els) < 2 {
		return span{}, false
	}
	return c.els[1+c.r.IntN(len(c.els)-1)], true
}

func (c *change) drop() ([]byte, bool) {
	e, ok := c.below()
	return c.splice(e.from, e.end), ok
}

func (c *change) double() ([]byte, bool) {
	e, ok := c.below()
	return c.splice(e.end, e.end, c.str(e)), ok
}

func (c *change) move() ([]byte, bool) {
	e, ok := c.below()
	to := c.any()
	if !ok || to.from >= e.from && to.from <= e.end || to.from == c.els[0].from {
		return nil, false
	}
	if to.from < e.from {
		return append(c.splice(to.from, len(c.text), c.str(e)), append(bytes.Clone(c.text[to.from:e.from]), c.text[e.end:]...)...), true
	}
	return append(c.splice(e.from, len(c.text)), append([]byte(string(c.text[e.end:to.from])+c.str(e)), c.text[to.from:]...)...), true
}

func (c *change) borrow() ([]byte, bool) {
	to, ok := c.below()
	from := &change{Document: c.others[c.r.IntN(len(c.others))], r: c.r}
	e := from.any()
	return c.splice(to.from, to.from, from.str(e)), ok && e.end-e.from < 20_000
}

// swap changes places with the next element in the text that is not inside.
func (c *change) swap() ([]byte, bool) {
	e, ok := c.below()
	for _, n := range c.els {
		if ok && n.from >= e.end {
			if len(bytes.TrimSpace(c.text[e.end:n.from])) > 0 {
				return nil, false
			}
			return c.splice(e.from, n.end, c.str(n), string(c.text[e.end:n.from]), c.str(e)), true
		}
	}
	return nil, false
}

// nameOf is the name in a start tag, prefix included.
func (c *change) nameOf(e span) string {
	n := bytes.IndexAny(c.text[e.from+1:e.end], " \t\r\n/>")
	return string(c.text[e.from+1 : e.from+1+n])
}

func (c *change) rename() ([]byte, bool) {
	e := c.any()
	old, name := c.nameOf(e), c.pick(names)
	if c.r.IntN(2) == 0 {
		name = c.nameOf(c.any())
	}
	inner := c.splice(e.from+1, e.from+1+len(old), name)
	if e.close == e.end {
		return inner, true
	}
	at := e.close + len(name) - len(old) + 2
	return append(append(bytes.Clone(inner[:at]), name...), inner[at+len(old):]...), true
}

func (c *change) empty() ([]byte, bool) {
	e := c.any()
	return c.splice(e.open, e.close), e.close > e.open
}

// attrs gives the attributes of a start tag: name from, value from, value to.
func (c *change) attrs(e span) (out [][3]int) {
	i := e.from + 1 + len(c.nameOf(e))
	for i < e.open {
		eq := bytes.IndexByte(c.text[i:e.open], '=')
		if eq < 0 {
			return out
		}
		name := i + len(c.text[i:i+eq]) - len(bytes.TrimLeft(c.text[i:i+eq], " \t\r\n"))
		q := i + eq + 1 + bytes.IndexAny(c.text[i+eq+1:e.open], `"'`)
		n := bytes.IndexByte(c.text[q+1:e.open], c.text[q])
		if n < 0 {
			return out
		}
		out = append(out, [3]int{name, q + 1, q + 1 + n})
		i = q + 2 + n
	}
	return out
}

// attr finds an attribute; declarations only when asked.
func (c *change) attr(declared bool) (a [3]int, ok bool) {
	for range 50 {
		for _, a := range c.attrs(c.any()) {
			if bytes.HasPrefix(c.text[a[0]:], []byte("xmlns")) == declared && c.r.IntN(2) == 0 {
				return a, true
			}
		}
	}
	return a, false
}

func (c *change) attrValue() ([]byte, bool) {
	a, ok := c.attr(false)
	return c.splice(a[1], a[2], c.pick(values)), ok
}

func (c *change) attrDrop() ([]byte, bool) {
	a, ok := c.attr(c.r.IntN(10) == 0)
	return c.splice(a[0], a[2]+1), ok
}

func (c *change) attrAdd() ([]byte, bool) {
	e := c.any()
	at := e.from + 1 + len(c.nameOf(e))
	a := c.pick(attributes)
	if !strings.Contains(a, "=") {
		a = " " + a + `="` + c.pick(values) + `"`
	}
	return c.splice(at, at, a), true
}

func (c *change) content() ([]byte, bool) {
	for range 50 {
		e := c.any()
		if e.close > e.open && bytes.IndexByte(c.text[e.open:e.close], '<') < 0 {
			return c.splice(e.open, e.close, c.pick(values)), true
		}
	}
	return nil, false
}

func (c *change) namespace() ([]byte, bool) {
	a, ok := c.attr(true)
	return c.splice(a[1], a[2], c.pick(spaces)), ok
}

func (c *change) noNamespace() ([]byte, bool) {
	e := c.any()
	at := e.from + 1 + len(c.nameOf(e))
	return c.splice(at, at, ` xmlns=""`), true
}

// insert puts text before or behind a tag.
func (c *change) insert() ([]byte, bool) {
	e := c.any()
	at := [...]int{e.from, e.open, e.open, e.close, e.end}[c.r.IntN(5)]
	if e.close == e.end && at == e.close && c.r.IntN(2) == 0 { // open an empty tag
		if i := bytes.LastIndexByte(c.text[e.from:e.end], '/'); i > 0 {
			return c.splice(e.from+i, e.end, ">", c.pick(pieces), "</", c.nameOf(e), ">"), true
		}
	}
	return c.splice(at, at, c.pick(pieces)), true
}

func (c *change) oneByte() ([]byte, bool) {
	at := c.r.IntN(len(c.text))
	if c.r.IntN(2) == 0 {
		return c.splice(at, at+1), true
	}
	return c.splice(at, at+c.r.IntN(2), string(`<>&"'/=;:]-!? aA09`[c.r.IntN(18)])), true
}
