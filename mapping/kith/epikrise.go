package kith

import (
	"bytes"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith/xmltree"
)

// extAbsent says why a value that FHIR demands is not there. Source: FHIR R4, data-absent-reason.
const extAbsent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

// parseHCP maps an epicrisis or a referral 1.x; the schema check has passed.
func (f *Format) parseHCP(src *source, p *mapping.Parsed) error {
	env := &p.Envelope
	uri, _ := (*scope)(nil).at(src.root).uriOf(src.root.Space)
	t := f.tables[hcpKind(uri)]
	if env.Kind != t.kind {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "type-mismatch", Receipt: "T99", Path: "/Message/Type",
			Safe: "the message type and the content contradict each other"}
	}
	v, _ := t.release(env.Version) // identify let no other pass
	b := t.builder(v.names, env.ID)
	defer t.done(b)
	b.prepare(*env)
	b.top.name, b.top.index = src.root.Tag, 1
	b.one(t.root(), src.root, (*scope)(nil).at(src.root), cursor{}, b.top)
	bundle, err := b.finishHCP(env)
	if err != nil {
		return &samvirke.Fault{Class: samvirke.Internal, Code: "mapping", Safe: "the message could not be mapped", Err: err}
	}
	p.Bundle, p.Notes = bundle, b.said()
	if src.doubtful {
		p.Notes = append(p.Notes, mapping.Note{Path: "/", Code: "encoding", Text: "the bytes look like UTF-8 although another encoding is declared"})
	}
	return f.checkHCP(src, p)
}

// finishHCP adds what FHIR demands beside what the table has set. Nothing of it is read on the way back.
func (b *builder) finishHCP(env *samvirke.Envelope) (*fhir.Bundle, error) {
	patient := b.reference("Patient")
	a := b.arena
	h, c := b.root("MessageHeader").res, b.root("Composition").res
	if h.Get("eventCoding") == nil { // the schema leaves it open, FHIR does not
		code, display := typeCode(env.Kind, env.Version)
		event := a.Texts("system", fhir.SystemMessageType, "code", code, "display", display)
		event.Set("extension", a.Array(lexicalExt(a, formAbsent)))
		h.Set("eventCoding", event)
	}
	b.finishHeader(h, env)
	when := b.bundle.Get("timestamp").Text()
	if env.Kind == kindReferral {
		b.finishComposition(h, env, when, patient)
		b.finishReferral(h, env)
	} else {
		b.finishReport(h, c, env, patient)
	}
	for _, e := range b.made.list {
		switch e.res.Get("resourceType").Text() {
		case "Encounter":
			e.res.Set("subject", patient)
			continue
		case "ServiceRequest":
			e.res.Set("intent", a.String("order"))
		case "CareTeam":
			e.res.Set("status", a.String("active"))
			e.res.Set("subject", patient)
		}
		b.finishResource(e.res, env, when, patient)
	}
	return b.message()
}

// finishReport completes the Composition of an epicrisis, and says which referrals its stays come from.
func (b *builder) finishReport(h, c *fhir.Node, env *samvirke.Envelope, patient *fhir.Node) {
	a := b.arena
	c.Set("type", conceptOf(a, a.Texts("system", fhir.SystemMessageType, "code", env.Kind)))
	c.Set("subject", patient)
	stays := b.stays(c, nil)
	if len(stays) > 0 {
		c.Set("encounter", stays[0])
	}
	var referrals []*fhir.Node
	for _, s := range c.Get("section").Items() {
		if ref := s.At("entry.0"); ref != nil && sec("ServReq").is(s) {
			referrals = append(referrals, ref)
		}
	}
	for _, stay := range stays {
		for _, ref := range referrals {
			a.Append(b.made.of(stay.Get("reference").Text()), "basedOn", ref.Clone())
		}
	}
	author := h.Get("sender")
	if author == nil || author.Get("reference") == nil {
		author = a.Texts("display", "not stated")
	}
	c.Set("author", a.Array(a.Texts("reference", author.Get("reference").Text(), "display", author.Get("display").Text())))
	if attester := c.At("attester.0"); attester != nil {
		attester.Set("mode", a.String("official"))
	}
}

// stays lists references to the Encounters of the events in a section or report, and makes those of events
// inside events part of the outer one.
func (b *builder) stays(in, outer *fhir.Node) []*fhir.Node {
	var out []*fhir.Node
	for _, s := range in.Get("section").Items() {
		ref := s.At("entry.0")
		if ref == nil || !sec("Event").is(s) {
			continue
		}
		if outer != nil {
			b.made.of(ref.Get("reference").Text()).Set("partOf", outer.Clone())
		}
		out = append(out, ref.Clone())
		b.stays(s, ref)
	}
	return out
}

// renderHCP writes an epicrisis or a referral 1.x.
func (f *Format) renderHCP(in *fhir.Bundle, t mapping.Target) (*mapping.Rendered, error) {
	version := t.Version
	if version == "" {
		version = in.First("MessageHeader").Extension(fhir.ExtMessageVersion).Get("valueString").Text()
	}
	tab := f.tables[kindOfBundle(in)]
	v, ok := tab.release(version)
	if !ok {
		return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: "unknown-version", Safe: "this version cannot be written"}
	}
	r := f.reader(in, v.names, v.version)
	defer r.done(f)
	doc := r.hcpDocument(tab)
	if tab.kind == kindEpicrisis && v.version < "1.2" {
		numberEvents(doc.Root().SelectElement("ServRprt"))
	}
	adjustHCP(doc.Root(), t)
	return f.written(r, doc, tab.kind, textOfNamed(doc.Root(), "MsgId"))
}

// hcpDocument writes the tree of a message without a separate header.
func (r *reader) hcpDocument(t *table) *etree.Document {
	r.usePrefixes(t)
	doc := etree.NewDocument()
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	r.write(&doc.Element, t.root(), cursor{}, nil)
	root := doc.Root()
	if root == nil {
		root = doc.CreateElement(t.root().name)
	}
	r.declareHCP(root, t)
	return doc
}

// declareHCP puts the namespace declarations of a message without a separate header.
func (r *reader) declareHCP(root *etree.Element, t *table) {
	for _, p := range t.prefixes {
		if p[1] != "" && usesPrefix(root, p[1]) {
			root.Attr = append(root.Attr, etree.Attr{Space: "xmlns", Key: p[1], Value: r.names[p[0]]})
		}
	}
	declareDefault(root, r.names["root"])
	for _, e := range root.FindElements(".//Base64Container") {
		declareDefault(e, r.names["b64"])
	}
}

func declareDefault(e *etree.Element, uri string) {
	e.Attr = append([]etree.Attr{{Key: "xmlns", Value: uri}}, e.Attr...)
}

// written ends the writing: bytes, schema check, and notes on what was not used. Id is the message id in it.
func (f *Format) written(r *reader, doc *etree.Document, kind, id string) (*mapping.Rendered, error) {
	r.memory.text = xmltree.Append(r.memory.text[:0], doc)
	out := bytes.Clone(r.memory.text) // it lives until it is delivered: not a byte too many
	if err := f.checkOutput(doc, out); err != nil {
		return nil, err
	}
	r.unused()
	return &mapping.Rendered{Body: out, ContentType: ContentType, Kind: kind, Version: r.version, ExternalID: id, Notes: r.notes}, nil
}

// adjustHCP gives a written message another id and another receiver where the target says so.
// The primary receiver is a fact of the content, who referred or who is asked, and stays: a receiver that is not
// among the addressees becomes the only copy receiver.
func adjustHCP(root *etree.Element, t mapping.Target) {
	if id := childNamed(root, "MsgId"); t.NewID != "" && id != nil {
		id.SetText(t.NewID)
	}
	content, primary := childNamed(root, "ServRprt"), "Requester"
	if content == nil {
		content, primary = childNamed(root, "ServReq"), "ServProvider"
	}
	if content == nil || t.To == nil || len(t.To.Levels) == 0 {
		return
	}
	old := content.SelectElements("CopyDest")
	for _, e := range append(content.SelectElements(primary), old...) {
		if her := t.To.HER(); her != "" && party(e, "").HER() == her {
			return
		}
	}
	for _, e := range old {
		content.RemoveChild(e)
	}
	dest := etree.NewElement("CopyDest")
	putHCP(dest.CreateElement("HCP"), *t.To)
	at := len(content.Child)
	if req := childNamed(content, "Requester"); req != nil {
		at = req.Index() // an epicrisis names copies before the primary receiver
		if primary == "ServProvider" {
			at++
		}
	}
	content.InsertChildAt(at, dest)
}

// putHCP writes the levels of an address.
func putHCP(hcp *etree.Element, a samvirke.Address) {
	if len(a.Levels) == 1 && a.Levels[0].Kind == levelPerson {
		p := hcp.CreateElement("HCProf")
		putMainID(p, a.Levels[0])
		putFurtherIDs(p, a.Levels[0])
		return
	}
	inst := hcp.CreateElement("Inst")
	putMainID(inst, a.Levels[0])
	for _, kind := range []string{levelDepartment, levelPerson} {
		for _, l := range a.Levels[1:] {
			if (l.Kind == levelPerson) != (kind == levelPerson) {
				continue
			}
			tag := "Dept"
			if kind == levelPerson {
				tag = "HCPerson"
			}
			e := inst.CreateElement(tag)
			putMainID(e, l)
			putFurtherIDs(e, l)
		}
	}
	putFurtherIDs(inst, a.Levels[0])
}

func putMainID(e *etree.Element, l samvirke.AddressLevel) {
	putText(e, "Name", l.Name)
	if i := mainID(l, false); i >= 0 {
		putText(e, "Id", l.IDs[i].Value)
		putType(e, "TypeId", l.IDs[i].Type)
	}
}

func putFurtherIDs(e *etree.Element, l samvirke.AddressLevel) {
	m := mainID(l, false)
	for i, id := range l.IDs {
		if i != m {
			x := e.CreateElement("AdditionalId")
			x.CreateElement("Id").SetText(id.Value)
			putType(x, "Type", id.Type)
		}
	}
}

func putType(e *etree.Element, tag, typ string) {
	t := e.CreateElement(tag)
	t.CreateAttr("V", typ)
	if dn := idTypeDisplay(typ); dn != "" {
		t.CreateAttr("DN", dn)
	}
}
