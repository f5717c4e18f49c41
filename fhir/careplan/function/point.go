package function

import "time"

// Point is one value of one assessment, as a plan holds it.
type Point struct {
	Assessment string // id of the assessment it is part of
	Instrument string // as named in Table
	Variant    string // "" none, VariantUnknown
	System     string // code of the item or total
	Code       string
	Total      bool // the value of the whole instrument
	Label      string
	Shown      string   // as the source wrote it
	Number     *float64 // nil for all that is no number of the scale
	Unit       string   // of Number, as the source wrote it
	Absent     string   // code of data-absent-reason, when the source gives one instead of a value
	// NotRelevant: the scale's own "does not apply"; Invalid: the scale has no such value.
	NotRelevant, Invalid bool
	Date                 string // as the source wrote it
	At                   time.Time
	Owner                string // assessor's organisation
	Assessor             string
	Setting              string // SettingStandard, SettingUsual, "" = not said
	Place                string // PlaceInstitution, "" = not known
	Informer             string
	Protocol             string // course length, chair, aid, value set
	Problem              string // COPM: the person's own words
	Aid                  string // what the person used: a name, "true", "false"; "" = not said
	Derived              string // rule id
	Before               bool   // tells of the time before an admission
	Note                 string
	Issues               []string
	From                 []string
}

// Settings of an assessment, and where it was made.
const (
	SettingStandard  = "standard" // test room: capacity
	SettingUsual     = "usual"    // daily life: performance
	PlaceInstitution = "institution"
)

// VariantUnknown is the variant of what may be one of several: shown, never compared.
const VariantUnknown = "unknown"

// Event is something that may change how a person manages: two assessments with one between them do not disagree.
type Event struct {
	At   time.Time
	Kind string // admission, discharge, fall, diagnosis
}

// Options say how a picture is drawn. The zero value gives the rules of the specification.
type Options struct {
	// Now is what "stale" is measured from; zero: nothing is stale.
	Now time.Time
	// Populations are the groups the person belongs to, as named in Thresholds, for instance "stroke".
	Populations []string
	Events      []Event
	Marks       []Mark
	// Window is how near two assessments must be to disagree. Zero: Window.
	Window time.Duration
	// StaleAfter is after how long a value is shown in grey. Zero: StaleAfter.
	StaleAfter time.Duration
	// NoBands leaves out the bands, and what rests on them.
	NoBands bool
}

// Defaults of Options. Source: function.md section 6, items 5 and 7.
const (
	Window     = 14 * 24 * time.Hour
	StaleAfter = 90 * 24 * time.Hour
)
