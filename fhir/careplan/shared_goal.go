package careplan

import "github.com/samvirke/samvirke/fhir"

// Goals in the patient's own words that have an identifier: whoever records one again records the same goal. A
// recording that another one overwrote is not shown as a goal beside it.

func isHER(c coded) bool { return c.System == fhir.SystemHER && c.Code != "" }

// goalGone tells whether the i-th goal of a record is an overwritten recording of the patient's goal.
func (f *fold) goalGone(r *rec, i int) bool {
	s := f.goalStatement(r, i)
	return s != nil && f.sight.gone[s.id()]
}

// goalStatement is the statement that the i-th goal of a record makes; nil for nearly all goals.
func (f *fold) goalStatement(r *rec, i int) *stated {
	if r.sharedFacts() == nil {
		return nil
	}
	for _, s := range r.statements() {
		if s.goal == i+1 {
			return &s
		}
	}
	return nil
}

// sharedGoalID is the id of a goal in the patient's own words: the same for as long as this organisation records
// it, whatever the words; "" for any other goal.
func (f *fold) sharedGoalID(r *rec, i int) string {
	s := f.goalStatement(r, i)
	if s == nil {
		return ""
	}
	return shortID("goal", r.Key.Sender, "identifier", s.element)
}

// goalID is the id of the goal that a statement is about.
func (f *fold) goalID(s *stated) string {
	for _, g := range f.p.Goals {
		if s.goal > 0 && contains(g.From, s.rec.key) && g.Text == first(s.value.Text, s.value.Code) {
			return g.ID
		}
	}
	return ""
}
