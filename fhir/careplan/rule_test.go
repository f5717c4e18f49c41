package careplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// report is a discharge report of the hospital.
func report(n int, sent string, list ...*fhir.Node) msg {
	return msg{kind: kindDischargeReport, id: uuid(n), from: hospital, to: []string{town}, sent: at(sent)}.with(list...)
}

func logMessage(n int, kind, sent string, e *fhir.Node) msg {
	return msg{kind: kind, id: uuid(n), from: hospital, to: []string{town}, sent: at(sent)}.with(e)
}

func instruction(t *testing.T, code, site string) *fhir.Node {
	where := ""
	if site != "" {
		where = `,"bodySite":[{"coding":[{"system":"urn:x","code":"` + site + `"}]}]`
	}
	return resource(t, `{"resourceType":"ServiceRequest","status":"active","intent":"order","code":{"coding":[{"system":"`+systemInstruction+`","code":"`+code+`","display":"`+code+`"}]}`+where+`}`)
}

func order(t *testing.T, text string) *fhir.Node {
	return resource(t, `{"resourceType":"ServiceRequest","status":"active","intent":"order","code":{"text":"`+text+`"}}`)
}

func deviceNode(t *testing.T, text, status, intent string) *fhir.Node {
	return resource(t, `{"resourceType":"DeviceRequest","status":"`+status+`","intent":"`+intent+`","codeCodeableConcept":{"text":"`+text+`"}}`)
}

func coordinatorNode(t *testing.T, name string) *fhir.Node {
	return resource(t, `{"resourceType":"PractitionerRole","practitioner":{"display":"`+name+`"},"code":[{"coding":[{"system":"`+fhir.SystemRole+`","code":"8"}]}],"telecom":[{"value":"5550100"}]}`)
}

func serviceOf(code, name, provider, start, end string) *fhir.Node {
	n := serviceNode(code, name, provider)
	if start != "" {
		n.Set("occurrencePeriod", fhir.NewObject("start", start, "end", end))
	}
	return n
}

// TestRules: each rule fires where it should, stays silent beside that, and can be switched off.
func TestRules(t *testing.T) {
	in, out := admission(1, "01-10 22:40", "01-10 22:15"), logMessage(2, kindDischarged, "01-25 11:20", encounter(at("01-10 22:15"), at("01-25 11:15")))
	ready := func(n int, when string) msg {
		return logMessage(n, kindReady, when, encounter(at("01-10 22:15"), time.Time{}, eventNode("3", stamp(at(when)), false)))
	}
	notReady := func(n int, when string) msg {
		return logMessage(n, kindNotReady, when, encounter(time.Time{}, time.Time{}, eventNode("4", stamp(at(when)), false)))
	}
	task := func(n int, from, text, status string) msg {
		return msg{kind: "task-answer", id: uuid(n), from: from, to: []string{hospital}, sent: at("01-26 13:30")}.with(taskNode(text, status, ""))
	}
	booked := fhir.NewObject("resourceType", "Appointment", "status", "booked", "start", "2026-03-25T10:00:00+01:00")
	promised := fhir.NewObject("resourceType", "Appointment", "status", "proposed", "comment", "in two months")
	referral := msg{kind: "HENVISNING", id: uuid(20), from: gp, to: []string{physio}, sent: at("01-26 10:00")}
	early := msg{kind: kindEarlyNotice, id: uuid(21), from: hospital, to: []string{town}, sent: at("01-12 10:00")}
	reply := func(from, to, sent string) msg {
		return msg{kind: "DIALOG_NOTAT", id: uuid(22), from: from, to: []string{to}, sent: at(sent)}
	}
	course, ended := resource(t, courseText), resource(t, strings.Replace(courseText, `"EpisodeOfCare",`, `"EpisodeOfCare","extension":[{"url":"`+extOutcome+`","valueCode":"less"}],`, 1))
	assessed := msg{kind: "assessment", id: uuid(30), from: town, to: []string{hospital}, sent: at("04-22 12:00")}.with(barthel(18, "2026-04-20"))
	early4 := msg{kind: "assessment", id: uuid(31), from: town, to: []string{hospital}, sent: at("03-25 12:00")}.with(barthel(15, "2026-03-25"))
	stopped := func(reason string) msg {
		return update(40, hospital, "01-25 12:00", resource(t, `{"resourceType":"ServiceRequest","status":"revoked","intent":"order","code":{"text":"Oxygen"}`+reason+`}`))
	}
	carried := update(41, hospital, "01-20 12:00", order(t, "Oxygen"))
	cases := []struct {
		rule         string
		fires, quiet [][]msg
	}{
		{"R1", [][]msg{{report(5, "01-25 13:00", proposal("Walking training", ""))}, {report(5, "01-25 13:00", proposal("Walking training", "")), task(6, town, "Walking training", "rejected")}},
			[][]msg{{report(5, "01-25 13:00", proposal("Walking training", "")), task(6, town, "Walking training", "accepted")}, {update(7, town, "01-25 13:00", order(t, "Walking training"))}}},
		{"R2", [][]msg{{report(5, "01-25 13:00", goalNode("Walks", "2026-03-01", true))}},
			[][]msg{{report(5, "01-25 13:00", goalNode("Walks", "2026-03-01", true), proposal("Walking training", ""))}}},
		{"R3", [][]msg{{report(5, "01-25 13:00", proposal("Walking training", ""))}},
			[][]msg{{report(5, "01-25 13:00", goalNode("Walks", "2026-03-01", true), proposal("Walking training", ""))}}},
		{"R4", [][]msg{{update(5, town, "01-25 13:00", coordinatorNode(t, "Kari Prøve")), update(6, gp, "01-26 13:00", coordinatorNode(t, "Per Prøve"))}},
			[][]msg{{update(5, town, "01-25 13:00", coordinatorNode(t, "Kari Prøve")), update(6, gp, "01-26 13:00", coordinatorNode(t, "kari  prøve"))}}},
		{"R5", [][]msg{{report(5, "01-25 13:00", proposal("Walking training", "2026-02-10"))}},
			[][]msg{{report(5, "01-25 13:00", proposal("Walking training", ""))},
				{report(5, "01-25 13:00", proposal("Walking training", "2026-02-10")), task(6, town, "Walking training", "accepted"), assessed}}},
		{"R6", [][]msg{{in, out}}, [][]msg{{in}, {in, out, report(5, "01-25 13:00")}}},
		{"R7", [][]msg{{in, out, report(5, "01-25 13:00", promised)}}, [][]msg{{in, out, report(5, "01-25 13:00", booked)}, {in, report(5, "01-24 13:00", promised)}}},
		{"R8", [][]msg{{update(5, hospital, "01-25 13:00", instruction(t, "no-weight-bearing", "")), update(6, town, "01-26 13:00", instruction(t, "walking-training", ""))},
			{update(5, hospital, "01-25 13:00", instruction(t, "walking-training", "left-leg"), instruction(t, "no-weight-bearing", "left-leg"))}},
			[][]msg{{update(5, hospital, "01-25 13:00", instruction(t, "no-weight-bearing", "left-leg")), update(6, town, "01-26 13:00", instruction(t, "walking-training", "right-leg"))},
				{update(5, hospital, "01-25 13:00", instruction(t, "no-weight-bearing", "")), update(6, town, "01-26 13:00", instruction(t, "strength-training", ""))},
				{update(5, hospital, "01-25 13:00", order(t, "no-weight-bearing")), update(6, town, "01-26 13:00", order(t, "walking-training"))}}},
		{"R9", [][]msg{{update(5, town, "01-25 13:00", serviceOf("15", "Home nursing", "Granli", "", "")), update(6, physio, "01-25 14:00", serviceOf("15", "Home nursing", "Elvely", "", ""))}},
			[][]msg{{update(5, town, "01-25 13:00", serviceOf("15", "Home nursing", "Granli", "", "")), update(6, physio, "01-25 14:00", serviceOf("15", "Home nursing", "granli", "", ""))},
				{update(5, town, "01-25 13:00", serviceOf("15", "Home nursing", "Granli", "2026-01-01", "2026-01-31")), update(6, physio, "01-25 14:00", serviceOf("15", "Home nursing", "Elvely", "2026-02-01", "2026-03-01"))},
				{update(5, town, "01-25 13:00", serviceOf("15", "Home nursing", "Granli", "", "")), update(6, physio, "01-25 14:00", serviceOf("6", "Alarm", "Elvely", "", ""))}}},
		{"R10", [][]msg{{in, ready(10, "01-19 10:00"), notReady(11, "01-19 17:00"), ready(12, "01-21 10:00"), notReady(13, "01-21 17:00")}},
			[][]msg{{in, ready(10, "01-19 10:00"), notReady(11, "01-19 17:00"), ready(12, "01-21 10:00")}}},
		{"R11", [][]msg{{referral}, {in, early}, {referral, reply(physio, town, "01-27 10:00")}},
			[][]msg{{referral, reply(physio, gp, "01-27 10:00")}, {in, early, reply(town, hospital, "01-13 10:00")}, {in, early, out}}},
		{"R13", [][]msg{{report(5, "01-25 13:00", deviceNode(t, "Walking frame", "active", "proposal"))}},
			[][]msg{{report(5, "01-25 13:00", deviceNode(t, "Walking frame", "active", "proposal")), update(6, town, "01-26 13:00", deviceNode(t, "walking frame", "active", "order"))},
				{report(5, "01-25 13:00", deviceNode(t, "Walking frame", "completed", "order"))}}},
		{"R14", [][]msg{{update(5, town, "02-25 08:00", course)}, {update(5, town, "02-25 08:00", course), early4}},
			[][]msg{{update(5, town, "02-25 08:00", course), assessed}, {update(5, town, "02-25 08:00", ended)}}},
		{"R15", [][]msg{{in}}, [][]msg{{in, msg{kind: kindAdmissionReport, id: uuid(5), from: town, to: []string{hospital}, sent: at("01-11 10:05")}}, {in, out}}},
		{"R16", [][]msg{{in, carried, out}, {in, out, stopped("")}},
			[][]msg{{in, carried}, {in, carried, out, update(42, town, "01-26 12:00", order(t, "oxygen"))}, {in, carried, out, report(43, "01-25 13:00", proposal("Oxygen", ""))},
				{in, carried, out, stopped(`,"note":[{"text":"Not needed any more"}]`)}}},
	}
	tried := map[string]bool{"R12": true} // has a test of its own
	for _, c := range cases {
		tried[c.rule] = true
		t.Run(c.rule, func(t *testing.T) {
			for i, list := range c.fires {
				p := foldAll(t, list...)
				at := slices.IndexFunc(p.Gaps, func(g Gap) bool { return g.Rule == c.rule })
				if at < 0 {
					t.Fatalf("case %d does not fire: %v", i, gapRules(p))
				}
				g := p.Gaps[at]
				if g.Severity != severityOf(c.rule) || g.Text == "" || len(g.From) == 0 {
					t.Errorf("case %d: %+v", i, g)
				}
				for _, k := range g.From {
					if _, live := p.Sources[k]; !live {
						t.Errorf("case %d rests on %s, which is not live", i, k)
					}
				}
				off := FoldWith(records(t, list...), Options{Off: []string{c.rule}})
				if slices.Contains(gapRules(off), c.rule) {
					t.Errorf("case %d fires although switched off", i)
				}
				equal(t, fmt.Sprint("other gaps of case ", i), len(off.Gaps), len(p.Gaps)-count(gapRules(p), c.rule))
			}
			for i, list := range c.quiet {
				if p := foldAll(t, list...); slices.Contains(gapRules(p), c.rule) {
					t.Errorf("quiet case %d fires: %+v", i, p.Gaps)
				}
			}
		})
	}
	for _, r := range rules() {
		if r.check != nil && !tried[r.ID] {
			t.Errorf("%s has no test", r.ID)
		}
	}
}

func count(list []string, s string) (n int) {
	for _, x := range list {
		n += b2i(x == s)
	}
	return n
}

// TestRuleTable: every rule has an id of its own, a severity and an explanation, and the severity that gaps carry is
// that of the table.
func TestRuleTable(t *testing.T) {
	seen := map[string]bool{}
	for i, r := range Rules() {
		if seen[r.ID] || r.Explanation == "" || r.Severity != severityOf(r.ID) || !strings.Contains("info warn urgent", r.Severity) {
			t.Errorf("rule %+v", r)
		}
		seen[r.ID] = true
		if i < 16 && r.ID != fmt.Sprint("R", i+1) {
			t.Errorf("rule %d is %s", i+1, r.ID)
		}
	}
}

// TestMinimumContent: what a complete plan has, one thing after the other.
func TestMinimumContent(t *testing.T) {
	kin := goalNode("Comes home", "2026-03-01", false)
	kin.Set("expressedBy", fhir.NewObject("reference", "RelatedPerson/x"))
	reason := kin.Clone()
	reason.Append("extension", fhir.NewObject("url", extBehalf, "valueString", "cannot speak"))
	minimum := func(p *Plan) (out []string) {
		for _, g := range p.Gaps {
			if !strings.HasPrefix(g.Rule, "R") {
				out = append(out, g.Rule)
			}
		}
		return out
	}
	goal := goalNode("Walks", "2026-03-01", true)
	cases := []struct {
		name string
		list []msg
		want []string
	}{
		{"no plan to speak of", []msg{admission(1, "01-10 22:40", "01-10 22:15")}, nil},
		{"a measure alone", []msg{report(2, "01-25 13:00", proposal("Walking training", ""))}, []string{gapNoContactPoint, gapNoCoordinator, gapNoEvaluation, gapNoGoal}},
		{"a professional's goal", []msg{report(2, "01-25 13:00", goalNode("Walks", "2026-03-01", false), proposal("Walking training", "2026-02-10"))},
			[]string{gapNoContactPoint, gapNoCoordinator, gapNoPatientGoal}},
		{"kin without a reason", []msg{update(2, hospital, "01-25 13:00", kin, proposal("Walking training", "2026-02-10"))}, []string{gapNoContactPoint, gapNoCoordinator, gapNoPatientGoal}},
		{"kin with a reason", []msg{update(2, hospital, "01-25 13:00", reason, proposal("Walking training", "2026-02-10"))}, []string{gapNoContactPoint, gapNoCoordinator}},
		{"after a stay", []msg{admission(1, "01-10 22:40", "01-10 22:15"), report(2, "01-25 13:00", goal, proposal("Walking training", "2026-02-10"))},
			[]string{gapNoContactPoint, gapNoCoordinator, gapNoZonePlan}},
		{"with a zone plan", []msg{admission(1, "01-10 22:40", "01-10 22:15"), report(2, "01-25 13:00", goal, proposal("Walking training", "2026-02-10")),
			update(3, hospital, "01-25 14:00", resource(t, zoneText("red", "Cannot speak", "Ring 113")))}, []string{gapNoContactPoint, gapNoCoordinator}},
		{"with a coordinator who can be reached", []msg{update(2, town, "01-25 13:00", goal, proposal("Walking training", "2026-02-10"), coordinatorNode(t, "Kari Prøve"))}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := foldAll(t, c.list...)
			equal(t, "gaps", minimum(p), c.want)
			if len(c.want) > 0 {
				off := FoldWith(records(t, c.list...), Options{Off: c.want})
				equal(t, "switched off", minimum(off), []string(nil))
			}
		})
	}
}

// TestPlanEvaluation: the plan's own date of evaluation is R5 too, and a later date moves it.
func TestPlanEvaluation(t *testing.T) {
	master := func(n int, day, sent string) msg {
		return update(n, town, sent, resource(t, `{"resourceType":"CarePlan","status":"active","intent":"plan","subject":{"display":"x"},
			"extension":[{"url":"`+fhir.ExtBase+`StructureDefinition/next-evaluation","valueDateTime":"`+day+`"}]}`))
	}
	first := master(1, "2026-03-26", "03-12 09:05")
	due := func(p *Plan) (out []string) {
		for _, g := range p.Gaps {
			if g.Rule == "R5" {
				out = append(out, g.Due.Format("01-02T15:04"))
			}
		}
		return out
	}
	equal(t, "due", due(foldAll(t, first)), []string{"03-26T22:00"})
	later := master(2, "2026-04-02", "03-27 09:05")
	later.op, later.parent, later.conv = "M", first.id, first.id
	equal(t, "moved", due(foldAll(t, first, later)), []string{"04-02T22:00"})
	equal(t, "withdrawn", due(foldAll(t, first, cancel(first, 3, "03-13 09:05"))), []string(nil))
}
