package careplan

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan/function"
)

// observed is an Observation with a code and a value.
func observed(system, code, key string, value any) *fhir.Node {
	return fhir.NewObject("resourceType", "Observation", "status", "final", "code", codeNode(system, code), "effectiveDateTime", "2026-02-10", key, value)
}

func withMembers(panel *fhir.Node, m *msg, members ...*fhir.Node) []*fhir.Node {
	all := append([]*fhir.Node{panel}, members...)
	for i := range members {
		panel.Append("hasMember", fhir.NewObject("reference", fhir.EntryURL(m.id, 6+len(m.resources)+1+i)))
	}
	return all
}

func assessed(n int, from string, nodes ...*fhir.Node) msg {
	return msg{kind: "assessment", id: uuid(n), from: from, to: []string{town}, sent: at("02-10 12:00")}.with(nodes...)
}

func planOf(t *testing.T, list ...msg) *Plan {
	t.Helper()
	return Fold(stored(t, records(t, list...)))
}

// shownScores says assessments in short.
func shownScores(a Assessment) string {
	var out []string
	for _, s := range a.Scores {
		n := "-"
		if s.Number != nil {
			n = fmt.Sprint(*s.Number)
		}
		out = append(out, strings.TrimSpace(s.Problem+" "+s.Code+"="+s.Shown+" "+n))
	}
	return strings.Join(out, "; ")
}

// TestCircumstances: setting, informer, assessor, protocol and aid are read, and each makes another line.
func TestCircumstances(t *testing.T) {
	tug := func(change func(n *fhir.Node)) *fhir.Node {
		n := observed(systemSNOMED, "444680009", "valueQuantity", fhir.NewObject("value", fhir.Number("13.50"), "unit", "s"))
		change(n)
		return n
	}
	ext := func(url, code string) func(n *fhir.Node) {
		return func(n *fhir.Node) { n.Append("extension", fhir.NewObject("url", url, "valueCode", code)) }
	}
	lines := map[string]bool{}
	for _, c := range []struct {
		name   string
		change func(n *fhir.Node)
		want   string
	}{
		{"plain", func(*fhir.Node) {}, "   tug"},
		{"setting", ext(extSetting, "usual"), "usual   tug;setting=usual"},
		{"setting as component", func(n *fhir.Node) {
			n.Append("component", fhir.NewObject("code", codeNode(systemFunction, "setting"), "valueCodeableConcept", codeNode(systemFunction, "standard")))
		}, "standard   tug;setting=standard"},
		{"no such setting", ext(extSetting, "kitchen"), "   tug"},
		{"informer counts for self-report only", ext(extInformer, "kin"), " kin  tug"},
		{"protocol", func(n *fhir.Node) { n.Set("method", text("Arm chair")) }, "  arm-chair tug;protocol=arm-chair"},
		{"aid", func(n *fhir.Node) { n.Append("extension", fhir.NewObject("url", extAid, "valueString", "Rollator")) }, "  aid-rollator tug;protocol=aid-rollator"},
	} {
		p := planOf(t, assessed(1, town, tug(c.change)))
		a := p.Function[0]
		equal(t, c.name, strings.Join([]string{a.Setting, a.Informer, a.Protocol, a.Line}, " "), c.want)
		equal(t, c.name+" score", shownScores(a), "444680009=13.50 13.5")
		lines[a.Line] = true
	}
	equal(t, "lines", len(lines), 5)

	step := observed(systemLOINC, "83186-7", "valueInteger", 3)
	step.Append("extension", fhir.NewObject("url", extAid, "valueString", "Rollator"))
	step.Set("method", text("barthel-20"))
	walked := planOf(t, assessed(1, town, step))
	equal(t, "aid of an item", fmt.Sprint(walked.Function[0].Scores[0].Aid, " ", *walked.Function[0].Scores[0].Number), "Rollator 3")
	if out := string(walked.FHIR().Bytes()); !strings.Contains(out, `"valueString":"Rollator"`) {
		t.Errorf("the aid does not go out: %s", out)
	}

	n := tug(func(n *fhir.Node) { n.Append("performer", fhir.NewObject("display", "Kari Testvik")) })
	n.Append("derivedFrom", fhir.NewObject("reference", "QuestionnaireResponse/q1"))
	a := planOf(t, assessed(1, town, n)).Function[0]
	equal(t, "assessor and form", a.Assessor+" "+a.Form, "Kari Testvik QuestionnaireResponse/q1")
}

// TestWordsAreNoNumbers: digits in a text stay text, as does the display of a concept that is none of the scale.
func TestWordsAreNoNumbers(t *testing.T) {
	for _, c := range []struct {
		name  string
		key   string
		value any
		want  string
	}{
		{"text", "valueString", "3", "5=3 -"},
		{"text that tells much", "valueString", "betydelig bedring", "5=betydelig bedring -"},
		{"display", "valueCodeableConcept", fhir.NewObject("text", "3"), "5=3 -"},
		{"foreign concept", "valueCodeableConcept", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", "http://other", "code", "3", "display", "4"))), "5=4 -"},
		{"concept of the scale", "valueCodeableConcept", codeNode(fhir.SystemFunctionScore, "3"), "5=3 3"},
		{"comparator", "valueQuantity", fhir.NewObject("value", fhir.Number("3"), "comparator", ">"), "5=>3 -"},
		{"not done", "dataAbsentReason", codeNode("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-performed"), "5=not-performed -"},
		{"integer", "valueInteger", 3, "5=3 3"},
		{"out of range", "valueInteger", 6, "5=6 -"},
	} {
		p := planOf(t, assessed(1, town, observed(fhir.SystemFunction, "5", c.key, c.value)))
		equal(t, c.name, shownScores(p.Function[0]), c.want)
		for _, r := range p.Picture(at("02-11 10:00")).Rows {
			for _, cell := range r.Cells {
				if (cell.Number != nil) != strings.HasSuffix(c.want, "3 3") {
					t.Errorf("%s: cell %+v", c.name, cell)
				}
			}
		}
	}
}

// TestProblemsOfOnesOwn: one Observation per problem with components, means on the panel.
func TestProblemsOfOnesOwn(t *testing.T) {
	problem := func(words string, performance, satisfaction int) *fhir.Node {
		n := observed(systemFunction, "copm", "valueString", words)
		for code, v := range map[string]int{"copm-performance": performance, "copm-satisfaction": satisfaction} {
			if v > 0 {
				n.Append("component", fhir.NewObject("code", codeNode(systemFunction, code), "valueInteger", v))
			}
		}
		return n
	}
	course := func(n int, date string, mean string, problems ...*fhir.Node) msg {
		m := msg{kind: "assessment", id: uuid(n), from: town, to: []string{gp}, sent: at(date + " 12:00")}
		panel := observed(systemFunction, "copm", "effectiveDateTime", "2026-"+date)
		panel.Append("component", fhir.NewObject("code", codeNode(systemFunction, "copm-mean-performance"), "valueQuantity", fhir.NewObject("value", fhir.Number(mean))))
		for _, p := range problems {
			p.SetText("effectiveDateTime", "2026-"+date)
		}
		return m.with(withMembers(panel, &m, problems...)...)
	}
	start := course(1, "01-30", "3", problem("walk the dog", 2, 1), problem("cook", 4, 0), problem("read", 5, 0), problem("garden", 1, 0))
	end := course(2, "04-22", "5.7", problem("walk the dog", 6, 7), problem("cook", 5, 0), problem("read", 6, 0))
	p := planOf(t, end, start)
	equal(t, "assessments", len(p.Function), 2)
	equal(t, "flags", fmt.Sprint(flagCodes(p)), "[]")
	if got := shownScores(p.Function[0]); !strings.Contains(got, "walk the dog copm-performance=2 2") || !strings.Contains(got, "copm-mean-performance=3 3") {
		t.Errorf("start: %s", got)
	}
	pic := p.Picture(at("04-23 10:00"))
	found := false
	for _, r := range pic.Scales {
		for _, l := range r.Lines {
			if strings.HasSuffix(l.Key, ";problems") && r.ID == "copm/performance" {
				found = true
				equal(t, "change", fmt.Sprintf("%.4f %s", l.Whole.Amount, l.Whole.Of), "2.0000 3 of 4 problems")
			}
		}
	}
	if !found {
		t.Errorf("no change of the problems: %+v", pic.Scales)
	}
	wrong := planOf(t, course(3, "01-30", "4", problem("walk the dog", 2, 1), problem("cook", 4, 0)))
	equal(t, "wrong mean", fmt.Sprint(flagCodes(wrong), wrong.Function[0].Issues), "[mean-mismatch] [mean-mismatch]")
}

// TestEQ5D: profile, five levels, scale and index of one panel are three assessments, and the index is checked.
func TestEQ5D(t *testing.T) {
	dims := []string{"301438001", "284773001", "284545001", "364624006", "285854004"}
	build := func(profile, set, index string, levels ...int) msg {
		m := msg{kind: "assessment", id: uuid(1), from: town, to: []string{gp}, sent: at("02-10 12:00")}
		panel := observed(systemSNOMED, "73041000052103", "valueString", profile)
		var members []*fhir.Node
		for i, l := range levels {
			members = append(members, observed(systemSNOMED, dims[i], "valueInteger", l))
		}
		vas := observed(systemSNOMED, "736535009", "valueInteger", 70)
		ix := observed(systemSNOMED, "736534008", "valueQuantity", fhir.NewObject("value", fhir.Number(index)))
		if set != "" {
			ix.Set("method", text(set))
		}
		return m.with(withMembers(panel, &m, append(members, vas, ix)...)...)
	}
	for _, c := range []struct {
		name, profile, set, index string
		levels                    []int
		flags                     string
	}{
		{"right", "11123", "dk", "0.761", []int{1, 1, 1, 2, 3}, "[]"},
		{"index of another set", "11123", "dk", "0.8", []int{1, 1, 1, 2, 3}, "[index-mismatch]"},
		{"no set", "11123", "", "0.761", []int{1, 1, 1, 2, 3}, "[index-incomplete]"},
		{"four levels and no profile", "", "dk", "0.761", []int{1, 1, 1, 2}, "[index-incomplete]"},
		{"profile of others", "11124", "dk", "0.761", []int{1, 1, 1, 2, 3}, "[profile-mismatch]"},
	} {
		p := planOf(t, build(c.profile, c.set, c.index, c.levels...))
		equal(t, c.name, fmt.Sprint(flagCodes(p)), c.flags)
		equal(t, c.name+": assessments", len(p.Function), 3)
		for _, a := range p.Function {
			if a.Instrument == "eq-5d-5l" && c.profile != "" && (a.Scores[0].Number != nil || a.Scores[0].Shown != c.profile) {
				t.Errorf("%s: the profile is %+v", c.name, a.Scores[0])
			}
		}
	}
	alone := planOf(t, assessed(1, town, observed(systemSNOMED, "364624006", "valueInteger", 3)))
	equal(t, "a finding of pain that stands alone is no EQ-5D", alone.Function[0].Instrument, "unknown")
}

// TestConditionSeverity: a FSIII condition stays what it is, and gives a derived assessment by concept, never by display.
func TestConditionSeverity(t *testing.T) {
	condition := func(code, severity, display string) *fhir.Node {
		n := fhir.NewObject("resourceType", "Condition", "code", codeNode(function.SystemFSIII, code), "recordedDate", "2026-02-10")
		if severity != "" {
			n.Set("severity", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", function.SystemFSIII, "code", severity, "display", display))))
		}
		return n
	}
	for _, c := range []struct{ name, code, severity, display, want, flags string }{
		{"legacy code", "J3.8", "B2", "1", "J3.8=1 1", "[]"},
		{"the digit of the code is no severity", "J3.8", "B4", "4", "J3.8=3 3", "[]"},
		{"uuid", "J3.8", "d984ad21-48fe-4619-845e-2aa0303048e7", "2", "J3.8=2 2", "[]"},
		{"not relevant", "J3.8", "B6", "9", "J3.8=9 -", "[]"},
		{"missing", "J3.8", "", "", "J3.8=not recorded -", "[severity-missing]"},
		{"nursing", "I2.1", "B2", "1", "I2.1=1 -", "[severity-forbidden value-out-of-range]"},
	} {
		p := planOf(t, assessed(1, town, condition(c.code, c.severity, c.display)))
		if len(p.Function) != 1 {
			t.Fatalf("%s: %+v", c.name, p.Function)
		}
		a := p.Function[0]
		equal(t, c.name, shownScores(a), c.want)
		equal(t, c.name+" flags", fmt.Sprint(flagCodes(p)), c.flags)
		equal(t, c.name+" derived", a.Derived+" "+a.Instrument, "fsiii-severity fsiii")
		equal(t, c.name+" condition", len(p.Diagnoses), 1)
		if c.severity != "" && c.code == "J3.8" {
			equal(t, c.name+" code", a.Scores[0].ValueCode, c.severity)
		}
	}
	equal(t, "nursing without severity", len(planOf(t, assessed(1, town, condition("I2.1", "", ""))).Function), 0)
}

// TestTwoQualifiers: performance and capacity of an ICF category are two assessments that share no line.
func TestTwoQualifiers(t *testing.T) {
	part := func(code string, v int) *fhir.Node {
		return fhir.NewObject("code", codeNode(systemFunction, code), "valueInteger", v)
	}
	components := observed(function.SystemICF, "d450", "component", fhir.NewArray(part("performance", 3), part("capacity", 1)))
	for name, n := range map[string]*fhir.Node{"components": components, "code": observed(function.SystemICF, "d450.31", "note", nil)} {
		p := planOf(t, assessed(1, town, n))
		got := map[string]string{}
		for _, a := range p.Function {
			got[a.Setting] = shownScores(a)
		}
		equal(t, name, fmt.Sprint(got), "map[standard:d450=1 1 usual:d450=3 3]")
		if len(p.Function) != 2 || p.Function[0].Line == p.Function[1].Line {
			t.Errorf("%s: lines %+v", name, p.Function)
		}
	}
}

// TestUndated: an assessment without a date is of the start of the assessor's own stay, else of the message, and says so.
func TestUndated(t *testing.T) {
	n := func() *fhir.Node {
		o := barthel(15, "")
		o.Set("effectiveDateTime", nil)
		return o
	}
	adm := admission(1, "01-10 22:40", "01-10 22:15")
	for from, want := range map[string]string{hospital: "stay [no-date] true", town: "message [no-date] false"} {
		p := planOf(t, adm, msg{kind: "assessment", id: uuid(2), from: from, to: []string{gp}, sent: at("01-12 10:00")}.with(n()))
		a := p.Function[0]
		equal(t, from, fmt.Sprint(a.DateSource, " ", a.Issues, " ", strings.HasPrefix(a.Date, "2026-01-10T22:15")), want)
	}
}

// TestBothAreAsked: rule R12 asks the two assessors, until one of them has assessed again.
func TestBothAreAsked(t *testing.T) {
	walking := observed(systemLOINC, "83186-7", "valueInteger", 0)
	walking.Set("method", text("barthel-20"))
	walking.Append("extension", fhir.NewObject("url", extSetting, "valueCode", "usual"))
	iplos := observed(fhir.SystemFunction, "5", "valueInteger", 1)
	iplos.Append("extension", fhir.NewObject("url", extSetting, "valueCode", "usual"))
	list := records(t, assessed(1, hospital, walking), assessed(2, town, iplos))
	asked := func(list []Record) (rules []string, tasks []string) {
		f := &fold{p: Fold(list)}
		f.p.Gaps, f.p.Tasks = nil, nil
		f.disagreements()
		for _, g := range f.p.Gaps {
			rules = append(rules, g.Rule)
		}
		for _, k := range f.p.Tasks {
			tasks = append(tasks, k.For)
		}
		return rules, tasks
	}
	rules, tasks := asked(list)
	equal(t, "asked", fmt.Sprint(rules, tasks), fmt.Sprintf("[R12] [%s %s]", hospital, town))
	again := observed(systemLOINC, "83186-7", "valueInteger", 3)
	again.Set("method", text("barthel-20"))
	again.SetText("effectiveDateTime", "2026-02-12")
	again.Append("extension", fhir.NewObject("url", extSetting, "valueCode", "usual"))
	later := assessed(3, hospital, again)
	later.sent = at("02-12 12:00")
	rules, tasks = asked(append(list, later.record(t)))
	equal(t, "answered", fmt.Sprint(rules, tasks), "[] []")
	rules, tasks = asked(list[:1])
	equal(t, "one alone", fmt.Sprint(rules, tasks), "[] []")
}

// TestCitizensView: codes of the citizen's own view are words, not a severity.
func TestCitizensView(t *testing.T) {
	for code, want := range map[string]string{"C2": "does parts of it -", "D1": "feels no limitation -", "E3": "end -", "B3": "2 2"} {
		p := planOf(t, assessed(1, town, observed(function.SystemFSIII, "J3.8", "valueCodeableConcept", codeNode(function.SystemFSIII, code))))
		equal(t, code, shownScores(p.Function[0]), "J3.8="+want)
		equal(t, code+" as written", p.Function[0].Scores[0].ValueCode, code)
	}
}

// TestNewDiagnosisExplains: between two assessments that do not fit, a diagnosis that was first told explains it.
func TestNewDiagnosisExplains(t *testing.T) {
	walking := observed(systemLOINC, "83186-7", "valueInteger", 0)
	walking.Set("method", text("barthel-20"))
	walking.SetText("effectiveDateTime", "2026-02-14")
	stroke := fhir.NewObject("resourceType", "Condition", "code", codeNode("urn:oid:2.16.578.1.12.4.1.1.7110", "I63.4"))
	before := assessed(1, town, observed(fhir.SystemFunction, "5", "valueInteger", 1))
	told := assessed(2, gp, stroke)
	told.sent = at("02-12 09:00")
	for n, list := range map[int][]msg{1: {before, assessed(3, hospital, walking)}, 0: {before, told, assessed(3, hospital, walking)}} {
		p := planOf(t, list...)
		equal(t, "open questions", len(p.Picture(at("02-20 10:00")).Disagreements), n)
		rules := 0
		for _, g := range p.Gaps {
			if g.Rule == "R12" {
				rules++
			}
		}
		equal(t, "R12", rules, n)
	}
}

// TestImportantForTheGroup: the plan's diagnosis decides which thresholds speak of the person's group.
func TestImportantForTheGroup(t *testing.T) {
	one, two := barthel(6, "2026-01-15"), barthel(18, "2026-04-22")
	stroke := fhir.NewObject("resourceType", "Condition", "code", codeNode("urn:oid:2.16.578.1.12.4.1.1.7110", "I63.4"))
	for name, want := range map[string]function.Size{"stroke": function.SizeImportant, "": function.SizeUnknown} {
		m := assessed(1, town, one, two)
		if name != "" {
			m = assessed(1, town, one, two, stroke)
		}
		pic := planOf(t, m).Picture(at("04-23 10:00"))
		if len(pic.Scales) != 1 || len(pic.Scales[0].Lines) != 1 {
			t.Fatalf("%q: %+v", name, pic.Scales)
		}
		s := pic.Scales[0].Lines[0].Whole
		equal(t, "size for "+name, s.Size, want)
		if s.Amount != 12 || math.IsNaN(s.Amount) {
			t.Errorf("amount %v", s.Amount)
		}
	}
	if got := (*Plan)(nil).Picture(time.Time{}); got == nil || len(got.Rows) != 0 {
		t.Errorf("no plan gives %+v", got)
	}
}
