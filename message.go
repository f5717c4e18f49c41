package samvirke

import "time"

// MessageStatus says where an incoming message stands.
//
//	received -> processed | refused | attention
//	attention -> received (reprocess) | closed (given up, with a reason)
//	quarantined: same id as an earlier message but other content; never processed
type MessageStatus string

// The statuses of an incoming message.
const (
	MessageReceived    MessageStatus = "received"    // stored and synced, not yet processed
	MessageProcessed   MessageStatus = "processed"   // plan, deliveries and receipts are written
	MessageRefused     MessageStatus = "refused"     // refused by the standard's own rules, sender told where it may be told
	MessageAttention   MessageStatus = "attention"   // a person must look: Fault says why
	MessageQuarantined MessageStatus = "quarantined" // id reuse with other content
	MessageClosed      MessageStatus = "closed"      // a person ended it, with a reason
)

// Message is one incoming message as the gateway keeps it.
// Raw is the truth; everything else is read from it or from the transport.
type Message struct {
	// ID is the gateway's own id, unique and free of meaning.
	ID string `json:"id"`
	// Seq is the order of acceptance, given by the store; 0 before that.
	Seq int64 `json:"seq"`
	// Party is the id of the party that handed the bytes over, as authenticated by the transport.
	Party string `json:"party"`
	// Format names the mapping that recognised the bytes ("kith", "fhir"); "" when none did.
	Format string `json:"format"`
	// Kind is the standard's own message type, for instance LOG_INNLAGT; "" when unknown.
	Kind string `json:"kind"`
	// Version is the version of the payload standard, for instance "1.6".
	Version string `json:"version,omitempty"`
	// ExternalID is the message id the sender wrote (MsgId); "" when it could not be read.
	// Party + ExternalID is the duplicate key; when ExternalID is "" the checksum takes its place.
	ExternalID string `json:"external_id"`
	// Patient is the patient key, "system|value" of the identifier as received; "" when unknown.
	Patient string `json:"patient"`
	// GeneratedAt is the sender's clock, zero when unknown. Never used for ordering.
	GeneratedAt time.Time `json:"generated_at,omitzero"`
	// ReceivedAt is the gateway's clock when the bytes were accepted, UTC.
	ReceivedAt time.Time `json:"received_at"`
	// Status says where the message stands.
	Status MessageStatus `json:"status"`
	// Fault is the stable code of what is wrong (see Fault.Code); "" when nothing is.
	Fault string `json:"fault,omitempty"`
	// FaultText is the text for the admin that goes with Fault. It holds no patient data.
	FaultText string `json:"fault_text,omitempty"`
	// Checksum is the lower-case hex SHA-256 of Raw.
	Checksum string `json:"checksum"`
	// Size is the length of the body as it was sent, in bytes. It is larger than len(Raw) only
	// when the body was over the size limit and just its beginning was kept.
	Size int64 `json:"size"`
	// ContentType is what the transport said about Raw, for instance "application/xml".
	ContentType string `json:"content_type,omitempty"`
	// TraceParent is the W3C trace context of the request, "" when there was none.
	TraceParent string `json:"trace_parent,omitempty"`
	// Raw is the message exactly as received. Listings leave it nil.
	Raw []byte `json:"-"`
}

// Op is what a message does to the conversation it belongs to.
//
// Source: code list 7309 (Forsendelsesstatus), codes N, M, A and C.
type Op string

// The operations of code list 7309 that the gateway acts on.
const (
	OpNew      Op = "N"
	OpChange   Op = "M"
	OpAddition Op = "A"
	OpCancel   Op = "C"
)

// Identifier is a value with the system or type it belongs to, as received.
type Identifier struct {
	// System is a URI, for instance urn:oid:2.16.578.1.12.4.1.4.1; "" when only Type is known.
	System string `json:"system,omitempty"`
	// Type is the short code of the standard (FNR, DNR, HER, HPR, ENH ...).
	Type string `json:"type,omitempty"`
	// Value is the identifier as written; use fhir.NormalizeHER and friends to compare.
	Value string `json:"value"`
}

// Key gives "system|value", the form used as patient key; "" when there is no value.
func (i Identifier) Key() string {
	if i.Value == "" {
		return ""
	}
	return i.System + "|" + i.Value
}
