package queuetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

func testLease(t *testing.T, v *env) {
	v.accept("m")
	d := delivery("d", "m", "gp", "p")
	at := v.tick()
	v.commit(queue.Unit{Now: at, Deliveries: []samvirke.Delivery{d}})
	stored := v.state("d", samvirke.DeliveryQueued)
	got := v.lease("gp", 10, "d")[0]
	want := d
	want.State, want.Seq, want.CreatedAt = samvirke.DeliverySending, stored.Seq, at
	if !reflect.DeepEqual(got.Delivery, want) {
		t.Fatalf("got  %+v\nwant %+v", got.Delivery, want)
	}
	if got.Token == 0 {
		t.Fatal("token 0 is that of somebody without a lease")
	}
	shown := v.state("d", samvirke.DeliverySending)
	if !reflect.DeepEqual(shown, want) {
		t.Fatalf("shown %+v", shown)
	}
	v.leaseNothing("gp")
	v.leaseNothing("nobody")
	v.commit(queue.Unit{Steps: []queue.DeliveryStep{stepOf("d", got.Token, samvirke.DeliverySent, from(samvirke.DeliverySending))}})
	v.state("d", samvirke.DeliverySent)
	v.leaseNothing("gp")
}

func testLeaseBlocks(t *testing.T, v *env) {
	type answer struct {
		got []queue.Leased
		err error
	}
	answers := make(chan answer)
	for range 2 {
		go func() {
			got, err := v.s.Lease(v.ctx(), "gp", 5, time.Hour)
			answers <- answer{got, err}
		}()
	}
	v.enqueue("other", "p", "x")
	v.enqueue("gp", "p1", "a")
	first := <-answers
	v.enqueue("gp", "p2", "b")
	second := <-answers
	for i, a := range []answer{first, second} {
		if want := []string{"a", "b"}[i]; a.err != nil || len(a.got) != 1 || a.got[0].ID != want {
			t.Fatalf("waiter %d got %v, %v, want %s", i, idsOf(a.got), a.err, want)
		}
	}
}

func testLeaseWaitsUntilDue(t *testing.T, v *env) {
	v.accept("m")
	d := delivery("d", "m", "gp", "p")
	// Of the wall clock and of its precision in a store: that is what an engine goes by, and what the units say that they go by.
	soon := func() time.Time { return time.Now().Add(150 * time.Millisecond).Truncate(time.Microsecond) }
	due := soon()
	d.DueAt = due
	v.commit(queue.Unit{Now: time.Now(), Deliveries: []samvirke.Delivery{d}})
	got := v.lease("gp", 1, "d")
	if time.Now().Before(due) {
		t.Fatal("leased before it was due")
	}
	due = soon()
	v.commit(queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{stepOf("d", got[0].Token, samvirke.DeliveryWaiting, dueAt(due))}})
	got = v.lease("gp", 1, "d")
	if time.Now().Before(due) {
		t.Fatal("leased again before it was due")
	}
	// Waiting survives a restart, and a far one can be called forward.
	v.step("d", got[0].Token, samvirke.DeliveryWaiting, dueAt(time.Now().Add(time.Hour)))
	v.restart()
	v.leaseNothing("gp")
	v.step("d", 0, samvirke.DeliveryQueued, from(samvirke.DeliveryWaiting))
	v.lease("gp", 1, "d")
}

func testLaneOrder(t *testing.T, v *env) {
	v.enqueue("gp", "p", "a1", "a2", "a3")
	v.enqueue("gp", "q", "b1", "b2")
	v.enqueue("other", "p", "c1")
	got := v.lease("gp", 10, "a1", "b1")
	v.leaseNothing("gp")
	v.step("b1", got[1].Token, samvirke.DeliverySent)
	b2 := v.lease("gp", 10, "b2")
	// A waiting head holds up its own lane, no other one.
	v.step("a1", got[0].Token, samvirke.DeliveryWaiting, dueAt(time.Now().Add(time.Hour)))
	v.leaseNothing("gp")
	v.step("b2", b2[0].Token, samvirke.DeliverySent)
	v.step("a1", 0, samvirke.DeliveryQueued)
	for _, id := range []string{"a1", "a2", "a3"} {
		x := v.lease("gp", 10, id)
		v.step(id, x[0].Token, samvirke.DeliverySent)
	}
	v.leaseNothing("gp")
	v.lease("other", 10, "c1")
}

// testLaneOrderConcurrent has senders with random faults work on many lanes: no lane is ever in two
// hands, and each lane comes out in order.
func testLaneOrderConcurrent(t *testing.T, v *env) {
	const lanes, each, senders = 12, 6, 4
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for j := range each {
		for l := range lanes {
			v.enqueue("gp", fmt.Sprint("p", l), fmt.Sprintf("l%d-%d", l, j))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var mu sync.Mutex
	inHand, sent := map[string]string{}, map[string][]string{}
	total := 0
	var wg sync.WaitGroup
	for s := range senders {
		random := rand.New(rand.NewPCG(seed, uint64(s)))
		wg.Go(func() {
			for {
				got, err := v.s.Lease(ctx, "gp", 3, time.Hour)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				for _, d := range got {
					mu.Lock()
					if other := inHand[d.Lane]; other != "" {
						t.Errorf("lane of %s is already in hand with %s", d.ID, other)
					}
					inHand[d.Lane] = d.ID
					mu.Unlock()
					to := samvirke.DeliverySent
					if random.IntN(3) == 0 {
						to = samvirke.DeliveryWaiting
					}
					mu.Lock()
					delete(inHand, d.Lane)
					if to == samvirke.DeliverySent {
						sent[d.Lane] = append(sent[d.Lane], d.ID)
						total++
					}
					last := total == lanes*each
					mu.Unlock()
					_, err := v.s.Commit(context.Background(), &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{
						stepOf(d.ID, d.Token, to, dueAt(time.Now().Add(time.Duration(random.IntN(3))*time.Millisecond)))}})
					if err != nil {
						t.Error(err)
					}
					if last {
						cancel()
					}
				}
			}
		})
	}
	wg.Wait()
	for l := range lanes {
		lane := samvirke.LaneKey("gp", fmt.Sprint("p", l), samvirke.PurposeForward)
		for j := range each {
			if want := fmt.Sprintf("l%d-%d", l, j); len(sent[lane]) != each || sent[lane][j] != want {
				t.Fatalf("lane %d came out as %v", l, sent[lane])
			}
		}
	}
}

func testHoldLane(t *testing.T, v *env) {
	v.enqueue("gp", "p", "a", "b", "c")
	x := v.lease("gp", 10, "a")
	v.step("a", x[0].Token, samvirke.DeliveryStopped, hold)
	v.leaseNothing("gp")
	v.restart()
	v.leaseNothing("gp")
	// Resent, it goes first.
	v.step("a", 0, samvirke.DeliveryQueued, from(samvirke.DeliveryStopped))
	x = v.lease("gp", 10, "a")
	v.step("a", x[0].Token, samvirke.DeliveryStopped, hold)
	v.leaseNothing("gp")
	// Given up, the lane goes on.
	v.step("a", 0, samvirke.DeliveryGivenUp, from(samvirke.DeliveryStopped))
	x = v.lease("gp", 10, "b")
	// Without HoldLane it goes on at once.
	v.step("b", x[0].Token, samvirke.DeliveryStopped)
	x = v.lease("gp", 10, "c")
	// One refused by its receiver after it was sent holds what comes later.
	v.step("c", x[0].Token, samvirke.DeliverySent)
	v.step("c", 0, samvirke.DeliveryStopped, hold, from(samvirke.DeliverySent))
	v.enqueue("gp", "p", "d")
	v.leaseNothing("gp")
	v.step("c", 0, samvirke.DeliveryGivenUp)
	v.lease("gp", 10, "d")
}

func testResendKeepsPlace(t *testing.T, v *env) {
	v.enqueue("gp", "p", "a", "b", "c", "d")
	x := v.lease("gp", 10, "a")
	v.step("a", x[0].Token, samvirke.DeliveryStopped)
	seq := v.state("a", samvirke.DeliveryStopped).Seq
	b := v.lease("gp", 10, "b")
	// While b is in hand, a comes back: nothing else goes before b is done, then a goes before c.
	v.step("a", 0, samvirke.DeliveryQueued)
	v.leaseNothing("gp")
	v.step("b", b[0].Token, samvirke.DeliverySent)
	x = v.lease("gp", 10, "a")
	if x[0].Seq != seq || string(x[0].Body) != "<delivery id=\"a\"/>" {
		t.Fatalf("resent with number %d (was %d) and body %q", x[0].Seq, seq, x[0].Body)
	}
	v.step("a", x[0].Token, samvirke.DeliverySent)
	x = v.lease("gp", 10, "c")
	v.step("c", x[0].Token, samvirke.DeliverySent)
	v.step("a", 0, samvirke.DeliveryQueued, from(samvirke.DeliverySent))
	v.restart()
	x = v.lease("gp", 10, "a")
	v.step("a", x[0].Token, samvirke.DeliverySent)
	v.lease("gp", 10, "d")
}

func testLeaseEnds(t *testing.T, v *env) {
	v.enqueue("gp", "p", "a", "b")
	first, err := v.s.Lease(v.ctx(), "gp", 1, 50*time.Millisecond)
	if err != nil || len(first) != 1 {
		t.Fatalf("leased %v, %v", idsOf(first), err)
	}
	second := v.lease("gp", 10, "a")
	if first[0].Token == second[0].Token {
		t.Fatal("the same token was given twice")
	}
	v.refuse(queue.ErrFenced, queue.Unit{Steps: []queue.DeliveryStep{stepOf("a", first[0].Token, samvirke.DeliverySent)}})
	v.state("a", samvirke.DeliverySending)
	v.step("a", second[0].Token, samvirke.DeliverySent)
	v.refuse(queue.ErrFenced, queue.Unit{Steps: []queue.DeliveryStep{stepOf("a", second[0].Token, samvirke.DeliveryWaiting)}})
	v.state("a", samvirke.DeliverySent)
}

func testFenced(t *testing.T, v *env) {
	v.enqueue("gp", "p", "a")
	v.refuse(queue.ErrFenced, queue.Unit{Steps: []queue.DeliveryStep{stepOf("a", 1, samvirke.DeliverySent)}})
	x := v.lease("gp", 1, "a")
	v.refuse(queue.ErrFenced, queue.Unit{Steps: []queue.DeliveryStep{stepOf("a", x[0].Token+1, samvirke.DeliverySent)}})
	// A step that fails for another reason leaves the lease alone.
	v.refuse(queue.ErrState, queue.Unit{Steps: []queue.DeliveryStep{stepOf("a", x[0].Token, samvirke.DeliverySent, from(samvirke.DeliveryQueued))}})
	v.state("a", samvirke.DeliverySending)
	// Two reports of one sender at once: one is taken.
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 6 {
		wg.Go(func() {
			_, err := v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Steps: []queue.DeliveryStep{stepOf("a", x[0].Token, samvirke.DeliverySent)}})
			if err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			} else if !errors.Is(err, queue.ErrFenced) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Fatalf("%d reports under one lease were taken", won)
	}
	if v.e.Features.LeasesSurvive {
		return
	}
	// A token of an earlier life does not fit.
	v.step("a", 0, samvirke.DeliveryQueued)
	x = v.lease("gp", 1, "a")
	v.restart()
	y := v.lease("gp", 1, "a")
	if x[0].Token == y[0].Token {
		t.Fatal("a token was given again after a restart")
	}
	v.refuse(queue.ErrFenced, queue.Unit{Steps: []queue.DeliveryStep{stepOf("a", x[0].Token, samvirke.DeliverySent)}})
	v.step("a", y[0].Token, samvirke.DeliverySent)
}

// testStepByOther steps a delivery while it is in somebody's hands: the step wins, the holder is fenced.
func testStepByOther(t *testing.T, v *env) {
	v.enqueue("gp", "p", "a", "b")
	x := v.lease("gp", 1, "a")
	v.refuse(queue.ErrState, queue.Unit{Steps: []queue.DeliveryStep{stepOf("a", 0, samvirke.DeliveryAcknowledged, from(samvirke.DeliverySent))}})
	v.step("a", 0, samvirke.DeliveryAcknowledged, from(samvirke.DeliverySent, samvirke.DeliverySending))
	v.refuse(queue.ErrFenced, queue.Unit{Steps: []queue.DeliveryStep{stepOf("a", x[0].Token, samvirke.DeliverySent)}})
	v.state("a", samvirke.DeliveryAcknowledged)
	v.lease("gp", 1, "b")
}

func testStepsInOneUnit(t *testing.T, v *env) {
	// The receipt came in the answer: sent and acknowledged at once.
	v.enqueue("gp", "p", "a")
	x := v.lease("gp", 1, "a")
	v.commit(queue.Unit{Steps: []queue.DeliveryStep{
		stepOf("a", x[0].Token, samvirke.DeliverySent, from(samvirke.DeliverySending)),
		stepOf("a", 0, samvirke.DeliveryAcknowledged, from(samvirke.DeliverySent))}})
	v.state("a", samvirke.DeliveryAcknowledged)
	// A delivery that is made and done in one unit (an answer on the same connection).
	v.commit(queue.Unit{Accept: message("m"), Deliveries: []samvirke.Delivery{delivery("b", "m", "gp", "q")},
		Steps:    []queue.DeliveryStep{stepOf("b", 0, samvirke.DeliverySent, from(samvirke.DeliveryQueued))},
		Receipts: []samvirke.Receipt{{ID: "r", MessageID: "m", DeliveryID: "b", Party: "gp"}},
		Events:   []samvirke.Event{{MessageID: "m", DeliveryID: "b", Name: samvirke.EventSent}}})
	v.state("b", samvirke.DeliverySent)
	v.leaseNothing("gp")
	st := get[queue.Stats](v)(v.s.Stats(v.ctx()))
	want := map[samvirke.DeliveryState]int64{samvirke.DeliveryAcknowledged: 1, samvirke.DeliverySent: 1}
	if !reflect.DeepEqual(st.Deliveries["gp"], want) {
		t.Fatalf("stats %v, want %v", st.Deliveries["gp"], want)
	}
	// Each step is checked against what the one before leaves.
	v.refuse(queue.ErrState, queue.Unit{Steps: []queue.DeliveryStep{
		stepOf("b", 0, samvirke.DeliveryAcknowledged), stepOf("b", 0, samvirke.DeliveryStopped, from(samvirke.DeliverySent))}})
	v.state("b", samvirke.DeliverySent)
}

func testDeliveryTimes(t *testing.T, v *env) {
	v.enqueue("gp", "p", "a")
	x := v.lease("gp", 1, "a")
	sent, expect := v.tick(), v.now.Add(time.Hour)
	v.commit(queue.Unit{Now: sent, Steps: []queue.DeliveryStep{stepOf("a", x[0].Token, samvirke.DeliverySent,
		func(s *queue.DeliveryStep) { s.ExpectBy = expect })}})
	d := v.state("a", samvirke.DeliverySent)
	if !d.SentAt.Equal(sent) || !d.ExpectBy.Equal(expect) || !d.DoneAt.IsZero() || !d.DueAt.IsZero() {
		t.Fatalf("sent: %+v", d)
	}
	done := v.tick()
	v.commit(queue.Unit{Now: done, Steps: []queue.DeliveryStep{stepOf("a", 0, samvirke.DeliveryAcknowledged)}})
	if d = v.state("a", samvirke.DeliveryAcknowledged); !d.SentAt.Equal(sent) || !d.DoneAt.Equal(done) || !d.ExpectBy.Equal(expect) {
		t.Fatalf("acknowledged: %+v", d)
	}
	v.enqueue("gp", "q", "b")
	x = v.lease("gp", 1, "b")
	due := v.tick().Add(48 * time.Hour)
	v.step("b", x[0].Token, samvirke.DeliveryWaiting, dueAt(due), func(s *queue.DeliveryStep) { s.Fault, s.FaultText = "down", "no route" })
	if d = v.state("b", samvirke.DeliveryWaiting); !d.DueAt.Equal(due) || d.Fault != "down" || d.FaultText != "no route" {
		t.Fatalf("waiting: %+v", d)
	}
	v.step("b", 0, samvirke.DeliveryQueued)
	if d = v.state("b", samvirke.DeliveryQueued); !d.DueAt.IsZero() || d.Fault != "" {
		t.Fatalf("queued again: %+v", d)
	}
}

func testAttempts(t *testing.T, v *env) {
	v.enqueue("gp", "p", "a")
	at := time.Date(2026, 7, 8, 9, 10, 11, 12000, time.UTC)
	want := []samvirke.Attempt{
		{DeliveryID: "a", Number: 1, At: at, Took: 30 * time.Millisecond, Answer: "HTTP 503", Class: samvirke.Transient, Fault: "busy", FaultText: "text"},
		{DeliveryID: "a", Number: 2, At: at.Add(time.Minute), Took: time.Microsecond, Answer: "HTTP 202"},
	}
	for i, to := range []samvirke.DeliveryState{samvirke.DeliveryWaiting, samvirke.DeliverySent} {
		x := v.lease("gp", 1, "a")
		v.step("a", x[0].Token, to, func(s *queue.DeliveryStep) { a := want[i]; s.Attempt = &a })
	}
	v.step("a", 0, samvirke.DeliveryAcknowledged)
	got := get[[]samvirke.Attempt](v)(v.s.Attempts(v.ctx(), "a"))
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
	if d := v.state("a", samvirke.DeliveryAcknowledged); d.Attempts != 2 {
		t.Fatalf("attempts %d, want 2", d.Attempts)
	}
}
