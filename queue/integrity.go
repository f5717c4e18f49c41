package queue

import "time"

// Integrity is what the check of stored bodies found: an engine reads all of them, slowly, again and again.
type Integrity struct {
	// Checked counts the bodies looked at in the round that runs, which began at Began.
	Checked int64     `json:"checked"`
	Began   time.Time `json:"began"`
	// Ended is when the last whole round ended; zero: none has.
	Ended time.Time `json:"ended"`
	// Damaged are bodies that could not be read: "message" or "delivery" and its id, or "plan" and the id of the message that made it.
	Damaged []string `json:"damaged,omitempty"`
}
