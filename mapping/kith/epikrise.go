package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// kindEpicrisis is the message type of an epicrisis 1.2 and versionEpicrisis the version that is written.
const (
	kindEpicrisis    = "EPIKRISE"
	versionEpicrisis = "1.2"
)

// extAbsent says why a value that FHIR demands is not there. Source: FHIR R4, data-absent-reason.
const extAbsent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

// withHCPTables adds the tables of the messages without a separate header.
func withHCPTables(t map[string]*table) map[string]*table {
	t[kindEpicrisis] = &table{kind: kindEpicrisis, root: epikriseTable(), payload: "Message", releases: []release{{versionEpicrisis, hcpNames(nsEpikrise + "/2012-02-15")}}}
	t[kindReceipt] = &table{kind: kindReceipt, root: appRecTable(), payload: "AppRec", releases: []release{
		{"1.0", hcpNames(nsAppRec + "2004-11-21")}, {"1.1", hcpNames(nsAppRec + "2012-02-15")}}}
	return t
}

// hcpNames are the namespaces of a message without a separate header.
func hcpNames(uri string) namespaces {
	return namespaces{"root": uri, "b64": kithNS + "/base64container"}
}

// parseEpikrise maps an epicrisis; the schema check has passed.
func (f *Format) parseEpikrise(src *source, p *mapping.Parsed) error {
	env := &p.Envelope
	if env.Kind != kindEpicrisis {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "type-mismatch", Receipt: "T99", Path: "/Message/Type",
			Safe: "the message type and the content contradict each other"}
	}
	t := f.tables[kindEpicrisis]
	b := t.builder(t.releases[0].names, env.ID)
	defer t.done(b)
	b.prepare(*env)
	b.top.name = src.root.Tag
	b.one(t.root, src.root, (*scope)(nil).at(src.root), cursor{}, b.top)
	bundle, err := b.finishEpikrise(env)
	if err != nil {
		return &samvirke.Fault{Class: samvirke.Internal, Code: "mapping", Safe: "the message could not be mapped", Err: err}
	}
	p.Bundle, p.Notes = bundle, b.notes
	if src.doubtful {
		p.Notes = append(p.Notes, mapping.Note{Path: "/", Code: "encoding", Text: "the bytes look like UTF-8 although another encoding is declared"})
	}
	return f.checkEpikrise(src, p)
}

// finishEpikrise adds what FHIR demands beside what the table has set. Nothing of it is read on the way back.
func (b *builder) finishEpikrise(env *samvirke.Envelope) (*fhir.Bundle, error) {
	patient := b.reference("Patient")
	a := b.arena
	h, c := b.roots["MessageHeader"].res, b.roots["Composition"].res
	b.finishHeader(h, env)
	c.Set("type", conceptOf(a, a.Texts("system", fhir.SystemMessageType, "code", env.Kind)))
	c.Set("subject", patient)
	if stays := b.stays(c, nil); len(stays) > 0 {
		c.Set("encounter", stays[0])
	}
	author := h.Get("sender")
	if author == nil || author.Get("reference") == nil {
		author = a.Texts("display", "not stated")
	}
	c.Set("author", a.Array(a.Texts("reference", author.Get("reference").Text(), "display", author.Get("display").Text())))
	if attester := c.At("attester.0"); attester != nil {
		attester.Set("mode", a.String("official"))
	}
	when := b.bundle.Get("timestamp").Text()
	for _, e := range b.entries {
		switch e.res.Get("resourceType").Text() {
		case "Encounter":
			e.res.Set("subject", patient)
			continue
		case "DocumentReference":
			if e.res.Get("content") == nil {
				content := a.Object(usualKeys)
				content.Set("attachment", withExt(a, a.Texts("url", extAbsent, "valueCode", "unknown")))
				e.res.Set("content", a.Array(content))
			}
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
			b.made[ref.Get("reference").Text()].Set("partOf", outer.Clone())
		}
		out = append(out, ref.Clone())
		b.stays(s, ref)
	}
	return out
}

// renderEpikrise writes an epicrisis 1.2.
func (f *Format) renderEpikrise(in *fhir.Bundle, t mapping.Target) (*mapping.Rendered, error) {
	version := t.Version
	if version == "" {
		version = in.First("MessageHeader").Extension(fhir.ExtMessageVersion).Get("valueString").Text()
	}
	tab := f.tables[kindEpicrisis]
	v, ok := tab.release(version)
	if !ok {
		return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: "unknown-version", Safe: "this version cannot be written"}
	}
	r := newReader(in, v.names, v.version)
	doc := r.hcpDocument(tab.root)
	adjustEpikrise(doc.Root(), t)
	return f.written(r, doc, kindEpicrisis, "MsgId")
}

// hcpDocument writes the tree of a message without a separate header.
func (r *reader) hcpDocument(root *el) *etree.Document {
	r.prefixes = map[string]string{}
	doc := etree.NewDocument()
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	r.write(&doc.Element, root, cursor{}, nil)
	if doc.Root() == nil {
		doc.CreateElement(root.name)
	}
	declareDefault(doc.Root(), r.names["root"])
	for _, e := range doc.Root().FindElements(".//Base64Container") {
		declareDefault(e, r.names["b64"])
	}
	return doc
}

func declareDefault(e *etree.Element, uri string) {
	e.Attr = append([]etree.Attr{{Key: "xmlns", Value: uri}}, e.Attr...)
}

// written ends the writing: bytes, schema check, and notes on what was not used.
func (f *Format) written(r *reader, doc *etree.Document, kind, id string) (*mapping.Rendered, error) {
	out, err := doc.WriteToBytes()
	if err != nil {
		return nil, &samvirke.Fault{Class: samvirke.Internal, Code: "write", Safe: "the message could not be written", Err: err}
	}
	if err := f.checkOutput(out); err != nil {
		return nil, err
	}
	r.unused()
	return &mapping.Rendered{
		Body: out, ContentType: ContentType, Kind: kind, Version: r.version,
		ExternalID: textOf(childNamed(doc.Root(), id)), Notes: r.notes,
	}, nil
}

// adjustEpikrise gives a written epicrisis another id and another receiver where the target says so.
// The primary receiver is a fact of the report, who referred the patient, and stays: a receiver that is not
// among the addressees becomes the only copy receiver.
func adjustEpikrise(root *etree.Element, t mapping.Target) {
	if id := childNamed(root, "MsgId"); t.NewID != "" && id != nil {
		id.SetText(t.NewID)
	}
	rprt := childNamed(root, "ServRprt")
	if rprt == nil || t.To == nil || len(t.To.Levels) == 0 {
		return
	}
	old := rprt.SelectElements("CopyDest")
	for _, e := range append(rprt.SelectElements("Requester"), old...) {
		if her := t.To.HER(); her != "" && party(e, "").HER() == her {
			return
		}
	}
	for _, e := range old {
		rprt.RemoveChild(e)
	}
	dest := etree.NewElement("CopyDest")
	putHCP(dest.CreateElement("HCP"), *t.To)
	at := len(rprt.Child)
	if req := childNamed(rprt, "Requester"); req != nil {
		at = req.Index()
	}
	rprt.InsertChildAt(at, dest)
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

// checkEpikrise are the rules beyond the schema. The first refusing one is the Fault; the rest warns.
//
// Source: standards/no README sections 4 and 7.2.
func (f *Format) checkEpikrise(src *source, p *mapping.Parsed) error {
	env := &p.Envelope
	warn := func(code, path, text string) {
		p.Warnings = append(p.Warnings, &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: text, Path: path})
	}
	if !isUUID(env.ID) {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "message-id", Safe: "the message id is not a UUID", Receipt: "E10", Path: "/Message/MsgId"}
	}
	if env.Sender.HER() == "" {
		warn("sender-address", "/Message/ServRprt/ServProvider", "the sender has no HER-id")
	}
	switch env.Op {
	case samvirke.OpNew, samvirke.OpChange, samvirke.OpAddition, samvirke.OpCancel:
	default:
		warn("unknown-op", "/Message/ServRprt/ServType", "the status of the message is not one of N, M, A, C")
	}
	if env.Conversation == "" {
		warn("no-reference", "/Message/ServRprt/ServProvId", "an epicrisis without an id of its own cannot be changed or cancelled")
	}
	if req := childNamed(childNamed(src.root, "ServRprt"), "ServReq"); env.Op == samvirke.OpNew && childText(req, "Id") == "" {
		warn("no-referral", "/Message/ServRprt/ServReq/Id", "a new epicrisis that names no referral")
	}
	return f.checkEpikrisePatient(childNamed(childNamed(src.root, "ServRprt"), "Patient"), p, warn)
}

// checkEpikrisePatient is rule E36: name with a number that holds, or name with birth date and sex.
func (f *Format) checkEpikrisePatient(pat *etree.Element, p *mapping.Parsed, warn func(code, path, text string)) error {
	const where = "/Message/ServRprt/Patient"
	ref := &p.Envelope.Patient
	var opts []fhir.PersonOption
	if f.opt.AllowSynthetic {
		opts = append(opts, fhir.AllowSynthetic())
	}
	var wrong *samvirke.Fault
	good := false
	for _, id := range patientIDs(pat) {
		err := fhir.Check(id.Type, id.Value, opts...)
		switch {
		case err == nil:
			good = good || rankOf(id.Type) < len(patientTypes)
		case rankOf(id.Type) == len(patientTypes):
			warn("patient-identifier", where+"/AdditionalId", "an identifier of the patient does not hold")
		default:
			fault := *samvirke.FaultOf(err)
			fault.Receipt, fault.Path = "E36", where+"/OffId"
			wrong = &fault
		}
	}
	if wrong != nil && !good {
		// A number that does not hold must never become a key, whatever else stands there.
		ref.Identifier = samvirke.Identifier{}
		return wrong
	}
	if wrong != nil {
		warn(wrong.Code, wrong.Path, wrong.Safe)
	}
	enough := ref.HasName && (good || ref.HasBirthDate && ref.HasSex)
	if !enough && !(f.opt.AllowH && ref.HasName && ref.HasBirthDate && ref.Type == fhir.TypeHNR) {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "patient-insufficient", Safe: "the patient is not sufficiently identified", Receipt: "E36", Path: where}
	}
	return nil
}
