package queue

import "time"

// Due is a time at which somebody must look at something about a patient, unless what it rests on changes
// before that. It outlives restarts; whoever finds it past fires it once.
type Due struct {
	// Patient and ID name it; an ID is unique for its patient.
	Patient, ID string
	Rule        string
	At          time.Time
	// Body is what it is about, as the writer of the due knows it.
	Body []byte
	// FiredAt is when somebody acted on it; zero: nobody yet.
	FiredAt time.Time
}

// DueOp is what a step does to a due.
type DueOp string

// What a step does to a due.
const (
	// DueSet writes a due. One that is there keeps having fired only when it is for the same time.
	DueSet DueOp = "set"
	// DueDrop takes a due away; none is no fault.
	DueDrop DueOp = "drop"
	// DueFire marks a due as acted on. ErrState when it is not there, is for another time, or has fired: so
	// of several gateways that see it past, one acts.
	DueFire DueOp = "fire"
)

// DueStep changes one due. Steps of a unit apply in order, after the plan.
type DueStep struct {
	Op          DueOp
	Patient, ID string
	At          time.Time // for DueSet, and for DueFire the time it must have
	Rule        string    // for DueSet
	Body        []byte    // for DueSet
}

// DueFilter selects dues, earliest first.
type DueFilter struct {
	Patient string
	// Open selects those that have not fired.
	Open bool
	// Until, when set, selects those for a time not after it.
	Until time.Time
	Limit int
}
