package sqlite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestListings runs every combination of filters: an index that is named but cannot answer the question
// would be an error. Questions for something rare must not walk the table.
func TestListings(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	if _, err := s.Commit(t.Context(), fullUnit(1, make([]byte, 4096))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lease(t.Context(), "gp", 1, time.Minute); err != nil {
		t.Fatal(err)
	}
	statuses := [][]samvirke.MessageStatus{nil, {samvirke.MessageAttention}, {samvirke.MessageProcessed, samvirke.MessageRefused}}
	for bits := range 1 << 6 {
		on := func(i int, v string) string {
			if bits&(1<<i) != 0 {
				return v
			}
			return ""
		}
		for _, since := range []time.Time{{}, time.Now(), time.Now().Add(-1000 * time.Hour)} {
			for _, status := range statuses {
				f := queue.MessageFilter{Party: on(0, "p"), Kind: on(1, "k"), Patient: on(2, "x"), ExternalID: on(3, "e"),
					Status: status, Since: since, Before: int64(bits & 16)}
				if on(5, "u") != "" {
					f.Until = time.Now()
				}
				if _, err := s.Messages(t.Context(), f); err != nil {
					t.Fatalf("%+v: %v", f, err)
				}
				rare := f.Patient + f.ExternalID
				if len(status) == 1 {
					rare += "status"
				}
				query, args := messageQuery(f, question{})
				checkListing(t, s, fmt.Sprintf("%+v", f), rare != "", query, args)
			}
		}
	}
	queued, sending, sent, gone := samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliverySent, samvirke.DeliveryGivenUp
	for bits := range 1 << 6 {
		on := func(i int, v string) string {
			if bits&(1<<i) != 0 {
				return v
			}
			return ""
		}
		for _, states := range [][]samvirke.DeliveryState{nil, {queued}, {sending}, {sent}, {queued, gone}, {queued, sending}, {queued, sent}} {
			f := queue.DeliveryFilter{Party: on(0, "p"), MessageID: on(1, "m"), Patient: on(2, "x"),
				Purpose: samvirke.Purpose(on(3, "forward")), Before: int64(bits & 16), State: states}
			if on(5, "o") != "" {
				f.OverdueAt = time.Now()
			}
			if _, err := s.Deliveries(t.Context(), f); err != nil {
				t.Fatalf("%+v: %v", f, err)
			}
			rare := f.MessageID + f.Patient + on(5, "overdue")
			if len(states) > 0 && !strings.Contains(fmt.Sprint(states), "sen") {
				rare += "state"
			}
			query, args := deliveryQuery(f, s.lanes.leased())
			checkListing(t, s, fmt.Sprintf("%+v", f), rare != "", query, args)
		}
	}
}

// checkListing fails when a question for something rare walks the table or an index of few values.
func checkListing(t *testing.T, s *Store, name string, rare bool, query string, args []any) {
	t.Helper()
	if !rare {
		return
	}
	details, err := list(t.Context(), s.db, scanPlanRow, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, d := range details {
		walks := strings.HasPrefix(d, "SCAN d") || strings.HasPrefix(d, "SCAN message") || strings.HasPrefix(d, "SCAN e ") || d == "SCAN e" || strings.HasPrefix(d, "SCAN receipt") ||
			strings.Contains(d, "delivery_party") ||
			strings.Contains(d, "message_party") || strings.Contains(d, "message_kind") || strings.Contains(d, "message_received")
		if walks {
			t.Errorf("%s: %s", name, d)
		}
	}
}
