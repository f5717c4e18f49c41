package reading

import (
	"html/template"
	"reflect"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
)

// composition walks the sections of the report in their order.
func (r *reader) composition() {
	c := r.bundle.First("Composition")
	if c == nil {
		r.answer()
		return
	}
	r.shown[c] = true
	r.answer()
	top := Block{Level: 2}
	for _, a := range c.Get("attester").Items() {
		spans := r.reference(a.Get("party"))
		r.use(a.Get("mode"))
		if t := a.Get("time"); t != nil {
			spans = append(spans, Span{Text: "godkjent " + moment(r.take(t)), Class: "soft"})
		}
		if len(spans) > 0 {
			top.Facts = append(top.Facts, one("Ansvarlig", spans...))
		}
		top.Facts = append(top.Facts, r.facts(a, "Composition.attester")...)
	}
	for _, a := range c.Get("author").Items() {
		r.use(a.Get("reference")) // the sender, who stands at the top
		if e, ok := r.resolve(a); ok && !r.shown[e.Resource] {
			top.Facts = append(top.Facts, one("Forfatter", r.reference(a)...))
		}
	}
	if at := c.Get("date"); at != nil {
		r.page.About = append(r.page.About, one("Rapportens dato", r.primitive(at, c.Get("_date"), "Composition.date")...))
	}
	r.use(c.Get("encounter"))
	for _, k := range c.Get("category").Items() {
		top.Facts = append(top.Facts, one("Innhold", r.concept(k)...))
	}
	sections := c.Get("section")
	for key, v := range c.Fields() {
		if key == "section" || key == "text" {
			continue
		}
		if p := "Composition." + key; r.left(v, p) || r.renamed(c, key, v, p) {
			top.Facts = append(top.Facts, r.only(c, key, "Composition")...)
		}
	}
	if t := c.Get("text"); t != nil {
		top.Text = r.narrative(t)
	}
	if !top.Empty() {
		top.Title, top.ID = "Om rapporten", r.blockID()
		r.page.Blocks = append(r.page.Blocks, top)
	}
	r.page.Blocks = append(r.page.Blocks, r.sections(sections, 2)...)
}

// only shows one field of an object by name.
func (r *reader) only(n *fhir.Node, key, path string) []Fact {
	one := fhir.NewObject()
	one.Set(key, n.Get(key))
	if c := n.Get("_" + key); c != nil {
		one.Set("_"+key, c)
	}
	return r.facts(one, path)
}

func (r *reader) sections(list *fhir.Node, level int) []Block {
	var out []Block
	for _, s := range list.Items() {
		b := r.section(s, level)
		// The source repeats a block per item; people read one section with several items.
		if n := len(out); n > 0 && out[n-1].Title == b.Title && plainItems(&out[n-1]) && plainItems(&b) {
			out[n-1].Cards = append(out[n-1].Cards, b.Cards...)
			out[n-1].Medicines = append(out[n-1].Medicines, b.Medicines...)
			continue
		}
		if !b.Empty() {
			out = append(out, b)
		}
	}
	return out
}

// plainItems tells whether a block is a list of items and nothing else.
func plainItems(b *Block) bool {
	return len(b.Cards)+len(b.Medicines) > 0 && len(b.Facts)+len(b.Blocks) == 0 && b.Text == "" && b.Function == nil
}

// section is one section: heading, text, items, what else it says, sections inside.
func (r *reader) section(s *fhir.Node, level int) Block {
	r.depth++
	defer func() { r.depth-- }()
	b := Block{ID: r.blockID(), Level: min(level, 5)}
	code := s.At("code.coding.0")
	name := code.Get("code").Text()
	title := r.take(s.Get("title"))
	switch own := code.Get("system").Text() == fhir.SystemSection; {
	case own:
		b.name = name
		if title != "" && title != name && !same(title, name) {
			b.Title = title
		}
		if heading, hint := r.heading(s.Get("code")); heading != "" {
			b.Title, b.Hint = heading, hint
		} else if b.Title == "" {
			b.Title = sectionTitle(name)
		}
	case code != nil:
		if spans := r.concept(s.Get("code")); len(spans) > 0 {
			b.Title, b.Hint = joinSpans(spans), hints(spans)
		}
		if title != "" && !same(title, b.Title) {
			b.Title = joined([]string{title, b.Title}, " – ")
		}
	default:
		b.Title = title
	}
	if b.Title == "" {
		b.Title = "Opplysninger"
	}
	if warned(name, codes.NumberOf(code.Get("system").Text())) {
		b.Tone = "warn"
	}
	if t := s.Get("text"); t != nil {
		b.Text = r.narrative(t)
	}
	for _, ref := range s.Get("entry").Items() {
		r.use(ref)
		if e, ok := r.resolve(ref); ok {
			r.place(&b, e)
		}
	}
	inner := s.Get("section")
	if r.depth <= MaxDepth {
		b.Blocks = r.sections(inner, level+1)
	}
	rest := fhir.NewObject()
	for key, v := range s.Fields() {
		if key != "section" {
			rest.Set(key, v)
		}
	}
	b.Facts = append(b.Facts, r.facts(rest, "Composition.section")...)
	r.fold(&b)
	for i := range b.Cards {
		if b.Cards[i].Kind == b.Title || isKindWord(b.Cards[i].Kind) {
			b.Cards[i].Kind = "" // the heading says it
		}
	}
	return b
}

// heading is what the codes of a section beside its mark say, and what those codes are.
func (r *reader) heading(code *fhir.Node) (title, hint string) {
	r.use(code.At("coding.0"))
	words := []string{r.take(code.Get("text"))}
	for i, c := range code.Get("coding").Items() {
		if i == 0 {
			words = append(words, c.Get("display").Text())
			continue
		}
		spans := r.coding(c)
		words, hint = append(words, joinSpans(spans)), joined([]string{hint, hints(spans)}, "; ")
	}
	return joined(words, " – "), hint
}

func hints(spans []Span) string {
	var out []string
	for _, s := range spans {
		out = append(out, s.Title)
	}
	return joined(out, "; ")
}

// fold takes what stands in sections without meaning for people into the section around them.
func (r *reader) fold(b *Block) {
	var out []Block
	for _, k := range b.Blocks {
		if !silent(k.name) || k.Title != sectionTitle(k.name) || k.Text != "" && b.Text != "" || k.Function != nil {
			out = append(out, k)
			continue
		}
		b.Facts, b.Cards, b.Medicines = append(b.Facts, k.Facts...), append(b.Cards, k.Cards...), append(b.Medicines, k.Medicines...)
		if b.Text == "" {
			b.Text = k.Text
		}
		raise(k.Blocks, b.Level+1)
		out = append(out, k.Blocks...)
	}
	b.Blocks = out
}

func raise(list []Block, level int) {
	for i := range list {
		list[i].Level = min(level, 5)
		raise(list[i].Blocks, level+1)
	}
}

func (r *reader) narrative(t *fhir.Node) template.HTML {
	r.use(t.Get("status"))
	return narrative(r.take(t.Get("div")))
}

// answer shows what an application receipt says.
func (r *reader) answer() {
	h := r.bundle.First("MessageHeader")
	resp := h.Get("response")
	if resp == nil {
		return
	}
	b := Block{ID: r.blockID(), Level: 2, Title: "Kvittering"}
	if spans := r.primitive(resp.Get("code"), resp.Get("_code"), "MessageHeader.response.code"); len(spans) > 0 {
		b.Facts = append(b.Facts, one("Resultat", spans...))
	}
	if resp.Get("code").Text() != "ok" {
		b.Tone = "warn"
	}
	r.use(resp.Get("details"))
	b.Facts = append(b.Facts, r.facts(resp, "MessageHeader.response")...)
	for _, e := range r.bundle.Entries() {
		if e.Type == "OperationOutcome" {
			r.place(&b, e)
		}
	}
	r.page.Blocks = append(r.page.Blocks, b)
}

// remaining shows every resource that has something left to show: what stands in no section, then
// people and units with their numbers and addresses, then what the header says.
func (r *reader) remaining() {
	content := Block{ID: r.blockID(), Level: 2, Title: "Flere opplysninger"}
	if r.bundle.First("Composition") == nil {
		content.Title = "Innhold"
	}
	for _, e := range r.bundle.Entries() {
		if directory(e.Type) || e.Type == "MessageHeader" || e.Type == "Composition" || e.Type == "DocumentReference" || !r.left(e.Resource, e.Type) {
			continue
		}
		r.place(&content, e)
	}
	if !content.Empty() {
		r.page.Blocks = append(r.page.Blocks, content)
	}
	for _, e := range r.bundle.Entries() {
		if e.Type == "DocumentReference" {
			r.file(e)
		}
	}
	people := Block{ID: r.blockID(), Level: 2, Title: "Personer og virksomheter"}
	for _, e := range r.bundle.Entries() {
		if e.Type == "PractitionerRole" && !r.shown[e.Resource] && r.leftOfPerson(e) {
			people.add(r.card(e))
		}
	}
	for _, e := range r.bundle.Entries() {
		if directory(e.Type) && r.left(e.Resource, e.Type) {
			people.add(r.card(e))
		}
	}
	if !people.Empty() {
		r.page.Blocks = append(r.page.Blocks, people)
	}
	h := r.bundle.First("MessageHeader")
	for _, f := range h.Get("focus").Items() {
		r.use(f)
	}
	r.page.About = append(r.page.About, r.facts(h, "MessageHeader")...)
	if c := r.bundle.First("Composition"); c != nil && r.left(c, "Composition") {
		r.page.About = append(r.page.About, r.facts(c, "Composition")...)
	}
}

// add leaves out a card that is there already: a source repeats a person wherever that person is named.
func (b *Block) add(c Card) {
	for i := range b.Cards {
		if reflect.DeepEqual(b.Cards[i], c) {
			return
		}
	}
	b.Cards = append(b.Cards, c)
}

func directory(typ string) bool {
	switch typ {
	case "Organization", "Practitioner", "PractitionerRole", "Location", "HealthcareService", "Endpoint", "Device":
		return true
	}
	return false
}

// leftOfPerson tells whether a role or the person behind it has something left to show.
func (r *reader) leftOfPerson(e fhir.Entry) bool {
	if r.left(e.Resource, e.Type) {
		return true
	}
	p, ok := r.resolve(e.Resource.Get("practitioner"))
	return ok && r.left(p.Resource, p.Type)
}
