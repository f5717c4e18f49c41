package samvirke

import "time"

// DeliveryState is one state of a delivery.
//
//	queued -> sending -> sent -> acknowledged
//	          sending -> waiting -> queued          (transient fault; back when due)
//	          sending | sent -> stopped             (permanent fault, or refused by the receiver)
//	          acknowledged -> stopped       (the receiver takes it back with an error report)
//	          stopped -> queued                     (resend: same bytes, same id)
//	          stopped -> given-up                   (with a reason)
//
// "Overdue" is a property (Expect passed without a receipt), not a state.
// Sent is the last state for a party that gives no application receipt.
type DeliveryState string

// The delivery states.
const (
	DeliveryQueued       DeliveryState = "queued"
	DeliverySending      DeliveryState = "sending"
	DeliveryWaiting      DeliveryState = "waiting"
	DeliverySent         DeliveryState = "sent"
	DeliveryAcknowledged DeliveryState = "acknowledged"
	DeliveryStopped      DeliveryState = "stopped"
	DeliveryGivenUp      DeliveryState = "given-up"
)

// Purpose says why a delivery exists; it decides the lane and what is expected back.
type Purpose string

// The purposes.
const (
	PurposeForward Purpose = "forward" // a message for a receiver, in its format
	PurposeReceipt Purpose = "receipt" // an application receipt to the sender; nothing comes back
	PurposeNotice  Purpose = "notice"  // plan-changed notification to a FHIR party
	PurposeEvent   Purpose = "event"   // what happened to a message, for a party that follows all
)

// Delivery is one message on its way to one receiver. Body is rendered once,
// when the delivery is made, so every attempt sends the same bytes.
type Delivery struct {
	ID  string `json:"id"`
	Seq int64  `json:"seq"` // order of creation, given by the store
	// MessageID is the incoming message this delivery comes from.
	MessageID string `json:"message_id"`
	// Party is the receiver.
	Party   string  `json:"party"`
	Purpose Purpose `json:"purpose"`
	// Lane is the key of the queue this delivery waits in; deliveries of one lane are sent in Seq order.
	// See LaneKey.
	Lane string `json:"lane"`
	// Patient as in Message.
	Patient string `json:"patient"`
	// ExternalID is the id inside Body; a receipt refers to it.
	ExternalID string `json:"external_id"`
	// Kind, Format, Version and ContentType describe Body.
	Kind        string `json:"kind"`
	Format      string `json:"format"`
	Version     string `json:"version,omitempty"`
	ContentType string `json:"content_type"`
	// Rule is the routing rule that chose this receiver, for the trace.
	Rule  string        `json:"rule,omitempty"`
	State DeliveryState `json:"state"`
	// Attempts is how many times sending began.
	Attempts int `json:"attempts"`
	// CreatedAt, DueAt (not before), SentAt and DoneAt are the gateway's clock, UTC.
	CreatedAt time.Time `json:"created_at"`
	DueAt     time.Time `json:"due_at,omitzero"`
	SentAt    time.Time `json:"sent_at,omitzero"`
	DoneAt    time.Time `json:"done_at,omitzero"`
	// ExpectBy is when an application receipt is overdue; zero when none is expected.
	ExpectBy time.Time `json:"expect_by,omitzero"`
	// Fault and FaultText as in Message: why it waits or stopped.
	Fault     string `json:"fault,omitempty"`
	FaultText string `json:"fault_text,omitempty"`
	Checksum  string `json:"checksum"`
	Size      int64  `json:"size"`
	// TraceParent is the W3C trace context of the message this comes from, as in Message; a connector
	// that can carries it on. "" when there was none.
	TraceParent string `json:"trace_parent,omitempty"`
	// Original says that Body is the very body of the incoming message MessageID, so that a store need
	// not keep it a second time.
	Original bool `json:"original,omitempty"`
	// Body is what is sent. Listings leave it nil.
	Body []byte `json:"-"`
}

// LaneKey names the lane of a delivery: receiver and patient, with receipts apart
// so that a stopped message never holds back the answer to another one.
func LaneKey(party, patient string, p Purpose) string {
	if p == PurposeReceipt {
		return party + "\x1f" + patient + "\x1freceipt"
	}
	return party + "\x1f" + patient
}

// Attempt is one try at sending one delivery. Its number is Delivery.Attempts at that time.
type Attempt struct {
	DeliveryID string        `json:"delivery_id"`
	Number     int           `json:"number"`
	At         time.Time     `json:"at"`
	Took       time.Duration `json:"took"`
	// Answer is the transport's own answer, for instance "HTTP 202"; no body, no patient data.
	Answer string `json:"answer"`
	// Class is "" when the bytes were taken.
	Class     Class  `json:"class,omitempty"`
	Fault     string `json:"fault,omitempty"`
	FaultText string `json:"fault_text,omitempty"`
}
