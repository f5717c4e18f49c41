package queuetest

import (
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

func testAccept(t *testing.T, v *env) {
	want := message("a")
	out := v.commit(queue.Unit{Accept: want})
	if out.Seq < 1 || out.Duplicate || out.Reused || out.Existing != nil {
		t.Fatalf("outcome %+v of a new message", out)
	}
	got := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "a"))
	want.Seq = out.Seq
	if !reflect.DeepEqual(got.Message, *want) {
		t.Fatalf("got  %+v\nwant %+v", got.Message, *want)
	}
	if got.Envelope != nil || got.Notes != nil {
		t.Fatalf("envelope %q, notes %q before processing", got.Envelope, got.Notes)
	}
	second := v.commit(queue.Unit{Accept: message("b")})
	if second.Seq <= out.Seq {
		t.Fatalf("second message has number %d after %d", second.Seq, out.Seq)
	}
	// Times and sums that the caller leaves out are filled in.
	bare := message("c")
	at := v.tick()
	bare.ReceivedAt, bare.Checksum, bare.Size, bare.Status = time.Time{}, "", 0, ""
	v.commit(queue.Unit{Now: at, Accept: bare})
	got = get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "c"))
	if !got.ReceivedAt.Equal(at) || got.Checksum != sum(bare.Raw) || got.Size != int64(len(bare.Raw)) ||
		got.Status != samvirke.MessageReceived || !got.GeneratedAt.IsZero() {
		t.Fatalf("defaults not filled in: %+v", got.Message)
	}
	if bare.Checksum != "" {
		t.Fatal("the caller's message was changed")
	}
}

func testDuplicate(t *testing.T, v *env) {
	v.commit(queue.Unit{Accept: message("a"), Message: &queue.MessageStep{ID: "a", To: samvirke.MessageProcessed}})
	again := message("a")
	again.ID = "a2"
	u := queue.Unit{Accept: again,
		Message:    &queue.MessageStep{ID: "a2", To: samvirke.MessageProcessed},
		Deliveries: []samvirke.Delivery{delivery("d", "a2", "gp", "p")},
		Counters:   []queue.CounterStep{{Name: "n"}},
		Audit:      []samvirke.Audit{{Who: "x", Action: "y"}}}
	for range 2 {
		out := v.commit(u)
		if !out.Duplicate || out.Reused || out.Existing == nil || out.Existing.ID != "a" || out.Existing.Raw != nil ||
			out.Existing.Status != samvirke.MessageProcessed {
			t.Fatalf("outcome %+v, existing %+v", out, out.Existing)
		}
	}
	v.absent("a2")
	if n := get[int64](v)(v.s.Counter(v.ctx(), "n")); n != 0 {
		t.Fatalf("a duplicate raised a counter to %d", n)
	}
	if a := get[[]samvirke.Audit](v)(v.s.Audits(v.ctx(), 0, 0)); len(a) != 0 {
		t.Fatalf("a duplicate wrote audit %v", a)
	}
	if d := get[[]samvirke.Delivery](v)(v.s.Deliveries(v.ctx(), queue.DeliveryFilter{})); len(d) != 0 {
		t.Fatalf("a duplicate made deliveries %v", d)
	}
	v.eventNames("a", samvirke.EventDuplicate, samvirke.EventDuplicate)
	if st := get[queue.Stats](v)(v.s.Stats(v.ctx())); st.Accepted != 1 {
		t.Fatalf("accepted %d, want 1", st.Accepted)
	}
	// The same id and content from another party is another message.
	other := message("a")
	other.ID, other.Party = "b", "other"
	if out := v.commit(queue.Unit{Accept: other}); out.Duplicate || out.Reused {
		t.Fatalf("another party's message counts as repeated: %+v", out)
	}
}

func testDuplicateWithoutID(t *testing.T, v *env) {
	a := message("a")
	a.ExternalID = ""
	v.commit(queue.Unit{Accept: a})
	b := *a
	b.ID = "b"
	if out := v.commit(queue.Unit{Accept: &b}); !out.Duplicate || out.Existing.ID != "a" {
		t.Fatalf("same bytes without id: %+v", out)
	}
	c := message("c")
	c.ExternalID = ""
	if out := v.commit(queue.Unit{Accept: c}); out.Duplicate || out.Reused {
		t.Fatalf("other bytes without id: %+v", out)
	}
	// The same bytes with an id are not a repetition of those without.
	d := *a
	d.ID, d.ExternalID = "d", "with-id"
	if out := v.commit(queue.Unit{Accept: &d}); out.Duplicate || out.Reused {
		t.Fatalf("same bytes with an id: %+v", out)
	}
}

func testReused(t *testing.T, v *env) {
	v.accept("a")
	b := message("b")
	b.ExternalID = "ext-a"
	out := v.commit(queue.Unit{Accept: b, Deliveries: []samvirke.Delivery{delivery("d", "b", "gp", "p")},
		Events: []samvirke.Event{{MessageID: "b", Name: samvirke.EventReceived}}})
	if !out.Reused || out.Duplicate || out.Existing == nil || out.Existing.ID != "a" || out.Seq < 1 {
		t.Fatalf("outcome %+v", out)
	}
	got := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "b"))
	if got.Status != samvirke.MessageQuarantined || got.Fault != "message-id-reused" || string(got.Raw) != string(b.Raw) {
		t.Fatalf("stored as %+v", got.Message)
	}
	v.eventNames("b", samvirke.EventQuarantined)
	v.eventNames("a")
	if d := get[[]samvirke.Delivery](v)(v.s.Deliveries(v.ctx(), queue.DeliveryFilter{})); len(d) != 0 {
		t.Fatalf("a quarantined message made deliveries %v", d)
	}
	// It is never handed out for processing.
	got2 := get[[]samvirke.Message](v)(v.s.Received(v.ctx(), 10))
	if len(got2) != 1 || got2[0].ID != "a" {
		t.Fatalf("handed out %v", got2)
	}
	// The quarantined one again is a repetition of itself; a third content is one more.
	again := *b
	again.ID = "b2"
	if out := v.commit(queue.Unit{Accept: &again}); !out.Duplicate || out.Existing.ID != "b" {
		t.Fatalf("quarantined again: %+v", out)
	}
	c := message("c")
	c.ExternalID = "ext-a"
	if out := v.commit(queue.Unit{Accept: c}); !out.Reused || out.Existing.ID != "a" {
		t.Fatalf("third content: %+v", out)
	}
	if st := get[queue.Stats](v)(v.s.Stats(v.ctx())); st.Accepted != 3 || st.Messages[samvirke.MessageQuarantined] != 2 {
		t.Fatalf("stats %+v", st)
	}
	// Ended by a person it is no news either, now and after a restart.
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "b", From: []samvirke.MessageStatus{samvirke.MessageQuarantined}, To: samvirke.MessageClosed}})
	for _, id := range []string{"b3", "b4"} {
		again.ID = id
		if out := v.commit(queue.Unit{Accept: &again}); !out.Duplicate || out.Existing.ID != "b" || out.Existing.Status != samvirke.MessageClosed {
			t.Fatalf("quarantined, closed and again: %+v", out)
		}
		v.restart()
	}
	if st := get[queue.Stats](v)(v.s.Stats(v.ctx())); st.Accepted != 3 || st.Messages[samvirke.MessageQuarantined] != 1 || st.Messages[samvirke.MessageClosed] != 1 {
		t.Fatalf("stats %+v", st)
	}
}

// testDuplicateInOneGroup sends the same message many times at once: exactly one is new.
func testDuplicateInOneGroup(t *testing.T, v *env) {
	var mu sync.Mutex
	fresh := map[string]int{}
	var wg sync.WaitGroup
	for i := range 8 {
		for _, id := range []string{"a", "b", "c"} {
			wg.Go(func() {
				m := message(id)
				m.ID = id + string(rune('0'+i))
				out, err := v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Accept: m})
				if err != nil || out.Reused {
					t.Errorf("commit: %+v, %v", out, err)
				}
				if !out.Duplicate {
					mu.Lock()
					fresh[id]++
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	for _, id := range []string{"a", "b", "c"} {
		if fresh[id] != 1 {
			t.Errorf("message %s was new %d times", id, fresh[id])
		}
	}
}

// absent fails when the message is there.
func (v *env) absent(id string) {
	v.t.Helper()
	if m, err := v.s.Message(v.ctx(), id); err == nil {
		v.t.Fatalf("message %s is there: %+v", id, m.Message)
	}
}

// eventNames fails when the events of a message are not those wanted.
func (v *env) eventNames(id string, want ...samvirke.EventName) {
	v.t.Helper()
	var got []samvirke.EventName
	for _, e := range get[[]samvirke.Event](v)(v.s.Events(v.ctx(), queue.EventFilter{MessageID: id})) {
		got = append(got, e.Name)
	}
	if !reflect.DeepEqual(got, want) {
		v.t.Fatalf("events of %s are %v, want %v", id, got, want)
	}
}

// testSameIDInCapitals: a UUID names the same message in capitals; other ids are as they are written.
func testSameIDInCapitals(t *testing.T, v *env) {
	const id = "5f0e8c1a-9d3b-4c55-8e0f-0a1b2c3d4e5f"
	send := func(own, externalID string) queue.Outcome {
		m := message(own)
		m.ExternalID = externalID
		return v.commit(queue.Unit{Accept: m, Deliveries: []samvirke.Delivery{{ID: "d-" + own, MessageID: own, Party: "gp",
			ExternalID: externalID, State: samvirke.DeliveryQueued}}})
	}
	if out := send("a", id); out.Reused || out.Duplicate {
		t.Fatalf("outcome %+v of a new message", out)
	}
	if out := send("b", strings.ToUpper(id)); !out.Reused || out.Existing == nil || out.Existing.ID != "a" {
		t.Errorf("in capitals with other content: %+v", out)
	}
	again := message("c")
	again.ExternalID, again.Checksum, again.Raw = strings.ToUpper(id), message("a").Checksum, message("a").Raw
	if out := v.commit(queue.Unit{Accept: again}); !out.Duplicate {
		t.Errorf("in capitals with the same content: %+v", out)
	}
	if d := get[samvirke.Delivery](v)(v.s.FindDelivery(v.ctx(), "gp", strings.ToUpper(id))); d.ID != "d-a" {
		t.Errorf("found %s", d.ID)
	}
	for own, externalID := range map[string]string{"x": "no-uuid", "y": "NO-UUID"} {
		if out := send(own, externalID); out.Reused || out.Duplicate {
			t.Errorf("%s: %+v", externalID, out)
		}
	}
}
