package careplan

import "time"

// RightsPart is who the person is, who takes part when, and what may be shown to whom.
// Source: careplan.md sections 7 and 8.
type RightsPart struct {
	// Identities are all identifiers of the person, the one the plan is shown under first. It is
	// empty when there is only one.
	Identities   []Identity    `json:"identities,omitempty"`
	Members      []Membership  `json:"members,omitempty"` // every period of every member that was stated
	Restrictions []Restriction `json:"restrictions,omitempty"`
	Held         []Held        `json:"held,omitempty"`
	// Withheld are names of fields and kinds of items of which something is not shown to this viewer,
	// where policy allows that sign. It is always empty in the plan that sees all.
	Withheld []string `json:"withheld,omitempty"`
}

// Identity is one identifier of the person, system|value as in Plan.Patient, with the links it rests on.
type Identity struct {
	Patient string `json:"patient"`
	// Plan says how the master plan written under it stands, when there is one: active, ended or replaced. Two
	// active ones are flagged "two-plans" until a person picks.
	Plan string   `json:"plan,omitempty"`
	From []string `json:"from,omitempty"`
}

// Membership is one period of one organisation or person in the team. Joining again is a new period.
type Membership struct {
	ID    string    `json:"id"`
	HER   string    `json:"her"`
	Name  string    `json:"name,omitempty"`
	Role  string    `json:"role,omitempty"`
	Start time.Time `json:"start,omitzero"` // zero: from the beginning
	End   time.Time `json:"end,omitzero"`   // zero: open
	From  []string  `json:"from"`
}

// Restriction is one limit on who may see what. Deny wins: a later allowance by another does not lift it.
type Restriction struct {
	ID string `json:"id"`
	// Kind is forwarding (only original addressees), reservation, block, team or label.
	Kind string `json:"kind"`
	// Denied are the HER-ids (or TYPE:value of a person) that may not see; empty: everybody but Allowed and,
	// unless it is a team choice, By.
	Denied  []string `json:"denied,omitempty"`
	Allowed []string `json:"allowed,omitempty"`
	// Scope says what is covered: "all", "record:KEY", "organisation:HER", "kind:KIND", "topic:WORD".
	Scope  string    `json:"scope"`
	By     string    `json:"by"` // HER-id of the authority that set it, or "patient"
	Start  time.Time `json:"start,omitzero"`
	End    time.Time `json:"end,omitzero"`
	Reason string    `json:"reason,omitempty"`
	From   []string  `json:"from"`
}

// Held is a record that a person set aside, with the reason; releasing it is a record too.
type Held struct {
	Key    string   `json:"key"`
	By     string   `json:"by"`
	Reason string   `json:"reason,omitempty"`
	From   []string `json:"from"`
}
