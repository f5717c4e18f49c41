package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Aging is what the suite of ageing and of the check of bodies needs to know of an engine. The engine is opened so that all that is
// stored can age soon: its segments are small, if it has any.
type Aging struct {
	Engine
	// Settle waits until all that was committed can age. nil: it can at once.
	Settle func(t testing.TB, s queue.Store)
	// Step presses a step of what was stored before a time and gives the bytes it read, 0 when all was pressed.
	Step func(ctx context.Context, s queue.Store, before time.Time) (int64, error)
	// Check reads a step of the stored bodies; Integrity tells what was found.
	Check     func(ctx context.Context, s queue.Store) error
	Integrity func(ctx context.Context, s queue.Store) (queue.Integrity, error)
	// NextRound makes the next round of the check due in the closed store of dir.
	NextRound func(t testing.TB, dir string)
	// Hurt changes a byte of the stored body of a message behind the back of the closed store of dir.
	Hurt func(t testing.TB, dir, id string)
	// RoomOf is how many messages are put in at a time to see what one takes: more where room is taken by whole blocks of many tables. 0: 150.
	RoomOf int
	// Room is what the store of dir takes on disk, cleaned of what is not needed any more. nil: the test of room is skipped.
	Room func(t testing.TB, s queue.Store, dir string) int64
}

// RoomPerMessage is the most bytes of disk that a message of 8 KB, sent on as 11 KB, may take when it has aged: with its record, plan,
// envelope, receipts, events and indexes.
const RoomPerMessage = 8 << 10

// RunAging runs the suite of ageing.
func RunAging(t *testing.T, a Aging) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *agingEnv)
	}{
		{"Whole", testAge}, {"Waiting", testAgeWaiting}, {"WhileRead", testAgeWhileRead}, {"WhileErased", testAgeWhileErased},
		{"Large", testAgeLarge}, {"Integrity", testIntegrity}, {"IntegrityPressed", testIntegrityPressed}, {"IntegrityOfMany", testIntegrityOfMany},
		{"Room", testRoom},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, &agingEnv{newEnv(t, a.Engine), a}) })
	}
}

type agingEnv struct {
	*env
	a Aging
}

// AgedUnit is a message of a person with everything that ages: body, envelope, record, plan, and a delivery of its own beside one
// that sends the body of the message.
func AgedUnit(n int, now time.Time, in, out []byte) *queue.Unit {
	id := fmt.Sprintf("m%06d", n)
	patient := fmt.Sprintf("urn:test|p%d", n)
	u := &queue.Unit{Now: now, Accept: &samvirke.Message{ID: id, Party: "hospital", ExternalID: "x" + id, Patient: patient, Raw: in, Checksum: sum(in), Size: int64(len(in))},
		Message: &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Envelope: out[:len(out)/8], Notes: []byte("[]")},
		Records: []queue.Record{{Key: id, Hash: "h", Patient: patient, MessageID: id, Body: out[:len(out)/4]}},
		Plan:    &queue.PlanStep{Patient: patient, MessageID: id, Body: out[:len(out)/2]},
		Events:  []samvirke.Event{{MessageID: id, Name: samvirke.EventReceived}, {MessageID: id, Name: samvirke.EventProcessed}}}
	for _, party := range []string{"gp", "city"} {
		d := samvirke.Delivery{ID: party + id, MessageID: id, Party: party, Purpose: samvirke.PurposeForward, Patient: patient, State: samvirke.DeliveryQueued,
			ExternalID: party + id, Body: out, Original: party == "city"}
		if d.Original {
			d.Body = in
		}
		d.Checksum, d.Size = sum(d.Body), int64(len(d.Body))
		u.Deliveries = append(u.Deliveries, d)
		u.Steps = append(u.Steps, queue.DeliveryStep{ID: d.ID, To: samvirke.DeliveryAcknowledged})
	}
	return u
}

// AgedBody is a body of about n bytes in the manner of a message, with a mark that no other one has.
func AgedBody(mark string, n int) []byte {
	var b strings.Builder
	b.WriteString("<MsgHead mark=\"" + mark + "\">")
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "<Observation id=\"%s-%d\"><Comment>%x was seen at %d</Comment></Observation>", mark, i, i*7919%10007, i)
	}
	return []byte(b.String() + "</MsgHead>")
}

// FlowUnit is AgedUnit with what the answers of both sides add: the receipt to the sender, that of the receiver, attempts.
func FlowUnit(i int, in, out []byte) *queue.Unit {
	u := AgedUnit(i, time.Now(), in, out)
	u.Deliveries, u.Steps = u.Deliveries[:1], nil
	id := u.Accept.ID
	u.Deliveries = append(u.Deliveries, samvirke.Delivery{ID: "r" + id, MessageID: id, Party: "hospital", Purpose: samvirke.PurposeReceipt,
		Patient: u.Accept.Patient, State: samvirke.DeliveryQueued, ExternalID: "r" + id, Body: AgedBody("receipt"+id, 900)})
	for j := range u.Deliveries {
		d := &u.Deliveries[j]
		u.Steps = append(u.Steps, queue.DeliveryStep{ID: d.ID, To: samvirke.DeliveryAcknowledged, Attempt: &samvirke.Attempt{Answer: "HTTP 200", Took: time.Millisecond}})
		u.Receipts = append(u.Receipts, samvirke.Receipt{ID: "x" + d.ID, Direction: samvirke.Inbound, Party: d.Party, MessageID: id, DeliveryID: d.ID, ExternalID: "e" + d.ID,
			ReceiptContent: samvirke.ReceiptContent{Status: samvirke.ReceiptOK, OriginalID: d.ExternalID, OriginalKind: "LOG_INNLAGT"}})
		u.Events = append(u.Events, samvirke.Event{MessageID: id, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: samvirke.EventRouted},
			samvirke.Event{MessageID: id, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: samvirke.EventSent, Detail: "HTTP 200"},
			samvirke.Event{MessageID: id, DeliveryID: d.ID, Party: d.Party, Patient: d.Patient, Name: samvirke.EventAcknowledged})
	}
	return u
}

// CheckAged reads everything of AgedUnit again and tells what is not as it was.
func CheckAged(ctx context.Context, s queue.Reader, n int, in, out []byte) error {
	id := fmt.Sprintf("m%06d", n)
	patient := fmt.Sprintf("urn:test|p%d", n)
	m, err := s.Message(ctx, id)
	if err != nil || !bytes.Equal(m.Raw, in) || !bytes.Equal(m.Envelope, out[:len(out)/8]) || string(m.Notes) != "[]" {
		return fmt.Errorf("message %d: %d and %d bytes, notes %q, %w", n, len(m.Raw), len(m.Envelope), m.Notes, err)
	}
	for party, want := range map[string][]byte{"gp": out, "city": in} {
		if d, err := s.Delivery(ctx, party+id); err != nil || !bytes.Equal(d.Body, want) {
			return fmt.Errorf("delivery %d to %s: %d bytes, %w", n, party, len(d.Body), err)
		}
	}
	if r, err := s.Records(ctx, patient); err != nil || len(r) != 1 || !bytes.Equal(r[0].Body, out[:len(out)/4]) {
		return fmt.Errorf("records %d: %d, %w", n, len(r), err)
	}
	if p, err := s.Plan(ctx, patient, 0); err != nil || !bytes.Equal(p.Body, out[:len(out)/2]) {
		return fmt.Errorf("plan %d: %d bytes, %w", n, len(p.Body), err)
	}
	return nil
}

// whole fails when something of a unit is not as it was.
func (v *agingEnv) whole(n int, in, out []byte) {
	v.t.Helper()
	if err := CheckAged(v.t.Context(), v.s, n, in, out); err != nil {
		v.t.Fatal(err)
	}
}

// age presses all that can be pressed.
func (v *agingEnv) age() {
	v.t.Helper()
	if v.a.Settle != nil {
		v.a.Settle(v.t, v.s)
	}
	for {
		n, err := v.a.Step(v.t.Context(), v.s, time.Now().Add(time.Hour))
		if err != nil {
			v.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// fill stores units with bodies of some bytes and gives those.
func (v *agingEnv) fill(n, inBytes, outBytes int) (in, out [][]byte) {
	v.t.Helper()
	for i := range n {
		in, out = append(in, AgedBody(fmt.Sprint("in", i), inBytes)), append(out, AgedBody(fmt.Sprint("out", i), outBytes))
		v.commit(*AgedUnit(i, time.Now(), in[i], out[i]))
	}
	return in, out
}

// testAge presses everything, reads it again, also after a restart, writes over it, erases a person and drops the rest.
func testAge(t *testing.T, v *agingEnv) {
	const n, person = 30, 7
	began := time.Now()
	in, out := v.fill(n, 8000, 11000)
	if v.a.Settle != nil {
		v.a.Settle(t, v.s)
	}
	if got, err := v.a.Step(t.Context(), v.s, began); err != nil || got != 0 {
		t.Fatalf("%d bytes were pressed before their time, %v", got, err)
	}
	all := func(but int) {
		t.Helper()
		for i := range n {
			if i != but {
				v.whole(i, in[i], out[i])
			}
		}
	}
	v.age()
	all(-1)
	v.restart()
	all(-1)
	// Reprocessing writes a new envelope over a pressed one; notes alone leave it.
	for _, step := range []queue.MessageStep{{ID: "m000003", Notes: []byte("[]")}, {ID: "m000004", Envelope: out[4][:len(out[4])/8]}} {
		v.commit(queue.Unit{Now: time.Now(), Message: &step})
	}
	v.age()
	all(-1)
	if got := v.s.(queue.Eraser); got != nil {
		if _, err := got.Erase(t.Context(), queue.Erasure{Patients: []string{fmt.Sprint("urn:test|p", person)}}); err != nil {
			t.Fatal(err)
		}
	}
	v.erased(person)
	all(person)
	v.drop()
	for i := range n {
		id := fmt.Sprintf("m%06d", i)
		m, err := v.s.Message(t.Context(), id)
		if err != nil || len(m.Raw) != 0 || i != person && len(m.Envelope) == 0 {
			t.Errorf("dropped: message %d has %d bytes, envelope %d, %v", i, len(m.Raw), len(m.Envelope), err)
		}
		if d, err := v.s.Delivery(t.Context(), "gp"+id); err != nil || len(d.Body) != 0 {
			t.Errorf("dropped: delivery %d has %d bytes, %v", i, len(d.Body), err)
		}
	}
}

// erased fails when something is left of a person.
func (v *agingEnv) erased(n int) {
	v.t.Helper()
	id, patient := fmt.Sprintf("m%06d", n), fmt.Sprintf("urn:test|p%d", n)
	m, err := v.s.Message(v.t.Context(), id)
	if err != nil || len(m.Raw) != 0 || len(m.Envelope) != 0 {
		v.t.Errorf("message of an erased person: %d and %d bytes, %v", len(m.Raw), len(m.Envelope), err)
	}
	if d, err := v.s.Delivery(v.t.Context(), "gp"+id); err != nil || len(d.Body) != 0 {
		v.t.Errorf("delivery of an erased person: %d bytes, %v", len(d.Body), err)
	}
	if r, err := v.s.Records(v.t.Context(), patient); err != nil || len(r) != 0 {
		v.t.Errorf("%d records of an erased person, %v", len(r), err)
	}
	if _, err := v.s.Plan(v.t.Context(), patient, 0); !errors.Is(err, queue.ErrNotFound) {
		v.t.Errorf("plan of an erased person: %v", err)
	}
}

// drop drops all bodies.
func (v *agingEnv) drop() {
	v.t.Helper()
	for after := int64(0); ; {
		_, next, err := v.s.(queue.Retainer).DropPayloads(v.t.Context(), time.Now().Add(time.Hour), after, 7)
		if err != nil {
			v.t.Fatal(err)
		}
		if after = next; next == 0 {
			return
		}
	}
}

// testAgeWaiting: what ages while it waits, a received message and deliveries in their lane, comes out whole and in order.
func testAgeWaiting(t *testing.T, v *agingEnv) {
	const n = 4
	bodies := map[string][]byte{}
	for i := range n {
		id := fmt.Sprint("w", i)
		m := message(id)
		m.Patient, m.Raw = "urn:test|one", AgedBody(id, 4000)
		m.Checksum, m.Size = sum(m.Raw), int64(len(m.Raw))
		bodies[id] = m.Raw
		u := queue.Unit{Accept: m}
		for _, original := range []bool{false, true} {
			d := delivery(fmt.Sprint("d", id, original), id, "gp", m.Patient)
			if d.Original, d.Body = original, AgedBody(d.ID, 5000); original {
				d.Body = m.Raw
			}
			d.Checksum, d.Size = sum(d.Body), int64(len(d.Body))
			bodies[d.ID] = d.Body
			u.Deliveries = append(u.Deliveries, d)
		}
		v.commit(u)
	}
	// What fills the segment in use.
	for i := range 20 {
		v.commit(*AgedUnit(100+i, time.Now(), AgedBody("in", 8000), AgedBody("out", 8000)))
	}
	v.restart() // nothing is held in memory
	v.age()
	for i := range n {
		id := fmt.Sprint("w", i)
		got, err := v.s.Received(v.ctx(), 1)
		if err != nil || len(got) != 1 || got[0].ID != id || !bytes.Equal(got[0].Raw, bodies[id]) {
			t.Fatalf("received %d messages instead of %s, or with another body: %v", len(got), id, err)
		}
		v.commit(queue.Unit{Message: &queue.MessageStep{ID: id, To: samvirke.MessageProcessed}})
		for _, original := range []bool{false, true} {
			l := v.lease("gp", 10, fmt.Sprint("d", id, original))[0]
			if l.Err != nil || !bytes.Equal(l.Body, bodies[l.ID]) {
				t.Fatalf("leased %s with %d bytes, %v", l.ID, len(l.Body), l.Err)
			}
			v.step(l.ID, l.Token, samvirke.DeliveryAcknowledged)
		}
	}
	v.leaseNothing("gp")
}

// testAgeWhileRead ages as fast as it can while everything is read again and again: a body that moves is never missed.
func testAgeWhileRead(t *testing.T, v *agingEnv) {
	const n = 30
	in, out := v.fill(n, 3000, 4000)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := w; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if err := CheckAged(context.Background(), v.s, i%n, in[i%n], out[i%n]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	v.age()
	close(done)
	wg.Wait()
	for i := range n {
		v.whole(i, in[i], out[i])
	}
}

// testAgeWhileErased erases persons and writes new envelopes while everything ages: what is gone does not come back, and what is
// written stays.
func testAgeWhileErased(t *testing.T, v *agingEnv) {
	const n = 40
	in, out := v.fill(n, 3000, 4000)
	if v.a.Settle != nil {
		v.a.Settle(t, v.s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		for ctx.Err() == nil {
			if _, err := v.a.Step(ctx, v.s, time.Now().Add(time.Hour)); err != nil && ctx.Err() == nil {
				t.Errorf("age: %v", err)
				return
			}
		}
	})
	for i := 0; i < n; i += 4 {
		if _, err := v.s.(queue.Eraser).Erase(t.Context(), queue.Erasure{Patients: []string{fmt.Sprint("urn:test|p", i)}}); err != nil {
			t.Fatal(err)
		}
		v.commit(queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: fmt.Sprintf("m%06d", i+1), Envelope: out[i+1][:len(out[i+1])/8]}})
	}
	cancel()
	wg.Wait()
	v.age()
	for i := range n {
		if i%4 == 0 {
			v.erased(i)
		} else {
			v.whole(i, in[i], out[i])
		}
	}
}

// testAgeLarge: bodies larger than a step age too, one at a time.
func testAgeLarge(t *testing.T, v *agingEnv) {
	in, out := v.fill(3, 3<<20, 5<<20)
	v.age()
	for i := range in {
		v.whole(i, in[i], out[i])
	}
}
