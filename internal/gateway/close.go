package gateway

import (
	"context"
	"fmt"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/queue"
)

// faultClosed is what the sender of a message is told that a person here put aside.
const faultClosed = "closed-by-hand"

// GiveUp implements Actions. A message that is closed before it was answered is answered now, so that its sender does
// not wait 96 hours: positively for receivers that have got it, else with X99. What an offline repair closes is
// not answered; then the sender's own clock tells.
//
// Source: standards/no README section 7.3, rules 1 and 10.
func (g *Gateway) GiveUp(ctx context.Context, who, id, reason string) error {
	u, m, err := g.giveUpUnit(ctx, who, id, reason)
	if err != nil {
		return err
	}
	if m != nil && m.Status == samvirke.MessageAttention {
		if err := g.answerClosed(ctx, u, m); err != nil {
			return err
		}
	}
	_, err = g.store.Commit(ctx, u)
	return err
}

// answerClosed adds the receipts that a closed message has not had.
func (g *Gateway) answerClosed(ctx context.Context, u *queue.Unit, m *queue.MessageDetail) error {
	l := g.parties[m.Party]
	if l == nil || l.Sender == nil {
		return nil
	}
	out := g.look(connectors.Incoming{Party: m.Party, Body: m.Raw, Size: m.Size, ContentType: m.ContentType})
	if out.parsed == nil {
		return nil
	}
	env := &out.parsed.Envelope
	if env.Receipt != nil || env.ID == "" || g.checkSender(m.Party, env) != nil {
		return nil
	}
	ds, err := g.store.Deliveries(ctx, queue.DeliveryFilter{MessageID: m.ID, Limit: queue.MaxPage})
	if err != nil {
		return fmt.Errorf("find earlier deliveries: %w", err)
	}
	got, had := map[string]bool{}, []string{}
	for _, d := range ds {
		switch d.Purpose {
		case samvirke.PurposeReceipt:
			had = append(had, d.Rule)
		case samvirke.PurposeForward:
			got[d.Party] = true
		}
	}
	g.addReceipts(u, &m.Message, env, func(i int) samvirke.ReceiptContent {
		if got[g.partyOf(env.Receivers[i])] {
			return samvirke.ReceiptContent{Status: samvirke.ReceiptOK}
		}
		return g.refusal(l, env, &samvirke.Fault{Code: faultClosed, Receipt: "X99",
			Safe: "a person at the receiver closed the message without handing it on"})
	}, had)
	u.Message.To = samvirke.MessageClosed // also when a receipt could not be written
	return nil
}
