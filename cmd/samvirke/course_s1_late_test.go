package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// municipalStay: the stay at the institution and what is measured there.
func (s *strokeStory) municipalStay(t *testing.T) {
	s.send("municipality", "application/fhir+json", nativeMessage("municipality", "plan-update", "2026-01-25T16:00:00+01:00", coursePerson, []string{"gp"}, resourceText(t,
		`{"resourceType":"Encounter","status":"in-progress","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"},"identifier":[{"system":"urn:bekkedal:opphold","value":"o-1"}],
		"type":[{"text":"Rehabiliteringsopphold, kommunal institusjon"}],"period":{"start":"2026-01-25T12:30:00+01:00"}}`)))
	p := s.plan(coursePerson)
	same(t, "stays", len(p.Stays), 2)
	i := slices.IndexFunc(p.Stays, func(st careplan.Stay) bool { return st.Organiser == herTown })
	same(t, "stay at the institution", i >= 0 && p.Stays[i].Status == "in-progress" && strings.Contains(p.Stays[i].Kind.Text, "kommunal institusjon"), true)
	for day, value := range map[string]int{"2026-02-03": 11, "2026-02-23": 15} {
		s.write("municipality", "POST", "Observation", barthel(t, s.id, value, day), http.StatusCreated)
	}
	s.write("municipality", "POST", "", copm(t, s.id, "2026-01-30", map[string][2]int{"Gå tur med hunden": {2, 1}, "Lage frokost": {4, 3}, "Lese avisen": {5, 4}, "Stelle i hagen": {1, 1}}), http.StatusOK)
	s.send("municipality", "application/fhir+json", nativeMessage("municipality", "plan-update", "2026-02-24T12:00:00+01:00", coursePerson, []string{"gp"}, resourceText(t,
		`{"resourceType":"Encounter","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"},"identifier":[{"system":"urn:bekkedal:opphold","value":"o-1"}],
		"type":[{"text":"Rehabiliteringsopphold, kommunal institusjon"}],"period":{"start":"2026-01-25T12:30:00+01:00","end":"2026-02-24T11:30:00+01:00"}}`)))
	p = s.plan(coursePerson)
	same(t, "stays after", len(p.Stays), 2)
	i = slices.IndexFunc(p.Stays, func(st careplan.Stay) bool { return st.Organiser == herTown })
	same(t, "stay ended", p.Stays[i].Status+" "+p.Stays[i].End.Text, "finished 2026-02-24T11:30:00+01:00")
	same(t, "Barthel-20 in order", totals(p, "barthel-20"), "2026-01-15=6 2026-02-03=11 2026-02-23=15")
	problems := map[string]bool{}
	for _, a := range p.Function {
		for _, sc := range a.Scores {
			if a.Instrument == "copm" && sc.Problem != "" {
				problems[sc.Problem] = true
			}
		}
	}
	same(t, "problems of the person", len(problems), 4)
}

// totals lists the totals of an instrument by date.
func totals(p *careplan.Plan, instrument string) string {
	var out []string
	for _, a := range p.Function {
		if a.Instrument == instrument {
			out = append(out, a.Date+"="+shownOf(a, ""))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// copm is a transaction with one panel: performance and satisfaction for each problem in the person's words.
func copm(t *testing.T, plan, date string, problems map[string][2]int) *fhir.Node {
	system := fhir.ExtBase + "CodeSystem/function"
	b := fhir.NewObject("resourceType", "Bundle", "type", "transaction")
	add := func(url string, n *fhir.Node) {
		b.Append("entry", fhir.NewObject("fullUrl", url, "resource", n, "request", fhir.NewObject("method", "POST", "url", "Observation")))
	}
	panel := resourceText(t, `{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/%s"},"effectiveDateTime":%q,"code":{"coding":[{"system":%q,"code":"copm"}]}}`, plan, date, system)
	names := make([]string, 0, len(problems))
	for name := range problems {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		full := fmt.Sprintf("urn:uuid:6a1de6a2-8b7e-4f4e-9a57-%s%04d", strings.ReplaceAll(date, "-", ""), i)
		panel.Append("hasMember", fhir.NewObject("reference", full))
		add(full, resourceText(t, `{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/%[1]s"},"effectiveDateTime":%[2]q,"code":{"coding":[{"system":%[3]q,"code":"copm"}]},"valueString":%[4]q,
			"component":[{"code":{"coding":[{"system":%[3]q,"code":"copm-performance"}]},"valueInteger":%[5]d},{"code":{"coding":[{"system":%[3]q,"code":"copm-satisfaction"}]},"valueInteger":%[6]d}]}`,
			plan, date, system, name, problems[name][0], problems[name][1]))
	}
	add("urn:uuid:6a1de6a2-8b7e-4f4e-9a57-"+strings.ReplaceAll(date, "-", "")+"9999", panel)
	return b
}

// homeRehabilitation: eight weeks at home, with their clocks; the physiotherapist joins with a measure.
func (s *strokeStory) homeRehabilitation(t *testing.T) {
	s.write("municipality", "POST", "EpisodeOfCare", episode(t, s.id, "course-1", "active", "Hverdagsrehabilitering", "2026-02-25", "2026-04-22", ""), http.StatusCreated)
	master := s.get("municipality", "CarePlan/"+s.id)
	stale := tag(master)
	change := master.Clone()
	change.Set("period", fhir.NewObject("start", "2026-02-25", "end", "2026-04-22"))
	change.Append("extension", fhir.NewObject("url", careplan.ExtCoordinator, "valueReference", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemHPR, "value", "9144897"), "display", "Eldrid Prøve")))
	if resp, n := s.fhir("municipality", "PUT", "CarePlan/"+s.id, change); resp.StatusCode != http.StatusPreconditionRequired {
		t.Errorf("a shared field without If-Match: %d %s", resp.StatusCode, n.Bytes())
	}
	s.write("municipality", "PUT", "CarePlan/"+s.id, change, http.StatusOK, "If-Match", stale)
	s.walking = s.write("physio", "POST", "ServiceRequest", resourceText(t, `{"resourceType":"ServiceRequest","status":"active","intent":"order","code":{"text":"Gangtrening ute"},
		"subject":{"identifier":{"system":%q,"value":%q}}}`, fhir.SystemFNR, coursePerson), http.StatusCreated)
	// Who leads the treatment: the one therapist among those who carry measures.
	s.send("physio", "application/fhir+json", nativeMessage("physio", "plan-update", "2026-02-25T10:00:00+01:00", coursePerson, []string{"municipality"}, resourceText(t,
		`{"resourceType":"PractitionerRole","code":[{"text":"Fysioterapeut"}],"practitioner":{"display":"Tiril Prøve"},"telecom":[{"system":"phone","value":"+4700000031"}]}`)))
	p := s.plan(coursePerson)
	same(t, "coordinator", p.Field(careplan.FieldCoordinator).Value.Text, "Eldrid Prøve")
	same(t, "no-coordinator", len(gapsOf(p, "no-coordinator")), 0)
	same(t, "period", p.Field(careplan.FieldPeriodStart).Value.Text+" "+p.Field(careplan.FieldPeriodEnd).Value.Text, "2026-02-25 2026-04-22")
	c := p.Course.Courses[0]
	same(t, "course", fmt.Sprint(c.Status, " ", c.Start.Text, " ", c.End.Text, " ", c.Owner), "active 2026-02-25 2026-04-22 "+herTown)
	kinds := map[string]int{}
	mid, end := "", ""
	for _, k := range p.Clocks() {
		kinds[k.Rule]++
		switch k.Rule {
		case "mid":
			mid = k.Due.Format(time.DateOnly)
		case "end":
			end = k.Due.Format(time.DateOnly)
		}
	}
	same(t, "mid evaluation", mid, "2026-03-25")
	same(t, "end evaluation", end, "2026-04-22")
	same(t, "weekly evaluations", kinds["weekly"] >= 5, true)
	same(t, "the physiotherapist reads the plan", s.get("physio", "CarePlan/"+s.id).At("period.end").Text(), "2026-04-22")
}

func episode(t *testing.T, plan, id, status, kind, start, end, outcome string) *fhir.Node {
	n := resourceText(t, `{"resourceType":"EpisodeOfCare","status":%q,"identifier":[{"system":"urn:bekkedal:forlop","value":%q}],"type":[{"text":%q}],
		"patient":{"reference":"Patient/%s"},"period":{"start":%q,"end":%q}}`, status, id, kind, plan, start, end)
	if outcome != "" {
		n.Append("extension", fhir.NewObject("url", fhir.ExtBase+"StructureDefinition/course-outcome", "valueCode", outcome))
	}
	return n
}

func light(t *testing.T, plan, colour, at string) *fhir.Node {
	system := fhir.ExtBase + "CodeSystem/function"
	return resourceText(t, `{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/%s"},"effectiveDateTime":%q,"code":{"coding":[{"system":%[3]q,"code":"traffic-light"}]},
		"valueCodeableConcept":{"coding":[{"system":%[3]q,"code":%[4]q}]}}`, plan, at, system, colour)
}

// redLight: the therapist in charge is asked and told at once; the zone plan says what yellow and red mean.
func (s *strokeStory) redLight(t *testing.T) {
	s.write("municipality", "POST", "Observation", light(t, s.id, "green", "2026-03-03T10:00:00+01:00"), http.StatusCreated)
	same(t, "nothing asked at green", len(drops(s.plan(coursePerson))), 0)
	told := s.told("physio")
	s.write("municipality", "POST", "Observation", light(t, s.id, "red", "2026-03-10T10:00:00+01:00"), http.StatusCreated)
	p := s.plan(coursePerson)
	d := drops(p)
	same(t, "tasks", len(d), 1)
	same(t, "asked of, status", d[0].For+" "+d[0].Status, herPhysio+" requested")
	asked := 0
	for _, e := range s.get("physio", "Task?patient="+s.id+"&status=requested&_count=100").Get("entry").Items() {
		if e.At("resource.owner.identifier.value").Text() == herPhysio {
			asked++
		}
	}
	same(t, "tasks that the therapist reads", asked > 0, true)
	same(t, "the therapist's system is told", s.told("physio") > told, true)
	same(t, "marked", p.Course.Marks[len(p.Course.Marks)-1].Drop, true)
	zones := s.get("physio", "CarePlan?patient="+s.id+"&category=zone-plan")
	found := map[string]bool{}
	for _, e := range zones.Get("entry").Items() {
		for _, x := range e.At("resource.extension").Items() {
			found[x.Get("valueCode").Text()] = true
		}
	}
	same(t, "the therapist reads yellow and red", found["yellow"] && found["red"], true)
}

func drops(p *careplan.Plan) []careplan.Task {
	var out []careplan.Task
	for _, k := range p.Tasks {
		if k.Rule == "drop" {
			out = append(out, k)
		}
	}
	return out
}

// nextEvaluation is the master plan with a next evaluation.
func nextEvaluation(master *fhir.Node, day string) *fhir.Node {
	n := master.Clone()
	ext := fhir.NewArray()
	for _, e := range n.Get("extension").Items() {
		if e.Get("url").Text() != careplan.ExtNextEvaluation {
			ext.Add(e)
		}
	}
	ext.Add(fhir.NewObject("url", careplan.ExtNextEvaluation, "valueDateTime", day))
	n.Set("extension", ext)
	return n
}

// conflict: GP and coordinator have the same version. The coordinator writes over REST; the GP's system sends a message
// that was written without having seen it, and its own attempt over REST with the old version is refused.
func (s *strokeStory) conflict(t *testing.T) {
	v17 := s.get("gp", "CarePlan/"+s.id)
	mine := s.get("municipality", "CarePlan/"+s.id)
	s.write("municipality", "PUT", "CarePlan/"+s.id, nextEvaluation(mine, "2026-03-26"), http.StatusOK, "If-Match", tag(mine))
	resp, o := s.fhir("gp", "PUT", "CarePlan/"+s.id, nextEvaluation(v17, "2026-03-19"), "If-Match", tag(v17))
	same(t, "the old version over REST", resp.StatusCode, http.StatusPreconditionFailed)
	same(t, "what differs", strings.Contains(string(o.Get("issue").Bytes()), "CarePlan.extension"), true)
	same(t, "the newest version is named", resp.Header.Get("ETag") != "" && resp.Header.Get("ETag") != tag(v17), true)
	pause := resourceText(t, `{"resourceType":"ServiceRequest","status":"active","intent":"proposal","code":{"text":"Pause i gangtreningen"},"extension":[{"url":%q,"valueReference":{"reference":%q}}]}`,
		careplan.ExtConcerns, "ServiceRequest/"+s.local(t))
	told := s.told("physio")
	s.send("gp", "application/fhir+json", nativeMessage("gp", "plan-update", "2026-03-12T09:00:00+01:00", coursePerson, []string{"municipality", "physio"},
		resourceText(t, `{"resourceType":"CarePlan","status":"active","intent":"plan","extension":[{"url":%q,"valueCode":"next-evaluation"},{"url":%q,"valueDateTime":"2026-03-19"}]}`, careplan.ExtStates, careplan.ExtNextEvaluation), pause))
	p := s.plan(coursePerson)
	same(t, "conflicts", len(p.Shared.Conflicts), 1)
	c := p.Shared.Conflicts[0]
	var both []string
	for _, d := range c.Candidates {
		both = append(both, d.Text+" by "+d.By)
	}
	slices.Sort(both)
	same(t, "both", c.Status+" "+strings.Join(both, ", "), "open 2026-03-19 by "+herGP+", 2026-03-26 by "+herTown)
	same(t, "contested", p.Field(careplan.FieldNextEvaluation).Contested, true)
	same(t, "asked", slices.ContainsFunc(p.Tasks, func(k careplan.Task) bool { return k.Status == "requested" && k.Rule == "conflict" }), true)
	for _, party := range []string{"gp", "municipality", "physio"} {
		flag := s.get(party, "Flag?patient="+s.id)
		same(t, party+" sees that it is contested", strings.Contains(string(flag.Bytes()), "2026-03-19") && strings.Contains(string(flag.Bytes()), "2026-03-26"), true)
	}
	same(t, "the physiotherapist is told", s.told("physio") > told, true)
	i := slices.IndexFunc(p.Shared.Proposals, func(w careplan.Proposal) bool { return w.By == herGP })
	same(t, "the pause is a proposal", i >= 0 && p.Shared.Proposals[i].Status == "requested" && p.Shared.Proposals[i].Owner == herPhysio, true)
	s.pause = p.Shared.Proposals[i].ID
	m := slices.IndexFunc(p.Measures, func(m careplan.Measure) bool { return m.Owner == herPhysio })
	same(t, "and changes nothing", p.Measures[m].Text+" "+p.Measures[m].Status, "Gangtrening ute active")
}

// local is the id of the physiotherapist's measure inside the plan, as a party's own message names it.
func (s *strokeStory) local(t *testing.T) string {
	t.Helper()
	for _, m := range s.plan(coursePerson).Measures {
		if m.Owner == herPhysio {
			return m.ID
		}
	}
	t.Fatal("the physiotherapist has no measure")
	return ""
}

// resolved: a person with the role decides in the UI.
func (s *strokeStory) resolved(t *testing.T) {
	c := s.plan(coursePerson).Shared.Conflicts[0]
	s.signIn()
	var plans struct {
		Plans []struct {
			Person  string `json:"person"`
			Version int64  `json:"version"`
		} `json:"plans"`
	}
	s.uiJSON("plans", &plans)
	same(t, "plans in the UI", len(plans.Plans), 1)
	page := "/plans/" + plans.Plans[0].Person
	body := s.page(page)
	for _, word := range []string{"19 Mar 2026", "26 Mar 2026"} {
		same(t, "the page shows "+word, strings.Contains(body, word), true)
	}
	i := slices.IndexFunc(c.Candidates, func(d careplan.Candidate) bool { return d.By == herGP })
	told := s.told("gp")
	s.form(page+"/resolve", url.Values{"csrf": {reFormToken.FindStringSubmatch(body)[1]}, "conflict": {c.ID}, "candidate": {c.Candidates[i].From[0]}, "seen": {fmt.Sprint(plans.Plans[0].Version)}, "reason": {"Avtalt på telefon"}})
	s.settle()
	p := s.plan(coursePerson)
	c = p.Shared.Conflicts[0]
	same(t, "settled", c.Status+" "+c.Chosen.Text+" "+c.ResolvedBy, "resolved 2026-03-19 "+herTown)
	f := p.Field(careplan.FieldNextEvaluation)
	same(t, "next evaluation", fmt.Sprint(f.Value.Text, f.Contested), "2026-03-19false")
	same(t, "both stay on record", len(c.Candidates), 2)
	same(t, "the GP is told", s.told("gp") > told, true)
	var audit struct {
		Entries []struct{ Action, Who, Reason string } `json:"entries"`
	}
	s.uiJSON("audit", &audit)
	found := false
	for _, e := range audit.Entries {
		found = found || e.Action == "resolve-conflict" && e.Who == "admin" && e.Reason == "Avtalt på telefon"
	}
	same(t, "the audit tells who decided and why", found, true)
	settled := s.get("gp", "CarePlan/"+s.id).Extension(careplan.ExtNextEvaluation)
	same(t, "the GP reads", settled.Get("valueDateTime").Text(), "2026-03-19")
}

// physioAnswers: the owner changes the measure having seen the proposal, which closes it as changed.
func (s *strokeStory) physioAnswers(t *testing.T) {
	told := s.told("gp")
	now := s.get("physio", "ServiceRequest/"+s.walking.Get("id").Text())
	change := now.Clone()
	change.Set("code", fhir.NewObject("text", "Sittende trening"))
	s.write("physio", "PUT", "ServiceRequest/"+now.Get("id").Text(), change, http.StatusOK, "If-Match", tag(now))
	p := s.plan(coursePerson)
	i := slices.IndexFunc(p.Shared.Proposals, func(w careplan.Proposal) bool { return w.ID == s.pause })
	same(t, "the proposal is answered", p.Shared.Proposals[i].Status, "changed")
	m := slices.IndexFunc(p.Measures, func(m careplan.Measure) bool { return m.Owner == herPhysio })
	same(t, "the measure", p.Measures[m].Text, "Sittende trening")
	same(t, "the GP is told", s.told("gp") > told, true)
	same(t, "another may not change it", func() int {
		resp, _ := s.fhir("gp", "PUT", "ServiceRequest/"+now.Get("id").Text(), change)
		return resp.StatusCode
	}(), http.StatusAccepted)
	s.settle()
	same(t, "what the GP wrote became a proposal", len(s.plan(coursePerson).Shared.Proposals) > len(p.Shared.Proposals), true)
}

// endEvaluation: Barthel-20 18, and COPM on three of the four problems.
func (s *strokeStory) endEvaluation(t *testing.T) {
	s.write("municipality", "POST", "Observation", barthel(t, s.id, 18, "2026-04-22"), http.StatusCreated)
	s.write("municipality", "POST", "", copm(t, s.id, "2026-04-22", map[string][2]int{"Gå tur med hunden": {6, 7}, "Lage frokost": {5, 6}, "Lese avisen": {6, 6}}), http.StatusOK)
	course := s.get("municipality", "EpisodeOfCare?patient="+s.id).At("entry.0.resource")
	told := s.got("hospital", "plan-update")
	done := episode(t, s.id, "course-1", "finished", "Hverdagsrehabilitering", "2026-02-25", "2026-04-22", "less")
	done.Set("id", course.Get("id"))
	s.write("municipality", "PUT", "EpisodeOfCare/"+course.Get("id").Text(), done, http.StatusOK, "If-Match", tag(course))
	s.send("municipality", "application/fhir+json", nativeMessage("municipality", "plan-update", "2026-04-22T14:00:00+02:00", coursePerson, []string{"hospital"}, resourceText(t,
		`{"resourceType":"Communication","status":"completed","sent":"2026-04-22T14:00:00+02:00","payload":[{"contentString":"Status etter åtte uker: Barthel 18, mindre hjelp enn ved start."}]}`)))
	p := s.plan(coursePerson)
	same(t, "Barthel-20", strings.HasSuffix(totals(p, "barthel-20"), "2026-04-22=18"), true)
	same(t, "outcome class", p.Course.Courses[0].Status+" "+p.Course.Courses[0].Outcome.Code, "finished less")
	var changes []string
	for _, r := range p.Picture(time.Date(2026, 4, 23, 10, 0, 0, 0, time.UTC)).Scales {
		for _, l := range r.Lines {
			if strings.HasSuffix(l.Key, ";problems") {
				changes = append(changes, fmt.Sprintf("%s %.2f %s", r.ID, l.Whole.Amount, l.Whole.Of))
			}
		}
	}
	slices.Sort(changes)
	same(t, "change on the common problems alone", strings.Join(changes, "; "), "copm/performance 2.00 3 of 4 problems; copm/satisfaction 3.67 3 of 4 problems")
	same(t, "the hospital gets the status", s.got("hospital", "plan-update")-told, 1)
	ends := slices.ContainsFunc(p.Clocks(), func(c careplan.Clock) bool { return c.Rule == "end" || c.Rule == "weekly" || c.Rule == "mid" })
	same(t, "clocks of the course that is over", ends, false)
	same(t, "R14", len(gapsOf(p, "R14")), 0)
}

// maintenance: a new period with a goal to keep what was won.
func (s *strokeStory) maintenance(t *testing.T) {
	s.write("municipality", "POST", "EpisodeOfCare", episode(t, s.id, "course-2", "active", "Vedlikehold, frisklivssentral", "2026-04-23", "2026-10-23", ""), http.StatusCreated)
	s.write("municipality", "POST", "Goal", resourceText(t, `{"resourceType":"Goal","lifecycleStatus":"active","subject":{"reference":"Patient/%[1]s"},"expressedBy":{"reference":"Patient/%[1]s"},
		"category":[{"coding":[{"system":%[2]q,"code":"maintain"}]}],"description":{"text":"Gå tur hver dag"},"startDate":"2026-04-23"}`, s.id, fhir.ExtBase+"CodeSystem/goal-type"), http.StatusCreated)
	master := s.get("municipality", "CarePlan/"+s.id)
	next := master.Clone()
	next.Set("period", fhir.NewObject("start", "2026-04-23", "end", "2026-10-23"))
	s.write("municipality", "PUT", "CarePlan/"+s.id, next, http.StatusOK, "If-Match", tag(master))
	p := s.plan(coursePerson)
	same(t, "period", p.Field(careplan.FieldPeriodStart).Value.Text+" "+p.Field(careplan.FieldPeriodEnd).Value.Text, "2026-04-23 2026-10-23")
	same(t, "courses", len(p.Course.Courses), 2)
	same(t, "a goal of the person", slices.ContainsFunc(p.Goals, func(g careplan.Goal) bool { return g.ExpressedBy == "patient" && g.Text == "Gå tur hver dag" }), true)
	same(t, "no-patient-goal", len(gapsOf(p, "no-patient-goal")), 0)
	var ids []string
	for _, e := range s.get("municipality", "EpisodeOfCare?patient="+s.id).Get("entry").Items() {
		if e.At("resource.status").Text() == "active" {
			ids = append(ids, e.At("resource.id").Text())
		}
	}
	same(t, "active courses", len(ids), 1)
	course := s.get("municipality", "EpisodeOfCare/"+ids[0])
	done := episode(t, s.id, "course-2", "finished", "Vedlikehold, frisklivssentral", "2026-04-23", "2026-10-23", "maintained")
	done.Set("id", course.Get("id"))
	s.write("municipality", "PUT", "EpisodeOfCare/"+ids[0], done, http.StatusOK, "If-Match", tag(course))
	classes := map[string]int{}
	for _, c := range s.plan(coursePerson).Course.Courses {
		classes[c.Outcome.Code]++
	}
	same(t, "maintaining is a class of its own", fmt.Sprint(classes["less"], classes["maintained"]), "1 1")
}
