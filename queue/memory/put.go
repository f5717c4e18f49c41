package memory

import (
	"crypto/rand"
	"encoding/hex"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// faultReused is the fault code of a quarantined message.
const faultReused = "message-id-reused"

// put applies the unit in field order. Nothing of it can fail.
func (t *tx) put() {
	if t.out.Existing != nil {
		t.putRepeat()
		return
	}
	if t.accept != nil {
		t.putMessage(t.accept)
	}
	if t.message != nil && t.message != t.accept {
		t.putMessage(t.message)
	}
	t.putRecords()
	if t.u.Plan != nil {
		t.putPlan(t.u.Plan)
	}
	for i := range t.u.Plans {
		t.putPlan(&t.u.Plans[i])
	}
	t.putDues()
	for _, m := range t.moved {
		t.putDelivery(m.row)
	}
	for i := range t.u.Receipts {
		r := t.u.Receipts[i]
		r.At, r.Errors = momentOr(r.At, t.u.Now), errorsOf(&r)
		t.d.receipt = append(t.d.receipt, r)
	}
	for name, n := range t.counters {
		t.d.counter[name] = n
	}
	for name, value := range t.u.Settings {
		t.d.setting[name] = value
	}
	for i := range t.u.Events {
		t.putEvent(t.u.Events[i])
	}
	for i := range t.u.Audit {
		t.putAudit(t.u.Audit[i])
	}
}

// errorsOf copies the errors of a receipt; none are nil.
func errorsOf(r *samvirke.Receipt) []samvirke.ReceiptError {
	return append([]samvirke.ReceiptError(nil), r.Errors...)
}

// putRepeat is all that a repeated message writes: an event on the earlier one when it is the same, the quarantined message
// when only its id is.
func (t *tx) putRepeat() {
	m, earlier := t.u.Accept, t.out.Existing
	if t.out.Duplicate {
		t.putEvent(samvirke.Event{MessageID: earlier.ID, Party: m.Party, Patient: earlier.Patient, Name: samvirke.EventDuplicate})
		return
	}
	t.accept.Status, t.accept.Fault = samvirke.MessageQuarantined, faultReused
	t.accept.FaultText = "the same message id came before with other content, as message " + earlier.ID
	t.putMessage(t.accept)
	t.putEvent(samvirke.Event{MessageID: m.ID, Party: m.Party, Patient: m.Patient, Name: samvirke.EventQuarantined})
}

// putTrouble adds the words of a fault to those of a message.
func (t *tx) putTrouble(of int64, fault, text string, also ...string) {
	if of == 0 || fault+text == "" {
		return
	}
	t.nameTrouble(of, append(also, fault, text)...)
}

// nameTrouble adds words, and what the message is called now, to those of a message in trouble.
func (t *tx) nameTrouble(of int64, also ...string) {
	m := t.d.message[of-1]
	t.d.trouble[of] = queue.Words(slices.Concat([]string{m.Party, m.Kind, m.Format}, also, t.d.trouble[of])...)
}

// putMessage adds or replaces a message.
func (t *tx) putMessage(m *message) {
	defer func() {
		if t.putTrouble(m.Seq, m.Fault, m.FaultText); len(t.d.trouble[m.Seq]) > 0 {
			t.nameTrouble(m.Seq)
		}
	}()
	again := true // to be handed out, when it is received
	if fresh := m.Seq > int64(len(t.d.message)); fresh {
		t.d.message = append(t.d.message, m)
		t.d.messageAt[m.ID] = m.Seq
		t.d.accepted++
		t.d.addName(m.name(), m.Seq)
	} else {
		before := t.d.message[m.Seq-1]
		t.d.message[m.Seq-1] = m
		t.d.messages[before.Status]--
		if before.name() != m.name() && m.Checksum != "" { // an erased one is found by its hash
			t.d.dropName(before.name(), m.Seq)
			t.d.addName(m.name(), m.Seq)
		}
		if before.Status == m.Status && before.Patient == m.Patient {
			t.d.messages[m.Status]++
			return
		}
		again = before.Status != m.Status || t.s.back[m.Seq]
		if before.Status == samvirke.MessageReceived {
			t.s.notReceived(before.Patient, m.Seq)
		}
	}
	t.d.messages[m.Status]++
	if m.Status == samvirke.MessageReceived {
		if m.Patient != "" {
			t.d.received[m.Patient] = insert(t.d.received[m.Patient], m.Seq)
		}
		if again {
			t.s.todo = insert(t.s.todo, m.Seq)
			t.s.arrived.ring()
		}
	} else {
		t.s.todo = remove(t.s.todo, m.Seq)
	}
}

// notReceived ends that a message holds up others of its patient; the next one is given again when it was given back.
func (s *Store) notReceived(patient string, seq int64) {
	delete(s.back, seq)
	left := remove(s.disk.received[patient], seq)
	if len(left) == 0 {
		delete(s.disk.received, patient)
		return
	}
	s.disk.received[patient] = left
	if next := left[0]; s.back[next] {
		delete(s.back, next)
		s.todo = insert(s.todo, next)
		s.arrived.ring()
	}
}

func (t *tx) putRecords() {
	for i := range t.u.Records {
		r := t.u.Records[i]
		if n := (recordName{r.Key, r.Hash}); t.d.recordKept[n] {
			continue
		} else {
			t.d.recordKept[n] = true
		}
		r.ReceivedAt, r.Body = momentOr(r.ReceivedAt, t.u.Now), kept(r.Body)
		t.d.record[r.Patient] = append(t.d.record[r.Patient], r)
	}
}

func (t *tx) putPlan(s *queue.PlanStep) {
	if s.Check {
		return
	}
	t.d.planSeq++
	p := &plan{t.d.planSeq, queue.PlanVersion{Patient: s.Patient, Version: s.Expect + 1, At: moment(t.u.Now),
		MessageID: s.MessageID, Body: kept(s.Body)}}
	t.d.plan[s.Patient] = append(t.d.plan[s.Patient], p)
	t.d.planOrder = append(t.d.planOrder, p)
}

func (t *tx) putDues() {
	for n, d := range t.dues {
		of := t.d.due[n.patient]
		switch {
		case d == nil:
			delete(of, n.id)
			if len(of) == 0 {
				delete(t.d.due, n.patient)
			}
		case of == nil:
			t.d.due[n.patient] = map[string]*queue.Due{n.id: d}
		default:
			of[n.id] = d
		}
	}
}

// putDelivery adds or replaces a delivery and gives it its place in its lane.
func (t *tx) putDelivery(d *delivery) {
	if fresh := d.Seq > int64(len(t.d.delivery)); fresh {
		t.d.delivery = append(t.d.delivery, d)
		t.d.deliveryAt[d.ID] = d.Seq
		if d.message != 0 {
			t.d.deliveryOf[d.message] = append(t.d.deliveryOf[d.message], d.Seq)
		}
		if d.ExternalID != "" {
			t.d.addName(d.name(), d.Seq)
		}
	} else {
		t.d.countDelivery(t.d.delivery[d.Seq-1], -1)
		t.d.delivery[d.Seq-1] = d
	}
	t.d.countDelivery(d, 1)
	t.putTrouble(d.message, d.Fault, d.FaultText, d.Party, d.Kind)
	t.s.place(d)
}

func (t *tx) putEvent(e samvirke.Event) {
	e.Seq, e.At = int64(len(t.d.event))+1, momentOr(e.At, t.u.Now)
	t.d.event = append(t.d.event, e)
	t.events = append(t.events, e)
}

func (t *tx) putAudit(a samvirke.Audit) {
	salt := ""
	if a.Patient != "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails (crypto/rand)
		salt = hex.EncodeToString(b[:])
	}
	digest := queue.PatientDigest(salt, a.Patient)
	a.Seq, a.At, a.Previous = t.d.head.seq+1, momentOr(a.At, t.u.Now), t.d.head.hash
	a.Hash = queue.AuditHash(a, digest)
	t.d.head = auditEnd{a.Seq, a.Hash}
	t.d.audit = append(t.d.audit, audit{a, salt, digest})
}
