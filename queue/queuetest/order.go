package queuetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// of makes a received message about a patient.
func of(id, patient string) *samvirke.Message {
	m := message(id)
	m.Patient = patient
	return m
}

// done takes a message out of received.
func done(id string, to samvirke.MessageStatus) *queue.MessageStep {
	return &queue.MessageStep{ID: id, From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: to}
}

// status fails when a message has another status.
func (v *env) status(id string, want samvirke.MessageStatus) {
	v.t.Helper()
	if m := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), id)); m.Status != want {
		v.t.Fatalf("message %s is %s, want %s", id, m.Status, want)
	}
}

// testOrder: what is about a patient is processed in the order of acceptance, by whichever way, and what is refused leaves
// nothing behind.
func testOrder(t *testing.T, v *env) {
	const p, q = "urn:test|p", "urn:test|q"
	atOnce := func(id, patient string) queue.Unit {
		return queue.Unit{Accept: of(id, patient), Message: done(id, samvirke.MessageProcessed),
			Deliveries: []samvirke.Delivery{delivery("d-"+id, id, "gp", patient)}}
	}
	step := func(id string, to samvirke.MessageStatus) queue.Unit {
		return queue.Unit{Message: done(id, to), Deliveries: []samvirke.Delivery{delivery("d-"+id, id, "gp", p)},
			Plan: &queue.PlanStep{Patient: "of " + id, Body: []byte("plan")}}
	}
	v.commit(queue.Unit{Accept: of("a", p)})
	v.commit(queue.Unit{Accept: of("b", p)})
	v.refuse(queue.ErrOrder, atOnce("c", p))
	v.absent("c")
	v.commit(atOnce("other", q))
	v.commit(atOnce("nobody", ""))
	v.received(10, "a", "b")
	v.refuse(queue.ErrOrder, step("b", samvirke.MessageProcessed))
	v.refuse(queue.ErrOrder, step("b", samvirke.MessageAttention))
	v.status("b", samvirke.MessageReceived)
	if _, err := v.s.Plan(v.ctx(), "of b", 0); !errors.Is(err, queue.ErrNotFound) {
		t.Fatalf("a refused unit wrote a plan: %v", err)
	}
	// Other things about it are no matter of order.
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "b", Kind: "KIND"}})
	v.receivedNothing()
	// One that needs attention holds nobody up. What was refused is given again.
	v.commit(step("a", samvirke.MessageAttention))
	got := get[[]samvirke.Message](v)(v.s.Received(v.ctx(), 10))
	if len(got) != 1 || got[0].ID != "b" || len(got[0].Raw) == 0 {
		t.Fatalf("given again: %v, want b", got)
	}
	v.refuse(queue.ErrOrder, atOnce("c", p))
	v.commit(step("b", samvirke.MessageProcessed))
	v.commit(atOnce("c", p))
	v.receivedNothing()
	// What is processed anew is first again, and lets go when it is done; also over a restart.
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "a", To: samvirke.MessageReceived}})
	v.refuse(queue.ErrOrder, atOnce("d", p))
	v.restart()
	v.refuse(queue.ErrOrder, atOnce("d", p))
	v.received(10, "a")
	v.commit(queue.Unit{Message: done("a", samvirke.MessageProcessed)})
	v.commit(atOnce("d", p))
	// Neither a quarantined message nor one that was refused at the door holds anybody up.
	again := of("again", p)
	again.ExternalID = "ext-d"
	v.commit(queue.Unit{Accept: again})
	refused := of("refused", p)
	refused.Status = samvirke.MessageAttention
	v.commit(queue.Unit{Accept: refused})
	v.commit(atOnce("e", p))
	v.eachInOrder("gp", p, "d-a", "d-b", "d-c", "d-d", "d-e")
}

// testOrderClosed: closing a message is no processing. It is done to any, in any order, also before the store has read what an
// earlier life left; what was behind goes on.
func testOrderClosed(t *testing.T, v *env) {
	const p = "urn:test|p"
	for _, id := range []string{"a", "b", "c"} {
		v.commit(queue.Unit{Accept: of(id, p)})
	}
	v.received(10, "a", "b", "c")
	v.commit(queue.Unit{Message: done("b", samvirke.MessageClosed)})
	v.refuse(queue.ErrOrder, queue.Unit{Message: done("c", samvirke.MessageProcessed)})
	v.commit(queue.Unit{Message: done("a", samvirke.MessageClosed)})
	v.received(10, "c")
	v.commit(queue.Unit{Message: done("c", samvirke.MessageProcessed)})
	for _, id := range []string{"d", "e", "f"} {
		v.commit(queue.Unit{Accept: of(id, p)})
	}
	v.restart()
	v.commit(queue.Unit{Message: done("e", samvirke.MessageClosed)})
	v.commit(queue.Unit{Message: done("d", samvirke.MessageClosed)})
	v.received(10, "f")
	v.commit(queue.Unit{Message: done("f", samvirke.MessageProcessed)})
	v.commit(queue.Unit{Accept: of("g", p), Message: done("g", samvirke.MessageProcessed)})
	v.receivedNothing()
}

// eachInOrder fails when the deliveries to a party about a patient do not come out as wanted.
func (v *env) eachInOrder(party, patient string, want ...string) {
	v.t.Helper()
	var got []string
	for len(got) < len(want) {
		for _, x := range get[[]queue.Leased](v)(v.s.Lease(v.ctx(), party, 10, time.Hour)) {
			if x.Patient == patient {
				got = append(got, x.ID)
			}
			v.step(x.ID, x.Token, samvirke.DeliverySent)
		}
	}
	if !slices.Equal(got, want) {
		v.t.Fatalf("came out as %v, want %v", got, want)
	}
}

// testOrderInOneGroup: units that are committed at the same time are held against what those before them in the group leave.
func testOrderInOneGroup(t *testing.T, v *env) {
	const p, n = "urn:test|p", 12
	for i := range n {
		v.commit(queue.Unit{Accept: of(fmt.Sprint("m", i), p)})
	}
	got := get[[]samvirke.Message](v)(v.s.Received(v.ctx(), n))
	if len(got) != n {
		t.Fatalf("received %d, want %d", len(got), n)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	var ended []int64
	left := map[int64]string{}
	for _, m := range got {
		left[m.Seq] = m.ID
	}
	// All hands try at the same time; who is refused gives its message back and takes what is given instead.
	hands := make(chan samvirke.Message, 4*n)
	random.Shuffle(n, func(i, j int) { got[i], got[j] = got[j], got[i] })
	for _, m := range got {
		hands <- m
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for m := range hands {
				_, err := v.s.Commit(context.Background(), &queue.Unit{Now: v.now, Message: done(m.ID, samvirke.MessageProcessed),
					Deliveries: []samvirke.Delivery{delivery("d-"+m.ID, m.ID, "gp", p)}})
				if errors.Is(err, queue.ErrOrder) {
					continue
				}
				if err != nil {
					t.Errorf("message %d: %v", m.Seq, err)
				}
				mu.Lock()
				ended = append(ended, m.Seq)
				delete(left, m.Seq)
				if len(left) == 0 {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	for {
		list, err := v.s.Received(ctx, n)
		if err != nil {
			break
		}
		for _, m := range list {
			hands <- m
		}
	}
	close(hands)
	wg.Wait()
	if len(left) != 0 {
		t.Fatalf("never given again: %v", left)
	}
	ds := get[[]samvirke.Delivery](v)(v.s.Deliveries(v.ctx(), queue.DeliveryFilter{}))
	for i, d := range ds { // newest first
		if want := fmt.Sprint("d-m", n-1-i); d.ID != want {
			t.Fatalf("delivery %d from the end is %s, want %s", i, d.ID, want)
		}
	}
	if len(ds) != n || len(ended) != n {
		t.Fatalf("%d deliveries of %d messages", len(ds), n)
	}
}
