package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// addSeen adds to a unit that acknowledges a delivery the record of what the party has seen with that: whatever it
// writes well after that may overwrite it. Only what was in the delivery counts, and only when it is something for
// which it matters who has seen it; nearly always it is not, and this costs a look into memory.
//
// A notice is no proof that anybody read the plan, so it makes no record: who reads says so with If-Match.
//
// Source: domain/careplan.md section 5.3, context rule 3.
func (g *Gateway) addSeen(ctx context.Context, u *queue.Unit, d *samvirke.Delivery, receipt *samvirke.Envelope, carrier string) error {
	ended := slices.ContainsFunc(u.Steps, func(s queue.DeliveryStep) bool { return s.ID == d.ID && s.To == samvirke.DeliveryAcknowledged })
	message := d.Purpose == samvirke.PurposeForward || d.Kind == kindNote
	if !ended || !message || d.Patient == "" || d.MessageID == "" {
		return nil
	}
	if context, err := g.hasContext(ctx, d.Patient); err != nil || !context {
		return err
	}
	w := g.plans.workspace()
	defer g.plans.release(w)
	st, err := g.plans.get(ctx, &g.loader, d.Patient, w)
	if err != nil {
		return fmt.Errorf("read the plan of a receipt: %w", err)
	}
	seen, there := seenOf(st.records.Records(&w.scratch), d.MessageID)
	if !there { // a receipt may be faster than the memory of the commit that it answers
		g.plans.drop(d.Patient)
		if st, err = g.plans.get(ctx, &g.loader, d.Patient, w); err != nil {
			return fmt.Errorf("read the plan of a receipt: %w", err)
		}
		seen, _ = seenOf(st.records.Records(&w.scratch), d.MessageID)
	}
	if len(seen) == 0 {
		return nil
	}
	by := careplan.KeyOf(receipt).Sender
	if l := g.parties[d.Party]; by == "" && l != nil && len(l.HER) > 0 {
		by = l.HER[0]
	}
	if by == "" {
		return nil // nobody whose later word could be held against it
	}
	rec := receiptRecord(by, d, u.Now, slices.Compact(seen), carrier)
	_, err = g.addRecord(ctx, u, d.Patient, &rec, w)
	return err
}

// seenOf gives the keys of a message's records for which it matters who has seen them, and whether it has any.
func seenOf(records []careplan.Record, messageID string) (seen []string, there bool) {
	for i := range records {
		if r := &records[i]; r.MessageID == messageID && r.Kind != careplan.KindReceipt {
			there = true
			if r.Contextual() {
				seen = append(seen, r.Key.String())
			}
		}
	}
	return seen, there
}

// receiptRecord is the record of one acknowledged delivery. A message has one delivery to each party, so its key
// is that of the delivery, and the same receipt twice is the same record.
func receiptRecord(by string, d *samvirke.Delivery, at time.Time, seen []string, carrier string) careplan.Record {
	if carrier == "" {
		carrier = d.MessageID
	}
	key := careplan.Key{Sender: by, MessageID: "receipt/" + d.ID}
	sum := sha256.Sum256([]byte(key.String()))
	return careplan.Record{
		Key: key, Hash: hex.EncodeToString(sum[:]), Chain: careplan.Chain{Conversation: key.MessageID, Op: samvirke.OpNew},
		Subject: d.Patient, Kind: careplan.KindReceipt, Event: at, Sent: at, Receive: at, MessageID: carrier,
		Seen: seen, Mapping: "receipt/1", Content: json.RawMessage("{}"),
	}
}

// hasContext tells whether a plan holds something for which it matters who has seen it. What the memory does not
// know is one read of the store, and no plan is loaded for it.
func (g *Gateway) hasContext(ctx context.Context, patient string) (bool, error) {
	if g.kin.context(patient) {
		return true, nil
	}
	if st := g.plans.known(patient); st != nil {
		return st.context(), nil
	}
	if !g.loader.shared() && g.plans.hasNone(patient) {
		return false, nil
	}
	t, err := g.loader.traits(ctx, patient)
	return t.Context, err
}

// dropAnswered forgets the plan that a receipt has raced for: the message of a receipt names no patient.
func (g *Gateway) dropAnswered(ctx context.Context, m *samvirke.Message, out *outcome) {
	if out.parsed == nil || out.parsed.Envelope.Receipt == nil {
		return
	}
	if d, err := g.findAnswered(ctx, m.Party, out.parsed.Envelope.Receipt.OriginalID); err == nil {
		g.plans.drop(d.Patient)
	}
}
