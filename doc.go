// Package samvirke holds the words that all rooms of the gateway share:
// message, envelope, party, delivery, receipt, event and fault.
//
// It does no I/O, keeps no state and imports nothing of ours. A word belongs
// here when two rooms that must not know each other both need it. What only one
// room needs stays in that room.
package samvirke
