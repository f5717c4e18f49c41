// Package api is FHIR R4 for systems: what a party may see of a plan is read, searched and followed back in time
// here, and what it writes becomes a message like any other.
//
// # Who sees what
//
// There is one way to a plan, call.open: the plan is folded for the caller after its own rules (team membership
// with period, consent, limits, a private provider's narrow view, the coordinating unit's overview, the
// patient), and reads, searches, counts, totals, includes, history and errors are all answered from what
// came out. What a party may not see does not exist for it: the answer is that of an unknown id, to the byte. Beside
// the team, a party that was sent something about the person may look. Every read is audited before it is
// answered, a search once for each patient.
//
// Ids in URLs are keyed hashes; no number of a person stands in a URL, a log line, a metric or an error text. A
// search by a person's identifier goes in the body of POST _search, and is refused in a URL.
//
// # Versions
//
// A version is a digest of what the viewer sees. History is worked out by folding what had arrived at each point
// with the viewer's rights of today: what is hidden leaves no version, no date and no gap.
//
// # Writes
//
// A write becomes one native message of the writing party (gateway.Write) and is answered when it is
// processed: 201 or 200 with what stands then, or 202 when that takes too long. If-Match names the version that
// the writer had seen; fields that several write demand it. Nobody writes another's element: such an update becomes a
// proposal to the owner and is answered with 202, or refused where none is possible.
//
// The CapabilityStatement is written from the tables that route and search (route.go, resource.go).
package api
