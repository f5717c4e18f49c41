package connectors

import (
	"context"

	"github.com/samvirke/samvirke"
)

// Incoming is what a connector hands over.
type Incoming struct {
	// Party is the id of the party as authenticated (token, client certificate, folder).
	Party string
	Body  []byte
	// Size is the full length; larger than len(Body) when the body was over the limit and cut.
	Size        int64
	ContentType string
	TraceParent string
}

// Answer is what became of it. It is given only after the message is synced.
type Answer struct {
	MessageID string
	// Duplicate: the very same message was here before, MessageID is the first one's.
	Duplicate bool
	// Fault is set when the message is kept but cannot be processed and no standard receipt can say so
	// (no XML, unknown type, id reuse, over the size limit, sender that is not the party). The connector
	// tells it in its protocol's own way (HTTP: 4xx with a problem document). nil: accepted.
	Fault *samvirke.Fault
}

// Receiver takes messages. internal/gateway implements it.
type Receiver interface {
	// Receive stores the message durably. A nil error is the promise that it is kept;
	// an error (store failed, shutting down, disk full) means it is not: the other side must try again.
	Receive(ctx context.Context, in Incoming) (Answer, error)
}

// Sender sends deliveries to one party. Implementations are safe for concurrent use.
type Sender interface {
	// Send hands the body over, once; it never retries. A nil error means the bytes were taken.
	// Errors are *samvirke.Fault: Transient (try again), Permanent (stop), Unauthorized (stop).
	Send(ctx context.Context, d samvirke.Delivery) (Result, error)
	// Close ends idle connections.
	Close() error
}

// Result is the far side's answer to one Send.
type Result struct {
	// Answer is the protocol's own answer in short, "HTTP 202"; no body.
	Answer string
	// Body is what came back when it may be an application receipt; nil otherwise. At most 1 MB.
	Body        []byte
	ContentType string
}
