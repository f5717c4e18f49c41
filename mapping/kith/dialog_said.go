package kith

import (
	"strings"

	"github.com/beevik/etree"
)

// saidCodec is what a note or enquiry says: plain text is the payload's contentString, markup the Narrative of the
// resource. Each text has one home; of a resource from elsewhere that has both the payload counts.
type saidCodec struct {
	// markupSince is the version from which on markup is allowed; "" = always.
	markupSince string
}

func (saidCodec) describe() (string, string) { return "contentString, markup as Narrative", "" }

func (k saidCodec) parse(b *builder, l *leaf, s slot) {
	if len(l.elem.ChildElements()) > 0 {
		if !onlyXHTML(l.elem, scopeOf(l.elem)) {
			b.note(b.here, "normalised", "markup in another namespace becomes XHTML")
		}
		markupCodec{}.parse(b, l, s.in(s.obj, "text"))
		return
	}
	item := s.arena.Object(1)
	putScalar(stringScalar{}, l.text, s.in(item, "contentString"))
	s.arena.Append(s.obj, "payload", item)
}

// onlyXHTML tells whether all elements inside e are in the XHTML namespace.
func onlyXHTML(e *etree.Element, sc *scope) bool {
	for _, k := range e.ChildElements() {
		in := sc.at(k)
		if uri, _ := in.uriOf(k.Space); uri != nsXHTML || !onlyXHTML(k, in) {
			return false
		}
	}
	return true
}

func (k saidCodec) render(r *reader, s slot) (leaf, bool) {
	var parts []string
	for _, p := range s.obj.Get("payload").Items() {
		if t, ok := getScalar(r, stringScalar{}, slot{obj: p, key: "contentString", index: -1}); ok {
			parts = append(parts, t)
		}
	}
	if len(parts) > 0 {
		return leaf{text: strings.Join(parts, "\n\n")}, true
	}
	text := s.obj.Get("text")
	if len(s.obj.Get("payload").Items()) > 0 || text.Get("div") == nil {
		return leaf{}, false
	}
	l, ok := markupCodec{}.render(r, slot{obj: s.obj, key: "text", index: -1})
	if ok && len(l.inside) > 0 && r.version < k.markupSince {
		r.note(nil, "normalised", "this version has no markup; the text is written without it")
		return leaf{text: fromXHTML(text.Get("div").Text())}, true
	}
	return l, ok
}
