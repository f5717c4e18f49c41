package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// MaxReason bounds the reason a person gives. Unit: bytes.
const MaxReason = 1000

// ErrReason is returned for an action without a reason, or with one over MaxReason.
var ErrReason = errors.New("a reason of 1 to 1000 characters is needed")

func checkReason(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" || len(reason) > MaxReason {
		return "", ErrReason
	}
	return reason, nil
}

// Repair does the actions on a store. It needs no running gateway: what it changes is picked up by the
// gateway on that store, now or at its next start.
type Repair struct {
	Store queue.Store
	Now   func() time.Time
}

var _ Actions = Repair{}

func (g Repair) now() time.Time { return g.Now().UTC() }

// Resend implements Actions.
func (g Repair) Resend(ctx context.Context, who, deliveryID, reason string) error {
	reason, err := checkReason(reason)
	if err != nil {
		return err
	}
	d, err := withoutBody(g.Store.Delivery(ctx, deliveryID))
	if err != nil {
		return err
	}
	if !MayResend(d) {
		return queue.ErrState
	}
	now := g.now()
	_, err = g.Store.Commit(ctx, &queue.Unit{
		Now: now,
		Steps: []queue.DeliveryStep{{
			ID: d.ID, From: []samvirke.DeliveryState{d.State},
			To: samvirke.DeliveryQueued, DueAt: now,
		}},
		Events: []samvirke.Event{{At: now, MessageID: d.MessageID, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: samvirke.EventResent, Detail: "by " + who}},
		Audit:  []samvirke.Audit{{At: now, Who: who, Action: "resend", Object: d.ID, Patient: d.Patient, Reason: reason}},
	})
	return err
}

// MayResend tells whether a delivery may be sent again as it is. What the receiver refused, or took and
// then reported as wrong, must be corrected and come as a new message, and a receipt that was taken is final (standards/no README 7.3
// rules 1, 7 and 12).
func MayResend(d samvirke.Delivery) bool {
	if d.Checksum == "" {
		return false // its person was erased, and its body with that
	}
	switch d.State {
	case samvirke.DeliveryStopped:
		return !final(d.Fault)
	case samvirke.DeliverySent:
		return d.Purpose == samvirke.PurposeForward
	}
	return d.State == samvirke.DeliveryWaiting
}

// faultReprocess marks a message that is mapped again: what it already led to is not made twice.
const faultReprocess = "reprocess"

// Reprocess implements Actions.
func (g Repair) Reprocess(ctx context.Context, who, messageID, reason string) error {
	reason, err := checkReason(reason)
	if err != nil {
		return err
	}
	m, err := g.Store.Message(ctx, messageID)
	if err != nil {
		return err
	}
	now := g.now()
	_, err = g.Store.Commit(ctx, &queue.Unit{
		Now: now,
		Message: &queue.MessageStep{
			ID: m.ID, From: []samvirke.MessageStatus{samvirke.MessageAttention}, To: samvirke.MessageReceived,
			Fault: faultReprocess, FaultText: "being mapped again",
		},
		Events: []samvirke.Event{{At: now, MessageID: m.ID, Party: m.Party, Patient: m.Patient, Name: samvirke.EventReprocessed, Detail: "by " + who}},
		Audit:  []samvirke.Audit{{At: now, Who: who, Action: "reprocess", Object: m.ID, Patient: m.Patient, Reason: reason}},
	})
	return err
}

// GiveUp implements Actions.
func (g Repair) GiveUp(ctx context.Context, who, id, reason string) error {
	u, _, err := g.giveUpUnit(ctx, who, id, reason)
	if err != nil {
		return err
	}
	_, err = g.Store.Commit(ctx, u)
	return err
}

// giveUpUnit ends a delivery or a message; the message is given when it is one.
func (g Repair) giveUpUnit(ctx context.Context, who, id, reason string) (*queue.Unit, *queue.MessageDetail, error) {
	reason, err := checkReason(reason)
	if err != nil {
		return nil, nil, err
	}
	now := g.now()
	u := &queue.Unit{Now: now}
	d, err := withoutBody(g.Store.Delivery(ctx, id))
	switch {
	case err == nil:
		u.Steps = []queue.DeliveryStep{{
			ID: d.ID, From: []samvirke.DeliveryState{samvirke.DeliveryStopped}, To: samvirke.DeliveryGivenUp,
			Fault: d.Fault, FaultText: d.FaultText,
		}}
		u.Events = []samvirke.Event{{At: now, MessageID: d.MessageID, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: samvirke.EventGivenUp, Detail: "by " + who}}
		u.Audit = []samvirke.Audit{{At: now, Who: who, Action: "give-up", Object: d.ID, Patient: d.Patient, Reason: reason}}
		return u, nil, nil
	case errors.Is(err, queue.ErrNotFound):
		m, err := g.Store.Message(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		u.Message = &queue.MessageStep{
			ID: m.ID, From: []samvirke.MessageStatus{samvirke.MessageAttention, samvirke.MessageQuarantined}, To: samvirke.MessageClosed,
			Fault: m.Fault, FaultText: m.FaultText,
		}
		u.Events = []samvirke.Event{{At: now, MessageID: m.ID, Party: m.Party, Patient: m.Patient, Name: samvirke.EventGivenUp, Detail: "by " + who}}
		u.Audit = []samvirke.Audit{{At: now, Who: who, Action: "give-up", Object: m.ID, Patient: m.Patient, Reason: reason}}
		return u, &m, nil
	}
	return nil, nil, fmt.Errorf("read delivery: %w", err)
}
