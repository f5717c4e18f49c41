package careplan

import "strings"

// sorts of facts, as the steps of a fold read them. What a record states is worked out once, so that a step passes
// over all records that have nothing for it without reading them.
type sorts uint32

const (
	ofStay sorts = 1 << iota
	ofDiagnoses
	ofGoals
	ofMeasures
	ofServices
	ofCheckups
	ofAids
	ofContacts
	ofNotes
	ofPanels
	ofAnswers
	ofMore     // what few records state
	ofStated   // a statement on a shared field
	ofLimits   // for whom the record is
	ofRights   // see rightsFacts
	ofReport   // a report of an admission or a discharge
	ofReferral // what somebody must answer
	ofReceipt

	// ofItems is anything that clinical lists.
	ofItems = ofDiagnoses | ofGoals | ofMeasures | ofServices | ofCheckups | ofAids | ofContacts | ofNotes
)

// sorts tells what a record states.
func (r *rec) sorts() (s sorts) {
	c := r.facts
	set := func(is bool, one sorts) {
		if is {
			s |= one
		}
	}
	set(isStayKind(r.Kind) || len(c.Events) > 0, ofStay)
	set(len(c.Diagnoses) > 0, ofDiagnoses)
	set(len(c.Goals) > 0, ofGoals)
	set(len(c.Measures) > 0, ofMeasures)
	set(len(c.Services) > 0, ofServices)
	set(len(c.Checkups) > 0, ofCheckups)
	set(len(c.Aids) > 0, ofAids)
	set(len(c.Contacts) > 0, ofContacts)
	set(len(c.Notes) > 0, ofNotes)
	set(len(c.Panels) > 0, ofPanels)
	set(len(c.Answers) > 0, ofAnswers)
	set(c.More != nil, ofMore)
	set(r.sharedFacts() != nil || r.coordinatorCode() != "", ofStated)
	set(r.NoForwarding || c.rights() != nil, ofLimits)
	set(c.rights() != nil, ofRights)
	set(r.Kind == kindDischargeReport || r.Kind == kindAdmissionReport, ofReport)
	set(r.Kind == kindEarlyNotice || strings.HasPrefix(r.Kind, "HENVISNING"), ofReferral)
	set(r.Kind == KindReceipt, ofReceipt)
	return s
}

// with gives the live records that state any of these, in order.
func (f *fold) with(any sorts) func(yield func(*rec) bool) {
	return func(yield func(*rec) bool) {
		if f.says&any == 0 {
			return
		}
		for _, r := range f.live {
			if r.says&any != 0 && !yield(r) {
				return
			}
		}
	}
}

// courseOf goes through the live records that state something about the course, in order.
func (f *fold) courseOf() func(yield func(*rec) bool) {
	return func(yield func(*rec) bool) {
		for r := range f.with(ofMore) {
			if statesCourse(r) && !yield(r) {
				return
			}
		}
	}
}
