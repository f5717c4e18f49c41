package sqlite

import (
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestShadowsOnce: a delivery that the tables have already, while it is still in memory, is given once and as the last step left it.
func TestShadowsOnce(t *testing.T) {
	var in touched
	in.reset()
	whole := func(seq int64, state samvirke.DeliveryState) *shadow {
		return &shadow{d: samvirke.Delivery{Seq: seq, MessageID: "m", State: state}, whole: true}
	}
	in.add(1, nil, []*shadow{whole(1, samvirke.DeliverySent), whole(2, samvirke.DeliveryQueued)}, nil, nil)
	stored := []samvirke.Delivery{{Seq: 1, MessageID: "m", State: samvirke.DeliveryQueued}}
	list, ok := in.over(in.now(), stored, "m")
	if !ok || len(list) != 2 || list[0].Seq != 2 || list[1].Seq != 1 || list[1].State != samvirke.DeliverySent {
		t.Fatalf("%v: %+v", ok, list)
	}
	in.clear(1)
	if _, ok := in.over(0, stored, "m"); ok {
		t.Error("an answer from before the tables were written was taken")
	}
}

// TestTouchedByGeneration: what a generation was about is known until that one is in the tables, whatever arrives before it.
func TestTouchedByGeneration(t *testing.T) {
	var in touched
	made := &shadow{d: samvirke.Delivery{Seq: 1, ID: "d", Party: "p", MessageID: "m", ExternalID: "x", State: samvirke.DeliveryQueued}, whole: true}
	other := &shadow{d: samvirke.Delivery{Seq: 2, ID: "e", Party: "p", MessageID: "m", ExternalID: "y", State: samvirke.DeliveryQueued}, whole: true}
	in.add(1, []string{"first", "both"}, []*shadow{made, other}, []*newMessage{{m: samvirke.Message{ID: "m"}}, {m: samvirke.Message{ID: "n"}}}, nil)
	in.add(2, []string{"both", "second"}, []*shadow{{d: samvirke.Delivery{Seq: 1, State: samvirke.DeliverySent}}}, nil, []string{"n"})
	for key, want := range map[string]uint64{"first": 1, "both": 2, "second": 2, "none": 0} {
		if got := in.by(key); got != want {
			t.Errorf("%s waits for generation %d, want %d", key, got, want)
		}
	}
	if in.by() != 2 || in.byDelivery(map[int64]bool{1: true, 2: true}) != 2 || in.byDelivery(map[int64]bool{2: true}) != 1 {
		t.Error("the newest generation is not known")
	}
	epoch := in.now()
	in.clear(1)
	for key, want := range map[string]uint64{"first": 0, "both": 2, "second": 2} {
		if got := in.by(key); got != want {
			t.Errorf("after the first arrived: %s waits for generation %d, want %d", key, got, want)
		}
	}
	// One that was moved since stands in the tables, perhaps with a newer one of the same id: those are asked, and the step goes over it.
	if _, found := in.external("p", []string{"x"}); found || in.byDelivery(map[int64]bool{1: true}) != 2 {
		t.Error("a delivery that stands in the tables is given from memory, or its step is forgotten")
	}
	if _, found := in.external("p", []string{"y"}); found || in.message("m") != nil || in.byDelivery(map[int64]bool{2: true}) != 0 {
		t.Error("what has arrived is still held")
	}
	if _, ok := in.over(epoch, nil, "m"); ok {
		t.Error("an answer from before the tables were written was taken")
	}
	stored := []samvirke.Delivery{{Seq: 1, MessageID: "m", State: samvirke.DeliveryQueued}, {Seq: 2, MessageID: "m", State: samvirke.DeliveryQueued}}
	if list, ok := in.over(in.now(), stored, "m"); !ok || len(list) != 2 || list[1].State != samvirke.DeliverySent {
		t.Errorf("%v %+v", ok, list)
	}
	in.clear(2)
	if in.by() != 0 || in.by("both") != 0 || len(in.rows)+len(in.keys)+len(in.byMessage)+len(in.byExternal)+len(in.messages) != 0 || !in.arrived(2) {
		t.Error("something is held although all has arrived")
	}
}

// TestFindDeliveryBeingSent: a delivery that stands in the tables, with a newer step beside them, and is being sent is found as that.
func TestFindDeliveryBeingSent(t *testing.T) {
	f := newFaultVFS(t, "")
	s := open(t, Options{Dir: t.TempDir(), vfs: f.name, CheckpointEvery: time.Hour, unchecked: true})
	<-s.lanes.loaded
	u := acceptUnit("m", []byte("one"))
	u.Deliveries = []samvirke.Delivery{{ID: "d", MessageID: "m", Party: "p", Lane: "l", Purpose: samvirke.PurposeForward,
		State: samvirke.DeliveryQueued, ExternalID: "x", Body: []byte("b")}}
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := s.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.hold(t)
	got, err := s.Lease(t.Context(), "p", 1, time.Minute)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	back := &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{{ID: "d", Token: got[0].Token, To: samvirke.DeliveryQueued}}}
	if _, err := s.Commit(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	s.lanes.take("p", 1, time.Minute, time.Now().Add(time.Hour).UnixNano()) // Lease would wait for the tables to read the body
	d, err := s.FindDelivery(t.Context(), "p", "x")
	if err != nil || d.State != samvirke.DeliverySending {
		t.Errorf("found as %s, %v", d.State, err)
	}
}
