package samvirke

import (
	"errors"
	"fmt"
	"time"
)

// Class decides the future of what failed.
type Class string

// The classes. An error that is no Fault counts as Transient until the age limit.
const (
	Transient    Class = "transient"    // try again
	Permanent    Class = "permanent"    // stop, a person must look
	Invalid      Class = "invalid"      // refuse to the sender
	Duplicate    Class = "duplicate"    // same as before, no other effect
	Unauthorized Class = "unauthorized" // the party may not do this
	Internal     Class = "internal"     // our own fault; never shown in detail to the other side
)

// Fault is an error with a future and two texts.
type Fault struct {
	Class Class
	// Code is stable and documented, lower-case words with hyphens: "not-well-formed", "check-digit".
	Code string
	// Detail is a finer stable code where Code stands for many mistakes: "missing-element" under "schema"; ""
	// otherwise.
	Detail string
	// Safe is the text for the other party: no names, no identifiers, no internals.
	Safe string
	// Receipt is the code of list 8221 that a negative AppRec carries for this fault; "" when the
	// standard has none or forbids a receipt.
	Receipt string
	// Line is the line in the source, from 1; 0 when unknown. Path is the element path; "" when unknown.
	Line int
	Path string
	// RetryAfter is how long the other side asked us to wait before the next try (HTTP Retry-After),
	// or how long the other side should wait; zero when nothing was said. Only with class Transient.
	RetryAfter time.Duration
	// Err is the cause for our own log; may be nil. It must not hold patient data either.
	Err error
}

// Error gives code, place, safe text and cause, for our own log.
func (f *Fault) Error() string {
	s := f.Code
	if f.Line > 0 {
		s += fmt.Sprintf(" at line %d", f.Line)
	}
	if f.Path != "" {
		s += " in " + f.Path
	}
	if f.Safe != "" {
		s += ": " + f.Safe
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// ClassOf tells the class of err: that of the first Fault in its chain, Transient for any
// other error (nothing is dropped because of an unknown error), "" for nil.
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Class
	}
	return Transient
}

// FaultOf returns the first Fault in the chain of err, or one of class Transient with code
// "unexpected" around it. It returns nil for nil.
func FaultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	return &Fault{Class: Transient, Code: "unexpected", Safe: "unexpected error, it will be tried again", Err: err}
}
