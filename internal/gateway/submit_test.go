package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

func person(n int) samvirke.Identifier {
	return fhir.NewIdentifier(fhir.TypeFNR, simulate.PersonNumber(n))
}

func key(n int) string { return person(n).Key() }

// goalNode is a goal in a party's own words.
func goalNode(text string) *fhir.Node {
	return fhir.NewObject("resourceType", "Goal", "lifecycleStatus", "active", "description", fhir.NewObject("text", text))
}

// evaluationNode is the master plan with its next evaluation: a field that several write.
func evaluationNode(day string) *fhir.Node {
	return fhir.NewObject("resourceType", "CarePlan", "status", "active", "intent", "plan", "extension", fhir.NewArray(
		fhir.NewObject("url", fhir.ExtBase+"StructureDefinition/next-evaluation", "valueDateTime", day)))
}

// submit writes and wants the write processed.
func (r *rig) submit(w gateway.Write) gateway.Result {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	res, err := r.g.Submit(ctx, w)
	if err != nil || res.Fault != nil || res.Status != samvirke.MessageProcessed {
		r.t.Fatalf("submit: %+v, fault %v, %v", res, res.Fault, err)
	}
	return res
}

// records gives the records of a patient by key.
func (r *rig) records(patient string) map[string]careplan.Record {
	r.t.Helper()
	rows, err := r.store.Records(r.t.Context(), patient)
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]careplan.Record{}
	for _, row := range rows {
		rec, err := careplan.ParseRecord(row.Body)
		if err != nil {
			r.t.Fatal(err)
		}
		out[rec.Key.String()] = rec
	}
	return out
}

func (r *rig) plan(patient string) queue.PlanVersion {
	r.t.Helper()
	v, err := r.store.Plan(r.t.Context(), patient, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

func TestWriteBecomesAVersionOfThePlan(t *testing.T) {
	r := newRig(t, func(r *rig) { r.cityParty.Roles = []string{samvirke.RoleCoordinator} })
	first := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("gå 200 meter"), evaluationNode("2029-03-19")}})
	if first.PlanVersion != 1 || !first.Changed || first.Key == "" || first.Patient != key(1) {
		t.Errorf("result is %+v", first)
	}
	seen, err := r.g.SeenIn(t.Context(), key(1), first.PlanVersion)
	if err != nil || len(seen) != 1 || seen[0] != first.Key {
		t.Fatalf("seen in version 1: %v, %v; want %s", seen, err, first.Key)
	}
	second := r.submit(gateway.Write{Party: "city", Person: "Kari Prøvesen", Patient: person(1), Seen: seen, Resources: []*fhir.Node{goalNode("klare trappen")}})
	if second.PlanVersion != 2 || !bytes.Contains(r.plan(key(1)).Body, []byte("klare trappen")) {
		t.Errorf("second result %+v, plan %s", second, r.plan(key(1)).Body)
	}
	all := r.records(key(1))
	if got := all[first.Key]; len(got.Seen) != 0 || len(got.Roles) != 0 || got.Author != "" {
		t.Errorf("the hospital's record has seen %v, roles %v, author %q", got.Seen, got.Roles, got.Author)
	}
	got := all[second.Key]
	if fmt.Sprint(got.Seen) != fmt.Sprint(seen) || fmt.Sprint(got.Roles) != "[coordinator person]" || got.Author != "Kari Prøvesen" {
		t.Errorf("the person's record has seen %v, roles %v, author %q", got.Seen, got.Roles, got.Author)
	}
	cancel := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Op: samvirke.OpCancel, Parent: first.ExternalID, Conversation: first.ExternalID})
	if cancel.PlanVersion != 3 || bytes.Contains(r.plan(key(1)).Body, []byte("gå 200 meter")) {
		t.Errorf("after the withdrawal, version %d: %s", cancel.PlanVersion, r.plan(key(1)).Body)
	}
}

// TestClaimsOfAPartyDoNotCount: what only this gateway may say of an author is not believed when it stands in a
// message that a party sends, and a party cannot pass its message off as a write.
func TestClaimsOfAPartyDoNotCount(t *testing.T) {
	r := newRig(t)
	w := gateway.Write{
		Party: "hospital", Person: "Ola Prøvesen", Roles: []string{"coordinator", "identity-authority", "person"}, Patient: person(1),
		ID: uuid.NewString(), At: time.Now(), Seen: []string{"a/b"}, Resources: []*fhir.Node{goalNode("et mål")},
	}
	b, err := gateway.NewWrite(w, samvirke.Address{Levels: []samvirke.AddressLevel{{
		Kind: "organisation", Name: "Fjordby sykehus", IDs: []samvirke.Identifier{fhir.NewIdentifier(fhir.TypeHER, simulate.AdmissionHospital)},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b.Bytes(), []byte(`"a/b"`)) {
		t.Fatal("the message claims nothing: the test shows nothing")
	}
	ans, err := r.g.Receive(t.Context(), connectors.Incoming{
		Party: "hospital", Body: b.Bytes(), Size: int64(len(b.Bytes())), ContentType: "application/fhir+json; samvirke-write=1",
	})
	if err != nil || ans.Fault != nil {
		t.Fatal(err, ans.Fault)
	}
	r.untilStatus(ans.MessageID, samvirke.MessageProcessed)
	all := r.records(key(1))
	if len(all) != 1 {
		t.Fatalf("%d records", len(all))
	}
	for _, rec := range all {
		if len(rec.Seen)+len(rec.Roles) > 0 {
			t.Errorf("record has seen %v, roles %v", rec.Seen, rec.Roles)
		}
	}
	if m := r.message(ans.MessageID); strings.Contains(m.ContentType, "samvirke-write") {
		t.Errorf("the mark of a write came from outside: %q", m.ContentType)
	}
}

func TestSameWriteTwiceHasOneEffect(t *testing.T) {
	r := newRig(t)
	w := gateway.Write{Party: "hospital", Patient: person(1), ID: uuid.NewString(), At: time.Now(), Resources: []*fhir.Node{goalNode("et mål")}}
	first := r.submit(w)
	second := r.submit(w)
	if !second.Duplicate || second.MessageID != first.MessageID || second.PlanVersion != first.PlanVersion || second.Key != first.Key {
		t.Errorf("first %+v\nsecond %+v", first, second)
	}
	w.Resources = []*fhir.Node{goalNode("et annet mål")}
	res, err := r.g.Submit(t.Context(), w)
	if err != nil || res.Fault == nil || res.Fault.Code != "message-id-reused" || res.Status != samvirke.MessageQuarantined {
		t.Errorf("other content under the same id: %+v, %v", res, err)
	}
	if v := r.plan(key(1)); v.Version != 1 {
		t.Errorf("plan is at version %d", v.Version)
	}
}

func TestManyWritesAtOnceAreAllTold(t *testing.T) {
	r := newRig(t)
	const n = 24
	var wg sync.WaitGroup
	results := make([]gateway.Result, n)
	for i := range n {
		wg.Go(func() {
			res, err := r.g.Submit(t.Context(), gateway.Write{Party: "hospital", Patient: person(i % 3), Resources: []*fhir.Node{goalNode(fmt.Sprint("mål ", i))}})
			if err != nil {
				t.Error(err)
			}
			results[i] = res
		})
	}
	wg.Wait()
	had := map[string]bool{}
	for i, res := range results {
		at := fmt.Sprint(res.Patient, res.PlanVersion)
		if res.Status != samvirke.MessageProcessed || res.PlanVersion == 0 || had[at] {
			t.Errorf("write %d: %+v", i, res)
		}
		had[at] = true
	}
	for p := range 3 {
		if v := r.plan(key(p)); v.Version != n/3 {
			t.Errorf("plan of person %d is at version %d, want %d", p, v.Version, n/3)
		}
	}
}

// TestWriteOutlivesTheProcess: a write whose writer was not told is there, and processed, after a restart.
func TestWriteOutlivesTheProcess(t *testing.T) {
	r := newRig(t)
	r.g.Stop() // takes and stores, processes no more
	w := gateway.Write{Party: "hospital", Person: "Kari Prøvesen", Patient: person(1), Seen: []string{"x/y"}, Resources: []*fhir.Node{goalNode("et mål")}}
	res, err := r.g.Submit(t.Context(), w)
	if err != nil || !res.IsPending() || res.MessageID == "" || res.Fault != nil {
		t.Fatalf("result %+v, %v", res, err)
	}
	r.restart()
	r.untilStatus(res.MessageID, samvirke.MessageProcessed)
	rec, ok := r.records(key(1))[res.Key]
	if !ok || fmt.Sprint(rec.Seen) != "[x/y]" || fmt.Sprint(rec.Roles) != "[person]" {
		t.Errorf("record %v: seen %v, roles %v", ok, rec.Seen, rec.Roles)
	}
}

func TestWriteStopsWaitingWhenItsTimeIsOver(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.g.Submit(ctx, gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("et mål")}})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestWritesThatCannotBe(t *testing.T) {
	r := newRig(t)
	good := gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("et mål")}}
	for _, c := range []struct {
		code   string
		change func(*gateway.Write)
	}{
		{"unknown-party", func(w *gateway.Write) { w.Party = "nobody" }},
		{"sender-mismatch", func(w *gateway.Write) { w.HER = simulate.AdmissionCity }},
		{"no-patient", func(w *gateway.Write) { w.Patient = samvirke.Identifier{} }},
		{"no-content", func(w *gateway.Write) { w.Resources = nil }},
		{"no-parent", func(w *gateway.Write) { w.Op = samvirke.OpChange }},
		{"unknown-op", func(w *gateway.Write) { w.Op, w.Parent = "Q", "x" }},
		{"no-time", func(w *gateway.Write) { w.ID = uuid.NewString() }},
		{"bad-entry", func(w *gateway.Write) { w.Resources = []*fhir.Node{fhir.NewObject("a", "b")} }},
		{"too-many-entries", func(w *gateway.Write) {
			for range gateway.MaxResources {
				w.Resources = append(w.Resources, goalNode("x"))
			}
		}},
		{"too-many-seen", func(w *gateway.Write) { w.Seen = make([]string, gateway.MaxSeen+1) }},
	} {
		w := good
		c.change(&w)
		_, err := r.g.Submit(t.Context(), w)
		var f *samvirke.Fault
		if !errors.As(err, &f) || f.Code != c.code || !errors.Is(err, gateway.ErrWrite) {
			t.Errorf("want %s, got %v", c.code, err)
		}
	}
	// What only the format can tell is told by the result, and the message is kept as any refused one is.
	w := good
	w.Patient = samvirke.Identifier{Type: fhir.TypeFNR, Value: "12345678901"}
	res, err := r.g.Submit(t.Context(), w)
	if err != nil || res.Fault == nil || res.Fault.Class != samvirke.Invalid || res.Status != samvirke.MessageRefused {
		t.Errorf("a wrong person number: %+v %v, %v", res, res.Fault, err)
	}
}
