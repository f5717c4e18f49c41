package native

import (
	"bytes"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// Name is the format's short name in configuration, logs and the database.
const Name = "fhir"

// ContentType of everything that Render writes.
const ContentType = "application/fhir+json"

// Version is the FHIR version this package reads, and the Envelope.Version of messages that name no
// other one. A message of a national kind has the version of its payload standard instead ("1.6").
const Version = "4.0.1"

// Bounds, beside those of fhir.ParseNode.
const (
	// DefaultMaxBytes is how large a message may be when Options does not say. Unit: bytes.
	DefaultMaxBytes = 20 << 20
	// MaxEntries is how many entries a message may have.
	MaxEntries = 2000
)

// The kinds that exist only as FHIR.
const (
	KindAssessment = "assessment"
	KindTaskAnswer = "task-answer"
	KindPlanUpdate = "plan-update"
	// KindPlanWrite is what was written into the plan at this gateway, over REST or by a person: any facts of a plan.
	KindPlanWrite = "plan-write"
	// KindReceipt is the kind of an application receipt in all formats.
	KindReceipt = "APPREC"
)

// Options changes how messages are read.
type Options struct {
	// MaxBytes is the largest message read; 0 means DefaultMaxBytes.
	MaxBytes int
	// AllowSynthetic lets person numbers of the test registers pass. Never in production.
	AllowSynthetic bool
}

// Format reads and writes FHIR messages. It is safe for concurrent use.
type Format struct {
	opt Options
}

// New makes the format. It never fails; the error is there so that all formats are made alike.
func New(opt Options) (*Format, error) {
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	return &Format{opt: opt}, nil
}

// Name gives "fhir".
func (f *Format) Name() string { return Name }

var _ mapping.Format = (*Format)(nil)

// Sniff takes every JSON object that calls itself a FHIR resource, also a broken one and one that is
// no message: Parse then says what is wrong with it. See mapping.Format.
func (f *Format) Sniff(raw []byte) (mapping.Sniffed, bool) {
	s := mapping.Sniffed{Format: Name}
	if !f.Recognises(raw) {
		return s, false
	}
	if len(raw) > f.opt.MaxBytes {
		return s, true
	}
	b, err := fhir.ParseBundle(raw)
	if err != nil {
		return s, true
	}
	h, ok := fhir.HeaderOf(b)
	if !ok {
		return s, true
	}
	s.Kind, s.Version, s.ExternalID, s.GeneratedAt = kindOf(b, h), versionOf(h), h.ID, h.Timestamp
	if p := patientOf(b, h); p != nil {
		s.Patient = personIdentifier(p).Key()
	}
	return s, true
}

// Recognises tells by the first bytes and the word that every resource has; see mapping.Recogniser.
func (f *Format) Recognises(raw []byte) bool {
	head := bytes.TrimLeft(raw[:min(len(raw), 4096)], " \t\r\n\ufeff")
	return len(head) > 0 && head[0] == '{' && bytes.Contains(raw[:min(len(raw), f.opt.MaxBytes)], []byte(`"resourceType"`))
}

// kindOf is the event code; a receipt is a receipt whatever event it repeats.
func kindOf(b *fhir.Bundle, h fhir.Header) string {
	if isReceipt(b, h) {
		return KindReceipt
	}
	if h.Event.Code != "" {
		return h.Event.Code
	}
	return h.Event.System // eventUri
}

func versionOf(h fhir.Header) string {
	if h.Version != "" {
		return h.Version
	}
	return Version
}

// isReceipt tells whether the message only answers another one. A message with clinical content
// that names what it answers is a business answer, not a receipt.
func isReceipt(b *fhir.Bundle, h fhir.Header) bool {
	if h.Response == nil {
		return false
	}
	for _, e := range b.Entries() {
		switch e.Type {
		case "MessageHeader", "OperationOutcome", "Organization", "Practitioner", "PractitionerRole", "Endpoint", "Device":
		default:
			return false
		}
	}
	return true
}

// known tells whether this gateway has rules for an event.
func known(c fhir.Coding) bool {
	switch c.System {
	case fhir.SystemMessageType:
		return true
	case fhir.SystemNativeMessage:
		return c.Code == KindAssessment || c.Code == KindTaskAnswer || c.Code == KindPlanUpdate || c.Code == KindPlanWrite
	}
	return false
}

// bare drops the prefix that Bundle.identifier has and other places of the same id have not.
func bare(id string) string { return strings.TrimPrefix(id, "urn:uuid:") }
