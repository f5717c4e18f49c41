package careplan

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/samvirke/samvirke"
)

// Record is one message's contribution: immutable, complete, independent of all others.
// Source: careplan.md section 4.
type Record struct {
	Key     Key       `json:"key"`
	Hash    string    `json:"hash"` // SHA-256 of the message, see Meta.Checksum
	Chain   Chain     `json:"chain"`
	Subject string    `json:"subject"` // patient key as received
	Kind    string    `json:"kind"`
	Event   time.Time `json:"event,omitzero"`
	Sent    time.Time `json:"sent,omitzero"`
	Receive time.Time `json:"received"`
	// MessageID is the gateway's id of the message; it takes no part in folding.
	MessageID string `json:"message_id,omitempty"`
	// SenderName and Author are for provenance.
	SenderName string `json:"sender_name,omitempty"`
	Author     string `json:"author,omitempty"`
	// Original lists the HER-ids of the addressees (both levels); NoForwarding limits views to them.
	Original     []string `json:"original,omitempty"`
	NoForwarding bool     `json:"no_forwarding,omitempty"`
	// Seen are the keys of records that the sender says it had seen when it wrote this one: those in the plan
	// version it names. Only records that state something shared are listed (careplan.md section 5.3).
	Seen []string `json:"seen,omitempty"`
	// Roles are the capacities in which the sender acts, by the gateway's own configuration and never by what
	// the message says: "coordinator", "identity-authority", "patient", "person" (a human decided, not a system).
	Roles   []string `json:"roles,omitempty"`
	Mapping string   `json:"mapping"`
	// Content is what the message states, in the compact statement form of content.go:
	// everything the fold reads and nothing else, so that folding never walks FHIR resources.
	Content json.RawMessage `json:"content"`

	// facts is Content decoded; set by FromMessage and ParseRecord, else decoded by the fold.
	facts *content
	// plain: Content is as encodeContent writes it, so that it can be copied where it is encoded.
	plain bool
}

// Key identifies a record: the sending enterprise (or, without HER-id, party) and its message id.
type Key struct {
	Sender    string `json:"sender"`
	MessageID string `json:"message_id"`
}

// String gives sender/message-id, the form used in From lists and Sources.
func (k Key) String() string { return k.Sender + "/" + k.MessageID }

// Chain places a record in its conversation.
type Chain struct {
	// Conversation is "" only for a change, addition or cancellation that names none.
	Conversation string      `json:"conversation"`
	Parent       string      `json:"parent,omitempty"`
	Op           samvirke.Op `json:"op"`
}

// OpCancelVersion is the status of a cancellation that takes back only the version it names, so that the
// one before counts again. No message says so; it is how its sender means it.
//
// Source: careplan.md section 1, cancel scope.
const OpCancelVersion samvirke.Op = "C-version"

// Meta is what the gateway knows about a message and the message itself does not.
type Meta struct {
	// Received is the gateway's clock when the bytes were accepted.
	Received time.Time
	// MessageID is the gateway's id of the message.
	MessageID string
	// Mapping is name and version of the mapping that read it, for instance "kith/1".
	Mapping string
	// Checksum is the hex SHA-256 of the message as received; it is the record's hash when given. Else the
	// hash is made from the canonical form, which costs as much as writing it.
	Checksum string
	// CancelVersion: the sender's cancellations take back the version they name, not the whole conversation.
	CancelVersion bool
	// Seen and Roles are written into the record, see Record.
	Seen, Roles []string
	// Room, when not nil, is where Record.Content is written: the record is then good for as long as nobody
	// else writes there.
	Room []byte
}

// OrderTime is min(sent, received): a sender's clock that runs ahead cannot win.
// Source: careplan.md section 4.
func (r *Record) OrderTime() time.Time {
	if r.Sent.IsZero() || !r.Receive.IsZero() && r.Receive.Before(r.Sent) {
		return r.Receive
	}
	return r.Sent
}

// ParseRecord reads a record as json.Marshal of a Record wrote it. The error is a
// *samvirke.Fault of class Internal with code "record-broken": records are our own writing.
func ParseRecord(raw []byte) (Record, error) {
	fast := reader{s: string(raw)}
	if r := fast.record(); fast.end() && r.facts != nil {
		return r, nil
	}
	var r Record
	if err := json.Unmarshal(raw, &r); err != nil {
		return Record{}, brokenRecord(err)
	}
	c, err := decodeContent(r.Content)
	if err != nil {
		return Record{}, brokenRecord(err)
	}
	r.facts = c
	return r, nil
}

func brokenRecord(err error) error {
	return &samvirke.Fault{Class: samvirke.Internal, Code: "record-broken",
		Safe: "internal error", Err: fmt.Errorf("read plan record: %w", err)}
}

// contents returns the decoded content; a record whose content cannot be read states nothing.
func (r *Record) contents() *content {
	if r.facts != nil {
		return r.facts
	}
	c, err := decodeContent(r.Content)
	if err != nil {
		return &content{}
	}
	return c
}

// KeyOf gives the key that the record of a message will have.
func KeyOf(env *samvirke.Envelope) Key {
	return Key{Sender: senderOf(env.Sender), MessageID: normalID(env.ID)}
}
