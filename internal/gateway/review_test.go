package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// What the receiver refused must come as a new message; a receipt that was taken is final.
func TestResendRefusesWhatIsFinal(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	r.receive("city", appRec(uuid.NewString(), msgID, "2", "E36"))
	d := r.untilState(id, samvirke.DeliveryStopped)
	if err := r.g.Resend(context.Background(), "ola", d.ID, "once more"); !errors.Is(err, queue.ErrState) {
		t.Errorf("resend of a refused message: %v", err)
	}
	r.until("receipt sent", func() bool { return r.one(id, samvirke.PurposeReceipt).State == samvirke.DeliverySent })
	if err := r.g.Resend(context.Background(), "ola", r.one(id, samvirke.PurposeReceipt).ID, "once more"); !errors.Is(err, queue.ErrState) {
		t.Errorf("resend of a receipt: %v", err)
	}
}

// A negative receipt may come with an HTTP error: it counts, and nothing is sent again.
func TestNegativeReceiptInAnErrorAnswer(t *testing.T) {
	r := newRig(t)
	r.city.script(func(_ int, d samvirke.Delivery) (connectors.Result, error) {
		return connectors.Result{Answer: "HTTP 500", Body: appRec(uuid.NewString(), d.ExternalID, "2", "X99")},
			&samvirke.Fault{Class: samvirke.Transient, Code: "http-status", Safe: "refused"}
	})
	id, _ := r.admit(simulate.Admission{Person: 1})
	if d := r.untilState(id, samvirke.DeliveryStopped); d.Fault != "receipt-rejected" {
		t.Errorf("fault is %q", d.Fault)
	}
	if n := len(r.city.sent()); n != 1 {
		t.Errorf("sent %d times", n)
	}
	if rs := inbound(r.receipts(queue.ReceiptFilter{MessageID: id})); len(rs) != 1 {
		t.Errorf("receipts are %+v", rs)
	}
}

// A receipt may write the letters of the id in the other case.
func TestReceiptWithTheIDInOtherLetters(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	r.receive("city", appRec(uuid.NewString(), strings.ToUpper(msgID), "1"))
	r.untilState(id, samvirke.DeliveryAcknowledged)
}

// An overdue mark is a remark: the time of sending stays what it was.
func TestOverdueKeepsTheTimeOfSending(t *testing.T) {
	r := newRig(t, func(r *rig) { r.cityParty.AnswerWithin = 1 })
	id, _ := r.admit(simulate.Admission{Person: 1})
	sent := r.untilState(id, samvirke.DeliverySent).SentAt
	r.until("overdue", func() bool { return r.one(id, samvirke.PurposeForward).Fault == "receipt-overdue" })
	if got := r.one(id, samvirke.PurposeForward).SentAt; !got.Equal(sent) {
		t.Errorf("sent at %s became %s", sent, got)
	}
}

// A stop under load leaves messages unprocessed; none may pass an earlier one of the same patient.
func TestStopUnderLoadKeepsOrder(t *testing.T) {
	r := newRig(t)
	var ids []string
	parent, conversation := "", ""
	for round := range 4 {
		for i := range 30 {
			a := simulate.Admission{ID: uuid.NewString(), Person: 5, Remark: fmt.Sprint("no ", i)}
			if i%2 == 1 { // a change looks up who was told: it meets the stop in another place than a new message
				a.Op, a.Parent, a.Conversation = "M", parent, conversation
			} else {
				conversation = a.ID
			}
			parent = a.ID
			ans := r.receive("hospital", a.XML())
			ids = append(ids, ans.MessageID)
		}
		if round < 3 {
			r.restart()
		}
	}
	for _, id := range ids {
		r.untilState(id, samvirke.DeliverySent)
	}
	last := int64(0)
	for i, id := range ids {
		d := r.one(id, samvirke.PurposeForward)
		if d.Seq < last {
			t.Fatalf("delivery of message %d stands before that of an earlier one", i)
		}
		last = d.Seq
	}
}
