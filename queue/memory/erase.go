package memory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// eraser is one erasure under way.
type eraser struct {
	s *Store
	*tables
	e   queue.Erasure
	out queue.Erased
}

// Erase forgets a person, all in one step; see queue.Eraser.
func (s *Store) Erase(ctx context.Context, e queue.Erasure) (queue.Erased, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return queue.Erased{}, err
	}
	defer s.disk.mu.Unlock()
	if e.Note != "" && d.setting[e.Note] == "" {
		return queue.Erased{}, fmt.Errorf("erase: %w", queue.ErrErased)
	}
	x := &eraser{s: s, tables: d, e: e}
	if heard := x.heard(); len(heard) > 0 {
		return queue.Erased{}, fmt.Errorf("erase: %w", &queue.HeardError{Patients: heard})
	}
	x.messagesOfPerson()
	for _, row := range d.delivery { // that the message of somebody else led to
		if row != nil && x.isPerson(row.Patient) && (e.Silent.IsZero() || row.CreatedAt.Before(e.Silent)) {
			x.eraseDelivery(row.Seq)
		}
	}
	for i := range d.event {
		if e := &d.event[i]; x.isPerson(e.Patient) {
			e.Patient = ""
		}
	}
	for i := range d.audit {
		if a := &d.audit[i]; x.isPerson(a.Patient) {
			x.out.Audits++
			a.Patient, a.salt = "", "" // the digest that is hashed says nothing without its salt
		}
	}
	x.core()
	return x.out, nil
}

// heard gives those of whom something came too late for an erasure of silent people.
func (x *eraser) heard() (out []string) {
	if x.e.Silent.IsZero() {
		return nil
	}
	for _, p := range x.e.Patients {
		versions := x.plan[p]
		if p != "" && (len(versions) > 0 && !versions[len(versions)-1].At.Before(x.e.Silent) ||
			slices.ContainsFunc(x.message, func(m *message) bool { return m != nil && m.Patient == p && x.news(m.Status, m.ReceivedAt) }) ||
			slices.ContainsFunc(x.delivery, func(d *delivery) bool {
				return d != nil && d.Patient == p && (d.open() || d.receiptAwaited() || d.State == samvirke.DeliveryStopped || !d.CreatedAt.Before(x.e.Silent))
			})) {
			out = append(out, p)
		}
	}
	return out
}

// news says that a message is open or came too late.
func (x *eraser) news(status samvirke.MessageStatus, received time.Time) bool {
	switch status {
	case samvirke.MessageReceived, samvirke.MessageAttention, samvirke.MessageQuarantined:
		return true
	}
	return !received.Before(x.e.Silent)
}

func (x *eraser) isPerson(patient string) bool {
	return patient != "" && slices.Contains(x.e.Patients, patient)
}

// messagesOfPerson blanks the messages of the patient keys, those that records came from (a receipt names no patient), and
// those named.
func (x *eraser) messagesOfPerson() {
	named := slices.Clone(x.e.Messages)
	for _, p := range x.e.Patients {
		for i := range x.record[p] {
			named = append(named, x.record[p][i].MessageID)
		}
	}
	for _, id := range named {
		if seq := x.messageAt[id]; seq != 0 {
			x.eraseMessage(seq)
		}
	}
	for _, m := range x.message {
		if m == nil {
			continue
		}
		// What is received and not processed yet belongs to what comes after the erasure.
		if x.isPerson(m.Patient) && m.Status != samvirke.MessageReceived {
			x.eraseMessage(m.Seq)
		}
	}
}

// eraseMessage blanks one message with its deliveries, receipts and events.
func (x *eraser) eraseMessage(seq int64) {
	m := *x.message[seq-1]
	if m.Checksum != "" { // else it was blanked before
		x.out.Messages++
		x.dropName(m.name(), seq)
		if m.ExternalID != "" {
			x.s.remember(seq, byID, m.Party, m.ExternalID)
		}
		x.s.remember(seq, byContent, m.Party, m.ExternalID, m.Checksum)
		for _, of := range x.deliveryOf[seq] {
			if p := x.delivery[of-1].Patient; p == "" || p == m.Patient || x.isPerson(p) {
				x.eraseDelivery(of)
			}
		}
	}
	if m.Status == samvirke.MessageReceived {
		x.s.notReceived(m.Patient, seq)
	}
	m.Patient, m.ExternalID, m.Checksum, m.FaultText, m.TraceParent, m.GeneratedAt = "", "", "", "", "", time.Time{}
	m.Raw, m.envelope, m.notes = nil, nil, nil
	x.message[seq-1] = &m
	delete(x.trouble, seq)
	for i := range x.event {
		if e := &x.event[i]; e.MessageID == m.ID {
			e.Patient = ""
		}
	}
	x.receipts(func(r *samvirke.Receipt) bool { return r.MessageID == m.ID })
}

// eraseDelivery blanks one delivery. One that is to be sent yet is left alone.
func (x *eraser) eraseDelivery(seq int64) {
	d := *x.delivery[seq-1]
	if d.Checksum == "" || d.State == samvirke.DeliveryQueued || d.State == samvirke.DeliveryWaiting {
		return
	}
	x.out.Deliveries++
	if d.ExternalID != "" {
		x.dropName(d.name(), seq)
		x.s.remember(seq, byDelivery, d.Party, d.ExternalID)
	}
	// It holds nothing up any more: there is nothing to send again.
	d.hold = false
	x.s.place(&d)
	d.Patient, d.Lane = "", samvirke.LaneKey(d.Party, "", d.Purpose)
	d.ExternalID, d.Checksum, d.FaultText, d.TraceParent = "", "", "", ""
	d.Body, d.original = nil, false
	d.attempts = slices.Clone(d.attempts)
	for i := range d.attempts {
		d.attempts[i].Answer, d.attempts[i].FaultText = "", ""
	}
	delete(x.trouble, d.message)
	x.delivery[seq-1] = &d
	for i := range x.event {
		if e := &x.event[i]; e.DeliveryID == d.ID {
			e.Patient = ""
		}
	}
	x.receipts(func(r *samvirke.Receipt) bool { return r.DeliveryID == d.ID })
}

// receipts keeps the outcome of receipts and nothing of what they say. The messages that carried them go too.
func (x *eraser) receipts(which func(*samvirke.Receipt) bool) {
	for i := range x.receipt {
		r := &x.receipt[i]
		if !which(r) {
			continue
		}
		r.ExternalID, r.OriginalID, r.OriginalIssued, r.From = "", "", "", ""
		for j := range r.Errors {
			r.Errors[j] = samvirke.ReceiptError{Code: r.Errors[j].Code, System: r.Errors[j].System}
		}
		if seq := x.messageAt[r.CarrierID]; seq != 0 && x.message[seq-1].Checksum != "" {
			x.eraseMessage(seq)
		}
	}
}

// core takes records, plans, dues, settings and counters.
func (x *eraser) core() {
	for _, p := range x.e.Patients {
		x.records(p, func(*queue.Record) bool { return true })
		x.plans(p, 0)
		delete(x.due, p)
	}
	for _, key := range x.e.Records {
		for p := range x.record {
			x.records(p, func(r *queue.Record) bool { return r.Key == key })
		}
	}
	for _, p := range x.e.History {
		x.plans(p, 1)
	}
	for _, name := range x.e.Settings {
		delete(x.setting, name)
	}
	for _, name := range x.e.Counters {
		delete(x.counter, name)
	}
}

func (x *eraser) records(patient string, which func(*queue.Record) bool) {
	left := slices.DeleteFunc(x.record[patient], func(r queue.Record) bool {
		if !which(&r) {
			return false
		}
		x.out.Records++
		delete(x.recordKept, recordName{r.Key, r.Hash})
		x.s.remember(0, byRecord, r.Key)
		return true
	})
	if x.record[patient] = left; len(left) == 0 {
		delete(x.record, patient)
	}
}

// plans deletes all versions but the newest ones.
func (x *eraser) plans(patient string, keep int) {
	all := x.plan[patient]
	gone := all[:max(len(all)-keep, 0)]
	x.out.Plans += len(gone)
	x.planOrder = slices.DeleteFunc(x.planOrder, func(p *plan) bool { return slices.Contains(gone, p) })
	if x.plan[patient] = slices.Clone(all[len(gone):]); len(x.plan[patient]) == 0 {
		delete(x.plan, patient)
	}
}

// hash is what is kept of a name: without the salt of the disk nobody can try names against it.
func (t *tables) hash(by string, parts ...string) (sum [16]byte) {
	h := hmac.New(sha256.New, t.salt[:])
	for _, p := range append([]string{by}, parts...) {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	copy(sum[:], h.Sum(nil))
	return sum
}

// remember makes the first row that had a name be known by its hash.
func (s *Store) remember(seq int64, by string, parts ...string) {
	t := &s.disk.tables
	h := t.hash(by, parts...)
	if have, known := t.erased[h]; known && t.stands(by, have.seq) {
		seq = min(seq, have.seq)
	}
	t.erased[h] = erasedName{seq, s.now()}
}

// erasedSeq gives the number of the first row that had a name before an erasure.
func (t *tables) erasedSeq(by string, parts ...string) (seq int64, known bool) {
	if len(t.erased) == 0 {
		return 0, false
	}
	e, known := t.erased[t.hash(by, parts...)]
	if known && !t.stands(by, e.seq) {
		return 0, false
	}
	return e.seq, known
}

// stands says whether the row that a name led to is there: retention may have dropped it.
func (t *tables) stands(by string, seq int64) bool {
	switch {
	case seq == 0:
		return true
	case by == byDelivery:
		return t.delivery[seq-1] != nil
	}
	return t.message[seq-1] != nil
}

// erasedEarlier finds the erased message that m repeats, 0 when there is none.
func (t *tables) erasedEarlier(m *message) (seq int64, same bool) {
	ids := []string{""}
	if m.ExternalID != "" {
		ids = queue.SameIDs(m.ExternalID)
	}
	for _, id := range ids {
		if seq, _ := t.erasedSeq(byContent, m.Party, id, m.Checksum); seq != 0 {
			return seq, true
		}
	}
	if m.ExternalID == "" {
		return 0, false
	}
	for _, id := range ids {
		if seq, _ := t.erasedSeq(byID, m.Party, id); seq != 0 {
			return seq, false
		}
	}
	return 0, false
}

// WasErased knows the key of an erased record; see queue.Eraser.
func (s *Store) WasErased(ctx context.Context, recordKey string) (bool, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return false, err
	}
	defer s.disk.mu.Unlock()
	_, gone := d.erasedSeq(byRecord, recordKey)
	return gone, nil
}

// Heard implements queue.Eraser.
func (s *Store) Heard(ctx context.Context, e queue.Erasure) ([]string, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	return (&eraser{s: s, tables: d, e: e}).heard(), nil
}

// Wipe implements queue.Eraser: nothing is left of what was erased.
func (s *Store) Wipe(ctx context.Context) error {
	_, err := s.enter(ctx)
	if err == nil {
		s.disk.mu.Unlock()
	}
	return err
}
