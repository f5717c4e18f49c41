package careplan

// rightsFacts is what a message states about who the person is, who takes part and who may see what.
// Source: careplan.md sections 7 and 8.
type rightsFacts struct {
	Links  []linkFact   `json:"li,omitempty"`
	Team   []memberFact `json:"te,omitempty"`
	Blocks []blockFact  `json:"bl,omitempty"`
	Holds  []holdFact   `json:"ho,omitempty"`
	Labels []labelFact  `json:"la,omitempty"`
	Master *masterFact  `json:"ma,omitempty"`
}

// linkFact says that another identifier is the same person's.
type linkFact struct {
	Other string `json:"o"`           // patient key, system|value
	Type  string `json:"t,omitempty"` // seealso, replaced-by, replaces, refer; all mean the same person
}

// memberFact says that somebody takes part, or no longer does.
type memberFact struct {
	HER    string `json:"h"`
	Name   string `json:"n,omitempty"`
	Role   string `json:"r,omitempty"`
	Start  string `json:"b,omitempty"`
	End    string `json:"d,omitempty"`
	Remove bool   `json:"x,omitempty"`
}

// blockFact is one Consent that limits who may see what, or takes such a limit back.
type blockFact struct {
	ID string `json:"i,omitempty"` // names the limit in every message about it; "" when only this message does
	// Off: the limit is taken back.
	Off    bool     `json:"f,omitempty"`
	Kind   string   `json:"k"`           // block, team, reservation
	Denied []string `json:"d,omitempty"` // HER-ids, or TYPE:value of a person; none: everybody but Allowed
	// Allowed are exceptions; for a team choice the team.
	Allowed []string `json:"a,omitempty"`
	Scopes  []string `json:"s,omitempty"` // record:, organisation:, kind:, topic:; none: all
	Start   string   `json:"b,omitempty"`
	End     string   `json:"e,omitempty"`
	Reason  string   `json:"w,omitempty"`
}

// holdFact sets one record aside, or lets it take part again.
type holdFact struct {
	Record  string `json:"r"` // key of the record
	Release bool   `json:"f,omitempty"`
	Reason  string `json:"w,omitempty"`
}

// labelFact is a security label on a resource of the message.
type labelFact struct {
	Code string `json:"c"` // R, V or NOPAT
	// Part is the list that the resource's facts stand in, by its name in content's JSON; "" when the label
	// covers the message. From and To are their places there.
	Part string `json:"p,omitempty"`
	From int    `json:"b,omitempty"`
	To   int    `json:"e,omitempty"`
}

// masterFact is the master plan itself: its status, and the plans of other identifiers that it replaces.
type masterFact struct {
	Status   string   `json:"s,omitempty"`
	Replaces []string `json:"r,omitempty"` // patient keys
}

func (r *rightsFacts) largest() int {
	n := max(len(r.Links), len(r.Team), len(r.Blocks), len(r.Holds), len(r.Labels))
	for i := range r.Blocks {
		b := &r.Blocks[i]
		n = max(n, len(b.Denied), len(b.Allowed), len(b.Scopes))
	}
	if r.Master != nil {
		n = max(n, len(r.Master.Replaces))
	}
	return n
}

// rights are the facts of a record about rights; nil for nearly all.
func (c *content) rights() *rightsFacts {
	if c.More == nil {
		return nil
	}
	return c.More.Rights
}

func (m *more) rights() *rightsFacts {
	if m.Rights == nil {
		m.Rights = &rightsFacts{}
	}
	return m.Rights
}

// onlyRights tells whether a record states something about rights and nothing else: a consent, a hold, a link.
func (c *content) onlyRights() bool {
	return c.rights() != nil && c.More.Shared == nil && c.More.Course == nil && !c.Dead && c.Out == nil &&
		len(c.Events)+len(c.Diagnoses)+len(c.Goals)+len(c.Measures)+len(c.Services)+len(c.Panels)+len(c.Checkups)+
			len(c.Aids)+len(c.Contacts)+len(c.Notes)+len(c.Answers) == 0
}
