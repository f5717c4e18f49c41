package careplan

import "time"

// CoursePart is the course of rehabilitation. Source: careplan.md sections 2 and 3.
type CoursePart struct {
	Courses  []Course   `json:"courses,omitempty"`
	SubPlans []SubPlan  `json:"sub_plans,omitempty"`
	Zones    []Zone     `json:"zones,omitempty"`
	Marks    []Mark     `json:"marks,omitempty"` // oldest first
	Dialogue []Dialogue `json:"dialogue,omitempty"`
}

// Course is one EpisodeOfCare.
type Course struct {
	ID         string `json:"id"`
	Identifier *Value `json:"identifier,omitempty"`
	Status     string `json:"status"` // planned, active, onhold, finished, cancelled
	Kind       string `json:"kind,omitempty"`
	Start      *Value `json:"start,omitempty"`
	End        *Value `json:"end,omitempty"`
	// Outcome is the class at the end: self-reliant, less, same, more, maintained, dropped-out.
	Outcome *Value   `json:"outcome,omitempty"`
	Owner   string   `json:"owner"`
	From    []string `json:"from"`
}

// SubPlan is the plan of one organisation under the shared one; only that organisation writes it.
type SubPlan struct {
	ID       string   `json:"id"`
	Owner    string   `json:"owner"`
	Title    string   `json:"title,omitempty"`
	Status   string   `json:"status"` // draft, active, on-hold, revoked, completed
	Start    *Value   `json:"start,omitempty"`
	End      *Value   `json:"end,omitempty"`
	Goals    []string `json:"goals,omitempty"`    // ids
	Measures []string `json:"measures,omitempty"` // ids
	Note     string   `json:"note,omitempty"`
	From     []string `json:"from"`
}

// Zone is one zone of a zone plan: what to look for and what to do.
type Zone struct {
	ID       string   `json:"id"`
	Owner    string   `json:"owner"`
	Colour   string   `json:"colour"` // green, yellow, red
	Signs    string   `json:"signs,omitempty"`
	Measures []string `json:"measures,omitempty"` // texts
	From     []string `json:"from"`
}

// Mark is one progress mark. It is a signal and no assessment. Source: function.md section 5.10.
type Mark struct {
	ID    string    `json:"id"`
	Scale string    `json:"scale"` // smiley (5 very good .. 1 very bad) or light (green, yellow, red)
	Value string    `json:"value"`
	At    time.Time `json:"at,omitzero"`
	Owner string    `json:"owner"`
	Note  string    `json:"note,omitempty"`
	// Invalid: the value is outside the scale and shown as the source wrote it.
	Invalid bool `json:"invalid,omitempty"`
	// Drop is set when the drop rule fired on it.
	Drop bool     `json:"drop,omitempty"`
	From []string `json:"from"`
}

// Dialogue is one message between people about the plan.
type Dialogue struct {
	ID    string `json:"id"`
	About string `json:"about,omitempty"` // id of the plan's item
	// Message is the source of the message it answers, "" when it answers none that is live.
	Message string `json:"message,omitempty"`
	// Category is what sort of message it is, as its source codes it; "avvik" is a deviation.
	Category string    `json:"category,omitempty"`
	Text     string    `json:"text"`
	By       string    `json:"by"`
	To       []string  `json:"to,omitempty"`
	At       time.Time `json:"at,omitzero"`
	From     []string  `json:"from"`
}
