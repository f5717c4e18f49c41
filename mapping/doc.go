// Package mapping is the workshop for formats: source bytes to a canonical
// FHIR message, canonical message to a receiver's bytes, and notes on what did
// not fit. It is pure: no I/O, no clock, no state.
//
// Each format is a package below and implements Format; cmd/samvirke lists them.
package mapping
