package admin

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
)

// TestWhoTakesNoPart looks as an organisation that has nothing to do with the person: there is no plan for it, by no page.
func TestWhoTakesNoPart(t *testing.T) {
	t.Parallel()
	h := recorded(t)
	person := "/plans/" + h.s.sealer.seal(testPatient)
	h.letIn(person2(municipality))
	if a := h.get("/plans"); !strings.Contains(a.body, person) || h.get(person).status != http.StatusOK {
		t.Fatal("who takes part does not see the plan")
	}
	h.letIn(person2("90099"))
	if a := h.get("/plans"); a.status != http.StatusOK || strings.Contains(a.body, person) {
		t.Errorf("the list, status %d, has the plan", a.status)
	}
	for _, path := range []string{person, person + "/function", person + "/print", person + "/print?lang=da"} {
		if a := h.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, a.status)
		}
	}
}

// TestNobodyKnewWhatNobodyShowed: the time machine does not say that a party knew what it could not have read.
func TestNobodyKnewWhatNobodyShowed(t *testing.T) {
	t.Parallel()
	h := recorded(t)
	list := testParties(t.Context())
	list[2].HER = []string{"90099"}
	h.s.parties = func(context.Context) []gateway.PartyState { return list }
	then := "/plans/" + h.s.sealer.seal(testPatient) + "/then?at=2026-01-25T13:30&party="
	if a := h.get(then + list[1].ID); a.status != http.StatusOK || !strings.Contains(seen(a.body), "Stå trygt") {
		t.Errorf("who takes part: status %d", a.status)
	}
	h.st.deliveries = nil // nothing was sent to anybody
	if a := h.get(then + list[2].ID); a.status != http.StatusBadRequest || !strings.Contains(a.body, "took-no-part") || strings.Contains(seen(a.body), "Stå trygt") {
		t.Errorf("who takes no part: status %d", a.status)
	}
}

// TestWhoWasToldMayLook: a party that was sent something about the person may look until somebody says otherwise.
func TestWhoWasToldMayLook(t *testing.T) {
	t.Parallel()
	h := recorded(t)
	all, _, err := h.s.foldPlan(t.Context(), testPatient, careplan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	told := samvirke.Party{ID: "told", HER: []string{"90088"}}
	v := careplan.Viewer{HER: told.HER, At: courseNow}
	if may, err := h.s.mayLook(t.Context(), &told, testPatient, all, v); may || err != nil {
		t.Fatalf("before: %v, %v", may, err)
	}
	h.st.deliveries = append(h.st.deliveries, samvirke.Delivery{ID: "y1", Party: "told", Patient: testPatient, Purpose: samvirke.PurposeForward, State: samvirke.DeliverySent, CreatedAt: courseNow.Add(-time.Hour)})
	if may, err := h.s.mayLook(t.Context(), &told, testPatient, all, v); !may || err != nil {
		t.Errorf("told: %v, %v", may, err)
	}
	if all.Rights == nil {
		all.Rights = &careplan.RightsPart{}
	}
	all.Rights.Restrictions = []careplan.Restriction{{Scope: "all", Denied: told.HER, By: hospital}}
	if may, err := h.s.mayLook(t.Context(), &told, testPatient, all, v); may || err != nil {
		t.Errorf("told, then blocked: %v, %v", may, err)
	}
}

// TestUnitOfAnotherMunicipality: the coordinating unit looks without a part in the plan, in its own municipality only.
func TestUnitOfAnotherMunicipality(t *testing.T) {
	t.Parallel()
	h := recorded(t)
	unit := samvirke.Party{ID: "unit", HER: []string{"90077"}, Roles: []string{samvirke.RoleCoordinator}}
	list := testParties(t.Context())
	list[2].Party = unit
	h.s.parties = func(context.Context) []gateway.PartyState { return list }
	person := "/plans/" + h.s.sealer.seal(testPatient)
	h.letIn(person2("90077"))
	if a := h.get(person); a.status != http.StatusOK {
		t.Errorf("its own: status %d", a.status)
	}
	h.s.opt.Coordinates = func(samvirke.Party, ...string) bool { return false }
	if a := h.get(person); a.status != http.StatusNotFound {
		t.Errorf("another one's: status %d, want 404", a.status)
	}
	if p, err := h.s.writer(t.Context(), &standing{roles: allRoles()}, testPatient); err == nil && p.ID == unit.ID {
		t.Error("a decision is written as another municipality's unit")
	}
}
