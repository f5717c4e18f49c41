package admin

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// addSaid adds to refused and reported deliveries on the list what their receivers wrote about them: the standard
// demands that the detail of a negative receipt is always shown. It is the other side's own words and may name
// the patient, so showing it is noted in the audit like opening the message.
func (s *Server) addSaid(r *http.Request, x *session, groups []attentionGroup) error {
	for g := range groups {
		for i := range groups[g].Items {
			it := &groups[g].Items[i]
			if it.Code != "receipt-rejected" && it.Code != "deviation-reported" {
				continue
			}
			list, err := s.store.Receipts(r.Context(), queue.ReceiptFilter{DeliveryID: it.DeliveryID, Limit: maxAttention})
			if err != nil {
				return fmt.Errorf("read receipts: %w", err)
			}
			for _, rc := range list {
				if rc.Direction == samvirke.Inbound {
					it.Said = append(it.Said, rc.Errors...)
				}
			}
			foreign := slices.ContainsFunc(it.Said, func(e samvirke.ReceiptError) bool { return e.Detail != "" || e.Display != "" })
			if !foreign {
				continue
			}
			if err := s.noteRead(r, x, "read-receipt", it.DeliveryID, it.patient); err != nil {
				return err
			}
		}
	}
	return nil
}
