package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

func TestAdmissionReachesTheCityAndIsAnswered(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	d := r.untilState(id, samvirke.DeliverySent)
	if d.ExternalID != msgID || d.Party != "city" || d.Rule != "addressees" || d.ExpectBy.IsZero() {
		t.Errorf("delivery is %+v", d)
	}
	sent := r.city.sent()
	if want := (simulate.Admission{ID: msgID, Person: 1}).XML(); len(sent) != 1 || !bytes.Equal(sent[0].Body, want) {
		t.Error("the addressee did not get the very bytes")
	}
	r.until("receipt sent", func() bool { return len(r.hospital.sent()) == 1 })
	rec := r.hospital.sent()[0]
	if rec.Kind != "APPREC" || !bytes.Contains(rec.Body, []byte(msgID)) || !bytes.Contains(rec.Body, []byte(`<Status V="1"`)) {
		t.Errorf("the hospital got %s: %s", rec.Kind, rec.Body)
	}
	if m := r.message(id); m.Status != samvirke.MessageProcessed || m.Kind != "LOG_INNLAGT" || len(m.Envelope) == 0 {
		t.Errorf("message is %+v", m.Message)
	}
	if _, err := r.store.Plan(context.Background(), r.message(id).Patient, 1); err != nil {
		t.Errorf("plan version 1: %v", err)
	}
	ans := r.receive("city", appRec(uuid.NewString(), msgID, "1"))
	r.untilStatus(ans.MessageID, samvirke.MessageProcessed)
	r.untilState(id, samvirke.DeliveryAcknowledged)
}

func TestSameMessageTwiceIsAnsweredTheSameWithoutEffect(t *testing.T) {
	r := newRig(t)
	a := simulate.Admission{ID: uuid.NewString(), Person: 1}
	first := r.receive("hospital", a.XML())
	r.untilState(first.MessageID, samvirke.DeliverySent)
	second := r.receive("hospital", a.XML())
	if second.MessageID != first.MessageID || !second.Duplicate || second.Fault != nil {
		t.Errorf("answers %+v and %+v", first, second)
	}
	r.restart()
	if third := r.receive("hospital", a.XML()); third.MessageID != first.MessageID {
		t.Errorf("after a restart: %+v", third)
	}
	if n := len(r.deliveries(first.MessageID, "")); n != 2 {
		t.Errorf("%d deliveries, want the message and one receipt", n)
	}
	if n := len(r.city.sent()); n != 1 {
		t.Errorf("the city got it %d times", n)
	}
}

func TestSameIDWithOtherContentIsKeptAside(t *testing.T) {
	r := newRig(t)
	a := simulate.Admission{ID: uuid.NewString(), Person: 1}
	first := r.receive("hospital", a.XML())
	a.Remark = "no 2"
	second := r.receive("hospital", a.XML())
	if second.Fault == nil || second.Fault.Code != "message-id-reused" || second.MessageID == first.MessageID {
		t.Fatalf("answer is %+v", second)
	}
	if m := r.message(second.MessageID); m.Status != samvirke.MessageQuarantined {
		t.Errorf("status is %s", m.Status)
	}
	r.untilState(first.MessageID, samvirke.DeliverySent)
	if n := len(r.deliveries(second.MessageID, "")); n != 0 {
		t.Errorf("the second one led to %d deliveries", n)
	}
}

func TestTransientFaultWaitsAndKeepsOrder(t *testing.T) {
	r := newRig(t)
	fail := true
	r.city.script(func(n int, d samvirke.Delivery) (connectors.Result, error) {
		if fail && n <= 3 {
			return connectors.Result{Answer: "HTTP 503"}, &samvirke.Fault{Class: samvirke.Transient, Code: "unavailable", Safe: "not now"}
		}
		return connectors.Result{Answer: "HTTP 202"}, nil
	})
	var ids []string
	for i := range 5 {
		id, _ := r.admit(simulate.Admission{Person: 1, Remark: fmt.Sprint("no ", i)})
		ids = append(ids, id)
	}
	for _, id := range ids {
		r.untilState(id, samvirke.DeliverySent)
	}
	var order []string
	for _, d := range r.city.sent() {
		if len(order) == 0 || order[len(order)-1] != d.MessageID {
			order = append(order, d.MessageID)
		}
	}
	if strings.Join(order, " ") != strings.Join(ids, " ") {
		t.Errorf("order was %v, want %v", order, ids)
	}
	as, err := r.store.Attempts(context.Background(), r.one(ids[0], samvirke.PurposeForward).ID)
	if err != nil || len(as) < 2 || as[0].Class != samvirke.Transient || as[len(as)-1].Class != "" {
		t.Errorf("attempts are %+v, %v", as, err)
	}
}

func TestPermanentFaultStopsTheLaneOrLetsItGoOn(t *testing.T) {
	for _, onStop := range []string{"wait", "go-on"} {
		t.Run(onStop, func(t *testing.T) {
			r := newRig(t, func(r *rig) { r.cityParty.OnStop = onStop })
			r.city.script(func(n int, _ samvirke.Delivery) (connectors.Result, error) {
				if n == 1 {
					return connectors.Result{Answer: "HTTP 400"}, &samvirke.Fault{Class: samvirke.Permanent, Code: "refused", Safe: "refused"}
				}
				return connectors.Result{Answer: "HTTP 202"}, nil
			})
			first, _ := r.admit(simulate.Admission{Person: 1, Remark: "no 1"})
			r.untilState(first, samvirke.DeliveryStopped)
			second, _ := r.admit(simulate.Admission{Person: 1, Remark: "no 2"})
			r.untilStatus(second, samvirke.MessageProcessed)
			other, _ := r.admit(simulate.Admission{Person: 2})
			r.untilState(other, samvirke.DeliverySent)
			if onStop == "go-on" {
				r.untilState(second, samvirke.DeliverySent)
				return
			}
			if s := r.one(second, samvirke.PurposeForward).State; s != samvirke.DeliveryQueued {
				t.Fatalf("behind a stopped delivery the next one is %s", s)
			}
			d := r.one(first, samvirke.PurposeForward)
			if err := r.g.Resend(context.Background(), "ola", d.ID, "mended at the other side"); err != nil {
				t.Fatal(err)
			}
			r.untilState(first, samvirke.DeliverySent)
			r.untilState(second, samvirke.DeliverySent)
			got := r.city.sent()
			if !bytes.Equal(got[0].Body, got[len(got)-2].Body) || got[0].ExternalID != got[len(got)-2].ExternalID {
				t.Error("resend changed bytes or id")
			}
			audit, err := r.store.Audits(context.Background(), 0, 10)
			if err != nil || len(audit) == 0 || audit[0].Action != "resend" || audit[0].Reason == "" || audit[0].Who != "ola" {
				t.Errorf("audit is %+v, %v", audit, err)
			}
		})
	}
}

func TestPartyThatIsDownIsLeftAloneAndCatchesUp(t *testing.T) {
	r := newRig(t, func(r *rig) { r.breaker = gateway.Breaker{Failures: 3, OpenFor: 50 * time.Millisecond} })
	down := make(chan struct{})
	r.city.script(func(int, samvirke.Delivery) (connectors.Result, error) {
		select {
		case <-down:
			return connectors.Result{Answer: "HTTP 202"}, nil
		default:
			return connectors.Result{}, &samvirke.Fault{Class: samvirke.Transient, Code: "unreachable", Safe: "no connection"}
		}
	})
	var ids []string
	for i := range 40 {
		id, _ := r.admit(simulate.Admission{Person: i % 8, Remark: fmt.Sprint("no ", i)})
		ids = append(ids, id)
	}
	open := func() bool {
		ps, err := r.g.Parties(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ps {
			if p.ID == "city" {
				return p.Breaker != "closed" && p.Waiting > 0 && !p.Oldest.IsZero()
			}
		}
		return false
	}
	r.until("breaker opens", open)
	close(down)
	for _, id := range ids {
		r.untilState(id, samvirke.DeliverySent)
	}
	last := map[string]int64{}
	for _, d := range r.city.sent() {
		if d.Seq < last[d.Lane] {
			t.Errorf("lane went back from %d to %d", last[d.Lane], d.Seq)
		}
		last[d.Lane] = d.Seq
	}
}

func TestWithdrawalReachesWhoeverWasTold(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	cancel, _ := r.admit(simulate.Admission{Person: 1, Op: "C", Parent: msgID})
	r.untilState(cancel, samvirke.DeliverySent)
	v, err := r.store.Plan(context.Background(), r.message(id).Patient, 0)
	if err != nil || v.Version != 2 || bytes.Contains(v.Body, []byte(`"in-progress"`)) {
		t.Errorf("plan version %d %v: %s", v.Version, err, v.Body)
	}
}

func TestMessageStoredButNotProcessedIsProcessedAfterRestart(t *testing.T) {
	r := newRig(t)
	r.close()
	r.open()
	r.g.Stop() // the gateway takes messages no more, the store still does
	now := time.Now().UTC()
	a := simulate.Admission{ID: uuid.NewString(), Person: 3}
	m := samvirke.Message{ID: uuid.NewString(), Party: "hospital", ReceivedAt: now, Status: samvirke.MessageReceived, Checksum: "x", Raw: a.XML(), ExternalID: a.ID, Size: int64(len(a.XML()))}
	if _, err := r.store.Commit(context.Background(), &queue.Unit{Now: now, Accept: &m}); err != nil {
		t.Fatal(err)
	}
	r.restart()
	r.untilState(m.ID, samvirke.DeliverySent)
}

func TestReprocessDoesNothingTwice(t *testing.T) {
	r := newRig(t)
	x := simulate.Admission{ID: uuid.NewString(), Person: 1}.XML()
	foreign := bytes.ReplaceAll(x, []byte("<Id>"+simulate.AdmissionHospital+"<"), []byte("<Id>8999991<"))
	foreign = bytes.ReplaceAll(foreign, []byte("<Id>"+simulate.AdmissionWard+"<"), []byte("<Id>8999992<"))
	ans := r.receive("hospital", foreign)
	if ans.Fault == nil || ans.Fault.Code != "sender-mismatch" {
		t.Fatalf("answer is %+v", ans)
	}
	m := r.untilStatus(ans.MessageID, samvirke.MessageAttention)
	if err := r.g.Reprocess(context.Background(), "ola", m.ID, "address book mended"); err != nil {
		t.Fatal(err)
	}
	r.until("attention again", func() bool {
		es, err := r.store.Events(context.Background(), queue.EventFilter{MessageID: m.ID, Limit: 100})
		return err == nil && len(es) >= 4 && r.message(m.ID).Status == samvirke.MessageAttention
	})
	if err := r.g.GiveUp(context.Background(), "ola", m.ID, "wrong sender told by phone"); err != nil {
		t.Fatal(err)
	}
	if s := r.message(m.ID).Status; s != samvirke.MessageClosed {
		t.Errorf("status is %s", s)
	}
	if err := r.g.Reprocess(context.Background(), "ola", m.ID, "again"); !errors.Is(err, queue.ErrState) {
		t.Errorf("reprocess of a closed message: %v", err)
	}
	if err := r.g.GiveUp(context.Background(), "ola", m.ID, "  "); !errors.Is(err, gateway.ErrReason) {
		t.Errorf("no reason: %v", err)
	}
}

// The receipt makes the sender believe the receiver informed: without a way to the receiver there is none.
func TestAddresseeWithoutAWayGetsAttentionAndNoReceipt(t *testing.T) {
	r := newRig(t, func(r *rig) { r.cityParty.Accepts[0].Kinds = []string{"LOG_DOD"} })
	id, _ := r.admit(simulate.Admission{Person: 1})
	if m := r.untilStatus(id, samvirke.MessageAttention); m.Fault != "addressee-not-reached" {
		t.Errorf("fault is %q", m.Fault)
	}
	if n := len(r.deliveries(id, "")); n != 0 {
		t.Fatalf("%d deliveries", n)
	}
	r.close()
	r.cityParty.Accepts[0].Kinds = nil
	r.open()
	if err := r.g.Reprocess(context.Background(), "ola", id, "format added"); err != nil {
		t.Fatal(err)
	}
	r.untilState(id, samvirke.DeliverySent)
	r.until("receipt", func() bool { return len(r.deliveries(id, samvirke.PurposeReceipt)) == 1 })
	if v, err := r.store.Plan(context.Background(), r.message(id).Patient, 0); err != nil || v.Version != 1 {
		t.Errorf("plan version %d, %v: reprocessing made another one", v.Version, err)
	}
}

func TestLogNamesNoPatient(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	r.receive("hospital", []byte("<MsgHead>"+simulate.PersonNumber(1)))
	r.receive("city", appRec(uuid.NewString(), msgID, "2", "E36"))
	r.untilState(id, samvirke.DeliveryStopped)
	r.g.Stop()
	for _, word := range []string{simulate.PersonNumber(1), "Prøvesen", "Torvild"} {
		if strings.Contains(r.log.String(), word) {
			t.Errorf("the log holds %q", word)
		}
	}
	if r.log.String() == "" {
		t.Error("nothing was logged: the test shows nothing")
	}
}
