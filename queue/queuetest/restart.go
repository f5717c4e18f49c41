package queuetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// testRestartEveryStage walks a message through its life with a restart after each step.
func testRestartEveryStage(t *testing.T, v *env) {
	v.accept("m")
	v.restart()
	v.received(10, "m")
	v.restart()
	v.received(10, "m")
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "m", To: samvirke.MessageProcessed},
		Deliveries: []samvirke.Delivery{delivery("a", "m", "gp", "p"), delivery("b", "m", "gp", "p")},
		Events:     []samvirke.Event{{MessageID: "m", Name: samvirke.EventProcessed}}})
	v.restart()
	v.receivedNothing()
	v.state("a", samvirke.DeliveryQueued)
	if v.e.Features.LeasesSurvive {
		t.Skip("the engine keeps leases over a restart")
	}
	v.lease("gp", 10, "a")
	v.restart()
	// The lease is gone with its process: queued again.
	v.state("a", samvirke.DeliveryQueued)
	x := v.lease("gp", 10, "a")
	v.step("a", x[0].Token, samvirke.DeliveryWaiting, dueAt(v.now))
	v.restart()
	v.state("a", samvirke.DeliveryWaiting)
	x = v.lease("gp", 10, "a")
	v.step("a", x[0].Token, samvirke.DeliverySent, func(s *queue.DeliveryStep) { s.ExpectBy = time.Now().Add(time.Hour) })
	v.restart()
	if st := get[queue.Stats](v)(v.s.Stats(v.ctx())); st.ReceiptsAwaited["gp"] != 1 {
		t.Fatalf("awaited %v", st.ReceiptsAwaited)
	}
	x = v.lease("gp", 10, "b")
	v.step("b", x[0].Token, samvirke.DeliveryStopped, hold)
	v.step("a", 0, samvirke.DeliveryAcknowledged)
	v.restart()
	v.leaseNothing("gp")
	v.state("a", samvirke.DeliveryAcknowledged)
	st := get[queue.Stats](v)(v.s.Stats(v.ctx()))
	want := map[samvirke.DeliveryState]int64{samvirke.DeliveryAcknowledged: 1, samvirke.DeliveryStopped: 1}
	if !reflect.DeepEqual(st.Deliveries["gp"], want) || st.Accepted != 1 || len(st.ReceiptsAwaited) != 0 {
		t.Fatalf("stats %+v", st)
	}
	// Numbers go on where they were.
	if out := v.commit(queue.Unit{Accept: message("n")}); out.Seq != 2 {
		t.Fatalf("number %d after a restart, want 2", out.Seq)
	}
}

// testLargeBodies stores bodies just below, at and above the bound, and the same one several times.
func testLargeBodies(t *testing.T, v *env) {
	n := v.e.Features.LargeBody
	for i, size := range []int{0, 1, n - 1, n, n + 1, 3*n + 7, 3*n + 7} {
		body := bytes.Repeat([]byte{byte('a' + i/6)}, size)
		id := fmt.Sprint("m", i)
		m := message(id)
		m.Raw, m.Checksum, m.Size = body, sum(body), int64(size)
		d := delivery("d"+id, id, "gp", id)
		d.Body = body
		o := delivery("o"+id, id, "third", id) // the message's own body, kept once
		o.Body, o.Original = body, true
		v.commit(queue.Unit{Accept: m, Deliveries: []samvirke.Delivery{d, delivery("e"+id, id, "other", id), o},
			Records: []queue.Record{{Key: id, Hash: "h", Patient: id, Body: body}},
			Plan:    &queue.PlanStep{Patient: id, Body: body}})
	}
	check := func() {
		t.Helper()
		leased := get[[]queue.Leased](v)(v.s.Lease(v.ctx(), "gp", 100, time.Hour))
		originals := get[[]queue.Leased](v)(v.s.Lease(v.ctx(), "third", 100, time.Hour))
		received := get[[]samvirke.Message](v)(v.s.Received(v.ctx(), 100))
		if len(leased) != 7 || len(received) != 7 {
			t.Fatalf("leased %d, received %d, want 7", len(leased), len(received))
		}
		for i, m := range received {
			raw := m.Raw
			for what, body := range map[string][]byte{
				"message":   get[queue.MessageDetail](v)(v.s.Message(v.ctx(), m.ID)).Raw,
				"delivery":  get[samvirke.Delivery](v)(v.s.Delivery(v.ctx(), "d"+m.ID)).Body,
				"record":    get[[]queue.Record](v)(v.s.Records(v.ctx(), m.ID))[0].Body,
				"plan":      get[queue.PlanVersion](v)(v.s.Plan(v.ctx(), m.ID, 1)).Body,
				"leased":    leased[i].Body,
				"original":  get[samvirke.Delivery](v)(v.s.Delivery(v.ctx(), "o"+m.ID)).Body,
				"its lease": originals[i].Body,
			} {
				if !bytes.Equal(body, raw) || sum(raw) != m.Checksum || int64(len(raw)) != m.Size {
					t.Fatalf("%s %d has %d bytes, the message %d of %d", what, i, len(body), len(raw), m.Size)
				}
			}
		}
	}
	check()
	v.restart()
	if v.e.Features.LeasesSurvive {
		return
	}
	check()
}

func testClose(t *testing.T, v *env) {
	v.accept("m")
	blocked := make(chan error, 3)
	go func() { _, err := v.s.Lease(v.ctx(), "gp", 1, time.Hour); blocked <- err }()
	go func() {
		if _, err := v.s.Received(v.ctx(), 1); err != nil {
			blocked <- err
			return
		}
		_, err := v.s.Received(v.ctx(), 1)
		blocked <- err
	}()
	events, cancel := v.s.Subscribe(1)
	defer cancel()
	time.Sleep(10 * time.Millisecond) // let them block; the outcome is the same if they have not yet
	for range 2 {
		if err := v.s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	for range 2 {
		select {
		case err := <-blocked:
			if !errors.Is(err, queue.ErrClosed) {
				t.Errorf("a waiting call ended with %v, want ErrClosed", err)
			}
		case <-time.After(limit):
			t.Fatal("a waiting call does not end when the store closes")
		}
	}
	if _, open := <-events; open {
		t.Error("subscription got an event after close")
	}
	if _, err := v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Accept: message("x")}); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("commit after close: %v", err)
	}
	if _, err := v.s.Message(v.ctx(), "m"); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	select {
	case <-v.s.Failed():
		t.Error("closing counts as failing")
	default:
	}
}
