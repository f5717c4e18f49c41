package careplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// planNode is a master CarePlan that states the fields given as name, value.
func planNode(pairs ...string) *fhir.Node {
	n := fhir.NewObject("resourceType", "CarePlan", "status", "active", "intent", "plan")
	period := fhir.NewObject()
	for i := 0; i < len(pairs); i += 2 {
		name, value := pairs[i], pairs[i+1]
		n.Append("extension", fhir.NewObject("url", ExtStates, "valueCode", name))
		switch name {
		case FieldStatus:
			n.SetText("status", value)
		case FieldPeriodStart:
			period.SetText("start", value)
		case FieldPeriodEnd:
			period.SetText("end", value)
		case FieldNextEvaluation:
			if value != "" {
				n.Append("extension", fhir.NewObject("url", ExtNextEvaluation, "valueDateTime", value))
			}
		case FieldCoordinator:
			id, name, _ := strings.Cut(value, " ")
			n.Append("extension", fhir.NewObject("url", ExtCoordinator, "valueReference",
				fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemHER, "value", id), "display", name)))
		}
	}
	if len(period.Keys()) > 0 {
		n.Set("period", period)
	}
	return n
}

// wrote is a record of a write: what it states, what its author had seen, in which capacity.
func wrote(t testing.TB, n int, from, sent string, seen []string, roles []string, resources ...*fhir.Node) Record {
	t.Helper()
	r := msg{kind: "plan-write", id: uuid(n), from: from, to: []string{town}, sent: at(sent)}.with(resources...).record(t)
	r.Seen, r.Roles = seen, roles
	return r
}

func keyOf(from string, n int) string { return from + "/" + uuid(n) }

// receipt is the record of an acknowledged delivery.
func receipt(n int, by string, when time.Time, keys ...string) Record {
	r := Record{Key: Key{by, uuid(n)}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: KindReceipt, Sent: when, Receive: when,
		Mapping: "gateway/1", Seen: keys, Chain: Chain{Op: "N", Conversation: uuid(n)}}
	r.fill(&content{})
	return r
}

// sharedLines says what a plan's shared fields are, for table tests.
func sharedLines(p *Plan) string {
	var out []string
	if p.Shared == nil {
		return ""
	}
	for _, f := range p.Shared.Fields {
		out = append(out, fmt.Sprint(f.Name, "=", f.Value.Text, map[bool]string{true: "!"}[f.Contested]))
	}
	for _, c := range p.Shared.Conflicts {
		var of []string
		for _, d := range c.Candidates {
			of = append(of, first(d.Text, "-"))
		}
		out = append(out, fmt.Sprint(c.Status, ":", strings.Join(of, "|")))
	}
	return strings.Join(out, " ")
}

// every folds a list as it is, backwards, and each record twice, and wants the same plan.
func every(t *testing.T, list []Record) *Plan {
	t.Helper()
	p := Fold(list)
	back := slices.Clone(list)
	slices.Reverse(back)
	for name, other := range map[string][]Record{"backwards": back, "twice": append(slices.Clone(list), back...)} {
		if err := differ(name, string(p.JSON()), string(Fold(other).JSON())); err != nil {
			t.Error(err)
		}
	}
	if err := differ("stored", string(p.JSON()), string(Fold(stored(t, list)).JSON())); err != nil {
		t.Error(err)
	}
	return p
}

// TestContext goes through the rules of careplan.md section 5.3: who had seen what.
func TestContext(t *testing.T) {
	eval := func(day string) *fhir.Node { return planNode(FieldNextEvaluation, "2026-03-"+day) }
	a := wrote(t, 1, gp, "03-12 09:00", nil, nil, eval("19"))
	a1, b2 := keyOf(gp, 1), keyOf(town, 2)
	ownClock := func(r Record, ahead time.Duration) Record { r.Sent = r.Sent.Add(ahead); return r }
	chained := func(n int, op, parent string, sent string, nodes ...*fhir.Node) Record {
		r := wrote(t, n, gp, sent, nil, nil, nodes...)
		r.Chain.Op, r.Chain.Parent, r.Chain.Conversation = "A", uuid(1), uuid(1)
		if op == "M" {
			r.Chain.Op = "M"
		}
		return r
	}
	cases := []struct {
		name string
		list []Record
		want string
	}{
		{"nobody has seen anything", []Record{a, wrote(t, 2, town, "03-12 09:05", nil, nil, eval("26"))}, "next-evaluation=2026-03-26! open:2026-03-26|2026-03-19"},
		{"both the same", []Record{a, wrote(t, 2, town, "03-12 09:05", nil, nil, eval("19"))}, "next-evaluation=2026-03-19"},
		{"1 and 2: the version named held it", []Record{a, wrote(t, 2, town, "03-12 09:05", []string{a1}, nil, eval("26"))}, "next-evaluation=2026-03-26"},
		{"1 and 2: the version named did not", []Record{a, wrote(t, 2, town, "03-12 09:05", []string{"x/y"}, nil, eval("26"))}, "next-evaluation=2026-03-26! open:2026-03-26|2026-03-19"},
		{"1 and 2: a named version comes before receipts", []Record{a, receipt(9, town, at("03-12 09:02"), a1), wrote(t, 2, town, "03-12 12:00", []string{"x/y"}, nil, eval("26"))},
			"next-evaluation=2026-03-26! open:2026-03-26|2026-03-19"},
		{"3: acknowledged five minutes before", []Record{a, receipt(9, town, at("03-12 09:01"), a1), wrote(t, 2, town, "03-12 09:06", nil, nil, eval("26"))}, "next-evaluation=2026-03-26"},
		{"3: acknowledged four minutes before", []Record{a, receipt(9, town, at("03-12 09:02"), a1), wrote(t, 2, town, "03-12 09:06", nil, nil, eval("26"))},
			"next-evaluation=2026-03-26! open:2026-03-26|2026-03-19"},
		{"3: acknowledged by another", []Record{a, receipt(9, hospital, at("03-12 09:01"), a1), wrote(t, 2, town, "03-12 12:00", nil, nil, eval("26"))},
			"next-evaluation=2026-03-26! open:2026-03-26|2026-03-19"},
		{"3: of two deliveries the older one held it", []Record{a, receipt(9, town, at("03-12 09:01"), a1), receipt(8, town, at("03-12 09:30"), "x/y"),
			wrote(t, 2, town, "03-12 12:00", nil, nil, eval("26"))}, "next-evaluation=2026-03-26"},
		{"3: the writer's clock runs ahead", []Record{a, receipt(9, town, at("03-12 10:00"), a1), ownClock(wrote(t, 2, town, "03-12 09:06", nil, nil, eval("26")), 24*time.Hour)},
			"next-evaluation=2026-03-26! open:2026-03-26|2026-03-19"},
		{"4: own earlier", []Record{a, wrote(t, 2, gp, "03-12 09:05", nil, nil, eval("26"))}, "next-evaluation=2026-03-26"},
		{"4: own earlier, after a receipt without it", []Record{a, receipt(9, gp, at("03-12 09:01"), "x/y"), wrote(t, 2, gp, "03-12 09:30", nil, nil, eval("26"))}, "next-evaluation=2026-03-26"},
		{"chain: change", []Record{a, chained(2, "M", uuid(1), "03-12 09:05", eval("26"))}, "next-evaluation=2026-03-26"},
		{"chain: addition whose clock is behind", []Record{a, chained(2, "A", uuid(1), "03-11 09:05", eval("26"))}, "next-evaluation=2026-03-26"},
		{"chain: change that says no more of it", []Record{a, chained(2, "M", uuid(1), "03-12 09:05", planNode(FieldStatus, "active"))}, "status=active"},
		{"both claim to have seen the other", []Record{func() Record { r := a; r.Seen = []string{b2}; return r }(), wrote(t, 2, town, "03-12 09:05", []string{a1}, nil, eval("26"))},
			"next-evaluation=2026-03-26! open:2026-03-26|2026-03-19"},
		{"withdrawal restores", []Record{a, wrote(t, 2, town, "03-12 09:05", []string{a1}, nil, eval("26")),
			cancel(msg{kind: "plan-write", id: uuid(2), from: town, to: []string{town}, sent: at("03-12 09:05")}, 3, "03-12 10:00").record(t)}, "next-evaluation=2026-03-19"},
		{"taken away", []Record{a, wrote(t, 2, town, "03-12 09:05", []string{a1}, nil, planNode(FieldNextEvaluation, ""))}, ""},
		{"taken away unseen", []Record{a, wrote(t, 2, town, "03-12 09:05", nil, nil, planNode(FieldNextEvaluation, ""))}, "open:-|2026-03-19"},
		{"three values, the third saw one", []Record{a, wrote(t, 2, town, "03-12 09:05", nil, nil, eval("26")), wrote(t, 3, hospital, "03-12 09:30", []string{a1}, nil, eval("30"))},
			"next-evaluation=2026-03-30! open:2026-03-30|2026-03-26"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { equal(t, "shared", sharedLines(every(t, c.list)), c.want) })
	}
}

// TestThreeWay: only one side changed since the common base, both to equal, both differently.
func TestThreeWay(t *testing.T) {
	base := wrote(t, 1, town, "03-01 09:00", nil, nil, planNode(FieldNextEvaluation, "2026-03-10", FieldStatus, "active", FieldCoordinator, town+" Kari Samordner"))
	seen := []string{keyOf(town, 1)}
	change := func(n int, from string, pairs ...string) Record {
		return wrote(t, n, from, fmt.Sprintf("03-02 09:%02d", n), seen, nil, planNode(pairs...))
	}
	for name, c := range map[string]struct {
		a, b Record
		want string
	}{
		"one side":    {change(2, gp, FieldNextEvaluation, "2026-03-19"), change(3, hospital, FieldStatus, "on-hold"), "on-hold 2026-03-19 0"},
		"both equal":  {change(2, gp, FieldNextEvaluation, "2026-03-19"), change(3, hospital, FieldNextEvaluation, "2026-03-19"), "active 2026-03-19 0"},
		"differently": {change(2, gp, FieldNextEvaluation, "2026-03-19"), change(3, hospital, FieldNextEvaluation, "2026-03-26"), "active 2026-03-26 1"},
	} {
		p := every(t, []Record{base, c.a, c.b})
		equal(t, name, fmt.Sprint(p.Field(FieldStatus).Value.Text, " ", p.Field(FieldNextEvaluation).Value.Text, " ", len(p.Shared.Conflicts)), c.want)
		equal(t, name+": coordinator", p.Field(FieldCoordinator).Value.Text+" "+p.Field(FieldCoordinator).Value.Code, "Kari Samordner "+town)
	}
}

// march is S1 up to 12 March: a plan of the physiotherapist with walking training, and what GP and coordinator wrote
// when both had the plan of that morning.
func march(t testing.TB) (list []Record, v17 []string) {
	course := msg{kind: "plan-write", id: uuid(20), from: physio, to: []string{town}, sent: at("02-25 09:00")}.with(
		fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "order", "code", text("Walking training")))
	list = append(list, course.record(t))
	walking := Fold(list).Measures[0].ID
	v17 = []string{keyOf(physio, 20)}
	pause := fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "proposal", "code", text("Pause walking training"),
		"extension", fhir.NewArray(
			fhir.NewObject("url", ExtConcerns, "valueReference", fhir.NewObject("reference", "ServiceRequest/"+walking)),
			fhir.NewObject("url", ExtField, "valueCode", "status"),
			fhir.NewObject("url", ExtWanted, "valueCode", "on-hold")))
	return append(list,
		wrote(t, 21, gp, "03-12 09:00", v17, nil, planNode(FieldNextEvaluation, "2026-03-19"), pause),
		wrote(t, 22, town, "03-12 09:05", v17, []string{"coordinator", "person"}, planNode(FieldNextEvaluation, "2026-03-26"))), v17
}

func resolveTask(conflict, value string, basis ...string) *fhir.Node {
	n := fhir.NewObject("resourceType", "Task", "status", "completed", "intent", "order", "code", codeNode(SystemTask, TaskResolve),
		"focus", fhir.NewObject("reference", "Flag/"+conflict),
		"output", fhir.NewArray(fhir.NewObject("type", text("value"), "valueString", value)))
	for _, k := range basis {
		n.Append("output", fhir.NewObject("type", text("basis"), "valueString", k))
	}
	return n
}

func tasksOf(p *Plan, rule string) (out []string) {
	for _, k := range p.Tasks {
		if k.Rule == rule {
			out = append(out, k.Status+" "+k.For)
		}
	}
	return out
}

// S1, 12 March: a conflict between two who had seen the same version, its resolution, a proposal answered by a change.
func TestTwelfthOfMarch(t *testing.T) {
	list, _ := march(t)
	p := every(t, list)
	equal(t, "shared", sharedLines(p), "next-evaluation=2026-03-26! open:2026-03-26|2026-03-19")
	c := p.Shared.Conflicts[0]
	equal(t, "opened, for", fmt.Sprint(c.Opened.Equal(at("03-12 09:05")), " ", c.For), "true "+town)
	equal(t, "candidates by", c.Candidates[0].By+" "+c.Candidates[1].By, town+" "+gp)
	equal(t, "task", tasksOf(p, "conflict"), []string{"requested " + town})
	q := p.Shared.Proposals[0]
	equal(t, "proposal", fmt.Sprint(q.By, " ", q.Owner, " ", q.Status, " ", q.Field, "=", q.Wanted.Text, " ", q.Element == p.Measures[0].ID),
		gp+" "+physio+" requested status=on-hold true")
	equal(t, "proposal's task", tasksOf(p, "change-proposal"), []string{"requested " + physio})
	equal(t, "the measure stays", p.Measures[0].Text+" "+p.Measures[0].Status, "Walking training active")
	equal(t, "measures", len(p.Measures), 1)

	all := []string{keyOf(physio, 20), keyOf(gp, 21), keyOf(town, 22)}
	// A system, or a person without the role, decides nothing.
	for name, roles := range map[string][]string{"system": {"coordinator"}, "no coordinator": {"person"}} {
		p = every(t, append(slices.Clone(list), wrote(t, 23, town, "03-12 11:00", all, roles, resolveTask(c.ID, "2026-03-19"))))
		equal(t, name, sharedLines(p), "next-evaluation=2026-03-26! open:2026-03-26|2026-03-19")
		equal(t, name, flagCodes(p), []string{"resolution-without-role"})
	}
	decided := wrote(t, 23, town, "03-12 11:00", all, []string{"coordinator", "person"}, resolveTask(c.ID, "2026-03-19"))
	list = append(list, decided)
	p = every(t, list)
	equal(t, "resolved", sharedLines(p), "next-evaluation=2026-03-19 resolved:2026-03-19|2026-03-26")
	equal(t, "task done", tasksOf(p, "conflict"), []string{"done " + town})
	c = p.Shared.Conflicts[0]
	equal(t, "decision", c.Chosen.Text+" "+c.ResolvedBy, "2026-03-19 "+town)

	// 12:00: the physiotherapist, who has the proposal, changes walking to seated training.
	list = append(list, wrote(t, 24, physio, "03-12 12:00", append(all, keyOf(town, 23)), nil,
		fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "order", "code", text("Seated training"), "extension",
			fhir.NewArray(fhir.NewObject("url", ExtConcerns, "valueReference", fhir.NewObject("reference", "ServiceRequest/"+p.Measures[0].ID))))))
	p = every(t, list)
	equal(t, "measure", fmt.Sprint(len(p.Measures), " ", p.Measures[0].Text, " ", p.Measures[0].Owner), "1 Seated training "+physio)
	q = p.Shared.Proposals[0]
	equal(t, "proposal", q.Status+" "+strings.Join(q.Closed, ","), "changed "+keyOf(physio, 24))
	equal(t, "proposal's task", tasksOf(p, "change-proposal"), []string{"done " + physio})

	// A late statement of somebody who had seen none of it reopens the conflict.
	p = every(t, append(slices.Clone(list), wrote(t, 25, hospital, "03-12 13:00", nil, nil, planNode(FieldNextEvaluation, "2026-04-02"))))
	equal(t, "reopened", sharedLines(p), "next-evaluation=2026-04-02! open:2026-04-02|2026-03-19")
	equal(t, "task again", tasksOf(p, "conflict"), []string{"requested " + town})
}

// S9: what a resolution rested on is withdrawn.
func TestBasisWithdrawn(t *testing.T) {
	list, _ := march(t)
	epicrisis := msg{kind: "EPIKRISE", id: uuid(30), conv: "document-1", from: hospital, to: []string{town}, sent: at("03-12 08:00")}.with(planNode(FieldNextEvaluation, "2026-04-09"))
	gone := epicrisis
	gone.id, gone.op, gone.sent, gone.resources = uuid(31), "C", at("03-14 08:00"), nil
	all := []string{keyOf(physio, 20), keyOf(gp, 21), keyOf(town, 22), keyOf(hospital, 30)}
	id := conflictID(FieldNextEvaluation, "")
	for name, basis := range map[string][]string{"by value": nil, "by record": {keyOf(hospital, 30)}} {
		t.Run(name, func(t *testing.T) {
			decided := wrote(t, 32, town, "03-13 11:00", all, []string{"coordinator", "person"}, resolveTask(id, "2026-04-09", basis...))
			with := append(slices.Clone(list), epicrisis.record(t), decided)
			equal(t, "resolved", sharedLines(every(t, with)), "next-evaluation=2026-04-09 resolved:2026-04-09|2026-03-26|2026-03-19")
			p := every(t, append(with, gone.record(t)))
			equal(t, "basis withdrawn", sharedLines(p), "next-evaluation=2026-04-09! basis-withdrawn:2026-04-09|2026-03-26|2026-03-19")
			equal(t, "the task returns", tasksOf(p, "conflict"), []string{"requested " + town})
			equal(t, "since", p.Shared.Conflicts[0].Opened.Equal(at("03-14 08:00")), true)
			again := wrote(t, 33, town, "03-15 11:00", append(all, keyOf(town, 32), keyOf(hospital, 31)), []string{"coordinator", "person"}, resolveTask(id, "2026-03-26"))
			equal(t, "decided again", sharedLines(every(t, append(slices.Clone(with), gone.record(t), again))), "next-evaluation=2026-03-26 resolved:2026-03-26|2026-04-09")
		})
	}
	// The loser of the decision is withdrawn: the decision stands.
	decided := wrote(t, 32, town, "03-13 11:00", all, []string{"coordinator", "person"}, resolveTask(id, "2026-03-26"))
	p := every(t, append(slices.Clone(list), epicrisis.record(t), decided, gone.record(t)))
	equal(t, "loser withdrawn", sharedLines(p), "next-evaluation=2026-03-26 resolved:2026-03-26|2026-03-19")
	// A value that nobody had stated rests on the person who decided alone.
	decided = wrote(t, 32, town, "03-13 11:00", all, []string{"coordinator", "person"}, resolveTask(id, "2026-05-01"))
	p = every(t, append(slices.Clone(list), epicrisis.record(t), decided, gone.record(t)))
	equal(t, "a third value", sharedLines(p), "next-evaluation=2026-05-01 resolved:2026-03-26|2026-03-19")
}

// TestCoordinatorOfContacts: the coordinator that messages list among their contacts is a shared value without more.
func TestCoordinatorOfContacts(t *testing.T) {
	contact := func(code, name string) *fhir.Node {
		return fhir.NewObject("resourceType", "PractitionerRole", "code", fhir.NewArray(codeNode(fhir.SystemRole, code)), "practitioner", fhir.NewObject("display", name))
	}
	report := func(n int, from string, list ...*fhir.Node) msg {
		return msg{kind: kindAdmissionReport, id: uuid(n), from: from, to: []string{hospital}, sent: at(fmt.Sprintf("01-10 1%d:00", n))}.with(list...)
	}
	for name, c := range map[string]struct {
		list []msg
		want string
	}{
		"one":                   {[]msg{report(1, town, contact("8", "Kari Samordner"))}, "coordinator=Kari Samordner"},
		"said again":            {[]msg{report(1, town, contact("8", "Kari Samordner")), report(2, town, contact("8", "kari  samordner"))}, "coordinator=kari  samordner"},
		"another later":         {[]msg{report(1, town, contact("8", "Kari Samordner")), report(2, town, contact("8", "Per Nyberg"))}, "coordinator=Per Nyberg"},
		"two say differently":   {[]msg{report(1, town, contact("8", "Kari Samordner")), report(2, hospital, contact("18", "Per Nyberg"))}, "coordinator=Per Nyberg! open:Per Nyberg|Kari Samordner"},
		"two say the same":      {[]msg{report(1, town, contact("8", "Kari Samordner")), report(2, hospital, contact("18", "Kari Samordner"))}, "coordinator=Kari Samordner"},
		"8 and 18 of a message": {[]msg{report(1, town, contact("18", "Per Nyberg"), contact("8", "Kari Samordner"))}, "coordinator=Kari Samordner"},
		"other roles":           {[]msg{report(1, town, contact("24", "Per Nyberg"))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			list := records(t, c.list...)
			for _, r := range list {
				if r.contents().More != nil {
					t.Error("a contact is kept twice")
				}
			}
			equal(t, "shared", sharedLines(every(t, list)), c.want)
		})
	}
	// Priority decides what is shown first, and settles nothing.
	list := records(t, report(1, town, contact("8", "Kari Samordner")), report(2, hospital, contact("18", "Per Nyberg")))
	equal(t, "priority", sharedLines(FoldWith(list, Options{Priority: map[string][]string{FieldCoordinator: {town}}})), "coordinator=Kari Samordner! open:Kari Samordner|Per Nyberg")
}

// TestPatientGoal: a goal in the patient's own words that has an identifier is one goal, whoever records it.
func TestPatientGoal(t *testing.T) {
	goal := func(words, id string) *fhir.Node {
		n := goalNode(words, "2026-05-01", true)
		if id != "" {
			n.Append("identifier", fhir.NewObject("system", "urn:example:goals", "value", id))
		}
		return n
	}
	a := wrote(t, 1, town, "02-01 09:00", nil, nil, goal("Walk to the shop", "g1"))
	goals := func(p *Plan) string {
		var out []string
		for _, g := range p.Goals {
			out = append(out, g.Text)
		}
		return strings.Join(out, ",")
	}
	p := every(t, []Record{a, wrote(t, 2, physio, "02-08 09:00", []string{keyOf(town, 1)}, nil, goal("Walk to the sea", "g1"))})
	equal(t, "seen", goals(p)+" "+sharedLines(p), "Walk to the sea patient-goal=Walk to the sea")
	equal(t, "element", p.Shared.Fields[0].Element, p.Goals[0].ID)
	p = every(t, []Record{a, wrote(t, 2, physio, "02-08 09:00", nil, nil, goal("Walk to the sea", "g1"))})
	equal(t, "unseen", goals(p)+" "+sharedLines(p), "Walk to the shop,Walk to the sea patient-goal=Walk to the sea! open:Walk to the sea|Walk to the shop")
	id := p.Shared.Conflicts[0].ID
	patient := wrote(t, 3, town, "02-09 09:00", []string{keyOf(town, 1), keyOf(physio, 2)}, []string{"patient", "person"}, resolveTask(id, "Walk to the shop"))
	p = every(t, []Record{a, wrote(t, 2, physio, "02-08 09:00", nil, nil, goal("Walk to the sea", "g1")), patient})
	equal(t, "the patient decides", sharedLines(p), "patient-goal=Walk to the shop resolved:Walk to the shop|Walk to the sea")
	p = every(t, []Record{a, wrote(t, 2, physio, "02-08 09:00", nil, nil, goal("Walk to the sea", "g2"))})
	equal(t, "another identifier", goals(p)+" "+sharedLines(p), "Walk to the shop,Walk to the sea patient-goal=Walk to the shop patient-goal=Walk to the sea")
	p = every(t, []Record{a, wrote(t, 2, physio, "02-08 09:00", nil, nil, goal("Walk to the sea", ""))})
	equal(t, "no identifier", goals(p)+" "+sharedLines(p), "Walk to the shop,Walk to the sea patient-goal=Walk to the shop")
	drop := goal("", "g1")
	drop.SetText("lifecycleStatus", "cancelled")
	p = every(t, []Record{a, wrote(t, 2, physio, "02-08 09:00", []string{keyOf(town, 1)}, nil, drop)})
	equal(t, "taken away", goals(p)+" "+sharedLines(p), " ")
}
