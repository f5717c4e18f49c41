package definition

import "strconv"

// MaxIssues is how many issues one check lists before it stops looking.
const MaxIssues = 500

// Codes of an Issue; stable.
const (
	CodeUnknownType    = "unknown-type"    // resourceType is missing or none of R4
	CodeUnknownElement = "unknown-element" // the type has no element of this name
	CodeMissing        = "missing"         // fewer than the minimum
	CodeTooMany        = "too-many"        // more than the maximum
	CodeShape          = "shape"           // an array for one value, an object for a text, and so on
	CodeValue          = "value"           // the text of a primitive is not one of its type
	CodeEmpty          = "empty"           // "", {}, [] or null: FHIR leaves out what is not there
	CodeChoice         = "choice"          // more than one variant of a choice, or one that a profile does not allow
	CodeBinding        = "binding"         // no code of the required value set
	CodeFixed          = "fixed"           // not the value that a profile fixes
	CodePattern        = "pattern"         // lacks what a profile's pattern demands
	CodeSlice          = "slice"           // fits none of the slices of a closed slicing
)

// Issue is one breach of a rule. It names elements, codes and rules, never a value of the resource,
// so that it may be logged.
type Issue struct {
	// Path leads to the place: "Bundle.entry[0].resource.name[1].family".
	Path string `json:"path"`
	Code string `json:"code"`
	Text string `json:"text"`
	// Profile is the profile whose rule it is; "" for FHIR itself.
	Profile string `json:"profile,omitempty"`
}

// String gives path, code and text.
func (i Issue) String() string {
	s := i.Path + ": " + i.Code + ": " + i.Text
	if i.Profile != "" {
		s += " (" + i.Profile + ")"
	}
	return s
}

// issues gathers until MaxIssues.
type issues struct {
	list    []Issue
	profile string
}

func (l *issues) add(at *place, code, text string) {
	if len(l.list) < MaxIssues {
		l.list = append(l.list, Issue{Path: at.String(), Code: code, Text: text, Profile: l.profile})
	}
}

func (l *issues) full() bool { return len(l.list) >= MaxIssues }

// place is where the check is; its text is only written for an issue.
type place struct {
	up    *place
	name  string
	index int // -1 outside arrays
}

func root(name string) *place { return &place{name: name, index: -1} }

func (p *place) child(name string) *place { return &place{up: p, name: name, index: -1} }

func (p *place) item(i int) *place { return &place{up: p.up, name: p.name, index: i} }

// String writes the path.
func (p *place) String() string {
	s := p.name
	if p.index >= 0 {
		s += "[" + strconv.Itoa(p.index) + "]"
	}
	if p.up != nil {
		return p.up.String() + "." + s
	}
	return s
}
