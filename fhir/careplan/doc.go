// Package careplan is the shared plan as a pure function of records.
//
// Nothing is merged in place: every message becomes one immutable Record, and
// Fold computes the Plan from the set. Order of arrival, repeats and restarts
// cannot change the result; it is the same to the byte. No I/O, no clock, no chance.
package careplan
