package careplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// about is a ServiceRequest about an element of the plan.
func about(intent, ref, words, field, wanted string) *fhir.Node {
	n := fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", intent, "code", text(words),
		"extension", fhir.NewArray(fhir.NewObject("url", ExtConcerns, "valueReference", fhir.NewObject("reference", ref))))
	if field != "" {
		n.Append("extension", fhir.NewObject("url", ExtField, "valueCode", field))
		n.Append("extension", fhir.NewObject("url", ExtWanted, "valueString", wanted))
	}
	return n
}

// measureLines and proposalLines say what a plan's measures and proposals are, for table tests.
func measureLines(p *Plan) string {
	var out []string
	for _, m := range p.Measures {
		out = append(out, fmt.Sprint(m.Text, ":", m.Status, ":", m.Owner))
	}
	return strings.Join(out, " ")
}

func proposalLines(p *Plan) string {
	var out []string
	if p.Shared != nil {
		for _, q := range p.Shared.Proposals {
			out = append(out, fmt.Sprint(q.Text, ":", q.Status, ":", q.Owner, map[bool]string{true: " " + q.Reason}[q.Reason != ""]))
		}
	}
	return strings.Join(out, "; ")
}

// TestProposals: what closes a proposal, and how.
func TestProposals(t *testing.T) {
	own := msg{kind: "plan-write", id: uuid(1), from: physio, to: []string{town}, sent: at("03-01 09:00")}.with(
		fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "order", "code", text("Walking")))
	base := own.record(t)
	walking := "ServiceRequest/" + Fold([]Record{base}).Measures[0].ID
	asked := wrote(t, 2, gp, "03-02 09:00", nil, nil, about("proposal", walking, "Swim instead", "content", "Swimming"))
	saw := []string{keyOf(physio, 1), keyOf(gp, 2)}
	proposalID := Fold([]Record{base, asked}).Shared.Proposals[0].ID
	answer := func(from, status, reason string) Record {
		n := fhir.NewObject("resourceType", "Task", "status", status, "intent", "proposal", "focus", fhir.NewObject("reference", "ServiceRequest/"+proposalID))
		if reason != "" {
			n.Set("statusReason", text(reason))
		}
		return wrote(t, 3, from, "03-03 09:00", nil, nil, n)
	}
	next := func(words string, seen []string) Record {
		m := own
		m.id, m.op, m.parent, m.conv, m.sent = uuid(4), samvirke.OpChange, uuid(1), uuid(1), at("03-04 09:00")
		m.resources = []*fhir.Node{fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "order", "code", text(words))}
		r := m.record(t)
		r.Seen = seen
		return r
	}
	for _, c := range []struct {
		name              string
		list              []Record
		measure, proposal string
	}{
		{"nobody has answered", []Record{base, asked}, "Walking:active:" + physio, "Swim instead:requested:" + physio},
		{"accepted", []Record{base, asked, answer(physio, "accepted", "")}, "Walking:active:" + physio, "Swim instead:accepted:" + physio},
		{"rejected with a reason", []Record{base, asked, answer(physio, "rejected", "No pool")}, "Walking:active:" + physio, "Swim instead:rejected:" + physio + " No pool"},
		{"received only", []Record{base, asked, answer(physio, "received", "")}, "Walking:active:" + physio, "Swim instead:requested:" + physio},
		{"answered by another", []Record{base, asked, answer(hospital, "accepted", "")}, "Walking:active:" + physio, "Swim instead:requested:" + physio},
		{"done as wished", []Record{base, asked, wrote(t, 5, physio, "03-03 09:00", saw, nil, about("order", walking, "Swimming", "", ""))}, "Swimming:active:" + physio, "Swim instead:accepted:" + physio},
		{"done otherwise", []Record{base, asked, wrote(t, 5, physio, "03-03 09:00", saw, nil, about("order", walking, "Seated training", "", ""))}, "Seated training:active:" + physio, "Swim instead:changed:" + physio},
		{"done without having seen it", []Record{base, asked, wrote(t, 5, physio, "03-03 09:00", saw[:1], nil, about("order", walking, "Seated training", "", ""))}, "Seated training:active:" + physio, "Swim instead:requested:" + physio},
		{"a new version as wished", []Record{base, asked, next("Swimming", saw)}, "Swimming:active:" + physio, "Swim instead:accepted:" + physio},
		{"a new version otherwise", []Record{base, asked, next("Seated training", saw)}, "Seated training:active:" + physio, "Swim instead:changed:" + physio},
		{"a new version, unchanged", []Record{base, asked, next("Walking", saw)}, "Walking:active:" + physio, "Swim instead:answered:" + physio},
		{"a new version, acknowledged before", []Record{base, asked, receipt(9, physio, at("03-03 09:00"), saw...), next("Swimming", nil)}, "Swimming:active:" + physio, "Swim instead:accepted:" + physio},
		{"a new version, not acknowledged", []Record{base, asked, next("Swimming", nil)}, "Swimming:active:" + physio, "Swim instead:requested:" + physio},
		{"another's content is a proposal", []Record{base, wrote(t, 5, gp, "03-03 09:00", saw, nil, about("order", walking, "Running", "", ""))}, "Walking:active:" + physio, "Running:requested:" + physio},
		{"about something unknown", []Record{base, wrote(t, 5, gp, "03-03 09:00", saw, nil, about("proposal", "ServiceRequest/measure-0", "Running", "", ""))}, "Walking:active:" + physio, "Running:requested:coordinator"},
		{"withdrawn", []Record{base, asked, cancel(msg{kind: "plan-write", id: uuid(2), from: gp, to: []string{town}}, 6, "03-03 09:00").record(t)}, "Walking:active:" + physio, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := every(t, c.list)
			equal(t, "measures", measureLines(p), c.measure)
			equal(t, "proposals", proposalLines(p), c.proposal)
		})
	}
	p := every(t, []Record{wrote(t, 2, gp, "03-02 09:00", nil, nil, about("proposal", "CarePlan/plan-1", "Evaluate later", FieldNextEvaluation, "2026-04-01")),
		wrote(t, 3, town, "03-03 09:00", []string{keyOf(gp, 2)}, []string{"coordinator"}, planNode(FieldNextEvaluation, "2026-04-01"))})
	equal(t, "of the plan itself", proposalLines(p), "Evaluate later:accepted:"+town)
}

// TestAcceptedContent: who accepted a measure owns its content; what its requester states after that is a proposal.
func TestAcceptedContent(t *testing.T) {
	want := func(words string) *fhir.Node {
		n := proposal(words, "")
		n.Append("identifier", fhir.NewObject("system", "urn:example:request", "value", "req-1"))
		return n
	}
	report := msg{kind: kindDischargeReport, id: uuid(1), from: hospital, to: []string{town}, sent: at("01-25 13:00")}.with(want("Speech therapy twice a week"))
	first := report.record(t)
	yes := msg{kind: "task-answer", id: uuid(2), from: town, to: []string{hospital}, sent: at("01-26 09:00")}.with(
		fhir.NewObject("resourceType", "Task", "status", "accepted", "intent", "proposal", "focus", fhir.NewObject("identifier", fhir.NewObject("value", "req-1")))).record(t)
	version := func(n int, sent string, nodes ...*fhir.Node) Record {
		m := report
		m.op, m.parent, m.conv, m.id, m.sent, m.resources = samvirke.OpChange, report.id, report.id, uuid(n), at(sent), nodes
		return m.record(t)
	}
	id := Fold([]Record{first}).Measures[0].ID
	for _, c := range []struct {
		name              string
		list              []Record
		measure, proposal string
	}{
		{"changed before", []Record{first, version(3, "01-25 18:00", want("Speech therapy daily")), yes}, "Speech therapy daily:accepted:" + town, ""},
		{"changed after", []Record{first, yes, version(3, "01-27 18:00", want("Speech therapy daily"))}, "Speech therapy twice a week:accepted:" + town, "Speech therapy daily:requested:" + town},
		{"dropped after", []Record{first, yes, version(3, "01-27 18:00", goalNode("Speaks", "2026-03-01", true))}, "Speech therapy twice a week:accepted:" + town, "No longer asked for by its requester:requested:" + town},
		{"dropped, nobody had accepted", []Record{first, version(3, "01-27 18:00", goalNode("Speaks", "2026-03-01", true))}, "", ""},
		{"withdrawn", []Record{first, yes, cancel(report, 3, "01-27 18:00").record(t)}, "", ""},
		{"changed by its new owner", []Record{first, yes, wrote(t, 4, town, "01-28 09:00", nil, nil, about("order", "ServiceRequest/"+id, "Speech therapy in a group", "", ""))}, "Speech therapy in a group:accepted:" + town, ""},
		{"changed by its requester as an element", []Record{first, yes, wrote(t, 4, hospital, "01-28 09:00", nil, nil, about("order", "ServiceRequest/"+id, "None", "", ""))}, "Speech therapy twice a week:accepted:" + town, "None:requested:" + town},
		{"changed by its requester before", []Record{first, wrote(t, 4, hospital, "01-25 19:00", nil, nil, about("order", "ServiceRequest/"+id, "Speech therapy daily", "", "")), yes}, "Speech therapy daily:accepted:" + town, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := every(t, c.list)
			equal(t, "measures", measureLines(p), c.measure)
			equal(t, "proposals", proposalLines(p), c.proposal)
			for _, l := range leaves(p) {
				for _, k := range l.from {
					if _, live := p.Sources[k]; !live && strings.HasPrefix(l.path, "measure/") {
						t.Errorf("%s rests on %s, which is not live", l.path, k)
					}
				}
			}
		})
	}
	// The first to accept stays the owner when another reports first how far it has come.
	other := msg{kind: "task-answer", id: uuid(5), from: physio, to: []string{hospital}, sent: at("01-26 10:00")}.with(
		fhir.NewObject("resourceType", "Task", "status", "accepted", "intent", "proposal", "focus", fhir.NewObject("identifier", fhir.NewObject("value", "req-1")))).record(t)
	begun := msg{kind: "task-answer", id: uuid(6), from: town, to: []string{hospital}, sent: at("01-27 10:00")}.with(
		fhir.NewObject("resourceType", "Task", "status", "in-progress", "intent", "proposal", "focus", fhir.NewObject("identifier", fhir.NewObject("value", "req-1")))).record(t)
	equal(t, "first to accept", measureLines(every(t, []Record{first, yes, other, begun})), "Speech therapy twice a week:active:"+town)
}

// TestSameThing: a rule suggests, a person confirms or denies, nothing is fused.
func TestSameThing(t *testing.T) {
	order := func(words, code, from, to string) *fhir.Node {
		n := fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "order", "code", text(words))
		if code != "" {
			n.Get("code").Append("coding", fhir.NewObject("system", "urn:example:codes", "code", code))
		}
		if from != "" {
			n.Set("occurrencePeriod", fhir.NewObject("start", from, "end", to))
		}
		return n
	}
	two := func(a, b *fhir.Node) []Record {
		return []Record{wrote(t, 1, town, "03-01 09:00", nil, nil, a), wrote(t, 2, physio, "03-02 09:00", nil, nil, b)}
	}
	say := func(p *Plan) string {
		var out []string
		if p.Shared != nil {
			for _, s := range p.Shared.Same {
				out = append(out, fmt.Sprint(s.Rule, s.Confirmed))
			}
		}
		return fmt.Sprint(len(p.Measures), out)
	}
	for name, c := range map[string]struct {
		list []Record
		want string
	}{
		"same words":         {two(order("Walking training", "", "", ""), order("walking  Training", "", "", "")), "2 [same-textfalse]"},
		"same code":          {two(order("Walking", "w", "", ""), order("Gait training", "w", "", "")), "2 [same-codefalse]"},
		"other words":        {two(order("Walking", "", "", ""), order("Swimming", "", "", "")), "2 []"},
		"periods apart":      {two(order("Walking", "", "2026-01-01", "2026-01-31"), order("Walking", "", "2026-03-01", "2026-03-31")), "2 []"},
		"periods that touch": {two(order("Walking", "", "2026-01-01", "2026-03-01"), order("Walking", "", "2026-03-01", "2026-03-31")), "2 [same-textfalse]"},
	} {
		t.Run(name, func(t *testing.T) { equal(t, "same", say(every(t, c.list)), c.want) })
	}
	list := two(order("Walking", "", "", ""), order("walking", "", "", ""))
	p := Fold(list)
	link := func(n int, active bool, roles ...string) Record {
		return wrote(t, n, town, fmt.Sprintf("03-0%d 09:00", n), nil, roles, fhir.NewObject("resourceType", "Linkage", "active", active, "item", fhir.NewArray(
			fhir.NewObject("type", "source", "resource", fhir.NewObject("reference", "ServiceRequest/"+p.Measures[0].ID)),
			fhir.NewObject("type", "alternate", "resource", fhir.NewObject("reference", "ServiceRequest/"+p.Measures[1].ID)))))
	}
	equal(t, "a system confirms nothing", say(every(t, append(slices.Clone(list), link(3, true)))), "2 [same-textfalse]")
	equal(t, "confirmed", say(every(t, append(slices.Clone(list), link(3, true, "person")))), "2 [true]")
	equal(t, "denied", say(every(t, append(slices.Clone(list), link(3, false, "person")))), "2 []")
	equal(t, "denied, then confirmed", say(every(t, append(slices.Clone(list), link(3, false, "person"), link(4, true, "person")))), "2 [true]")
}

// TestHiddenStatements: what overwrites is settled on all records, what is shown and counted on those that may be seen.
func TestHiddenStatements(t *testing.T) {
	eval := func(day string) *fhir.Node { return planNode(FieldNextEvaluation, "2026-03-"+day) }
	a := wrote(t, 1, town, "03-01 09:00", nil, nil, eval("10"))
	hidden := func(seen ...string) Record {
		r := wrote(t, 2, hospital, "03-02 09:00", seen, nil, eval("19"))
		r.NoForwarding = true
		return r
	}
	who := Viewer{HER: []string{physio}}
	with := func(list ...Record) *Plan { return FoldFor(append([]Record{a}, list...), who) }
	equal(t, "the overwritten value does not come back", sharedLines(with(hidden(a.Key.String()))), "")
	equal(t, "nor does a sign of it", with(hidden(a.Key.String())).Field(FieldNextEvaluation), (*Field)(nil))
	open := with(hidden())
	equal(t, "no conflict of which one side is hidden", sharedLines(open), "next-evaluation=2026-03-10")
	if err := differ("one that overwrote nothing leaves a trace", string(open.JSON()), string(with().JSON())); err != nil {
		t.Error(err)
	}
	decided := wrote(t, 3, town, "03-03 09:00", []string{a.Key.String(), keyOf(hospital, 2)}, []string{"coordinator", "person"}, resolveTask(conflictID(FieldNextEvaluation, ""), "2026-03-19"))
	equal(t, "a decision that may be seen", sharedLines(with(hidden(), decided)), "next-evaluation=2026-03-19 resolved:2026-03-19|2026-03-10")
	if err := differ("a hidden candidate leaves a trace", string(with(hidden(), decided).JSON()), string(with(decided).JSON())); err != nil {
		t.Error(err)
	}
}

// sharedSample is S1's 12 March with everything shared there is.
func sharedSample(t testing.TB) []Record {
	list, _ := march(t)
	q := Fold(list)
	pause := msg{kind: "task-answer", id: uuid(40), from: physio, to: []string{gp}, sent: at("03-12 10:00")}.with(
		fhir.NewObject("resourceType", "Task", "status", "rejected", "intent", "proposal", "statusReason", text("Makes good progress"),
			"focus", fhir.NewObject("reference", "ServiceRequest/"+q.Shared.Proposals[0].ID)))
	list = append(list, pause.record(t),
		wrote(t, 41, town, "03-12 10:30", nil, nil, planNode(FieldStatus, "active", FieldPeriodStart, "2026-02-25", FieldPeriodEnd, "2026-04-22", FieldCoordinator, town+" Kari Samordner"),
			fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "order", "code", text("walking training"))))
	same := Fold(list).Shared.Same[0]
	return append(list, wrote(t, 42, town, "03-12 10:40", nil, []string{"person"}, fhir.NewObject("resourceType", "Linkage", "active", true, "item", fhir.NewArray(
		fhir.NewObject("type", "source", "resource", fhir.NewObject("reference", "ServiceRequest/"+same.A)),
		fhir.NewObject("type", "alternate", "resource", fhir.NewObject("reference", "ServiceRequest/"+same.B))))))
}

// TestSharedInFHIR: what is shared as resources, and back.
func TestSharedInFHIR(t *testing.T) {
	p := Fold(sharedSample(t))
	b := p.FHIR()
	plan := b.First("CarePlan")
	equal(t, "status", plan.Get("status").Text(), "active")
	equal(t, "period", plan.At("period.start").Text()+" "+plan.At("period.end").Text(), "2026-02-25 2026-04-22")
	equal(t, "next evaluation", plan.Extension(ExtNextEvaluation).Get("valueDateTime").Text(), "2026-03-26")
	for _, url := range []string{ExtCoordinator, extCustodian} {
		equal(t, url, plan.Extension(url).At("valueReference.identifier.value").Text(), town)
	}
	equal(t, "links", len(b.All("Linkage")), 1)
	conflict := p.Shared.Conflicts[0]
	var flag *fhir.Node
	for _, n := range b.All("Flag") {
		if n.Get("id").Text() == conflict.ID {
			flag = n
		}
	}
	equal(t, "both values", strings.Count(string(flag.Bytes()), `"2026-03-19"`)+strings.Count(string(flag.Bytes()), `"2026-03-26"`), 2)
	focus := map[string]string{}
	for _, n := range b.All("Task") {
		focus[n.At("code.text").Text()] = n.At("focus.reference").Text() + " " + n.Get("status").Text() + " " + n.At("statusReason.text").Text()
	}
	equal(t, "task of the conflict", focus["conflict"], "Flag/"+conflict.ID+" requested ")
	equal(t, "task of the proposal", focus["change-proposal"], "ServiceRequest/"+p.Shared.Proposals[0].ID+" rejected Makes good progress")

	// Read back, the plan's own resource states what the plan shows.
	c := &content{}
	x := newExtractor(b, "plan-write")
	x.masterPlan(plan, c)
	for _, s := range c.More.Shared.Statements {
		f := p.Field(s.Field)
		equal(t, s.Field, s.Value.Text+" "+s.Value.Code, f.Value.Text+" "+f.Value.Code)
	}
	equal(t, "fields", len(c.More.Shared.Statements), len(p.Shared.Fields))
	open, _ := march(t)
	for _, e := range Fold(open).FHIR().Entries() {
		if e.ID == p.Shared.Proposals[0].ID {
			c = &content{}
			equal(t, "a proposal reads as one", x.wishedChange(e, c), true)
			w := c.More.Shared.Wishes[0]
			equal(t, "proposal", w.Field+"="+w.Wanted.Text+" "+w.Is.Text, "status=on-hold Pause walking training")
		}
	}
	// Every shared value is a leaf of the plan, with live sources.
	seen := map[string]bool{}
	for _, l := range leaves(p) {
		kind, _, _ := strings.Cut(l.path, "/")
		seen[kind] = true
		for _, k := range l.from {
			if _, live := p.Sources[k]; !live {
				t.Errorf("%s rests on %s, which is not live", l.path, k)
			}
		}
	}
	for _, kind := range []string{"shared", "conflict", "proposal", "same"} {
		if !seen[kind] {
			t.Errorf("no leaf of %s", kind)
		}
	}
	ages := map[string]time.Duration{}
	for _, k := range p.Clocks() {
		if k.Subject == conflict.ID {
			ages[k.Rule] = k.Due.Sub(conflict.Opened)
		}
	}
	equal(t, "clocks", fmt.Sprint(ages["conflict-24h"], ages["conflict-72h"]), "24h0m0s 72h0m0s")
}

// TestManyStatements: a coordinator named in thousands of messages, and a decision about it, stay a matter of moments:
// the fold is not square in what one organisation repeats.
func TestManyStatements(t *testing.T) {
	var list []Record
	for i := range 3000 {
		c := &content{Contacts: []contactRow{{Kind: "professional", Name: fmt.Sprint("Kari ", i%2), Code: roleIndividualPlan}}}
		sender := []string{town, hospital}[i%2]
		when := worldBase.Add(time.Duration(i) * time.Minute)
		r := Record{Key: Key{sender, fmt.Sprint("k", i)}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: kindAdmissionReport, Sent: when, Receive: when,
			Mapping: "test/1", Chain: Chain{Op: samvirke.OpNew, Conversation: fmt.Sprint("k", i)}}
		r.fill(c)
		list = append(list, r)
	}
	p := Fold(list)
	equal(t, "the latest of each", sharedLines(p), "coordinator=Kari 1! open:Kari 1|Kari 0")
	decided := wrote(t, 1, town, "03-01 09:00", nil, []string{"coordinator", "person"}, resolveTask(conflictID(FieldCoordinator, ""), "Kari 0"))
	for i := range list {
		decided.Seen = append(decided.Seen, list[i].Key.String())
	}
	equal(t, "decided", sharedLines(Fold(append(list, decided))), "coordinator=Kari 0 resolved:Kari 0|Kari 1")
}

// ownedRecord makes a record of a world of measures, i hours after its beginning; on names the record it follows.
func ownedRecord(sender string, i int, on string, op samvirke.Op, c *content) Record {
	at := worldBase.Add(time.Duration(i) * time.Hour)
	r := Record{Key: Key{sender, fmt.Sprint("o", i)}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: "plan-write", Sent: at,
		Receive: at.Add(time.Minute), SenderName: orgNames[sender], Mapping: "test/1", Original: []string{town}}
	r.Chain = Chain{Op: op, Conversation: first(on, r.Key.MessageID), Parent: on}
	r.fill(c)
	return r
}

// TestOwnerThroughReplacement: two worlds out of a long run of P11. Whoever carries a measure, what its requester restates or
// drops changes nothing of it.
func TestOwnerThroughReplacement(t *testing.T) {
	t.Parallel()
	stated := func(text string) *content {
		return &content{Measures: []measure{{IDs: []string{"m0"}, Text: text, Kind: "proposal"}}}
	}
	yes := func() *content { return &content{Answers: []answer{{ID: "m0", Status: "accepted"}}} }
	edited := &content{}
	edited.shared().Wishes = []wishedChange{{ID: "m0", Edit: true, Is: measure{Ref: "urn:uuid:" + uuid(3), Text: "twice a week"}}}
	a, b := worldSenders[0], worldSenders[1]
	worlds := map[string]owned{
		"its requester accepted it first, dropped it, and states it again": {
			Records: []Record{ownedRecord(a, 0, "", "N", stated("walk")), ownedRecord(a, 1, "", "N", yes()),
				ownedRecord(a, 2, "o0", "M", &content{}), ownedRecord(b, 3, "", "N", yes())},
			Last: ownedRecord(a, 4, "o0", "M", stated("swim"))},
		"accepted, changed, withdrawn, stated again, dropped": {
			Records: []Record{ownedRecord(a, 0, "", "N", stated("walk")), ownedRecord(b, 1, "", "N", yes()), ownedRecord(b, 2, "", "N", edited),
				ownedRecord(a, 3, "o0", "C", &content{}), ownedRecord(a, 4, "o0", "M", stated("swim"))},
			Last: ownedRecord(a, 5, "o0", "M", &content{})},
	}
	for name, w := range worlds {
		if err := ownership(Fold, w); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
