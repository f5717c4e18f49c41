package gateway_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// ways counts by which way messages are accepted; it can lose races and hold messages back.
type ways struct {
	queue.Store
	together, alone atomic.Int64
	// race is how often of ten an acceptance together with its processing is refused, with lost.
	race int64
	lost error
	gate chan struct{} // nil: messages are handed out at once
}

func (w *ways) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	switch {
	case u.Accept != nil && u.Message != nil:
		if n := w.together.Add(1); n%10 < w.race {
			return queue.Outcome{}, w.lost
		}
	case u.Accept != nil:
		w.alone.Add(1)
	}
	return w.Store.Commit(ctx, u)
}

func (w *ways) Received(ctx context.Context, most int) ([]samvirke.Message, error) {
	if w.gate != nil {
		select {
		case <-w.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return w.Store.Received(ctx, most)
}

func TestAcceptedAndProcessedInOneUnit(t *testing.T) {
	w := &ways{}
	r := newRig(t, func(r *rig) {
		r.wrap = func(s queue.Store) queue.Store { w.Store = s; return w }
	})
	msgID := uuid.NewString()
	body := simulate.Admission{ID: msgID, Person: 1}.XML()
	ans := r.receive("hospital", body)
	if m := r.message(ans.MessageID); m.Status != samvirke.MessageProcessed || len(m.Envelope) == 0 {
		t.Errorf("with the answer the message is %s, its envelope has %d bytes", m.Status, len(m.Envelope))
	}
	r.one(ans.MessageID, samvirke.PurposeForward)
	r.one(ans.MessageID, samvirke.PurposeReceipt)
	events, err := r.store.Events(t.Context(), queue.EventFilter{MessageID: ans.MessageID})
	if err != nil || len(events) < 4 || events[0].Name != samvirke.EventReceived || events[1].Name != samvirke.EventProcessed {
		t.Errorf("events %+v, %v", events, err)
	}
	if again := r.receive("hospital", body); !again.Duplicate || again.MessageID != ans.MessageID || again.Fault != nil {
		t.Errorf("the same message again: %+v", again)
	}
	other := simulate.Admission{ID: msgID, Person: 2}.XML()
	if reused := r.receive("hospital", other); reused.Fault == nil || reused.Fault.Code != "message-id-reused" {
		t.Errorf("the id again with other content: %+v", reused)
	}
	if n := len(r.deliveries(ans.MessageID, "")); n != 2 {
		t.Errorf("%d deliveries, want 2", n)
	}
	if w.together.Load() != 3 || w.alone.Load() != 0 {
		t.Errorf("%d accepted with their processing, %d before it; want 3 and 0", w.together.Load(), w.alone.Load())
	}
}

// TestLostRaceIsRunAgain: a plan that another gateway changed meanwhile does not send the message the long way.
func TestLostRaceIsRunAgain(t *testing.T) {
	w := &ways{race: 3, lost: queue.ErrPlanVersion}
	r := newRig(t, func(r *rig) {
		r.wrap = func(s queue.Store) queue.Store { w.Store = s; return w }
	})
	for range 12 {
		id, _ := r.admit(simulate.Admission{Person: 1})
		if s := r.message(id).Status; s != samvirke.MessageProcessed {
			t.Errorf("with the answer the message is %s", s)
		}
	}
	if n := w.together.Load(); n <= 12 || w.alone.Load() != 0 {
		t.Errorf("%d tries, %d went the long way; want more than 12 and none", n, w.alone.Load())
	}
}

// TestOrderOverBothWays: whether messages of a patient are processed with their acceptance or after it, they reach a
// receiver in the order of acceptance.
func TestOrderOverBothWays(t *testing.T) {
	const patients, senders, each = 3, 3, 8
	w := &ways{race: 4, lost: queue.ErrOrder}
	r := newRig(t, func(r *rig) {
		r.wrap = func(s queue.Store) queue.Store { w.Store = s; return w }
	})
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]string{} // gateway's id by message id
	for p := range patients {
		for range senders {
			wg.Go(func() {
				for range each {
					a := simulate.Admission{ID: uuid.NewString(), Person: p + 1}
					ans, err := r.g.Receive(context.Background(), connectors.Incoming{Party: "hospital", Body: a.XML(), Size: int64(len(a.XML())), ContentType: "application/xml"})
					if err != nil || ans.Fault != nil {
						t.Errorf("%v %v", err, ans.Fault)
						return
					}
					mu.Lock()
					ids[a.ID] = ans.MessageID
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	const all = patients * senders * each
	if len(ids) != all {
		t.Fatalf("%d accepted, want %d", len(ids), all)
	}
	r.until("all sent", func() bool { return len(r.city.sent()) >= all })
	last := map[string]int64{}
	for _, d := range r.city.sent() {
		m := r.message(ids[d.ExternalID])
		if m.Seq <= last[m.Patient] {
			t.Errorf("message %d came after %d", m.Seq, last[m.Patient])
		}
		last[m.Patient] = m.Seq
	}
	if w.alone.Load() == 0 || w.together.Load() == 0 {
		t.Errorf("%d together, %d alone: the test shows nothing", w.together.Load(), w.alone.Load())
	}
}

// TestNobodyPassesWhatAnEarlierRunLeft: until what was accepted before the start is processed, nothing of the same
// patient is.
func TestNobodyPassesWhatAnEarlierRunLeft(t *testing.T) {
	w := &ways{gate: make(chan struct{})}
	r := newRig(t)
	r.g.Stop() // the gateway takes messages no more, the store still does
	now := time.Now().UTC()
	left := simulate.Admission{ID: uuid.NewString(), Person: 3}
	m := samvirke.Message{ID: uuid.NewString(), Party: "hospital", ReceivedAt: now, Checksum: "x", Raw: left.XML(), ExternalID: left.ID, Patient: key(3)}
	if _, err := r.store.Commit(t.Context(), &queue.Unit{Now: now, Accept: &m}); err != nil {
		t.Fatal(err)
	}
	r.wrap = func(s queue.Store) queue.Store { w.Store = s; return w }
	r.restart()
	id, msgID := r.admit(simulate.Admission{Person: 3})
	if s := r.message(id).Status; s != samvirke.MessageReceived {
		t.Errorf("the second message is %s before the first is processed", s)
	}
	close(w.gate)
	r.until("both sent", func() bool { return len(r.city.sent()) == 2 })
	if got := r.city.sent(); got[0].ExternalID != left.ID || got[1].ExternalID != msgID {
		t.Errorf("sent %s, %s", got[0].ExternalID, got[1].ExternalID)
	}
	// From here on nothing stands in the way any more.
	r.until("the short way again", func() bool {
		next, _ := r.admit(simulate.Admission{Person: 3})
		short := r.message(next).Status == samvirke.MessageProcessed
		r.untilStatus(next, samvirke.MessageProcessed) // else it would stand in the way of the one after it
		return short
	})
}
