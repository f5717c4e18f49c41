// Command mutate asks whether the tests of fhir/careplan notice when a rule is gone. It breaks one merge rule at a time,
// as its table says, runs the tests of the package, and lists which test noticed:
//
//	go run ./fhir/careplan/internal/mutate -out mutations.md
//
// A change whose tests all pass is a survivor: either a test is missing, or the rule does nothing. It exits with 1
// when there is one. What was found to change nothing is in equivalents with the reason. -only NAME (a part of a name) tries some, -list lists them without running anything.
//
// Nothing of the checkout is changed. Each change stands, behind a number, in a copy of its file in a temporary folder that the
// compiler reads instead (go build -overlay); the tests are built once for many changes and run with the number of the
// one that is tried. The text to change must occur exactly once in its file: a test of this package fails when a rule was
// rewritten, and its row is then to be brought up to date.
package main
