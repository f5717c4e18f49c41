// Package fhir is the canonical model of the gateway: FHIR R4 messages.
//
// Raw JSON is the truth. Three views read it, each for its own need:
//   - Node, an ordered JSON tree that keeps what it does not know (mappings build and read with it);
//   - View, the typed view by golang-fhir-models, whose changes are applied to the raw JSON as a
//     difference so that nothing is lost and nothing invented;
//   - Bundle, which splits a message into entries and resolves references.
//
// It also owns identifiers with check digits, the URLs of code systems and extensions, and
// canonical.go, the layout that every mapping writes and every reader relies on.
// It does no I/O and knows no source format.
package fhir
