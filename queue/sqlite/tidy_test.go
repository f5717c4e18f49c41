package sqlite

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestSegmentsGo drops the bodies of old messages: segments in which none is left are removed, those with a body that is still
// needed stay, and it can be read.
func TestSegmentsGo(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, SegmentBytes: 20_000, CheckpointEvery: 3 * time.Millisecond})
	at := time.Now()
	const n, kept = 60, 30
	for i := range n {
		id := fmt.Sprint("m", i)
		u := acceptUnit(id, crashBody(id+"3"))
		u.Now = at
		if i != kept {
			u.Message = &queue.MessageStep{ID: id, To: samvirke.MessageProcessed}
		}
		u.Deliveries = []samvirke.Delivery{{ID: id, MessageID: id, Party: "gp", Patient: id, State: samvirke.DeliveryQueued, Body: crashBody(id)}}
		if i != kept {
			u.Steps = []queue.DeliveryStep{{ID: id, To: samvirke.DeliveryAcknowledged}}
		}
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	before := segmentCount(t, s)
	if before < 10 {
		t.Fatalf("%d segments: the test shows nothing", before)
	}
	for after := int64(0); ; {
		_, next, err := s.DropPayloads(t.Context(), at.Add(time.Hour), after, 25)
		if err != nil {
			t.Fatal(err)
		}
		if after = next; next == 0 {
			break
		}
	}
	check := func(s *Store) {
		t.Helper()
		// The one in use, the one with the body that stays, and perhaps its neighbour, in which the frame ends.
		for deadline := time.Now().Add(time.Minute); segmentCount(t, s) > 3; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d of %d segments are left", segmentCount(t, s), before)
			}
		}
		id := fmt.Sprint("m", kept)
		if m, err := s.Message(t.Context(), id); err != nil || string(m.Raw) != string(crashBody(id+"3")) {
			t.Fatalf("the message that stays has %d bytes, %v", len(m.Raw), err)
		}
		if m, err := s.Message(t.Context(), "m0"); err != nil || len(m.Raw) != 0 {
			t.Fatalf("a dropped body has %d bytes, %v", len(m.Raw), err)
		}
	}
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir, SegmentBytes: 20_000, CheckpointEvery: 3 * time.Millisecond})
	if _, err := s.Commit(t.Context(), acceptUnit("later", nil)); err != nil {
		t.Fatal(err)
	}
	check(s)
}

func segmentCount(t *testing.T, s *Store) int {
	t.Helper()
	list, err := os.ReadDir(s.journalDir())
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
