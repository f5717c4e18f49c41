package queue

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrMasterKey says that the contents of a store are sealed under another key than the one given, or under one
// when none is given.
var ErrMasterKey = errors.New("the master key is not the one the store is sealed under")

// ErrErased says that an erasure was done by another call (Erasure.Note).
var ErrErased = errors.New("the erasure was done before")

// Erasure names everything of one person that goes.
type Erasure struct {
	// Patients are the patient keys of the person.
	Patients []string
	// Messages are further messages, by id, whose content goes too.
	Messages []string
	// Records are further records, by key, that go with them.
	Records []string
	// History are patient keys of other people whose older plan versions could show the person: all but the
	// newest version of each go.
	History []string
	// Settings and Counters go by name.
	Settings, Counters []string
	// Silent is set when people go because their time is over: one of whom a message was received, whose plan changed or for whom a
	// delivery was made at this time or later, or of whom something is open still, stays, and Erase gives a HeardError. Zero: they go
	// whatever came.
	Silent time.Time
	// Traces: rows of messages that were received before need not stay until DropTraces. Zero: they stay.
	Traces time.Time
	// Note names the setting in which the caller keeps this erasure until it is done; it is among the Settings. Where it is gone another
	// call did it: nothing is taken then, and Erase gives ErrErased, because what there is came after that. "": it is not asked for.
	Note string
	// Hurry: more waits than is done at this pace, so the store may hold others up for longer at a time.
	Hurry bool
	// Unwiped: the rows go, but what is left of them in the files, and the patient in events and audit, may stay until Wipe. For
	// several erasures in a row.
	Unwiped bool
}

// HeardError says that an erasure left everybody's records and plans as they are, because of these something came (Erasure.Silent). Old
// messages and deliveries of them may be blanked. It is an ErrState.
type HeardError struct {
	Patients []string
}

func (e *HeardError) Error() string {
	return fmt.Sprintf("%d of these people were heard of meanwhile", len(e.Patients))
}

// Unwrap makes it an ErrState.
func (e *HeardError) Unwrap() error { return ErrState }

// Erased counts what an erasure took away.
type Erased struct {
	Messages, Deliveries, Records, Plans, Audits int
}

// Eraser is a store that can forget. Every engine is one.
type Eraser interface {
	// Erase takes away the content and every mark of a person: bodies, records, plans, dues, and the patient from
	// messages, deliveries, events, receipts and audit, whose rows stay with their times and outcomes. When it
	// returns nothing of it is left in any file of the store, but of silent people as long as Wipe says.
	//
	// It works in steps, each one transaction, settings and counters last: a caller that was interrupted calls it again with the
	// same Erasure. Messages still to be processed and deliveries still to be sent are left alone: the caller ends
	// those first. What was erased (its Checksum is gone) is not stepped or processed anew.
	//
	// What comes again is known by salted hashes: a duplicate of an erased message is Outcome.Duplicate still, and
	// FindDelivery finds an erased delivery by its external id.
	Erase(ctx context.Context, e Erasure) (Erased, error)
	// WasErased tells whether a record of this key (Record.Key) was erased.
	WasErased(ctx context.Context, recordKey string) (bool, error)
	// Heard gives those of the Patients because of whom Erase would give a HeardError (Silent).
	Heard(ctx context.Context, e Erasure) ([]string, error)
	// Wipe takes what erasures left out of all files of the store (Erasure.Unwiped): unused pages, logs and bodies. Bodies of silent people may
	// keep their room for a while where what they stand in will soon go as a whole. A store that is opened wipes only for erasures that somebody
	// asked for: what silent ones left waits for the next call.
	Wipe(ctx context.Context) error
}

// Retainer is a store whose oldest content can be dropped in small batches. Every engine is one.
type Retainer interface {
	// DropPayloads takes away the bodies of up to limit messages, and of their deliveries, that were received
	// before a time, are at their end, and whose deliveries have all ended before it: acknowledged, given up, or sent
	// to somebody who gives no receipt. Everything but the bodies stays. after is the last one looked at in an
	// earlier call; next is the one to go on with, 0 when all were looked at: what the bodies took is given back by then at the latest.
	// One that was received before others which have lower numbers, as by a clock that went wrong, may be left for an hour.
	DropPayloads(ctx context.Context, before time.Time, after int64, limit int) (dropped int, next int64, err error)
	// DropAudits takes away up to limit of the oldest audit entries from before a time. What is left verifies
	// against the hash of the last entry that went.
	DropAudits(ctx context.Context, before time.Time, limit int) (dropped int, err error)
	// DropTraces takes away up to limit messages that say nothing of anybody any more, with their deliveries, attempts, receipts and
	// events: those that were erased, with all their deliveries, and those about nobody that were refused or closed. They were received
	// before a time, have no body, and are settled as for DropPayloads. Totals (Stats) count them still, numbers are not given
	// again. after and next are as for DropPayloads.
	DropTraces(ctx context.Context, before time.Time, after int64, limit int) (dropped int, next int64, err error)
	// DropErased forgets up to limit of the names under which erased messages, deliveries and records were known: those that were
	// erased before a time. What comes again after that is new.
	DropErased(ctx context.Context, before time.Time, limit int) (dropped int, err error)
}
