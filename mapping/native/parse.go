package native

import (
	"errors"
	"strconv"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// Fault codes of this package, all of class Invalid unless said otherwise; beside those of
// fhir.ParseNode and the identifier checks.
const (
	CodeTooLarge      = "too-large"          // more than MaxBytes
	CodeNotBundle     = "not-bundle"         // a FHIR resource, but no Bundle
	CodeNotMessage    = "not-message"        // a Bundle of another type
	CodeTooManyEntry  = "too-many-entries"   // more than MaxEntries
	CodeEntry         = "bad-entry"          // an entry without resource or without a FHIR resourceType
	CodeDuplicateURL  = "duplicate-full-url" // two entries with one fullUrl
	CodeNoHeader      = "no-message-header"  // the first entry is no MessageHeader, or there are two
	CodeNoID          = "no-message-id"      // neither Bundle.identifier nor MessageHeader.id
	CodeNoEvent       = "no-event"           // no eventCoding.code and no eventUri
	CodeNoSender      = "no-sender"          // the sender has no identifier; nobody can be answered
	CodeNoPatient     = "no-patient"         // no patient with identifier
	CodeTimestamp     = "bad-timestamp"      // Bundle.timestamp is no instant
	CodeUnknownOp     = "unknown-op"         // class Permanent: what the message does to its conversation is unknown
	CodeNoObservation = "no-observation"     // assessment without Observation, or one without code
	CodeNoTask        = "no-task"            // task-answer without Task, or one without status
	CodeNoTaskFocus   = "no-task-focus"      // a Task that does not say what it answers
	CodeNoAnswered    = "no-answered-id"     // a receipt that does not say which message it answers
)

// Parse checks and reads one message; see mapping.Format. The Bundle is the message itself.
func (f *Format) Parse(raw []byte) (*mapping.Parsed, error) {
	if len(raw) > f.opt.MaxBytes {
		return nil, fault(CodeTooLarge, "T99", "", "the message is larger than the limit")
	}
	root, err := fhir.ParseNode(raw)
	if err != nil {
		return nil, err
	}
	b, err := bundleOf(root)
	if err != nil {
		return nil, err
	}
	p := &mapping.Parsed{}
	h, _ := fhir.HeaderOf(b)
	f.envelope(p, b, h)
	for _, check := range []func() error{
		func() error { return checkHeader(p, b, h) },
		func() error { return f.checkAddresses(p) },
		func() error { return f.checkContent(p, b, h) },
	} {
		if err := check(); err != nil {
			return p, err
		}
	}
	if p.Envelope.Receipt == nil {
		p.Bundle = b
	}
	return p, nil
}

func fault(code, receipt, path, safe string) error {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: safe, Receipt: receipt, Path: path}
}

// bundleOf holds the frame of a message against R4: constraints bdl-7 and bdl-12.
func bundleOf(root *fhir.Node) (*fhir.Bundle, error) {
	if root.Get("resourceType").Text() != "Bundle" {
		return nil, fault(CodeNotBundle, "T10", "resourceType", "the resource is no Bundle")
	}
	if root.Get("type").Text() != "message" {
		return nil, fault(CodeNotMessage, "T10", "Bundle.type", "the Bundle is no message")
	}
	entries := root.Get("entry").Items()
	if len(entries) > MaxEntries {
		return nil, fault(CodeTooManyEntry, "T99", "Bundle.entry", "the message has too many entries")
	}
	urls := make(map[string]bool, len(entries))
	headers := 0
	for i, e := range entries {
		path := "Bundle.entry[" + strconv.Itoa(i) + "]"
		typ := e.At("resource.resourceType").Text()
		if !isTypeName(typ) {
			return nil, fault(CodeEntry, "T02", path, "an entry has no resource of a FHIR type")
		}
		if url := e.Get("fullUrl").Text(); url != "" {
			if urls[url] {
				return nil, fault(CodeDuplicateURL, "T02", path, "two entries have the same fullUrl")
			}
			urls[url] = true
		}
		if typ == "MessageHeader" {
			headers++
		}
	}
	if headers != 1 || entries[0].At("resource.resourceType").Text() != "MessageHeader" {
		return nil, fault(CodeNoHeader, "T02", "Bundle.entry[0]", "the first entry, and only that, must be a MessageHeader")
	}
	b, err := fhir.BundleOf(root)
	if err != nil {
		return nil, fault(CodeEntry, "T02", "Bundle.entry", "an entry has no resource of a FHIR type")
	}
	return b, nil
}

// isTypeName: a resource type is a word in upper camel case. Types we do not know are carried.
func isTypeName(s string) bool {
	if len(s) < 2 || len(s) > 64 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return false
		}
	}
	return true
}

// envelope reads what the message says about itself, as far as it goes.
func (f *Format) envelope(p *mapping.Parsed, b *fhir.Bundle, h fhir.Header) {
	e := &p.Envelope
	e.Format, e.Kind, e.Version = Name, kindOf(b, h), versionOf(h)
	e.KindDisplay = h.Event.Display
	e.ID = h.ID
	e.Op, e.Parent, e.Conversation = samvirke.Op(h.Op), bare(h.Parent), bare(h.Conversation)
	e.GeneratedAt, e.GeneratedRaw = h.Timestamp, h.TimestampRaw
	e.Sender, e.Receivers = h.Sender, h.Receivers
	if isReceipt(b, h) {
		e.Op = ""
		e.Receipt = receiptOf(b, h)
		return
	}
	if e.Op == "" {
		e.Op = samvirke.OpNew
	}
	if n := patientOf(b, h); n != nil {
		e.Patient = patientRef(n)
	}
	e.EventAt = eventTime(b, e.Kind)
	e.NoForwarding = noForwarding(b)
}

func checkHeader(p *mapping.Parsed, b *fhir.Bundle, h fhir.Header) error {
	const path = "Bundle.entry[0].resource"
	switch {
	case h.ID == "":
		return fault(CodeNoID, "E10", "Bundle.identifier", "the message has no id")
	case h.TimestampRaw != "" && h.Timestamp.IsZero():
		return fault(CodeTimestamp, "T02", "Bundle.timestamp", "the time of generation is no instant with a zone")
	case h.Event == fhir.Coding{} && h.Response == nil:
		return fault(CodeNoEvent, "T02", path+".eventCoding", "the message names no event")
	case p.Envelope.Receipt != nil && p.Envelope.Receipt.OriginalID == "":
		return fault(CodeNoAnswered, "T02", path+".response.identifier", "the receipt does not say what it answers")
	}
	switch samvirke.Op(h.Op) {
	case "", samvirke.OpNew, samvirke.OpChange, samvirke.OpAddition, samvirke.OpCancel:
	default:
		return &samvirke.Fault{Class: samvirke.Permanent, Code: CodeUnknownOp, Path: path,
			Safe: "what the message does to earlier ones is unknown to this gateway"}
	}
	warn := func(code, at, text string) {
		p.Warnings = append(p.Warnings, &samvirke.Fault{Class: samvirke.Invalid, Code: code, Path: at, Safe: text})
	}
	if !known(h.Event) && p.Envelope.Receipt == nil {
		warn("unknown-event", path+".eventCoding", "the event is not one this gateway has rules for; the message is carried")
	}
	if h.SourceEndpoint == "" {
		warn("no-source", path+".source.endpoint", "R4 demands MessageHeader.source.endpoint")
	}
	if h.TimestampRaw == "" {
		warn("no-timestamp", "Bundle.timestamp", "the message does not say when it was generated")
	}
	if len(h.Receivers) == 0 {
		warn("no-destination", path+".destination", "the message names no receiver; rules alone decide")
	}
	if op := samvirke.Op(h.Op); op != "" && op != samvirke.OpNew && h.Parent == "" {
		warn("no-parent", path+".extension", "a change, addition or cancellation does not say of what")
	}
	for i, ref := range h.Focus {
		if _, ok := b.Resolve(ref); !ok {
			warn("unresolved-reference", path+".focus["+strconv.Itoa(i)+"]", "the focus is not in the message")
		}
	}
	return nil
}

// checkAddresses wants a sender that can be told; wrong organisation numbers are reported only.
func (f *Format) checkAddresses(p *mapping.Parsed) error {
	e := &p.Envelope
	identified := false
	for _, l := range e.Sender.Levels {
		identified = identified || len(l.IDs) > 0
	}
	if !identified {
		return fault(CodeNoSender, "", "MessageHeader.sender", "the message names no sender with an identifier")
	}
	for _, a := range append([]samvirke.Address{e.Sender}, e.Receivers...) {
		for _, l := range a.Levels {
			for _, id := range l.IDs {
				if err := fhir.Check(id.Type, id.Value, fhir.AllowSynthetic()); err != nil {
					w := *samvirke.FaultOf(err)
					w.Path = "MessageHeader"
					p.Warnings = append(p.Warnings, &w)
				}
			}
		}
	}
	return nil
}

// checkContent holds patient and content against the rules of the kind.
func (f *Format) checkContent(p *mapping.Parsed, b *fhir.Bundle, h fhir.Header) error {
	if p.Envelope.Receipt != nil {
		return nil
	}
	id := p.Envelope.Patient.Identifier
	if id.Value == "" {
		return fault(CodeNoPatient, "E36", "Patient.identifier", "the message has no patient with an identifier")
	}
	var opts []fhir.PersonOption
	if f.opt.AllowSynthetic {
		opts = append(opts, fhir.AllowSynthetic())
	}
	if err := fhir.Check(id.Type, id.Value, opts...); err != nil {
		w, _ := errors.AsType[*samvirke.Fault](err)
		refused := *w
		refused.Receipt, refused.Path = "E36", "Patient.identifier"
		return &refused
	}
	if n := len(b.All("Patient")); n > 1 {
		p.Notes = append(p.Notes, mapping.Note{Path: "Bundle.entry", Code: "several-patients",
			Text: "the message holds more than one Patient; it is about the one its focus names"})
	}
	if h.Event.System != fhir.SystemNativeMessage || p.Envelope.Op == samvirke.OpCancel {
		return nil
	}
	switch h.Event.Code {
	case KindAssessment:
		return checkAssessment(p, b)
	case KindTaskAnswer:
		return checkTasks(p, b)
	case KindPlanUpdate:
		checkPlan(p, b)
		return f.checkWrite(p, b)
	case KindPlanWrite:
		return f.checkWrite(p, b)
	}
	return nil
}

// eventTime is when the thing told about happened: the newest assessment, the newest answer, or the
// admission or discharge of the stay.
func eventTime(b *fhir.Bundle, kind string) time.Time {
	var newest time.Time
	take := func(s string) {
		if at := moment(s); at.After(newest) {
			newest = at
		}
	}
	switch kind {
	case KindAssessment:
		for _, o := range b.All("Observation") {
			take(o.Get("effectiveDateTime").Text())
			take(o.Get("effectiveInstant").Text())
			take(o.At("effectivePeriod.start").Text())
		}
	case KindTaskAnswer:
		for _, t := range b.All("Task") {
			take(t.Get("lastModified").Text())
		}
	case "LOG_INNLAGT":
		take(b.First("Encounter").At("period.start").Text())
	case "LOG_UTSKREVET":
		take(b.First("Encounter").At("period.end").Text())
	}
	return newest
}

// moment reads a FHIR dateTime. A date alone is taken as its noon in UTC, so that it stays that day
// in every European zone; less than a date gives no moment.
func moment(s string) time.Time {
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return at
	}
	if at, err := time.Parse(time.DateOnly, s); err == nil {
		return at.Add(12 * time.Hour)
	}
	return time.Time{}
}
