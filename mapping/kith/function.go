package kith

import (
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// scoreCodec is Vurdering: valueInteger, and for 9 ("not relevant") a code, since 9 is no number.
// On the GAF scale 9 is a number.
type scoreCodec struct{}

// scoreNotRelevant is the IPLOS score that is no number. Source: standards/no README section 3.5.
const scoreNotRelevant = "9"

func (scoreCodec) describe() (string, string) {
	return "integer", "9 = valueCodeableConcept " + fhir.SystemFunctionScore + "|9 (not on the GAF scale)"
}

func (scoreCodec) parse(_ *builder, l *leaf, s slot) {
	if strings.TrimSpace(l.text) == scoreNotRelevant && s.obj.At("code.coding.0.system").Text() != fhir.SystemGAF {
		s.obj.Set("valueCodeableConcept", conceptOf(s.arena, s.arena.Texts(
			"system", fhir.SystemFunctionScore, "code", scoreNotRelevant, "display", "Ikke relevant")))
		return
	}
	putScalar(intScalar{}, l.text, s)
}

func (scoreCodec) render(r *reader, s slot) (leaf, bool) {
	for _, c := range s.obj.At("valueCodeableConcept.coding").Items() {
		if c.Get("system").Text() == fhir.SystemFunctionScore {
			r.use(c.Get("system"))
			r.use(c.Get("display"))
			return leaf{text: r.text(c.Get("code"))}, true
		}
	}
	t, ok := getScalar(r, intScalar{}, s)
	return leaf{text: t}, ok
}

// assessedCodec is the date of a panel; one that was read from the remark is not written back,
// since the remark itself is.
type assessedCodec struct{ codec }

func (k assessedCodec) render(r *reader, s slot) (leaf, bool) {
	if fromRemark(s.obj) {
		v, _ := s.get()
		r.use(v)
		return leaf{}, false
	}
	return k.codec.render(r, s)
}

func fromRemark(panel *fhir.Node) bool {
	return panel.Get("_effectiveDateTime").Extension(fhir.ExtDateSource).Get("valueCode").Text() == "remark"
}

// assessed dates the panel from its remark when Ansvarlig does not, and copies the date to the members.
func assessed(b *builder, c cursor, _ *etree.Element) {
	p, a := c.obj, b.arena
	if p.Get("effectiveDateTime") == nil {
		b.dateFromRemark(p)
	}
	when := p.Get("effectiveDateTime").Text()
	category := conceptList(a, fhir.SystemFunctionCategory, "functional-status") // one for all: the message is a copy
	for _, m := range p.Get("hasMember").Items() {
		o := b.made.of(m.Get("reference").Text())
		o.Set("category", category)
		a.SetText(o, "effectiveDateTime", when)
		if o.Get("code") == nil {
			o.Set("code", markConcept(a, "KartlagtFunksjon"))
		}
	}
	p.Set("category", category)
}

func (b *builder) dateFromRemark(p *fhir.Node) {
	text := p.At("note.0.text").Text()
	if text == "" {
		return
	}
	d, verdict := dateIn(text)
	remark := b.here.under("SamletVurderingFunksjonsniva/Merknad", 0)
	switch verdict {
	case dateFound:
		p.Set("effectiveDateTime", b.arena.String(d))
		p.Set("_effectiveDateTime", withExt(b.arena, b.arena.Texts("url", fhir.ExtDateSource, "valueCode", "remark")))
		b.note(remark, "derived", "the date of the assessment is read from the remark")
	case dateAmbiguous:
		b.note(remark, "ambiguous", "the remark holds more than one possible date of assessment; none is taken")
	}
}
