package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// TestCourseS1 plays scenario S1 of the specification through the real binary to its last line, one subtest for each
// row of its table. The binary has no clock for tests: messages bear the story's times and are received now. What
// hangs on the time of receipt is therefore asked as the time from which it counts (Gap.Due, Clock.Due), not as an alarm
// that went off.
func TestCourseS1(t *testing.T) {
	h := openCourse(t, coursePerson)
	s := &strokeStory{courseHouse: h}
	for _, r := range []struct {
		name string
		play func(t *testing.T)
	}{
		{"Sat 10 Jan 22:40 admitted", s.admitted}, {"Sat 10 Jan 22:41 the same again", s.sameAgain},
		{"Sun 11 Jan 10:05 admission report", s.admissionReport}, {"Sun 11 Jan 12:00 correction", s.correction},
		{"Thu 15 Jan Barthel-20", s.barthel}, {"Mon 19 Jan 10:20 ready", s.ready}, {"Mon 19 Jan 17:12 withdrawn", s.notReady},
		{"Sat 24 Jan 09:00 ready again", s.readyAgain}, {"Sun 25 Jan 11:20 discharged", s.discharged}, {"Sun 25 Jan 13:00 report", s.report},
		{"Sun 25 Jan 13:30 answers", s.answers}, {"25 Jan to 24 Feb municipal stay", s.municipalStay}, {"25 Feb home rehabilitation", s.homeRehabilitation},
		{"10 Mar light turns red", s.redLight}, {"12 Mar 09:00 and 09:05 conflict", s.conflict}, {"12 Mar 11:00 resolved", s.resolved},
		{"12 Mar 12:00 physio answers", s.physioAnswers}, {"22 Apr end evaluation", s.endEvaluation}, {"23 Apr maintenance", s.maintenance},
	} {
		h.row(t, r.name, r.play)
	}
	h.row(t, "nobody is named in the log", func(t *testing.T) {
		for _, word := range []string{coursePerson, "Solvang", "Harald", "Marit", "Bekkeveien"} {
			if strings.Contains(h.proc.log.String(), word) {
				t.Errorf("the log holds %q", word)
			}
		}
	})
}

// strokeStory remembers what later rows come back to.
type strokeStory struct {
	*courseHouse
	id      string     // of the plan
	walking *fhir.Node // the physiotherapist's measure
	pause   string     // id of the GP's proposal in the plan
}

// post sends a step of testdata/s1 and wants one positive receipt for each time it was taken.
func (s *strokeStory) post(n int) {
	s.t.Helper()
	st := step(s.t, n)
	s.send(st.From, st.ContentType, st.Body)
}

// receipts are the application receipts that a party has got for its message of a step.
func (s *strokeStory) receipts(n int) []samvirke.ReceiptContent {
	s.t.Helper()
	st := step(s.t, n)
	return s.parties[st.From].ReceiptsFor(messageID(s.t, st.Body))
}

func (s *strokeStory) admitted(t *testing.T) {
	s.post(1)
	p := s.plan(coursePerson)
	same(t, "stays", len(p.Stays), 1)
	same(t, "status and start", p.Stays[0].Status+" "+p.Stays[0].Start.Text, "in-progress 2026-01-10T22:15:00+01:00")
	same(t, "notices at the municipality", s.got("municipality", "LOG_INNLAGT"), 1)
	same(t, "the GP is told", s.told("gp") > 0, true)
	r15 := gapsOf(p, "R15")
	same(t, "R15 counts from", len(r15) == 1 && r15[0].Due.Format("2006-01-02T15:04Z") == "2026-01-11T21:40Z", true)
	rs := s.receipts(1)
	same(t, "receipts", len(rs), 1)
	same(t, "receipt", rs[0].Status, samvirke.ReceiptOK)
	s.id = s.planID("municipality", coursePerson)
	if s.id == "" {
		t.Fatal("the municipality does not find the plan")
	}
	for _, party := range []string{"hospital", "municipality", "gp"} {
		e := s.get(party, "Encounter?patient="+s.id)
		same(t, party+" reads the stay", e.At("total").Text()+" "+e.At("entry.0.resource.status").Text(), "1 in-progress")
	}
}

func (s *strokeStory) sameAgain(t *testing.T) {
	before, told := s.planText(coursePerson), s.told("gp")
	s.post(2)
	same(t, "the plan", string(s.planText(coursePerson)), string(before))
	same(t, "notices at the municipality", s.got("municipality", "LOG_INNLAGT"), 1)
	same(t, "notifications of the GP", s.told("gp"), told)
	rs := s.receipts(1)
	for _, r := range rs {
		same(t, "receipt", r.Status, samvirke.ReceiptOK)
	}
	same(t, "different receipts", len(rs), 1)
	for _, r := range s.parties["hospital"].Received() {
		if r.Envelope.Receipt != nil && r.Times > 2 {
			t.Errorf("the receipt came %d times", r.Times)
		}
	}
	same(t, "problems seen by the hospital", s.parties["hospital"].Problems(), "[]")
}

func (s *strokeStory) admissionReport(t *testing.T) {
	s.post(3)
	p := s.plan(coursePerson)
	same(t, "services", len(p.Services), 2)
	same(t, "assessments", len(p.Function), 1)
	a := p.Function[0]
	same(t, "variables", len(a.Scores), 17)
	same(t, "date, source, baseline", fmt.Sprint(a.Date, " ", a.DateSource, " ", a.Baseline), "2026-01-08 remark true")
	same(t, "R15", len(gapsOf(p, "R15")), 0)
	same(t, "receipts", len(s.receipts(3)), 1)
	same(t, "reports at the hospital", s.got("hospital", "INNLEGGELSESRAPPORT"), 1)
}

func (s *strokeStory) correction(t *testing.T) {
	events := s.lastEvent(t)
	s.post(4)
	p := s.plan(coursePerson)
	same(t, "assessments", len(p.Function), 1)
	same(t, "hygiene", shownOf(p.Function[0], "7"), "2")
	replaced := 0
	for _, src := range p.History {
		if src.State == "replaced" && src.Key == herTown+"/"+messageID(t, step(t, 3).Body) {
			replaced++
		}
	}
	same(t, "the old report in history", replaced, 1)
	same(t, "events for the GP", s.lastEvent(t)-events, 1)
	var hygiene []string
	for _, e := range s.get("gp", "Observation?patient="+s.id+"&_count=100").Get("entry").Items() {
		if r := e.Get("resource"); r.At("code.coding.0.code").Text() == "7" {
			hygiene = append(hygiene, r.Get("valueInteger").Text()+r.At("valueQuantity.value").Text()+r.At("valueCodeableConcept.coding.0.code").Text())
		}
	}
	same(t, "what the GP reads of hygiene", hygiene, "[2]")
}

// lastEvent is the number of the newest event that the GP was told.
func (s *strokeStory) lastEvent(t *testing.T) int64 {
	t.Helper()
	var n int64
	for _, r := range s.parties["gp"].Received() {
		for _, e := range r.Events {
			n = max(n, e)
		}
	}
	return n
}

func (s *strokeStory) barthel(t *testing.T) {
	n := s.write("hospital", "POST", "Observation", barthel(t, s.id, 6, "2026-01-15"), http.StatusCreated)
	p := s.plan(coursePerson)
	same(t, "assessments", len(p.Function), 2)
	for i := range p.Function {
		if a := &p.Function[i]; a.Instrument == "barthel-20" {
			same(t, "total, owner", shownOf(*a, "")+" "+a.Owner, "6 "+herHospital)
		}
	}
	if p.Function[0].Line == p.Function[1].Line {
		t.Error("IPLOS and Barthel share a line")
	}
	same(t, "the GP reads it", s.get("gp", "Observation/"+n.Get("id").Text()).Get("status").Text(), "final")
}

func barthel(t *testing.T, plan string, value int, date string) *fhir.Node {
	return resourceText(t, `{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/%s"},"effectiveDateTime":%q,"valueInteger":%d,
		"code":{"coding":[{"system":%q,"code":"barthel-20"}],"text":"Barthel"}}`, plan, date, value, fhir.ExtBase+"CodeSystem/function")
}

// shownOf is the shown value of the score with a code, "" for the total.
func shownOf(a careplan.Assessment, code string) string {
	for _, sc := range a.Scores {
		if code == "" || sc.Code == code {
			return sc.Shown
		}
	}
	return ""
}

func (s *strokeStory) ready(t *testing.T) {
	s.post(6)
	p := s.plan(coursePerson)
	same(t, "ready", fmt.Sprint(len(p.Ready), p.Ready[0].End), "1 <nil>")
	same(t, "asked of the municipality", taskCount(p, herTown, "requested"), 1)
	for _, rule := range []string{"no-goal", "no-coordinator", "no-zone-plan"} {
		same(t, "checklist "+rule, len(gapsOf(p, rule)), 1)
	}
	same(t, "flags for the municipality", s.get("municipality", "Flag?patient="+s.id).At("entry.0.resource.status").Text(), "active")
}

func taskCount(p *careplan.Plan, her, status string) int {
	n := 0
	for _, k := range p.Tasks {
		if k.For == her && k.Status == status {
			n++
		}
	}
	return n
}

func (s *strokeStory) notReady(t *testing.T) {
	s.post(7)
	p := s.plan(coursePerson)
	same(t, "ended by", p.Ready[0].Why, "withdrawn")
	same(t, "task", fmt.Sprint(taskCount(p, herTown, "requested"), taskCount(p, herTown, "cancelled")), "0 1")
	same(t, "counts", fmt.Sprint(p.Stays[0].ReadyCount, p.Stays[0].WithdrawnN), "1 1")
}

func (s *strokeStory) readyAgain(t *testing.T) {
	s.post(8)
	p := s.plan(coursePerson)
	same(t, "ready", fmt.Sprint(len(p.Ready), p.Ready[1].End, p.Stays[0].ReadyCount, p.Stays[0].WithdrawnN), "2 <nil> 2 1")
}

func (s *strokeStory) discharged(t *testing.T) {
	s.post(9)
	p := s.plan(coursePerson)
	same(t, "stay", p.Stays[0].Status+" "+p.Stays[0].End.Text, "finished 2026-01-25T11:15:00+01:00")
	same(t, "second flag ended by", p.Ready[1].Why, "discharged")
	same(t, "R6 waits for the report", len(gapsOf(p, "R6")), 1)
}

func (s *strokeStory) report(t *testing.T) {
	s.post(10)
	p := s.plan(coursePerson)
	same(t, "goals, proposals, check-ups", fmt.Sprint(len(p.Goals), len(p.Measures), len(p.Checkups)), "2 3 1")
	same(t, "R6, R7", fmt.Sprint(len(gapsOf(p, "R6")), len(gapsOf(p, "R7"))), "0 0")
	r1 := gapsOf(p, "R1")
	same(t, "R1", len(r1), 3)
	for _, g := range r1 {
		same(t, "R1 counts from", g.Due.Format("2006-01-02T15:04Z"), "2026-01-28T12:00Z")
	}
	clocks := 0
	for _, c := range p.Clocks() {
		if c.Rule == "R1" {
			clocks++
		}
	}
	same(t, "R1 timers", clocks, 3)
	same(t, "zone plan in words", slices.ContainsFunc(p.Notes, func(n careplan.Note) bool { return strings.Contains(n.Text, "Soneplan") }), true)
	// The hospital's system has the zone plan as resources too; the national message has no place for it.
	s.send("hospital", "application/fhir+json", nativeMessage("hospital", "plan-update", "2026-01-25T13:02:00+01:00", coursePerson, []string{"municipality"},
		zone(t, "green", "Som nå", "Fortsett treningen"), zone(t, "yellow", "Mer ustø", "Ring legevakten samme dag"), zone(t, "red", "Ny lammelse", "Ring 113")))
	p = s.plan(coursePerson)
	same(t, "zones", len(p.Course.Zones), 3)
	same(t, "no-zone-plan", len(gapsOf(p, "no-zone-plan")), 0)
	s.post(11)
	same(t, "epicrises at the GP", s.got("gp", "EPIKRISE"), 1)
}

func zone(t *testing.T, colour, signs, do string) *fhir.Node {
	return resourceText(t, `{"resourceType":"CarePlan","status":"active","intent":"plan","partOf":[{"reference":"CarePlan/master"}],"category":[{"coding":[{"code":"zone-plan"}]}],
		"extension":[{"url":%q,"valueCode":%q}],"description":%q,"activity":[{"detail":{"status":"not-started","description":%q}}]}`,
		fhir.ExtBase+"StructureDefinition/zone", colour, signs, do)
}

func (s *strokeStory) answers(t *testing.T) {
	gp, hospital := s.told("gp"), s.got("hospital", "task-answer")
	s.post(12)
	p := s.plan(coursePerson)
	var got []string
	for _, m := range p.Measures {
		line := m.Text + ": " + m.Status + " " + m.Owner
		for _, a := range m.Answers {
			line += a.Reason
		}
		got = append(got, line)
	}
	slices.Sort(got)
	same(t, "measures", strings.Join(got, "; "), "Daglig gangtrening med fysioterapeut: accepted "+herTown+"; Språktrening med logoped to ganger i uken: rejected Ingen ledig kapasitet hos logoped; "+
		"Trening av høyre arm i daglige gjøremål med ergoterapeut: accepted "+herTown)
	same(t, "the hospital is told", s.got("hospital", "task-answer")-hospital, 1)
	same(t, "the GP is told", s.told("gp") > gp, true)
	same(t, "R1 stays on the third", len(gapsOf(p, "R1")), 1)
	refused := s.get("hospital", "ServiceRequest?patient="+s.id+"&status=revoked")
	same(t, "the hospital reads the refusal", refused.At("entry.0.resource.code.text").Text(), "Språktrening med logoped to ganger i uken")
	// The hospital reads the reason on the Task.
	tasks := s.get("hospital", "Task?patient="+s.id+"&status=rejected")
	same(t, "with the reason", tasks.At("entry.0.resource.statusReason.text").Text(), "Ingen ledig kapasitet hos logoped")
}
