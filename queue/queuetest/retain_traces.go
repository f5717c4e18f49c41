package queuetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// dropTraces runs all steps of it and gives how many messages went.
func (v *env) dropTraces(before time.Time) (dropped int) {
	v.t.Helper()
	for after := int64(0); ; {
		n, next, err := v.s.(queue.Retainer).DropTraces(v.ctx(), before, after, 3)
		if err != nil {
			v.t.Fatal(err)
		}
		if dropped += n; next == 0 {
			return dropped
		}
		after = next
	}
}

// testRetainTraces: what says nothing of anybody goes when its time is over, with all that hangs on it, and nothing else does. Numbers are
// not given again, and the books count what went.
func testRetainTraces(t *testing.T, v *env) {
	v.person("urn:test|kept", "k", 2)
	v.person("urn:test|gone", "x", 5)
	refused := message("refused")
	refused.Patient = ""
	v.commit(queue.Unit{Accept: refused, Message: &queue.MessageStep{ID: "refused", To: samvirke.MessageRefused, Fault: "f"}})
	v.enqueue("gp", "urn:test|q", "open")
	later := v.tick().Add(time.Hour)
	if n := v.dropTraces(later); n != 0 {
		t.Fatalf("%d traces dropped that have bodies or name somebody", n)
	}
	if _, err := v.s.(queue.Eraser).Erase(v.ctx(), queue.Erasure{Patients: []string{"urn:test|gone"}}); err != nil {
		t.Fatal(err)
	}
	for after := int64(0); ; {
		_, next, err := v.s.(queue.Retainer).DropPayloads(v.ctx(), later, after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if after = next; next == 0 {
			break
		}
	}
	if n := v.dropTraces(message("").ReceivedAt.Add(-time.Hour)); n != 0 {
		t.Fatalf("%d traces dropped before their time", n)
	}
	was := get[queue.Stats](v)(v.s.Stats(v.ctx()))
	if n := v.dropTraces(later); n != 6 {
		t.Fatalf("%d traces dropped, want 5 of the erased person and the refused one", n)
	}
	v.tracesGone()
	if now := get[queue.Stats](v)(v.s.Stats(v.ctx())); now.Accepted != was.Accepted || fmt.Sprint(now.Messages, now.Deliveries) != fmt.Sprint(was.Messages, was.Deliveries) {
		t.Errorf("totals %+v, before %+v", now, was)
	}
	v.restart()
	v.tracesGone()
	again := message("again")
	again.ExternalID, again.Raw = canary+"xi", []byte(canary+"xi")
	again.Checksum, again.Size = sum(again.Raw), int64(len(again.Raw))
	out := v.commit(queue.Unit{Accept: again})
	if newest := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "m-open")).Seq; out.Duplicate || out.Reused || out.Seq <= newest {
		t.Errorf("what comes again after its trace went: %+v, the newest before was %d", out, newest)
	}
	// Erased once more, its second copy is known although the row of the first is gone.
	if _, err := v.s.(queue.Eraser).Erase(v.ctx(), queue.Erasure{Messages: []string{"again"}}); err != nil {
		t.Fatal(err)
	}
	third := message("third")
	third.ExternalID, third.Raw, third.Checksum, third.Size = again.ExternalID, again.Raw, sum([]byte(canary+"xi")), int64(len(canary+"xi"))
	if out := v.commit(queue.Unit{Accept: third}); !out.Duplicate || out.Existing.ID != "again" {
		t.Errorf("a third copy: %+v", out)
	}
	v.namesForgotten()
}

// testFindErasedInCapitals: of two erased deliveries under the same id, one in capitals, the row of the one is dropped. The other is found,
// whichever way the id is asked for.
func testFindErasedInCapitals(t *testing.T, v *env) {
	const id = "0b6c3a1e-7f3d-4c58-9d35-5c1f1b2a3e4d"
	var between time.Time
	for _, x := range []struct{ prefix, id string }{{"old", id}, {"young", strings.ToUpper(id)}} {
		m := message(x.prefix)
		between = v.tick()
		v.commit(queue.Unit{Accept: m})
		d := delivery("d"+x.prefix, m.ID, "gp", m.Patient)
		d.ExternalID = x.id
		v.commit(queue.Unit{Message: &queue.MessageStep{ID: m.ID, To: samvirke.MessageProcessed}, Deliveries: []samvirke.Delivery{d},
			Steps: []queue.DeliveryStep{{ID: d.ID, To: samvirke.DeliveryAcknowledged}}})
	}
	if _, err := v.s.(queue.Eraser).Erase(v.ctx(), queue.Erasure{Messages: []string{"old", "young"}}); err != nil {
		t.Fatal(err)
	}
	if n := v.dropTraces(between); n != 1 {
		t.Fatalf("%d traces dropped, want that of the old one", n)
	}
	for _, asked := range []string{id, strings.ToUpper(id)} {
		if d, err := v.s.FindDelivery(v.ctx(), "gp", asked); err != nil || d.ID != "dyoung" {
			t.Errorf("asked for %s: %q, %v", asked, d.ID, err)
		}
	}
}

// tracesGone: nothing that hangs on a dropped message is found, and what hangs on the others is.
func (v *env) tracesGone() {
	v.t.Helper()
	for _, id := range []string{"xi", "xiiiii", "refused"} {
		if _, err := v.s.Message(v.ctx(), id); !errors.Is(err, queue.ErrNotFound) {
			v.t.Errorf("message %s: %v", id, err)
		}
		if list := get[[]samvirke.Receipt](v)(v.s.Receipts(v.ctx(), queue.ReceiptFilter{MessageID: id})); len(list) > 0 {
			v.t.Errorf("%d receipts of %s", len(list), id)
		}
	}
	if _, err := v.s.Delivery(v.ctx(), "dxi"); !errors.Is(err, queue.ErrNotFound) {
		v.t.Errorf("delivery: %v", err)
	}
	if _, err := v.s.FindDelivery(v.ctx(), "gp", canary+"outxi"); !errors.Is(err, queue.ErrNotFound) {
		v.t.Errorf("delivery by its name: %v", err)
	}
	list := get[[]samvirke.Message](v)(v.s.Messages(v.ctx(), queue.MessageFilter{Limit: queue.MaxPage}))
	var left []string
	for i := range list {
		left = append(left, list[i].ID)
	}
	if slices.Sort(left); fmt.Sprint(left) != "[ki kii m-open]" {
		v.t.Errorf("messages left: %v", left)
	}
	for _, e := range get[[]samvirke.Event](v)(v.s.Events(v.ctx(), queue.EventFilter{Limit: queue.MaxPage})) {
		if e.MessageID != "" && !slices.Contains(left, e.MessageID) {
			v.t.Errorf("event of a message that is gone: %+v", e)
		}
	}
	if d := get[samvirke.Delivery](v)(v.s.FindDelivery(v.ctx(), "gp", canary+"outki")); d.ID != "dki" {
		v.t.Errorf("found %+v", d)
	}
	if len(get[[]samvirke.Receipt](v)(v.s.Receipts(v.ctx(), queue.ReceiptFilter{MessageID: "ki"}))) != 1 {
		v.t.Error("a receipt of somebody else went")
	}
}

// namesForgotten: names of what was erased go when their time is over.
func (v *env) namesForgotten() {
	v.t.Helper()
	keeper, eraser := v.s.(queue.Retainer), v.s.(queue.Eraser)
	if n, err := keeper.DropErased(v.ctx(), time.Now().Add(-1000*time.Hour), 100); n != 0 || err != nil {
		v.t.Errorf("%d names dropped before their time, %v", n, err)
	}
	if gone := get[bool](v)(eraser.WasErased(v.ctx(), canary+"xi")); !gone {
		v.t.Error("an erased record is not known")
	}
	total := 0
	for {
		n, err := keeper.DropErased(v.ctx(), time.Now().Add(100000*time.Hour), 4)
		if err != nil || n > 4 {
			v.t.Fatalf("%d names dropped, %v", n, err)
		}
		if total += n; n == 0 {
			break
		}
	}
	if total < 15 {
		v.t.Errorf("%d names dropped, want those of 5 messages, deliveries and records at least", total)
	}
	if gone := get[bool](v)(eraser.WasErased(v.ctx(), canary+"xi")); gone {
		v.t.Error("an erased record is known for ever")
	}
}

// testEraseSilent: of people who go because nothing came for a time, those of whom something came keep their plans, and then nobody's
// goes.
func testEraseSilent(t *testing.T, v *env) {
	v.person("urn:test|a", "a", 2)
	since := v.tick()
	v.person("urn:test|b", "b", 1)
	heard := message("late")
	heard.Patient, heard.ReceivedAt = "urn:test|c", since.Add(time.Second)
	v.commit(queue.Unit{Accept: heard, Message: &queue.MessageStep{ID: "late", To: samvirke.MessageProcessed, Patient: heard.Patient}, Plan: &queue.PlanStep{Patient: "urn:test|c", Body: []byte("p")}, Now: since.Add(-time.Second)})
	open := message("open")
	open.Patient = "urn:test|d"
	v.commit(queue.Unit{Accept: open, Message: &queue.MessageStep{ID: "open", To: samvirke.MessageAttention}})
	v.enqueue("gp", "urn:test|e", "queued")
	eraser := v.s.(queue.Eraser)
	who := queue.Erasure{Patients: []string{"urn:test|a", "urn:test|b", "urn:test|c", "urn:test|d", "urn:test|e"}, Silent: since}
	if heard := get[[]string](v)(eraser.Heard(v.ctx(), who)); fmt.Sprint(heard) != "[urn:test|b urn:test|c urn:test|d urn:test|e]" {
		t.Errorf("heard of %v", heard)
	}
	_, err := eraser.Erase(v.ctx(), queue.Erasure{Patients: []string{"urn:test|a", "urn:test|b", "urn:test|c", "urn:test|d", "urn:test|e"}, Settings: []string{"of/a"}, Silent: since})
	e, is := errors.AsType[*queue.HeardError](err)
	if !is || fmt.Sprint(e.Patients) != "[urn:test|b urn:test|c urn:test|d urn:test|e]" || !errors.Is(err, queue.ErrState) {
		t.Fatalf("%v", err)
	}
	for _, p := range []string{"a", "b", "c"} {
		if _, err := v.s.Plan(v.ctx(), "urn:test|"+p, 0); err != nil {
			t.Errorf("plan of %s: %v", p, err)
		}
	}
	if m := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "ai")); m.Patient == "" || len(m.Raw) == 0 {
		t.Errorf("a message went with an erasure that was not done: %+v", m.Message)
	}
	out, err := eraser.Erase(v.ctx(), queue.Erasure{Patients: []string{"urn:test|a"}, Settings: []string{"of/a"}, Silent: since, Traces: v.tick().Add(time.Hour),
		Unwiped: true})
	if err != nil || out.Messages != 2 || out.Plans != 2 {
		t.Errorf("erased %+v, %v", out, err)
	}
	if _, err := v.s.Plan(v.ctx(), "urn:test|a", 0); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("plan: %v", err)
	}
	if err := eraser.Wipe(v.ctx()); err != nil {
		t.Error(err)
	}
	v.dropTraces(v.tick().Add(time.Hour)) // what did not go at once
	for _, id := range []string{"ai", "aii"} {
		if _, err := v.s.Message(v.ctx(), id); !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("message %s: %v", id, err)
		}
		if _, err := v.s.Delivery(v.ctx(), "d"+id); !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("delivery of %s: %v", id, err)
		}
	}
	if m := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "bi")); m.Patient == "" || len(m.Raw) == 0 {
		t.Errorf("a message of somebody else: %+v", m.Message)
	}
	if st := get[queue.Stats](v)(v.s.Stats(v.ctx())); st.Accepted != 6 {
		t.Errorf("%d messages were accepted, want 6", st.Accepted)
	}
	for _, text := range []string{"urn:test|a", "outai"} {
		if found := v.scanDir(text); len(found) > 0 {
			t.Errorf("%s left in %v", text, found)
		}
	}
}
