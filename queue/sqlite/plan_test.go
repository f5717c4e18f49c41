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
	for i, x := range st.text() {
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

// sendSome measures accepting, leasing and finishing of deliveries; the best of three.
func sendSome(t *testing.T, s *Store, label string) time.Duration {
	t.Helper()
	best := time.Hour
	for round := range 3 {
		began := used()
		for i := range 60 {
			id := fmt.Sprintf("%s-%d-%d", label, round, i)
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
		best = min(best, used()-began)
	}
	return best
}

// TestBacklog compares the same work on an empty store and on one with 200,000 deliveries that wait.
func TestBacklog(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	dir := t.TempDir()
	opening := used()
	s := open(t, Options{Dir: dir})
	openEmpty := used() - opening
	before := sendSome(t, s, "empty")
	backlog(t, s, n)
	after := sendSome(t, s, "full")
	t.Logf("60 deliveries: %v on an empty store, %v with %d waiting", before, after, n)
	if after > 4*before {
		t.Errorf("the backlog makes sending %.1f times slower", float64(after)/float64(before))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opening = used()
	s = open(t, Options{Dir: dir})
	openFull := used() - opening
	if _, err := s.Commit(t.Context(), acceptUnit("at once", nil)); err != nil {
		t.Fatal(err)
	}
	accepted := used() - opening
	<-s.lanes.loaded
	loaded := used() - opening
	t.Logf("open: %v empty, %v with %d waiting; first commit after %v, lanes loaded after %v", openEmpty, openFull, n,
		accepted, loaded)
	if openFull > openEmpty+loaded/2 {
		t.Errorf("open waits for the backlog")
	}
	sendSome(t, s, "again")
	st, err := s.Stats(t.Context())
	if err != nil || st.Deliveries["gp"][samvirke.DeliveryQueued] != int64(n) {
		t.Fatalf("stats %+v, %v", st.Deliveries, err)
	}
}
