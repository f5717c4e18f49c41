package careplan

import (
	"cmp"
	"strings"
	"time"
)

// stated is one live statement on a shared field.
type stated struct {
	rec *rec
	// field is the id of the field's conflict, which names the field whatever it is called; name is what
	// it is called, "" for a decision about a field that nobody named; element is the thing it is of.
	field, name, element string
	goal                 int // place in content.Goals, counted from 1
	value                coded
	removed              bool
	at                   time.Time
	// decides is the decision that the statement is; nil for an ordinary one.
	decides *decidedConflict
}

// statedID tells statements of one record apart by what they say.
type statedID struct{ key, field, value string }

func (s *stated) id() statedID { return statedID{s.rec.key, s.field, s.word()} }

// conflictID names the conflict about a field. It is the same in every version of a plan.
func conflictID(field, element string) string { return shortID("conflict", field, element) }

// statements are those of one record. A decision counts as a statement on its field when a person made it who
// may: the coordinating organisation, or for a goal in the patient's own words the patient.
func (r *rec) statements() []stated {
	if r.says&ofStated == 0 {
		return nil
	}
	var out []stated
	if f := r.sharedFacts(); f != nil {
		for i := range f.Statements {
			s := &f.Statements[i]
			out = append(out, stated{rec: r, field: conflictID(s.Field, s.Element), name: s.Field, element: s.Element,
				goal: s.Goal, value: s.Value, removed: s.Remove, at: r.stating(s.At)})
		}
		for i := range f.Resolutions {
			d := &f.Resolutions[i]
			if !r.mayDecide(d) {
				continue
			}
			out = append(out, stated{rec: r, field: d.Conflict, name: planFieldOf(d.Conflict), value: d.Value, removed: d.Remove,
				at: r.stating(""), decides: d})
		}
	}
	return append(out, r.statedCoordinator()...)
}

// statedCoordinator reads the coordinator out of the contacts that any message may list. The coordinator of the
// individual plan comes before the one of the hospital when one message names both.
func (r *rec) statedCoordinator() []stated {
	code := r.coordinatorCode()
	if code == "" {
		return nil
	}
	var out []stated
	for i := range r.facts.Contacts {
		c := &r.facts.Contacts[i]
		if c.Code != code || c.Name == "" {
			continue
		}
		s := stated{rec: r, field: conflictID(FieldCoordinator, ""), name: FieldCoordinator, value: coded{Text: c.Name}, at: r.stating("")}
		again := false
		for j := range out {
			again = again || out[j].word() == s.word()
		}
		if !again {
			out = append(out, s)
		}
	}
	return out
}

// coordinatorCode is the role by which a message names who coordinates; "" when it names nobody.
func (r *rec) coordinatorCode() string {
	code := ""
	for i := range r.facts.Contacts {
		switch c := &r.facts.Contacts[i]; {
		case c.Name == "":
		case c.Code == roleIndividualPlan:
			code = c.Code
		case c.Code == roleHospitalCoordinator && code == "":
			code = c.Code
		}
	}
	return code
}

// Codes of list 9034 for the coordinator of an individual plan and the one that a hospital appoints.
const (
	roleIndividualPlan      = "8"
	roleHospitalCoordinator = "18"
)

// mayDecide tells whether a record may resolve a conflict: a person did it who speaks for the coordinating
// organisation, or, about anything but the plan's own fields, the patient.
func (r *rec) mayDecide(d *decidedConflict) bool {
	if !contains(r.Roles, "person") {
		return false
	}
	return contains(r.Roles, "coordinator") || contains(r.Roles, "patient") && planFieldOf(d.Conflict) == ""
}

// planFieldOf is the name of the plan's own field whose conflict has this id; "" for any other.
func planFieldOf(conflict string) string {
	for _, name := range planFields() {
		if conflictID(name, "") == conflict {
			return name
		}
	}
	return ""
}

// stating is when a statement became so: the time the source gives, else that of the event or of writing. Nothing was
// so later than it was told: a clock that runs ahead does not put a value before others.
func (r *rec) stating(at string) time.Time {
	t := r.Event
	if at != "" {
		t = parseMoment(at).effectiveAt(r)
	}
	if t.IsZero() || t.After(r.order) {
		return r.order
	}
	return t
}

// word is the value in the form in which values are compared: the code, else the moment, else the words.
func (s *stated) word() string {
	switch {
	case s.removed:
		return ""
	case s.value.Code != "":
		return s.value.System + "|" + s.value.Code + "|"
	}
	if m := parseMoment(s.value.Text); !m.at.IsZero() {
		if m.day {
			return m.text
		}
		return formatTime(m.at)
	}
	return plainKey(s.value.Text)
}

// sameValue tells whether two statements on one field say the same. A coordinator whom one source names with an
// identifier and the other only by name is the same one when the names are equal.
func (s *stated) sameValue(o *stated) bool {
	if s.removed || o.removed {
		return s.removed == o.removed
	}
	if (s.value.Code == "") != (o.value.Code == "") {
		return plainKey(s.value.Text) == plainKey(o.value.Text)
	}
	if s.name == FieldPatientGoal || o.name == FieldPatientGoal { // the words count, also beside a code
		return s.word() == o.word() && plainKey(s.value.Text) == plainKey(o.value.Text)
	}
	return s.word() == o.word()
}

// differ tells whether any two of the statements have different values.
func differing(list []stated) bool {
	for i := range list {
		for j := range list[:i] {
			if !list[i].sameValue(&list[j]) {
				return true
			}
		}
	}
	return false
}

// before puts the statement that is shown first before the others: the organisation of higher priority, then the
// greatest (event time, order time, key). Source: careplan.md section 5.3.
func (s *stated) before(o *stated, priority []string) int {
	rank := func(x *stated) int {
		for i, her := range priority {
			if her == x.rec.Key.Sender {
				return i
			}
		}
		return len(priority)
	}
	return cmp.Or(cmp.Compare(rank(s), rank(o)), o.at.Compare(s.at), o.rec.order.Compare(s.rec.order),
		strings.Compare(o.rec.key, s.rec.key), strings.Compare(s.word(), o.word()))
}
