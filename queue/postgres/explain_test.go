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
)

var placeholder = regexp.MustCompile(`\$(\d+)`)

// explain gives the plan of a statement for parameters that are not known, as the store's connections make it.
func explain(t *testing.T, conn *pgx.Conn, text string) string {
	t.Helper()
	n := 0
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		var k int
		_, _ = fmt.Sscan(m[1], &k)
		n = max(n, k)
	}
	ctx := soon(t)
	if _, err := conn.Exec(ctx, `PREPARE x AS `+text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	defer conn.Exec(ctx, `DEALLOCATE x`) //nolint:errcheck // the connection ends with the test
	args := ""
	if n > 0 {
		args = "(" + strings.TrimSuffix(strings.Repeat("NULL,", n), ",") + ")"
	}
	rows, err := conn.Query(ctx, `EXPLAIN EXECUTE x`+args, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return strings.Join(lines, "\n")
}

// TestHotPlans asks for the plan of each statement of the path of a message: none may scan a table, because that grows
// with what is stored or waits.
func TestHotPlans(t *testing.T) {
	s := open(t, Options{})
	o := s.opts
	c, err := o.config(hot(nil))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(soon(t), c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // reading only
	drops := payloadDrops()
	for name, text := range map[string]string{
		"settled": settledSelect, "drop deliveries": drops[0], "drop messages": drops[1], "drop aged deliveries": drops[2], "drop aged messages": drops[3],
		"have body": haveBody,
		"head":      headLock, "first": firstSelect, "same": sameSelect, "messages": messagesSelect, "deliveries": deliveriesSelect,
		"lanes": lanesSelect, "leased": leasedSelect, "plans": plansSelect, "counters": countersSelect, "dues": duesSelect, "full": messageFull, "erased": erasedSelect, "erased of a group": erasedGroup,
		"message insert": messageInsert, "message update": messageUpdate, "open message": openMessageSet, "open message end": openMessageDelete,
		"record": recordInsert, "plan": planInsert, "due set": dueSet, "due drop": dueDrop, "due fire": dueFire,
		"delivery insert": deliveryInsert, "delivery update": deliveryUpdate, "open delivery": openDeliverySet, "open delivery new": openDeliveryInsert, "open delivery end": openDeliveryDelete,
		"attempt": attemptInsert, "receipt": receiptInsert, "counter": counterSet, "setting": settingSet, "event": eventInsert,
		"audit": auditInsert, "tally": tallyAdd, "lane add": laneAdd, "lane move": laneMove, "lane drop": laneDrop, "head set": headSet, "mark": markSet,
		"order": orderSelect, "open message free": openMessageFree, "lane claim": laneClaim, "lane next": laneNext, "lane release": laneRelease, "lane held": laneHeld, "inbox": inboxClaim, "inbox end": inboxEnd, "hold": holdLook, "leader": leaderTake, "oldest": oldestSelect,
		"records": recordsSelect, "plan now": planSelect, "setting now": settingSelect, "counter now": counterSelect, "settings": settingsSelect, "plan changes": planChangesSelect,
	} {
		plan := explain(t, conn, text)
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s scans:\n%s", name, plan)
		}
	}
}

// fill makes n messages and deliveries straight in the tables, as they stand after their life; every hundredth is open.
func fill(tb testing.TB, conn *pgx.Conn, n int) {
	tb.Helper()
	ctx := context.Background()
	// Statistics of all rows and not of some that are drawn, and nobody else makes others: the plans are the same each time.
	if _, err := conn.Exec(ctx, `SET default_statistics_target = 200`); err != nil {
		tb.Fatal(err)
	}
	for _, table := range []string{"message", "open_message", "delivery", "open_delivery", "receipt", "tally", "trouble", "event_run"} {
		if _, err := conn.Exec(ctx, `ALTER TABLE `+table+` SET (autovacuum_enabled = off)`); err != nil {
			tb.Fatal(err)
		}
	}
	for _, text := range []string{
		`INSERT INTO message SELECT i, 'm' || i, CASE WHEN i % 5 = 0 THEN 'hospital' ELSE 'ward' END, 'kith', CASE WHEN i % 3 = 0 THEN 'LOG_INNLAGT' ELSE 'EPIKRISE' END, '1.6', md5(i::text),
			'urn:test|' || (i / 7), 0, 1700000000000000000 + i * 1000000000, CASE WHEN i % 100 = 0 THEN 'attention' ELSE 'processed' END, false, '', '', md5(i::text), 10, '', '', NULL, NULL, ''
			FROM generate_series(1, $1::bigint) i`,
		`INSERT INTO open_message SELECT seq, status, '', 0 FROM message WHERE status <> 'processed' AND seq <= $1`,
		`INSERT INTO delivery SELECT i, 'd' || i, i, CASE WHEN i % 2 = 0 THEN 'gp' ELSE 'city' END, 'forward', 'l' || (i / 7), i / 7, 'urn:test|' || (i / 7), 'x' || md5(i::text), 'LOG_INNLAGT', 'kith',
			'1.6', '', '', CASE WHEN i % 100 = 0 THEN 'stopped' WHEN i % 10 = 0 THEN 'queued' ELSE 'acknowledged' END, false, 1, 1700000000000000000 + i, 0, 1, 1, 0, '', '', '', 10, '', false, ''
			FROM generate_series(1, $1::bigint) i`,
		`INSERT INTO open_delivery SELECT seq, party, key, state, CASE WHEN state = 'queued' THEN 0 END, 0 FROM delivery WHERE state <> 'acknowledged' AND seq <= $1`,
		`INSERT INTO receipt SELECT i, i, i, NULL, 'gp', '', '{}' FROM generate_series(1, $1::bigint) i`,
		`INSERT INTO tally SELECT 'delivery', party, state, count(*) FROM delivery WHERE seq <= $1 GROUP BY party, state`,
		`INSERT INTO trouble SELECT seq, words_of('certificate of ' || party || ' expired') FROM message WHERE seq % 400 = 0 AND seq <= $1`,
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

// searches are what people and the gateway ask for.
func searches(n int) map[string]func() (string, []any) {
	m := func(f queue.MessageFilter) func() (string, []any) {
		return func() (string, []any) { return messageQuery(f) }
	}
	d := func(f queue.DeliveryFilter) func() (string, []any) {
		return func() (string, []any) { return deliveryQuery(f) }
	}
	at := time.Unix(1700000000+int64(n), 0)
	return map[string]func() (string, []any){
		"newest":             m(queue.MessageFilter{}),
		"next page":          m(queue.MessageFilter{Before: int64(n / 2)}),
		"patient":            m(queue.MessageFilter{Patient: "urn:test|5"}),
		"party":              m(queue.MessageFilter{Party: "hospital"}),
		"party, next page":   m(queue.MessageFilter{Party: "hospital", Before: int64(n / 2)}),
		"kind":               m(queue.MessageFilter{Kind: "LOG_INNLAGT"}),
		"message id":         m(queue.MessageFilter{ExternalID: "c4ca4238a0b923820dcc509a6f75849b"}),
		"attention":          m(queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageAttention}}),
		"attention of party": m(queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageAttention}, Party: "hospital"}),
		"last hour":          m(queue.MessageFilter{Since: at.Add(-time.Hour)}),
		"hour long ago":      m(queue.MessageFilter{Since: at.Add(-9 * time.Hour), Until: at.Add(-8 * time.Hour)}),
		"party long ago":     m(queue.MessageFilter{Party: "hospital", Until: at.Add(-10 * time.Hour)}),
		"before it all":      m(queue.MessageFilter{Until: at.AddDate(-1, 0, 0), Kind: "EPIKRISE"}),
		"party and kind":     m(queue.MessageFilter{Party: "ward", Kind: "OTHER"}),
		"any id":             m(queue.MessageFilter{ID: "x" + "c4ca4238a0b923820dcc509a6f75849b"}),
		"two statuses":       m(queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageAttention, samvirke.MessageRefused}}),
		"text":               m(queue.MessageFilter{Text: "certificate expired"}),
		"text, next page":    m(queue.MessageFilter{Text: "cert", Before: int64(n / 2)}),
		"text, walk":         func() (string, []any) { return troubleWalk(queue.MessageFilter{Text: "cert", Before: int64(n / 2)}) },
		"text and party":     m(queue.MessageFilter{Text: "certificate", Party: "ward"}),
		"text of patient":    m(queue.MessageFilter{Text: "certificate", Patient: "urn:test|5"}),
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

// TestSearchPlans asks how the database would run each search over 40,000 messages, and how many rows that touches: a
// search looks at a few pages of results, never at a table.
func TestSearchPlans(t *testing.T) {
	const n = 40_000
	s := open(t, Options{})
	conn := direct(t, shared.URL(), s.opts.Schema)
	fill(t, conn, n)
	removed := regexp.MustCompile(`Rows Removed by (?:Filter|Join Filter): (\d+)`)
	read := regexp.MustCompile(`Scan.*actual rows=(\d+) loops=(\d+)`)
	for name, f := range searches(n) {
		text, args := f()
		rows, err := s.reader.pool.Query(soon(t), `EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) `+text, args...)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		touched := 0
		for _, line := range lines {
			var a, b int
			if m := removed.FindStringSubmatch(line); m != nil {
				_, _ = fmt.Sscan(m[1], &a)
				touched += a
			}
			if m := read.FindStringSubmatch(line); m != nil && !strings.Contains(line, "CTE") {
				_, _ = fmt.Sscan(m[1]+" "+m[2], &a, &b)
				touched += a * b
			}
		}
		if touched > n/10 {
			t.Errorf("%s touches %d rows:\n%s", name, touched, strings.Join(lines, "\n"))
		}
	}
}

// TestDropPlans: after a run of retention the database believes that hardly a body has aged. Then those that have by the next run must not be
// looked through for each step.
func TestDropPlans(t *testing.T) {
	s := open(t, Options{})
	o := s.opts
	c, err := o.config(hot(nil))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(soon(t), c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // the schema is of the test
	for _, text := range []string{`INSERT INTO aged SELECT i, k, 0, decode(repeat('00', 400), 'hex') FROM generate_series(1, 4000) i, unnest(ARRAY[1, 3]) k`,
		`DELETE FROM aged WHERE seq < 3999`, `VACUUM ANALYZE aged`} {
		if _, err := conn.Exec(soon(t), text); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range payloadDrops() {
		if plan := explain(t, conn, text); strings.Contains(plan, "Filter: (seq") {
			t.Errorf("looks through all:\n%s", plan)
		}
	}
}
