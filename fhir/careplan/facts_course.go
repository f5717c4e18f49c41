package careplan

// courseFacts is what a message states about the course of rehabilitation: sub-plans, zone plans, progress
// marks, dialogue. Source: careplan.md sections 2 and 3.
type courseFacts struct {
	Courses  []episode     `json:"ep,omitempty"`
	Plans    []ownPlan     `json:"sp,omitempty"`
	Zones    []zone        `json:"zo,omitempty"`
	Marks    []mark        `json:"ma,omitempty"`
	Talks    []talk        `json:"di,omitempty"`
	Booked   []appointment `json:"ap,omitempty"`
	Stays    []ownStay     `json:"st,omitempty"` // native Encounters; the national messages state Events
	Stops    []stop        `json:"sx,omitempty"`
	Sites    []site        `json:"si,omitempty"`
	OnBehalf []behalf      `json:"ob,omitempty"`
}

func (c *courseFacts) largest() int {
	n := max(len(c.Courses), len(c.Plans), len(c.Zones), len(c.Marks), len(c.Talks), len(c.Booked), len(c.Stays), len(c.Stops), len(c.Sites), len(c.OnBehalf))
	for i := range c.Plans {
		n = max(n, len(c.Plans[i].Goals), len(c.Plans[i].Measures))
	}
	for i := range c.Zones {
		n = max(n, len(c.Zones[i].Measures))
	}
	for i := range c.Stays {
		n = max(n, len(c.Stays[i].Events), len(c.Stays[i].IDs))
	}
	return n
}

// named is how one resource points to another: what it is called, and what it says when it is in the message.
type named struct {
	Ref  string `json:"r,omitempty"` // reference as written
	ID   string `json:"i,omitempty"` // identifier value
	Type string `json:"y,omitempty"` // resource type
	Text string `json:"t,omitempty"`
	Code string `json:"c,omitempty"`
}

// episode is an EpisodeOfCare.
type episode struct {
	Name    string `json:"e,omitempty"` // what its author calls the resource, see fhir.ElementName
	ID      string `json:"i,omitempty"`
	System  string `json:"s,omitempty"`
	Status  string `json:"k,omitempty"`
	Kind    string `json:"t,omitempty"`
	Start   string `json:"b,omitempty"`
	End     string `json:"d,omitempty"`
	Outcome string `json:"o,omitempty"`
}

// ownPlan is the CarePlan of the sending organisation under the shared one.
type ownPlan struct {
	Name     string  `json:"e,omitempty"` // what its author calls the resource, see fhir.ElementName
	ID       string  `json:"i,omitempty"`
	Title    string  `json:"t,omitempty"`
	Status   string  `json:"k,omitempty"`
	Start    string  `json:"b,omitempty"`
	End      string  `json:"d,omitempty"`
	Goals    []named `json:"g,omitempty"`
	Measures []named `json:"m,omitempty"`
	Note     string  `json:"n,omitempty"`
}

// zone is one zone of a zone plan. Ended says that its author took it back.
type zone struct {
	Name     string   `json:"e,omitempty"` // what its author calls the resource, see fhir.ElementName
	Colour   string   `json:"c"`
	Signs    string   `json:"s,omitempty"`
	Measures []string `json:"m,omitempty"`
	Ended    bool     `json:"x,omitempty"`
}

// mark is a progress mark; Value is as the source wrote it when Bad.
type mark struct {
	Name  string `json:"e,omitempty"` // what its author calls the resource, see fhir.ElementName
	Scale string `json:"s"`
	Value string `json:"v,omitempty"`
	At    string `json:"a,omitempty"`
	Note  string `json:"n,omitempty"`
	Bad   bool   `json:"x,omitempty"`
}

// talk is a Communication.
type talk struct {
	Name     string   `json:"e,omitempty"` // what its author calls the resource, see fhir.ElementName
	About    []named  `json:"a,omitempty"`
	Answers  string   `json:"r,omitempty"` // id of the message that it answers
	Text     string   `json:"t,omitempty"`
	To       []string `json:"o,omitempty"`
	At       string   `json:"w,omitempty"`
	Category string   `json:"c,omitempty"`
}

// appointment names a check-up, so that a later message can cancel or move it. Row is its place in
// content.Checkups, counted from 1; 0 when it is cancelled.
type appointment struct {
	ID  string `json:"i,omitempty"`
	Row int    `json:"r,omitempty"`
	// What it was or is, as it is told.
	Start string `json:"b,omitempty"`
	Place string `json:"p,omitempty"`
	Note  string `json:"n,omitempty"`
}

// ownStay is one native Encounter.
type ownStay struct {
	IDs    []string `json:"i,omitempty"` // of the Encounter and of its episode of care
	Class  *coded   `json:"c,omitempty"`
	Kind   string   `json:"t,omitempty"`
	Main   string   `json:"m,omitempty"` // the event that its status tells of
	Events []event  `json:"e,omitempty"`
	Out    *coded   `json:"o,omitempty"`
	Dead   bool     `json:"x,omitempty"`
}

// stop is a measure that was started and is no more.
type stop struct {
	Text   string   `json:"t,omitempty"`
	Code   string   `json:"c,omitempty"`
	IDs    []string `json:"i,omitempty"`
	Reason string   `json:"w,omitempty"`
}

// site is the part of the body that a measure is about. Row is its place in content.Measures.
type site struct {
	Row  int    `json:"r"`
	Code string `json:"c"`
}

// behalf is why somebody else speaks for the patient in a goal.
type behalf struct {
	Goal   string `json:"g"`
	Reason string `json:"w"`
}
