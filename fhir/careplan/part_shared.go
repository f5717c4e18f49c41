package careplan

import "time"

// SharedPart is what several parties write together, with who said what.
// Source: careplan.md sections 5.3 and 5.4.
type SharedPart struct {
	// Fields are the shared fields that somebody stated, by name.
	Fields []Field `json:"fields,omitempty"`
	// Conflicts are open ones, and resolved ones for as long as their candidates live.
	Conflicts []Conflict `json:"conflicts,omitempty"`
	Proposals []Proposal `json:"proposals,omitempty"`
	// Same are links between two owners' descriptions of the same real thing; they are never fused.
	Same []SameAs `json:"same,omitempty"`
}

// Names of the shared fields of the plan itself. The patient's own goal is "patient-goal".
const (
	FieldStatus         = "status"
	FieldPeriodStart    = "period-start"
	FieldPeriodEnd      = "period-end"
	FieldNextEvaluation = "next-evaluation"
	FieldCoordinator    = "coordinator"
	FieldPatientGoal    = "patient-goal"
)

// Field is one shared field with the value that is shown first.
type Field struct {
	Name string `json:"name"`
	// Element is the id of the plan's item that the field is of: the goal; "" for the plan itself.
	Element   string    `json:"element,omitempty"`
	Value     Value     `json:"value"`
	By        string    `json:"by"` // organisation whose statement is shown
	At        time.Time `json:"at,omitzero"`
	Contested bool      `json:"contested,omitempty"`
}

// Conflict is a field about which live statements that have not seen each other differ, or differed.
type Conflict struct {
	// ID names the field too: there is one conflict about a field at a time, and it keeps its id.
	ID    string `json:"id"`
	Field string `json:"field"`
	// Element is the id of the plan's item that the field is of: the goal; "" for the plan itself.
	Element    string      `json:"element,omitempty"`
	Status     string      `json:"status"` // open, resolved, basis-withdrawn
	Opened     time.Time   `json:"opened,omitzero"`
	Candidates []Candidate `json:"candidates"` // the shown one first
	// Earlier are, of an open one that had been resolved, the values that the decision was about.
	Earlier []Candidate `json:"earlier,omitempty"`
	// Chosen is the value of the decision, with the record that made it; nil while nobody has decided.
	Chosen     *Value `json:"chosen,omitempty"`
	ResolvedBy string `json:"resolved_by,omitempty"` // organisation
	Author     string `json:"author,omitempty"`      // the person who resolved it
	For        string `json:"for"`                   // who must resolve it: HER-id, or "coordinator"
}

// Candidate is one of the values that a conflict is about.
type Candidate struct {
	Value
	By     string    `json:"by"`
	Author string    `json:"author,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Shown  bool      `json:"shown,omitempty"`
	// Removed: the statement is that the field has no value any more.
	Removed bool `json:"removed,omitempty"`
}

// Proposal is a change that one party wishes of another one's element.
type Proposal struct {
	ID string `json:"id"`
	// Element is the id of the plan's item it is about, "" when it is about something new.
	Element string `json:"element,omitempty"`
	Owner   string `json:"owner"` // who must answer: HER-id, or "coordinator"
	By      string `json:"by"`
	Author  string `json:"author,omitempty"`
	Text    string `json:"text"`
	// Wanted is the value wanted, when it is one field.
	Field  string    `json:"field,omitempty"`
	Wanted *Value    `json:"wanted,omitempty"`
	Status string    `json:"status"` // requested, accepted, changed, rejected, answered
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at,omitzero"`
	From   []string  `json:"from"`
	Closed []string  `json:"closed,omitempty"` // the records that answered it
}

// SameAs links two items of the plan. Confirmed by a person, or suggested by a rule.
type SameAs struct {
	A         string   `json:"a"`
	B         string   `json:"b"`
	Confirmed bool     `json:"confirmed,omitempty"`
	Rule      string   `json:"rule,omitempty"`
	From      []string `json:"from"`
}
