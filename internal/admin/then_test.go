package admin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// recorded serves a course with real records: a goal of the hospital, later one in the patient's own words.
func recorded(t *testing.T, roles ...string) *house {
	t.Helper()
	c := newFullCourse(t)
	c.st.records = []queue.Record{
		nativeRecord(t, hospital, "Fjellheim sykehus", recordID+"41", "2026-01-25 10:00:00", goalNode("Stå trygt på badet", "")),
		nativeRecord(t, municipality, "Sjøvik kommune", recordID+"42", "2026-01-25 12:00:00", goalNode("Gå på tur med bikkja igjen", "Patient/x"),
			fhir.NewObject("resourceType", "CareTeam", "status", "active", "participant", fhir.NewArray(
				fhir.NewObject("member", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemHER, "value", municipality)), "period", fhir.NewObject("start", "2026-01-01")),
				fhir.NewObject("member", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemHER, "value", hospital)), "period", fhir.NewObject("start", "2026-01-01"))))),
	}
	return signedIn(t, c.st, roles...)
}

func TestWhoKnewWhatWhen(t *testing.T) {
	t.Parallel()
	h := recorded(t)
	path := "/plans/" + h.s.sealer.seal(testPatient) + "/then"
	form := h.get(path)
	checkHTML(t, path, form.body)
	if a := h.st.lastAudit(); a.Action != "open-time-machine" {
		t.Errorf("audit of the form: %+v", a)
	}
	for _, c := range []struct {
		at, party  string
		want, miss []string
	}{
		{"2026-01-25T09:59", "", []string{"Nothing was known of this person then"}, []string{"Use this"}},
		{"2026-01-25T10:00", "", []string{"Stå trygt på badet", "What the gateway knew on 25 Jan 2026 10:00", "What has come since", "Gå på tur med bikkja igjen"}, nil},
		{"2026-01-25T11:59", "sjoevik", []string{"What Sjøvik kommune, sykepleietjenesten knew on", "By then"}, []string{"Set aside"}},
		{"2026-01-25T12:00", "", []string{"Stå trygt på badet", "Gå på tur med bikkja igjen", "Nothing: what was known then is what is known now"}, nil},
	} {
		a := h.get(path + "?at=" + url.QueryEscape(c.at) + "&party=" + c.party)
		checkHTML(t, path, a.body)
		checkNoNumber(t, path, a)
		text := seen(a.body)
		for _, w := range c.want {
			if !strings.Contains(text, w) {
				t.Errorf("%s %s: does not say %q", c.at, c.party, w)
			}
		}
		for _, w := range c.miss {
			if strings.Contains(text, w) {
				t.Errorf("%s %s: says %q", c.at, c.party, w)
			}
		}
	}
	if n := strings.Count(h.get(path+"?at=2026-01-25T12:00").body, `data-label="No."`); n != len(h.st.records) {
		t.Errorf("%d sources are listed, want %d", n, len(h.st.records))
	}
	before, _, _ := strings.Cut(seen(h.get(path+"?at=2026-01-25T10:30").body), "What has come since")
	if strings.Contains(before, "bikkja") {
		t.Error("what came later is shown as known")
	}
	if a := h.st.lastAudit(); a.Action != "read-plan" || !strings.Contains(a.Object, "as the gateway knew it at 2026-01-25T09:30") || a.Patient != testPatient {
		t.Errorf("audit: %+v", a)
	}
	for q, code := range map[string]string{"?at=yesterday": "bad-time", "?at=2026-01-25T10:00&party=nobody": "unknown-party"} {
		if a := h.get(path + q); a.status != http.StatusBadRequest || !strings.Contains(a.body, code) {
			t.Errorf("%s: status %d, want 400 %s", q, a.status, code)
		}
	}
}

func TestTold(t *testing.T) {
	t.Parallel()
	h := recorded(t)
	at := oslotime("2026-01-25 12:00:00")
	h.st.deliveries = append(h.st.deliveries,
		samvirke.Delivery{ID: "x1", Party: "brygga-gp", Patient: testPatient, Purpose: samvirke.PurposeNotice, State: samvirke.DeliverySent, CreatedAt: at.Add(-time.Hour), SentAt: at.Add(-59 * time.Minute)},
		samvirke.Delivery{ID: "x2", Party: "brygga-gp", Patient: testPatient, Purpose: samvirke.PurposeForward, State: samvirke.DeliveryAcknowledged, CreatedAt: at.Add(-time.Hour), SentAt: at.Add(-50 * time.Minute), DoneAt: at.Add(time.Minute)},
		samvirke.Delivery{ID: "x3", Party: "brygga-gp", Patient: testPatient, Purpose: samvirke.PurposeReceipt, State: samvirke.DeliverySent, CreatedAt: at.Add(-time.Hour), SentAt: at.Add(-time.Hour)},
		samvirke.Delivery{ID: "x4", Party: "brygga-gp", Patient: testPatient, Purpose: samvirke.PurposeForward, State: samvirke.DeliverySent, CreatedAt: at.Add(time.Hour), SentAt: at.Add(2 * time.Hour)})
	v := &thenView{Party: partyRef{ID: "brygga-gp"}}
	none := &thenView{Party: partyRef{ID: "brygga-gp"}}
	if err := h.s.countTold(t.Context(), testPatient, oslotime("2026-01-09 00:00:00"), none); err != nil || none.Told+none.Waiting != 0 {
		t.Errorf("before anything: %+v, %v", none, err)
	}
	earlier := &thenView{Party: v.Party}
	if err := h.s.countTold(t.Context(), testPatient, at.Add(-61*time.Minute), earlier); err != nil {
		t.Fatal(err)
	}
	if err := h.s.countTold(t.Context(), testPatient, at, v); err != nil || v.Told-earlier.Told != 1 || v.Waiting-earlier.Waiting < 1 || !v.LastTold.Equal(at.Add(-59*time.Minute)) {
		t.Errorf("told %d (%d before), waiting %d (%d before), last %v, %v", v.Told, earlier.Told, v.Waiting, earlier.Waiting, v.LastTold, err)
	}
}

// TestOwnViewOnly looks as one organisation: only plans, and of them only what the rules show it.
func TestOwnViewOnly(t *testing.T) {
	t.Parallel()
	h := recorded(t)
	secret := nativeRecord(t, hospital, "Fjellheim sykehus", recordID+"43", "2026-01-25 13:00:00", goalNode("Kanari i kullgruven", ""))
	rec, err := careplan.ParseRecord(secret.Body)
	if err != nil {
		t.Fatal(err)
	}
	rec.NoForwarding, rec.Original = true, []string{municipality}
	secret.Body = rec.AppendJSON(nil)
	own := nativeRecord(t, providerHER, "Fjordtrim fysioterapi", recordID+"44", "2026-01-25 12:30:00", goalNode("Trene hver tirsdag", ""))
	h.st.records = append(h.st.records, secret, own) // it takes part
	h.letIn(person{credential: credential{User: "kari"}, Roles: []string{RoleReader, RoleCoordinator}, HER: []string{providerHER}}, person{credential: credential{User: "per"}, Roles: allRoles()})
	person := "/plans/" + h.s.sealer.seal(testPatient)
	for _, path := range []string{"/messages", "/messages/m0001", "/messages/m0001/original", "/attention", "/parties", "/audit", person + "/diff", person + "/then", "/api/v1/plans"} {
		if a := h.get(path); a.status != http.StatusForbidden {
			t.Errorf("%s for an organisation's own view: status %d, want 403", path, a.status)
		}
	}
	if a := h.get("/overview"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/plans" {
		t.Errorf("the first page leads to %q, want /plans", a.header.Get("Location"))
	}
	if a := h.get("/events/live"); a.status != http.StatusForbidden {
		t.Errorf("live stream: status %d, want 403", a.status)
	}
	for _, path := range []string{"/plans", person, person + "/function", person + "/print"} {
		a := h.get(path)
		if a.status != http.StatusOK || strings.Contains(a.body, "Kanari") || strings.Contains(a.body, "43/") || strings.Contains(a.body, "/messages/") {
			t.Errorf("%s shows an organisation what it may not see, or leads to whole messages", path)
		}
	}
	h.letIn(person2(municipality))
	a := h.get(person)
	text := seen(a.body)
	if a.status != http.StatusOK || !strings.Contains(text, "Kanari i kullgruven") || !strings.Contains(text, "Stå trygt på badet") {
		t.Errorf("an addressee sees too little: status %d", a.status)
	}
	if strings.Contains(a.body, "/messages/") || strings.Contains(text, "Versions") || strings.Contains(text, "Who may not see what") {
		t.Error("the page leads to whole messages, versions or restrictions")
	}
	if !strings.Contains(seen(h.get("/plans").body), "discharged") && h.get("/plans").status != http.StatusOK {
		t.Error("the list is not shown")
	}
}

func person2(her string) person {
	return person{credential: credential{User: "kari"}, Roles: []string{RoleReader}, HER: []string{her}}
}
