// Package schema checks messages against the Norwegian message schemas.
//
// The embedded schemas in xsd/ are derived from the published ones by internal/generate, which
// keeps structure and drops prose; a test compares both verdicts. All namespaces form one schema,
// because the wildcard in the header's Content is strict and may hold any of them.
//
// # Two ways
//
// Check first walks the tree with our own compiled form of the schemas (read.go, content.go, accept.go). It takes
// microseconds and can only say yes. What it does not accept goes to the library
// jacoelho/xsd for the verdict, and to a second walk (explain.go) for texts that a person
// understands. Tests hold quick way and library against each other, and the verdict against xmllint.
//
// The library's known faults are covered: white space and CDATA in elements that must be empty or hold only
// elements (explain.go), hints where schemas lie that are not written well (withoutHints), values that one
// component fixes for an attribute of another file (fixedReference). Input that is not UTF-8 is
// refused; the caller transcodes first.
//
// What still differs from libxml2, all rare: it refuses white space around a date and whole numbers of more than
// 24 digits, both of which XSD allows; it lets pass characters that base64 does not have, xsi:nil inside content of any
// type, and the addresses "//" and "http:".
//
// # Codes
//
//	missing-element       an element that must be there is not
//	unexpected-element    an element that is not known here
//	misplaced-element     an element that is known but stands in the wrong place
//	repeated-element      an element that may stand only once stands again
//	wrong-namespace       an element of the right name in another namespace
//	unknown-content       a payload for which there is no schema
//	unknown-root          a document that is none of these messages
//	missing-attribute, unexpected-attribute, bad-attribute
//	bad-date, bad-time, bad-number, bad-boolean, bad-oid, bad-address, bad-base64
//	bad-value             a value outside its list, or wrong in another way
//	fixed-value           another value than the only one allowed
//	unexpected-text       text where only elements may stand
//	not-empty             anything in an element that must be empty
//	bad-reference, bad-nil, bad-namespace
//	not-well-formed, doctype, encoding, bound, invalid, internal
package schema

//go:generate go run ./internal/generate -from ../../../../shared/standards/no/xsd -to xsd
