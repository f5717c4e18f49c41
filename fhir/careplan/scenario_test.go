package careplan

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// visible is the plan without its provenance lists: what "nothing changed" means for a reader.
func visible(p *Plan) string {
	c := *p
	c.Sources, c.History = nil, nil
	return string(c.JSON())
}

func admission(n int, sent string, start string) msg {
	return msg{kind: kindAdmitted, id: uuid(n), from: hospital, to: []string{town}, sent: at(sent)}.with(encounter(at(start), time.Time{}))
}

func cancel(of msg, n int, sent string) msg {
	of.resources = nil
	of.op, of.parent, of.conv, of.id, of.sent = samvirke.OpCancel, of.id, first(of.conv, of.id), uuid(n), at(sent)
	return of
}

// S2: the withdrawal arrives before the admission.
func TestCancelBeforeAdmission(t *testing.T) {
	n := admission(1, "01-10 10:10", "01-10 10:00")
	n.received = at("01-10 10:14")
	c := cancel(n, 2, "01-10 10:12")
	c.received = at("01-10 10:12")
	p := Fold(records(t, c))
	equal(t, "stays with the withdrawal alone", len(p.Stays), 0)
	equal(t, "flags", flagCodes(p), []string{"orphan"})
	p = Fold(records(t, c, n))
	equal(t, "stays", len(p.Stays), 0)
	equal(t, "team", len(p.Team), 0)
	equal(t, "flags with both", flagCodes(p), []string(nil))
	equal(t, "history", len(p.History), 2)
	equal(t, "gaps", gapRules(p), []string(nil))
}

// S3: the discharge arrives first; the admission fills the start and does not reopen.
func TestDischargeBeforeAdmission(t *testing.T) {
	for _, repeats := range []bool{false, true} {
		t.Run(fmt.Sprintf("repeats admission time %v", repeats), func(t *testing.T) {
			start := time.Time{}
			if repeats {
				start = at("01-10 22:15")
			}
			d := msg{kind: kindDischarged, id: uuid(2), from: hospital, to: []string{town}, sent: at("01-25 11:20")}.
				with(encounter(start, at("01-25 11:15")))
			p := Fold(records(t, d))
			equal(t, "status", p.Stays[0].Status, "finished")
			equal(t, "start known", p.Stays[0].Start != nil, repeats)
			equal(t, "gap", slices.Contains(gapRules(p), "stay-start-unknown"), !repeats)
			n := admission(1, "01-10 22:40", "01-10 22:15")
			n.received = at("01-26 08:00")
			p = Fold(records(t, d, n))
			equal(t, "stays", len(p.Stays), 1)
			equal(t, "status with admission", p.Stays[0].Status, "finished")
			equal(t, "start", p.Stays[0].Start.Text, "2026-01-10T22:15:00+01:00")
			equal(t, "gap with admission", slices.Contains(gapRules(p), "stay-start-unknown"), false)
			equal(t, "flags", flagCodes(p), []string(nil))
		})
	}
}

// S4: two changes of one message.
func TestFork(t *testing.T) {
	n := msg{kind: kindDischargeReport, id: uuid(1), from: hospital, to: []string{town}, sent: at("01-25 10:00")}.with(goalNode("first", "2026-03-01", true))
	a, b := n, n
	a.op, a.parent, a.conv, a.id, a.sent, a.resources = samvirke.OpChange, n.id, n.id, uuid(2), at("01-25 11:00"), []*fhir.Node{goalNode("second", "2026-03-01", true)}
	b.op, b.parent, b.conv, b.id, b.sent, b.resources = samvirke.OpChange, n.id, n.id, uuid(3), at("01-25 12:00"), []*fhir.Node{goalNode("third", "2026-03-01", true)}
	p := Fold(records(t, b, n, a))
	equal(t, "flags", flagCodes(p), []string{"fork"})
	equal(t, "goal", p.Goals[0].Text, "third")
	equal(t, "history", len(p.History), 2)
}

// S5: a message about the wrong person.
func TestWrongPerson(t *testing.T) {
	base := records(t, strokeCourse()...)
	before := Fold(base)
	n := msg{kind: kindDischargeReport, id: uuid(50), from: physio, to: []string{town}, sent: at("02-01 10:00")}.with(
		goalNode("of somebody else", "2026-05-01", true), proposal("of somebody else", ""), barthel(3, "2026-01-31"))
	with := append(slices.Clone(base), n.record(t))
	if visible(Fold(with)) == visible(before) {
		t.Fatal("the wrong message is not visible at all")
	}
	after := Fold(append(with, cancel(n, 51, "02-01 11:00").record(t)))
	if visible(after) != visible(before) {
		t.Errorf("the withdrawn message left something:\n%v", Diff(before, after))
	}
	if !SamePlan(before, after) {
		t.Error("SamePlan sees a difference")
	}
	equal(t, "history grows", len(after.History)-len(before.History), 2)
}

// S14: same message id, other content.
func TestMessageIDReused(t *testing.T) {
	one := admission(1, "01-10 22:40", "01-10 22:15")
	one.received = at("01-10 22:41")
	two := admission(1, "01-10 22:40", "01-10 20:00")
	two.received = at("01-10 22:42")
	want := Fold(records(t, one))
	for _, order := range [][]msg{{one, two}, {two, one}, {two, one, two}} {
		p := Fold(records(t, order...))
		equal(t, "flags", flagCodes(p), []string{"message-id-reused"})
		equal(t, "start", p.Stays[0].Start.Text, want.Stays[0].Start.Text)
		equal(t, "history", fmt.Sprint(len(p.History), " ", p.History[0].State), "1 duplicate-id")
	}
}

// TestMappedAgain: a message that was mapped again is no reuse of its id; the latest mapping counts.
func TestMappedAgain(t *testing.T) {
	old := admission(1, "01-10 22:40", "01-10 22:00").record(t)
	again := admission(1, "01-10 22:40", "01-10 22:15").record(t)
	again.Mapping = "test/2"
	for _, list := range [][]Record{{old, again}, {again, old}} {
		p := Fold(list)
		equal(t, "start", p.Stays[0].Start.Text, "2026-01-10T22:15:00+01:00")
		equal(t, "flags and history", fmt.Sprint(flagCodes(p), len(p.History)), "[] 0")
	}
}

// TestChains are the odd chains of careplan.md section 5.1.
func TestChains(t *testing.T) {
	report := func(n int, op samvirke.Op, parent, conv int, from, goal, sent string) msg {
		m := msg{kind: kindDischargeReport, id: uuid(n), op: op, from: from, to: []string{town}, sent: at(sent)}
		if parent > 0 {
			m.parent = uuid(parent)
		}
		if conv > 0 {
			m.conv = uuid(conv)
		}
		if goal != "" {
			m = m.with(goalNode(goal, "2026-03-01", true))
		}
		return m
	}
	cases := []struct {
		name  string
		list  []msg
		goals []string
		flags []string
	}{
		{"change with the same time as its original", []msg{
			report(2, "M", 1, 1, hospital, "new", "01-25 10:00"), report(1, "N", 0, 0, hospital, "old", "01-25 10:00")}, []string{"new"}, nil},
		{"change with an earlier time than its original", []msg{
			report(1, "N", 0, 0, hospital, "old", "01-25 10:00"), report(2, "M", 1, 1, hospital, "new", "01-24 10:00")}, []string{"new"}, nil},
		{"addition", []msg{
			report(1, "N", 0, 0, hospital, "first", "01-25 10:00"), report(2, "A", 1, 1, hospital, "more", "01-25 11:00")}, []string{"first", "more"}, nil},
		{"change clears additions", []msg{
			report(1, "N", 0, 0, hospital, "first", "01-25 10:00"), report(2, "A", 1, 1, hospital, "more", "01-25 11:00"),
			report(3, "M", 2, 1, hospital, "all", "01-25 12:00")}, []string{"all"}, nil},
		{"cancellation of the latest change withdraws the whole", []msg{
			report(1, "N", 0, 0, hospital, "old", "01-25 10:00"), report(2, "M", 1, 1, hospital, "new", "01-25 11:00"),
			report(3, "C", 2, 1, hospital, "", "01-25 12:00")}, nil, nil},
		{"change whose original has not come", []msg{
			report(2, "M", 1, 1, hospital, "new", "01-25 11:00")}, []string{"new"}, []string{"orphan"}},
		{"cancellation of a change that has not come", []msg{
			report(1, "N", 0, 0, hospital, "old", "01-25 10:00"), report(3, "C", 2, 1, hospital, "", "01-25 12:00")}, nil, []string{"orphan"}},
		{"change after the withdrawal reopens", []msg{
			report(1, "N", 0, 0, hospital, "old", "01-25 10:00"), report(2, "C", 1, 1, hospital, "", "01-25 11:00"),
			report(3, "M", 2, 1, hospital, "again", "01-25 12:00")}, []string{"again"}, []string{"reopened"}},
		{"cycle", []msg{
			report(1, "M", 2, 9, hospital, "one", "01-25 10:00"), report(2, "M", 1, 9, hospital, "two", "01-25 11:00")}, []string{"two"}, []string{"cycle"}},
		{"own parent", []msg{report(1, "M", 1, 1, hospital, "one", "01-25 10:00")}, []string{"one"}, []string{"cycle"}},
		{"another organisation's withdrawal", []msg{
			report(1, "N", 0, 0, hospital, "stays", "01-25 10:00"), report(2, "C", 1, 1, town, "", "01-25 11:00")}, []string{"stays"}, []string{"foreign-change"}},
		{"another organisation's change", []msg{
			report(1, "N", 0, 0, hospital, "stays", "01-25 10:00"), report(2, "M", 1, 1, town, "theirs", "01-25 11:00")}, []string{"stays"}, []string{"foreign-change"}},
		{"withdrawal without any reference", []msg{
			report(1, "N", 0, 0, hospital, "stays", "01-25 10:00"), report(2, "C", 0, 0, hospital, "", "01-25 11:00")}, []string{"stays"}, []string{"no-parent"}},
		{"withdrawal with the conversation only", []msg{
			report(1, "N", 0, 0, hospital, "gone", "01-25 10:00"), report(2, "C", 0, 1, hospital, "", "01-25 11:00")}, nil, nil},
		{"two kinds in one conversation", []msg{
			report(1, "N", 0, 9, hospital, "stays", "01-25 10:00"),
			{kind: "HELSEOPPL_SOKNAD", id: uuid(2), op: "N", conv: uuid(9), from: hospital, to: []string{town}, sent: at("01-25 11:00")}}, []string{"stays"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, reverse := range []bool{false, true} {
				list := slices.Clone(c.list)
				if reverse {
					slices.Reverse(list)
				}
				p := Fold(records(t, list...))
				var goals []string
				for _, g := range p.Goals {
					goals = append(goals, g.Text)
				}
				equal(t, "goals", goals, c.goals)
				equal(t, "flags", flagCodes(p), c.flags)
			}
		})
	}
}

// TestLooseWithdrawalSuggests: the task names what the withdrawal may be about.
func TestLooseWithdrawalSuggests(t *testing.T) {
	n := admission(1, "01-10 22:40", "01-10 22:15")
	c := n
	c.resources, c.op, c.id, c.sent = nil, samvirke.OpCancel, uuid(2), at("01-10 23:00")
	p := Fold(records(t, n, c))
	equal(t, "stays", len(p.Stays), 1)
	equal(t, "task", fmt.Sprint(p.Tasks[0].Rule, p.Tasks[0].From), fmt.Sprint("no-parent", []string{hospital + "/" + uuid(2), hospital + "/" + uuid(1)}))
}

// TestEpicrisis: epicrises and referrals 1.x are chained by document id, without references.
func TestEpicrisis(t *testing.T) {
	for _, kind := range []string{"EPIKRISE", "HENVISNING"} {
		t.Run(kind, func(t *testing.T) { chainedByDocument(t, kind) })
	}
}

func chainedByDocument(t *testing.T, kind string) {
	doc := func(n int, op samvirke.Op, sent, received, code string) msg {
		m := msg{kind: kind, id: uuid(n), op: op, conv: "doc-1", from: hospital, to: []string{gp}, sent: at(sent), received: at(received)}
		return m.with(fhir.NewObject("resourceType", "Condition", "code", codeNode(fhir.SystemICD10, code)))
	}
	n := doc(1, "N", "01-25 10:00", "01-25 10:01", "I63.9")
	m := doc(2, "M", "01-25 11:00", "01-25 11:01", "I63.4")
	late := doc(3, "M", "01-25 11:30", "01-25 12:30", "I63.3")
	c := doc(4, "C", "01-25 12:00", "01-25 09:00", "")
	shown := func(list ...msg) (out []string) {
		for _, d := range Fold(records(t, list...)).Diagnoses {
			out = append(out, d.Code)
		}
		return out
	}
	equal(t, "change", shown(m, n), []string{"I63.4"})
	equal(t, "later change", shown(late, m, n), []string{"I63.3"})
	equal(t, "withdrawn", shown(c, late, m, n), []string(nil))
	equal(t, "flags", flagCodes(Fold(records(t, c, n, m))), []string(nil))
}

// TestFromMessageRefuses: a message that cannot be a record is refused with a stable code.
func TestFromMessageRefuses(t *testing.T) {
	good := admission(1, "01-10 22:40", "01-10 22:15")
	for code, spoil := range map[string]func(*samvirke.Envelope) *samvirke.Envelope{
		"no-message":    func(*samvirke.Envelope) *samvirke.Envelope { return nil },
		"no-message-id": func(e *samvirke.Envelope) *samvirke.Envelope { e.ID = " "; return e },
		"no-sender":     func(e *samvirke.Envelope) *samvirke.Envelope { e.Sender = samvirke.Address{}; return e },
		"no-patient":    func(e *samvirke.Envelope) *samvirke.Envelope { e.Patient = samvirke.PatientRef{}; return e },
	} {
		b, env := good.build()
		_, err := FromMessage(b, spoil(env), Meta{Received: at("01-10 22:41")})
		f, ok := errors.AsType[*samvirke.Fault](err)
		if !ok || f.Code != code || f.Class != samvirke.Invalid || strings.Contains(err.Error(), testFNR) {
			t.Errorf("%s: got %v", code, err)
		}
	}
	if _, err := ParseRecord([]byte(`{"content":{"go":7}}`)); samvirke.FaultOf(err).Code != "record-broken" {
		t.Errorf("broken record: %v", err)
	}
}

// TestRecordJSON: a stored record gives the same plan.
func TestRecordJSON(t *testing.T) {
	list := records(t, strokeCourse()...)
	want := Fold(list).JSON()
	if got := Fold(stored(t, list)).JSON(); !bytes.Equal(got, want) {
		t.Errorf("stored records give another plan:\n%s\n%s", got, want)
	}
}

// TestManyRecords: a system that sends the same thing over and over makes a long plan, not an endless
// one: the plan grows with the records, not with their square.
func TestManyRecords(t *testing.T) {
	shapes := map[string]func(i int) Record{
		"overlapping admissions": func(i int) Record {
			r := Record{Kind: kindAdmitted, Chain: Chain{Op: samvirke.OpNew, Conversation: fmt.Sprint("m", i)}}
			r.fill(&content{Events: []event{{Code: eventAdmitted, Time: formatTime(worldBase.Add(time.Duration(i) * time.Minute))}}})
			return r
		},
		"changes without reference": func(i int) Record {
			r := Record{Kind: kindDischargeReport, Chain: Chain{Op: samvirke.OpChange}}
			r.fill(&content{})
			return r
		},
		"one long chain": func(i int) Record {
			r := Record{Kind: kindDischargeReport, Chain: Chain{Op: samvirke.OpChange, Conversation: "m0", Parent: fmt.Sprint("m", i-1)}}
			r.fill(&content{Goals: []goal{{Text: "x"}}})
			return r
		},
	}
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			size := func(n int) int {
				list := make([]Record, n)
				for i := range list {
					r := shape(i)
					r.Key, r.Subject = Key{hospital, fmt.Sprint("m", i)}, "x|1"
					r.Sent = worldBase.Add(time.Duration(i) * time.Minute)
					r.Receive = r.Sent
					list[i] = r
				}
				return len(Fold(list).JSON())
			}
			if a, b := size(300), size(600); b > 3*a {
				t.Errorf("600 records give %d bytes, 300 give %d", b, a)
			}
		})
	}
}
