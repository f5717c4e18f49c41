package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// A message to several receivers of one party goes out once, and each of them answers for itself.
//
// Source: standards/no README 7.3, rules 1 and 6.

// answerer is one of several receivers of a delivery, with what is known of all of them.
type answerer struct {
	her string
	// open are the other receivers that have not answered; first is what each one said first.
	open  []string
	first map[string]samvirke.ReceiptContent
	// counter guards against two receivers that answer at the same moment and each see the other as open.
	counter queue.CounterStep
	expect  time.Time
}

// answererOf finds the receiver that gives a receipt. It is nil where the receipt stands for the whole delivery:
// there is one receiver, or the sender of the receipt is none of them.
func (g *Gateway) answererOf(ctx context.Context, d *samvirke.Delivery, receipt *samvirke.Envelope) (*answerer, error) {
	her := receipt.Sender.HER()
	if her == "" || d.MessageID == "" || d.Purpose != samvirke.PurposeForward || g.singles.has(d.ID) || !namesSeveral(d.Body) {
		return nil, nil
	}
	m, err := g.store.Message(ctx, d.MessageID)
	if err != nil {
		return nil, fmt.Errorf("read the message of a delivery: %w", err)
	}
	all := g.receiversAt(d, m.Envelope)
	if len(all) < 2 {
		g.singles.add(d.ID) // it may be asked again: a receipt comes twice, or its unit is made anew
	}
	if len(all) < 2 || !slices.Contains(all, her) {
		return nil, nil
	}
	// The counter is read first: what is stored after that changes it.
	h := fnv.New32a()
	_, _ = h.Write([]byte(d.ID))
	a := &answerer{her: her, first: map[string]samvirke.ReceiptContent{}}
	a.counter.Name = fmt.Sprintf("receipts-of-several-%02x", h.Sum32()&0xff)
	if a.counter.Expect, err = g.store.Counter(ctx, a.counter.Name); err != nil {
		return nil, fmt.Errorf("read counter of receipts: %w", err)
	}
	rs, err := g.store.Receipts(ctx, queue.ReceiptFilter{DeliveryID: d.ID, Limit: queue.MaxPage})
	if err != nil {
		return nil, fmt.Errorf("read receipts: %w", err)
	}
	for _, r := range rs {
		if _, known := a.first[r.From]; !known && r.From != "" && r.Direction == samvirke.Inbound {
			a.first[r.From] = r.ReceiptContent
		}
	}
	for _, x := range all {
		if _, answered := a.first[x]; !answered && x != her {
			a.open = append(a.open, x)
		}
	}
	if l := g.parties[d.Party]; l != nil && l.Receipts != samvirke.ReceiptNone && l.Receipts != "" {
		a.expect = g.now().Add(l.answerWithin())
	}
	return a, nil
}

// namesSeveral tells whether a message may name more than one receiver. It only looks: most name one, and those
// must not cost another read of the store.
func namesSeveral(body []byte) bool {
	for _, mark := range []string{"OtherReceiver", "CopyDest"} {
		if bytes.Contains(body, []byte(mark)) {
			return true
		}
	}
	return bytes.Count(body, []byte(`"receiver"`)) > 1 || bytes.Count(body, []byte(`"endpoint"`)) > 2 // FHIR; one is the source
}

// receiversAt gives the HER-ids in a message that are the party of a delivery of it. A routed copy has an id of its
// own and one receiver.
func (g *Gateway) receiversAt(d *samvirke.Delivery, envelope []byte) []string {
	var env samvirke.Envelope
	if json.Unmarshal(envelope, &env) != nil {
		return nil
	}
	return g.receiversIn(d, &env)
}

func (g *Gateway) receiversIn(d *samvirke.Delivery, env *samvirke.Envelope) []string {
	if !strings.EqualFold(env.ID, d.ExternalID) {
		return nil
	}
	var out []string
	for _, i := range g.ourReceivers(env) {
		r := env.Receivers[i]
		if her := r.HER(); her != "" && g.partyOf(r) == d.Party && !slices.Contains(out, her) {
			out = append(out, her)
		}
	}
	return out
}

// mark writes into u who answered.
func (a *answerer) mark(u *queue.Unit) {
	if a == nil {
		return
	}
	u.Receipts[len(u.Receipts)-1].From = a.her
	u.Counters = append(u.Counters, a.counter)
}

// settleOne adds to u what the receipt of one of several receivers does: a refusal stops the delivery whatever
// the others said, the last acceptance ends it.
func (g *Gateway) settleOne(u *queue.Unit, d *samvirke.Delivery, c *samvirke.ReceiptContent, who *answerer, event func(samvirke.EventName, string)) string {
	rejected := c.Status == samvirke.ReceiptRejected
	if before, answered := who.first[who.her]; answered {
		note := "contradicting"
		if rejected == (before.Status == samvirke.ReceiptRejected) {
			note = "duplicate"
		}
		event(samvirke.EventReceiptIn, note+", receiver "+who.her)
		return note
	}
	note := ""
	if !d.ExpectBy.IsZero() && u.Now.After(d.ExpectBy) {
		note = "late"
	}
	step := queue.DeliveryStep{ID: d.ID, From: []samvirke.DeliveryState{
		samvirke.DeliverySent, samvirke.DeliverySending, samvirke.DeliveryQueued, samvirke.DeliveryWaiting, samvirke.DeliveryStopped,
	}, To: samvirke.DeliveryAcknowledged}
	refusedBefore := d.State == samvirke.DeliveryStopped && d.Fault == faultRejected
	told := "receiver " + who.her + ": "
	switch {
	case rejected:
		told += codesText(c)
		event(samvirke.EventRejected, told)
		if refusedBefore {
			told = d.FaultText + "; " + told
		}
		step.From = append(step.From, samvirke.DeliveryAcknowledged)
		step.To, step.Fault, step.FaultText = samvirke.DeliveryStopped, faultRejected, told
	case refusedBefore || d.State == samvirke.DeliveryAcknowledged:
		event(samvirke.EventReceiptIn, strings.TrimSpace(told+"status "+string(c.Status)+" "+note))
		return note
	case len(who.open) > 0:
		event(samvirke.EventReceiptIn, strings.TrimSpace(told+"status "+string(c.Status)+" "+note)+", awaited: "+strings.Join(who.open, ", "))
		if d.State == samvirke.DeliverySent || d.State == samvirke.DeliverySending {
			return note
		}
		// It proves that the bytes were taken; the others are awaited from now on.
		step.From = []samvirke.DeliveryState{d.State}
		step.To, step.ExpectBy = samvirke.DeliverySent, who.expect
	default:
		step.FaultText = who.partial(c)
		event(samvirke.EventAcknowledged, strings.TrimSpace(told+"status "+string(c.Status)+" "+note+", the last one"))
		g.m.endToEnd.Observe(u.Now.Sub(d.CreatedAt).Seconds())
	}
	u.Steps = append(u.Steps, step)
	return note
}

// partial is what receivers found wrong in a part of what they accepted.
func (a *answerer) partial(c *samvirke.ReceiptContent) string {
	a.first[a.her] = *c
	var parts []string
	for her, said := range a.first {
		if said.Status == samvirke.ReceiptPartial {
			parts = append(parts, "receiver "+her+": "+codesText(&said))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}
