package gateway

import (
	"context"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// faultOverdue marks a delivery whose receipt did not come in time. It stays in state sent: a late
// receipt still counts (standards/no README 7.3 rule 4).
const faultOverdue = "receipt-overdue"

// markOverdue looks for receipts that are overdue and says so once for each.
func (g *Gateway) markOverdue(ctx context.Context) error {
	now := g.now()
	f := queue.DeliveryFilter{OverdueAt: now, Limit: queue.MaxPage}
	for {
		page, err := g.store.Deliveries(ctx, f)
		if err != nil {
			return err
		}
		for i := range page {
			d := &page[i]
			f.Before = d.Seq
			if d.Fault == faultOverdue {
				continue
			}
			u := &queue.Unit{Now: now, Steps: []queue.DeliveryStep{{
				ID: d.ID, From: []samvirke.DeliveryState{samvirke.DeliverySent}, To: samvirke.DeliverySent,
				Fault: faultOverdue, FaultText: "no application receipt by " + d.ExpectBy.Format(time.RFC3339) + ": treat as not received and ask the party",
			}}, Events: []samvirke.Event{{
				At: now, MessageID: d.MessageID, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: samvirke.EventOverdue,
				Detail: "expected by " + d.ExpectBy.Format(time.RFC3339),
			}}}
			if _, err := g.store.Commit(ctx, u); err != nil {
				g.log.Info("overdue mark not written", "delivery_id", d.ID, "err", err)
			}
		}
		if len(page) < queue.MaxPage {
			return nil
		}
	}
}

// overdue counts the overdue receipts of one party, up to one page.
func (g *Gateway) overdue(ctx context.Context, party string) int {
	page, err := g.store.Deliveries(ctx, queue.DeliveryFilter{Party: party, OverdueAt: g.now(), Limit: queue.MaxPage})
	if err != nil {
		return 0
	}
	return len(page)
}
