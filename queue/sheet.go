package queue

import "context"

// PlanSheet is what is kept of one patient's plan, but for its older versions.
type PlanSheet struct {
	// Plan is the newest; Version 0: there is none, and Setting, Counter and Dues are not read. One whose body is damaged has none.
	Plan    PlanVersion
	Setting string   // of the name asked for, "" when it is not there
	Counter int64    // of the name asked for, 0 when it is not there
	Dues    []Due    // up to MaxPage, the earliest first
	Records []Record // as Reader.Records gives them
}

// PlanSheets is a store that is asked over a network and gives in one answer what takes several questions of Reader. It is an
// extra: who finds no PlanSheets asks Reader.
type PlanSheets interface {
	// PlanSheet reads in the order of the fields: what is committed in between shows in a later one, or in none.
	PlanSheet(ctx context.Context, patient, setting, counter string) (PlanSheet, error)
}

// PlanRumours is a store that others write to as well and that hears of plans which they have changed. It is an extra that spares
// work with a plan that is out of date; what is true the commit tells (ErrPlanVersion).
type PlanRumours interface {
	// PlanOutdated says that somebody else has made a newer version of a patient's plan than this one. It says so once.
	PlanOutdated(patient string, version int64) bool
}
