package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
)

var secret = regexp.MustCompile(`<code class="secret">([^<]+)</code>`)

func TestPeopleAreLetInAndOut(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	token := h.token()
	a := h.post("/people", url.Values{"csrf": {token}, "user": {"anne.lie"}, "role": {RoleCoordinator, RoleAllPlans}})
	checkHTML(t, "/people", a.body)
	m := secret.FindStringSubmatch(a.body)
	if a.status != http.StatusOK || m == nil || len(m[1]) < MinPassword {
		t.Fatalf("letting in: status %d, password %v", a.status, m)
	}
	if strings.Contains(h.st.settings[settingPeople], m[1]) || strings.Contains(h.get("/people").body, m[1]) {
		t.Error("the password is kept or shown again")
	}
	ok, _, err := h.s.check(t.Context(), "10.0.0.1", "anne.lie", m[1])
	if err != nil || !ok {
		t.Fatalf("the new person cannot sign in: %v", err)
	}
	if ok, _, _ := h.s.check(t.Context(), "10.0.0.2", "nobody", m[1]); ok {
		t.Error("the password of one is that of another")
	}
	p, err := h.s.personOf(t.Context(), "anne.lie")
	if err != nil || p == nil || !slices.Equal(p.Roles, []string{RoleReader, RoleAllPlans, RoleCoordinator}) {
		t.Fatalf("roles: %+v, %v", p, err)
	}
	sign, _ := h.s.sessions.start("anne.lie")
	if a := h.post("/people/change", url.Values{"csrf": {token}, "user": {"anne.lie"}, "role": {RoleIdentity}, "do": {"change"}}); a.status != http.StatusSeeOther {
		t.Errorf("change: status %d", a.status)
	}
	if h.s.sessions.find(sign) != nil {
		t.Error("a session lives on after its roles changed")
	}
	if a := h.post("/people/change", url.Values{"csrf": {token}, "user": {"anne.lie"}, "do": {"remove"}}); a.status != http.StatusSeeOther {
		t.Errorf("remove: status %d", a.status)
	}
	if p, _ := h.s.personOf(t.Context(), "anne.lie"); p != nil {
		t.Error("the person is still there")
	}
	for _, action := range []string{"add-person", "change-person", "remove-person"} {
		if h.st.auditCount(action) != 1 {
			t.Errorf("%s is not in the audit once", action)
		}
	}
}

func TestPeopleThatCannotBe(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	if err := h.s.SetCredential(t.Context(), "chief", "a long password"); err != nil {
		t.Fatal(err)
	}
	token, _ := h.s.sessions.start("kari")
	u, _ := url.Parse(h.url)
	h.client.Jar.SetCookies(u, []*http.Cookie{{Name: "samvirke_session", Value: token, Path: "/"}})
	csrf := h.token()
	for name, c := range map[string]struct {
		path string
		form url.Values
		code string
	}{
		"name with markup":          {"/people", url.Values{"user": {"<b>"}}, "bad-user-name"},
		"name too long":             {"/people", url.Values{"user": {strings.Repeat("a", 65)}}, "bad-user-name"},
		"name that is there":        {"/people", url.Values{"user": {"kari"}}, "user-exists"},
		"name of the first":         {"/people", url.Values{"user": {"chief"}}, "user-exists"},
		"role that is none":         {"/people", url.Values{"user": {"ola"}, "role": {"king"}}, "bad-role"},
		"organisation and admin":    {"/people", url.Values{"user": {"ola"}, "role": {RoleAdmin}, "her": {"90002"}}, "role-and-organisation"},
		"organisation and identity": {"/people", url.Values{"user": {"ola"}, "role": {RoleIdentity}, "her": {"90002"}}, "role-and-organisation"},
		"organisation and all":      {"/people", url.Values{"user": {"ola"}, "role": {RoleAllPlans}, "her": {"90002"}}, "role-and-organisation"},
		"no organisation":           {"/people", url.Values{"user": {"ola"}, "role": {RoleCoordinator}}, "no-view"},
		"organisation that is none": {"/people", url.Values{"user": {"ola"}, "her": {"nine"}}, "bad-her"},
		"first user changed":        {"/people/change", url.Values{"user": {"chief"}, "do": {"change"}}, "first-user"},
		"first user removed":        {"/people/change", url.Values{"user": {"chief"}, "do": {"remove"}}, "first-user"},
	} {
		c.form.Set("csrf", csrf)
		if a := h.post(c.path, c.form); a.status != http.StatusBadRequest || !strings.Contains(a.body, c.code) {
			t.Errorf("%s: status %d, want 400 %s", name, a.status, c.code)
		}
	}
	if a := h.post("/people/change", url.Values{"csrf": {csrf}, "user": {"nobody"}, "do": {"remove"}}); a.status != http.StatusNotFound {
		t.Errorf("somebody who is not there: status %d, want 404", a.status)
	}
}

// TestRolesAreAskedEachTime changes the roles of somebody who is signed in: what is taken away ends at once.
func TestRolesAreAskedEachTime(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	if a := h.get("/people"); a.status != http.StatusOK {
		t.Fatalf("an admin: status %d", a.status)
	}
	token := h.token()
	h.letIn(person{credential: credential{User: "kari"}, Roles: []string{RoleReader, RoleAllPlans}})
	if a := h.get("/people"); a.status != http.StatusForbidden {
		t.Errorf("a reader: status %d, want 403", a.status)
	}
	for _, path := range []string{"/messages/m0001/reprocess", "/messages/m0001/give-up", "/deliveries/d0001/resend", "/deliveries/d0001/give-up", "/attention/resend", "/people"} {
		if a := h.post(path, url.Values{"csrf": {token}, "reason": {"because of it"}}); a.status != http.StatusForbidden || !strings.Contains(a.body, "role-needed") {
			t.Errorf("POST %s by a reader: status %d, want 403", path, a.status)
		}
	}
	if len(h.actions.done) > 0 {
		t.Errorf("a reader acted: %v", h.actions.done)
	}
	for _, path := range []string{"/attention", "/messages/m0014", "/overview"} {
		body := h.get(path).body
		for _, words := range []string{"Resend<", "Reprocess<", "Give up<", `href="/people"`} {
			if strings.Contains(body, words) {
				t.Errorf("%s offers a reader %q", path, words)
			}
		}
	}
	h.letIn()
	if a := h.get("/overview"); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/sign-in") {
		t.Errorf("somebody who is no longer let in: status %d", a.status)
	}
}

func TestAPIActionsNeedTheRole(t *testing.T) {
	t.Parallel()
	h := open(t, newCourse(t).st)
	if err := h.s.SetCredential(t.Context(), "chief", "a long password"); err != nil {
		t.Fatal(err)
	}
	c, err := newCredential("rita", "another long password", 1)
	if err != nil {
		t.Fatal(err)
	}
	h.letIn(person{credential: c, Roles: []string{RoleReader, RoleAllPlans}})
	post := func(user, password string) answer {
		r, _ := http.NewRequest(http.MethodPost, h.url+"/api/v1/actions/resend", strings.NewReader(`{"id":"d0001","reason":"because"}`))
		r.Header.Set("Content-Type", "application/json")
		r.SetBasicAuth(user, password)
		return h.do(r)
	}
	if a := post("rita", "another long password"); a.status != http.StatusForbidden || !strings.Contains(a.body, "role-needed") {
		t.Errorf("a reader over the API: status %d %s", a.status, a.body)
	}
	if a := post("chief", "a long password"); a.status != http.StatusOK {
		t.Errorf("the first user over the API: status %d %s", a.status, a.body)
	}
	if len(h.actions.done) != 1 || !strings.HasPrefix(h.actions.done[0], "resend | chief") {
		t.Errorf("actions: %v", h.actions.done)
	}
	if h.st.auditCount("refused") != 1 {
		t.Error("the refusal is not in the audit")
	}
}

func TestPeopleChangedByTwoAtOnce(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	c := credential{User: "ola"}
	calls := 0
	err := h.s.changePeople(t.Context(), samvirke.Audit{Who: "kari", Action: "add-person", Object: "ola"}, func(list []person) ([]person, error) {
		if calls++; calls == 1 { // another gateway writes in between
			other, err := json.Marshal(append(list, person{credential: credential{User: "else"}, Roles: []string{RoleReader}}))
			if err != nil {
				return nil, err
			}
			h.st.mu.Lock()
			h.st.settings[settingPeople] = string(other)
			h.st.counters[settingPeople]++
			h.st.mu.Unlock()
		}
		return append(list, person{credential: c, Roles: []string{RoleReader}}), nil
	})
	if err != nil || calls != 2 {
		t.Fatalf("%d tries, %v", calls, err)
	}
	for _, user := range []string{"else", "ola", "kari"} {
		if p, _ := h.s.personOf(t.Context(), user); p == nil {
			t.Errorf("%s was lost", user)
		}
	}
}

func TestViewers(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newFakeStore())
	list := testParties(t.Context())
	list[0].Roles, list[1].Roles, list[2].Roles = []string{samvirke.RolePrivateProvider}, []string{samvirke.RoleCoordinator}, []string{samvirke.RolePatientPortal}
	h.s.parties = func(context.Context) []gateway.PartyState { return list }
	if v := h.s.viewer(t.Context(), &standing{roles: allRoles()}); v != nil {
		t.Errorf("who serves the gateway looks as %+v, want all", v)
	}
	for her, want := range map[string]careplan.Viewer{
		"90011": {HER: []string{"90011"}, Private: true}, "90002": {HER: []string{"90002"}, Purpose: careplan.PurposeCoordination}, "90003": {Patient: true}, "90099": {HER: []string{"90099"}},
	} {
		want.At = courseNow
		if v := h.s.viewer(t.Context(), &standing{her: []string{her}}); !reflect.DeepEqual(*v, want) {
			t.Errorf("%s looks as %+v, want %+v", her, *v, want)
		}
	}
	if v := h.s.viewer(t.Context(), nil); v == nil || len(v.HER) > 0 || v.Patient {
		t.Errorf("nobody looks as %+v", v)
	}
}

// TestNobodySeesAllByMistake: a person without an organisation, as older versions let them in, sees no plan until somebody
// says as whom they look; the first user sees all, because nobody else could say so.
func TestNobodySeesAllByMistake(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	plan := "/plans/" + h.s.sealer.seal(testPatient)
	if a := h.get(plan); a.status != http.StatusOK {
		t.Fatalf("the first user: status %d", a.status)
	}
	h.letIn(person{credential: credential{User: "kari"}, Roles: []string{RoleReader, RoleCoordinator}})
	for _, path := range []string{plan, plan + "/function", plan + "/print"} {
		if a := h.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s without organisation and without the role: status %d, want 404", path, a.status)
		}
	}
	for _, path := range []string{"/messages", "/messages/m0001", "/attention", "/audit"} {
		if a := h.get(path); a.status != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", path, a.status)
		}
	}
	if a := h.get("/plans"); a.status != http.StatusOK || strings.Contains(a.body, plan) {
		t.Errorf("the list of plans: status %d, or it names a plan", a.status)
	}
	for _, role := range []string{RoleAllPlans, RoleAdmin, RoleIdentity} {
		h.letIn(person{credential: credential{User: "kari"}, Roles: []string{RoleReader, role}})
		if a := h.get(plan); a.status != http.StatusOK {
			t.Errorf("with the role %s: status %d", role, a.status)
		}
	}
	if words, none := h.s.seesWords(t.Context(), person{Roles: []string{RoleReader}}); !none || !strings.Contains(words, "Sees no plan") {
		t.Errorf("the page of people says %q", words)
	}
	if words, none := h.s.seesWords(t.Context(), person{Roles: []string{RoleReader}, HER: []string{"90002"}}); none || !strings.Contains(words, "may see") {
		t.Errorf("the page of people says %q", words)
	}
}
