package samvirke

import "time"

// Event is one step of the story of a message. It is written in the same
// transaction as the state it tells about; trace, metrics and UI read these.
type Event struct {
	Seq        int64     `json:"seq"`
	At         time.Time `json:"at"`
	MessageID  string    `json:"message_id,omitempty"`
	DeliveryID string    `json:"delivery_id,omitempty"`
	Party      string    `json:"party,omitempty"`
	Patient    string    `json:"-"` // for the search column only; never shown in a listing without audit
	Name       EventName `json:"name"`
	// Detail is a short text for the admin: no patient data, no body.
	Detail string `json:"detail,omitempty"`
}

// EventName is from the closed set below; it is also a metric label.
type EventName string

// The events, in the order a message usually meets them.
const (
	EventReceived     EventName = "received"
	EventDuplicate    EventName = "duplicate"
	EventQuarantined  EventName = "quarantined"
	EventProcessed    EventName = "processed"
	EventRefused      EventName = "refused"
	EventAttention    EventName = "attention"
	EventPlanChanged  EventName = "plan-changed"
	EventPlanSame     EventName = "plan-unchanged"
	EventRouted       EventName = "routed"
	EventReceiptMade  EventName = "receipt-made"
	EventSending      EventName = "sending"
	EventSent         EventName = "sent"
	EventWaiting      EventName = "waiting"
	EventStopped      EventName = "stopped"
	EventAcknowledged EventName = "acknowledged"
	EventRejected     EventName = "rejected"
	EventReceiptIn    EventName = "receipt-in"
	EventOverdue      EventName = "overdue"
	EventDue          EventName = "due" // a clock of the plan ran out
	EventResent       EventName = "resent"
	EventReprocessed  EventName = "reprocessed"
	EventGivenUp      EventName = "given-up"
	// EventErasedReference: a message changes or takes back one that was erased; it is acknowledged and not kept.
	EventErasedReference EventName = "erased-reference"
)

// Audit is one entry of the hash chain of who did or read what. The store
// fills Seq, Previous and Hash.
type Audit struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`    // user name or party id
	Action string    `json:"action"` // read-plan, read-message, search, resend, reprocess, give-up, sign-in ...
	Object string    `json:"object"` // message, delivery or plan id
	// Patient is the patient key concerned; kept apart so that erasure can reach it.
	Patient  string `json:"patient,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Previous string `json:"previous"`
	Hash     string `json:"hash"`
}
