package sqlite

import (
	"errors"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestCacheAfterErasure: jobs that come many times a second leave what the writer remembers of others, and of what they deleted or blanked nothing
// is remembered.
func TestCacheAfterErasure(t *testing.T) {
	for name, traces := range map[string]time.Time{"blanked": {}, "with its rows": time.Now().Add(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir()})
			for _, id := range []string{"goes", "stays"} {
				u := acceptUnit(id, nil)
				u.Accept.Patient = "patient of " + id
				u.Accept.ReceivedAt = time.Now().Add(-time.Hour)
				u.Accept.Status = samvirke.MessageProcessed
				u.Deliveries = []samvirke.Delivery{{ID: "d-" + id, MessageID: id, Party: "gp", Patient: u.Accept.Patient, State: samvirke.DeliveryQueued}}
				if _, err := s.Commit(t.Context(), u); err != nil {
					t.Fatal(err)
				}
			}
			step := func(id string, to samvirke.DeliveryState) error {
				_, err := s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{{ID: "d-" + id, To: to}}})
				return err
			}
			if err := step("goes", samvirke.DeliveryAcknowledged); err != nil {
				t.Fatal(err)
			}
			remembered := func(id string) (there bool) {
				if err := s.looseJob(t.Context(), func(w *writer) error {
					_, there = w.cache.deliveries["d-"+id]
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				return there
			}
			if !remembered("stays") {
				t.Error("a job made the writer forget what it did not change")
			}
			// As if it had not been let go yet.
			if err := s.looseJob(t.Context(), func(w *writer) error {
				r := w.cache.deliveries["d-stays"]
				r.id, r.seq, r.externalID, r.state = "d-goes", 1, "", samvirke.DeliverySent
				w.cache.deliveries["d-goes"] = r
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			x := &eraser{s: s, e: queue.Erasure{Patients: []string{"patient of goes"}, Traces: traces, Silent: traces}}
			if err := s.looseJob(t.Context(), func(w *writer) (err error) {
				if x.trace, err = w.tracer(); err != nil {
					return err
				}
				return x.messagesOf(w, []int64{1})
			}); err != nil || x.out.Messages != 1 || x.out.Deliveries != 1 {
				t.Fatalf("%+v, %v", x.out, err)
			}
			if remembered("goes") {
				t.Error("an erased delivery is remembered")
			}
			err := step("goes", samvirke.DeliverySent)
			if !traces.IsZero() && !errors.Is(err, queue.ErrNotFound) {
				t.Errorf("a step of what is gone: %v", err)
			}
		})
	}
}

// TestBlankedTwice: a message that was blanked, and whose patient became known again by work that was under way, is blanked once more; nothing that
// the writer remembers of it brings the patient back.
func TestBlankedTwice(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	u := acceptUnit("m", nil)
	u.Accept.Patient, u.Accept.Status, u.Accept.ExternalID = "p", samvirke.MessageAttention, "x"
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	blank := func() {
		t.Helper()
		last := int64(1 << 60)
		x := &eraser{s: s, e: queue.Erasure{Patients: []string{"p"}}, upTo: sequences{message: last, delivery: last}}
		if err := x.messages(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	step := func(m queue.MessageStep) {
		t.Helper()
		if _, err := s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Message: &m}); err != nil {
			t.Fatal(err)
		}
	}
	blank()
	step(queue.MessageStep{ID: "m", To: samvirke.MessageAttention, Patient: "p"})
	blank()
	step(queue.MessageStep{ID: "m", To: samvirke.MessageAttention, Kind: "other"}) // says nothing of the patient
	if err := s.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := single[int64](t.Context(), s.db, `SELECT count(*) FROM message WHERE patient = 'p'`); err != nil || n != 0 {
		t.Errorf("the patient is back in %d rows, %v", n, err)
	}
}
