package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// linkNode says that person a and person b are one.
func linkNode(a, b int) *fhir.Node {
	return fhir.NewObject("resourceType", "Patient",
		"identifier", fhir.NewArray(fhir.IdentifierNode(person(a))),
		"link", fhir.NewArray(fhir.NewObject("type", "seealso", "other", fhir.NewObject("identifier", fhir.IdentifierNode(person(b))))))
}

// shown is what readers see of a stored plan.
func (r *rig) shown(patient string) string {
	r.t.Helper()
	var p careplan.Plan
	if err := json.Unmarshal(r.plan(patient).Body, &p); err != nil {
		r.t.Fatal(err)
	}
	sum := p.Shown()
	return fmt.Sprintf("%x", sum)
}

// truth holds the stored plans against what all records give.
func (r *rig) truth(persons ...int) {
	r.t.Helper()
	var all []careplan.Record
	for _, n := range persons {
		rows, err := r.store.Records(r.t.Context(), key(n))
		if err != nil {
			r.t.Fatal(err)
		}
		for _, row := range rows {
			rec, err := careplan.ParseRecord(row.Body)
			if err != nil {
				r.t.Fatal(err)
			}
			all = append(all, rec)
		}
	}
	for _, n := range persons {
		want := careplan.FoldWith(all, careplan.Options{Subject: key(n)}).AppendJSON(nil)
		if got := r.plan(key(n)).Body; string(got) != string(want) {
			r.t.Errorf("plan of person %d is stored as\n%s\nwant\n%s", n, got, want)
		}
	}
}

func identityRig(t *testing.T, change ...func(*rig)) *rig {
	return newRig(t, append(change, func(r *rig) {
		r.cityParty.Roles = append(r.cityParty.Roles, samvirke.RoleIdentityAuthority)
	})...)
}

// TestLinkAndUnlinkBringBothPlansUpToDate: one message, both plans; taken back, each is what it was.
func TestLinkAndUnlinkBringBothPlansUpToDate(t *testing.T) {
	r := identityRig(t)
	one, _ := r.admit(simulate.Admission{Person: 1, Remark: "no 1"})
	two, _ := r.admit(simulate.Admission{Person: 2, Remark: "no 2"})
	r.untilStatus(one, samvirke.MessageProcessed)
	r.untilStatus(two, samvirke.MessageProcessed)
	before := [2]string{r.shown(key(1)), r.shown(key(2))}
	versions := [2]int64{r.plan(key(1)).Version, r.plan(key(2)).Version}

	link := r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: []*fhir.Node{linkNode(1, 2)}})
	if v := r.plan(key(2)); v.Version != versions[1]+1 || v.MessageID != link.MessageID {
		t.Fatalf("the other plan is at version %d of message %s", v.Version, v.MessageID)
	}
	if string(r.plan(key(1)).Body) != string(r.plan(key(2)).Body) {
		t.Errorf("linked plans differ:\n%s\n%s", r.plan(key(1)).Body, r.plan(key(2)).Body)
	}
	r.truth(1, 2)

	// A message about either changes both, also after a restart.
	r.restart()
	third, _ := r.admit(simulate.Admission{Person: 2, Remark: "no 3", EventAt: "2026-02-10T10:00:00"})
	r.untilStatus(third, samvirke.MessageProcessed)
	if v := r.plan(key(1)); v.Version != versions[0]+2 || string(v.Body) != string(r.plan(key(2)).Body) {
		t.Errorf("plan of person 1 is at version %d, want %d and the same as that of person 2", v.Version, versions[0]+2)
	}
	r.truth(1, 2)
	cancel, _ := r.admit(simulate.Admission{Person: 2, Op: "C", Parent: r.message(third).ExternalID})
	r.untilStatus(cancel, samvirke.MessageProcessed)

	r.submit(gateway.Write{Party: "city", Patient: person(1), Op: samvirke.OpCancel, Parent: link.ExternalID, Conversation: link.ExternalID})
	for i, want := range before {
		if got := r.shown(key(i + 1)); got != want {
			t.Errorf("plan of person %d shows something else than before the link", i+1)
		}
	}
	r.truth(1, 2)
	// Apart again: a message about one leaves the other as it is.
	version := r.plan(key(1)).Version
	fourth, _ := r.admit(simulate.Admission{Person: 2, Remark: "no 4", EventAt: "2026-03-10T10:00:00"})
	r.untilStatus(fourth, samvirke.MessageProcessed)
	if v := r.plan(key(1)).Version; v != version {
		t.Errorf("a message about person 2 took the plan of person 1 from version %d to %d", version, v)
	}
	r.truth(1, 2)
}

// TestUnlinkGivesTheVeryBytes: the plan of who is not the subject of the link is what it was to the byte.
func TestUnlinkGivesTheVeryBytes(t *testing.T) {
	r := identityRig(t)
	one, _ := r.admit(simulate.Admission{Person: 1})
	two, _ := r.admit(simulate.Admission{Person: 2})
	r.untilStatus(one, samvirke.MessageProcessed)
	r.untilStatus(two, samvirke.MessageProcessed)
	was := r.plan(key(2)).Body
	link := r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: []*fhir.Node{linkNode(1, 2)}})
	if string(r.plan(key(2)).Body) == string(was) {
		t.Fatal("the link had no effect: the test shows nothing")
	}
	r.restart()
	// The withdrawal may name either of the two.
	r.submit(gateway.Write{Party: "city", Patient: person(2), Op: samvirke.OpCancel, Parent: link.ExternalID, Conversation: link.ExternalID})
	if got := r.plan(key(2)).Body; string(got) != string(was) {
		t.Errorf("plan after the withdrawal\n%s\nbefore the link\n%s", got, was)
	}
	r.truth(1, 2)
}

// TestLinkWithSomebodyUnknown: an identifier without messages of its own gets the plan, and what comes later under it
// finds its way.
func TestLinkWithSomebodyUnknown(t *testing.T) {
	r := identityRig(t)
	one, _ := r.admit(simulate.Admission{Person: 1})
	r.untilStatus(one, samvirke.MessageProcessed)
	r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: []*fhir.Node{linkNode(1, 2)}})
	if string(r.plan(key(1)).Body) != string(r.plan(key(2)).Body) {
		t.Error("linked plans differ")
	}
	id := r.g.PlanID(key(2))
	if name, err := r.store.Setting(t.Context(), gateway.PlanSetting(id)); err != nil || name != key(2) {
		t.Errorf("the new plan's id leads to nobody: %v", err)
	}
	r.restart()
	two, _ := r.admit(simulate.Admission{Person: 2, EventAt: "2026-02-10T10:00:00"})
	r.untilStatus(two, samvirke.MessageProcessed)
	r.truth(1, 2)
	// A third one joins through the second: all three are one.
	r.submit(gateway.Write{Party: "city", Patient: person(3), Resources: []*fhir.Node{linkNode(3, 2)}})
	r.truth(1, 2, 3)
	if string(r.plan(key(1)).Body) != string(r.plan(key(3)).Body) {
		t.Error("the plan of who is linked through another differs")
	}
}

// TestLinkWithoutAuthorityHasNoEffect: neither on the plans nor on what is read with them.
func TestLinkWithoutAuthorityHasNoEffect(t *testing.T) {
	r := identityRig(t)
	two, _ := r.admit(simulate.Admission{Person: 2})
	r.untilStatus(two, samvirke.MessageProcessed)
	was := r.plan(key(2))
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{linkNode(1, 2)}})
	if v := r.plan(key(2)); v.Version != was.Version || string(v.Body) != string(was.Body) {
		t.Error("the plan of the other changed")
	}
	if s, err := r.store.Setting(t.Context(), gateway.TraitsSetting(r.g.PlanID(key(2)))); err != nil || s != "" {
		t.Errorf("traits are %q, %v", s, err)
	}
	// A person with a name may.
	r.submit(gateway.Write{Party: "hospital", Person: "Kari Prøvesen", Patient: person(1), Resources: []*fhir.Node{linkNode(1, 2)}})
	if string(r.plan(key(1)).Body) != string(r.plan(key(2)).Body) {
		t.Error("linked plans differ")
	}
}

// TestMessagesOfLinkedPeopleAtOnce: whatever runs side by side, the plans are what all records give.
func TestMessagesOfLinkedPeopleAtOnce(t *testing.T) {
	r := identityRig(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			w := gateway.Write{Party: "hospital", Patient: person(1 + i%3), Resources: []*fhir.Node{goalNode(fmt.Sprint("mål ", i))}}
			switch i {
			case 5:
				w.Party, w.Patient, w.Resources = "city", person(1), []*fhir.Node{linkNode(1, 2)}
			case 9:
				w.Party, w.Patient, w.Resources = "city", person(3), []*fhir.Node{linkNode(3, 2)}
			}
			if res, err := r.g.Submit(t.Context(), w); err != nil || res.Status != samvirke.MessageProcessed {
				t.Errorf("write %d: %+v, %v", i, res, err)
			}
		})
	}
	wg.Wait()
	r.truth(1, 2, 3)
}

// TestTooManyLinked: a closure has a bound; what goes over it waits for a person and changes nothing.
func TestTooManyLinked(t *testing.T) {
	r := identityRig(t)
	for n := 1; n < 32; n++ {
		r.submit(gateway.Write{Party: "city", Patient: person(0), Resources: []*fhir.Node{linkNode(0, n)}})
	}
	res, err := r.g.Submit(t.Context(), gateway.Write{Party: "city", Patient: person(0), Resources: []*fhir.Node{linkNode(0, 32)}})
	if err != nil || res.Status != samvirke.MessageAttention || res.Fault == nil || res.Fault.Code != "too-many-linked" {
		t.Errorf("result %+v %v, %v", res, res.Fault, err)
	}
	if _, err := r.store.Plan(t.Context(), key(32), 0); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("the 33rd has a plan: %v", err)
	}
}

// TestLinkIsProcessedAfterACrash: kept and not processed, then the process ends; both plans are there after the start.
func TestLinkIsProcessedAfterACrash(t *testing.T) {
	r := identityRig(t)
	one, _ := r.admit(simulate.Admission{Person: 1})
	two, _ := r.admit(simulate.Admission{Person: 2})
	r.untilStatus(one, samvirke.MessageProcessed)
	r.untilStatus(two, samvirke.MessageProcessed)
	r.g.Stop()
	res, err := r.g.Submit(t.Context(), gateway.Write{Party: "city", Patient: person(1), ID: uuid.NewString(), At: r.message(one).ReceivedAt, Resources: []*fhir.Node{linkNode(1, 2)}})
	if err != nil || !res.IsPending() {
		t.Fatalf("result %+v, %v", res, err)
	}
	r.restart()
	r.untilStatus(res.MessageID, samvirke.MessageProcessed)
	r.truth(1, 2)
	if string(r.plan(key(1)).Body) != string(r.plan(key(2)).Body) {
		t.Error("linked plans differ")
	}
}
