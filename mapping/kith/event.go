package kith

import (
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// Events of the stay (TidsfestetHendelse). Event 1 starts the period of the Encounter, event 2 ends
// it, event 13 is the death of the Patient; every other one, also a second 1 or 2, stands in ExtEvent.
//
// Details of the three (display, estimate, remark, place) stand in ExtEvent on the primitive's "_" field.

// eventRow is TidsfestetHendelse with its forms in the order in which a message with room for
// one event prefers them.
func eventRow(card string, prefer ...string) *el {
	var forms []*el
	for _, code := range prefer {
		forms = append(forms, eventForm(code, card))
	}
	forms = append(forms, group("po", "TidsfestetHendelse", card, to("$Encounter.@event[]"), eventRows("%", "%time.valueDateTime", "")...).then(afterEvent).remark("every other event"))
	return choice(card, forms...)
}

func eventForm(code, card string) *el {
	root, prim := "$Encounter", "period.start"
	details := "period._start.@event.%"
	switch code {
	case "2":
		prim, details = "period.end", "period._end.@event.%"
	case "13":
		root, prim, details = "$Patient", "deceasedDateTime", "_deceasedDateTime.@event.%"
	}
	row := group("po", "TidsfestetHendelse", card, eventPlace{code: code, root: root, prim: parsePath(prim), details: details},
		eventRows(details, prim, code)...)
	row.note = "the first event " + code
	row.only = func(e *etree.Element) bool { return isEvent(e, code) }
	row.after = func(b *builder, c cursor, _ *etree.Element) { b.placeEvent(c.obj, details, code) }
	return row
}

func eventRows(details, time, code string) []*el {
	coded := "?"
	var kind, estimate codec
	if code == "" {
		kind, estimate = cv(), boolean()
	} else {
		kind, coded = eventCode{cv(), code}, "1" // the home says the code
		estimate = fallbackText{boolean(), "false"}
	}
	return []*el{
		leafEl("po", "Hendelsekode", coded, kind, details+"code.valueCoding"),
		leafEl("po", "BeskrivelseAvHendelse", "?", text(), details+"text.valueString"),
		leafEl("po", "TidspunktForHendelse", "1", ts(), time),
		leafEl("po", "Anslag", "1", estimate, details+"estimate.valueBoolean"),
		leafEl("po", "Merknad", "?", text(), details+"note.valueString"),
		group("po", "StedForHendelse", "?", inline{},
			leafEl("po", "StedHendelse", "1", text(), details+"place.valueString")),
	}
}

// eventPlace is the period or death of an event that has a home of its own.
type eventPlace struct {
	code    string
	root    string
	prim    path
	details string
}

func (p eventPlace) enter(b *builder, _ cursor) cursor {
	c := b.root(p.root[1:])
	b.homes[p.code] = true
	return c
}

func (p eventPlace) each(r *reader, _ cursor) []cursor {
	c := r.root(p.root[1:])
	if c.obj == nil {
		return nil
	}
	slots := p.prim.slots(r, c)
	if len(slots) == 0 {
		return nil
	}
	v, ext := slots[0].get()
	if v == nil && ext == nil {
		return nil
	}
	// Without an index the stay starts first and ends last.
	c.order, c.fixed = 0, true
	if p.code != "1" {
		c.order = orderSpan
	}
	if i := ext.Extension(fhir.ExtEvent).Extension("index").Get("valueInteger"); i != nil {
		r.use(i)
		c.order = atoi(i.Text())
	}
	return []cursor{c}
}

func (p eventPlace) describe(string) string { return p.root[1:] }

func atoi(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' || n > 1<<20 {
			return n
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// isEvent tells whether an event is of this code and its time fits where such an event stands.
func isEvent(e *etree.Element, code string) bool {
	k := childNamed(e, "Hendelsekode")
	if k == nil || strings.TrimSpace(k.SelectAttrValue("V", "")) != code {
		return false
	}
	if s := strings.TrimSpace(k.SelectAttrValue("S", "2.16.578.1.12.4.1.1.9121")); s != "2.16.578.1.12.4.1.1.9121" {
		return false
	}
	t := childNamed(e, "TidspunktForHendelse")
	if t == nil {
		return false
	}
	_, _, ok := (timeScalar{levelDateTime}).read(t.SelectAttrValue("V", ""))
	return ok
}

// eventCode writes the code of the event's home when the details do not say it.
type eventCode struct {
	codec
	code string
}

func (k eventCode) absent(*reader) leaf {
	dn := map[string]string{"1": "Pasient innlagt", "2": "Pasient utskrevet", "13": "Pasienten er død"}[k.code]
	return leaf{attrs: []attr{{"V", k.code}, {"S", "2.16.578.1.12.4.1.1.9121"}, {"DN", dn}}}
}

// fallbackText writes a fixed text where FHIR has nothing and the schema wants something.
type fallbackText struct {
	codec
	text string
}

func (k fallbackText) absent(*reader) leaf { return leaf{text: k.text} }

// afterEvent counts an event and keeps the order: once another event follows the end of the
// stay, the end needs its position.
func afterEvent(b *builder, _ cursor, _ *etree.Element) {
	for _, p := range b.open {
		b.setIndex(p.details, p.index)
	}
	b.open = b.open[:0]
	b.events++
}

type openEvent struct {
	details *fhir.Node
	index   int
}

// placeEvent counts an event with a home of its own and notes its position where it is not the usual one.
func (b *builder) placeEvent(obj *fhir.Node, details, code string) {
	at := b.events
	afterEvent(b, cursor{}, nil)
	x := obj.At(pathOf(details)).Extension(fhir.ExtEvent)
	switch {
	case x == nil:
	case code == "1":
		if at != 0 {
			b.setIndex(x, at)
		}
	default:
		b.open = append(b.open, openEvent{x, at})
	}
}

// pathOf gives "period._start" of "period._start.@event.%".
func pathOf(details string) string { return details[:len(details)-len(".@event.%")] }

func (b *builder) setIndex(x *fhir.Node, at int) {
	if x.Extension("index") == nil {
		n := b.arena.Texts("url", "index")
		n.Set("valueInteger", fhir.Number(strconv.Itoa(at)))
		b.arena.Append(x, "extension", n)
	}
}
