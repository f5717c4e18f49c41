package careplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// TestAnswers: who accepts, by which name, in which order.
func TestAnswers(t *testing.T) {
	report := msg{kind: kindDischargeReport, id: uuid(1), from: hospital, to: []string{town}, sent: at("01-25 13:00")}.with(
		proposal("Walking training", ""), proposal("Speech therapy", ""))
	report.resources[1].Append("identifier", fhir.NewObject("value", "req-2"))
	const first = 6 // header, sender 2, receiver 2, patient
	url := fhir.EntryURL(report.id, first)
	id := Fold(records(t, report)).Measures[0].ID
	changed := report
	changed.op, changed.parent, changed.conv, changed.id, changed.sent = samvirke.OpChange, report.id, report.id, uuid(2), at("01-25 14:00")
	focus := func(pairs ...any) *fhir.Node { return fhir.NewObject(pairs...) }
	answer := func(n int, from, status string, sent string, focus *fhir.Node) msg {
		return msg{kind: "task-answer", id: uuid(n), from: from, to: []string{hospital}, sent: at(sent)}.with(
			fhir.NewObject("resourceType", "Task", "status", status, "intent", "proposal", "focus", focus))
	}
	cases := []struct {
		name string
		list []msg
		want string // status:owner of both measures
		flag string
	}{
		{"nobody", []msg{report}, "requested: requested:", "[]"},
		{"by full URL", []msg{report, answer(3, town, "accepted", "01-25 15:00", focus("reference", url))}, "accepted:200001 requested:", "[]"},
		{"by our id", []msg{report, answer(3, town, "accepted", "01-25 15:00", focus("reference", "ServiceRequest/"+id))}, "accepted:200001 requested:", "[]"},
		{"by absolute URL of our id", []msg{report, answer(3, town, "accepted", "01-25 15:00", focus("reference", "https://gw.example/fhir/ServiceRequest/"+id))}, "accepted:200001 requested:", "[]"},
		{"by identifier", []msg{report, answer(3, town, "accepted", "01-25 15:00", focus("identifier", focus("value", "req-2")))}, "requested: accepted:200001", "[]"},
		{"by text", []msg{report, answer(3, town, "accepted", "01-25 15:00", focus("display", "walking  TRAINING"))}, "accepted:200001 requested:", "[]"},
		{"by full URL of a replaced version", []msg{report, changed, answer(3, town, "accepted", "01-25 15:00", focus("reference", url))}, "accepted:200001 requested:", "[]"},
		{"unknown", []msg{report, answer(3, town, "accepted", "01-25 15:00", focus("display", "Gardening"))}, "requested: requested:", "[answer-unmatched]"},
		{"no, then yes", []msg{report, answer(3, town, "rejected", "01-25 15:00", focus("reference", url)), answer(4, town, "accepted", "01-26 15:00", focus("reference", url))}, "accepted:200001 requested:", "[]"},
		{"yes, then no", []msg{report, answer(3, town, "accepted", "01-25 15:00", focus("reference", url)), answer(4, town, "rejected", "01-26 15:00", focus("reference", url))}, "rejected: requested:", "[]"},
		{"no, then another owner", []msg{report, answer(3, town, "rejected", "01-25 15:00", focus("reference", url)), answer(4, physio, "accepted", "01-26 15:00", focus("reference", url))}, "accepted:400001 requested:", "[]"},
		{"two owners", []msg{report, answer(3, town, "accepted", "01-25 15:00", focus("reference", url)), answer(4, physio, "accepted", "01-26 15:00", focus("reference", url))}, "accepted:200001 requested:", "[several-owners]"},
		{"in progress", []msg{report, answer(3, town, "in-progress", "01-25 15:00", focus("reference", url))}, "active:200001 requested:", "[]"},
		{"completed", []msg{report, answer(3, town, "completed", "01-25 15:00", focus("reference", url))}, "completed:200001 requested:", "[]"},
		{"received only", []msg{report, answer(3, town, "received", "01-25 15:00", focus("reference", url))}, "requested: requested:", "[]"},
		{"answer withdrawn", []msg{report, answer(3, town, "accepted", "01-25 15:00", focus("reference", url)),
			cancel(answer(3, town, "accepted", "01-25 15:00", focus("reference", url)), 4, "01-25 16:00")}, "requested: requested:", "[]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, reverse := range []bool{false, true} {
				list := records(t, c.list...)
				if reverse {
					slices.Reverse(list)
				}
				p := Fold(list)
				var got []string
				for _, m := range p.Measures {
					got = append(got, m.Status+":"+m.Owner)
				}
				equal(t, "measures", strings.Join(got, " "), c.want)
				equal(t, "flags", fmt.Sprint(flagCodes(p)), c.flag)
			}
		})
	}
}

// TestGaps goes through the rules one by one.
func TestGaps(t *testing.T) {
	report := func(list ...*fhir.Node) msg {
		return msg{kind: kindDischargeReport, id: uuid(2), from: hospital, to: []string{town}, sent: at("01-25 13:00")}.with(list...)
	}
	adm := admission(1, "01-10 22:40", "01-10 22:15")
	out := msg{kind: kindDischarged, id: uuid(3), from: hospital, to: []string{town}, sent: at("01-25 12:00")}.with(encounter(at("01-10 22:15"), at("01-25 11:00")))
	dead := out
	dead.resources = []*fhir.Node{out.resources[0].Clone()}
	dead.resources[0].Set("hospitalization", fhir.NewObject("dischargeDisposition", codeNode(fhir.OIDVolven+"8431", "2")))
	coordinator := fhir.NewObject("resourceType", "PractitionerRole", "code", fhir.NewArray(codeNode(fhir.SystemRole, "8")),
		"practitioner", fhir.NewObject("display", "Kari Samordner"), "telecom", fhir.NewArray(fhir.NewObject("system", "phone", "value", "tel:55 00 00 00")))
	cases := []struct {
		name      string
		list      []msg
		has, lack []string
	}{
		{"admitted", []msg{adm}, []string{"R15"}, []string{"no-goal", "no-coordinator", "R6"}},
		{"discharged without report", []msg{adm, out}, []string{"R6"}, []string{"R15", "R7"}},
		{"discharged dead", []msg{adm, dead}, nil, []string{"R6"}},
		{"discharged with report", []msg{adm, out, report(goalNode("walk", "2026-03-01", true))}, []string{"R2", "no-coordinator", "no-evaluation", "no-zone-plan"}, []string{"R6", "no-goal", "no-patient-goal"}},
		{"goal of the hospital only", []msg{report(goalNode("walk", "2026-03-01", false), proposal("training", "2026-02-01"))},
			[]string{"R1", "R5", "no-patient-goal", "no-contact-point"}, []string{"R2", "R3", "no-goal", "no-evaluation"}},
		{"measure without goal", []msg{report(proposal("training", ""))}, []string{"R1", "R3", "no-goal", "no-evaluation"}, []string{"R2", "R5"}},
		{"coordinator with a number", []msg{report(proposal("training", ""), coordinator)}, nil, []string{"no-coordinator", "no-contact-point"}},
		{"check-up promised", []msg{adm, out, report(fhir.NewObject("resourceType", "Appointment", "status", "proposed"))}, []string{"R7"}, nil},
		{"check-up booked", []msg{adm, out, report(fhir.NewObject("resourceType", "Appointment", "status", "booked", "start", "2026-03-01T10:00:00+01:00"))}, nil, []string{"R7"}},
		{"zone plan", []msg{adm, report(proposal("training", ""), section("Soneplan", "Green"))}, nil, []string{"no-zone-plan"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rules := gapRules(Fold(records(t, c.list...)))
			for _, r := range c.has {
				if !slices.Contains(rules, r) {
					t.Errorf("no %s in %v", r, rules)
				}
			}
			for _, r := range c.lack {
				if slices.Contains(rules, r) {
					t.Errorf("%s in %v", r, rules)
				}
			}
		})
	}
	equal(t, "dead at discharge", Fold(records(t, adm, dead)).Person.Deceased.Text, "2026-01-25T11:00:00+01:00")
	p := Fold(records(t, report(coordinator)))
	equal(t, "contact", fmt.Sprint(p.Contacts[0].Name, " ", p.Contacts[0].Phone, " ", p.Contacts[0].RoleCode), "Kari Samordner [55 00 00 00] 8")
}

// TestDiff: what the versions page shows.
func TestDiff(t *testing.T) {
	course := strokeCourse()
	got := Diff(Fold(records(t, course[:3]...)), Fold(records(t, course[:4]...)))
	equal(t, "change of one score", fmt.Sprint(got), fmt.Sprint([]Change{{Path: "function/" + Fold(records(t, course[:4]...)).Function[0].ID + "/Personal-hygiene-7",
		Label: "Function iplos 2026-01-05 · Personal hygiene 7", Old: "1", New: "2", From: []string{town + "/" + uuid(3)}}}))
	if SamePlan(Fold(records(t, course[:3]...)), Fold(records(t, course[:4]...))) {
		t.Error("a changed score is the same plan")
	}
	if d := Diff(nil, Fold(nil)); len(d) != 0 {
		t.Errorf("empty plan: %v", d)
	}
	for _, c := range Diff(Fold(records(t, course...)), nil) {
		if c.Old == "" || c.New != "" {
			t.Errorf("gone without an old value: %+v", c)
		}
	}
}
