package queuetest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

func testStats(t *testing.T, v *env) {
	if st := get[queue.Stats](v)(v.s.Stats(v.ctx())); st.Accepted != 0 || len(st.Messages) != 0 || len(st.Deliveries) != 0 {
		t.Fatalf("empty store: %+v", st)
	}
	v.enqueue("gp", "p", "a", "b")
	oldest := v.now
	v.enqueue("gp", "q", "c")
	v.enqueue("other", "p", "d")
	otherAt := v.now
	x := v.lease("gp", 1, "a")
	st := get[queue.Stats](v)(v.s.Stats(v.ctx()))
	want := map[string]map[samvirke.DeliveryState]int64{
		"gp":    {samvirke.DeliveryQueued: 2, samvirke.DeliverySending: 1},
		"other": {samvirke.DeliveryQueued: 1}}
	if !reflect.DeepEqual(st.Deliveries, want) || st.Accepted != 3 || st.Messages[samvirke.MessageReceived] != 3 {
		t.Fatalf("got %+v, want deliveries %v", st, want)
	}
	if !st.OldestWaiting["gp"].Equal(oldest) || !st.OldestWaiting["other"].Equal(otherAt) {
		t.Fatalf("oldest %v, want %v and %v", st.OldestWaiting, oldest, otherAt)
	}
	if st.Groups < 3 || st.Units < 3 || st.CommitSeconds <= 0 || st.Bytes <= 0 {
		t.Fatalf("figures %+v", st)
	}
	v.step("a", x[0].Token, samvirke.DeliverySent, func(s *queue.DeliveryStep) { s.ExpectBy = v.now.Add(time.Hour) })
	x = v.lease("gp", 10, "b", "c")
	v.step("b", x[0].Token, samvirke.DeliveryStopped)
	v.step("c", x[1].Token, samvirke.DeliveryWaiting, dueAt(v.now.Add(48*time.Hour)))
	st = get[queue.Stats](v)(v.s.Stats(v.ctx()))
	want["gp"] = map[samvirke.DeliveryState]int64{samvirke.DeliverySent: 1, samvirke.DeliveryWaiting: 1, samvirke.DeliveryStopped: 1}
	if !reflect.DeepEqual(st.Deliveries, want) || st.ReceiptsAwaited["gp"] != 1 || !st.OldestWaiting["gp"].After(oldest) {
		t.Fatalf("got %+v, want deliveries %v", st, want)
	}
	v.step("a", 0, samvirke.DeliveryAcknowledged)
	if st = get[queue.Stats](v)(v.s.Stats(v.ctx())); len(st.ReceiptsAwaited) != 0 {
		t.Fatalf("awaited %v after the receipt", st.ReceiptsAwaited)
	}
}

// testConservation mixes everything at once; afterwards accepted equals the sum of the statuses and
// the totals equal what is listed.
func testConservation(t *testing.T, v *env) {
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			id := fmt.Sprint("m", i)
			m := message(id)
			m.ExternalID = fmt.Sprint("x", i%25) // some ids come again with other content
			out, err := v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Accept: m})
			if err != nil {
				t.Error(err)
				return
			}
			if out.Reused {
				return
			}
			to := []samvirke.MessageStatus{samvirke.MessageProcessed, samvirke.MessageRefused, samvirke.MessageAttention, samvirke.MessageReceived}[i%4]
			_, err = v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Message: &queue.MessageStep{ID: id, To: to},
				Deliveries: []samvirke.Delivery{delivery("d"+id, id, "gp", id)}})
			if err != nil {
				t.Error(err)
			}
			if i%3 == 0 {
				_, err = v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Steps: []queue.DeliveryStep{stepOf("d"+id, 0, samvirke.DeliverySent)}})
			} else {
				_, err = v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Steps: []queue.DeliveryStep{stepOf("d"+id, 77, samvirke.DeliverySent)}})
				if errors.Is(err, queue.ErrFenced) {
					err = nil
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	v.conserved(40)
	v.restart()
	v.conserved(40)
}

// conserved holds the totals against the listings.
func (v *env) conserved(accepted int64) {
	v.t.Helper()
	st := get[queue.Stats](v)(v.s.Stats(v.ctx()))
	messages := map[samvirke.MessageStatus]int64{}
	sum := int64(0)
	for _, m := range get[[]samvirke.Message](v)(v.s.Messages(v.ctx(), queue.MessageFilter{Limit: queue.MaxPage})) {
		messages[m.Status]++
		sum++
	}
	deliveries := map[string]map[samvirke.DeliveryState]int64{}
	for _, d := range get[[]samvirke.Delivery](v)(v.s.Deliveries(v.ctx(), queue.DeliveryFilter{Limit: queue.MaxPage})) {
		if deliveries[d.Party] == nil {
			deliveries[d.Party] = map[samvirke.DeliveryState]int64{}
		}
		deliveries[d.Party][d.State]++
	}
	if st.Accepted != accepted || sum != accepted || !reflect.DeepEqual(st.Messages, messages) || !reflect.DeepEqual(st.Deliveries, deliveries) {
		v.t.Fatalf("accepted %d (want %d)\nmessages %v, listed %v\ndeliveries %v, listed %v", st.Accepted, accepted,
			st.Messages, messages, st.Deliveries, deliveries)
	}
}

func testAudit(t *testing.T, v *env) {
	if err := v.s.VerifyAudit(v.ctx()); err != nil {
		t.Fatalf("empty chain: %v", err)
	}
	at := v.tick()
	first := samvirke.Audit{At: at.Add(-time.Minute), Who: "kari", Action: "read-plan", Object: "plan", Patient: "p", Reason: "because"}
	v.commit(queue.Unit{Now: at, Audit: []samvirke.Audit{first, {Who: "ola", Action: "sign-in"}}})
	v.restart()
	v.commit(queue.Unit{Audit: []samvirke.Audit{{Who: "ola", Action: "search"}}})
	got := get[[]samvirke.Audit](v)(v.s.Audits(v.ctx(), 0, 0))
	if len(got) != 3 || got[0].Seq != 3 || got[2].Seq != 1 {
		t.Fatalf("audits %+v, want newest first", got)
	}
	first.Seq, first.Hash = 1, got[2].Hash
	if !reflect.DeepEqual(got[2], first) || !got[1].At.Equal(at) {
		t.Fatalf("got %+v, want %+v", got[2], first)
	}
	if got[2].Previous != "" || got[1].Previous != got[2].Hash || got[0].Previous != got[1].Hash || len(got[0].Hash) != 64 {
		t.Fatalf("chain %+v", got)
	}
	if got = get[[]samvirke.Audit](v)(v.s.Audits(v.ctx(), 3, 1)); len(got) != 1 || got[0].Seq != 2 {
		t.Fatalf("page %+v", got)
	}
	if err := v.s.VerifyAudit(v.ctx()); err != nil {
		t.Fatal(err)
	}
}

func testAuditTampered(t *testing.T, v *env) {
	if v.e.Tamper == nil {
		t.Skip("the engine gives no way to tamper with it")
	}
	for range 5 {
		v.commit(queue.Unit{Audit: []samvirke.Audit{{Who: "ola", Action: "search", Patient: "p"}}})
	}
	if err := v.s.Close(); err != nil {
		t.Fatal(err)
	}
	v.e.Tamper(t, v.dir, 3)
	v.s = v.e.Open(t, v.dir)
	if err := v.s.VerifyAudit(v.ctx()); err == nil || !strings.Contains(err.Error(), "3") {
		t.Fatalf("entry 3 was changed, verifying says %v", err)
	}
}
