package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
)

// decisions are the forms of the plan page with the role that may send each.
func decisions() map[string]struct {
	role string
	form url.Values
} {
	return map[string]struct {
		role string
		form url.Values
	}{
		"resolve": {RoleCoordinator, url.Values{"conflict": {"c1"}, "candidate": {"90002/21"}, "seen": {"0"}}},
		"same":    {RoleCoordinator, url.Values{"a": {"p0"}, "b": {"m1"}}},
		"hold":    {RoleAdmin, url.Values{"key": {"90001/9"}, "reason": {"gjelder en annen"}}},
		"release": {RoleAdmin, url.Values{"key": {"90001/77"}, "reason": {"det var riktig person"}}},
		"link":    {RoleIdentity, url.Values{"system": {"dnr"}, "value": {"700199 50032"}, "reason": {"melding fra folkeregisteret"}}},
		"unlink":  {RoleIdentity, url.Values{"key": {"90002/30"}, "reason": {"feil koblet"}}},
	}
}

// deciders serves the full course with a link that was made here.
func deciders(t *testing.T, roles ...string) (*house, *fakeDecider, string) {
	t.Helper()
	c := newFullCourse(t)
	from := c.source("90002/30", "m0001", gateway.KindPlanWrite, municipality, "Sjøvik kommune", "kari")
	c.plan.Rights.Identities[1].From = from
	c.version("m0001")
	h := signedIn(t, c.st, roles...)
	d := &fakeDecider{}
	h.s.opt.Decider = d
	return h, d, "/plans/" + h.s.sealer.seal(testPatient)
}

func TestEachDecisionNeedsItsRole(t *testing.T) {
	t.Parallel()
	for _, role := range allRoles() {
		h, d, path := deciders(t, RoleReader, RoleAllPlans, role)
		token := h.token()
		for name, c := range decisions() {
			form := url.Values{"csrf": {token}}
			for k, v := range c.form {
				form[k] = v
			}
			a := h.post(path+"/"+name, form)
			allowed := c.role == role
			if allowed != (a.status == http.StatusSeeOther) {
				t.Errorf("%s by %s: status %d, allowed %v", name, role, a.status, allowed)
			}
			if !allowed && (a.status != http.StatusForbidden || !strings.Contains(a.body, "role-needed")) {
				t.Errorf("%s by %s: status %d, want 403 role-needed", name, role, a.status)
			}
		}
		want := 0
		for _, c := range decisions() {
			want += btoi(c.role == role)
		}
		if len(d.writes) != want {
			t.Errorf("%s: %d decisions reached the gateway, want %d", role, len(d.writes), want)
		}
		if got := h.st.auditCount("refused"); got != len(decisions())-want {
			t.Errorf("%s: %d refusals in the audit, want %d", role, got, len(decisions())-want)
		}
	}
}

func TestDecisionsNeedTheFormToken(t *testing.T) {
	t.Parallel()
	h, d, path := deciders(t)
	for name, c := range decisions() {
		for _, token := range []string{"", "wrong"} {
			form := url.Values{"csrf": {token}}
			for k, v := range c.form {
				form[k] = v
			}
			if a := h.post(path+"/"+name, form); a.status != http.StatusForbidden || !strings.Contains(a.body, "csrf-token") {
				t.Errorf("%s with token %q: status %d, want 403", name, token, a.status)
			}
		}
	}
	r, _ := http.NewRequest(http.MethodPost, h.url+path+"/resolve", strings.NewReader("csrf="+h.token()))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := h.do(r); a.status != http.StatusForbidden {
		t.Errorf("from another site: status %d, want 403", a.status)
	}
	if len(d.writes) > 0 {
		t.Errorf("%d decisions went through", len(d.writes))
	}
}

func TestResolveBecomesARecord(t *testing.T) {
	t.Parallel()
	h, d, path := deciders(t)
	version := fmt.Sprint(len(h.st.plans))
	a := h.post(path+"/resolve", url.Values{"csrf": {h.token()}, "conflict": {"c1"}, "candidate": {"90003/20"}, "seen": {version}, "reason": {"  fastlegen   har rett "}})
	if a.status != http.StatusSeeOther || a.header.Get("Location") != path {
		t.Fatalf("status %d to %q: %s", a.status, a.header.Get("Location"), seen(a.body))
	}
	w := d.last(t)
	if w.Party != "sjoevik" || w.Person != "kari" || !slices.Equal(w.Roles, []string{samvirke.RoleCoordinator}) || w.Patient.Key() != testPatient || !slices.Equal(w.Seen, []string{"seen-in-" + version}) {
		t.Errorf("decision: %+v", w)
	}
	task := w.Resources[0]
	for at, want := range map[string]string{"resourceType": "Task", "status": "completed", "focus.reference": "Flag/c1"} {
		if got := task.At(at).Text(); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
	if c := task.Get("code").Get("coding").Items()[0]; c.Get("system").Text() != careplan.SystemTask || c.Get("code").Text() != careplan.TaskResolve {
		t.Errorf("code: %v", c)
	}
	out := task.Get("output").Items()
	if len(out) != 2 || out[0].Get("valueString").Text() != "2026-03-19" || out[1].Get("valueString").Text() != "90003/20" {
		t.Errorf("outputs: %v", out)
	}
	if task.Get("note").Items()[0].Get("text").Text() != "fastlegen har rett" {
		t.Errorf("note: %v", task.Get("note"))
	}
	last := h.st.lastAudit()
	if last.Action != "resolve-conflict" || last.Who != "kari" || last.Reason != "fastlegen har rett" || last.Patient != testPatient {
		t.Errorf("audit: %+v", last)
	}
	if !strings.Contains(h.get("/parties").body, "Decided: Next evaluation is 19 Mar 2026") {
		t.Error("the outcome is not told")
	}
}

func TestResolveWithACode(t *testing.T) {
	t.Parallel()
	chosen := &careplan.Candidate{Value: careplan.Value{Text: "Eldrid Haugen", Code: "9144897", System: "urn:oid:2.16.578.1.12.4.1.4.4", From: []string{"a/1", "b/2"}}}
	task := Resolution(&careplan.Conflict{ID: "c9"}, chosen, "")
	out := task.Get("output").Items()
	coding := out[0].Get("valueCodeableConcept").Get("coding").Items()[0]
	if coding.Get("code").Text() != "9144897" || coding.Get("system").Text() != chosen.System || out[0].At("valueCodeableConcept.text").Text() != "Eldrid Haugen" || len(out) != 3 {
		t.Errorf("outputs: %v", out)
	}
	if task.Get("note") != nil {
		t.Error("a note without a reason")
	}
	gone := Resolution(&careplan.Conflict{ID: "c9"}, &careplan.Candidate{Removed: true, Value: careplan.Value{From: []string{"a/1"}}}, "")
	if out := gone.Get("output").Items(); len(out) != 1 || out[0].Get("valueString").Text() != "a/1" {
		t.Errorf("a value that is no more: %v", out)
	}
}

func TestDecisionsThatComeTooLate(t *testing.T) {
	t.Parallel()
	h, d, path := deciders(t)
	token := h.token()
	for name, c := range map[string]struct {
		do   string
		form url.Values
		code string
	}{
		"conflict that is decided":   {"resolve", url.Values{"conflict": {"c2"}, "candidate": {"90003/20"}, "seen": {"0"}}, "changed-meanwhile"},
		"candidate that is not one":  {"resolve", url.Values{"conflict": {"c1"}, "candidate": {"90001/1"}, "seen": {"0"}}, "changed-meanwhile"},
		"conflict that is not there": {"resolve", url.Values{"conflict": {"c99"}, "candidate": {"90003/20"}, "seen": {"0"}}, "changed-meanwhile"},
		"version that is not one":    {"resolve", url.Values{"conflict": {"c1"}, "candidate": {"90003/20"}, "seen": {"x"}}, "bad-form"},
		"reason too long":            {"resolve", url.Values{"conflict": {"c1"}, "candidate": {"90003/20"}, "reason": {strings.Repeat("x", MaxReason+1)}}, "reason-too-long"},
		"record that is not there":   {"hold", url.Values{"key": {"1/1"}, "reason": {"fordi"}}, "changed-meanwhile"},
		"hold without a reason":      {"hold", url.Values{"key": {"90001/9"}}, "reason-needed"},
		"release of a live one":      {"release", url.Values{"key": {"90001/9"}, "reason": {"fordi"}}, "changed-meanwhile"},
		"pair confirmed before":      {"same", url.Values{"a": {"p1"}, "b": {"m1"}}, "changed-meanwhile"},
		"identifier too short":       {"link", url.Values{"system": {"fnr"}, "value": {"123"}, "reason": {"fordi"}}, "bad-identifier"},
		"wrong check digit":          {"link", url.Values{"system": {"dnr"}, "value": {"70019950033"}, "reason": {"fordi"}}, "bad-identifier"},
		"national as D-number":       {"link", url.Values{"system": {"dnr"}, "value": {testNumber}, "reason": {"fordi"}}, "bad-identifier"},
		"Danish without a day":       {"link", url.Values{"system": {"cpr"}, "value": {"9913451234"}, "reason": {"fordi"}}, "bad-identifier"},
		"identifier of no kind":      {"link", url.Values{"system": {"ssn"}, "value": {"53116900216"}, "reason": {"fordi"}}, "bad-identifier"},
		"identifier of the plan":     {"link", url.Values{"system": {"fnr"}, "value": {testNumber}, "reason": {"fordi"}}, "same-identifier"},
		"link without evidence":      {"link", url.Values{"system": {"dnr"}, "value": {"53116900216"}}, "reason-needed"},
		"link that is not there":     {"unlink", url.Values{"key": {"90001/1"}, "reason": {"fordi"}}, "changed-meanwhile"},
	} {
		c.form.Set("csrf", token)
		if a := h.post(path+"/"+c.do, c.form); a.status != http.StatusBadRequest || !strings.Contains(a.body, c.code) {
			t.Errorf("%s: status %d, want 400 %s", name, a.status, c.code)
		}
	}
	if len(d.writes) > 0 {
		t.Errorf("%d decisions went through", len(d.writes))
	}
}

func TestWhatEachDecisionWrites(t *testing.T) {
	t.Parallel()
	h, d, path := deciders(t)
	token := h.token()
	do := func(name string) gateway.Write {
		form := decisions()[name].form
		form.Set("csrf", token)
		if a := h.post(path+"/"+name, form); a.status != http.StatusSeeOther {
			t.Fatalf("%s: status %d", name, a.status)
		}
		return d.last(t)
	}
	hold := do("hold").Resources[0]
	if hold.Get("status").Text() != "in-progress" || hold.Get("input").Items()[0].Get("valueString").Text() != "90001/9" || hold.At("statusReason.text").Text() != "gjelder en annen" {
		t.Errorf("hold: %v", hold)
	}
	if release := do("release").Resources[0]; release.Get("status").Text() != "cancelled" || release.Get("input").Items()[0].Get("valueString").Text() != "90001/77" {
		t.Errorf("release: %v", release)
	}
	link := do("link")
	other := link.Resources[0].Get("link").Items()[0]
	if !slices.Equal(link.Roles, []string{samvirke.RoleIdentityAuthority}) || other.Get("type").Text() != "seealso" || other.At("other.identifier.value").Text() != "70019950032" || other.At("other.identifier.system").Text() != systemDNR {
		t.Errorf("link: %v as %v", other, link.Roles)
	}
	unlink := do("unlink")
	if unlink.Op != samvirke.OpCancel || unlink.Parent != "30" || unlink.Party != "sjoevik" || len(unlink.Resources) != 0 {
		t.Errorf("unlink: %+v", unlink)
	}
	same := do("same").Resources[0]
	if same.Get("resourceType").Text() != "Linkage" || same.Get("item").Items()[0].At("resource.reference").Text() != "p0" || same.Get("item").Items()[1].At("resource.reference").Text() != "m1" {
		t.Errorf("same: %v", same)
	}
	for _, action := range []string{"hold-record", "release-record", "link-identity", "unlink-identity", "confirm-same"} {
		if h.st.auditCount(action) != 1 {
			t.Errorf("%s is not in the audit once", action)
		}
	}
}

func TestWhatTheGatewaySaysOfADecision(t *testing.T) {
	t.Parallel()
	h, d, path := deciders(t)
	form := url.Values{"csrf": {h.token()}, "conflict": {"c1"}, "candidate": {"90003/20"}, "seen": {"0"}}
	d.fault = &samvirke.Fault{Class: samvirke.Invalid, Code: "schema", Safe: "no"}
	if a := h.post(path+"/resolve", form); a.status != http.StatusBadRequest || h.st.auditCount("resolve-conflict-failed") != 1 {
		t.Errorf("refused: status %d", a.status)
	}
	d.fault, d.err = nil, errors.New("disk")
	if a := h.post(path+"/resolve", form); a.status != http.StatusInternalServerError || h.st.auditCount("resolve-conflict-failed") != 2 {
		t.Errorf("failed: status %d", a.status)
	}
	d.err, d.status = nil, samvirke.MessageReceived
	if a := h.post(path+"/resolve", form); a.status != http.StatusSeeOther || !strings.Contains(h.get("/parties").body, "as soon as its turn comes") {
		t.Errorf("pending: status %d", a.status)
	}
	h.st.failAudit = errors.New("disk")
	n := len(d.writes)
	if a := h.post(path+"/resolve", form); a.status != http.StatusInternalServerError || len(d.writes) != n {
		t.Errorf("without an audit: status %d, %d decisions", a.status, len(d.writes)-n)
	}
	h.st.failAudit = nil
	h.s.opt.Decider = nil
	if a := h.post(path+"/resolve", form); a.status != http.StatusBadRequest || !strings.Contains(a.body, "no-decisions") {
		t.Errorf("without a decider: status %d", a.status)
	}
}

func TestWhoWritesDecisions(t *testing.T) {
	t.Parallel()
	h, _, _ := deciders(t)
	all := &standing{roles: allRoles()}
	if p, err := h.s.writer(t.Context(), all); err != nil || p.ID != "sjoevik" {
		t.Errorf("the only municipality: %v, %v", p.ID, err)
	}
	if p, err := h.s.writer(t.Context(), &standing{her: []string{"90003"}}); err != nil || p.ID != "brygga-gp" {
		t.Errorf("own organisation: %v, %v", p.ID, err)
	}
	if _, err := h.s.writer(t.Context(), &standing{her: []string{"99999"}}); !errors.Is(err, errNoWriter) {
		t.Errorf("organisation that is no party: %v", err)
	}
	list := testParties(t.Context())
	list[0].Roles = []string{samvirke.RoleCoordinator}
	list = append(list, list[1])
	h.s.parties = func(context.Context) []gateway.PartyState { return list }
	if p, err := h.s.writer(t.Context(), all); err != nil || p.ID != "fjellheim" {
		t.Errorf("the configured coordinating unit: %v, %v", p.ID, err)
	}
	list[0].Roles = nil
	if _, err := h.s.writer(t.Context(), all); !errors.Is(err, errNoWriter) {
		t.Errorf("two municipalities: %v", err)
	}
}
