package kith

import (
	"strconv"

	"github.com/beevik/etree"
)

// What sets the epicrises 1.0 and 1.1 apart from 1.2, beside the rows marked with from and to.

// reportText is a text of the report: plain or XHTML, in 1.0 always plain.
type reportText struct{ markupCodec }

func (k reportText) parse(b *builder, l *leaf, s slot) {
	if len(l.elem.ChildElements()) > 0 && !onlyXHTML(l.elem, scopeOf(l.elem)) {
		b.note(b.here, "normalised", "markup in another namespace becomes XHTML")
	}
	k.markupCodec.parse(b, l, s)
}

func (k reportText) render(r *reader, s slot) (leaf, bool) {
	l, ok := k.markupCodec.render(r, s)
	if !ok || len(l.inside) == 0 || r.version >= "1.1" {
		return l, ok
	}
	r.note(nil, "normalised", "this version has no markup; the text is written without it")
	n, _ := s.get()
	return leaf{text: fromXHTML(n.Get("div").Text())}, true
}

// referralDescription is ServReq/MsgDescr of an epicrisis, a text before it became a code.
func referralDescription() codec {
	return until{"1.2", conceptText{}, codeOrText{cs("8455")}}
}

// conceptText is the text of a CodeableConcept; of one that has none, the display or code of its coding.
type conceptText struct{}

func (conceptText) describe() (string, string) { return "CodeableConcept.text", "" }

func (conceptText) parse(_ *builder, l *leaf, s slot) {
	putScalar(stringScalar{}, l.text, s.in(s.object(), "text"))
}

func (conceptText) render(r *reader, s slot) (leaf, bool) {
	n, _ := s.get()
	if t, ok := getScalar(r, stringScalar{}, slot{obj: n, key: "text", index: -1}); n == nil || ok {
		return leaf{text: t}, ok
	}
	for _, key := range []string{"display", "code"} {
		if t := n.At("coding.0." + key); t.Text() != "" {
			r.use(n.At("coding.0.system"))
			return leaf{text: r.text(t)}, true
		}
	}
	return leaf{}, false
}

// codeOrText is a CS whose older form is a text, which becomes its display.
type codeOrText struct{ codingCodec }

func (k codeOrText) describe() (string, string) { return conceptCodec(k).describe() }

func (k codeOrText) parse(b *builder, l *leaf, s slot) { conceptCodec(k).parse(b, l, s) }

func (k codeOrText) render(r *reader, s slot) (leaf, bool) {
	l, ok := conceptCodec(k).render(r, s)
	n, _ := s.get()
	if t, has := getScalar(r, stringScalar{}, slot{obj: n, key: "text", index: -1}); n != nil && !ok && has {
		return leaf{attrs: []attr{{"DN", t}}}, true
	}
	return l, ok
}

// numberEvents gives the events of an epicrisis before 1.2 the number that its schema demands, where they have none.
func numberEvents(report *etree.Element) {
	n := 0
	var number func(e *etree.Element)
	number = func(e *etree.Element) {
		for _, k := range e.SelectElements("Event") {
			n++
			if at := afterDuration(k); at >= 0 && childNamed(k, "Id") == nil {
				id := etree.NewElement("Id")
				id.SetText(strconv.Itoa(n))
				k.InsertChildAt(at, id)
			}
			number(k)
		}
	}
	number(report)
}

// afterDuration is where Id stands in an event: before the events inside it and Service. It is -1 for an
// event that says nothing but when it was.
func afterDuration(e *etree.Element) int {
	if childNamed(e, "ServType") == nil {
		return -1
	}
	for _, name := range []string{"Event", "Service"} {
		if k := childNamed(e, name); k != nil {
			return k.Index()
		}
	}
	return len(e.Child)
}
