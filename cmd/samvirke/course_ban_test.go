package main

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// TestCourseS7: a discharge report with a forwarding ban goes to the GP. A private provider, and a member of the team who is
// no addressee, see, find, count and are told exactly what they would in a world without the report: two gateways with the same
// keys are compared byte by byte.
func TestCourseS7(t *testing.T) {
	with, without := twins(t)
	report := func() []byte { return bannedReport(t, "s7", nil) }
	for _, h := range []*courseHouse{with, without} {
		s7Story(t, h)
	}
	gp := with.told("gp")
	before := blind(t, with)
	compareWorlds(t, before, blind(t, without)) // each read is audited, so both worlds are read as often
	with.send("hospital", kithType, report())
	same(t, "the GP gets the report or word of it", with.told("gp") > gp || with.got("gp", "UTSKRIVNINGSRAPPORT") > 0, true)
	id := with.planID("gp", coursePerson)
	same(t, "the GP reads its goals", with.get("gp", "Goal?patient="+id).At("total").Text(), "2")
	for _, h := range []*courseHouse{with, without} { // life goes on, and what follows must not tell either
		h.send("municipality", nativeType, nativeMessage("municipality", "plan-update", "2026-01-27T10:00:00+01:00", coursePerson, []string{"gp", "physio", "provider"}, resourceText(t,
			`{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"Gå til postkassen"}}`)))
	}
	a, b := blind(t, with), blind(t, without)
	if a == before {
		t.Fatal("nothing that the provider sees changed: the comparison shows nothing")
	}
	compareWorlds(t, a, b)
	// Without the ban the comparison must see the report, or it would see nothing.
	with.send("hospital", kithType, []byte(strings.Replace(string(bannedReport(t, "s7-open", nil)), "<ForbeholdOmVideresending>true<", "<ForbeholdOmVideresending>false<", 1)))
	same(t, "a report without a ban is seen", blind(t, with) != a, true)
	same(t, "by the therapist", with.get("physio", "Goal?patient="+id).At("total").Text(), "3")
}

// TestCourseS7b: the report overwrites a shared field. Who may not see the report sees that field as not recorded, and not the
// value from before, which is stale.
func TestCourseS7b(t *testing.T) {
	with, _ := twins(t)
	h := with
	s7Story(t, h)
	plan := resourceText(t, `{"resourceType":"CarePlan","status":"active","intent":"plan","extension":[{"url":%q,"valueCode":"next-evaluation"},{"url":%q,"valueDateTime":"2026-03-19"}]}`, careplan.ExtStates, careplan.ExtNextEvaluation)
	h.send("hospital", nativeType, nativeMessage("hospital", "plan-update", "2026-01-25T12:00:00+01:00", coursePerson, []string{"gp", "physio", "provider"}, plan))
	id := h.planID("physio", coursePerson)
	field := func(party string) string {
		return h.get(party, "CarePlan/"+id).Extension(careplan.ExtNextEvaluation).Get("valueDateTime").Text()
	}
	same(t, "before", field("physio"), "2026-03-19")
	plan = resourceText(t, `{"resourceType":"CarePlan","status":"active","intent":"plan","extension":[{"url":%q,"valueCode":"next-evaluation"},{"url":%q,"valueDateTime":"2026-03-26"}]}`, careplan.ExtStates, careplan.ExtNextEvaluation)
	ban := resourceText(t, `{"resourceType":"Consent","status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},
		"category":[{"coding":[{"system":%q,"code":"ForbeholdOmVideresending"}]}],"policyRule":{"text":"x"},"provision":{"type":"deny"}}`, fhir.SystemSection)
	h.send("hospital", nativeType, nativeMessage("hospital", "plan-update", "2026-01-25T13:00:00+01:00", coursePerson, []string{"gp"}, plan, ban))
	same(t, "the GP reads", field("gp"), "2026-03-26")
	same(t, "who may not see it reads", field("physio"), "")
	resp, n := h.fhir("provider", "GET", "CarePlan/"+id, nil)
	same(t, "the provider reads neither", fmt.Sprint(resp.StatusCode, strings.Contains(string(n.Bytes()), "2026-03-19"), strings.Contains(string(n.Bytes()), "2026-03-26")), "200 false false")
	same(t, "nor from history", strings.Contains(string(h.get("physio", "CarePlan/"+id+"/_history").Bytes()), "2026-03-26"), false)
}

// bannedReport is the discharge report of S1 with a forwarding ban, addressed to the GP.
func bannedReport(t *testing.T, id string, edits []string) []byte {
	return letter{step: 10, id: id, edits: append([]string{
		`<Forsendelsesstatus V="N" DN="Ny"/>`, `<Forsendelsesstatus V="N" DN="Ny"/><ForbeholdOmVideresending>true</ForbeholdOmVideresending>`,
		"<Id>8140101</Id>", "<Id>8140201</Id>", "<Id>8140102</Id>", "<Id>8140202</Id>", "Bekkedal kommune", "Nordlia legesenter", "Sykepleietjeneste, pleie og omsorg", "Nordlia legesenter, mottak",
	}, edits...)}.xml(t)
}

// s7Story is what both worlds have: an admission, a provider and a therapist in the team, and a measure of each.
func s7Story(t *testing.T, h *courseHouse) {
	t.Helper()
	h.t = t
	h.send("hospital", kithType, letter{step: 1}.xml(t))
	team := resourceText(t, `{"resourceType":"CareTeam","status":"active","participant":[{"member":{"identifier":{"system":%[1]q,"value":%[2]q},"display":"Aktiv hverdag"},"period":{"start":"2026-01-01"}},
		{"member":{"identifier":{"system":%[1]q,"value":%[3]q},"display":"Bekkedal fysioterapi"},"period":{"start":"2026-01-01"}}]}`, fhir.SystemHER, herProvider, herPhysio)
	h.send("municipality", nativeType, nativeMessage("municipality", "plan-update", "2026-01-11T10:00:00+01:00", coursePerson, []string{"gp", "physio", "provider"}, team,
		resourceText(t, `{"resourceType":"ServiceRequest","status":"active","intent":"order","code":{"text":"Tilsyn"}}`)))
	for _, party := range []string{"physio", "provider"} {
		h.send(party, nativeType, nativeMessage(party, "plan-update", "2026-01-12T10:00:00+01:00", coursePerson, []string{"municipality"},
			resourceText(t, `{"resourceType":"ServiceRequest","status":"active","intent":"order","code":{"text":"Trening hos %s"}}`, party)))
	}
}

// twins are two gateways that give the same opaque ids, for they began as copies of one store.
func twins(t *testing.T) (a, b *courseHouse) {
	t.Helper()
	a = openCourse(t, coursePerson)
	same(t, "exit code", a.proc.stop(t), 0)
	b = openCourseOn(t, func(data string) {
		if out, err := exec.Command("cp", "-r", a.data+"/.", data).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}, coursePerson)
	a.proc, _ = startProcess(t, a.addr, a.config)
	return a, b
}

// runTime is a time, or a day, perhaps of this run; those of the story stand in months before.
var runTime = regexp.MustCompile(`\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?`)

// unhurried takes out what differs between any two runs: addresses, the times of receipt and what is reckoned from them. One
// of two runs may lie before midnight, or before the end of the year, and the other one after it.
func (h *courseHouse) unhurried(text string) string {
	now := time.Now()
	text = strings.ReplaceAll(text, h.addr, "gateway")
	return runTime.ReplaceAllStringFunc(text, func(s string) string {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			at, err = time.Parse(time.DateOnly, s)
		}
		if err == nil && at.After(now.AddDate(0, 0, -2)) && at.Before(now.AddDate(1, 0, 0)) {
			return "TIME"
		}
		return s
	})
}

// blind is all that the provider and the therapist can get: reads, searches, counts, history, errors, and what they were sent.
func blind(t *testing.T, h *courseHouse) string {
	t.Helper()
	h.t = t
	var out []string
	add := func(party, path, text string) { out = append(out, party+" "+path+"\n"+h.unhurried(text)) }
	for _, party := range []string{"provider", "physio"} {
		id := h.planID(party, coursePerson)
		if id == "" {
			t.Fatalf("%s sees no plan", party)
		}
		for _, path := range []string{"Patient/" + id, "Patient/" + id + "/$everything", "CarePlan/" + id, "CarePlan/" + id + "/_history", "CarePlan/" + id + "/$everything", "Patient/" + id + "/_history",
			"Goal?patient=" + id, "Goal?_summary=count", "ServiceRequest?patient=" + id, "Task?patient=" + id, "Flag?patient=" + id, "Observation?patient=" + id, "Condition?patient=" + id,
			"DocumentReference?patient=" + id, "Provenance?patient=" + id, "Appointment?patient=" + id, "Encounter?patient=" + id, "CareTeam?patient=" + id, "Consent?patient=" + id, "Communication?patient=" + id,
			"Goal/" + id + "-unknown", "AuditEvent?_summary=count&patient=" + id} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+h.addr+"/fhir/"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+courseToken+party)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			add(party, path, fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("ETag"), " ", string(b)))
		}
		got := h.parties[party].Received()
		add(party, "received", fmt.Sprint(len(got)))
		for i, r := range got {
			add(party, fmt.Sprint("message ", i), string(r.Body))
		}
	}
	return renamed(strings.Join(out, "\n\x00"))
}

// opaque are names that hang on the time or on chance: versions, ids of messages, of audit entries and of receipts.
var opaque = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|W/"[0-9a-f-]+"|[0-9a-f]{32}|[0-9a-f]{24}|[0-9a-f]{16}`)

// renamed puts numbers in the place of opaque names, in the order in which they appear: what is the same stays the same, and what
// differs differs.
func renamed(text string) string {
	names := map[string]string{}
	return opaque.ReplaceAllStringFunc(text, func(s string) string {
		if names[s] == "" {
			names[s] = fmt.Sprint("#", len(names)+1)
		}
		return names[s]
	})
}

// compareWorlds says where two worlds differ.
func compareWorlds(t *testing.T, a, b string) {
	t.Helper()
	as, bs := strings.Split(a, "\x00"), strings.Split(b, "\x00")
	for i := range min(len(as), len(bs)) {
		if as[i] == bs[i] {
			continue
		}
		j := 0
		for j < len(as[i]) && j < len(bs[i]) && as[i][j] == bs[i][j] {
			j++
		}
		path, _, _ := strings.Cut(as[i], "\n")
		cut := func(s string) string { return s[max(0, j-150):min(len(s), j+250)] }
		t.Errorf("%s differs:\n  with    …%s…\n  without …%s…", path, cut(as[i]), cut(bs[i]))
	}
	same(t, "number of answers", len(as), len(bs))
	same(t, "names of answers", slices.Equal(as, bs), true)
}
