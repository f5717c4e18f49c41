package sqlite

import (
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
)

// TestFewFirst: what waits for a party that has been away for long does not keep a start from serving the others.
func TestFewFirst(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	backlog(t, s, 4*loadChunk) // for gp, which stands before town by name
	u := acceptUnit("one", nil)
	u.Deliveries = []samvirke.Delivery{{ID: "one", MessageID: "one", Party: "town", Patient: "one", State: samvirke.DeliveryQueued}}
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range backlogRounds { // the store may have read all before the test looks
		s = open(t, Options{Dir: dir})
		if townIsReadFirst(t, s) {
			return
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("what waits for town is never read before all that waits for gp")
}

// townIsReadFirst reads on until a party is ready, between two units, and leases what that one has.
func townIsReadFirst(t *testing.T, s *Store) bool {
	t.Helper()
	first := false
	r := &request{done: make(chan struct{}), job: func(w *writer) error {
		for w.load != nil && !isClosed(s.lanes.loading["town"]) && w.load.step(w) {
		}
		first = isClosed(s.lanes.loading["town"]) && !isClosed(s.lanes.loading["gp"])
		return nil
	}}
	if _, err := s.submit(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if !first {
		return false
	}
	if got, err := s.Lease(t.Context(), "town", 1, time.Minute); err != nil || len(got) != 1 || got[0].ID != "one" {
		t.Errorf("leased %d, %v", len(got), err)
	}
	return true
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestOldestReadsNoHistory: what a probe asks every few seconds does not go through all that a party was ever sent.
func TestOldestReadsNoHistory(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	searches := 0
	for _, detail := range planOf(t, s, oldestSelect, []any{"gp", "gp"}) {
		if strings.HasPrefix(detail, "SEARCH delivery USING") && !strings.Contains(detail, "PRIMARY KEY") {
			searches++
			if !strings.Contains(detail, "delivery_open (state=? AND party=?)") {
				t.Error(detail)
			}
		}
	}
	if searches != 2 {
		t.Errorf("%d searches, want 2", searches)
	}
}

// TestTotalsAreCountedInOrder: what a start counts in the background, in a store of any size, looks no row up by an index that
// leads to it only.
func TestTotalsAreCountedInOrder(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	for _, detail := range append(planOf(t, s, countRows, nil), planOf(t, s, countDelivered, []any{0, 1})...) {
		for _, wrong := range []string{"USING INDEX delivery_party", "USING INDEX delivery_open"} {
			if strings.Contains(detail, wrong) {
				t.Error(detail)
			}
		}
		if detail == "SCAN message" {
			t.Error("the rows of all messages are read:", detail)
		}
	}
}
