package gateway

import (
	"context"
	"fmt"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
)

// A copy for a party that the sender did not address has a message id of its own. A change of the message must name the
// copy that this party was sent, and the first one of the conversation: the ids in the sender's own message lead
// nowhere there, and the party's system could not find what is changed or taken back.
//
// Source: standards/no README sections 2 and 3.4; domain/careplan.md section 10, outgoing XML.

// chainFor gives the message with the references that one party knows. A party that was sent nothing of the
// conversation gets the sender's.
func (g *Gateway) chainFor(ctx context.Context, p *mapping.Parsed, c route.Choice, pl *planWork) (*mapping.Parsed, error) {
	env := &p.Envelope
	if c.Addressee >= 0 || pl == nil || env.Parent == "" || env.Op == "" || env.Op == samvirke.OpNew {
		return p, nil
	}
	first, parent, err := g.sentChain(ctx, c.Party, env.Parent, pl)
	if err != nil || parent == "" {
		return p, err
	}
	b, err := fhir.BundleOf(p.Bundle.Root.Clone())
	if err != nil {
		return nil, fmt.Errorf("copy a message: %w", err)
	}
	for _, e := range b.First("MessageHeader").Get("extension").Items() {
		switch e.Get("url").Text() {
		case fhir.ExtParent:
			e.SetText("valueString", parent)
		case fhir.ExtConversation:
			if g.isMessageOf(pl, e.Get("valueString").Text()) { // an epicrisis has the id of a document here
				e.SetText("valueString", first)
			}
		}
	}
	out := *p
	out.Bundle = b
	return &out, nil
}

// sentChain gives the message ids under which a party was sent the first message of a conversation and the one that is
// changed now, or the newest before it that it was sent; "" when none.
func (g *Gateway) sentChain(ctx context.Context, party, changed string, pl *planWork) (first, parent string, err error) {
	last := len(pl.records) - 1
	for i := range pl.records[:last] {
		r := &pl.records[i]
		if r.Key.Sender != pl.rec.Key.Sender || r.Chain.Conversation != pl.rec.Chain.Conversation || r.MessageID == "" || r.MessageID == pl.rec.MessageID {
			continue
		}
		ds, err := g.store.Deliveries(ctx, queue.DeliveryFilter{MessageID: r.MessageID, Party: party, Purpose: samvirke.PurposeForward, State: reaches(), Limit: 1})
		if err != nil {
			return "", "", fmt.Errorf("find what a party was sent: %w", err)
		}
		if len(ds) == 0 {
			continue
		}
		if first == "" {
			first = ds[0].ExternalID
		}
		parent = ds[0].ExternalID
		if strings.EqualFold(r.Key.MessageID, changed) {
			return first, parent, nil
		}
	}
	return first, parent, nil
}

// reaches are the states of a delivery that the party has, or gets before anything that is made now. One that stopped was
// refused or could not be sent: nothing may refer to it.
func reaches() []samvirke.DeliveryState {
	return []samvirke.DeliveryState{samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliveryWaiting, samvirke.DeliverySent, samvirke.DeliveryAcknowledged}
}

// isMessageOf tells whether an id is that of a message of the conversation.
func (g *Gateway) isMessageOf(pl *planWork, id string) bool {
	for i := range pl.records {
		if r := &pl.records[i]; r.Key.Sender == pl.rec.Key.Sender && strings.EqualFold(r.Key.MessageID, id) {
			return true
		}
	}
	return false
}
