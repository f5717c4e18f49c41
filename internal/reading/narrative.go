package reading

import (
	"html"
	"html/template"
	"regexp"
	"strings"

	xhtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// MaxNarrative is the longest narrative that is taken apart; a longer one is shown as text. Unit: bytes.
const MaxNarrative = 1 << 20

// kept are the elements of a narrative that are written again, without any attribute but the two of
// table cells. Everything else is left out and its text kept; see dropped.
func kept(a atom.Atom) string {
	switch a {
	case atom.P, atom.Ul, atom.Ol, atom.Li, atom.Dl, atom.Dt, atom.Dd, atom.Table, atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Td,
		atom.Th, atom.B, atom.Strong, atom.I, atom.Em, atom.U, atom.Sub, atom.Sup, atom.Pre, atom.Blockquote, atom.Caption:
		return a.String()
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return "h"
	case atom.Div, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address:
		return "div"
	}
	return ""
}

// dropped are the elements whose content is not for people.
func dropped(a atom.Atom, name string) bool {
	switch a {
	case atom.Script, atom.Style, atom.Iframe, atom.Object, atom.Embed, atom.Template, atom.Noscript, atom.Svg, atom.Math, atom.Head, atom.Title,
		atom.Frameset, atom.Noframes, atom.Noembed, atom.Plaintext, atom.Xmp:
		return true
	}
	return name == "script" || name == "style"
}

// narrative writes the div of a Narrative again with harmless elements only. Its text is all there.
func narrative(div string) template.HTML {
	if strings.TrimSpace(div) == "" {
		return ""
	}
	if len(div) > MaxNarrative {
		return paragraphs(div)
	}
	root := &xhtml.Node{Type: xhtml.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, err := xhtml.ParseFragment(strings.NewReader(selfClosed(div)), root)
	if err != nil {
		return paragraphs(div)
	}
	var w narrator
	for _, n := range nodes {
		w.node(n, 0)
	}
	out := strings.TrimSpace(blockEdge.ReplaceAllString(w.b.String(), "$1"))
	for strings.HasPrefix(out, "<div>") && strings.HasSuffix(out, "</div>") && strings.Count(out, "<div>") == 1 {
		out = strings.TrimSpace(out[len("<div>") : len(out)-len("</div>")])
	}
	return template.HTML(out) //nolint:gosec // built from escaped text and the elements above
}

// blockEdge is white space around a block: the indentation of the source.
var blockEdge = regexp.MustCompile(`\s*(</?(?:p|div|ul|ol|li|table|thead|tbody|tfoot|tr|td|th|dl|dt|dd|br|hr|blockquote|caption)\b[^<>]*>)\s*`)

// selfClosed opens up empty elements of XML that HTML would read as never closed: "<p/>" becomes "<p></p>".
func selfClosed(s string) string {
	if !strings.Contains(s, "/>") {
		return s
	}
	var b strings.Builder
	for {
		end := strings.Index(s, "/>")
		if end < 0 {
			break
		}
		begin := strings.LastIndexByte(s[:end], '<')
		name := ""
		if begin >= 0 {
			name = strings.TrimSpace(s[begin+1 : end])
			if i := strings.IndexAny(name, " \t\r\n/"); i >= 0 {
				name = name[:i]
			}
		}
		if name == "" || strings.ContainsAny(name, "<>&\"'=") || voidElement(name) {
			b.WriteString(s[:end+2])
		} else {
			b.WriteString(s[:end] + "></" + name + ">")
		}
		s = s[end+2:]
	}
	b.WriteString(s)
	return b.String()
}

func voidElement(name string) bool {
	switch strings.ToLower(name) {
	case "br", "hr", "img", "input", "col", "area", "base", "link", "meta", "wbr", "source", "track", "embed", "param":
		return true
	}
	return false
}

type narrator struct{ b strings.Builder }

func (w *narrator) node(n *xhtml.Node, depth int) {
	if depth > 200 {
		w.b.WriteString(html.EscapeString(deepText(n)))
		return
	}
	switch n.Type {
	case xhtml.TextNode:
		w.b.WriteString(html.EscapeString(tidy(n.Data, n.Parent)))
	case xhtml.ElementNode:
		w.element(n, depth)
	default: // comments and the like are not for people
	}
}

func (w *narrator) element(n *xhtml.Node, depth int) {
	if dropped(n.DataAtom, n.Data) {
		w.b.WriteString(`<span class="r-soft">[fjernet: innhold som ikke er tekst]</span>`)
		return
	}
	switch n.DataAtom {
	case atom.Br:
		w.b.WriteString("<br>")
		return
	case atom.Hr:
		w.b.WriteString("<hr>")
		return
	case atom.Img:
		if alt := attr(n, "alt"); alt != "" {
			w.b.WriteString(`<span class="r-soft">[bilde: ` + html.EscapeString(alt) + `]</span>`)
		} else {
			w.b.WriteString(`<span class="r-soft">[bilde]</span>`)
		}
		return
	}
	name := kept(n.DataAtom)
	open, closing := "", ""
	switch name {
	case "":
	case "h": // a heading of its own level would tear the page's outline
		open, closing = `<p class="r-nh">`, "</p>"
	case "table":
		open, closing = `<div class="r-scroll"><table>`, "</table></div>"
		if !hasCaption(n) {
			open += `<caption class="r-vh">Tabell i teksten</caption>`
		}
	case "td", "th":
		open, closing = "<"+name+span(n, "colspan")+span(n, "rowspan")+">", "</"+name+">"
	default:
		open, closing = "<"+name+">", "</"+name+">"
	}
	w.b.WriteString(open)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c, depth+1)
	}
	w.b.WriteString(closing)
	if n.DataAtom == atom.A { // never a link into the unknown; the address can be read
		if href := strings.TrimSpace(attr(n, "href")); strings.HasPrefix(href, "https://") || strings.HasPrefix(href, "http://") {
			if !strings.Contains(deepText(n), href) {
				w.b.WriteString(` <span class="r-soft">(` + html.EscapeString(href) + `)</span>`)
			}
		}
	}
}

func hasCaption(n *xhtml.Node) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Caption {
			return true
		}
	}
	return false
}

// span keeps a small number of cells.
func span(n *xhtml.Node, key string) string {
	v := attr(n, key)
	if len(v) == 0 || len(v) > 2 || strings.Trim(v, "0123456789") != "" {
		return ""
	}
	return " " + key + `="` + v + `"`
}

func attr(n *xhtml.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// tidy drops the indentation of the source: white space between blocks, tabs and spaces at line ends.
func tidy(s string, parent *xhtml.Node) string {
	if parent != nil && parent.DataAtom == atom.Pre {
		return s
	}
	if strings.TrimSpace(s) == "" {
		if strings.ContainsAny(s, "\n") {
			return "\n"
		}
		return " "
	}
	lines := strings.Split(strings.ReplaceAll(s, "\r", ""), "\n")
	for i, l := range lines {
		f := strings.Join(strings.Fields(l), " ")
		if i == 0 && strings.HasPrefix(l, " ") && f != "" {
			f = " " + f
		}
		if i == len(lines)-1 && strings.HasSuffix(l, " ") && f != "" {
			f += " "
		}
		lines[i] = f
	}
	return strings.Join(lines, "\n")
}

func deepText(n *xhtml.Node) string {
	var b strings.Builder
	stack := []*xhtml.Node{n}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at.Type == xhtml.TextNode {
			b.WriteString(at.Data)
		}
		for c := at.LastChild; c != nil; c = c.PrevSibling {
			stack = append(stack, c)
		}
	}
	return b.String()
}

// paragraphs shows plain text: an empty line starts a paragraph, other line breaks stay.
func paragraphs(s string) template.HTML {
	var b strings.Builder
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	for _, p := range strings.Split(s, "\n\n") {
		if p = strings.TrimSpace(tidy(p, nil)); p != "" {
			b.WriteString("<p>" + html.EscapeString(p) + "</p>")
		}
	}
	return template.HTML(b.String()) //nolint:gosec // escaped text in paragraphs
}
