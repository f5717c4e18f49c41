package sqlite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// TestSearchPlans asks how SQLite would answer every combination that a listing offers. None goes through a table or an index, but for those that
// show the newest of all; and none sorts what grows with the store.
func TestSearchPlans(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	n := 0
	queuetest.MessageSearches(func(name string, f queue.MessageFilter) {
		few := f.ID+f.ExternalID != ""
		all := f.Party+f.Kind+f.Patient+f.ExternalID+f.ID+f.Text == ""
		eachMessageQuery(f, func(query string, args []any, bounds string) {
			few := few || strings.Contains(query, "UNION ALL") // a page of each status, or what bears an id
			for _, detail := range planOf(t, s, query, args) {
				switch {
				case strings.Contains(detail, "TEMP B-TREE") && !few:
					t.Errorf("%s: %s\n%s", name, detail, query)
				case detail == "SCAN message" && all && (len(f.Status) == 0 || strings.Contains(name, "processed")):
				case detail == "SCAN t" && strings.HasSuffix(query, "FROM trouble t WHERE 1 ORDER BY t.rowid DESC LIMIT ?"): // the newest
				case scans(detail):
					t.Errorf("%s: %s\n%s", name, detail, query)
				case strings.Contains(detail, "VIRTUAL TABLE") && !strings.HasSuffix(detail, bounds):
					t.Errorf("%s: without its bounds: %s\n%s", name, detail, query)
				}
			}
		})
		n++
	})
	if n != 1024 {
		t.Errorf("%d combinations", n)
	}
	deliverySearches(func(name string, f queue.DeliveryFilter, leased map[int64]bool) {
		query, args := deliveryQuery(f, leased)
		for _, detail := range planOf(t, s, query, args) {
			switch {
			case strings.Contains(detail, "TEMP B-TREE FOR ORDER BY") && !f.OverdueAt.IsZero(): // those that are overdue
			case strings.Contains(detail, "TEMP B-TREE") && !strings.Contains(query, "json_each"):
				t.Errorf("%s: %s\n%s", name, detail, query)
			case detail == "SCAN d" && f.MessageID+f.Patient+f.Party == "" && f.OverdueAt.IsZero():
			case scans(detail):
				t.Errorf("%s: %s\n%s", name, detail, query)
			}
		}
	})
	for name, f := range map[string]queue.ReceiptFilter{"message": {MessageID: "m"}, "delivery": {DeliveryID: "d"}, "note": {Note: "late"},
		"message and party": {MessageID: "m", Party: "gp"}, "delivery and note": {DeliveryID: "d", Note: "late"}} {
		query, args := receiptQuery(f)
		for _, detail := range planOf(t, s, query, args) {
			if scans(detail) {
				t.Errorf("receipts of %s: %s", name, detail)
			}
		}
	}
	for name, f := range map[string]queue.EventFilter{"message": {MessageID: "m"}, "delivery": {DeliveryID: "d"}, "after": {After: 7}} {
		query, args := eventQuery(f)
		for _, detail := range planOf(t, s, query, args) {
			if scans(detail) {
				t.Errorf("events of %s: %s", name, detail)
			}
		}
	}
}

// eachMessageQuery gives every question that a filter may become, and where SQLite must say that the text index is entered and left:
// M is the words, < and > are bounds of their numbers.
func eachMessageQuery(f queue.MessageFilter, ask func(query string, args []any, bounds string)) {
	words, wide := question{match: `("connection") AND ("refused")`}, question{match: `"connection"* AND "refused"*`, wide: true}
	give := func(bounds string) func(string, []any) {
		return func(query string, args []any) { ask(query, args, bounds) }
	}
	upper := ""
	if f.Before > 0 || !f.Until.IsZero() {
		upper = "<"
	}
	lower := ""
	if !f.Since.IsZero() {
		lower = ">"
	}
	switch {
	case f.Text == "":
		give("")(messageQuery(f, question{}))
	case f.ID+f.ExternalID+f.Patient != "":
		give("")(fewTroublesQuery(f))
		give("")(numberQuery(f, map[int64]bool{7: true}))
		give("M1")(messageQuery(f, wide))
	default:
		give("M1" + lower + upper)(textQuery(f, words, textRoad{}))
		give("M1" + lower + upper)(textQuery(f, wide, textRoad{set: true}))
		give("M1>" + upper)(textQuery(f, words, textRoad{from: 5}))
		give("M1" + lower + upper)(nthText(f, words))
		give("")(numberQuery(f, map[int64]bool{7: true}))
		give("")(newestTroublesQuery(f))
		if _, without := toldBy(f.Status); len(f.Status) > 0 && !without {
			give("")(statusTroublesQuery(f))
		}
	}
}

// deliverySearches are all combinations of what can be asked of deliveries, with something being sent and without.
func deliverySearches(f func(name string, f queue.DeliveryFilter, leased map[int64]bool)) {
	queuetest.DeliverySearches(func(name string, q queue.DeliveryFilter) {
		for _, leased := range []map[int64]bool{nil, {7: true}} {
			f(fmt.Sprintf("%s, %d in hand", name, len(leased)), q, leased)
		}
	})
}
