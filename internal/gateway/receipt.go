package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// receiptUnit matches an application receipt that came as a message of its own with the delivery it
// answers. Nothing is dropped: late, double, contradicting and unknown ones are kept and shown.
func (g *Gateway) receiptUnit(ctx context.Context, m *samvirke.Message, env *samvirke.Envelope) (*queue.Unit, error) {
	now := g.now()
	u := &queue.Unit{Now: now, Message: g.receiptStep(m, env)}
	d, err := g.findAnswered(ctx, m.Party, env.Receipt.OriginalID)
	if errors.Is(err, queue.ErrNotFound) {
		u.Message.To = samvirke.MessageAttention
		u.Message.Fault, u.Message.FaultText = "receipt-unknown", "the receipt answers a message that was never sent to this party"
		u.Receipts = []samvirke.Receipt{g.receiptOf(m.Party, m, nil, env, "unknown")}
		u.Events = append(u.Events, g.event(m, samvirke.EventReceiptIn, "unknown"), g.event(m, samvirke.EventAttention, "receipt-unknown"))
		return u, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find delivery of receipt: %w", err)
	}
	who, err := g.answererOf(ctx, &d, env)
	if err != nil {
		return nil, err
	}
	note := g.settle(u, &d, env.Receipt, who)
	u.Receipts = []samvirke.Receipt{g.receiptOf(m.Party, m, &d, env, note)}
	who.mark(u)
	if err := g.addSeen(ctx, u, &d, env, m.ID); err != nil {
		return nil, err
	}
	if note == "contradicting" {
		u.Message.To = samvirke.MessageAttention
		u.Message.Fault, u.Message.FaultText = "receipt-contradicting", "a second receipt says otherwise than the first; the first one counts"
	}
	queue.Reach(queue.PointReceipt)
	return u, nil
}

// findAnswered finds the delivery a receipt names. Letters of a UUID may come back in the other case.
func (g *Gateway) findAnswered(ctx context.Context, party, id string) (samvirke.Delivery, error) {
	d, err := g.store.FindDelivery(ctx, party, id)
	for _, other := range []string{strings.ToLower(id), strings.ToUpper(id)} {
		if errors.Is(err, queue.ErrNotFound) && other != id {
			d, err = g.store.FindDelivery(ctx, party, other)
		}
	}
	return withoutBody(d, err)
}

func (g *Gateway) receiptStep(m *samvirke.Message, env *samvirke.Envelope) *queue.MessageStep {
	return &queue.MessageStep{
		ID: m.ID, From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: samvirke.MessageProcessed,
		Format: env.Format, Kind: env.Kind, Version: env.Version, ExternalID: env.ID, Envelope: mustJSON(env),
	}
}

// receiptOf makes the stored receipt. d is nil when it matches nothing; m is nil when the receipt came
// in the answer of the send itself.
func (g *Gateway) receiptOf(party string, m *samvirke.Message, d *samvirke.Delivery, env *samvirke.Envelope, note string) samvirke.Receipt {
	r := samvirke.Receipt{
		ID: g.o.NewID(), Direction: samvirke.Inbound, Party: party, ExternalID: env.ID, At: g.now(),
		ReceiptContent: *env.Receipt, Note: note,
	}
	if m != nil {
		r.CarrierID = m.ID
	}
	if d != nil {
		r.MessageID, r.DeliveryID = d.MessageID, d.ID
	}
	return r
}

// settle adds to u what a receipt does to the delivery it answers, and returns the receipt's note.
// A receipt may overtake our own note that the bytes were taken: then it proves that they were.
// who is nil unless the delivery has several receivers that answer each for themselves.
func (g *Gateway) settle(u *queue.Unit, d *samvirke.Delivery, c *samvirke.ReceiptContent, who *answerer) string {
	event := func(name samvirke.EventName, detail string) {
		u.Events = append(u.Events, samvirke.Event{
			At: u.Now, MessageID: d.MessageID, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: name, Detail: detail,
		})
	}
	refusedBefore := d.State == samvirke.DeliveryStopped && d.Fault == faultRejected
	switch {
	case d.State == samvirke.DeliveryStopped && d.Fault == faultDeviation:
		event(samvirke.EventReceiptIn, "after an error report; the report counts")
		return "late"
	case who != nil && d.State != samvirke.DeliveryGivenUp:
		return g.settleOne(u, d, c, who, event)
	case d.State == samvirke.DeliveryAcknowledged, refusedBefore:
		same := refusedBefore == (c.Status == samvirke.ReceiptRejected)
		note := "contradicting"
		if same {
			note = "duplicate"
		}
		event(samvirke.EventReceiptIn, note)
		return note
	case d.State == samvirke.DeliveryGivenUp:
		event(samvirke.EventReceiptIn, "late, after giving up")
		return "late"
	}
	note := ""
	if !d.ExpectBy.IsZero() && u.Now.After(d.ExpectBy) {
		note = "late"
	}
	step := queue.DeliveryStep{ID: d.ID, From: []samvirke.DeliveryState{
		samvirke.DeliverySent, samvirke.DeliverySending, samvirke.DeliveryQueued, samvirke.DeliveryWaiting, samvirke.DeliveryStopped,
	}, To: samvirke.DeliveryAcknowledged}
	if c.Status == samvirke.ReceiptRejected {
		step.To, step.Fault, step.FaultText = samvirke.DeliveryStopped, faultRejected, codesText(c)
		event(samvirke.EventRejected, codesText(c))
	} else {
		if c.Status == samvirke.ReceiptPartial {
			step.FaultText = codesText(c)
		}
		event(samvirke.EventAcknowledged, strings.TrimSpace("receipt status "+string(c.Status)+" "+note))
		g.m.endToEnd.Observe(u.Now.Sub(d.CreatedAt).Seconds())
	}
	u.Steps = append(u.Steps, step)
	return note
}

// faultRejected is the fault of a delivery whose receiver refused the content.
const faultRejected = "receipt-rejected"

// codesText names every error by its code and the code list's own text. What the other side wrote in its own words
// may name a patient: it stands with the receipt alone, and reading that is audited.
func codesText(c *samvirke.ReceiptContent) string {
	parts := make([]string, 0, len(c.Errors))
	for _, e := range c.Errors {
		parts = append(parts, strings.TrimSpace(knownCode(e.Code)+" "+codeDisplay(e)))
	}
	if len(parts) == 0 {
		return "refused without an error code"
	}
	return strings.Join(parts, "; ")
}

// maxCode bounds what is taken for a code. Unit: bytes.
const maxCode = 8

// knownCode is a code as it was written, unless it is no code at all.
func knownCode(code string) string {
	code = strings.TrimSpace(code)
	if code == "" || len(code) > maxCode || strings.ContainsAny(code, " \t\n") {
		return "no code"
	}
	return code
}

// codeDisplay is the text of a code in its list, "" for a list or code that is not known here.
//
// Source: code lists 8221 and 8117.
func codeDisplay(e samvirke.ReceiptError) string {
	switch strings.TrimPrefix(e.System, "urn:oid:") {
	case "", "2.16.578.1.12.4.1.1.8221":
		return samvirke.ReceiptCodeDisplay(e.Code)
	case listDeviation:
		return "(8117) " + map[string]string{"1": "Feil adressat", "2": "Mangelfulle opplysninger", "9": "Annet"}[e.Code]
	}
	return ""
}
