package samvirke

import "time"

// ReceiptStatus is the verdict of an application receipt.
//
// Source: code list 8258.
type ReceiptStatus string

// The verdicts of code list 8258.
const (
	ReceiptOK       ReceiptStatus = "1" // accepted
	ReceiptRejected ReceiptStatus = "2" // refused
	ReceiptPartial  ReceiptStatus = "3" // accepted, error in a part
)

// ReceiptContent is what an application receipt says, whatever its format.
type ReceiptContent struct {
	Status ReceiptStatus  `json:"status"`
	Errors []ReceiptError `json:"errors,omitempty"`
	// OriginalID, OriginalKind and OriginalIssued repeat MsgId, type and GenDate of the message answered, as written.
	OriginalID     string `json:"original_id"`
	OriginalKind   string `json:"original_kind,omitempty"`
	OriginalIssued string `json:"original_issued,omitempty"`
}

// ReceiptError is one error of a negative receipt (code list 8221).
type ReceiptError struct {
	Code    string `json:"code"`             // T01, T02, E10, E36, X99 ...
	System  string `json:"system,omitempty"` // OID of the code list, as written; "" means 8221
	Display string `json:"display,omitempty"`
	Detail  string `json:"detail,omitempty"` // @OT, always shown to the user
}

// Direction says which way a receipt went.
type Direction string

// The directions.
const (
	Inbound  Direction = "in"  // a receiver answered something we delivered
	Outbound Direction = "out" // we answered a sender
)

// Receipt is an application receipt as the gateway keeps it. Late, double, unknown and
// contradicting ones are kept too: Note says which.
type Receipt struct {
	ID        string    `json:"id"`
	Direction Direction `json:"direction"`
	// Party gave (in) or gets (out) the receipt.
	Party string `json:"party"`
	// MessageID is the incoming message: for in, the one the answered delivery came from;
	// for out, the one answered. "" when the receipt matches nothing.
	MessageID string `json:"message_id"`
	// DeliveryID is, for in, the delivery answered; for out, the delivery that carries the receipt.
	DeliveryID string `json:"delivery_id,omitempty"`
	// CarrierID is, for in, the incoming message that was the receipt, when it came as one of its own.
	CarrierID string `json:"carrier_id,omitempty"`
	// From is, for in, the HER-id of the receiver that answers, when the delivery answered has several; else "".
	From       string    `json:"from,omitempty"`
	ExternalID string    `json:"external_id"`
	At         time.Time `json:"at"`
	ReceiptContent
	// Note is "", "late", "duplicate", "contradicting", "unknown" or NoteDeviation.
	Note string `json:"note,omitempty"`
}

// NoteDeviation marks an entry that is no AppRec but an error report about a message that had been accepted
// (DIALOG_AVVIK), the only way back from a positive AppRec. Its errors carry codes of list 8117 and,
// as Detail, what the report says.
const NoteDeviation = "deviation"
