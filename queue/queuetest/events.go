package queuetest

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

func testEvents(t *testing.T, v *env) {
	v.enqueue("gp", "p", "d")
	at := v.tick()
	list := []samvirke.Event{
		{At: at.Add(time.Minute), MessageID: "m-d", Party: "hospital", Patient: "p", Name: samvirke.EventReceived, Detail: "detail"},
		{MessageID: "m-d", DeliveryID: "d", Party: "gp", Name: samvirke.EventSent},
		{DeliveryID: "d", Name: samvirke.EventOverdue},
		{Name: samvirke.EventRouted},
	}
	v.commit(queue.Unit{Now: at, Events: list})
	for i := range list {
		list[i].Seq = int64(i + 1)
		if list[i].At.IsZero() {
			list[i].At = at
		}
	}
	for _, c := range []struct {
		name string
		f    queue.EventFilter
		want []samvirke.Event
	}{
		{"all", queue.EventFilter{}, list},
		{"message", queue.EventFilter{MessageID: "m-d"}, list[:2]},
		{"delivery", queue.EventFilter{DeliveryID: "d"}, list[1:3]},
		{"both", queue.EventFilter{MessageID: "m-d", DeliveryID: "d"}, list[1:2]},
		{"after", queue.EventFilter{After: 2}, list[2:]},
		{"limit", queue.EventFilter{After: 1, Limit: 2}, list[1:3]},
		{"nobody", queue.EventFilter{MessageID: "nobody"}, nil},
	} {
		got := get[[]samvirke.Event](v)(v.s.Events(v.ctx(), c.f))
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

// testSubscribe has many commit at once: a subscriber sees all events without gaps, in the order of their
// numbers, and each only after it can be read.
func testSubscribe(t *testing.T, v *env) {
	events, cancel := v.s.Subscribe(1000)
	other, cancelOther := v.s.Subscribe(1)
	cancelOther()
	cancelOther() // twice is harmless
	if _, open := <-other; open {
		t.Fatal("cancel does not close the channel")
	}
	const n = 60
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			id := fmt.Sprint("e", i)
			_, err := v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Accept: message(id),
				Events: []samvirke.Event{{MessageID: id, Name: samvirke.EventReceived}, {MessageID: id, Name: samvirke.EventRouted}}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 2 * n {
		select {
		case e := <-events:
			if e.Seq != int64(i+1) {
				t.Fatalf("event %d has number %d", i+1, e.Seq)
			}
			stored := get[[]samvirke.Event](v)(v.s.Events(v.ctx(), queue.EventFilter{After: e.Seq - 1, Limit: 1}))
			if len(stored) != 1 || !reflect.DeepEqual(stored[0], e) {
				t.Fatalf("subscriber saw %+v, the store has %+v", e, stored)
			}
		case <-time.After(limit):
			t.Fatal("an event does not come")
		}
	}
	// What fails is not told.
	v.refuse(queue.ErrPlanVersion, queue.Unit{Plan: &queue.PlanStep{Patient: "p", Expect: 4}, Events: []samvirke.Event{{Name: samvirke.EventRouted}}})
	v.commit(queue.Unit{Events: []samvirke.Event{{Name: samvirke.EventOverdue}}})
	if e := <-events; e.Name != samvirke.EventOverdue {
		t.Fatalf("event %+v of a failed unit", e)
	}
	cancel()
	if _, open := <-events; open {
		t.Fatal("cancel does not close the channel")
	}
}

func testSubscribeSlow(t *testing.T, v *env) {
	events, cancel := v.s.Subscribe(3)
	defer cancel()
	var list []samvirke.Event
	for range 10 {
		list = append(list, samvirke.Event{Name: samvirke.EventRouted})
	}
	v.commit(queue.Unit{Events: list})
	v.commit(queue.Unit{Events: list[:1]})
	// The oldest are gone, the newest are there, in order; commits never waited.
	deadline := time.After(limit)
	for last := int64(0); last != 11; {
		select {
		case e := <-events:
			if e.Seq <= last {
				t.Fatalf("event %d after %d", e.Seq, last)
			}
			last = e.Seq
		case <-deadline:
			t.Fatalf("the newest event does not come, last was %d", last)
		}
	}
}

func testReceipts(t *testing.T, v *env) {
	v.enqueue("gp", "p", "d")
	at := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC)
	in := samvirke.Receipt{ID: "r1", Direction: samvirke.Inbound, Party: "gp", MessageID: "m-d", DeliveryID: "d", CarrierID: "c",
		ExternalID: "x", At: at, Note: "late", ReceiptContent: samvirke.ReceiptContent{Status: samvirke.ReceiptRejected,
			Errors:     []samvirke.ReceiptError{{Code: "E10", System: "s", Display: "d", Detail: "t"}},
			OriginalID: "o", OriginalKind: "k", OriginalIssued: "i"}}
	out := samvirke.Receipt{ID: "r2", Direction: samvirke.Outbound, Party: "hospital", MessageID: "m-d", At: at,
		ReceiptContent: samvirke.ReceiptContent{Status: samvirke.ReceiptOK}}
	unknown := samvirke.Receipt{ID: "r3", Direction: samvirke.Inbound, Party: "gp", At: at, Note: "unknown"}
	v.commit(queue.Unit{Receipts: []samvirke.Receipt{in, out}})
	v.commit(queue.Unit{Receipts: []samvirke.Receipt{unknown}})
	for _, c := range []struct {
		name string
		f    queue.ReceiptFilter
		want []samvirke.Receipt
	}{
		{"all", queue.ReceiptFilter{}, []samvirke.Receipt{in, out, unknown}},
		{"message", queue.ReceiptFilter{MessageID: "m-d"}, []samvirke.Receipt{in, out}},
		{"delivery", queue.ReceiptFilter{DeliveryID: "d"}, []samvirke.Receipt{in}},
		{"party", queue.ReceiptFilter{Party: "gp"}, []samvirke.Receipt{in, unknown}},
		{"note", queue.ReceiptFilter{Note: "unknown"}, []samvirke.Receipt{unknown}},
		{"limit", queue.ReceiptFilter{Limit: 1}, []samvirke.Receipt{in}},
		{"nobody", queue.ReceiptFilter{DeliveryID: "nobody"}, nil},
	} {
		if got := get[[]samvirke.Receipt](v)(v.s.Receipts(v.ctx(), c.f)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}
