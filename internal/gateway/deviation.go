package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
)

// An error report (DIALOG_AVVIK) is the only way back from a positive AppRec. It is a message like any other, with
// receivers and a receipt of its own; beside that, the delivery it is about stops and needs attention.
//
// Source: standards/no README section 5.

const (
	kindDeviation = "DIALOG_AVVIK"
	// listDeviation is the code list of what may be wrong: 1 wrong addressee, 2 insufficient information, 9 other.
	listDeviation = "2.16.578.1.12.4.1.1.8117"
	// faultDeviation is the fault of a delivery that the receiver accepted and then reported as wrong. It is as
	// final as a refusal: what is sent next is a new message.
	faultDeviation = "deviation-reported"
	// faultDeviationUnknown is the fault of a report about nothing that was sent to that party.
	faultDeviationUnknown = "deviation-unknown"
)

// addDeviation adds to u what an error report does to the delivery it is about.
func (g *Gateway) addDeviation(ctx context.Context, u *queue.Unit, m *samvirke.Message, p *mapping.Parsed) error {
	env := &p.Envelope
	d, err := g.findReported(ctx, m.Party, env)
	if errors.Is(err, queue.ErrNotFound) {
		u.Message.Fault = faultDeviationUnknown
		u.Message.FaultText = "an error report about a message that was never sent to this party; its receiver has got the report"
		u.Events = append(u.Events, g.event(m, samvirke.EventAttention, faultDeviationUnknown))
		return nil
	}
	if err != nil {
		return fmt.Errorf("find what an error report is about: %w", err)
	}
	rs, err := g.store.Receipts(ctx, queue.ReceiptFilter{DeliveryID: d.ID, Limit: queue.MaxPage})
	if err != nil {
		return fmt.Errorf("read receipts: %w", err)
	}
	if slices.ContainsFunc(rs, func(r samvirke.Receipt) bool { return r.CarrierID == m.ID }) {
		return nil // reprocessed
	}
	content := deviationOf(p)
	u.Receipts = append(u.Receipts, samvirke.Receipt{
		ID: g.o.NewID(), Direction: samvirke.Inbound, Party: m.Party, MessageID: d.MessageID, DeliveryID: d.ID,
		CarrierID: m.ID, ExternalID: env.ID, At: u.Now, ReceiptContent: content, Note: samvirke.NoteDeviation,
	})
	told := codesText(&content)
	u.Events = append(u.Events, samvirke.Event{At: u.Now, MessageID: d.MessageID, DeliveryID: d.ID, Party: d.Party,
		Patient: d.Patient, Name: samvirke.EventAttention, Detail: "error report: " + told})
	if d.State == samvirke.DeliveryGivenUp || d.State == samvirke.DeliveryStopped && final(d.Fault) {
		return nil // ended before, or refused: the report is kept
	}
	u.Steps = append(u.Steps, queue.DeliveryStep{ID: d.ID, From: []samvirke.DeliveryState{
		samvirke.DeliveryAcknowledged, samvirke.DeliverySent, samvirke.DeliverySending, samvirke.DeliveryQueued,
		samvirke.DeliveryWaiting, samvirke.DeliveryStopped,
	}, To: samvirke.DeliveryStopped, Fault: faultDeviation, FaultText: told})
	return nil
}

// findReported finds the delivery an error report refers to: the message named as its parent, else the
// one its conversation began with.
func (g *Gateway) findReported(ctx context.Context, party string, env *samvirke.Envelope) (samvirke.Delivery, error) {
	for _, id := range []string{env.Parent, env.Conversation} {
		if id == "" {
			continue
		}
		if d, err := g.findAnswered(ctx, party, id); !errors.Is(err, queue.ErrNotFound) {
			return d, err
		}
	}
	return samvirke.Delivery{}, queue.ErrNotFound
}

// deviationOf reads what an error report says: a code for each note, and the words beside it.
func deviationOf(p *mapping.Parsed) samvirke.ReceiptContent {
	c := samvirke.ReceiptContent{
		Status: samvirke.ReceiptRejected, OriginalID: p.Envelope.Parent,
	}
	if p.Bundle == nil {
		return c
	}
	for _, note := range p.Bundle.All("Communication") {
		e := samvirke.ReceiptError{Detail: saidIn(note)}
		if coding := note.At("topic.coding.0"); coding != nil {
			e.Code = coding.Get("code").Text()
			e.System = strings.TrimPrefix(coding.Get("system").Text(), "urn:oid:")
			e.Display = coding.Get("display").Text()
		}
		if topic := note.At("topic.text").Text(); topic != "" {
			e.Detail = strings.TrimSuffix(topic+": "+e.Detail, ": ")
		}
		c.Errors = append(c.Errors, e)
	}
	return c
}

// saidIn is the text of a note, markup taken out.
func saidIn(note *fhir.Node) string {
	var parts []string
	for _, p := range note.Get("payload").Items() {
		if t := strings.TrimSpace(p.Get("contentString").Text()); t != "" {
			parts = append(parts, t)
		}
	}
	if len(parts) == 0 {
		return strings.Join(strings.Fields(withoutTags(note.At("text.div").Text())), " ")
	}
	return strings.Join(parts, " ")
}

// withoutTags leaves the text of XHTML that was checked before. Entities stay as they are.
func withoutTags(s string) string {
	var b strings.Builder
	inside := false
	for _, r := range s {
		switch {
		case r == '<':
			inside = true
			b.WriteByte(' ')
		case r == '>' && inside:
			inside = false
		case !inside:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// final tells whether a stopped delivery was ended by its receiver, so that it is never sent again as it is.
func final(fault string) bool { return fault == faultRejected || fault == faultDeviation }
