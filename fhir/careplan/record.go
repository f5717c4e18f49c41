package careplan

import (
	"encoding/json"
	"time"

	"github.com/samvirke/samvirke"
)

// Record is one message's contribution: immutable, complete, independent of all others.
// Source: careplan.md section 4.
type Record struct {
	Key     Key       `json:"key"`
	Hash    string    `json:"hash"` // SHA-256 of the canonical payload
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
	Mapping      string   `json:"mapping"`
	// Content is what the message states, as canonical FHIR resources by kind.
	Content json.RawMessage `json:"content"`
}

// Key identifies a record: the sending enterprise (or, without HER-id, party) and its message id.
type Key struct {
	Sender    string `json:"sender"`
	MessageID string `json:"message_id"`
}

// Chain places a record in its conversation.
type Chain struct {
	Conversation string      `json:"conversation"`
	Parent       string      `json:"parent,omitempty"`
	Op           samvirke.Op `json:"op"`
}
