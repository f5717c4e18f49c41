package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/samvirke/samvirke"
)

// Errors of a store. Check with errors.Is.
var (
	ErrNotFound    = errors.New("not found")
	ErrPlanVersion = errors.New("plan has changed meanwhile") // PlanStep.Expect did not hold; redo the unit
	ErrCounter     = errors.New("counter has changed meanwhile")
	ErrFenced      = errors.New("lease lost")                                         // another holder has the delivery
	ErrState       = errors.New("state does not allow this")                          // From did not hold
	ErrOrder       = errors.New("an earlier message of the patient is not processed") // see MessageStep
	ErrExists      = errors.New("id is taken")                                        // a new message or delivery has the id of another one
	ErrClosed      = errors.New("store is closed")
	ErrFailed      = errors.New("store failed to sync, restart to recover") // after a failed sync nothing is taken
	ErrNewer       = errors.New("store was written by a newer version")
	ErrDamaged     = errors.New("stored content is lost or damaged")
	ErrFull        = errors.New("store is over its disk budget")
)

// Store is one durable engine. All methods are safe for concurrent use.
type Store interface {
	Writer
	Worker
	Reader
	// Subscribe gives committed events in order; a subscriber that is more than buffer events
	// behind loses the oldest ones (it must re-read). cancel ends it and closes the channel.
	Subscribe(buffer int) (events <-chan samvirke.Event, cancel func())
	// Failed is closed after a failed sync or write; Err then tells why.
	Failed() <-chan struct{}
	Err() error
	// Close waits for running commits, checkpoints and releases the lock. Calling it twice is harmless.
	Close() error
}

// Bounded is a store that may be given a budget of disk.
type Bounded interface {
	// OverBudget says that units which accept a message are refused with ErrFull; asked with reserve, that those with Unit.Reserve are
	// refused too. It costs nothing to ask.
	OverBudget(reserve bool) bool
}

// Over tells whether a store that uses so many bytes is over its budget, 0 being none. The reserve is a sixteenth more.
func Over(used, budget int64, reserve bool) bool {
	if reserve {
		budget += budget / 16
	}
	return budget > 0 && used >= budget
}

// Writer commits units.
type Writer interface {
	// Commit runs one unit as one transaction and returns after the sync. It either takes all of
	// the unit or nothing. ctx is honoured only while the unit waits to be taken up: after that
	// the outcome is awaited.
	//
	// The bodies in u must not be changed afterwards: the store may hand the same bytes on.
	Commit(ctx context.Context, u *Unit) (Outcome, error)
}

// Worker hands out work. Calls block until there is some or ctx ends; nothing polls.
type Worker interface {
	// Received gives up to max messages with status received, in Seq order, with Raw. Each is given
	// once per life of the process, again after Reprocess, after ErrOrder (see MessageStep), and after a restart. Where several
	// processes share a store each is given to one of them, and none while an earlier one of its patient is with another.
	// Of a patient with many that were given and are received still, no more need be given until some of those are done.
	//
	// A *LostError may come with messages: it names those whose bytes are lost or damaged for good.
	Received(ctx context.Context, max int) ([]samvirke.Message, error)
	// Lease gives up to max due deliveries to one party, at most one per lane, the first of each lane,
	// with Body. State is sending from then on. The lease ends after ttl even if nobody reports:
	// the caller must be ready to see the delivery again, with a new Token. An engine that owns its
	// file alone may keep leases in memory; after a crash the delivery is queued again.
	Lease(ctx context.Context, party string, max int, ttl time.Duration) ([]Leased, error)
}

// LostError says that received messages cannot be processed by anybody: their bytes are lost or damaged. Whoever is
// told takes them out of received, for a person: until then they hold up what came after them about their patients.
type LostError struct {
	// Messages are without Raw.
	Messages []samvirke.Message
	// Err is the first cause; it wraps ErrDamaged.
	Err error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("%d received messages cannot be read: %v", len(e.Messages), e.Err)
}

// Unwrap gives the cause.
func (e *LostError) Unwrap() error { return e.Err }

// Leased is a delivery with the fencing token of its lease.
type Leased struct {
	samvirke.Delivery
	Token int64
	// Err says that the body is lost or damaged for good (ErrDamaged): there is nothing to send, and the holder
	// stops the delivery for a person. nil when Body is what was stored.
	Err error
}

// Unit is one unit of work. Empty parts are skipped. Within a unit the parts apply in field order.
//
// A message or delivery that a delivery, receipt or event names by id must be stored or made by the same
// unit; otherwise ErrNotFound. "" names none. Steps may move deliveries that the same unit makes.
type Unit struct {
	// Now is the time written to rows that carry none; required.
	Now time.Time
	// Accept stores a new message. When the message is a duplicate or reuses an id, the rest of the
	// unit is not applied and Outcome tells: see Outcome. Status "" means received; ReceivedAt, Checksum
	// and Size are filled in when they are zero. ErrExists when the ID is taken.
	Accept *samvirke.Message
	// Reserve lets Accept have of the reserve when the store is over its budget of disk: for receipts. What waits for one keeps its
	// body, so without them room would not come back.
	Reserve bool
	// Message changes a stored message.
	Message *MessageStep
	// Records are added to the plan records; a record with the same Key and Hash is kept once.
	Records []Record
	// Plan adds a plan version.
	Plan *PlanStep
	// Plans are further ones, each of another patient: one message may change the plans of people who turn out to
	// be the same. All hold or none is taken.
	Plans []PlanStep
	// Dues change what must be looked at when.
	Dues []DueStep
	// Deliveries are new; Seq is given by the store, in slice order. State must be queued (ErrState), the ID
	// new (ErrExists). Lane, CreatedAt, Checksum and Size are filled in when they are zero.
	// The body of a delivery that is Original is kept with its message only.
	Deliveries []samvirke.Delivery
	// Steps move existing deliveries.
	Steps []DeliveryStep
	// Receipts, Events and Audit are added.
	Receipts []samvirke.Receipt
	Counters []CounterStep
	Settings map[string]string
	Events   []samvirke.Event
	Audit    []samvirke.Audit
}

// Outcome tells what a commit did.
type Outcome struct {
	// Seq is the order of acceptance of Accept.
	Seq int64
	// Duplicate: same Party and ExternalID (or, without one, same Checksum) and same Checksum as Existing.
	// Nothing but an event "duplicate" on Existing was written. Content decides first: a quarantined message
	// that comes again is a duplicate of itself (Existing.Status tells), not one more to quarantine.
	Duplicate bool
	// Reused: same Party and ExternalID (see SameIDs) as Existing, other Checksum. The message was stored with
	// status quarantined, fault "message-id-reused" and an event "quarantined"; nothing else.
	Reused bool
	// Existing is the earlier message, without Raw.
	Existing *samvirke.Message
	// Away: Accept was kept as received, and another process on the store may be the one that Received gives it to.
	Away bool
}

// MessageStep changes a stored message. Strings that are "" leave the column as it is,
// except Fault and FaultText, which are always written.
//
// What is about one patient is processed in the order of acceptance, whoever does it. So a step that takes a message out of
// received is refused with ErrOrder while an earlier one (by Seq) of the same patient is received: also when Accept stores it
// in the same unit. A message that was stored before is then given back: Received gives it again, to whoever asks, when
// nothing of its patient is before it. The patient is that of the stored message; messages without one have no order, and
// one whose patient is only found out by its step has none before that. Only received ones hold others up: not those that
// need attention, are refused or quarantined. A step to closed is no processing and has no order. A store that has just been
// opened and does not know yet what is received may refuse so for a moment, too.
//
// A step that leaves a message received, or puts it back there, gives it no other patient, id or kind: its order is that of the
// patient it came with, and who processes it may have it as it was accepted.
type MessageStep struct {
	ID string
	// From lists the statuses it must have; empty: any. Otherwise ErrState.
	From                                       []samvirke.MessageStatus
	To                                         samvirke.MessageStatus
	Format, Kind, Version, ExternalID, Patient string
	GeneratedAt                                time.Time
	Fault, FaultText                           string
	// Envelope is the samvirke.Envelope as JSON, Notes the mapping notes as JSON; nil leaves them.
	Envelope, Notes []byte
}

// Record is one immutable record of the shared plan (careplan.Record as JSON).
type Record struct {
	Key        string // sender + message id, unique together with Hash
	Hash       string
	Patient    string
	MessageID  string // gateway id of the message it came from
	ReceivedAt time.Time
	Body       []byte
}

// PlanStep adds one version of a patient's plan. Expect is the version it was computed from
// (0 = none yet); the new one is Expect+1. ErrPlanVersion when another version is there.
type PlanStep struct {
	Patient string
	Expect  int64
	// Check adds no version: the unit only counts on the plan being at Expect still.
	Check     bool
	MessageID string // what caused it
	Body      []byte // canonical JSON of the plan
}

// PlanVersion is one stored version. Listings leave Body nil.
type PlanVersion struct {
	Patient   string
	Version   int64
	At        time.Time
	MessageID string
	Body      []byte
}

// DeliveryStep moves one delivery. Steps of one unit apply in order, each checked against what the one
// before left: sent and acknowledged in one unit is fine.
//
// To = sent writes SentAt, acknowledged and given-up write DoneAt (acknowledged also SentAt when nothing
// was sent before). To = sending is ErrState: only Lease does that. Any step ends the lease of its
// delivery, also one with Token 0, whose From then must allow sending; the holder gets ErrFenced.
type DeliveryStep struct {
	ID string
	// Token is the lease's token for steps by the sender of the bytes; ErrFenced when the lease is
	// lost. 0: a step by somebody else (a receipt, a person), which From guards.
	Token int64
	// From lists the states it must have; empty: any. Otherwise ErrState.
	From []samvirke.DeliveryState
	To   samvirke.DeliveryState
	// DueAt is for waiting (not before) and queued, by the clock of Unit.Now: an engine that goes by another one keeps the time between
	// the two. ExpectBy is written when not zero.
	DueAt, ExpectBy  time.Time
	Fault, FaultText string
	// HoldLane: with To = stopped, what is behind it in the lane waits until it is resent or given up.
	HoldLane bool
	// Attempt is stored and Attempts raised when not nil. The store gives it its Number and, when zero, At.
	Attempt *samvirke.Attempt
}

// CounterStep raises a named counter from Expect to Expect+1 (0 = not there yet); ErrCounter when it differs.
type CounterStep struct {
	Name   string
	Expect int64
}
