package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// view reads a stored plan.
func (r *rig) view(patient string) *careplan.Plan {
	r.t.Helper()
	p := &careplan.Plan{}
	if err := json.Unmarshal(r.plan(patient).Body, p); err != nil {
		r.t.Fatal(err)
	}
	return p
}

// openConflicts are the fields in open conflict.
func openConflicts(p *careplan.Plan) []string {
	var out []string
	if p.Shared != nil {
		for _, c := range p.Shared.Conflicts {
			if c.Status == "open" {
				out = append(out, fmt.Sprintf("%s of %d", c.Field, len(c.Candidates)))
			}
		}
	}
	return out
}

// TestTwoWritesOfTheSameVersionAreAConflict: both had seen the same, both wrote; neither is lost, and a person with the
// role settles it.
func TestTwoWritesOfTheSameVersionAreAConflict(t *testing.T) {
	r := newRig(t, func(r *rig) { r.cityParty.Roles = []string{samvirke.RoleCoordinator} })
	base := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{evaluationNode("2029-03-01")}})
	seen, err := r.g.SeenIn(t.Context(), key(1), base.PlanVersion)
	if err != nil || len(seen) != 1 {
		t.Fatal(seen, err)
	}
	var wg sync.WaitGroup
	for party, day := range map[string]string{"hospital": "2029-03-19", "city": "2029-03-26"} {
		wg.Go(func() {
			r.submit(gateway.Write{Party: party, Patient: person(1), Seen: seen, Resources: []*fhir.Node{evaluationNode(day)}})
		})
	}
	wg.Wait()
	p := r.view(key(1))
	if got := fmt.Sprint(openConflicts(p)); got != "[next-evaluation of 2]" {
		t.Fatalf("open conflicts %s in %s", got, r.plan(key(1)).Body)
	}
	if seen, err = r.g.SeenIn(t.Context(), key(1), 0); err != nil {
		t.Fatal(err)
	}
	r.submit(gateway.Write{Party: "city", Person: "Kari Prøvesen", Patient: person(1), Seen: seen, Resources: []*fhir.Node{
		fhir.NewObject("resourceType", "Task", "status", "completed", "intent", "order",
			"code", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", careplan.SystemTask, "code", careplan.TaskResolve))),
			"focus", fhir.NewObject("reference", "Flag/"+p.Shared.Conflicts[0].ID),
			"output", fhir.NewArray(fhir.NewObject("type", fhir.NewObject("text", "value"), "valueDateTime", "2029-03-19"))),
	}})
	if p = r.view(key(1)); len(openConflicts(p)) > 0 || p.Shared.Conflicts[0].Author != "Kari Prøvesen" {
		t.Errorf("after the decision: %+v", p.Shared.Conflicts)
	}
	r.truth(1)
}

// thatNight is a clock that begins just after the admissions of simulate: no limit of a plan has passed, so that
// nobody is told of one.
func thatNight() func() time.Time {
	start := time.Now()
	return func() time.Time { return time.Date(2026, 1, 10, 21, 45, 0, 0, time.UTC).Add(time.Since(start)) }
}

// acknowledge answers what the city was sent for a message.
func (r *rig) acknowledge(messageID string, p samvirke.Purpose) samvirke.Delivery {
	r.t.Helper()
	r.until("delivery sent", func() bool {
		ds := r.deliveries(messageID, p)
		return len(ds) == 1 && ds[0].State == samvirke.DeliverySent
	})
	d := r.one(messageID, p)
	ans := r.receive("city", appRec(uuid.NewString(), d.ExternalID, "1"))
	r.untilStatus(ans.MessageID, samvirke.MessageProcessed)
	return d
}

// seenRecords gives the receipt records of a patient.
func (r *rig) seenRecords(patient string) (out []careplan.Record) {
	for _, rec := range r.records(patient) {
		if rec.Kind == careplan.KindReceipt {
			out = append(out, rec)
		}
	}
	return out
}

// TestReceiptShowsWhatWasSeen: what the city acknowledged well before it wrote is overwritten by what it wrote; what
// it did not acknowledge is not.
func TestReceiptShowsWhatWasSeen(t *testing.T) {
	for _, acknowledged := range []bool{true, false} {
		t.Run(fmt.Sprint("acknowledged ", acknowledged), func(t *testing.T) {
			var ahead atomic.Int64
			r := newRig(t, func(r *rig) {
				r.cityParty.Accepts = []samvirke.Accept{{Format: "kith"}}
				clock := thatNight()
				r.now = func() time.Time { return clock().Add(time.Duration(ahead.Load())) }
				r.cityNotes = gateway.PlanChangesDialog
			})
			// The city takes part.
			id, _ := r.admitPerson(1)
			r.untilState(id, samvirke.DeliverySent)
			w := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{evaluationNode("2029-03-19")}})
			version := r.plan(key(1)).Version
			if acknowledged {
				r.acknowledge(w.MessageID, samvirke.PurposeNotice)
				rs := r.seenRecords(key(1))
				if len(rs) != 1 || fmt.Sprint(rs[0].Seen) != "["+w.Key+"]" || rs[0].Key.Sender != "8000011" {
					t.Fatalf("receipt records %+v", rs)
				}
				if v := r.plan(key(1)).Version; v != version {
					t.Errorf("the receipt took the plan from version %d to %d", version, v)
				}
				r.restart() // it is a record like any other
			}
			ahead.Store(int64(time.Hour))
			r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: []*fhir.Node{evaluationNode("2029-03-26")}})
			if got := openConflicts(r.view(key(1))); (len(got) == 0) != acknowledged {
				t.Errorf("open conflicts: %v", got)
			}
			r.truth(1)
		})
	}
}

// TestReceiptOfAnOrdinaryMessageIsNoRecord: nothing in it for which it matters.
func TestReceiptOfAnOrdinaryMessageIsNoRecord(t *testing.T) {
	r := newRig(t)
	id, _ := r.admitPerson(1)
	r.acknowledge(id, samvirke.PurposeForward)
	r.untilState(id, samvirke.DeliveryAcknowledged)
	if n := len(r.records(key(1))); n != 1 {
		t.Errorf("%d records, want that of the message", n)
	}
	// Also in a plan that holds something of the kind: it was not in that delivery.
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{evaluationNode("2029-03-19")}})
	second, _ := r.admitPerson(1)
	r.acknowledge(second, samvirke.PurposeForward)
	if rs := r.seenRecords(key(1)); len(rs) != 0 {
		t.Errorf("receipt records %+v", rs)
	}
}

// TestReceiptsAndWritesAtOnce: receipts change no version, and still no two units miss each other's record.
func TestReceiptsAndWritesAtOnce(t *testing.T) {
	r := newRig(t, func(r *rig) { r.cityNotes, r.now = gateway.PlanChangesDialog, thatNight() })
	r.city.script(func(_ int, d samvirke.Delivery) (connectors.Result, error) {
		return connectors.Result{Answer: "HTTP 200", ContentType: "application/xml", Body: appRec(uuid.NewString(), d.ExternalID, "1")}, nil
	})
	id, _ := r.admitPerson(1)
	r.untilState(id, samvirke.DeliveryAcknowledged)
	const n = 12
	var wg sync.WaitGroup
	write := func(i int) {
		r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{evaluationNode(fmt.Sprintf("2029-03-%02d", i+1))}})
	}
	write(0) // by itself: of the others, which are all made later, the first that is processed shows something new as well
	for i := 1; i < n; i++ {
		wg.Go(func() { write(i) })
	}
	wg.Wait()
	// A write that was made before another one and came after it shows nothing new: it has no note.
	notes := 0
	r.until("all notes acknowledged", func() bool {
		ds, err := r.store.Deliveries(t.Context(), queue.DeliveryFilter{Party: "city", Purpose: samvirke.PurposeNotice, Limit: queue.MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ds {
			if d.State != samvirke.DeliveryAcknowledged {
				return false
			}
		}
		notes = len(ds)
		return true
	})
	if rs := r.seenRecords(key(1)); len(rs) != notes || notes < 2 || notes > n {
		t.Errorf("%d receipt records, %d notes of %d writes", len(rs), notes, n)
	}
	r.truth(1)
	// What the gateway remembers is what is stored: the next message is folded with all of them.
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("et mål")}})
	r.truth(1)
	if !bytes.Contains(r.plan(key(1)).Body, []byte("et mål")) {
		t.Error("the last write is not in the plan")
	}
}
