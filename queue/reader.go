package queue

import (
	"context"
	"time"

	"github.com/samvirke/samvirke"
)

// MaxPage is the most rows one page of a listing has; Limit 0 means 50.
const MaxPage = 500

// Reader reads. Listings are newest first, without bodies, and page by Before (the
// last Seq seen; 0 = from the newest). Every filter field that is zero is not asked for.
type Reader interface {
	Message(ctx context.Context, id string) (MessageDetail, error) // with Raw; ErrNotFound
	Messages(ctx context.Context, f MessageFilter) ([]samvirke.Message, error)
	// Delivery is with Body; ErrNotFound. With ErrDamaged, here and in FindDelivery, everything but Body is there.
	Delivery(ctx context.Context, id string) (samvirke.Delivery, error)
	Deliveries(ctx context.Context, f DeliveryFilter) ([]samvirke.Delivery, error)
	// FindDelivery finds the newest delivery to party whose ExternalID this is (see SameIDs); ErrNotFound.
	FindDelivery(ctx context.Context, party, externalID string) (samvirke.Delivery, error)
	Attempts(ctx context.Context, deliveryID string) ([]samvirke.Attempt, error)
	Receipts(ctx context.Context, f ReceiptFilter) ([]samvirke.Receipt, error)
	// Events are oldest first.
	Events(ctx context.Context, f EventFilter) ([]samvirke.Event, error)
	// Records of one patient, with Body, in order of arrival.
	Records(ctx context.Context, patient string) ([]Record, error)
	// Plan gives one version with Body, 0 = the newest; ErrNotFound. With ErrDamaged everything but Body is there.
	Plan(ctx context.Context, patient string, version int64) (PlanVersion, error)
	// PlanVersions lists all versions of a plan, newest first.
	PlanVersions(ctx context.Context, patient string) ([]PlanVersion, error)
	// Patients lists patient keys that have a plan, newest change first.
	Patients(ctx context.Context, limit int) ([]PlanVersion, error)
	// Dues are earliest first.
	Dues(ctx context.Context, f DueFilter) ([]Due, error)
	Counter(ctx context.Context, name string) (int64, error)  // 0 when not there
	Setting(ctx context.Context, name string) (string, error) // "" when not there
	// Settings lists the settings whose name begins with prefix, by name, those after a name.
	Settings(ctx context.Context, prefix, after string, limit int) ([]Setting, error)
	// PlanChanges lists new versions of plans in the order in which they were made, those after a number
	// (0 = from the first); without bodies.
	PlanChanges(ctx context.Context, after int64, limit int) ([]PlanChange, error)
	Audits(ctx context.Context, before int64, limit int) ([]samvirke.Audit, error)
	// VerifyAudit walks the whole hash chain; an error names the first broken entry.
	VerifyAudit(ctx context.Context) error
	// Stats is cheap: its cost does not grow with the number of rows.
	Stats(ctx context.Context) (Stats, error)
}

// Setting is one setting.
type Setting struct{ Name, Value string }

// PlanChange is one version of a plan with its number among those of all plans.
type PlanChange struct {
	Seq int64
	PlanVersion
}

// MessageDetail is a message with what processing found out.
type MessageDetail struct {
	samvirke.Message
	Envelope []byte // samvirke.Envelope as JSON, nil before processing
	Notes    []byte // mapping notes as JSON
}

// MessageFilter selects messages.
type MessageFilter struct {
	Party, Kind, Patient, ExternalID string
	// ID selects messages by any id that a person may hold in hand: the gateway's own or the sender's, that of a delivery as we
	// or its receiver know it, or that of a receipt.
	ID string
	// Text selects messages with trouble by its words: all of them must begin a word of the party, kind, format, fault code or
	// fault text of the message or one of its deliveries, now or earlier. What went well has no such words: there Party and
	// Kind lead. Names and contents of patients are never indexed, and an erasure takes the words away.
	Text         string
	Status       []samvirke.MessageStatus
	Since, Until time.Time // ReceivedAt, [Since, Until)
	Before       int64
	Limit        int
}

// DeliveryFilter selects deliveries.
type DeliveryFilter struct {
	Party, MessageID, Patient string
	State                     []samvirke.DeliveryState
	Purpose                   samvirke.Purpose
	// OverdueAt, when set, selects deliveries in state sent whose ExpectBy is before it.
	OverdueAt time.Time
	Before    int64
	Limit     int
}

// ReceiptFilter selects receipts, oldest first.
type ReceiptFilter struct {
	MessageID, DeliveryID, Party, Note string
	Limit                              int
}

// EventFilter selects events, oldest first. After is the last Seq seen.
type EventFilter struct {
	MessageID, DeliveryID string
	After                 int64
	Limit                 int
}

// Stats are totals kept up to date with every commit.
type Stats struct {
	// Accepted counts messages ever accepted (quarantined ones too, duplicates not): a counter of its
	// own, so that it can be held against the sum of the statuses. What retention drops stays counted, here and below.
	Accepted int64
	// Messages counts by status.
	Messages map[samvirke.MessageStatus]int64
	// Deliveries counts by party and state.
	Deliveries map[string]map[samvirke.DeliveryState]int64
	// OldestWaiting is the CreatedAt of the oldest queued, sending or waiting delivery per party.
	OldestWaiting map[string]time.Time
	// ReceiptsAwaited counts deliveries in state sent with ExpectBy set, by party.
	ReceiptsAwaited map[string]int64
	// GroupSize and CommitSeconds are sums and counts since start, for metrics.
	Groups, Units int64
	CommitSeconds float64
	// Bytes is the size of the store on disk, Reusable how much of it stands empty and takes what comes next: a disk budget does not
	// count that.
	Bytes, Reusable int64
}
