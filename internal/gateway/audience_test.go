package gateway_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

const (
	herGP      = "8000099"
	herPrivate = "8000077"
)

// noticed is a party that reads notices only.
func noticed(id, role, her string, w *wire, roles ...string) gateway.Party {
	return gateway.Party{Sender: w, Party: samvirke.Party{
		ID: id, Name: id, Role: role, HER: []string{her}, Roles: roles, Accepts: []samvirke.Accept{{Format: "fhir-notification"}},
	}}
}

// teamNode says who takes part, from when to when.
func teamNode(her, operation, start, end string) *fhir.Node {
	period := fhir.NewObject()
	period.SetText("start", start)
	period.SetText("end", end)
	part := fhir.NewObject("member", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemHER, "value", her)),
		"extension", fhir.NewArray(fhir.NewObject("url", fhir.ExtBase+"StructureDefinition/operation", "valueCode", operation)))
	if len(period.Keys()) > 0 {
		part.Set("period", period)
	}
	return fhir.NewObject("resourceType", "CareTeam", "status", "active", "participant", fhir.NewArray(part))
}

// told counts the notices that a party was sent about a patient.
func (r *rig) told(party, patient string) int {
	r.t.Helper()
	ds, err := r.store.Deliveries(r.t.Context(), queue.DeliveryFilter{Party: party, Patient: patient, Purpose: samvirke.PurposeNotice, Limit: queue.MaxPage})
	if err != nil {
		r.t.Fatal(err)
	}
	n, err := r.store.Counter(r.t.Context(), gateway.NoticeCounter(party, patient))
	if err != nil || int(n) != len(ds) {
		r.t.Errorf("%d notices, the counter says %d, %v", len(ds), n, err)
	}
	return len(ds)
}

// audienceRig has a coordinating city, a GP and a private provider who read notices.
func audienceRig(t *testing.T) (r *rig, gp, private *wire) {
	gp, private = &wire{}, &wire{}
	r = newRig(t, func(r *rig) {
		r.cityParty.Roles, r.now = []string{samvirke.RoleCoordinator}, thatNight()
		r.more = []gateway.Party{noticed("gp", "gp", herGP, gp), noticed("private", "other", herPrivate, private, samvirke.RolePrivateProvider)}
	})
	return r, gp, private
}

// join takes a party into the team.
func (r *rig) join(her, start, end string) gateway.Result {
	return r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: []*fhir.Node{teamNode(her, "add", start, end)}})
}

// TestMembersAreToldWithoutARule: who takes part is told of what they see, once; nobody else is.
func TestMembersAreToldWithoutARule(t *testing.T) {
	r, _, _ := audienceRig(t)
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("gå 200 meter")}})
	if n := r.told("gp", key(1)); n != 0 {
		t.Fatalf("who takes no part was told %d times", n)
	}
	res := r.join(herGP, "2026-01-01", "")
	if n := r.told("gp", key(1)); n != 1 {
		t.Fatalf("who joins was told %d times, want once", n)
	}
	if d := r.one(res.MessageID, samvirke.PurposeNotice); d.Rule != "plan-member" || d.Format != "fhir-notification" {
		t.Errorf("delivery %+v", d)
	}
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("klare trappen")}})
	if n := r.told("gp", key(1)); n != 2 {
		t.Errorf("a member was told %d times, want twice", n)
	}
	if n := r.told("private", key(1)); n != 0 {
		t.Errorf("who takes no part was told %d times", n)
	}
	// Nothing new for anybody: no event.
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{
		fhir.NewObject("resourceType", "CareTeam", "status", "active")}})
	if n := r.told("gp", key(1)); n != 2 {
		t.Errorf("a message that shows nothing new was told: %d", n)
	}
}

// TestWhoLeavesIsToldThatAndNothingAfter: and may join again.
func TestWhoLeavesIsToldThatAndNothingAfter(t *testing.T) {
	r, _, _ := audienceRig(t)
	joined := r.join(herGP, "2026-01-01", "")
	was := r.told("gp", key(1))
	seen, err := r.g.SeenIn(t.Context(), key(1), joined.PlanVersion)
	if err != nil {
		t.Fatal(err)
	}
	r.submit(gateway.Write{Party: "city", Patient: person(1), Seen: seen, Resources: []*fhir.Node{teamNode(herGP, "remove", "", "2026-01-08")}})
	if n := r.told("gp", key(1)); n != was+1 {
		t.Fatalf("who leaves was told %d times, want %d", n, was+1)
	}
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("gå 200 meter")}})
	if n := r.told("gp", key(1)); n != was+1 {
		t.Errorf("who left was told of what came after: %d", n)
	}
	r.join(herGP, "2026-01-09", "")
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("klare trappen")}})
	if n := r.told("gp", key(1)); n != was+3 {
		t.Errorf("who joined again was told %d times, want %d", n, was+3)
	}
}

// TestWhatIsWithheldIsNotTold: S7. The patient objects to forwarding; who is not addressed sees and is told nothing.
func TestWhatIsWithheldIsNotTold(t *testing.T) {
	r, _, _ := audienceRig(t)
	r.join(herGP, "2026-01-01", "")
	was := r.told("gp", key(1))
	objection := fhir.NewObject("resourceType", "Consent", "status", "active",
		"scope", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", "http://terminology.hl7.org/CodeSystem/consentscope", "code", "patient-privacy"))),
		"category", fhir.NewArray(fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.SystemSection, "code", "ForbeholdOmVideresending")))),
		"provision", fhir.NewObject("type", "deny"))
	hidden := gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("et skjult mål"), objection}}
	res := r.submit(hidden)
	if !res.Changed {
		t.Fatal("nobody sees anything new: the test shows nothing")
	}
	if n := r.told("gp", key(1)); n != was {
		t.Errorf("told of what is withheld: %d, was %d", n, was)
	}
	// Who is addressed is told all the same.
	hidden.Resources[0] = goalNode("et annet skjult mål")
	hidden.To = []samvirke.Address{{Levels: []samvirke.AddressLevel{{Kind: "organisation", IDs: []samvirke.Identifier{fhir.NewIdentifier(fhir.TypeHER, herGP)}}}}}
	r.submit(hidden)
	if n := r.told("gp", key(1)); n != was+1 {
		t.Errorf("an addressee was told %d times, want %d", n, was+1)
	}
	// What everybody may see is told as before.
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("et åpent mål")}})
	if n := r.told("gp", key(1)); n != was+2 {
		t.Errorf("told %d times, want %d", n, was+2)
	}
	for _, d := range r.deliveriesTo("gp") {
		if bytes.Contains(d.Body, []byte("skjult")) {
			t.Error("a notice holds what is withheld")
		}
	}
}

func (r *rig) deliveriesTo(party string) []samvirke.Delivery {
	r.t.Helper()
	ds, err := r.store.Deliveries(r.t.Context(), queue.DeliveryFilter{Party: party, Limit: queue.MaxPage})
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range ds {
		if ds[i], err = r.store.Delivery(r.t.Context(), ds[i].ID); err != nil {
			r.t.Fatal(err)
		}
	}
	return ds
}

// TestPrivateProviderIsToldOfItsOwnOnly: a goal that none of its measures serves is nothing new for it.
func TestPrivateProviderIsToldOfItsOwnOnly(t *testing.T) {
	r, _, _ := audienceRig(t)
	r.join(herPrivate, "2026-01-01", "")
	was := r.told("private", key(1))
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("gå 200 meter")}})
	if n := r.told("private", key(1)); n != was {
		t.Errorf("told of another one's goal: %d, was %d", n, was)
	}
}

// TestWithdrawalReachesWhoWasToldByANotice: P19, S5. Also who takes part no more, as the message was about the wrong patient.
func TestWithdrawalReachesWhoWasToldByANotice(t *testing.T) {
	r, _, _ := audienceRig(t)
	joined := r.join(herGP, "2026-01-01", "")
	wrong := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("gjelder en annen")}})
	seen, err := r.g.SeenIn(t.Context(), key(1), joined.PlanVersion)
	if err != nil {
		t.Fatal(err)
	}
	r.submit(gateway.Write{Party: "city", Patient: person(1), Seen: seen, Resources: []*fhir.Node{teamNode(herGP, "remove", "", "2026-01-08")}})
	was := r.told("gp", key(1))
	if was != 3 {
		t.Fatalf("told %d times, want of joining, the goal and leaving", was)
	}
	r.restart()
	r.submit(gateway.Write{Party: "hospital", Patient: person(1), Op: samvirke.OpCancel, Parent: wrong.ExternalID, Conversation: wrong.ExternalID})
	if n := r.told("gp", key(1)); n != was+1 {
		t.Errorf("the withdrawal was told %d times, want once", n-was)
	}
	if strings.Contains(string(r.plan(key(1)).Body), "gjelder en annen") {
		t.Error("the goal stands in the plan")
	}
}

// TestCoordinatingUnitIsTold: of all in its municipality, without taking part.
func TestCoordinatingUnitIsTold(t *testing.T) {
	here, there := &wire{}, &wire{}
	r := newRig(t, func(r *rig) {
		r.now = thatNight()
		r.patient = func(string) (string, string) { return "4601", "" }
		a, b := noticed("unit", "municipality", "8000055", here, samvirke.RoleCoordinator), noticed("other", "municipality", "8000056", there, samvirke.RoleCoordinator)
		a.Municipality, b.Municipality = "4601", "0301"
		r.more = []gateway.Party{a, b}
	})
	id, _ := r.admit(simulate.Admission{Person: 1})
	r.untilStatus(id, samvirke.MessageProcessed)
	if n := r.told("unit", key(1)); n != 1 {
		t.Errorf("the coordinating unit was told %d times, want once", n)
	}
	if n := r.told("other", key(1)); n != 0 {
		t.Errorf("that of another municipality was told %d times", n)
	}
}

// TestDenyBeatsTakingPart: a rule that denies stands.
func TestDenyBeatsTakingPart(t *testing.T) {
	r, _, _ := audienceRig(t)
	r.close()
	r.rules = append(r.rules, denyRule("private"))
	r.open()
	r.join(herPrivate, "2026-01-01", "")
	r.join(herGP, "2026-01-01", "")
	if n, other := r.told("private", key(1)), r.told("gp", key(1)); n != 0 || other != 1 {
		t.Errorf("denied and told %d times; who is not denied was told %d times, want once", n, other)
	}
}

// TestUnlinkIsToldOnBothSides: whoever saw the plan of two linked identifiers is told when they come apart.
func TestUnlinkIsToldOnBothSides(t *testing.T) {
	one, two := &wire{}, &wire{}
	r := newRig(t, func(r *rig) {
		r.cityParty.Roles, r.now = []string{samvirke.RoleCoordinator, samvirke.RoleIdentityAuthority}, thatNight()
		r.more = []gateway.Party{noticed("one", "gp", herGP, one), noticed("two", "gp", herPrivate, two)}
	})
	team := func(n int, her string) {
		r.submit(gateway.Write{Party: "city", Patient: person(n), Resources: []*fhir.Node{teamNode(her, "add", "2026-01-01", ""), goalNode("mål")}})
	}
	team(1, herGP)
	team(2, herPrivate)
	link := r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: []*fhir.Node{linkNode(1, 2)}})
	// Each is told under the plan that it knows.
	if a, b := r.told("one", key(1)), r.told("two", key(2)); a != 2 || b != 2 {
		t.Errorf("told %d and %d times, want twice each", a, b)
	}
	if a, b := r.told("one", key(2)), r.told("two", key(1)); a+b != 0 {
		t.Errorf("told under a plan that they do not know: %d and %d times", a, b)
	}
	r.submit(gateway.Write{Party: "city", Patient: person(1), Op: samvirke.OpCancel, Parent: link.ExternalID, Conversation: link.ExternalID})
	if a, b := r.told("one", key(1)), r.told("two", key(2)); a != 3 || b != 3 {
		t.Errorf("after the link was taken back: told %d and %d times, want three times each", a, b)
	}
}
