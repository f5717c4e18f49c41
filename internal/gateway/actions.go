package gateway

import (
	"context"
	"time"

	"github.com/samvirke/samvirke"
)

// Actions are what a person may do to messages and deliveries. Each asks for who and why,
// writes both to the audit in the same transaction, and returns queue.ErrState when the
// state does not allow it.
type Actions interface {
	// Resend queues a stopped delivery (or one sent and never answered) again: same bytes, same id.
	Resend(ctx context.Context, who, deliveryID, reason string) error
	// Reprocess maps a message in attention again from the raw original.
	Reprocess(ctx context.Context, who, messageID, reason string) error
	// GiveUp ends a stopped delivery or a message in attention (id of either).
	GiveUp(ctx context.Context, who, id, reason string) error
}

// PartyState is how a party does right now.
type PartyState struct {
	samvirke.Party
	// Breaker is closed (all well), open (nothing is sent) or half-open (trying).
	Breaker string `json:"breaker"`
	// RetryAt is when an open breaker tries again.
	RetryAt time.Time `json:"retry_at,omitzero"`
	Waiting int64     `json:"waiting"`
	Stopped int64     `json:"stopped"`
	Awaited int64     `json:"awaited"` // receipts not yet there
	Oldest  time.Time `json:"oldest,omitzero"`
	LastOK  time.Time `json:"last_ok,omitzero"`
	// LastFault is the newest fault code; "" after a success.
	LastFault string `json:"last_fault,omitempty"`
	// Hold is that a person holds it.
	Hold Hold `json:"hold,omitzero"`
}
