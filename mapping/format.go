package mapping

import (
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// Sniffed is what a quick look at the first bytes tells. It never needs the whole tree.
type Sniffed struct {
	Format  string
	Kind    string // the standard's message type as written, "" when not found
	Version string
	// ExternalID is the message id as written, "" when not found.
	ExternalID string
	// Patient is the patient key (samvirke.Identifier.Key) when it stands where expected; used only to
	// keep messages about one person in order, never for a decision.
	Patient     string
	GeneratedAt time.Time
}

// Format is one message format. Implementations are safe for concurrent use.
type Format interface {
	// Name is the format's short name: "kith", "fhir".
	Name() string
	// Sniff looks at raw and says whether this format should read it. It never fails: what is
	// too broken to tell gives ok=false.
	Sniff(raw []byte) (s Sniffed, ok bool)
	// Parse checks raw (well-formedness, bounds, schema, business rules) and maps it.
	// Errors are *samvirke.Fault of class Invalid with code, safe text, receipt code, line and path.
	// On a Fault, Parsed is still non-nil as far as it could be read (Envelope for the receipt), or nil.
	// Texts in Parsed may lie in raw, which nobody may change from then on.
	Parse(raw []byte) (*Parsed, error)
	// Render writes the canonical message for a receiver. The result is schema-valid or an error.
	// Notes list every value that did not fit.
	Render(b *fhir.Bundle, t Target) (*Rendered, error)
	// RenderReceipt writes the application receipt that answers the message with this envelope,
	// from the point of view of receiver (one of env.Receivers).
	RenderReceipt(env *samvirke.Envelope, receiver int, c samvirke.ReceiptContent, t Target) (*Rendered, error)
}

// Recogniser is a Format that tells sooner than Sniff whether it should read raw: the answer is the same as Sniff's
// ok. A gateway asks for every message and every answer before it parses it, and wants nothing else then.
type Recogniser interface {
	Recognises(raw []byte) bool
}

// Recognises tells whether a format should read raw.
func Recognises(f Format, raw []byte) bool {
	if r, ok := f.(Recogniser); ok {
		return r.Recognises(raw)
	}
	_, ok := f.Sniff(raw)
	return ok
}

// Parsed is a message after parsing.
type Parsed struct {
	Envelope samvirke.Envelope
	// Bundle is the canonical message; nil for a message that is an application receipt or could not be mapped.
	Bundle *fhir.Bundle
	// Notes list source values that are carried nowhere or only in part, and oddities that a person should know.
	Notes []Note
	// Warnings are faults that do not refuse the message (an event with an odd estimate flag, ...).
	Warnings []*samvirke.Fault
}

// Target says what a rendered message shall be.
type Target struct {
	// Version of the payload standard; "" = as the message says.
	Version string
	// NewID, when set, is the message id to write instead of the original one.
	NewID string
	// Now is the time of generation to write where the standard wants one (receipts).
	Now time.Time
	// To, when set, replaces the receivers: a routed copy is addressed to its receiver.
	To *samvirke.Address
}

// Rendered is a message for a receiver.
type Rendered struct {
	Body        []byte
	ContentType string
	// ExternalID is the message id inside Body.
	ExternalID string
	Kind       string
	Version    string
	Notes      []Note
}

// Note says what happened to one value that is not simply carried.
type Note struct {
	// Path is the place in the source: an XML path or a FHIR path.
	Path string `json:"path"`
	// Code is stable: "not-carried", "display-drift", "precision", "derived", "ambiguous" ...
	Code string `json:"code"`
	Text string `json:"text"`
}
