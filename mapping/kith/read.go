package kith

import (
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith/xmltree"
)

// reader walks an element table and writes the message that a Bundle holds.
type reader struct {
	names    namespaces
	prefixes map[string]string // namespace key -> prefix in the output, "" = default namespace there
	prefixed spaces            // prefixes by number, see spaceKeys
	version  string
	bundle   *fhir.Bundle
	byURL    map[string]*fhir.Node
	used     map[*fhir.Node]struct{}
	reached  map[*fhir.Node]bool // resources that a reference led to
	notes    []mapping.Note
	memory   draft
}

// draft is memory that lasts until the message is written.
type draft struct {
	tree    xmltree.Builder
	text    []byte
	cursors xmltree.Arena[cursor]
	slots   xmltree.Arena[slot]
	places  xmltree.Arena[where]
	attrs   xmltree.Arena[attr]
}

// newReader gives a reader that nobody uses again.
func newReader(b *fhir.Bundle, n namespaces, version string) *reader {
	r := &reader{byURL: map[string]*fhir.Node{}, used: make(map[*fhir.Node]struct{}, 256), reached: map[*fhir.Node]bool{}}
	r.begin(b, n, version)
	return r
}

func (r *reader) begin(b *fhir.Bundle, n namespaces, version string) {
	r.names, r.version, r.bundle = n, version, b
	for _, e := range b.Entries() {
		if e.FullURL != "" {
			r.byURL[e.FullURL] = e.Resource
		}
		if e.ID != "" {
			r.byURL[e.Type+"/"+e.ID] = e.Resource
		}
	}
}

// reader gives a reader whose memory done takes back, with the tree that it has written.
func (f *Format) reader(b *fhir.Bundle, n namespaces, version string) *reader {
	r, ok := f.readers.Get().(*reader)
	if !ok {
		return newReader(b, n, version)
	}
	r.begin(b, n, version)
	return r
}

// keptValues is from how many values on the memory of a message goes back.
const keptValues = 1 << 14

// done forgets the message and keeps the reader for the next.
func (r *reader) done(f *Format) {
	if len(r.used) > keptValues || cap(r.memory.text) > 16*keptValues {
		return
	}
	clear(r.byURL)
	clear(r.used)
	clear(r.reached)
	m := &r.memory
	m.tree.Reset()
	*r = reader{byURL: r.byURL, used: r.used, reached: r.reached, memory: draft{
		tree: m.tree, text: m.text[:0], cursors: m.cursors.Reset(), slots: m.slots.Reset(), places: m.places.Reset(), attrs: m.attrs.Reset(),
	}}
	f.readers.Put(r)
}

// one is a list of one place.
func (r *reader) one(c cursor) []cursor {
	out := r.memory.cursors.Take(1)
	out[0] = c
	return out
}

// under is a place below another.
func (r *reader) under(w *where, name string, index int) *where {
	p := &r.memory.places.Take(1)[0]
	p.outer, p.name, p.index = w, name, index
	return p
}

// usePrefixes takes the prefixes of a table.
func (r *reader) usePrefixes(t *table) {
	r.prefixes = make(map[string]string, len(t.prefixes))
	for _, p := range t.prefixes {
		r.prefixes[p[0]] = p[1]
		r.prefixed[spaceNumber(p[0])] = p[1]
	}
	r.prefixed[0] = ""
}

func (r *reader) prefixOf(row *el) string {
	if row.space > 0 {
		return r.prefixed[row.space]
	}
	return r.prefixes[row.ns]
}

// use marks a value as written to the message.
func (r *reader) use(n *fhir.Node) {
	if n != nil {
		r.used[n] = struct{}{}
	}
}

func (r *reader) text(n *fhir.Node) string { r.use(n); return n.Text() }

// resolve finds what a reference means; typ "" takes any type.
func (r *reader) resolve(ref *fhir.Node, typ string) *fhir.Node {
	n := ref.Get("reference")
	res := r.byURL[n.Text()]
	if res == nil || typ != "" && res.Get("resourceType").Text() != typ {
		return nil
	}
	r.use(n)
	r.reached[res] = true
	return res
}

// root gives the resource of which a message has one; nil obj when there is none.
func (r *reader) root(typ string) cursor {
	if typ == "Bundle" {
		return cursor{res: r.bundle.Root, obj: r.bundle.Root}
	}
	n := r.bundle.First(typ)
	if n == nil && typ == "Composition" { // a message from elsewhere may do without a report; the payload has a root all the same
		n = fhir.NewObject()
	}
	return cursor{res: n, obj: n}
}

func (r *reader) note(w *where, code, text string) {
	r.notes = append(r.notes, mapping.Note{Path: w.String(), Code: code, Text: text})
}

// write puts all occurrences of a row into parent and counts the leaves written.
func (r *reader) write(parent *etree.Element, row *el, c cursor, w *where) int {
	if c.obj == nil && !startsAtRoot(row) {
		return r.missing(parent, row, w)
	}
	n := 0
	switch {
	case row.name == "":
		n = r.writeChoice(parent, row, c, w)
	case row.codec != nil:
		n = r.writeLeaves(parent, row, c, w)
	default:
		n = r.writeGroups(parent, row, c, w)
	}
	return n
}

// startsAtRoot tells whether a row finds its place without the cursor.
func startsAtRoot(row *el) bool {
	if row.codec == nil {
		return true
	}
	return len(row.path) > 0 && row.path[0].kind == stepRoot
}

func (r *reader) writeLeaves(parent *etree.Element, row *el, c cursor, w *where) int {
	n := 0
	for _, s := range row.path.slots(r, c) {
		l, ok := row.codec.render(r, s)
		if !ok {
			continue
		}
		n++
		if row.absentIn(r.version) || n > 1 && row.manySince > r.version {
			r.tooNew(r.under(w, row.name, n))
			continue
		}
		if row.name[0] == '@' {
			r.setAttr(parent, row.name[1:], l.text)
		} else {
			r.element(parent, row, l)
		}
		if !row.many {
			break
		}
	}
	if n == 0 {
		return r.missing(parent, row, w)
	}
	return n
}

// tooNew notes a value that the version written does not have.
func (r *reader) tooNew(w *where) {
	r.note(w, "not-in-version", "version "+r.version+" has no place for this")
}

// demanded is a codec that knows what to write where the schema wants something and FHIR has nothing.
type demanded interface{ absent(r *reader) leaf }

// missing writes the value that a version demands where nothing stands in FHIR.
func (r *reader) missing(parent *etree.Element, row *el, w *where) int {
	if row.absentIn(r.version) {
		return 0
	}
	if k, ok := row.codec.(demanded); ok && parent != nil && row.min == 1 && row.standIn == "" {
		r.element(parent, row, k.absent(r))
		return 0
	}
	if row.standIn == "" || row.codec == nil || !row.demandedIn(r.version) {
		return 0
	}
	if parent == nil {
		return 0
	}
	r.element(parent, row, leaf{text: row.standIn})
	r.note(r.under(w, row.name, 1), "defaulted", "the receiver's version demands a value: "+row.standIn)
	return 0
}

func (r *reader) element(parent *etree.Element, row *el, l leaf) {
	e := r.memory.tree.Element(parent, r.prefixOf(row), row.name, len(l.attrs))
	for _, a := range l.attrs {
		e.Attr = append(e.Attr, etree.Attr{Key: a.name, Value: a.value})
	}
	if l.text != "" {
		r.memory.tree.Text(e, l.text)
	}
	for _, t := range l.inside {
		e.AddChild(t)
	}
}

func (r *reader) create(parent *etree.Element, row *el) *etree.Element {
	return r.memory.tree.Element(parent, r.prefixOf(row), row.name, 0)
}

func (r *reader) setAttr(e *etree.Element, name, value string) {
	if space, key, ok := strings.Cut(name, ":"); ok {
		e.Attr = append(e.Attr, etree.Attr{Space: space, Key: key, Value: value})
		return
	}
	e.Attr = append(e.Attr, etree.Attr{Key: name, Value: value})
}

func (r *reader) writeGroups(parent *etree.Element, row *el, c cursor, w *where) int {
	if row.place == nil {
		return r.writeGroup(parent, row, c, r.under(w, row.name, 1))
	}
	places := row.place.each(r, c)
	n := 0
	for i, p := range places {
		if i > 0 && !row.many {
			r.note(r.under(w, row.name, i+1), "too-many", "the message has room for one only")
			break
		}
		n += r.writeGroup(parent, row, p, r.under(w, row.name, i+1))
	}
	return n
}

// writeGroup writes one occurrence. A group without a leaf is left out unless the schema wants it.
func (r *reader) writeGroup(parent *etree.Element, row *el, c cursor, w *where) int {
	e := r.create(parent, row)
	c.order, c.fixed = 0, false
	n := 0
	for _, k := range row.kids {
		n += r.write(e, k, c, w)
	}
	if row.absentIn(r.version) {
		if n > 0 {
			r.tooNew(w)
		}
		n = 0
	} else if n > 0 || row.min > 0 {
		return n
	}
	parent.RemoveChild(e)
	return n
}

// writeChoice writes alternatives, in the order in which their places stand in FHIR when they may repeat.
func (r *reader) writeChoice(parent *etree.Element, row *el, c cursor, w *where) int {
	type found struct {
		row *el
		c   cursor
	}
	var all []found
	for _, k := range row.kids {
		for _, p := range k.place.each(r, c) {
			all = append(all, found{k, p})
		}
	}
	if row.many && len(all) > 1 {
		slices.SortStableFunc(all, func(a, b found) int { return a.c.order - b.c.order })
		rest := all[:0:0]
		var fixed []found
		for _, f := range all {
			if f.c.fixed {
				fixed = append(fixed, f)
			} else {
				rest = append(rest, f)
			}
		}
		for _, f := range fixed {
			rest = slices.Insert(rest, min(f.c.order, len(rest)), f)
		}
		all = rest
	} else if len(all) > 1 {
		for _, f := range all[1:] {
			r.note(r.under(w, f.row.name, 0), "too-many", "the message has room for one only")
		}
		all = all[:1]
	}
	n := 0
	for i, f := range all {
		n += r.writeGroup(parent, f.row, f.c, r.under(w, f.row.name, i+1))
	}
	return n
}
