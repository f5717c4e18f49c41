package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// asideStore has two messages with a delivery each, numbers 1 and 2, in the tables.
func asideStore(t *testing.T) *Store {
	t.Helper()
	s := open(t, Options{Dir: t.TempDir()})
	for n, id := range []string{"one", "two"} {
		u := acceptUnit(id, nil)
		u.Accept.Patient, u.Accept.ExternalID, u.Accept.Status = "p-"+id, "x-"+id, samvirke.MessageProcessed
		u.Accept.Checksum = fmt.Sprint("sum", n)
		u.Deliveries = []samvirke.Delivery{{ID: "d-" + id, MessageID: id, Party: "gp", Patient: "p-" + id, State: samvirke.DeliveryQueued}}
		for _, u := range []*queue.Unit{u, {Now: time.Now(), Steps: []queue.DeliveryStep{{ID: "d-" + id, To: samvirke.DeliverySent}}}} {
			if _, err := s.Commit(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// heldJob begins an aside job about message 1 and holds it; end lets it go on and gives its error.
func heldJob(t *testing.T, s *Store, f func(w *writer) error) (end func() error) {
	t.Helper()
	began, gate, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.asideJob(context.WithoutCancel(t.Context()), []int64{1}, func(w *writer) error {
			close(began)
			<-gate
			return f(w)
		})
	}()
	select {
	case <-began:
	case err := <-done:
		t.Fatal("the job did not begin:", err)
	}
	return func() error { close(gate); return <-done }
}

// TestAside: while rows of a message are deleted beside the writer, units about others are answered, and each that is about it waits
// and finds what the job left.
func TestAside(t *testing.T) {
	now := time.Now()
	event := func(message, delivery, patient string) *queue.Unit {
		return &queue.Unit{Now: now, Events: []samvirke.Event{{At: now, MessageID: message, DeliveryID: delivery, Name: samvirke.EventSent, Patient: patient}}}
	}
	again := acceptUnit("three", nil)
	again.Accept.ExternalID, again.Accept.Checksum, again.Accept.Status = "x-one", "sum0", samvirke.MessageProcessed
	for name, c := range map[string]struct {
		u    *queue.Unit
		want func(queue.Outcome, error) bool
	}{
		"event of the message":  {event("one", "", "p-one"), gone},
		"event of the delivery": {event("", "d-one", "p-one"), gone},
		"step of the delivery":  {&queue.Unit{Now: now, Steps: []queue.DeliveryStep{{ID: "d-one", To: samvirke.DeliveryAcknowledged}}}, gone},
		"status of the message": {&queue.Unit{Now: now, Message: &queue.MessageStep{ID: "one", To: samvirke.MessageClosed}}, gone},
		"receipt":               {&queue.Unit{Now: now, Receipts: []samvirke.Receipt{{ID: "r", DeliveryID: "d-one", Party: "gp"}}}, gone},
		"the same again":        {again, func(o queue.Outcome, err error) bool { return err == nil && o.Duplicate }},
	} {
		t.Run(name, func(t *testing.T) {
			s := asideStore(t)
			x := &eraser{s: s, e: queue.Erasure{Patients: []string{"p-one"}, Silent: now.Add(time.Hour)}}
			if name != "the same again" { // then its rows go, else they are blanked and known again
				x.e.Traces = now.Add(time.Hour)
			}
			s.erasedAny.Store(true)
			end := heldJob(t, s, func(w *writer) (err error) {
				if x.trace, err = w.tracer(); err != nil {
					return err
				}
				if err := x.messagesOf(w, []int64{1}); err != nil {
					return err
				}
				return x.trace.end()
			})
			var ended atomic.Bool
			type outcome struct {
				o   queue.Outcome
				err error
			}
			if _, err := s.Commit(t.Context(), event("two", "d-two", "p-two")); err != nil {
				t.Fatal("a unit about another message:", err)
			}
			met := make(chan outcome, 1)
			go func() {
				o, err := s.Commit(context.WithoutCancel(t.Context()), c.u)
				if !ended.Load() {
					err = errors.Join(err, errors.New("answered while the job ran"))
				}
				met <- outcome{o, err}
			}()
			time.Sleep(30 * time.Millisecond)
			ended.Store(true)
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if got := <-met; !c.want(got.o, got.err) {
				t.Errorf("%+v, %v", got.o, got.err)
			}
			if err := s.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			left, err := single[int64](t.Context(), s.db, `SELECT count(*) FROM event_run WHERE patient = 'p-one'`)
			if err != nil || left != 0 {
				t.Errorf("%d events name the erased person, %v", left, err)
			}
		})
	}
}

func gone(_ queue.Outcome, err error) bool { return errors.Is(err, queue.ErrNotFound) }

// TestAsideNotBegun: with changes that wait for the tables a job would not find all.
func TestAsideNotBegun(t *testing.T) {
	s := asideStore(t)
	end := heldJob(t, s, func(*writer) error { return nil }) // nothing gets into the tables meanwhile
	now := time.Now()
	if _, err := s.Commit(t.Context(), &queue.Unit{Now: now, Events: []samvirke.Event{{At: now, MessageID: "two", Name: samvirke.EventSent}}}); err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	go func() {
		second <- s.asideJob(context.WithoutCancel(t.Context()), []int64{2}, func(*writer) error { return nil })
	}()
	time.Sleep(20 * time.Millisecond)
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if _, is := errors.AsType[*notAsideError](<-second); !is {
		t.Error("a job ran over changes that waited")
	}
	if err := s.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.asideJob(t.Context(), []int64{2}, func(*writer) error { return nil }); err != nil {
		t.Error("with all in the tables:", err)
	}
}

// TestAsideFails: what a job did is undone with it, and the store goes on.
func TestAsideFails(t *testing.T) {
	s := asideStore(t)
	wrong := errors.New("wrong")
	err := s.asideJob(t.Context(), []int64{1}, func(w *writer) error {
		if err := w.query(`DELETE FROM message WHERE seq = 1`, nil); err != nil {
			return err
		}
		return wrong
	})
	if !errors.Is(err, wrong) {
		t.Fatal(err)
	}
	if _, err := s.Message(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	if _, err := s.Commit(t.Context(), acceptUnit("later", nil)); err != nil {
		t.Error(err)
	}
}

// TestAsideHurries: a job that goes on until somebody waits is told of who waits already when it begins.
func TestAsideHurries(t *testing.T) {
	for name, waits := range map[string]bool{"a reader waits": true, "nobody waits": false} {
		t.Run(name, func(t *testing.T) {
			s := asideStore(t)
			end := heldJob(t, s, func(*writer) error { return nil })
			now := time.Now()
			event := func() {
				t.Helper()
				if _, err := s.Commit(t.Context(), &queue.Unit{Now: now, Events: []samvirke.Event{{At: now, Name: samvirke.EventSent, Patient: "p-three"}}}); err != nil {
					t.Fatal(err)
				}
			}
			event()
			read := make(chan error, 1)
			if waits {
				go func() { read <- s.wait(context.WithoutCancel(t.Context())) }()
				for !s.asideWaited.Load() {
					time.Sleep(time.Millisecond)
				}
			}
			var told bool
			second := &request{done: make(chan struct{}), loose: true, keeps: true, messages: []int64{2}, job: func(*writer) error {
				told = s.asideWaited.Load()
				return nil
			}}
			s.in <- second
			event() // answered after the job was put off
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if <-second.done; second.err != nil || told != waits {
				t.Errorf("told that somebody waits: %v, %v", told, second.err)
			}
			if waits {
				if err := <-read; err != nil {
					t.Error(err)
				}
			}
		})
	}
}
