package reading

import (
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
)

// reader builds a page and remembers which leaves it has shown, so that the rest can be shown by name.
type reader struct {
	bundle *fhir.Bundle
	codes  *codes.Register
	used   map[*fhir.Node]bool
	quiet  map[*fhir.Node]bool // resources at the top of the page: a reference to them tells nothing more
	shown  map[*fhir.Node]bool // resources that have a place of their own on the page
	page   *Page
	blocks int // for ids
	depth  int
}

// MaxDepth bounds how deep objects are followed; a message that is deeper is shown down to there.
const MaxDepth = 24

// take gives the text of a leaf and marks it as shown.
func (r *reader) take(n *fhir.Node) string {
	if n == nil {
		return ""
	}
	r.used[n] = true
	return n.Text()
}

// use marks all leaves below a node as shown.
func (r *reader) use(n *fhir.Node) {
	if n == nil {
		return
	}
	if !n.IsObject() && !n.IsArray() {
		r.used[n] = true
		return
	}
	for _, item := range n.Items() {
		r.use(item)
	}
	for _, v := range n.Fields() {
		r.use(v)
	}
}

// left tells whether a node has leaves that are neither shown nor technical.
func (r *reader) left(n *fhir.Node, path string) bool {
	if n == nil || n.IsNull() {
		return false
	}
	if n.IsArray() {
		for _, item := range n.Items() {
			if r.left(item, path) {
				return true
			}
		}
		return false
	}
	if n.IsObject() {
		for key, v := range n.Fields() {
			if r.left(v, step(path, key, n)) {
				return true
			}
		}
		return false
	}
	if r.used[n] || n.Text() == "" || isTechnical(path, n.Text()) {
		return false
	}
	if strings.HasSuffix(path, ".reference") {
		if e, ok := r.bundle.Resolve(n.Text()); ok && r.quiet[e.Resource] {
			return false // stands at the top of the page
		}
	}
	return true
}

// step is the path of a field. An extension stands in the path by its name, "ext(remark)".
func step(path, key string, owner *fhir.Node) string {
	if url := owner.Get("url"); url != nil && isExtension(owner) {
		if key == "url" {
			return path + ".url"
		}
		path += "(" + extName(url.Text()) + ")"
		if key == "extension" {
			return path + ".ext"
		}
		return path + "." + key
	}
	if key == "extension" || key == "modifierExtension" {
		return path + ".ext"
	}
	return path + "." + key
}

// isExtension tells whether an object is an extension: a url and a value or further extensions.
func isExtension(n *fhir.Node) bool {
	if n.Get("extension") != nil {
		return true
	}
	for key := range n.Fields() {
		if strings.HasPrefix(key, "value") {
			return true
		}
	}
	return false
}

// extName shortens the url of an extension to its name.
func extName(url string) string {
	if i := strings.LastIndexByte(url, '/'); i >= 0 {
		return url[i+1:]
	}
	return url
}

// facts shows by name all that is not shown yet of an object.
func (r *reader) facts(n *fhir.Node, path string) []Fact {
	if n == nil || r.depth > MaxDepth {
		return nil
	}
	r.depth++
	defer func() { r.depth-- }()
	var out factList
	for key, v := range n.Fields() {
		p := step(path, key, n)
		if !r.left(v, p) && !r.renamed(n, key, v, p) {
			continue
		}
		switch name, hidden := strings.CutPrefix(key, "_"); {
		case key == "extension" || key == "modifierExtension":
			for _, x := range v.Items() {
				out.add(r.extension(x, p)...)
			}
		case hidden:
			for _, x := range itemsOf(v) {
				out.add(under(labelOf(path, name), r.facts(x, p))...)
			}
		default:
			for i, item := range itemsOf(v) {
				out.add(r.fact(labelOf(path, key), item, companion(n, key, i, v.IsArray()), p)...)
			}
		}
	}
	return out
}

// companion is the "_key" object of a primitive: its extensions.
func companion(n *fhir.Node, key string, i int, many bool) *fhir.Node {
	c := n.Get("_" + key)
	if many && c.IsArray() && i < len(c.Items()) {
		return c.Items()[i]
	}
	return c
}

func itemsOf(v *fhir.Node) []*fhir.Node {
	if v.IsArray() {
		return v.Items()
	}
	return []*fhir.Node{v}
}

// renamed tells whether a usual code stands for one that the source called something else.
func (r *reader) renamed(n *fhir.Node, key string, v *fhir.Node, path string) bool {
	more := n.Get("_" + key)
	return v.IsString() && (more.Extension(fhir.ExtSourceCoding) != nil || more.Extension(fhir.ExtDisplay) != nil) && r.left(more, step(path, "_"+key, n))
}

// fact shows one value: what is left of it after the form that people know stands below it.
func (r *reader) fact(label string, v, more *fhir.Node, path string) []Fact {
	if !r.left(v, path) && !r.left(more, path) {
		return nil
	}
	if !v.IsObject() {
		spans := r.primitive(v, more, path)
		var rest []Fact
		if more != nil {
			rest = r.facts(more, path)
		}
		return []Fact{{Label: label, Values: [][]Span{spans}, Sub: rest}}
	}
	spans := r.datatype(v, path)
	rest := r.facts(v, path)
	if len(spans) == 0 {
		return under(label, rest)
	}
	return []Fact{{Label: label, Values: [][]Span{spans}, Sub: rest}}
}

// extension shows one extension by its name.
func (r *reader) extension(x *fhir.Node, path string) []Fact {
	name := extName(x.Get("url").Text())
	path += "(" + name + ")"
	r.use(x.Get("url"))
	var out factList
	for key, v := range x.Fields() {
		switch {
		case key == "url" || strings.HasPrefix(key, "_"):
		case key == "extension":
			var sub factList
			for _, y := range v.Items() {
				if r.left(y, path+".ext") {
					sub.add(r.extension(y, path+".ext")...)
				}
			}
			out.add(under(word(name), sub)...)
		default:
			out.add(r.fact(word(name), v, x.Get("_"+key), path+"."+key)...)
		}
	}
	return out
}

// under gathers facts below one name; a single fact of the same name stands for itself.
func under(label string, facts []Fact) []Fact {
	if len(facts) == 0 {
		return nil
	}
	if len(facts) == 1 && len(facts[0].Sub) == 0 && (wrapping(facts[0].Label) || facts[0].Label == label) {
		return []Fact{{Label: label, Values: facts[0].Values}}
	}
	if len(facts) == 1 && clearAlone(facts[0].Label) {
		return facts
	}
	return []Fact{{Label: label, Sub: facts}}
}

// wrapping are labels that say nothing beside the one around them.
func wrapping(label string) bool {
	switch label {
	case "Kode", "Kode fra kilden", "Id", "Verdi", "Bruk", "Navn", "Tekst":
		return true
	}
	return false
}

// clearAlone are labels that need no other around them.
func clearAlone(label string) bool {
	switch label {
	case "Forventes oppnådd", "Forventet grad", "Dokumentets dato", "Endring i funksjonsnivå", "Hjelp til legemiddeladministrering", "Bandasjemateriell og engangsutstyr":
		return true
	}
	return false
}

// factList gathers values of the same name in one fact.
type factList []Fact

func (l *factList) add(facts ...Fact) {
	for _, f := range facts {
		if len(f.Values) == 0 && len(f.Sub) == 0 {
			continue
		}
		if n := len(*l); n > 0 && (*l)[n-1].Label == f.Label && len(f.Sub) == 0 && len((*l)[n-1].Sub) == 0 {
			(*l)[n-1].Values = append((*l)[n-1].Values, f.Values...)
			continue
		}
		*l = append(*l, f)
	}
}

// resolve follows a reference inside the message.
func (r *reader) resolve(ref *fhir.Node) (fhir.Entry, bool) {
	return r.bundle.Resolve(ref.Get("reference").Text())
}

func (r *reader) blockID() string {
	r.blocks++
	return "del-" + strconv.Itoa(r.blocks)
}

// one makes a fact with one value.
func one(label string, spans ...Span) Fact { return Fact{Label: label, Values: [][]Span{spans}} }

func text(s string) Span { return Span{Text: s} }
