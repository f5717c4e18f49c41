package gateway

import (
	"context"
	"errors"
	"fmt"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// end gives up what is to be sent yet and closes what waits.
func (f Forget) end(ctx context.Context, e *erasure) error {
	for _, p := range e.Patients {
		if err := f.endDeliveries(ctx, p, e); err != nil {
			return err
		}
		if err := f.endMessages(ctx, p, e); err != nil {
			return err
		}
	}
	return nil
}

var openDelivery = []samvirke.DeliveryState{
	samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliveryWaiting, samvirke.DeliveryStopped, samvirke.DeliverySent,
}

func (f Forget) endDeliveries(ctx context.Context, patient string, e *erasure) error {
	for before := int64(0); ; {
		page, err := f.Store.Deliveries(ctx, queue.DeliveryFilter{Patient: patient, State: openDelivery, Before: before, Limit: queue.MaxPage})
		if err != nil {
			return fmt.Errorf("find open deliveries: %w", err)
		}
		u := &queue.Unit{Now: f.Now().UTC()}
		for i := range page {
			d := &page[i]
			before = d.Seq
			if d.State == samvirke.DeliverySent && d.ExpectBy.IsZero() {
				continue // was at its end
			}
			u.Steps = append(u.Steps, queue.DeliveryStep{ID: d.ID, From: openDelivery, To: samvirke.DeliveryGivenUp, Fault: faultErased})
			u.Events = append(u.Events, samvirke.Event{
				At: u.Now, MessageID: d.MessageID, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient,
				Name: samvirke.EventGivenUp, Detail: "the person is erased, by " + e.Who,
			})
		}
		if len(u.Steps) > 0 {
			if _, err := f.Store.Commit(ctx, u); errors.Is(err, queue.ErrState) {
				before = 0 // a receipt came in between
				continue
			} else if err != nil {
				return fmt.Errorf("give up deliveries: %w", err)
			}
		}
		if len(page) < queue.MaxPage {
			return nil
		}
	}
}

func (f Forget) endMessages(ctx context.Context, patient string, e *erasure) error {
	open := []samvirke.MessageStatus{samvirke.MessageReceived, samvirke.MessageAttention, samvirke.MessageQuarantined}
	for {
		page, err := f.Store.Messages(ctx, queue.MessageFilter{Patient: patient, Status: open, Limit: queue.MaxPage})
		if err != nil {
			return fmt.Errorf("find open messages: %w", err)
		}
		for i := range page {
			m := &page[i]
			u := &queue.Unit{
				Now: f.Now().UTC(), Message: &queue.MessageStep{ID: m.ID, From: open, To: samvirke.MessageClosed, Fault: faultErased},
				Events: []samvirke.Event{{At: f.Now().UTC(), MessageID: m.ID, Party: m.Party, Patient: m.Patient, Name: samvirke.EventGivenUp, Detail: "the person is erased, by " + e.Who}},
			}
			if _, err := f.Store.Commit(ctx, u); err != nil && !errors.Is(err, queue.ErrState) {
				return fmt.Errorf("close messages: %w", err)
			}
		}
		if len(page) < queue.MaxPage {
			return nil
		}
	}
}
