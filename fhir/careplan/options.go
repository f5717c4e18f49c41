package careplan

import "time"

// Options say how a plan is folded. The zero value gives what Fold gives.
type Options struct {
	// Subject is the patient key whose plan it is: the records may be of several people then, and those of
	// everybody linked to Subject are taken. "" takes all records as being about one person.
	Subject string
	// Viewer is who looks; nil sees all.
	Viewer *Viewer
	// Until leaves out records that were received later: what was known then. Limits on the viewer count as they
	// stand today all the same. Zero: all.
	Until time.Time
	// Off lists reconciliation rules that are switched off, for instance "R8".
	Off []string
	// Priority lists, per shared field, the HER-ids whose statement is shown first in a conflict.
	Priority map[string][]string
	// wrong is for tests of the tests only.
	wrong wrongWays

	// now is how things stand today, where that matters for a view of another day.
	now *outlook
	// withheld names what is hidden from the viewer, for RightsPart.Withheld.
	withheld []string
}

// Viewer is who looks at a plan.
type Viewer struct {
	// HER are the HER-ids of the viewer, both levels. Empty with Patient: the person looks.
	HER []string
	// Person is who sits at the screen, as TYPE:value ("HPR:1234567"), for blocks against one person; "" when not known.
	Person string
	// Patient: the viewer is the person, or next of kin on their behalf.
	Patient bool
	// Private narrows the view to the viewer's own measures, the goals they serve, the zone plan and contacts.
	Private bool
	// Purpose is why: "" or "treatment", "coordination" (the coordinating unit: an overview, unless it takes part
	// itself), "statistics" (no plan of one person at all).
	Purpose string
	// At is when they look, for membership periods and limits in time; zero: membership is not asked for, and a
	// limit counts whatever its period.
	At time.Time
	// ShowWithheld: policy lets this viewer be told by RightsPart.Withheld that something is not shown. Without
	// it a hidden value reads as not recorded.
	ShowWithheld bool
}

// Clock is a time at which somebody must act unless the plan changes before that. It rests on live records
// and goes with them. Source: careplan.md section 11, P21.
type Clock struct {
	// ID is the same for as long as the clock stands for the same thing.
	ID      string    `json:"id"`
	Rule    string    `json:"rule"` // R1, R5, R6, R15, conflict-24h, conflict-72h, weekly, mid, end ...
	Due     time.Time `json:"due"`
	Text    string    `json:"text"` // no patient data but what the plan's item is called
	Subject string    `json:"subject,omitempty"`
	For     string    `json:"for,omitempty"` // HER-id, or "coordinator"
	From    []string  `json:"from"`
}
