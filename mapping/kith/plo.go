package kith

import (
	"maps"
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
	// root gives the rows. They are made when the first message of the kind comes: those of all kinds take 6 MB, and a gateway
	// rarely sees all.
	root func() *el
	// payload is the local name of the payload's root and child that of the element that tells the
	// kinds of one schema apart ("" when the root does).
	payload, child string
	// releases are the versions of the kind, oldest first.
	releases []release
	// prefixes are those of the output, by namespace key; a key without one is the default namespace of
	// the payload. The table of a message without a MsgHead has none.
	prefixes [][2]string
	// unchecked begin the namespaces of further documents that have no published schema.
	unchecked []string
	// builders wait for the next message of this kind.
	builders sync.Pool
}

// rows are those of a message with a MsgHead, made when they are first asked for.
func rows(payload func() *el) func() *el {
	return sync.OnceValue(func() *el { return headTable(payload()) })
}

// ploPrefixes are usual in nursing and care messages, whose common component is the default.
var ploPrefixes = [][2]string{{"root", "p"}, {"po", ""}, {"fk1", "fk1"}, {"epj1", "epj1"}, {"epj2", "epj2"}, {"epj3", "epj3"}, {"m1", "m1"}}

// ploTables are all tables of messages with a MsgHead, by kind.
func ploTables() map[string]*table {
	out := map[string]*table{
		"INNLEGGELSESRAPPORT": {root: rows(admissionReport), payload: "Innleggelsesrapport", releases: ploReleases("Innleggelsesrapport")},
		"UTSKRIVNINGSRAPPORT": {root: rows(dischargeReport), payload: "TverrfagligEpikrise", releases: ploReleases("TverrfagligEpikrise")},
	}
	for kind, child := range logisticsKinds() {
		out[kind] = &table{root: rows(func() *el { return logistics(child) }), payload: "Pasientlogistikk", child: child.name, releases: ploReleases("Pasientlogistikk")}
	}
	maps.Copy(out, careTables())
	for kind, t := range out {
		t.kind, t.prefixes = kind, ploPrefixes
	}
	return out
}

// parsePLO maps a message with a MsgHead; the schema check has passed.
func (f *Format) parsePLO(src *source, p *mapping.Parsed) error {
	env := &p.Envelope
	t := f.tables[env.Kind]
	v, _ := t.release(env.Version) // checkKind let no other pass
	b := t.builder(v.names, env.ID)
	defer t.done(b)
	b.prepare(p.Envelope)
	b.top.name, b.top.index = src.root.Tag, 1
	b.one(t.root(), src.root, (*scope)(nil).at(src.root), cursor{}, b.top)
	bundle, err := b.finish(env)
	if err != nil {
		return &samvirke.Fault{Class: samvirke.Internal, Code: "mapping", Safe: "the message could not be mapped", Err: err}
	}
	p.Bundle = bundle
	env.EventAt = eventTime(bundle, env.Kind)
	env.NoForwarding = noForwarding(bundle)
	p.Notes = b.said()
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
	v, ok := tab.release(version)
	if !ok {
		return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: "unknown-version", Safe: "this version cannot be written"}
	}
	version = v.version
	r := f.reader(in, v.names, version)
	defer r.done(f)
	doc := r.document(tab)
	adjust(doc.Root(), t)
	return f.written(r, doc, kind, textOfNamed(childNamed(doc.Root(), "MsgInfo"), "MsgId"))
}

// document writes the whole tree with the usual prefixes.
func (r *reader) document(t *table) *etree.Document {
	r.usePrefixes(t)
	doc := etree.NewDocument()
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	r.write(&doc.Element, t.root(), cursor{}, nil)
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
			if k.Tag == "Base64Container" && k.SelectAttr("xmlns") == nil {
				k.Attr = append([]etree.Attr{{Key: "xmlns", Value: r.names["b64"]}}, k.Attr...)
				continue
			}
			if declaresAny(k) {
				continue // XML that is carried as it is brings its own
			}
			var a []etree.Attr
			for _, p := range t.prefixes {
				key, prefix := p[0], p[1]
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
	return kindOf(strings.ToUpper(h.At("eventCoding.code").Text()))
}
