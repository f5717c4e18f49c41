package careplan

import (
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan/function"
)

// more gives the rare part of a value, made when there is none yet.
func (s *score) more() *scoreMore {
	if s.More == nil {
		s.More = &scoreMore{}
	}
	return s.More
}

// scoreOf reads value and code of one Observation or component. The value stays text: whether it is a number
// within range is decided by the instrument when the plan is folded. What was written as words is marked,
// so that it never is.
func scoreOf(n *fhir.Node) score {
	s := score{coded: concept(n.Get("code")), Note: noteText(n)}
	switch {
	case n.Get("valueInteger") != nil:
		s.Value = n.Get("valueInteger").Text()
	case n.Get("valueQuantity") != nil:
		q := n.Get("valueQuantity")
		s.Value = q.Get("comparator").Text() + q.Get("value").Text()
		s.Unit = first(q.Get("unit").Text(), q.Get("code").Text())
	case n.Get("valueCodeableConcept") != nil:
		s.codedValue(n.Get("valueCodeableConcept"))
	case n.Get("valueString") != nil:
		if s.Value = n.Get("valueString").Text(); s.Value != "" {
			s.more().Words = true
		}
	case n.Get("dataAbsentReason") != nil:
		reason := concept(n.Get("dataAbsentReason"))
		s.Value = first(reason.Text, "not recorded")
		s.more().Absent, s.More.Words = first(reason.Code, "unknown"), true
	}
	return s
}

// codedValue reads a value that is a concept. Only the concepts of a scale have a number; the display of a concept is
// words, also when it is a digit.
func (s *score) codedValue(n *fhir.Node) {
	v := concept(n)
	s.Value = first(v.Text, v.Code)
	if s.Value == "" {
		return
	}
	switch {
	case v.System == fhir.SystemFunctionScore && v.Code == "9":
		s.Value, s.NotRelevant = "9", true
		return
	case v.System == fhir.SystemFunctionScore && len(v.Code) == 1 && v.Code >= "1" && v.Code <= "5":
		s.Value = v.Code // the code is the score
	case v.System == function.SystemICF && len(v.Code) == 1 && strings.Contains("0123489", v.Code):
		s.Value = v.Code // the qualifier itself
	case v.System == function.SystemFSIII:
		number, ok := function.Severity(v.Code)
		if !ok { // the citizen's own view, or what came of a follow-up: words, also without a display
			s.more().Words = true
			if view, known := function.CitizenView(v.Code); known && v.Text == v.Code {
				s.Value = view
			} else if result, known := function.FollowUp(v.Code); known && v.Text == v.Code {
				s.Value = result
			}
			break
		}
		s.Value, s.NotRelevant = strconv.Itoa(number), number == 9
	default:
		s.more().Words = true
	}
	if v.Code != "" {
		s.more().Code, s.More.System = v.Code, v.System
	}
}
