package kith

import (
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/mapping"
)

// Lint are the checks before sending: what profiles and acceptance tests ask for beyond the schema. It
// reads the XML itself, because that is what leaves the house. Findings stand in the order of the rules.
//
// Source: standards/no README sections 1.1, 2, 3.2-3.4, 7 and 10.
func (f *Format) Lint(raw []byte) []mapping.Finding {
	tree := f.tree()
	defer f.done(tree)
	src, err := readSource(tree, raw, f.opt.MaxBytes)
	if err != nil {
		return nil
	}
	l := &linter{f: f, src: src, root: src.root, size: len(raw), kind: kindOfXML(src.root)}
	switch src.root.Tag {
	case "MsgHead":
		l.msgHead()
	case "Message":
		l.hcpMessage()
	case "AppRec":
		l.appRec()
	}
	l.lines()
	return l.found
}

// maxFindings bounds what Lint tells of one message; a message with more is told of in the first ones. Errors
// among the rest would not change that it must not be sent.
const maxFindings = 100

// linter collects findings on one message. The tree is the parser's: no finding may keep a part of it
// that is not a copy.
type linter struct {
	f     *Format
	src   *source
	root  *etree.Element
	kind  string
	size  int
	found []mapping.Finding
	// at are the elements of the findings, for their lines.
	at []*etree.Element
}

// kindOfXML is the message type as written in any of the three shapes.
func kindOfXML(root *etree.Element) string {
	for _, e := range []*etree.Element{childNamed(childNamed(root, "MsgInfo"), "Type"), childNamed(root, "Type"), childNamed(root, "MsgType")} {
		if e != nil {
			return strings.Clone(strings.TrimSpace(e.SelectAttrValue("V", "")))
		}
	}
	return ""
}

// find notes a finding at an element. below names what is missing inside it, "" when the element itself is wrong.
func (l *linter) find(code string, e *etree.Element, below string) {
	r := lintRule(code)
	if len(l.found) >= maxFindings && (r.severity != lintError || l.found[maxFindings-1].Severity == lintError) {
		return
	}
	path := placeOf(e)
	if below != "" {
		path += "/" + below
	}
	for _, x := range l.found {
		if x.Code == code && x.Path == path {
			return
		}
	}
	if len(l.found) >= maxFindings { // an error is worth more than the last warning
		l.found, l.at = l.found[:maxFindings-1], l.at[:maxFindings-1]
	}
	l.found = append(l.found, mapping.Finding{Code: code, Severity: r.severity, Path: path, Text: r.en, TextNO: r.no})
	l.at = append(l.at, e)
}

// placeOf is the path of an element, with its position where siblings share its name.
func placeOf(e *etree.Element) string {
	if e == nil {
		return ""
	}
	up := e.Parent()
	if up == nil || up.Tag == "" {
		return "/" + e.Tag
	}
	same, mine := 0, 0
	for _, k := range up.ChildElements() {
		if k.Tag == e.Tag {
			same++
			if k == e {
				mine = same
			}
		}
	}
	path := placeOf(up) + "/" + e.Tag
	if same > 1 {
		path += "[" + strconv.Itoa(mine) + "]"
	}
	return path
}

// lines fills in where the elements of the findings stand. The tree does not know lines, so the start tags
// of the text are counted along with it; only a message with findings pays for that.
func (l *linter) lines() {
	if len(l.found) == 0 {
		return
	}
	nth := map[*etree.Element]int{}
	n := 0
	number(l.root, nth, &n)
	starts := startLines(l.src.utf8)
	for i, e := range l.at {
		if k, ok := nth[e]; ok && k < len(starts) {
			l.found[i].Line = starts[k]
		}
	}
}

// number gives every element its place in the order of the text.
func number(e *etree.Element, nth map[*etree.Element]int, n *int) {
	nth[e] = *n
	*n++
	for _, k := range e.ChildElements() {
		number(k, nth, n)
	}
}

// startLines lists the lines of all start tags of a well-formed text.
func startLines(text []byte) []int {
	var out []int
	s, line := string(text), 1
	skip := func(end string) {
		i := strings.Index(s, end)
		if i < 0 {
			i = len(s) - len(end)
		}
		line += strings.Count(s[:i+len(end)], "\n")
		s = s[i+len(end):]
	}
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return out
		}
		line += strings.Count(s[:i], "\n")
		s = s[i:]
		switch {
		case strings.HasPrefix(s, "<!--"):
			skip("-->")
		case strings.HasPrefix(s, "<![CDATA["):
			skip("]]>")
		case strings.HasPrefix(s, "<?"):
			skip("?>")
		default:
			if !strings.HasPrefix(s, "</") {
				out = append(out, line)
			}
			s = s[1:]
		}
	}
	return out
}
