package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// searchMost is how many rows a search may look at: some pages of results, and as many rows beside them that do not fit. Of all that
// stands in one state there is more (see fill), so a search that goes through all of it is found.
const searchMost = 2000

// fillEvery is the time between two messages of fill.
const fillEvery = 20 * time.Second

// fill makes n messages straight in the tables, as they stand after some of their life, half of them before queuetest.SearchAt, and
// a delivery of each. Of each state that is not the end there are thousands. What is overdue or just being sent is few, in every
// store: that is looked at as a whole.
func fill(tb testing.TB, conn *pgx.Conn, n int) {
	tb.Helper()
	ctx := context.Background()
	// Statistics of all rows and not of some that are drawn, and nobody else makes others: the plans are the same each time.
	if _, err := conn.Exec(ctx, `SET default_statistics_target = 200`); err != nil {
		tb.Fatal(err)
	}
	for _, table := range []string{"message", "open_message", "delivery", "open_delivery", "lane", "receipt", "tally", "trouble", "event_run"} {
		if _, err := conn.Exec(ctx, `ALTER TABLE `+table+` SET (autovacuum_enabled = off)`); err != nil {
			tb.Fatal(err)
		}
	}
	for _, text := range []string{
		`INSERT INTO message SELECT i, 'm' || i, CASE WHEN i % 2 = 0 THEN 'hospital' ELSE 'ward' END, 'kith', CASE WHEN i % 3 = 0 THEN 'LOG_INNLAGT' ELSE 'EPIKRISE' END, '1.6', 'x' || i,
			'urn:test|' || (i / 7), 0, 1700000000000000000 + (i - $1 / 2) * 20000000000, CASE WHEN i % 11 = 0 THEN 'attention' WHEN i % 11 = 1 THEN 'refused' WHEN i % 11 = 2 THEN 'quarantined' ELSE 'processed' END,
			false, '', '', md5(i::text), 10, '', '', NULL, NULL, '' FROM generate_series(1, $1::bigint) i`,
		`INSERT INTO open_message SELECT seq, status, '', 0 FROM message WHERE status <> 'processed' AND seq <= $1`,
		`INSERT INTO delivery SELECT i, 'd' || i, i, CASE WHEN i % 2 = 0 THEN 'gp' ELSE 'city' END, CASE WHEN i % 3 = 1 THEN 'receipt' ELSE 'forward' END, 'l' || (i / 7), i / 7, 'urn:test|' || (i / 7),
			'o' || i, 'LOG_INNLAGT', 'kith', '1.6', '', '', coalesce((ARRAY['stopped', 'queued', 'waiting', 'given-up', 'sent'])[i % 13], 'acknowledged'), false, 1, 1700000000000000000 + i, 0, 1, 1,
			CASE WHEN i % 13 <> 5 THEN 0 WHEN i % 20 = 0 THEN 1600000000000000000 ELSE 1800000000000000000 END, '', '', '', 10, '', false, '' FROM generate_series(1, $1::bigint) i`,
		`INSERT INTO open_delivery SELECT seq, party, key, state, CASE WHEN state IN ('queued', 'waiting') THEN 0 END, expect_by FROM delivery WHERE state <> 'acknowledged' AND seq <= $1`,
		`INSERT INTO lane SELECT party, seq, seq, 0, now_ns() + 3600000000000, seq, 7, 'somebody' FROM delivery WHERE state IN ('queued', 'waiting') AND seq % 100 = 0 AND seq <= $1`,
		`INSERT INTO receipt SELECT i, i, i, NULL, 'gp', '', '{}' FROM generate_series(1, $1::bigint) i`,
		`INSERT INTO tally SELECT 'delivery', party, state, count(*) FROM delivery WHERE seq <= $1 GROUP BY party, state`,
		`INSERT INTO trouble SELECT seq, words_of(concat_ws(' ', party, kind, format, 'connection refused')) FROM message WHERE seq % 13 = 0 AND seq <= $1`,
		`INSERT INTO event_run SELECT i, i, NULL, '', '[[1,null,"p","received",""]]' FROM generate_series(1, $1::bigint) i`,
	} {
		if _, err := conn.Exec(ctx, text, n); err != nil {
			tb.Fatalf("%v\n%s", err, text)
		}
	}
	if _, err := conn.Exec(ctx, `ANALYZE`); err != nil {
		tb.Fatal(err)
	}
}

// searches are what people and the gateway ask for besides all combinations of the filters.
func searches(n int) map[string]func() (string, []any) {
	m := func(f queue.MessageFilter) func() (string, []any) {
		return func() (string, []any) { return messageQuery(f) }
	}
	d := func(f queue.DeliveryFilter) func() (string, []any) {
		return func() (string, []any) { return deliveryQuery(f) }
	}
	at := queuetest.SearchAt().Add(time.Duration(n) / 2 * fillEvery)
	return map[string]func() (string, []any){
		"newest":             m(queue.MessageFilter{}),
		"next page":          m(queue.MessageFilter{Before: int64(n / 2)}),
		"patient":            m(queue.MessageFilter{Patient: "urn:test|5"}),
		"party":              m(queue.MessageFilter{Party: "hospital"}),
		"party, next page":   m(queue.MessageFilter{Party: "hospital", Before: int64(n / 2)}),
		"kind":               m(queue.MessageFilter{Kind: "LOG_INNLAGT"}),
		"message id":         m(queue.MessageFilter{ExternalID: queuetest.SearchExternal}),
		"attention":          m(queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageAttention}}),
		"attention of party": m(queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageAttention}, Party: "hospital"}),
		"last hour":          m(queue.MessageFilter{Since: at.Add(-time.Hour)}),
		"hour long ago":      m(queue.MessageFilter{Since: at.Add(-9 * time.Hour), Until: at.Add(-8 * time.Hour)}),
		"party long ago":     m(queue.MessageFilter{Party: "hospital", Until: at.Add(-10 * time.Hour)}),
		"before it all":      m(queue.MessageFilter{Until: at.AddDate(-1, 0, 0), Kind: "EPIKRISE"}),
		"party and kind":     m(queue.MessageFilter{Party: "ward", Kind: "OTHER"}),
		"any id":             m(queue.MessageFilter{ID: queuetest.SearchExternal}),
		"two statuses":       m(queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageAttention, samvirke.MessageRefused}}),
		"text of patient":    m(queue.MessageFilter{Text: "connection", Patient: "urn:test|5"}),
		"queued and stopped": d(queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliveryQueued, samvirke.DeliveryStopped}}),
		"queued, next page":  d(queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliveryQueued}, Before: int64(n / 2)}),
		"patient and kind":   m(queue.MessageFilter{Patient: "urn:test|5", Kind: "EPIKRISE"}),
		"deliveries":         d(queue.DeliveryFilter{}),
		"of a message":       d(queue.DeliveryFilter{MessageID: "m5"}),
		"of a patient":       d(queue.DeliveryFilter{Patient: "urn:test|5"}),
		"to a party":         d(queue.DeliveryFilter{Party: "gp"}),
		"stopped":            d(queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliveryStopped}}),
		"queued to a party":  d(queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliveryQueued}, Party: "gp"}),
		"sending":            d(queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliverySending}}),
		"overdue":            d(queue.DeliveryFilter{OverdueAt: at}),
		"receipts":           func() (string, []any) { return receiptQuery(queue.ReceiptFilter{MessageID: "m5"}) },
		"receipts of one":    func() (string, []any) { return receiptQuery(queue.ReceiptFilter{DeliveryID: "d5"}) },
		"events":             func() (string, []any) { return eventQuery(queue.EventFilter{MessageID: "m5"}) },
		"events of one":      func() (string, []any) { return eventQuery(queue.EventFilter{DeliveryID: "d5"}) },
		"events after":       func() (string, []any) { return eventQuery(queue.EventFilter{After: int64(n / 2)}) },
		"message":            func() (string, []any) { return `SELECT raw FROM message WHERE id = $1`, []any{"m5"} },
		"found delivery": func() (string, []any) {
			return `SELECT 1 FROM delivery WHERE external_id = $1 AND party = $2 AND external_id <> '' ORDER BY seq DESC LIMIT 1`, []any{"x", "gp"}
		},
	}
}

var (
	rowsRemoved = regexp.MustCompile(`Rows Removed by (?:Filter|Join Filter|Index Recheck): (\d+)`)
	rowsRead    = regexp.MustCompile(`Scan.*actual rows=(\d+) loops=(\d+)`)
)

// lookedAt runs a query and gives how many rows its scans looked at, how many it found, and its plan.
func lookedAt(t *testing.T, s *Store, text string, args []any) (touched, found int, plan string) {
	t.Helper()
	rows, err := s.reader.pool.Query(soon(t), `EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) `+text, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	_, first, _ := strings.Cut(lines[0], "actual rows=")
	_, _ = fmt.Sscan(first, &found)
	loops := 1
	for _, line := range lines {
		var a, b int
		if m := rowsRead.FindStringSubmatch(line); m != nil {
			_, _ = fmt.Sscan(m[1]+" "+m[2], &a, &b)
			if strings.Contains(line, "CTE") || strings.Contains(line, "Subquery Scan") { // what they look at is counted below them
				b = 0
			}
			touched += a * b
			loops = b
		}
		if m := rowsRemoved.FindStringSubmatch(line); m != nil { // for each loop
			_, _ = fmt.Sscan(m[1], &a)
			touched += a * loops
		}
	}
	return touched, found, strings.Join(lines, "\n")
}

// TestSearchPlans runs every combination that a listing offers over 40,000 messages, and looks how many rows that touches: a
// search looks at some pages of results, never at a table, and never at all that is in one state.
func TestSearchPlans(t *testing.T) {
	const n = 40_000
	s := open(t, Options{})
	conn := direct(t, shared.URL(), s.opts.Schema)
	fill(t, conn, n)
	for _, of := range []string{`open_message GROUP BY status`, `open_delivery GROUP BY state`, `trouble`} {
		if few := rowsOf(t, s, `SELECT min(n) FROM (SELECT count(*) AS n FROM `+of+`) x`); few <= searchMost {
			t.Fatalf("%d rows in %s: one that reads all of them would not be found", few, of)
		}
	}
	try := func(name string, most int, text string, args []any) (found int) {
		t.Helper()
		touched, found, plan := lookedAt(t, s, text, args)
		if touched > most {
			t.Errorf("%s touches %d rows:\n%s\n%s", name, touched, text, plan)
		}
		return found
	}
	for name, f := range searches(n) {
		text, args := f()
		try(name, searchMost, text, args)
	}
	combinations := 0
	queuetest.MessageSearches(func(name string, f queue.MessageFilter) {
		combinations++
		// As Messages asks. The newest troubles are looked at with their messages.
		if text, args := troubleWalk(f); text != "" && try(name+", walk", 2*troubleNewest+searchMost/5, text, args) == page(f.Limit) {
			return
		}
		most := searchMost
		if words := queue.Words(f.Text); len(words) > 0 && f.ID+f.ExternalID+f.Patient == "" {
			// The full-text index has no order: it gives all that have the words, and each is looked up with its message and its status.
			most = 3*rowsOf(t, s, `SELECT count(*) FROM trouble WHERE words @@ $1::tsquery`, matching(f, words)) + searchMost/5
		}
		text, args := messageQuery(f)
		try(name, most, text, args)
	})
	queuetest.DeliverySearches(func(name string, f queue.DeliveryFilter) {
		combinations++
		text, args := deliveryQuery(f)
		try(name, searchMost, text, args)
	})
	if combinations != 1024+448 {
		t.Errorf("%d combinations", combinations)
	}
}
