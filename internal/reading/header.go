package reading

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// header reads kind, sender, receivers, times and what a reader must know first.
func (r *reader) header() {
	root := r.bundle.Root
	h := r.bundle.First("MessageHeader")
	p := r.page
	r.shown[h] = true
	if c := r.bundle.First("Composition"); c != nil {
		r.quiet[c] = true
	}
	event := h.Get("eventCoding")
	p.Kind = r.take(event.Get("code"))
	p.Title = r.take(event.Get("display"))
	if p.Title == "" {
		p.Title, _ = r.codes.Lookup(event.Get("system").Text(), p.Kind)
	}
	if event.Get("system").Text() == fhir.SystemNativeMessage {
		if p.Title != "" {
			p.About = append(p.About, one("Meldingstype", text(p.Title)))
		}
		p.Title = nativeKind(p.Kind)
	}
	if c := r.bundle.First("Composition"); c != nil {
		if t := r.take(c.Get("title")); t != "" && !same(t, p.Title) {
			if p.Title == "" {
				p.Title = t
			} else {
				p.About = append(p.About, one("Meldingstype", text(p.Title)))
				p.Title = t
			}
		}
	}
	if p.Title == "" {
		p.Title = nativeKind(p.Kind)
	}
	r.banners(h)
	var route factList
	if from := h.Get("source"); from != nil || h.Get("sender") != nil {
		route.add(r.endpoint("Fra", from, h.Get("sender"))...)
	}
	for _, d := range h.Get("destination").Items() {
		label := "Til"
		if c := d.Extension(fhir.ExtBase + "StructureDefinition/role").At("valueCoding.code"); c.Text() == "COP" {
			label = "Kopi til"
		}
		route.add(r.endpoint(label, d, d.Get("receiver"))...)
	}
	if ts := root.Get("timestamp"); ts != nil {
		route.add(one("Sendt", r.primitive(ts, root.Get("_timestamp"), "Bundle.timestamp")...))
	}
	p.Route = route
	p.About = append(p.About, one("Meldings-id", text(fhir.MessageID(r.bundle))))
	r.use(root.Get("identifier"))
	if p.Kind != "" {
		p.About = append(p.About, one("Meldingskode", Span{Text: p.Kind, Class: "code"}))
	}
}

// banners are what changes how the whole message is to be read.
func (r *reader) banners(h *fhir.Node) {
	p := r.page
	if op := h.Extension(fhir.ExtOp).Get("valueCoding"); op != nil {
		spans := r.coding(op)
		b := Banner{Tone: "warn", Text: joinSpans(spans), Hint: hints(spans)}
		switch op.Get("code").Text() {
		case "N":
			b.Tone = "calm"
		case "C":
			b.Tone = "stop"
			b.Text += ": meldingen trekker tilbake en tidligere melding. Opplysningene nedenfor gjelder ikke lenger."
		case "M":
			b.Text += ": meldingen erstatter en tidligere melding."
		case "A":
			b.Text += ": meldingen kommer i tillegg til en tidligere melding."
		}
		p.Banners = append(p.Banners, b)
	}
	for _, name := range []string{"message-status", "processing-status"} {
		if c := h.Extension(fhir.ExtBase + "StructureDefinition/" + name).Get("valueCoding"); c != nil && c.Get("code").Text() != "P" {
			spans := r.coding(c)
			p.Banners = append(p.Banners, Banner{"warn", joinSpans(spans), hints(spans)})
		}
	}
	for _, c := range r.bundle.All("Consent") {
		for _, k := range c.Get("category").Items() {
			if k.At("coding.0.code").Text() == "ForbeholdOmVideresending" && c.At("provision.type").Text() == "deny" {
				r.use(k)
				r.use(c.Get("provision"))
				r.shown[c] = true
				p.Banners = append(p.Banners, Banner{Tone: "stop", Text: "Pasienten har tatt forbehold: opplysningene skal ikke sendes videre."})
			}
		}
	}
}

// endpoint is one address of the message.
func (r *reader) endpoint(label string, at, ref *fhir.Node) []Fact {
	lines := r.chain(ref)
	name := r.take(at.Get("name"))
	if name != "" {
		told := false
		for _, l := range lines {
			told = told || strings.Contains(strings.ToLower(joinSpans(l)), strings.ToLower(strings.TrimSpace(name)))
		}
		if !told {
			lines = append(lines, texts(name))
		}
	}
	endpoint := r.take(at.Get("endpoint"))
	if her, ok := strings.CutPrefix(endpoint, "urn:oid:2.16.578.1.12.4.1.2."); ok {
		told := false
		for _, l := range lines {
			told = told || strings.Contains(fhir.NormalizeHER(joinSpans(l)), her)
		}
		if !told {
			lines = append(lines, []Span{{Text: "HER-id", Class: "soft"}, {Text: her, Class: "number"}})
		}
	} else if endpoint != "" && len(lines) == 0 {
		lines = append(lines, texts(endpoint))
	}
	if len(lines) == 0 {
		return nil
	}
	out := Fact{Label: label, Values: lines}
	r.use(ref.Get("reference"))
	return []Fact{out}
}

func joinSpans(spans []Span) string {
	var parts []string
	for _, s := range spans {
		parts = append(parts, s.Text)
	}
	return joined(parts, " ")
}

// patient reads the person the message is about.
func (r *reader) patient() {
	n := r.bundle.First("Patient")
	if n == nil {
		return
	}
	r.shown[n], r.quiet[n] = true, true
	p := &Patient{}
	for i, name := range n.Get("name").Items() {
		if i == 0 {
			p.Name = r.name(name)
		}
	}
	if len(p.Name) == 0 {
		p.Name = texts("Uten navn")
	}
	for i, id := range n.Get("identifier").Items() {
		if i == 0 {
			p.ID = r.identifier(id)
		}
	}
	p.Facts = r.facts(n, "Patient")
	r.page.Patient = p
}
