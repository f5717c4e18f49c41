package careplan

import "encoding/json"

// content is what one message states, already taken out of the FHIR resources. Its JSON is
// stored for the life of the plan and read at every fold: names are short, empty is left out,
// values are text as the source has them (times as FHIR dateTime with their own precision).
//
// Fields may be added; a field once written is never given another meaning.
type content struct {
	To        []org        `json:"to,omitempty"` // addressed organisations
	From      *org         `json:"fr,omitempty"` // sending organisation
	Person    *person      `json:"p,omitempty"`
	Events    []event      `json:"ev,omitempty"` // of the hospital stay
	Out       *coded       `json:"out,omitempty"`
	Dead      bool         `json:"dead,omitempty"` // left the hospital dead (8431 code 2 or 3)
	Diagnoses []diagnosis  `json:"dx,omitempty"`
	Goals     []goal       `json:"go,omitempty"`
	Measures  []measure    `json:"me,omitempty"`
	Services  []service    `json:"se,omitempty"`
	Panels    []panel      `json:"fu,omitempty"`
	Checkups  []checkup    `json:"ck,omitempty"`
	Aids      []aid        `json:"ai,omitempty"`
	Contacts  []contactRow `json:"co,omitempty"`
	Notes     []note       `json:"no,omitempty"`
	Answers   []answer     `json:"an,omitempty"`
	More      *more        `json:"x,omitempty"`
}

type coded struct {
	Text   string `json:"t,omitempty"`
	Code   string `json:"c,omitempty"`
	System string `json:"s,omitempty"`
}

type org struct {
	HER    string `json:"h,omitempty"`
	Inner  string `json:"i,omitempty"` // HER-id of the inner level
	Name   string `json:"n,omitempty"`
	Person bool   `json:"p,omitempty"` // the inner level is a person (a GP's list)
}

type person struct {
	Name     string `json:"n,omitempty"`
	Birth    string `json:"b,omitempty"`
	Sex      string `json:"x,omitempty"`
	Address  string `json:"a,omitempty"`
	Phone    string `json:"f,omitempty"`
	Deceased string `json:"d,omitempty"`
}

type event struct {
	Code     string `json:"c,omitempty"` // code list 9121; "" = uncoded
	Text     string `json:"t,omitempty"`
	Time     string `json:"w,omitempty"`
	Estimate bool   `json:"e,omitempty"`
	Note     string `json:"n,omitempty"`
	Place    string `json:"p,omitempty"`
}

type diagnosis struct {
	coded
	Main bool `json:"m,omitempty"`
}

type goal struct {
	Text  string `json:"t,omitempty"`
	Code  *coded `json:"c,omitempty"`
	Due   string `json:"d,omitempty"`
	Start string `json:"b,omitempty"`
	By    string `json:"y,omitempty"` // patient, kin, professional; "" = not said
}

type measure struct {
	Ref    string   `json:"r,omitempty"` // fullUrl in its message
	IDs    []string `json:"i,omitempty"` // identifier values
	Text   string   `json:"t,omitempty"`
	Code   *coded   `json:"c,omitempty"`
	Kind   string   `json:"k,omitempty"` // proposal, order, done
	Eval   string   `json:"e,omitempty"`
	Period string   `json:"w,omitempty"`
	Note   string   `json:"n,omitempty"`
}

type service struct {
	coded
	Provider string `json:"p,omitempty"`
	Private  bool   `json:"v,omitempty"`
	Start    string `json:"b,omitempty"`
	End      string `json:"d,omitempty"`
	Amount   string `json:"a,omitempty"`
	Note     string `json:"n,omitempty"`
}

type panel struct {
	Instrument string     `json:"i,omitempty"`
	Date       string     `json:"d,omitempty"`
	DateSource string     `json:"ds,omitempty"`
	Note       string     `json:"n,omitempty"`
	Scores     []score    `json:"s,omitempty"`
	More       *panelMore `json:"x,omitempty"`
}

// panelMore is what only some sources say of an assessment.
type panelMore struct {
	Setting  string `json:"se,omitempty"` // standard, usual
	Informer string `json:"in,omitempty"`
	Assessor string `json:"as,omitempty"`
	Protocol string `json:"pr,omitempty"`
	Derived  string `json:"de,omitempty"` // rule that made it of something that is no Observation
	Form     string `json:"fo,omitempty"` // reference of the questionnaire response it was taken from
}

type score struct {
	coded
	Value       string     `json:"v,omitempty"` // number or text as received
	NotRelevant bool       `json:"x,omitempty"`
	Unit        string     `json:"u,omitempty"`
	Note        string     `json:"n,omitempty"`
	Total       bool       `json:"to,omitempty"`
	More        *scoreMore `json:"e,omitempty"`
}

// scoreMore is what only some values have.
type scoreMore struct {
	Words   bool   `json:"w,omitempty"`  // written as text: no number, whatever it looks like
	Absent  string `json:"ab,omitempty"` // code of data-absent-reason
	Problem string `json:"pb,omitempty"` // the person's own words
	Code    string `json:"c,omitempty"`  // of a coded value
	System  string `json:"s,omitempty"`
	Aid     string `json:"ai,omitempty"` // done with an aid: its name, or true, false
}

type checkup struct {
	Start  string `json:"b,omitempty"`
	Place  string `json:"p,omitempty"`
	Booked bool   `json:"k,omitempty"`
	Note   string `json:"n,omitempty"`
}

type aid struct {
	coded
	Status string `json:"k,omitempty"`
}

type contactRow struct {
	Kind  string   `json:"k"`
	Name  string   `json:"n,omitempty"`
	Role  string   `json:"r,omitempty"`
	Code  string   `json:"rc,omitempty"` // role code of list 9034
	Phone []string `json:"f,omitempty"`
	Note  string   `json:"o,omitempty"`
}

type note struct {
	Heading coded  `json:"h"`
	Text    string `json:"t,omitempty"`
}

type answer struct {
	Ref    string `json:"r,omitempty"` // reference of the measure: fullUrl, ServiceRequest/id
	ID     string `json:"i,omitempty"` // its identifier
	Text   string `json:"t,omitempty"` // its text
	Status string `json:"k,omitempty"` // Task.status as written
	Reason string `json:"w,omitempty"`
	At     string `json:"a,omitempty"`
}

func decodeContent(raw json.RawMessage) (*content, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return &content{}, nil
	}
	r := reader{s: string(raw)}
	if c := r.content(); r.end() {
		return c, nil
	}
	c := &content{}
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, err
	}
	return c, nil
}
