package queuetest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// scanDir finds a text in the files of a store.
func (v *env) scanDir(text string) (found []string) {
	v.t.Helper()
	if v.e.Find != nil {
		return v.e.Find(v.t, v.dir, text)
	}
	err := filepath.WalkDir(v.dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the engine removes files of its own accord; what is gone holds nothing
		}
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && bytes.Contains(raw, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return found
}

const canary = "CANARYCANARY"

// person stores n processed messages about a patient with the canary in all that may name a person.
func (v *env) person(patient, prefix string, n int) {
	v.t.Helper()
	long := bytes.Repeat([]byte(canary), v.e.Features.LargeBody/len(canary)+2)
	for i := range n {
		id := prefix + strings.Repeat("i", i+1)
		m := message(id)
		m.Patient, m.ExternalID, m.Raw = patient, canary+id, append([]byte(canary+id), long[:i%2*len(long)]...)
		m.Checksum, m.Size = sum(m.Raw), int64(len(m.Raw))
		v.commit(queue.Unit{Accept: m})
		d := delivery("d"+id, id, "gp", patient)
		d.ExternalID, d.Body = canary+"out"+id, []byte(canary+id)
		at := v.tick()
		v.commit(queue.Unit{
			Now: at, Message: &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Fault: "odd", FaultText: canary, Envelope: []byte(canary), Notes: []byte(canary)},
			Records:    []queue.Record{{Key: canary + id, Hash: "h", Patient: patient, MessageID: id, Body: long}},
			Plan:       &queue.PlanStep{Patient: patient, Expect: int64(i), MessageID: id, Body: []byte(canary)},
			Dues:       []queue.DueStep{{Op: queue.DueSet, Patient: patient, ID: "due", At: at, Body: []byte(canary)}},
			Deliveries: []samvirke.Delivery{d}, Settings: map[string]string{"of/" + prefix: patient},
			Steps: []queue.DeliveryStep{{ID: d.ID, To: samvirke.DeliveryAcknowledged, FaultText: canary, Attempt: &samvirke.Attempt{Answer: canary, FaultText: canary}}},
			Receipts: []samvirke.Receipt{{ID: "r" + id, Direction: samvirke.Inbound, Party: "gp", MessageID: id, DeliveryID: d.ID, ExternalID: canary,
				ReceiptContent: samvirke.ReceiptContent{Status: samvirke.ReceiptPartial, OriginalID: canary, Errors: []samvirke.ReceiptError{{Code: "E10", Detail: canary}}}}},
			Events: []samvirke.Event{{MessageID: id, DeliveryID: d.ID, Patient: patient, Name: samvirke.EventRouted}, {Patient: patient, Name: samvirke.EventDue}},
			Audit:  []samvirke.Audit{{Who: "w", Action: "read-plan", Object: "o", Patient: patient, Reason: "r"}},
		})
	}
}

// testErase: nothing of an erased person is in any file; outcomes stay, and what comes again is known.
func testErase(t *testing.T, v *env) {
	const patient = "urn:test|" + canary
	v.person(patient, "x", 40)
	v.commit(queue.Unit{Accept: message("other"), Records: []queue.Record{{Key: "other", Hash: "h", Patient: "urn:test|other", MessageID: "other", Body: []byte("kept")}},
		Plan: &queue.PlanStep{Patient: "urn:test|other", Body: []byte("kept")}, Counters: []queue.CounterStep{{Name: "c"}}})
	e := queue.Erasure{Patients: []string{patient}, Settings: []string{"of/x"}, Counters: []string{"c"}}
	eraser := v.s.(queue.Eraser)
	if len(v.scanDir(canary)) == 0 {
		t.Fatal("the canary is in no file before, so this shows nothing")
	}
	for range 2 { // again is harmless
		if _, err := eraser.Erase(v.ctx(), e); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{canary, strings.ToLower(canary)} { // an index of words has small letters
			if found := v.scanDir(text); len(found) > 0 {
				t.Fatalf("%s left in %v", text, found)
			}
		}
	}
	if list := get[[]samvirke.Message](v)(v.s.Messages(v.ctx(), queue.MessageFilter{Text: canary})); len(list) > 0 {
		t.Errorf("%d messages are found by a word that was erased", len(list))
	}
	if _, err := v.s.Plan(v.ctx(), patient, 0); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("plan: %v", err)
	}
	if p := get[queue.PlanVersion](v)(v.s.Plan(v.ctx(), "urn:test|other", 0)); string(p.Body) != "kept" {
		t.Errorf("another plan is %q", p.Body)
	}
	if n := get[int64](v)(v.s.Counter(v.ctx(), "c")); n != 0 {
		t.Errorf("counter %d", n)
	}
	if err := v.s.VerifyAudit(v.ctx()); err != nil {
		t.Errorf("audit: %v", err)
	}
	if d := get[samvirke.Delivery](v)(v.s.FindDelivery(v.ctx(), "gp", canary+"outxi")); d.ID != "dxi" || d.State != samvirke.DeliveryAcknowledged {
		t.Errorf("found delivery %+v", d)
	}
	r := get[[]samvirke.Receipt](v)(v.s.Receipts(v.ctx(), queue.ReceiptFilter{MessageID: "xi"}))
	if len(r) != 1 || r[0].Status != samvirke.ReceiptPartial || len(r[0].Errors) != 1 || r[0].Errors[0].Code != "E10" || r[0].Errors[0].Detail != "" {
		t.Errorf("receipts %+v", r)
	}
	if gone := get[bool](v)(eraser.WasErased(v.ctx(), canary+"xi")); !gone {
		t.Error("an erased record is not known")
	}
	if gone := get[bool](v)(eraser.WasErased(v.ctx(), "other")); gone {
		t.Error("a kept record counts as erased")
	}
	v.restart()
	again := message("again")
	again.Patient, again.ExternalID, again.Raw = patient, canary+"xi", []byte(canary+"xi")
	again.Checksum, again.Size = sum(again.Raw), int64(len(again.Raw))
	if out := v.commit(queue.Unit{Accept: again}); !out.Duplicate || out.Existing.ID != "xi" {
		t.Errorf("a late duplicate: %+v", out)
	}
	if v.commit(queue.Unit{Plan: &queue.PlanStep{Patient: patient, Body: []byte("new")}}); get[queue.PlanVersion](v)(v.s.Plan(v.ctx(), patient, 0)).Version != 1 {
		t.Error("the next plan does not begin anew")
	}
	changes := get[[]queue.PlanChange](v)(v.s.PlanChanges(v.ctx(), 0, queue.MaxPage))
	if last := changes[len(changes)-1]; last.Patient != patient || last.Seq <= 41 {
		t.Errorf("the number %d of a change was given before", last.Seq)
	}
}

// testEraseUnderOthersMessage: what is about a person goes also where the message is about somebody else, and that one's stays.
func testEraseUnderOthersMessage(t *testing.T, v *env) {
	const patient = "urn:test|" + canary
	u := queue.Unit{Accept: message("m"), Message: &queue.MessageStep{ID: "m", To: samvirke.MessageProcessed}}
	gone := delivery("b", "m", "gp", patient)
	gone.ExternalID, gone.Body, gone.Checksum, gone.Size = canary+"out", []byte(canary), "", 0
	u.Deliveries = []samvirke.Delivery{delivery("a", "m", "gp", "urn:test|kept"), gone}
	u.Steps = []queue.DeliveryStep{{ID: "b", To: samvirke.DeliveryGivenUp, Fault: "f", FaultText: canary, Attempt: &samvirke.Attempt{Fault: "f", FaultText: canary}}}
	for i, of := range []string{"a", "b"} {
		detail := []string{"kept", canary}[i]
		u.Receipts = append(u.Receipts, samvirke.Receipt{ID: "r" + of, MessageID: "m", DeliveryID: of, Party: "gp", ExternalID: detail, ReceiptContent: samvirke.ReceiptContent{
			OriginalID: detail, Errors: []samvirke.ReceiptError{{Code: "E10", Detail: detail}}}})
	}
	v.commit(u)
	if len(v.scanDir(canary)) == 0 {
		t.Fatal("the canary is in no file before, so this shows nothing")
	}
	out, err := v.s.(queue.Eraser).Erase(v.ctx(), queue.Erasure{Patients: []string{patient}})
	if err != nil || out.Deliveries != 1 || out.Messages != 0 {
		t.Errorf("erased %+v, %v", out, err)
	}
	if left := v.scanDir(canary); len(left) > 0 {
		t.Errorf("left in %v", left)
	}
	if m := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "m")); len(m.Raw) == 0 || m.Patient == "" {
		t.Errorf("the other message: %+v", m)
	}
	if d := get[samvirke.Delivery](v)(v.s.FindDelivery(v.ctx(), "gp", canary+"out")); d.ID != "b" || d.State != samvirke.DeliveryGivenUp || d.Fault != "f" {
		t.Errorf("found %+v", d)
	}
	for _, r := range get[[]samvirke.Receipt](v)(v.s.Receipts(v.ctx(), queue.ReceiptFilter{MessageID: "m"})) {
		if kept := r.DeliveryID == "a"; kept != (r.OriginalID == "kept") || len(r.Errors) != 1 || r.Errors[0].Code != "E10" || kept != (r.Errors[0].Detail == "kept") {
			t.Errorf("receipt %+v", r)
		}
	}
}

// testRetain: bodies and audit entries go when their time is over, and nothing else does.
func testRetain(t *testing.T, v *env) {
	v.person("urn:test|p", "x", 5)
	v.enqueue("gp", "urn:test|q", "open")
	keeper := v.s.(queue.Retainer)
	at := v.tick().Add(time.Hour)
	dropped := 0
	for after := int64(0); ; {
		n, next, err := keeper.DropPayloads(v.ctx(), at, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if dropped += n; next == 0 {
			break
		}
		after = next
	}
	if dropped != 5 {
		t.Errorf("%d bodies dropped, want 5", dropped)
	}
	m := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "xi"))
	if len(m.Raw) != 0 || m.Patient != "urn:test|p" || string(m.Envelope) != canary {
		t.Errorf("message %+v", m)
	}
	if m := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "m-open")); len(m.Raw) == 0 {
		t.Error("the body of a message under way went")
	}
	if x := v.lease("gp", 1, "open"); len(x[0].Body) == 0 {
		t.Error("a delivery under way has no body")
	}
	if n, err := keeper.DropAudits(v.ctx(), at, 3); n != 3 || err != nil {
		t.Errorf("%d audit entries dropped, %v", n, err)
	}
	if list := get[[]samvirke.Audit](v)(v.s.Audits(v.ctx(), 0, 10)); len(list) != 2 {
		t.Errorf("%d audit entries left, want 2", len(list))
	}
	v.restart()
	if err := v.s.VerifyAudit(v.ctx()); err != nil {
		t.Errorf("audit: %v", err)
	}
}

// testEraseHeldLane: an erased delivery cannot be sent again, so it holds up nobody: neither what is behind it nor, as its lane
// names no patient any more, what is about none.
func testEraseHeldLane(t *testing.T, v *env) {
	v.enqueue("gp", "p", "a", "b")
	x := v.lease("gp", 10, "a")
	v.step("a", x[0].Token, samvirke.DeliveryStopped, hold)
	v.leaseNothing("gp")
	out, err := v.s.(queue.Eraser).Erase(v.ctx(), queue.Erasure{Patients: []string{"p"}})
	if err != nil || out.Deliveries != 1 {
		t.Fatalf("erased %+v, %v", out, err)
	}
	x = v.lease("gp", 10, "b")
	v.step("b", x[0].Token, samvirke.DeliverySent)
	v.restart()
	v.enqueue("gp", "", "c")
	x = v.lease("gp", 10, "c")
	v.step("c", x[0].Token, samvirke.DeliverySent)
	v.leaseNothing("gp")
}

// testEraseNoted: an erasure whose note is gone was done by another one, so it takes nothing of what came since.
func testEraseNoted(t *testing.T, v *env) {
	const patient, note = "urn:test|noted", "erasure/n"
	eraser := v.s.(queue.Eraser)
	e := queue.Erasure{Patients: []string{patient}, Settings: []string{note}, Note: note}
	put := func() {
		v.t.Helper()
		v.commit(queue.Unit{Plan: &queue.PlanStep{Patient: patient, Body: []byte("{}")}})
	}
	put()
	if _, err := eraser.Erase(v.ctx(), e); !errors.Is(err, queue.ErrErased) {
		t.Errorf("without its note: %v", err)
	}
	get[queue.PlanVersion](v)(v.s.Plan(v.ctx(), patient, 0))
	v.commit(queue.Unit{Settings: map[string]string{note: "{}"}})
	if _, err := eraser.Erase(v.ctx(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := v.s.Plan(v.ctx(), patient, 0); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("plan: %v", err)
	}
	put()
	if _, err := eraser.Erase(v.ctx(), e); !errors.Is(err, queue.ErrErased) {
		t.Errorf("a second time: %v", err)
	}
	get[queue.PlanVersion](v)(v.s.Plan(v.ctx(), patient, 0))
}

// testWipeLeavesLater: a wipe blanks what names people who were erased before it, and not what came of them since.
func testWipeLeavesLater(t *testing.T, v *env) {
	const one = "urn:test|one"
	come := func(id string) {
		v.t.Helper()
		m := message(id)
		m.Patient = one
		v.commit(queue.Unit{Accept: m, Events: []samvirke.Event{{MessageID: id, Patient: one, Name: samvirke.EventReceived}},
			Audit: []samvirke.Audit{{Who: "admin", Action: "view", Object: id, Patient: one}}})
		v.commit(queue.Unit{Message: &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Patient: one},
			Plan: &queue.PlanStep{Patient: one, Body: []byte("{}")}})
	}
	names := func(id string) string {
		v.t.Helper()
		out := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), id)).Patient
		for _, e := range get[[]samvirke.Event](v)(v.s.Events(v.ctx(), queue.EventFilter{MessageID: id})) {
			out += " " + e.Patient
		}
		for _, a := range get[[]samvirke.Audit](v)(v.s.Audits(v.ctx(), 0, 100)) {
			if a.Object == id {
				out += " " + a.Patient
			}
		}
		return out
	}
	come("before")
	eraser := v.s.(queue.Eraser)
	if _, err := eraser.Erase(v.ctx(), queue.Erasure{Patients: []string{one}, Unwiped: true}); err != nil {
		t.Fatal(err)
	}
	come("since")
	for range 2 { // again is harmless
		if err := eraser.Wipe(v.ctx()); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(names("before")); got != "" {
			t.Errorf("what was erased names %q", got)
		}
		if got, want := names("since"), one+" "+one+" "+one; got != want {
			t.Errorf("what came since names %q, want %q", got, want)
		}
	}
	if err := v.s.VerifyAudit(v.ctx()); err != nil {
		t.Error(err)
	}
}
