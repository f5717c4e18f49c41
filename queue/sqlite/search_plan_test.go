package sqlite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// messageSearches are all combinations of what can be asked of messages.
func messageSearches(f func(name string, f queue.MessageFilter)) {
	at := time.Unix(1_700_000_000, 0)
	fields := []struct {
		name string
		set  func(*queue.MessageFilter)
	}{
		{"party", func(f *queue.MessageFilter) { f.Party = "hospital" }},
		{"kind", func(f *queue.MessageFilter) { f.Kind = "LOG_INNLAGT" }},
		{"patient", func(f *queue.MessageFilter) { f.Patient = "urn:test|5" }},
		{"external", func(f *queue.MessageFilter) { f.ExternalID = "x" }},
		{"id", func(f *queue.MessageFilter) { f.ID = "0190a3c4-0000-7000-8000-00000000000a" }},
		{"text", func(f *queue.MessageFilter) { f.Text = "connection refused" }},
		{"since", func(f *queue.MessageFilter) { f.Since = at }},
		{"until", func(f *queue.MessageFilter) { f.Until = at.Add(time.Hour) }},
	}
	for set := range 1 << len(fields) {
		var q queue.MessageFilter
		var name []string
		for i, x := range fields {
			if set&(1<<i) != 0 {
				x.set(&q)
				name = append(name, x.name)
			}
		}
		for i, statuses := range [][]samvirke.MessageStatus{nil, {samvirke.MessageAttention}, {samvirke.MessageRefused, samvirke.MessageQuarantined},
			{samvirke.MessageProcessed}} {
			if q.Status = statuses; (set+i)%2 == 0 {
				q.Before = 1000
			}
			f(fmt.Sprint(strings.Join(name, "+"), statuses), q)
		}
	}
}

// TestSearchPlans asks how SQLite would answer every combination that a listing offers. None goes through a table or an index, but for those that
// show the newest of all; and none sorts what grows with the store.
func TestSearchPlans(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	n := 0
	messageSearches(func(name string, f queue.MessageFilter) {
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
	states := [][]samvirke.DeliveryState{nil, {samvirke.DeliveryQueued}, {samvirke.DeliveryStopped, samvirke.DeliveryWaiting},
		{samvirke.DeliverySending}, {samvirke.DeliveryQueued, samvirke.DeliverySending}, {samvirke.DeliverySent}, {samvirke.DeliveryAcknowledged, samvirke.DeliveryGivenUp}}
	for set := range 1 << 6 {
		var q queue.DeliveryFilter
		for i, on := range []func(){func() { q.Party = "gp" }, func() { q.MessageID = "m" }, func() { q.Patient = "urn:test|5" },
			func() { q.Purpose = samvirke.PurposeForward }, func() { q.OverdueAt = time.Unix(1_700_000_000, 0) }, func() { q.Before = 1000 }} {
			if set&(1<<i) != 0 {
				on()
			}
		}
		for _, list := range states {
			q.State = list
			for _, leased := range []map[int64]bool{nil, {7: true}} {
				f(fmt.Sprintf("%+v, %d in hand", q, len(leased)), q, leased)
			}
		}
	}
}
