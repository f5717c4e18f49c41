package mappingtest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/html/charset"
)

// nsXSI is the schema instance namespace; its schemaLocation hints carry no content.
const nsXSI = "http://www.w3.org/2001/XMLSchema-instance"

// Leaf is one value of an XML document: the text of an element or the value of an attribute.
type Leaf struct {
	// Path names the place: {namespace}Name[i] per level, i counted from 1 among siblings of the
	// same name; the namespace is written only where it differs from the parent's. An attribute ends in
	// "/@name", a text between child elements in "/text()[n]".
	Path  string
	Value string
}

// String gives "path = value", for failure messages.
func (l Leaf) String() string { return fmt.Sprintf("%s = %q", l.Path, l.Value) }

// Leaves lists every value of an XML document in document order. Comments, processing
// instructions, xmlns declarations, xsi:schemaLocation, prefixes and white space around a text do
// not count; an element with neither text nor attribute has no value.
func Leaves(doc []byte) ([]Leaf, error) {
	dec := xml.NewDecoder(bytes.NewReader(doc))
	dec.CharsetReader = charset.NewReaderLabel
	w := walker{}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read leaves: %w", err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			w.start(t)
		case xml.EndElement:
			w.end()
		case xml.CharData:
			if n := len(w.stack); n > 0 {
				w.stack[n-1].text.Write(t)
			}
		}
	}
	return w.leaves, nil
}

type walker struct {
	stack  []*level
	leaves []Leaf
}

type level struct {
	path  string
	space string
	count map[xml.Name]int
	text  strings.Builder
	// texts are the non-blank pieces of text met so far; a piece ends where a child begins.
	texts []string
	at    []int // index into leaves where each piece belongs
	kids  bool
}

func (w *walker) start(t xml.StartElement) {
	path, parent := "", ""
	if n := len(w.stack); n > 0 {
		p := w.stack[n-1]
		p.kids = true
		w.flush(p)
		p.count[t.Name]++
		parent = p.space
		path = fmt.Sprintf("%s/%s[%d]", p.path, qualified(t.Name, parent), p.count[t.Name])
	} else {
		path = "/" + qualified(t.Name, "") + "[1]"
	}
	w.stack = append(w.stack, &level{path: path, space: t.Name.Space, count: map[xml.Name]int{}})
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		if a.Name.Space == nsXSI && strings.HasSuffix(strings.ToLower(a.Name.Local), "schemalocation") {
			continue
		}
		w.leaves = append(w.leaves, Leaf{Path: path + "/@" + qualified(a.Name, ""), Value: strings.TrimSpace(a.Value)})
	}
}

// flush ends the running piece of text of l.
func (w *walker) flush(l *level) {
	s := strings.TrimSpace(l.text.String())
	l.text.Reset()
	if s == "" {
		return
	}
	l.texts = append(l.texts, s)
	l.at = append(l.at, len(w.leaves))
	w.leaves = append(w.leaves, Leaf{Path: fmt.Sprintf("%s/text()[%d]", l.path, len(l.texts)), Value: s})
}

func (w *walker) end() {
	n := len(w.stack) - 1
	l := w.stack[n]
	w.flush(l)
	w.stack = w.stack[:n]
	if !l.kids && len(l.texts) == 1 {
		w.leaves[l.at[0]].Path = l.path
	}
}

func qualified(n xml.Name, parent string) string {
	if n.Space == parent {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}
