// Package schema checks messages against the Norwegian message schemas.
//
// The embedded schemas in xsd/ are derived from the published ones by internal/generate, which
// keeps structure and drops prose; a test compares both verdicts. All namespaces form one schema,
// because the wildcard in the header's Content is strict and may hold any of them.
//
// Differences from libxml2, both known: white space inside an element that must be empty passes;
// input that is not UTF-8 is refused (the caller transcodes first).
package schema

//go:generate go run ./internal/generate -from ../../../../shared/standards/no/xsd -to xsd
