package kith

import (
	"strings"
	"sync"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// table is the element table of one kind of message.
type table struct {
	kind string
	root *el
	// payload is the local name of the payload's root and child that of the element that tells the
	// kinds of one schema apart ("" when the root does).
	payload, child string
	// space is the end of the payload's namespace, before the date: "Pasientlogistikk".
	space string
	// spaces are the namespaces by version, for reading; see names.
	spaces map[string]namespaces
	// builders wait for the next message of this kind.
	builders sync.Pool
}

// namespaces maps the keys of the tables to URIs.
type namespaces map[string]string

const kithNS = "http://www.kith.no/xmlstds"

const nsMsgHead = kithNS + "/msghead/2006-05-24"

// payloadDates are the dates in the namespaces of the payload versions.
func payloadDate(version string) string {
	if version == "1.5" {
		return "2009-06-30"
	}
	return "2012-04-01"
}

func versionOf(date string) string {
	switch date {
	case "2009-06-30":
		return "1.5"
	case "2012-04-01":
		return "1.6"
	}
	return ""
}

func (t *table) names(version string) namespaces {
	return namespaces{
		"mh": nsMsgHead, "b64": kithNS + "/base64container",
		"root": kithNS + "/po/" + t.space + "/" + payloadDate(version),
		"po":   kithNS + "/po/poKomponent/" + payloadDate(version),
		"fk1":  kithNS + "/felleskomponent1",
		"epj1": kithNS + "/epj/epj1/2008-02-20", "epj2": kithNS + "/epj/epj2/2008-02-20",
		"epj3": kithNS + "/epj/epj3/2008-02-20", "m1": kithNS + "/epj/meta/2008-02-20",
	}
}

// ploTables are all tables of messages with a MsgHead, by kind.
func ploTables() map[string]*table {
	out := map[string]*table{
		"INNLEGGELSESRAPPORT": {root: headTable(admissionReport()), payload: "Innleggelsesrapport", space: "Innleggelsesrapport"},
		"UTSKRIVNINGSRAPPORT": {root: headTable(dischargeReport()), payload: "TverrfagligEpikrise", space: "TverrfagligEpikrise"},
	}
	for kind, child := range logisticsKinds() {
		out[kind] = &table{root: headTable(logistics(child)), payload: "Pasientlogistikk", child: child.name, space: "Pasientlogistikk"}
	}
	for kind, t := range out {
		t.kind = kind
		t.spaces = map[string]namespaces{"1.5": t.names("1.5"), "1.6": t.names("1.6")}
	}
	return out
}

// parsePLO maps a message with a MsgHead; the schema check has passed.
func (f *Format) parsePLO(src *source, p *mapping.Parsed) error {
	env := &p.Envelope
	t := f.tables[env.Kind]
	b := t.builder(t.spaces[env.Version], env.ID)
	defer t.done(b)
	b.prepare(p.Envelope)
	b.top.name, b.top.index = src.root.Tag, 1
	b.one(t.root, src.root, (*scope)(nil).at(src.root), cursor{}, b.top)
	bundle, err := b.finish(env)
	if err != nil {
		return &samvirke.Fault{Class: samvirke.Internal, Code: "mapping", Safe: "the message could not be mapped", Err: err}
	}
	p.Bundle = bundle
	env.EventAt = eventTime(bundle, env.Kind)
	env.NoForwarding = noForwarding(bundle)
	p.Notes = b.notes
	if src.doubtful {
		p.Notes = append(p.Notes, mapping.Note{Path: "/", Code: "encoding", Text: "the bytes look like UTF-8 although another encoding is declared"})
	}
	return f.check(src, p)
}

// prepare makes the resources that stand first, in the order of the canonical layout.
func (b *builder) prepare(env samvirke.Envelope) {
	h := b.root("MessageHeader").obj
	h.Set("extension", b.arena.Array(b.arena.Texts("url", fhir.ExtMessageVersion, "valueString", env.Version)))
	b.root("Composition")
}

// renderPLO writes a message with a MsgHead.
func (f *Format) renderPLO(in *fhir.Bundle, t mapping.Target) (*mapping.Rendered, error) {
	kind := kindOfBundle(in)
	tab := f.tables[kind]
	if tab == nil {
		return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: "unknown-kind", Safe: "this kind of message cannot be written in this format"}
	}
	version := t.Version
	if version == "" {
		version = in.First("MessageHeader").Extension(fhir.ExtMessageVersion).Get("valueString").Text()
	}
	if version == "" {
		version = "1.6"
	}
	if version != "1.5" && version != "1.6" {
		return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: "unknown-version", Safe: "this version cannot be written"}
	}
	r := newReader(in, tab.names(version), version)
	doc := r.document(tab)
	adjust(doc.Root(), t)
	out, err := doc.WriteToBytes()
	if err != nil {
		return nil, &samvirke.Fault{Class: samvirke.Internal, Code: "write", Safe: "the message could not be written", Err: err}
	}
	if err := f.checkOutput(out); err != nil {
		return nil, err
	}
	r.unused()
	return &mapping.Rendered{
		Body: out, ContentType: ContentType, Kind: kind, Version: version,
		ExternalID: textOf(childNamed(childNamed(doc.Root(), "MsgInfo"), "MsgId")), Notes: r.notes,
	}, nil
}

// document writes the whole tree with the usual prefixes.
func (r *reader) document(t *table) *etree.Document {
	r.prefixes = map[string]string{"root": "p", "fk1": "fk1", "epj1": "epj1", "epj2": "epj2", "epj3": "epj3"}
	doc := etree.NewDocument()
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	r.write(&doc.Element, t.root, cursor{}, nil)
	root := doc.Root()
	if root == nil {
		root = doc.CreateElement("MsgHead")
	}
	root.Attr = append([]etree.Attr{{Key: "xmlns", Value: nsMsgHead}}, root.Attr...)
	r.declare(doc.Root(), t)
	return doc
}

// declare puts the namespace declarations where the payload and attachments begin.
func (r *reader) declare(root *etree.Element, t *table) {
	for _, d := range root.SelectElements("Document") {
		content := childNamed(childNamed(d, "RefDoc"), "Content")
		if content == nil {
			continue
		}
		for _, k := range content.ChildElements() {
			if k.Tag == "Base64Container" {
				k.Attr = append([]etree.Attr{{Key: "xmlns", Value: r.names["b64"]}}, k.Attr...)
				continue
			}
			var a []etree.Attr
			for _, key := range []string{"root", "po", "fk1", "epj1", "epj2", "epj3", "m1"} {
				prefix := r.prefixes[key]
				if key == "m1" {
					prefix = "m1"
				}
				switch {
				case prefix == "":
					a = append(a, etree.Attr{Key: "xmlns", Value: r.names[key]})
				case key == "root" || usesPrefix(k, prefix):
					a = append(a, etree.Attr{Space: "xmlns", Key: prefix, Value: r.names[key]})
				}
			}
			k.Attr = append(a, k.Attr...)
		}
	}
}

func usesPrefix(e *etree.Element, prefix string) bool {
	if e.Space == prefix {
		return true
	}
	for i := range e.Attr {
		if e.Attr[i].Space == prefix {
			return true
		}
	}
	for _, t := range e.Child {
		if k, ok := t.(*etree.Element); ok && usesPrefix(k, prefix) {
			return true
		}
	}
	return false
}

// kindOfBundle is the message type of a canonical message, "" when it has none of ours.
func kindOfBundle(b *fhir.Bundle) string {
	h := b.First("MessageHeader")
	if h.At("eventCoding.system").Text() != fhir.SystemMessageType {
		return ""
	}
	return strings.ToUpper(h.At("eventCoding.code").Text())
}
