package careplan

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan/function"
)

const (
	systemAbsent   = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
	systemCategory = "http://terminology.hl7.org/CodeSystem/observation-category"
)

// function writes each assessment as a panel with its items, a single value as one Observation. What is for
// display only (bands, changes, disagreements) is in none of it. Source: function.md section 4.
func (x *export) function() {
	for i := range x.p.Function {
		a := &x.p.Function[i]
		panel := x.observation(a, "", "")
		panel.Set("code", panelCode(a))
		if a.Variant != "" {
			panel.Set("method", fhir.NewObject("text", a.Variant))
		} else if a.Protocol != "" {
			panel.Set("method", fhir.NewObject("text", a.Protocol))
		}
		if a.Note != "" {
			panel.Append("note", fhir.NewObject("text", a.Note))
		}
		if x.alone(panel, a) {
			x.put(a.Owner, panel, a.ID, a.From)
			continue
		}
		total := a.totalAt()
		for at := 0; at < len(a.Scores); {
			s := &a.Scores[at]
			if at == total {
				setValue(panel, s)
				addNote(panel, s)
				at++
				continue
			}
			n := x.observation(a, s.System, s.Code)
			next := at + 1
			if s.Problem != "" {
				for next < len(a.Scores) && a.Scores[next].Problem == s.Problem {
					next++
				}
				problemNode(n, a.Scores[at:next])
			} else {
				n.Set("code", conceptNode(s.Text, &s.Value))
				setValue(n, s)
				addNote(n, s)
			}
			at = next
			parts := []string{"score", a.ID, s.System, s.Code, s.Text}
			if s.Problem != "" {
				parts = append(parts, s.Problem)
			}
			id := shortID("score", append(parts[1:], x.again(parts...))...)
			panel.Append("hasMember", reference(x.put(a.Owner, n, id, s.From)))
		}
		x.put(a.Owner, panel, a.ID, a.From)
	}
}

// alone tells whether an assessment was written as one Observation through the REST API: it is served as that.
func (x *export) alone(panel *fhir.Node, a *Assessment) bool {
	raw, _ := x.p.asWritten(panel, a.ID, a.From)
	return raw != nil && !hasMembers(raw)
}

// observation opens an Observation of an assessment. system and code name its item, for the categories of ICF.
func (x *export) observation(a *Assessment, system, code string) *fhir.Node {
	n := fhir.NewObject("resourceType", "Observation", "status", "final")
	n.Append("category", codeNode(fhir.SystemFunctionCategory, "functional-status"))
	kind := "survey"
	if in := function.Lookup(a.Instrument); in != nil && in.Kind == "measured" {
		kind = "exam"
	}
	n.Append("category", codeNode(systemCategory, kind))
	if code != "" {
		_, categories := function.RowsOf(a.Instrument, system, code)
		for _, c := range categories {
			n.Append("category", codeNode(function.SystemICF, c))
		}
	}
	n.Set("subject", reference(x.subject))
	setEffective(n, a)
	n.Append("performer", x.organisation(a.Owner))
	if a.Assessor != "" {
		n.Append("performer", fhir.NewObject("display", a.Assessor))
	}
	for _, e := range [...][2]string{{extSetting, a.Setting}, {extInformer, a.Informer}, {extDerived, a.Derived}} {
		if e[1] != "" {
			n.Append("extension", fhir.NewObject("url", e[0], "valueCode", e[1]))
		}
	}
	return n
}

// panelCode names the instrument by its published code, where there is one, and by our own with the variant.
func panelCode(a *Assessment) *fhir.Node {
	n := fhir.NewObject()
	label := a.Instrument
	in := function.Lookup(a.Instrument)
	if in != nil {
		label = in.Label
	}
	if t := a.totalAt(); t >= 0 && a.Scores[t].Code != "" && a.Scores[t].System != systemFunction {
		n.Append("coding", fhir.NewObject("system", a.Scores[t].System, "code", a.Scores[t].Code, "display", a.Scores[t].Text))
	}
	name := a.Instrument
	if a.Variant != "" && a.Variant != function.VariantUnknown {
		name += "-" + a.Variant
	}
	n.Append("coding", fhir.NewObject("system", systemFunction, "code", name))
	n.SetText("text", label)
	return n
}

// totalAt is where the value of the whole instrument stands, -1 when the source sent none.
func (a *Assessment) totalAt() int {
	name := a.Instrument
	if strings.HasPrefix(name, "barthel") {
		name = "barthel-20"
	}
	in := function.Lookup(name)
	if in == nil {
		return -1
	}
	for i := range a.Scores {
		s := &a.Scores[i]
		for _, c := range in.Codes {
			if s.System == c.System && s.Code == c.Code {
				return i
			}
		}
		if s.System == systemFunction && strings.HasPrefix(s.Code, a.Instrument) && in.ItemByCode(s.System, s.Code) == nil {
			return i
		}
	}
	return -1
}

// problemNode writes the scores of one problem as components, with the person's own words.
func problemNode(n *fhir.Node, scores []Score) {
	n.Set("code", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", systemFunction, "code", "copm")), "text", scores[0].Problem))
	n.Set("valueString", fhir.String(scores[0].Problem))
	for i := range scores {
		k := fhir.NewObject("code", conceptNode(scores[i].Text, &scores[i].Value))
		setValue(k, &scores[i])
		n.Append("component", k)
	}
}

func setEffective(n *fhir.Node, a *Assessment) {
	t := dateTime(a.Date)
	if t == "" {
		return
	}
	n.SetText("effectiveDateTime", t)
	n.Set("_effectiveDateTime", fhir.NewObject("extension", fhir.NewArray(
		fhir.NewObject("url", fhir.ExtDateSource, "valueCode", a.DateSource))))
	if a.DateSource == "" {
		n.Set("_effectiveDateTime", nil)
	}
}

// setValue writes the value as the source had it and the scale allows: a number only where the scale has it, digits as
// they were written. What the scale does not have stands in a note, with the reason "error".
// Source: function.md section 1, rule 2.
func setValue(n *fhir.Node, s *Score) {
	switch {
	case s.ValueCode != "" && !s.Invalid:
		v := codeNode(s.ValueSystem, s.ValueCode)
		v.SetText("text", s.Shown)
		n.Set("valueCodeableConcept", v)
	case s.NotRelevant:
		n.Set("valueCodeableConcept", codeNode(fhir.SystemFunctionScore, first(s.Shown, "9")))
	case s.Invalid:
		n.Set("dataAbsentReason", codeNode(systemAbsent, "error"))
	case s.Absent != "":
		n.Set("dataAbsentReason", codeNode(systemAbsent, s.Absent))
	case !s.Words && s.Unit == "" && isInteger(s.Shown):
		n.Set("valueInteger", fhir.Number(s.Shown))
	case !s.Words && isQuantity(s.Shown):
		number := strings.TrimLeft(s.Shown, "<>=")
		comparator := s.Shown[:len(s.Shown)-len(number)]
		n.Set("valueQuantity", fhir.NewObject("value", fhir.Number(number), "comparator", comparator, "unit", s.Unit))
	case s.Shown != "":
		n.Set("valueString", fhir.String(s.Shown))
	default:
		n.Set("dataAbsentReason", codeNode(systemAbsent, "unknown"))
	}
}

// isInteger tells whether a number was written as FHIR writes integers.
func isInteger(s string) bool {
	_, err := strconv.ParseInt(s, 10, 32)
	return err == nil && json.Valid([]byte(s))
}

// isQuantity tells whether a value is a number that the source wrote as one, with or without a comparator.
func isQuantity(s string) bool {
	number := strings.TrimLeft(s, "<>=")
	switch s[:len(s)-len(number)] {
	case "", "<", "<=", ">", ">=":
		_, ok := function.ParseNumber(number)
		return ok && json.Valid([]byte(number))
	}
	return false
}

func addNote(n *fhir.Node, s *Score) {
	switch s.Aid {
	case "":
	case "true", "false":
		n.Append("extension", fhir.NewObject("url", extAid, "valueBoolean", s.Aid == "true"))
	default:
		n.Append("extension", fhir.NewObject("url", extAid, "valueString", s.Aid))
	}
	if s.Invalid {
		n.Append("note", fhir.NewObject("text", "As written, outside the scale: "+words(s.Shown, s.Unit)))
	}
	if s.Note != "" {
		n.Append("note", fhir.NewObject("text", s.Note))
	}
}
