package careplan

// sharedFacts is what a message states about fields that several parties may write, and about others'
// elements. Source: careplan.md sections 5.2 to 5.4.
type sharedFacts struct {
	Statements  []statedField     `json:"s,omitempty"`
	Wishes      []wishedChange    `json:"w,omitempty"`
	Resolutions []decidedConflict `json:"r,omitempty"`
	Same        []sameFact        `json:"l,omitempty"`
}

// statedField is one value of one shared field.
type statedField struct {
	Field string `json:"f"`
	// Element is the identifier, system|value, of the thing the field is of: a goal in the patient's own words.
	// "" for the fields of the plan itself.
	Element string `json:"e,omitempty"`
	// Goal is the place in content.Goals of the goal that it is about, counted from 1; 0 for none.
	Goal   int    `json:"g,omitempty"`
	Value  coded  `json:"v"`
	At     string `json:"a,omitempty"` // when it became so, as the source has it; "" = when it was written
	Remove bool   `json:"x,omitempty"` // the field has no value any more
}

// wishedChange is what a party wants another one's element to be, or what the owner makes of it.
type wishedChange struct {
	// Ref and ID name the element: the id of the plan's item, a full URL, Type/id; an identifier's value.
	Ref string `json:"r,omitempty"`
	ID  string `json:"i,omitempty"`
	// Edit: written as the content of the element, not as a proposal. It changes the element when its author
	// owns it, and is a proposal when somebody else does.
	Edit bool `json:"e,omitempty"`
	// Field is the one field it is about, "" for the whole content; Wanted its value.
	Field  string  `json:"f,omitempty"`
	Wanted *coded  `json:"w,omitempty"`
	Is     measure `json:"m"` // its own names and words
}

// decidedConflict is the decision of a person about a conflict.
type decidedConflict struct {
	Conflict string `json:"c"` // id
	Value    coded  `json:"v"`
	Remove   bool   `json:"x,omitempty"`
	// Basis are the keys of the records whose value was chosen, when the decision says so.
	Basis []string `json:"b,omitempty"`
}

// sameFact says that two items of the plan are the same real thing, or that they are not.
type sameFact struct {
	A   string `json:"a"`
	B   string `json:"b"`
	Not bool   `json:"n,omitempty"`
}

func (s *sharedFacts) largest() int {
	return max(len(s.Statements), len(s.Wishes), len(s.Resolutions), len(s.Same))
}

// shared gives the part of the rare facts that is about shared things, made when there is none yet.
func (c *content) shared() *sharedFacts {
	m := c.rare()
	if m.Shared == nil {
		m.Shared = &sharedFacts{}
	}
	return m.Shared
}

// sharedFacts gives what a record states about shared things, nil for nearly all.
func (r *rec) sharedFacts() *sharedFacts {
	if r.facts.More == nil {
		return nil
	}
	return r.facts.More.Shared
}
