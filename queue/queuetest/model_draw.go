package queuetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Few names, so that what is drawn meets again.

func drawPatient(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"urn:test|p1", "urn:test|p2", "urn:test|p3", ""}).Draw(rt, "patient")
}

func drawSomebody(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"urn:test|p1", "urn:test|p2", "urn:test|p3"}).Draw(rt, "patient")
}

func receivers() []string { return []string{"gp", "home"} }

func drawReceiver(rt *rapid.T) string { return rapid.SampledFrom(receivers()).Draw(rt, "receiver") }

// externalIDs has one that is the same in capitals.
func externalIDs() []string {
	const id = "0b6c3a1e-7f3d-4c58-9d35-5c1f1b2a3e4d"
	return []string{"e1", "e2", "e3", id, strings.ToUpper(id), ""}
}

func drawExternal(rt *rapid.T) string {
	return rapid.SampledFrom(externalIDs()).Draw(rt, "external")
}

func settingNames() []string { return []string{"pause/gp", "pause/home", "s"} }
func counterNames() []string { return []string{"a", "b"} }

// chance is true once in n draws; a shrunk case has none.
func chance(rt *rapid.T, what string, n int) bool {
	return rapid.IntRange(0, n-1).Draw(rt, what) == n-1
}

// some draws none, one or two of a list.
func some(rt *rapid.T, what string, of []string) (out []string) {
	if len(of) == 0 {
		return nil
	}
	for range rapid.IntRange(0, 2).Draw(rt, what) {
		out = append(out, rapid.SampledFrom(of).Draw(rt, what))
	}
	return out
}

// one draws one of a list, sometimes none or somebody that is not there.
func one(rt *rapid.T, what string, of []string) string {
	switch n := rapid.IntRange(0, 19).Draw(rt, what); {
	case n == 19:
		return "nobody"
	case n < 4 || len(of) == 0:
		return ""
	}
	return rapid.SampledFrom(of).Draw(rt, what)
}

// body draws a body: none, short, of a message's size, or one that is stored in another way.
func body(rt *rapid.T, e Engine) []byte {
	switch n := rapid.IntRange(0, 9).Draw(rt, "body"); {
	case n == 8:
		return AgedBody("long", 3000)
	case n == 9 && e.Features.LargeBody <= 64<<10:
		return AgedBody("large", e.Features.LargeBody+1)
	case n > 0:
		return fmt.Append(nil, "body ", n)
	}
	return []byte{}
}

// id gives a new id. The gateway's own grow with time; an engine must not count on it.
func (m *model) id(rt *rapid.T, kind string) string {
	m.n++
	return fmt.Sprintf("%s%s%03d", kind, rapid.SampledFrom([]string{"k", "a", "z"}).Draw(rt, "id"), m.n)
}

func (m *model) drawMessage(rt *rapid.T) *samvirke.Message {
	x := &samvirke.Message{ID: m.id(rt, "m"), Party: rapid.SampledFrom([]string{"hospital", "clinic"}).Draw(rt, "party"),
		Format: "kith", Kind: rapid.SampledFrom([]string{"LOG", "DIALOG", ""}).Draw(rt, "kind"), ExternalID: drawExternal(rt), Patient: drawPatient(rt),
		ContentType: "application/xml", TraceParent: "00-1"}
	if x.Raw = body(rt, m.e); chance(rt, "another", 2) {
		x.Raw = append(x.Raw, x.ID...)
	}
	if ids := m.messageIDs(); len(ids) > 0 && chance(rt, "id taken", 20) {
		x.ID = rapid.SampledFrom(ids).Draw(rt, "id")
	}
	if chance(rt, "at the door", 6) {
		x.Status, x.Fault = rapid.SampledFrom([]samvirke.MessageStatus{samvirke.MessageAttention, samvirke.MessageRefused}).Draw(rt, "status"), "at-the-door"
	}
	if chance(rt, "dated", 3) {
		x.GeneratedAt, x.ReceivedAt = m.now.Add(-time.Hour), m.now.Add(-time.Minute)
	}
	return x
}

func statuses() []samvirke.MessageStatus {
	return []samvirke.MessageStatus{samvirke.MessageProcessed, samvirke.MessageReceived, samvirke.MessageRefused, samvirke.MessageAttention, samvirke.MessageClosed, ""}
}

func (m *model) drawMessageStep(rt *rapid.T, accept *samvirke.Message) *queue.MessageStep {
	ids := m.messageIDs()
	if accept != nil {
		ids = append(ids, accept.ID, accept.ID, accept.ID)
	}
	s := &queue.MessageStep{ID: one(rt, "message", ids), To: rapid.SampledFrom(statuses()).Draw(rt, "to")}
	if s.ID == "" {
		return nil
	}
	if chance(rt, "from", 4) {
		s.From = []samvirke.MessageStatus{samvirke.MessageReceived, samvirke.MessageAttention}
	}
	if chance(rt, "result", 2) {
		s.Envelope, s.Notes = body(rt, m.e), []byte("[1]")
	}
	if x, err := m.ref.Message(context.Background(), s.ID); s.To == "" || s.To == samvirke.MessageReceived || err == nil && x.Checksum == "" {
		return s // what is still to be processed learns nothing, see queue.MessageStep, nor does what was erased
	}
	if chance(rt, "learnt", 3) {
		s.Kind, s.ExternalID, s.Patient, s.GeneratedAt = "LEARNT", drawExternal(rt), drawPatient(rt), m.now
		if m.e.Features.KeyOfPerson {
			s.Patient = ""
		}
	}
	if chance(rt, "fault", 3) {
		s.Fault, s.FaultText = "odd", "the sender is odd"
	}
	return s
}

func (m *model) drawPlan(rt *rapid.T, patient string) *queue.PlanStep {
	head, _ := m.ref.Plan(context.Background(), patient, 0)
	p := &queue.PlanStep{Patient: patient, Expect: head.Version, Check: chance(rt, "check", 5), MessageID: "cause", Body: body(rt, m.e)}
	if chance(rt, "late", 8) {
		p.Expect += int64(rapid.SampledFrom([]int{1, -1}).Draw(rt, "late"))
	}
	return p
}

func (m *model) drawDue(rt *rapid.T) queue.DueStep {
	at := time.Date(2026, 6, 1, rapid.IntRange(1, 2).Draw(rt, "hour"), 0, 0, 0, time.UTC)
	d := queue.DueStep{Op: rapid.SampledFrom([]queue.DueOp{queue.DueSet, queue.DueFire, queue.DueDrop}).Draw(rt, "op"), Patient: drawSomebody(rt),
		ID: rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "due"), At: at}
	if d.Op == queue.DueSet {
		d.Rule, d.Body = "rule", body(rt, m.e)
	}
	return d
}

func (m *model) drawDelivery(rt *rapid.T, accept *samvirke.Message) samvirke.Delivery {
	ids := m.messageIDs()
	if accept != nil {
		ids = append(ids, accept.ID, accept.ID, accept.ID)
	}
	d := samvirke.Delivery{ID: m.id(rt, "d"), MessageID: one(rt, "of", ids), Party: drawReceiver(rt), Patient: drawPatient(rt), ExternalID: drawExternal(rt),
		Purpose: rapid.SampledFrom([]samvirke.Purpose{samvirke.PurposeForward, samvirke.PurposeReceipt, samvirke.PurposeNotice}).Draw(rt, "purpose"),
		Kind:    "LOG", Format: "kith", ContentType: "application/xml", Rule: "rule", TraceParent: "00-1", State: samvirke.DeliveryQueued, Body: body(rt, m.e)}
	if taken := m.deliveryIDs(); len(taken) > 0 && chance(rt, "id taken", 20) {
		d.ID = rapid.SampledFrom(taken).Draw(rt, "id")
	}
	d.DueAt = m.drawDueAt(rt)
	if chance(rt, "expected", 4) {
		d.ExpectBy = m.now.Add(time.Minute)
	}
	if chance(rt, "original", 4) {
		var raw []byte
		if accept != nil && accept.ID == d.MessageID {
			raw = accept.Raw
		} else if x, err := m.ref.Message(context.Background(), d.MessageID); err == nil {
			raw = x.Raw
		}
		if len(raw) > 0 {
			d.Original, d.Body = true, raw
		}
	}
	return d
}

// drawDueAt is at once, already past, or not within this test.
func (m *model) drawDueAt(rt *rapid.T) time.Time {
	switch rapid.IntRange(0, 5).Draw(rt, "due at") {
	case 4:
		return m.now.Add(-time.Minute)
	case 5:
		return m.now.Add(1000 * time.Hour)
	}
	return time.Time{}
}

func (m *model) drawStep(rt *rapid.T, made []samvirke.Delivery) queue.DeliveryStep {
	ids := slices.DeleteFunc(m.deliveryIDs(), m.erased)
	for i := range made {
		ids = append(ids, made[i].ID, made[i].ID)
	}
	s := queue.DeliveryStep{ID: one(rt, "delivery", ids), To: rapid.SampledFrom([]samvirke.DeliveryState{samvirke.DeliverySent, samvirke.DeliveryAcknowledged,
		samvirke.DeliveryWaiting, samvirke.DeliveryQueued, samvirke.DeliveryStopped, samvirke.DeliveryGivenUp}).Draw(rt, "to"), DueAt: m.drawDueAt(rt)}
	if s.HoldLane = chance(rt, "hold", 3); s.HoldLane {
		s.To = samvirke.DeliveryStopped
	}
	if chance(rt, "from", 5) {
		s.From = []samvirke.DeliveryState{samvirke.DeliveryQueued, samvirke.DeliverySent, samvirke.DeliveryStopped}
	}
	if chance(rt, "expected", 3) {
		s.ExpectBy = m.now.Add(time.Minute)
	}
	if chance(rt, "attempt", 2) {
		s.Attempt = &samvirke.Attempt{Took: time.Second, Answer: "HTTP 503", Class: samvirke.Transient, Fault: "busy", FaultText: "it was busy"}
	}
	if chance(rt, "fault", 3) {
		s.Fault, s.FaultText = "down", "the receiver is down"
	}
	switch n := rapid.IntRange(0, 9).Draw(rt, "token"); {
	case n == 9:
		s.Token = 1 << 40 // nobody's
	case n > 6 && len(m.held) > 0:
		if h := rapid.SampledFrom(m.held).Draw(rt, "lease"); !m.erased(h.ID) {
			s.ID, s.Token = h.ID, h.Token
		}
	}
	return s
}

// drawAbout draws a delivery, with its message or alone, or a message, and the person that it is about.
func (m *model) drawAbout(rt *rapid.T) (message, delivery, patient string) {
	ctx := context.Background()
	if rapid.Bool().Draw(rt, "of a delivery") {
		delivery = one(rt, "delivery", m.deliveryIDs())
		if d, err := m.ref.Delivery(ctx, delivery); err == nil {
			message, patient = d.MessageID, d.Patient
		}
		if chance(rt, "alone", 4) {
			message = ""
		}
		return message, delivery, patient
	}
	message = one(rt, "message", m.messageIDs())
	if x, err := m.ref.Message(ctx, message); err == nil {
		patient = x.Patient
	}
	return message, "", patient
}

func (m *model) drawReceipt(rt *rapid.T) samvirke.Receipt {
	message, delivery, _ := m.drawAbout(rt)
	r := samvirke.Receipt{ID: m.id(rt, "r"), Direction: samvirke.Inbound, Party: drawReceiver(rt), MessageID: message,
		DeliveryID: delivery, ExternalID: drawExternal(rt), From: "f", Note: rapid.SampledFrom([]string{"", "late", "unknown"}).Draw(rt, "note"),
		ReceiptContent: samvirke.ReceiptContent{Status: samvirke.ReceiptOK, OriginalID: "o", OriginalKind: "LOG", OriginalIssued: "i"}}
	if chance(rt, "carried", 4) {
		r.CarrierID = one(rt, "carrier", m.messageIDs())
	}
	if chance(rt, "refused", 2) {
		r.Status, r.Errors = samvirke.ReceiptRejected, []samvirke.ReceiptError{{Code: "E10", System: "s", Display: "words", Detail: "more words"}}
	}
	return r
}

// unit draws any unit: mostly few parts, so that most are taken.
func (m *model) unit(rt *rapid.T) (u queue.Unit) {
	if chance(rt, "accept", 3) {
		u.Accept = m.drawMessage(rt)
	}
	if chance(rt, "message step", 2) {
		u.Message = m.drawMessageStep(rt, u.Accept)
	}
	for range rapid.IntRange(0, 2).Draw(rt, "records") {
		u.Records = append(u.Records, queue.Record{Key: rapid.SampledFrom([]string{"k1", "k2", "k3"}).Draw(rt, "key"), Hash: rapid.SampledFrom([]string{"h1", "h2"}).Draw(rt, "hash"),
			Patient: drawSomebody(rt), MessageID: one(rt, "of", m.messageIDs()), Body: body(rt, m.e)})
	}
	if chance(rt, "plan", 3) {
		u.Plan = m.drawPlan(rt, drawSomebody(rt))
	}
	if chance(rt, "plans", 6) {
		u.Plans = []queue.PlanStep{*m.drawPlan(rt, drawSomebody(rt))}
	}
	for range rapid.IntRange(0, 2).Draw(rt, "dues") {
		u.Dues = append(u.Dues, m.drawDue(rt))
	}
	for range rapid.IntRange(0, 2).Draw(rt, "deliveries") {
		u.Deliveries = append(u.Deliveries, m.drawDelivery(rt, u.Accept))
	}
	for range rapid.IntRange(0, 2).Draw(rt, "steps") {
		if s := m.drawStep(rt, u.Deliveries); s.ID != "" {
			u.Steps = append(u.Steps, s)
		}
	}
	for range rapid.IntRange(0, 1).Draw(rt, "receipts") {
		u.Receipts = append(u.Receipts, m.drawReceipt(rt))
	}
	if chance(rt, "counter", 3) {
		name := rapid.SampledFrom(counterNames()).Draw(rt, "counter")
		n, _ := m.ref.Counter(context.Background(), name)
		if chance(rt, "late", 8) {
			n++
		}
		u.Counters = []queue.CounterStep{{Name: name, Expect: n}}
	}
	if chance(rt, "setting", 3) {
		u.Settings = map[string]string{rapid.SampledFrom(settingNames()).Draw(rt, "setting"): rapid.SampledFrom([]string{"", "on", "off"}).Draw(rt, "value")}
	}
	for range rapid.IntRange(0, 3).Draw(rt, "events") {
		message, delivery, patient := m.drawAbout(rt)
		u.Events = append(u.Events, samvirke.Event{MessageID: message, DeliveryID: delivery, Party: drawReceiver(rt), Patient: patient, Detail: "detail",
			Name: rapid.SampledFrom([]samvirke.EventName{samvirke.EventRouted, samvirke.EventSent, samvirke.EventDue}).Draw(rt, "event")})
	}
	if chance(rt, "audit", 3) {
		u.Audit = []samvirke.Audit{{Who: "w", Action: "read-plan", Object: "o", Patient: drawPatient(rt), Reason: "r"}}
	}
	m.taken(&u)
	return u
}

// taken leaves out the steps of what a unit makes under an id that is taken: whether they are those of the stored one or of the new one
// is for nobody to say.
func (m *model) taken(u *queue.Unit) {
	if u.Accept != nil && u.Message != nil && u.Message.ID == u.Accept.ID && slices.Contains(m.messageIDs(), u.Accept.ID) {
		u.Message = nil
	}
	ids := m.deliveryIDs()
	u.Steps = slices.DeleteFunc(u.Steps, func(s queue.DeliveryStep) bool {
		return slices.Contains(ids, s.ID) && slices.ContainsFunc(u.Deliveries, func(d samvirke.Delivery) bool { return d.ID == s.ID })
	})
}
