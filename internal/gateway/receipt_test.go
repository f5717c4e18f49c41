package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

func (r *rig) receipts(f queue.ReceiptFilter) []samvirke.Receipt {
	r.t.Helper()
	rs, err := r.store.Receipts(context.Background(), f)
	if err != nil {
		r.t.Fatal(err)
	}
	return rs
}

func inbound(rs []samvirke.Receipt) (out []samvirke.Receipt) {
	for _, x := range rs {
		if x.Direction == samvirke.Inbound {
			out = append(out, x)
		}
	}
	return out
}

func TestNegativeReceiptStopsTheDelivery(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	r.receive("city", appRec(uuid.NewString(), msgID, "2", "E21"))
	d := r.untilState(id, samvirke.DeliveryStopped)
	if d.Fault != "receipt-rejected" || d.FaultText != "E21 Mottaker finnes ikke" {
		t.Errorf("fault is %q %q", d.Fault, d.FaultText)
	}
	// The receiver's own words stand with the receipt, where reading is audited, and nowhere else.
	rs := inbound(r.receipts(queue.ReceiptFilter{DeliveryID: d.ID}))
	if len(rs) != 1 || len(rs[0].Errors) != 1 || rs[0].Errors[0].Detail != "detalj om feilen" {
		t.Errorf("receipts are %+v", rs)
	}
}

func TestDoubleAndContradictingReceiptsAreKept(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	r.receive("city", appRec(uuid.NewString(), msgID, "1"))
	r.untilState(id, samvirke.DeliveryAcknowledged)
	same := r.receive("city", appRec(uuid.NewString(), msgID, "1"))
	r.untilStatus(same.MessageID, samvirke.MessageProcessed)
	other := r.receive("city", appRec(uuid.NewString(), msgID, "2", "E36"))
	m := r.untilStatus(other.MessageID, samvirke.MessageAttention)
	if m.Fault != "receipt-contradicting" {
		t.Errorf("fault is %q", m.Fault)
	}
	rs := inbound(r.receipts(queue.ReceiptFilter{MessageID: id}))
	if len(rs) != 3 || rs[0].Note != "" || rs[1].Note != "duplicate" || rs[2].Note != "contradicting" {
		t.Errorf("receipts are %+v", rs)
	}
	if s := r.one(id, samvirke.PurposeForward).State; s != samvirke.DeliveryAcknowledged {
		t.Errorf("the first receipt counts, but the delivery is %s", s)
	}
}

func TestReceiptForAnUnknownMessageIsShown(t *testing.T) {
	r := newRig(t)
	ans := r.receive("city", appRec(uuid.NewString(), uuid.NewString(), "1"))
	m := r.untilStatus(ans.MessageID, samvirke.MessageAttention)
	if m.Fault != "receipt-unknown" {
		t.Errorf("fault is %q", m.Fault)
	}
	if rs := r.receipts(queue.ReceiptFilter{Note: "unknown"}); len(rs) != 1 {
		t.Errorf("receipts are %+v", rs)
	}
	if n := len(r.deliveries(m.ID, "")); n != 0 {
		t.Errorf("a receipt was answered by %d messages", n)
	}
}

func TestReceiptFromAnotherPartyDoesNotCount(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	ans := r.receive("hospital", appRec(uuid.NewString(), msgID, "1"))
	if ans.Fault == nil || ans.Fault.Code != "sender-mismatch" {
		t.Errorf("answer is %+v", ans)
	}
	if s := r.one(id, samvirke.PurposeForward).State; s != samvirke.DeliverySent {
		t.Errorf("delivery is %s", s)
	}
}

func TestReceiptInTheAnswerCounts(t *testing.T) {
	r := newRig(t)
	r.city.script(func(_ int, d samvirke.Delivery) (connectors.Result, error) {
		return connectors.Result{Answer: "HTTP 200", Body: appRec(uuid.NewString(), d.ExternalID, "1"), ContentType: "application/xml"}, nil
	})
	id, _ := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliveryAcknowledged)
	if rs := inbound(r.receipts(queue.ReceiptFilter{MessageID: id})); len(rs) != 1 || rs[0].CarrierID != "" {
		t.Errorf("receipts are %+v", rs)
	}
}

// The receipt may be here before our own send has returned.
func TestReceiptThatOvertakesTheSend(t *testing.T) {
	r := newRig(t)
	r.city.hold = make(chan struct{})
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.until("on the wire", func() bool { return len(r.city.sent()) == 1 })
	r.receive("city", appRec(uuid.NewString(), msgID, "1"))
	r.untilState(id, samvirke.DeliveryAcknowledged)
	close(r.city.hold)
	d := r.one(id, samvirke.PurposeForward)
	r.until("attempt written", func() bool {
		as, err := r.store.Attempts(context.Background(), d.ID)
		return err == nil && len(as) == 1
	})
	if s := r.one(id, samvirke.PurposeForward).State; s != samvirke.DeliveryAcknowledged {
		t.Errorf("delivery is %s", s)
	}
	if n := len(r.city.sent()); n != 1 {
		t.Errorf("sent %d times", n)
	}
}

func TestOverdueReceiptIsSaidOnceAndALateOneCounts(t *testing.T) {
	r := newRig(t, func(r *rig) { r.cityParty.AnswerWithin = 30 * time.Millisecond })
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.until("overdue", func() bool {
		return len(r.deliveries(id, samvirke.PurposeForward)) == 1 && r.one(id, samvirke.PurposeForward).Fault == "receipt-overdue"
	})
	r.rounds() // they must say nothing new
	es, err := r.store.Events(context.Background(), queue.EventFilter{MessageID: id, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range es {
		if e.Name == samvirke.EventOverdue {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d overdue events, want 1", n)
	}
	r.receive("city", appRec(uuid.NewString(), msgID, "1"))
	r.untilState(id, samvirke.DeliveryAcknowledged)
	if rs := inbound(r.receipts(queue.ReceiptFilter{MessageID: id})); len(rs) != 1 || rs[0].Note != "late" {
		t.Errorf("receipts are %+v", rs)
	}
}
