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

func testFilterMessages(t *testing.T, v *env) {
	start := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for i := range 12 {
		m := message(fmt.Sprint(i))
		m.Party = []string{"hospital", "municipality"}[i%2]
		m.Kind = []string{"A", "B", ""}[i%3]
		m.Patient = fmt.Sprint("p", i%4)
		m.ReceivedAt = start.Add(time.Duration(i) * time.Hour)
		m.Status = []samvirke.MessageStatus{samvirke.MessageReceived, samvirke.MessageProcessed, samvirke.MessageAttention}[i/4]
		u := queue.Unit{Accept: m}
		if i >= 8 {
			u.Message = &queue.MessageStep{ID: m.ID, To: m.Status, Fault: "schema-invalid", FaultText: fmt.Sprintf("Line %d: element <Ærlig> is not allowed", 4+i/10)}
		}
		v.commit(u)
	}
	d := delivery("d6", "6", "gp", "p2")
	v.commit(queue.Unit{Deliveries: []samvirke.Delivery{d}})
	v.step("d6", 0, samvirke.DeliveryStopped, func(s *queue.DeliveryStep) { s.Fault, s.FaultText = "timeout", "no answer, line 5 is dead" })
	v.commit(queue.Unit{Receipts: []samvirke.Receipt{{ID: "r6", Direction: samvirke.Inbound, Party: "gp", MessageID: "6", DeliveryID: "d6", ExternalID: "receipt-6"}}})
	received, processed, attention := samvirke.MessageReceived, samvirke.MessageProcessed, samvirke.MessageAttention
	for _, c := range []struct {
		name string
		f    queue.MessageFilter
		want []int
	}{
		{"all", queue.MessageFilter{}, []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		{"party", queue.MessageFilter{Party: "municipality"}, []int{11, 9, 7, 5, 3, 1}},
		{"kind", queue.MessageFilter{Kind: "B"}, []int{10, 7, 4, 1}},
		{"patient", queue.MessageFilter{Patient: "p2"}, []int{10, 6, 2}},
		{"external id", queue.MessageFilter{ExternalID: "ext-7"}, []int{7}},
		{"status", queue.MessageFilter{Status: []samvirke.MessageStatus{attention}}, []int{11, 10, 9, 8}},
		{"statuses", queue.MessageFilter{Status: []samvirke.MessageStatus{received, processed}}, []int{7, 6, 5, 4, 3, 2, 1, 0}},
		{"since", queue.MessageFilter{Since: start.Add(9 * time.Hour)}, []int{11, 10, 9}},
		{"until", queue.MessageFilter{Until: start.Add(2 * time.Hour)}, []int{1, 0}},
		{"between", queue.MessageFilter{Since: start.Add(4 * time.Hour), Until: start.Add(6 * time.Hour)}, []int{5, 4}},
		{"page", queue.MessageFilter{Before: 4, Limit: 2}, []int{2, 1}}, // the number of message i is i+1
		{"all at once", queue.MessageFilter{Party: "hospital", Kind: "A", Patient: "p2", Status: []samvirke.MessageStatus{processed}}, []int{6}},
		{"none", queue.MessageFilter{Patient: "nobody"}, nil},
		{"party and kind", queue.MessageFilter{Party: "hospital", Kind: "B"}, []int{10, 4}},
		{"party and status", queue.MessageFilter{Party: "hospital", Status: []samvirke.MessageStatus{attention}}, []int{10, 8}},
		{"next of the statuses", queue.MessageFilter{Status: []samvirke.MessageStatus{received, attention}, Before: 10, Limit: 3}, []int{8, 3, 2}},
		{"party between", queue.MessageFilter{Party: "hospital", Since: start.Add(3 * time.Hour), Until: start.Add(8 * time.Hour)}, []int{6, 4}},
		{"before it all", queue.MessageFilter{Until: start}, nil},
		{"after it all", queue.MessageFilter{Since: start.AddDate(1, 0, 0)}, nil},
		{"own id", queue.MessageFilter{ID: "7"}, []int{7}},
		{"sender's id", queue.MessageFilter{ID: "ext-7"}, []int{7}},
		{"delivery", queue.MessageFilter{ID: "d6"}, []int{6}},
		{"delivery as sent", queue.MessageFilter{ID: "out-d6"}, []int{6}},
		{"receipt", queue.MessageFilter{ID: "receipt-6"}, []int{6}},
		{"id of nothing", queue.MessageFilter{ID: "nobody"}, nil},
		{"id and party", queue.MessageFilter{ID: "7", Party: "hospital"}, nil},
		{"text", queue.MessageFilter{Text: "schema invalid"}, []int{11, 10, 9, 8}},
		{"beginnings of words", queue.MessageFilter{Text: "ELEM <ær>"}, []int{11, 10, 9, 8}},
		{"text of a message or its delivery", queue.MessageFilter{Text: "line 5"}, []int{11, 10, 6}},
		{"text of a delivery", queue.MessageFilter{Text: "answer gp"}, []int{6}},
		{"text, page", queue.MessageFilter{Text: "line", Before: 11, Limit: 2}, []int{9, 8}},
		{"text and party", queue.MessageFilter{Text: "line", Party: "municipality"}, []int{11, 9}},
		{"text and patient", queue.MessageFilter{Text: "line", Patient: "p2"}, []int{10, 6}},
		{"text, status and time", queue.MessageFilter{Text: "line", Status: []samvirke.MessageStatus{attention}, Since: start.Add(10 * time.Hour)}, []int{11, 10}},
		{"text of nothing", queue.MessageFilter{Text: "never said"}, nil},
		{"text without words", queue.MessageFilter{Text: " -\"*", Kind: "B"}, []int{10, 7, 4, 1}},
	} {
		var got []int
		for _, m := range get[[]samvirke.Message](v)(v.s.Messages(v.ctx(), c.f)) {
			if m.Raw != nil {
				t.Errorf("%s: a listing carries bytes", c.name)
			}
			got = append(got, int(m.Seq-1))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// testFilterKindLater: a message whose kind becomes known after it had trouble is found by both, and one without trouble has no words.
func testFilterKindLater(t *testing.T, v *env) {
	for _, id := range []string{"odd", "plain"} {
		m := message(id)
		m.Kind, m.Format, m.Version = "", "", ""
		u := queue.Unit{Accept: m}
		if id == "odd" {
			u.Message = &queue.MessageStep{ID: id, To: samvirke.MessageAttention, Fault: "unreadable", FaultText: "line 4"}
		}
		v.commit(u)
		v.commit(queue.Unit{Message: &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Kind: "LOG_INNLAGT", Format: "kith", Version: "1.6"}})
	}
	for _, c := range []struct {
		text, kind string
		want       int
	}{{"unreadable", "", 1}, {"unreadable", "LOG_INNLAGT", 1}, {"unreadable", "LOG_DOD", 0}, {"kith line", "", 1}, {"innlagt", "", 1}} {
		list := get[[]samvirke.Message](v)(v.s.Messages(v.ctx(), queue.MessageFilter{Text: c.text, Kind: c.kind}))
		if len(list) != c.want {
			t.Errorf("%q of kind %q: %d messages, want %d", c.text, c.kind, len(list), c.want)
		}
	}
}

func testFilterDeliveries(t *testing.T, v *env) {
	v.accept("m0")
	v.accept("m1")
	deadline := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for i := range 10 {
		id := fmt.Sprint("d", i)
		d := delivery(id, fmt.Sprint("m", i%2), []string{"gp", "other"}[i/5], fmt.Sprint("p", i%3))
		d.Lane = id // each in a lane of its own
		if i%4 == 0 {
			d.Purpose = samvirke.PurposeReceipt
		}
		v.commit(queue.Unit{Deliveries: []samvirke.Delivery{d}})
	}
	x := v.lease("gp", 3, "d0", "d1", "d2")
	v.step("d1", x[1].Token, samvirke.DeliverySent, func(s *queue.DeliveryStep) { s.ExpectBy = deadline })
	v.step("d2", x[2].Token, samvirke.DeliveryWaiting, dueAt(time.Now().Add(time.Hour)))
	v.step("d3", 0, samvirke.DeliverySent)
	v.step("d5", 0, samvirke.DeliveryStopped)
	v.step("d6", 0, samvirke.DeliverySent, func(s *queue.DeliveryStep) { s.ExpectBy = deadline.Add(time.Hour) })
	queued, sending, waiting, sent, stopped := samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliveryWaiting,
		samvirke.DeliverySent, samvirke.DeliveryStopped
	states := func(s ...samvirke.DeliveryState) queue.DeliveryFilter { return queue.DeliveryFilter{State: s} }
	for _, c := range []struct {
		name string
		f    queue.DeliveryFilter
		want []int
	}{
		{"all", queue.DeliveryFilter{}, []int{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		{"party", queue.DeliveryFilter{Party: "other"}, []int{9, 8, 7, 6, 5}},
		{"message", queue.DeliveryFilter{MessageID: "m1"}, []int{9, 7, 5, 3, 1}},
		{"unknown message", queue.DeliveryFilter{MessageID: "nobody"}, nil},
		{"patient", queue.DeliveryFilter{Patient: "p1"}, []int{7, 4, 1}},
		{"purpose", queue.DeliveryFilter{Purpose: samvirke.PurposeReceipt}, []int{8, 4, 0}},
		{"queued", states(queued), []int{9, 8, 7, 4}},
		{"sending", states(sending), []int{0}},
		{"waiting", states(waiting), []int{2}},
		{"queued and sending", states(queued, sending), []int{9, 8, 7, 4, 0}},
		{"queued and sending, next page", queue.DeliveryFilter{State: []samvirke.DeliveryState{queued, sending}, Before: 5}, []int{0}},
		{"waiting and sending of a party", queue.DeliveryFilter{State: []samvirke.DeliveryState{waiting, sending}, Party: "gp"}, []int{2, 0}},
		{"sending and overdue", queue.DeliveryFilter{State: []samvirke.DeliveryState{sending}, OverdueAt: deadline.Add(2 * time.Hour)}, nil},
		{"stopped and sent", states(stopped, sent), []int{6, 5, 3, 1}},
		{"queued of a party", queue.DeliveryFilter{State: []samvirke.DeliveryState{queued}, Party: "gp"}, []int{4}},
		{"overdue", queue.DeliveryFilter{OverdueAt: deadline.Add(time.Minute)}, []int{1}},
		{"overdue later", queue.DeliveryFilter{OverdueAt: deadline.Add(2 * time.Hour)}, []int{6, 1}},
		{"overdue by nobody", queue.DeliveryFilter{OverdueAt: deadline}, nil},
		{"page", queue.DeliveryFilter{Before: 5, Limit: 3}, []int{3, 2, 1}}, // the number of delivery i is i+1
	} {
		var got []int
		for _, d := range get[[]samvirke.Delivery](v)(v.s.Deliveries(v.ctx(), c.f)) {
			if d.Body != nil {
				t.Errorf("%s: a listing carries bytes", c.name)
			}
			if len(c.f.State) > 0 && !slices.Contains(c.f.State, d.State) {
				t.Errorf("%s: %s is %s", c.name, d.ID, d.State)
			}
			got = append(got, int(d.Seq-1))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func testFindDelivery(t *testing.T, v *env) {
	v.accept("m")
	for _, id := range []string{"a", "b", "c"} {
		d := delivery(id, "m", "gp", "p")
		d.ExternalID = "same"
		if id == "c" {
			d.Party = "other"
		}
		v.commit(queue.Unit{Deliveries: []samvirke.Delivery{d}})
	}
	if d := get[samvirke.Delivery](v)(v.s.FindDelivery(v.ctx(), "gp", "same")); d.ID != "b" || string(d.Body) != "<delivery id=\"b\"/>" {
		t.Fatalf("found %+v, want the newest", d)
	}
	if d := get[samvirke.Delivery](v)(v.s.FindDelivery(v.ctx(), "other", "same")); d.ID != "c" {
		t.Fatalf("found %+v", d)
	}
	for _, c := range [][2]string{{"gp", "nobody"}, {"nobody", "same"}, {"gp", ""}} {
		if _, err := v.s.FindDelivery(v.ctx(), c[0], c[1]); !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("find %v: %v", c, err)
		}
	}
	// A UUID is the same in capitals: the newest counts, however it is asked for, waiting or in the tables.
	const small = "0b6c3a1e-7f3d-4c58-9d35-5c1f1b2a3e4d"
	for i, id := range []string{small, strings.ToUpper(small), small} {
		d := delivery(fmt.Sprint("u", i), "m", "gp", "p")
		d.ExternalID = id
		v.commit(queue.Unit{Deliveries: []samvirke.Delivery{d}})
		for range 2 {
			for _, asked := range []string{small, strings.ToUpper(small)} {
				if found := get[samvirke.Delivery](v)(v.s.FindDelivery(v.ctx(), "gp", asked)); found.ID != d.ID {
					t.Fatalf("%s finds %s, want the newest %s", asked, found.ID, d.ID)
				}
			}
			v.restart()
		}
	}
}

func testNotFound(t *testing.T, v *env) {
	_, err1 := v.s.Message(v.ctx(), "nobody")
	_, err2 := v.s.Delivery(v.ctx(), "nobody")
	_, err3 := v.s.Plan(v.ctx(), "nobody", 0)
	v.commit(queue.Unit{Plan: &queue.PlanStep{Patient: "p"}})
	_, err4 := v.s.Plan(v.ctx(), "p", 2)
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("call %d: %v, want ErrNotFound", i, err)
		}
	}
	if l := get[[]samvirke.Attempt](v)(v.s.Attempts(v.ctx(), "nobody")); len(l) != 0 {
		t.Errorf("attempts %v", l)
	}
}
