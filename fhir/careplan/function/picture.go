package function

import "time"

// Picture is what several assessments show together. Rows are categories of ICF, columns are times; each
// cell holds a native value of one instrument. It is made anew for each look and stored nowhere.
type Picture struct {
	// Now is the time the picture was drawn for: what was last seen long before it is marked stale.
	Now     time.Time `json:"now,omitzero"`
	Columns []Column  `json:"columns,omitempty"` // the times at which something was assessed, in order
	Rows    []Row     `json:"rows,omitempty"`    // one per ICF category, in the order of ICF
	// Scales are what belongs to no single category: totals, timed tests, profiles, problems of the person's own.
	Scales []Row `json:"scales,omitempty"`
	// Disagreements are questions to two assessors, never answers.
	Disagreements []Disagreement `json:"disagreements,omitempty"`
	// Gaps are differences between what the person can do under test and does at home: information.
	Gaps  []SettingGap `json:"gaps,omitempty"`
	Marks []Mark       `json:"marks,omitempty"` // a lane of their own, never drawn among the assessments
	// Words are what was assessed in words only, as the source wrote it.
	Words []Cell `json:"words,omitempty"`
}

// Column is one time at which something was assessed.
type Column struct {
	Date string    `json:"date"` // as precise as the sources
	At   time.Time `json:"at"`
}

// Row is one line of the picture.
type Row struct {
	// ID is the ICF category ("d450") or, among the scales, instrument and item ("barthel-20/total").
	ID string `json:"id"`
	// Also are further categories shown in the row, for instance d460 in the row of d450.
	Also  []string `json:"also,omitempty"`
	Label string   `json:"label"` // short label of our own, English
	Cells []Cell   `json:"cells"` // by time, then instrument
	Lines []Line   `json:"lines,omitempty"`
	// Stale is true when nothing in the row is younger than StaleAfter: to be shown in grey.
	Stale bool `json:"stale,omitempty"`
}

// State says what a cell holds.
type State string

// The states of a cell. "Not relevant" and "not assessed" are values: neither zero nor missing.
const (
	StateValue       State = "value"        // Number is set
	StateWords       State = "words"        // the source wrote words
	StateInvalid     State = "invalid"      // the scale has no such value: shown as written, never drawn
	StateNotRelevant State = "not-relevant" // the scale's own "does not apply" or "not specified"
	StateNotAssessed State = "not-assessed" // the source says that it was not assessed
	StateMissing     State = "missing"      // the assessment holds other items of the instrument and not this one
)

// Cell is one native value.
type Cell struct {
	Column     int    `json:"column"`     // index into Picture.Columns
	Assessment string `json:"assessment"` // id of the assessment
	Instrument string `json:"instrument"`
	Variant    string `json:"variant,omitempty"`
	Item       string `json:"item,omitempty"`
	Label      string `json:"label"` // "IPLOS 4", "Barthel (0-20) 1 of 3"
	ItemLabel  string `json:"item_label,omitempty"`
	// Category is the ICF category of the item as published, finer than the row ("d4600").
	Category []string `json:"category,omitempty"`
	Shown    string   `json:"shown"` // the value as the source wrote it
	Unit     string   `json:"unit,omitempty"`
	State    State    `json:"state"`
	Number   *float64 `json:"number,omitempty"` // native; set exactly when State is value
	Min      float64  `json:"min"`
	Max      float64  `json:"max"`            // 0 with Open
	Open     bool     `json:"open,omitempty"` // the scale has no upper end
	Better   Better   `json:"better,omitempty"`
	// Band is a pale aid for the eye: the ICF qualifiers that the value can mean. nil: there is none.
	Band *Band `json:"band,omitempty"`
	// Key is the comparability key; cells with different keys, or with "", share no line.
	Key      string `json:"key,omitempty"`
	Setting  string `json:"setting,omitempty"` // standard (test room), usual (daily life), "" = not said
	Place    string `json:"place,omitempty"`   // institution: assessed during a stay of the assessor's; "" = not known
	Informer string `json:"informer,omitempty"`
	Owner    string `json:"owner"`              // assessor's organisation
	Assessor string `json:"assessor,omitempty"` // person or role
	Problem  string `json:"problem,omitempty"`  // the person's own words
	Aid      string `json:"aid,omitempty"`      // what the person used: a name, "true", "false"; "" = not said
	Before   bool   `json:"before,omitempty"`   // tells how it was before an admission
	Derived  string `json:"derived,omitempty"`  // rule that derived it from something else the source sent
	Ceiling  bool   `json:"ceiling,omitempty"`  // top of the scale: further gain cannot be seen
	Floor    bool   `json:"floor,omitempty"`
	Stale    bool   `json:"stale,omitempty"` // the latest of its line, and older than StaleAfter
	// Issues are data-quality findings, codes of Issue.
	Issues []string `json:"issues,omitempty"`
	Note   string   `json:"note,omitempty"`
	From   []string `json:"from"`
}

// Line joins cells with equal keys, in time. One cell alone is no line.
type Line struct {
	Key        string `json:"key"`
	Instrument string `json:"instrument"`
	Cells      []int  `json:"cells"` // indexes into Row.Cells
	Steps      []Step `json:"steps"` // between neighbours
	Whole      Step   `json:"whole"` // from the first to the last
	// Axis names lines that may share an axis although their keys differ, each value times Times. "" = its own.
	Axis  string  `json:"axis,omitempty"`
	Times float64 `json:"times,omitempty"`
}

// Direction of a change.
type Direction string

// Directions of a change within one key.
const (
	DirectionBetter Direction = "better"
	DirectionWorse  Direction = "worse"
	DirectionSame   Direction = "same"
	DirectionNone   Direction = "changed" // the scale does not say which way is better
)

// Size of a change.
type Size string

// Sizes. A size is said only where the table of thresholds has an entry for the person's population.
const (
	SizeImportant   Size = "important"
	SizeSmall       Size = "small"
	SizeWithinError Size = "within-error"
	SizeUnknown     Size = "unknown" // changed, importance unknown
	SizeNone        Size = ""        // no change, or no label is configured for the instrument
)

// Step is a change between two cells with one key.
type Step struct {
	From      int       `json:"from"` // indexes into Row.Cells
	To        int       `json:"to"`
	Amount    float64   `json:"amount"` // in the unit of the scale; positive = the number grew
	Direction Direction `json:"direction"`
	Size      Size      `json:"size,omitempty"`
	// Text says it for people; it speaks of groups of people, never of this one.
	Text string `json:"text,omitempty"`
	// Threshold is the entry that the size rests on, nil without.
	Threshold *Threshold `json:"threshold,omitempty"`
	// Of says how many of a list were compared, "3 of 4 problems"; "" where nothing is listed.
	Of string `json:"of,omitempty"`
}

// Disagreement is a question to two assessors about one category. The gateway never picks a winner.
type Disagreement struct {
	ID       string   `json:"id"`
	Row      string   `json:"row"`
	Cells    []int    `json:"cells"` // two indexes into the cells of the row, in a fixed order
	To       []string `json:"to"`    // the assessors' organisations
	Question string   `json:"question"`
	// Past is true when one of them, or both, assessed the same again later: no question is open any more.
	Past bool     `json:"past,omitempty"`
	From []string `json:"from"`
}

// SettingGap is a difference between capacity and performance in one category.
type SettingGap struct {
	Row         string   `json:"row"`
	Capacity    int      `json:"capacity"`    // index into the row's cells: test or institution
	Performance int      `json:"performance"` // daily life
	Text        string   `json:"text"`
	From        []string `json:"from"`
}

// Mark is one progress mark: a signal, no assessment.
type Mark struct {
	ID    string    `json:"id"`
	Scale string    `json:"scale"` // smiley (5 very good .. 1 very bad), light (green, yellow, red)
	Value string    `json:"value"`
	At    time.Time `json:"at,omitzero"`
	Owner string    `json:"owner"`
	Note  string    `json:"note,omitempty"`
	Drop  bool      `json:"drop,omitempty"`
	From  []string  `json:"from"`
}

// Better says which way a scale is better.
type Better string

// Ways a scale can go.
const (
	Up   Better = "up"
	Down Better = "down"
)

// Band is an interval of ICF qualifiers, 0 (no problem) to 4 (complete problem), both ends included.
// It is a display aid: never exported, averaged or stored.
type Band struct {
	Low  int `json:"low"`
	High int `json:"high"`
	// Need: the scale is about help needed, which is another question than how large the problem is.
	Need bool `json:"need,omitempty"`
}

// Overlaps tells whether two bands have a qualifier in common.
func (b Band) Overlaps(o Band) bool { return b.Low <= o.High && o.Low <= b.High }
