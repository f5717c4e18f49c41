package sqlite

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestPlans asks SQLite how it would run each statement of the hot path: none may scan a table or an
// index, and none may sort, because both grow with the backlog.
func TestPlans(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	queries := map[string]string{"load received": loadReceived, "load open": loadOpen, "next party": nextParty,
		"oldest": oldestSelect, "lease": leaseSelect,
		"raw": `SELECT 1 FROM message m JOIN message_body b ON b.seq = m.seq WHERE m.seq = ?`}
	queries["dues"], _ = dueQuery(queue.DueFilter{Open: true, Until: time.Unix(1, 0)})
	queries["settings"], queries["plan changes"] = settingsSelect, planChangesSelect
	var st statements
	var look lookups
	for i, x := range append(st.text(), look.text()...) {
		queries[fmt.Sprintf("statement %d", i)] = x.sql
	}
	for i, x := range st.batches() {
		queries[fmt.Sprintf("batch %d", i)] = x.sql + placeholders(2, x.c.columns()) + x.end
	}
	for name, q := range queries {
		if word := strings.Fields(q)[0]; word == "BEGIN" || word == "COMMIT" || word == "ROLLBACK" {
			continue
		}
		for _, detail := range planOf(t, s, q, make([]any, strings.Count(q, "?"))) {
			if scans(detail) || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s: %s\n%s", name, detail, q)
			}
		}
	}
}

// planOf asks how a question would be answered.
func planOf(t *testing.T, s *Store, query string, args []any) []string {
	t.Helper()
	details, err := list(t.Context(), s.db, scanPlanRow, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	return details
}

// scans says whether a step of a plan goes through a whole table or index.
func scans(detail string) bool {
	if !strings.HasPrefix(detail, "SCAN ") {
		return false
	}
	for _, harmless := range []string{"VIRTUAL TABLE", "CONSTANT ROW", "VALUES CLAUSE", "SCAN (subquery", "SCAN w"} {
		if strings.Contains(detail, harmless) {
			return false
		}
	}
	return true
}

func scanPlanRow(rows *sql.Rows) (detail string, err error) {
	var id, parent, unused int
	err = rows.Scan(&id, &parent, &unused, &detail)
	return detail, err
}

// backlog fills a store with n deliveries that cannot be sent: half of them queued behind a waiting head in
// the lanes of one party, half of them heads that wait.
func backlog(t *testing.T, s *Store, n int) {
	t.Helper()
	far := time.Now().Add(time.Hour)
	if _, err := s.Commit(t.Context(), acceptUnit("backlog", nil)); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < n; {
		u := &queue.Unit{Now: time.Now()}
		for range min(2000, n-i) {
			d := samvirke.Delivery{ID: fmt.Sprintf("b%08d", i), MessageID: "backlog", Party: "gp", Patient: fmt.Sprintf("patient-%08d", i/2),
				State: samvirke.DeliveryQueued, ExternalID: fmt.Sprintf("x%08d", i), Checksum: "x", Size: 1, Body: []byte("x")}
			if i%2 == 0 {
				d.DueAt = far
			}
			u.Deliveries = append(u.Deliveries, d)
			i++
		}
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
}

// used is the time by which the backlog tests compare: that of the processor where it is known, because
// other work on the machine does not show in it.
func used() time.Duration {
	if t := cpuTime(); t != 0 {
		return t
	}
	return time.Duration(time.Now().UnixNano())
}

// sendSome accepts, leases and finishes 60 deliveries and gives what that cost.
func sendSome(t *testing.T, s *Store, label string) time.Duration {
	t.Helper()
	began := used()
	for i := range 60 {
		id := fmt.Sprintf("%s-%d", label, i)
		u := acceptUnit(id, []byte("x"))
		u.Deliveries = []samvirke.Delivery{{ID: id, MessageID: id, Party: "gp", Patient: id, State: samvirke.DeliveryQueued}}
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		got, err := s.Lease(t.Context(), "gp", 1, time.Minute)
		if err != nil || len(got) != 1 || got[0].ID != id {
			t.Fatalf("leased %d, %v", len(got), err)
		}
		_, err = s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{{ID: id, Token: got[0].Token,
			To: samvirke.DeliverySent}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return used() - began
}

// backlogRounds bounds how often the backlog test measures, and how often it opens: what is slow by itself is slow each time.
const backlogRounds = 60

// TestBacklog compares the same work on an empty store and on one with 200,000 deliveries that wait. Both are open and take turns,
// and the least of each counts: the rest is other work, of the machine or of the store behind its back.
func TestBacklog(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	empty := open(t, Options{Dir: t.TempDir()})
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	backlog(t, s, n)
	settleHeld(t, s)
	before, after := time.Hour, time.Hour
	for round := 0; round < 3 || after > 4*before && round < backlogRounds; round++ {
		label := fmt.Sprint("round", round)
		before, after = min(before, sendSome(t, empty, label)), min(after, sendSome(t, s, label))
	}
	t.Logf("60 deliveries: %v on an empty store, %v with %d waiting", before, after, n)
	if after > 4*before {
		t.Errorf("the backlog makes sending %.1f times slower", float64(after)/float64(before))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = opensBeforeLoaded(t, dir); s == nil {
		t.Fatal("open waits for the backlog")
	}
	<-s.lanes.loaded
	sendSome(t, s, "again")
	st, err := s.Stats(t.Context())
	if err != nil || st.Deliveries["gp"][samvirke.DeliveryQueued] != int64(n) {
		t.Fatalf("stats %+v, %v", st.Deliveries, err)
	}
}

// opensBeforeLoaded opens a store with a backlog so that a unit is committed before the backlog is read in. When the machine
// does something else just then, the store may be faster than the test that looks: then it is opened again. One whose Open or
// first Commit waits for the backlog is never seen so: nil.
func opensBeforeLoaded(t *testing.T, dir string) *Store {
	t.Helper()
	for round := range backlogRounds {
		s := open(t, Options{Dir: dir})
		if _, err := s.Commit(t.Context(), acceptUnit(fmt.Sprint("at once ", round), nil)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-s.lanes.loaded:
		default:
			return s
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}
