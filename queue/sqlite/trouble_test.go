package sqlite

import (
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestKindKnownAfterTrouble: a message whose kind becomes known after it had trouble is found by both.
func TestKindKnownAfterTrouble(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	search := func(kind string) int {
		t.Helper()
		list, err := s.Messages(t.Context(), queue.MessageFilter{Text: "unreadable", Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	u := acceptUnit("m", []byte("body"))
	u.Accept.Status, u.Accept.Fault, u.Accept.FaultText = samvirke.MessageAttention, "unreadable", "line 4"
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if n := search(""); n != 1 {
		t.Fatalf("%d messages with the trouble", n)
	}
	plain := acceptUnit("plain", []byte("another"))
	if _, err := s.Commit(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"m", "plain"} {
		step := &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Kind: "LOG_INNLAGT", Format: "kith", Version: "1.6"}
		if _, err := s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Message: step}); err != nil {
			t.Fatal(err)
		}
		if err := s.settled(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := search("LOG_INNLAGT"); n != 1 {
		t.Errorf("%d messages with the trouble and the kind", n)
	}
	if n := search("LOG_DOD"); n != 0 {
		t.Errorf("%d messages of another kind", n)
	}
	if n, err := single[int64](t.Context(), s.db, `SELECT count(*) FROM trouble`); err != nil || n != 1 {
		t.Errorf("%d messages have words, %v", n, err)
	}
}
