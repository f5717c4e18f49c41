package kith

import (
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// appRecTable is the table of an application receipt, the same in both versions.
//
// Source: AppRec 1.0 (2004-11-21) and 1.1 (2012-02-15).
func appRecTable() *el {
	return group("root", "AppRec", "1", to("$MessageHeader"),
		leafEl("root", "MsgType", "1", cs("8279"), "eventCoding"),
		leafEl("root", "MIGversion", "1", migVersion{text()}, "@mig-version.valueString"),
		leafEl("root", "SoftwareName", "?", text(), "source.software"),
		leafEl("root", "SoftwareVersion", "?", text(), "source.version"),
		leafEl("root", "GenDate", "1", instant(), "$Bundle.timestamp"),
		leafEl("root", "Id", "1", msgIDCodec{}, "$Bundle.identifier"),
		group("root", "Sender", "1", inline{},
			leafEl("root", "Role", "?", csFree(), "sender.@role.valueCoding"),
			hcp("sender", inReceipt),
		),
		group("root", "Receiver", "1", to("destination[0]"),
			leafEl("root", "Role", "?", csFree(), "@role.valueCoding"),
			hcp("receiver", inReceipt),
		),
		leafEl("root", "Status", "1", mapCodec{list: "8258", pairs: [][3]string{
			{"1", "ok", "OK"}, {"2", "fatal-error", "Avvist"}, {"3", "ok", "OK, feil i delmelding"},
		}, other: "fatal-error"}, "response.code"),
		leafEl("root", "Error", "*", receiptErrorCodec{}, "response.details>OperationOutcome.issue[]"),
		group("root", "OriginalMsgId", "1", to("response"),
			leafEl("root", "MsgType", "1", fallback{cs("8279"), nil}, "@original-type.valueCoding"),
			leafEl("root", "IssueDate", "1", issueTime{dateTime()}, "@original-issued.valueDateTime"),
			leafEl("root", "Id", "1", scalarCodec{scalar: idScalar{}}, "identifier"),
		),
	)
}

// migVersion is MIGversion of a receipt, which follows from the version where FHIR does not say.
type migVersion struct{ codec }

func (k migVersion) render(r *reader, s slot) (leaf, bool) {
	if l, ok := k.codec.render(r, s); ok {
		return l, true
	}
	return k.absent(r), true
}

func (migVersion) absent(r *reader) leaf {
	_, mig, _ := appRecNamespace(r.version)
	return leaf{text: mig}
}

// issueTime is when the message answered was made. Its schema demands it; a FHIR receipt does not know it,
// so that the time of the receipt has to stand in, with a note.
type issueTime struct{ codec }

func (issueTime) absent(r *reader) leaf {
	at, ok := timeOf(r.bundle.Root.Get("timestamp").Text())
	if !ok {
		return leaf{}
	}
	r.note(nil, "defaulted", "the receipt does not say when the message it answers was made; its own time stands instead")
	return leaf{text: norwegianTime(at)}
}

// idScalar is a FHIR id; what it cannot carry stands as it was written.
type idScalar struct{}

func (idScalar) read(t string) (value, form string, ok bool) {
	if t == "" || len(t) > 64 {
		return "", "", false
	}
	for i := 0; i < len(t); i++ {
		c := t[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '.') {
			return "", "", false
		}
	}
	return t, "", true
}
func (idScalar) write(v, _ string) string { return v }
func (idScalar) kind() string             { return "id" }

// receiptErrorCodec is one Error as an issue of the OperationOutcome: the code in details, @OT in diagnostics.
type receiptErrorCodec struct{}

func (receiptErrorCodec) describe() (string, string) {
	return "OperationOutcome.issue: details.coding, diagnostics", "8221"
}

func (receiptErrorCodec) parse(_ *builder, l *leaf, s slot) {
	n := s.object()
	n.Set("severity", fhir.String("error"))
	n.Set("code", fhir.String("processing"))
	if ot, ok := l.take("OT"); ok {
		putScalar(stringScalar{}, ot, slot{obj: n, key: "diagnostics", index: -1})
	}
	c := fhir.NewObject()
	codingCodec{}.put(l, c, false)
	n.Set("details", fhir.NewObject("coding", fhir.NewArray(c)))
}

func (receiptErrorCodec) render(r *reader, s slot) (leaf, bool) {
	n, _ := s.get()
	if n.Get("severity").Text() == "information" {
		return leaf{}, false
	}
	var l leaf
	for _, c := range n.At("details.coding").Items() {
		if c.Get("system").Text() == fhir.SystemFault {
			continue // ours, beside the national code
		}
		l, _ = codingCodec{}.get(r, c)
		break
	}
	r.use(n.Get("severity"))
	r.use(n.Get("code"))
	if ot, ok := getScalar(r, stringScalar{}, slot{obj: n, key: "diagnostics", index: -1}); ok {
		l.attrs = append(l.attrs, attr{"OT", ot})
	}
	return l, true
}

// parseAppRec maps a receipt; the schema check has passed. The Envelope's Receipt is what the
// gateway acts on; the Bundle is for those who read FHIR.
func (f *Format) parseAppRec(src *source, p *mapping.Parsed) error {
	env := &p.Envelope
	if env.Kind != kindReceipt {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "type-mismatch", Path: "/AppRec/MsgType",
			Safe: "the message type and the content contradict each other"}
	}
	ns, _, _ := appRecNamespace(env.Version)
	b := newBuilder(hcpNames(ns), env.ID)
	h := b.root("MessageHeader").obj
	h.Set("extension", fhir.NewArray(fhir.NewObject("url", fhir.ExtMessageVersion, "valueString", env.Version)))
	b.one(f.tables[kindReceipt].root(), src.root, (*scope)(nil).at(src.root), cursor{}, &where{name: src.root.Tag})
	b.finishHeader(h, env)
	h.Set("focus", nil)
	entries := fhir.NewArray()
	for _, e := range b.made.list {
		entries.Add(fhir.NewObject("fullUrl", e.url, "resource", e.res))
	}
	b.bundle.Set("entry", entries)
	bundle, err := fhir.BundleOf(b.bundle)
	if err != nil {
		return &samvirke.Fault{Class: samvirke.Internal, Code: "mapping", Safe: "the message could not be mapped", Err: err}
	}
	p.Bundle, p.Notes = bundle, b.said()
	return checkAppRec(p)
}

// checkAppRec are the rules beyond the schema. None of the faults is answered: there is no receipt for a receipt.
//
// Source: standards/no README section 7.
func checkAppRec(p *mapping.Parsed) error {
	env := &p.Envelope
	warn := func(code, path, text string) {
		p.Warnings = append(p.Warnings, &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: text, Path: path})
	}
	c := env.Receipt
	switch c.Status {
	case samvirke.ReceiptOK:
		if len(c.Errors) > 0 {
			warn("receipt-errors", "/AppRec/Error", "a positive receipt carries errors")
		}
	case samvirke.ReceiptRejected, samvirke.ReceiptPartial:
		if len(c.Errors) == 0 {
			warn("receipt-errors", "/AppRec/Error", "a negative receipt names no error")
		}
	default:
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "receipt-status", Safe: "the status of the receipt is not in its code list", Path: "/AppRec/Status"}
	}
	if !isUUID(env.ID) {
		warn("message-id", "/AppRec/Id", "the id of the receipt is not a UUID")
	}
	if strings.TrimSpace(c.OriginalID) == "" {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "receipt-original", Safe: "the receipt does not say which message it answers", Path: "/AppRec/OriginalMsgId/Id"}
	}
	return nil
}

// renderAppRecBundle writes a receipt that stands in a FHIR message.
func (f *Format) renderAppRecBundle(in *fhir.Bundle, t mapping.Target) (*mapping.Rendered, error) {
	h := in.First("MessageHeader")
	version := t.Version
	if version == "" {
		version = h.Extension(fhir.ExtMessageVersion).Get("valueString").Text()
	}
	if version == "" {
		version = "1.1"
	}
	ns, _, ok := appRecNamespace(version)
	if !ok {
		return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: "unknown-version", Safe: "this version cannot be written"}
	}
	r := f.reader(in, hcpNames(ns), version)
	defer r.done(f)
	doc := r.hcpDocument(f.tables[kindReceipt])
	if id := childNamed(doc.Root(), "Id"); t.NewID != "" && id != nil {
		id.SetText(t.NewID)
	}
	return f.written(r, doc, kindReceipt, textOfNamed(doc.Root(), "Id"))
}
