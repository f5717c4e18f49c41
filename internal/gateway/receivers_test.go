package gateway_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// answerOf is a receipt of one service of the city.
func answerOf(service, original, status string, errs ...string) []byte {
	return []byte(strings.Replace(string(appRec(uuid.NewString(), original, status, errs...)), simulate.AdmissionNursing, service, 1))
}

// twoServices is a gateway with a message to two services of the city, sent.
func twoServices(t *testing.T, change ...func(*rig)) (r *rig, id, msgID string) {
	t.Helper()
	r = newRig(t, append(change, func(r *rig) { r.cityParty.HER = append(r.cityParty.HER, cityHome) })...)
	id, msgID = r.post(letter{receivers: [][2]string{nursing(), {simulate.AdmissionCity, cityHome}}})
	return r, id, msgID
}

func (r *rig) answer(body []byte) samvirke.Message {
	r.t.Helper()
	id := r.receive("city", body).MessageID
	r.until("receipt processed", func() bool { return r.message(id).Status != samvirke.MessageReceived })
	return r.message(id).Message
}

func TestDeliveryWaitsForEveryReceiver(t *testing.T) {
	r, id, msgID := twoServices(t)
	d := r.untilState(id, samvirke.DeliverySent)
	r.answer(answerOf("800 00 13", msgID, "1")) // as HER-ids are published
	if now := r.one(id, samvirke.PurposeForward); now.State != samvirke.DeliverySent || !now.ExpectBy.Equal(d.ExpectBy) {
		t.Errorf("with one of two answers the delivery is %s, its clock %v, was %v", now.State, now.ExpectBy, d.ExpectBy)
	}
	if m := r.answer(answerOf(cityHome, msgID, "1")); m.Status != samvirke.MessageProcessed {
		t.Errorf("the same receiver's second answer is %s", m.Status)
	}
	if s := r.one(id, samvirke.PurposeForward).State; s != samvirke.DeliverySent {
		t.Errorf("one receiver that answers twice makes the delivery %s", s)
	}
	r.answer(answerOf(simulate.AdmissionNursing, msgID, "1"))
	r.untilState(id, samvirke.DeliveryAcknowledged)
	rs := inbound(r.receipts(queue.ReceiptFilter{DeliveryID: d.ID}))
	if len(rs) != 3 || rs[0].Note+rs[2].Note != "" || rs[1].Note != "duplicate" || rs[0].From != cityHome || rs[2].From != simulate.AdmissionNursing {
		t.Errorf("receipts are %+v", rs)
	}
	if m := r.answer(answerOf(cityHome, msgID, "2", "E36")); m.Fault != "receipt-contradicting" || m.Status != samvirke.MessageAttention {
		t.Errorf("a receiver that takes back what it said: %s %s", m.Status, m.Fault)
	}
	if s := r.one(id, samvirke.PurposeForward).State; s != samvirke.DeliveryAcknowledged {
		t.Errorf("the first answer counts, but the delivery is %s", s)
	}
}

func TestRefusalOfOneReceiverStopsTheDelivery(t *testing.T) {
	for _, first := range []string{"accepting", "refusing"} {
		t.Run(first+" first", func(t *testing.T) {
			r, id, msgID := twoServices(t)
			r.untilState(id, samvirke.DeliverySent)
			ok, no := answerOf(cityHome, msgID, "1"), answerOf(simulate.AdmissionNursing, msgID, "2", "E21")
			if first == "refusing" {
				ok, no = no, ok
			}
			for _, body := range [][]byte{ok, no} {
				if m := r.answer(body); m.Status != samvirke.MessageProcessed || m.Fault != "" {
					t.Errorf("receipt is %s %s", m.Status, m.Fault)
				}
			}
			d := r.untilState(id, samvirke.DeliveryStopped)
			if want := "receiver " + simulate.AdmissionNursing + ": E21 Mottaker finnes ikke"; d.Fault != "receipt-rejected" || d.FaultText != want {
				t.Errorf("fault is %q %q, want %q", d.Fault, d.FaultText, want)
			}
			found := false
			for _, e := range r.events(id) {
				found = found || e.Name == samvirke.EventRejected && strings.Contains(e.Detail, simulate.AdmissionNursing)
			}
			if !found {
				t.Error("no event names the receiver that refused")
			}
		})
	}
	t.Run("both", func(t *testing.T) {
		r, id, msgID := twoServices(t)
		r.untilState(id, samvirke.DeliverySent)
		r.answer(answerOf(cityHome, msgID, "2", "E21"))
		r.answer(answerOf(simulate.AdmissionNursing, msgID, "2", "E36"))
		if text := r.untilState(id, samvirke.DeliveryStopped).FaultText; !strings.Contains(text, cityHome+": E21") || !strings.Contains(text, simulate.AdmissionNursing+": E36") {
			t.Errorf("fault text is %q", text)
		}
	})
}

func TestReceiptOfNoReceiverStandsForAll(t *testing.T) {
	r, id, msgID := twoServices(t)
	r.untilState(id, samvirke.DeliverySent)
	body := strings.Replace(string(answerOf("X", msgID, "1")), `<Id>X</Id>`, `<Id>`+simulate.AdmissionCity+`</Id>`, 1)
	r.answer([]byte(body))
	r.untilState(id, samvirke.DeliveryAcknowledged)
}

func TestClockRunsUntilTheLastReceiver(t *testing.T) {
	r, id, msgID := twoServices(t, func(r *rig) { r.cityParty.AnswerWithin = 300 * time.Millisecond })
	r.untilState(id, samvirke.DeliverySent)
	r.answer(answerOf(cityHome, msgID, "1"))
	r.until("overdue", func() bool { return r.one(id, samvirke.PurposeForward).Fault == "receipt-overdue" })
	r.answer(answerOf(simulate.AdmissionNursing, msgID, "3", "E36"))
	if d := r.untilState(id, samvirke.DeliveryAcknowledged); !strings.HasPrefix(d.FaultText, "receiver "+simulate.AdmissionNursing+": E36") {
		t.Errorf("fault text is %q", d.FaultText)
	}
}

// Receivers that answer at the same moment must not each see the other as open, and one that answers in
// the transport's answer counts for itself alone.
func TestReceiversThatAnswerTogether(t *testing.T) {
	r := newRig(t, func(r *rig) { r.cityParty.HER = append(r.cityParty.HER, cityHome) })
	r.city.script(func(n int, d samvirke.Delivery) (connectors.Result, error) {
		if n%2 == 0 {
			return connectors.Result{Answer: "HTTP 202"}, nil
		}
		return connectors.Result{Answer: "HTTP 200", Body: answerOf(cityHome, d.ExternalID, "1"), ContentType: "application/xml"}, nil
	})
	var ids, names []string
	for range 12 {
		id, msgID := r.post(letter{receivers: [][2]string{nursing(), {simulate.AdmissionCity, cityHome}}})
		ids, names = append(ids, id), append(names, msgID)
	}
	for _, id := range ids {
		r.untilState(id, samvirke.DeliverySent)
	}
	second := func(body []byte) {
		if _, err := r.g.Receive(t.Context(), connectors.Incoming{Party: "city", Body: body, Size: int64(len(body))}); err != nil {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() { second(answerOf(cityHome, name, "1")) })
		wg.Go(func() { second(answerOf(simulate.AdmissionNursing, name, "1")) })
	}
	wg.Wait()
	for _, id := range ids {
		r.untilState(id, samvirke.DeliveryAcknowledged)
	}
}

func TestMessageToItsOwnSenderNeedsAttention(t *testing.T) {
	r := newRig(t)
	id, _ := r.post(letter{receivers: [][2]string{{simulate.AdmissionHospital, simulate.AdmissionWard}}})
	m := r.untilStatus(id, samvirke.MessageAttention)
	if m.Fault != "receiver-is-sender" || m.FaultText == "" {
		t.Errorf("fault is %q %q", m.Fault, m.FaultText)
	}
	if n := len(r.deliveries(id, "")); n != 0 {
		t.Errorf("%d deliveries", n)
	}
	said := false
	for _, e := range r.events(id) {
		said = said || e.Name == samvirke.EventAttention && e.Detail == "receiver-is-sender"
	}
	if !said {
		t.Error("no event says so")
	}
}
