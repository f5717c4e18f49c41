// Package api is FHIR for systems: a party that was told that a plan has changed reads
// the plan back here, as far as it may see it.
//
// Who may read a plan: parties whose HER-id stands in the plan's team as they see it, and
// parties to whom something about the person was delivered. Everybody else gets the answer
// of an unknown id, to the byte. What is shown is folded for the reader: what is withheld
// is withheld before anything is derived from it. Every read is audited before it is answered.
//
// Ids in URLs are keyed hashes; no number of a person stands in a URL, a log line, a metric or an
// error text. The API changes nothing but the audit.
package api
